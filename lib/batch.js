"use strict";
// batch: several operations in one commit, all or nothing.

const addon = require("./addon.js");
const { checkpointConflict, nameOf, readCheckpoint } = require("./checkpoint.js");
const { nameOperation, typeError } = require("./errors.js");
const { flattened } = require("./flatten.js");
const { keyOf, storedKey } = require("./keys.js");
const { commit, laneOf, refuse } = require("./unit.js");

/** @typedef {import("./unit.js").Core} Core */

/** @param {string} message */
const wrong = (message) => typeError("LMDBX_INVALID_ARGUMENT", message);

/**
 * Appends a put: as put of the repository encodes it.
 * @param {Core} core
 * @returns {number} the bytes of all steps so far
 */
function addPut({ handle, textOf }, steps, tenantId, key, value) {
  // The text of a key that is no string may call the user's toJSON, as the value may: first.
  const stored = typeof key === "string" ? undefined : storedKey(tenantId, key);
  if (textOf !== undefined) {
    const text = textOf(value);
    return addon.addText(handle, stored ?? keyOf(tenantId, key), steps, text);
  }
  const text = flattened(value);
  if (text !== undefined) {
    const tapeText = text === "" ? undefined : text;
    const size = addon.addTape(handle, stored ?? keyOf(tenantId, key), steps, tapeText);
    if (size > 0) return size;
  }
  return addon.addValue(handle, stored ?? storedKey(tenantId, key), steps, value);
}

/**
 * Appends the step of one operation.
 * @param {Core} core
 * @param {unknown} steps
 * @param {any} operation
 */
function addStep(core, steps, operation) {
  if (typeof operation !== "object" || operation === null) {
    throw wrong('give an object such as { type: "put", tenantId, key, value }');
  }
  const { type, tenantId, key } = operation;
  if (type !== "put" && type !== "delete") {
    const given = typeof type === "string" ? JSON.stringify(type) : typeof type;
    throw wrong(`its type is to be "put" or "delete", not ${given}`);
  }
  if (type === "put") addPut(core, steps, tenantId, key, operation.value);
  else addon.addDelete(core.handle, keyOf(tenantId, key), steps);
}

/**
 * @param {Core} core
 * @param {unknown} operations
 */
function readOperations(core, operations) {
  if (!Array.isArray(operations)) throw wrong("batch: give an array of operations");
  const steps = addon.newSteps();
  const given = operations.slice(); /* code of the values' may change it meanwhile */
  for (let index = 0; index < given.length; index++) {
    try {
      addStep(core, steps, given[index]);
    } catch (error) {
      throw nameOperation(error, "operation", { index });
    }
  }
  return steps;
}

/**
 * @param {Core} core
 * @param {unknown} operations
 * @param {{ checkpoint?: unknown }} [options]
 * @returns {Promise<void>}
 */
async function batch(core, operations, options) {
  let steps;
  let checkpoint;
  const given = options?.checkpoint;
  try {
    checkpoint = readCheckpoint(given);
    steps = readOperations(core, operations);
  } catch (error) {
    return refuse(core, laneOf(core, nameOf(given)), error);
  }
  const named = (error) => Promise.reject(nameOperation(error, "operation", { index: error.index }));
  const conflict = await commit(core, steps, checkpoint, { named: true }).catch(named);
  if (conflict !== undefined) throw checkpointConflict(core, checkpoint, conflict[1]);
}

module.exports = { batch, addPut };
