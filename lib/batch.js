"use strict";
// batch: several operations in one commit, all or nothing.

const { checkpointConflict, nameOf, readCheckpoint } = require("./checkpoint.js");
const { typeError } = require("./errors.js");
const { storedKey } = require("./keys.js");
const { commit, refuse, DELETE, PUT_TEXT, PUT_VALUE } = require("./unit.js");

/** @typedef {import("./unit.js").Core} Core */

/** @param {string} message */
const wrong = (message) => typeError("LMDBX_INVALID_ARGUMENT", message);

/**
 * Appends the step of one operation.
 * @param {Core} core
 * @param {unknown[]} steps
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
  const stored = storedKey(tenantId, key);
  if (type === "delete") {
    steps.push(DELETE, undefined, stored, undefined);
  } else if (core.textOf === undefined) {
    steps.push(PUT_VALUE, undefined, stored, operation.value);
  } else {
    steps.push(PUT_TEXT, undefined, stored, core.textOf(operation.value));
  }
}

/**
 * @param {Core} core
 * @param {unknown} operations
 */
function readOperations(core, operations) {
  if (!Array.isArray(operations)) throw wrong("batch: give an array of operations");
  /** @type {unknown[]} */
  const steps = [];
  for (let index = 0; index < operations.length; index++) {
    try {
      addStep(core, steps, operations[index]);
    } catch (error) {
      if (error instanceof TypeError && "code" in error) {
        error.message = `operation ${index}: ${error.message}`;
      }
      throw error;
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
    return refuse(core, nameOf(given), error);
  }
  const conflict = await commit(core, steps, checkpoint, true);
  if (conflict !== undefined) throw checkpointConflict(core, checkpoint, conflict[1]);
}

module.exports = { batch };
