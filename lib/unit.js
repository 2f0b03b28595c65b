"use strict";
// Units: steps that the core commits together or not at all. What batch, update and transaction
// have in common.

const addon = require("./addon.js");
const { NotJSON, decoderOf, notJSON, textOf } = require("./encoding.js");
const { createError } = require("./errors.js");
const { flattened } = require("./flatten.js");

/** Kinds of steps; the numbers are shared with enum step_kind in src/binding/batch.c. */
const PUT_BYTES = 0;
const DELETE = 1;
const COMPARE_STORED = 2;
const COMPARE_VALUE = 3;
const ABSENT = 4;
/** Added to a comparison, so that its failure says what is stored instead. */
const REPORTS = 8;

/**
 * What the modules of writes need of a repository.
 * @typedef {object} Core
 * @property {unknown} handle - of the addon
 * @property {string} path
 * @property {string | undefined} name - of the database
 * @property {((value: unknown) => string) | undefined} textOf - undefined: msgpack
 * @property {(answer: any) => unknown} decode
 * @property {Map<string, object>} refused - checkpoints with a unit whose refusal is to be reported
 * @property {Map<string, object[]>} updates - those that wait, by stored key: see update.js
 * @property {boolean} opened - whether that is known: see transaction.js
 */

/** @returns {Core} */
function createCore(handle, { path, name, encoding }) {
  return {
    handle,
    path,
    name,
    textOf: textOf[encoding],
    decode: decoderOf[encoding],
    refused: new Map(),
    updates: new Map(),
    opened: false,
  };
}

/**
 * A record: its stored key, and the tenant whose it is.
 * @typedef {{ stored: string, tenantId: string }} Place
 */

/** The JSON text of a record's key. @param {Place} place */
function keyTextOf({ stored, tenantId }) {
  return stored.slice(tenantId.length + 1);
}

/**
 * The bytes of a value, as put would write them but for compression.
 * @param {Core} core
 * @param {string} stored - the stored key, for errors
 * @param {unknown} value
 * @returns {Buffer}
 */
function encode(core, stored, value) {
  if (core.textOf !== undefined) {
    return addon.encodeText(core.handle, core.textOf(value), stored);
  }
  const text = flattened(value);
  const bytes =
    text === undefined ? undefined : addon.encode(core.handle, text === "" ? undefined : text);
  return bytes ?? addon.encodeValue(core.handle, value, stored);
}

/**
 * The value of such bytes.
 * @param {Core} core
 * @param {Place} place
 * @param {Buffer} bytes
 * @param {boolean} asStored - whether they lay on disk, and may be compressed
 */
function decode(core, place, bytes, asStored) {
  const answer = addon.decode(core.handle, bytes, asStored, place.stored);
  try {
    return core.decode(answer);
  } catch (error) {
    if (!(error instanceof NotJSON)) throw error;
    throw notJSON(error, core.path, place.tenantId, keyTextOf(place));
  }
}

/**
 * A checkpoint that has been checked, see checkpoint.js.
 * @typedef {{ name: string, position: unknown, expected: unknown }} Checkpoint
 */

/**
 * Rejects with what was refused before it was issued. With a checkpoint that is reported in a later
 * turn, so that what is issued until then, in the belief that this went well, fails too.
 * @param {Core} core
 * @param {string | undefined} name - of the checkpoint
 * @param {unknown} error
 */
function refuse(core, name, error) {
  if (name === undefined) return Promise.reject(error);
  const token = {};
  if (!core.refused.has(name)) core.refused.set(name, token);
  return new Promise((_, reject) => {
    setImmediate(() => {
      if (core.refused.get(name) === token) core.refused.delete(name);
      reject(error);
    });
  });
}

/**
 * Issues a unit.
 * @param {Core} core
 * @param {unknown} steps - an array: kind, repository, stored key, data, kind ...; or what
 *   addon.newSteps made
 * @param {Checkpoint | undefined} checkpoint
 * @param {boolean} [named] - whether errors say which operation they are about
 * @returns {Promise<[failed: number, actual: unknown] | undefined>} the comparison that failed, -1
 *   for the checkpoint's, and what is stored instead; undefined: it is on disk
 */
function commit(core, steps, checkpoint, named = false) {
  const name = checkpoint?.name;
  if (name !== undefined && core.refused.has(name)) {
    const message =
      "an earlier batch or transaction with the same checkpoint failed, and this one must not " +
      "overtake it. Nothing was written; begin again with what failed";
    return refuse(core, name, createError("LMDBX_ABORTED", message, core.path));
  }
  try {
    const parts = checkpoint && [name, checkpoint.position, checkpoint.expected];
    return addon.unit(core.handle, steps, parts, named);
  } catch (error) {
    return refuse(core, name, error);
  }
}

module.exports = {
  createCore,
  commit,
  encode,
  decode,
  keyTextOf,
  refuse,
  PUT_BYTES,
  DELETE,
  COMPARE_STORED,
  COMPARE_VALUE,
  ABSENT,
  REPORTS,
};
