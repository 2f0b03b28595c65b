"use strict";
// Checkpoints: how far a worker has come, written in the commit of what it has written.

const addon = require("./addon.js");
const { createError, typeError } = require("./errors.js");

/** @typedef {import("./unit.js").Core} Core */
/** @typedef {import("./unit.js").Checkpoint} Checkpoint */

/** @param {string} message */
const wrong = (message) => typeError("LMDBX_INVALID_ARGUMENT", message);

/** @param {unknown} value */
function shown(value) {
  if (typeof value === "string") return JSON.stringify(value);
  if (Object.is(value, -0)) return "-0";
  return typeof value === "bigint" ? `${value}n` : String(value);
}

/** @param {unknown} value */
function isObject(value) {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

/**
 * Whether a position keeps its type and equals what is read back.
 * @param {unknown} value
 */
function isPosition(value) {
  switch (typeof value) {
    case "string":
      return value.isWellFormed();
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0);
    case "bigint":
      return BigInt.asIntN(64, value) === value || BigInt.asUintN(64, value) === value;
    default:
      return false;
  }
}

/** @param {unknown} name */
function checkName(name) {
  if (typeof name === "string" && name !== "" && name.isWellFormed()) return;
  throw wrong("checkpoint: its name is to be a non-empty string of well-formed Unicode");
}

/**
 * @param {string} field
 * @param {unknown} value
 */
function checkPosition(field, value) {
  if (isPosition(value)) return;
  const given = isObject(value) ? typeof value : shown(value);
  const hint = field === "position" ? "; to remove the checkpoint give null" : "";
  throw wrong(
    `checkpoint: ${field} is to be a string, a finite number other than -0, or a BigInt of 64 ` +
      `bits, not ${given}${hint}`,
  );
}

/**
 * Checks the checkpoint of a batch or transaction.
 * @param {unknown} given
 * @returns {Checkpoint | undefined}
 */
function readCheckpoint(given) {
  if (given === undefined) return undefined;
  if (!isObject(given)) {
    throw wrong("checkpoint: give an object with name and position");
  }
  const { name, position, expected } = /** @type {Checkpoint} */ (given);
  checkName(name);
  if (position !== null) checkPosition("position", position);
  if (expected !== undefined && expected !== null) checkPosition("expected", expected);
  return { name, position, expected };
}

/**
 * The name to which a refusal belongs, of a checkpoint that may itself be what is refused.
 * @param {unknown} given
 */
function nameOf(given) {
  const name = /** @type {{ name?: unknown } | null | undefined} */ (given)?.name;
  return typeof name === "string" ? name : undefined;
}

/**
 * The error of a checkpoint whose position is not the expected one.
 * @param {Core} core
 * @param {Checkpoint} checkpoint
 * @param {unknown} actual - undefined: there is none
 * @param {string} [written] - what has been
 */
function checkpointConflict(core, { name, expected }, actual, written = "Nothing was written") {
  const stored = actual === undefined ? "no position" : `position ${shown(actual)}`;
  const message =
    `checkpoint ${JSON.stringify(name)}: ${stored} is stored, and ` +
    `${expected === null ? "none" : shown(expected)} was expected; another worker has moved it. ` +
    `${written}; go on from the stored position, or let the other worker`;
  const error = createError("LMDBX_CONFLICT", message, core.path);
  return Object.assign(error, { checkpoint: name, expected, actual });
}

/**
 * @param {Core} core
 * @param {unknown} name
 */
function getCheckpoint(core, name) {
  try {
    checkName(name);
    return Promise.resolve(addon.getCheckpoint(core.handle, name));
  } catch (error) {
    return Promise.reject(error);
  }
}

/** @param {Core} core */
async function checkpoints(core) {
  const flat = await addon.checkpoints(core.handle);
  const found = [];
  for (let at = 0; at < flat.length; at += 2) {
    found.push({ name: flat[at], position: flat[at + 1] });
  }
  return found;
}

module.exports = { readCheckpoint, nameOf, checkpointConflict, getCheckpoint, checkpoints };
