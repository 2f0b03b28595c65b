"use strict";
// Units: steps that the core commits together or not at all. What batch, update and transaction
// have in common.

const addon = require("./addon.js");
const { NotJSON } = require("./decode.js");
const { decoderOf, notJSON, textOf } = require("./encoding.js");
const { createError } = require("./errors.js");
const { flattened } = require("./flatten.js");
const { giveSlot, listenIn, takeSlot } = require("./pending.js");
const { afterTurn } = require("./turn.js");

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
 * @property {number} maxQueuedBytes
 * @property {string} database - what repositories have in common that read and store alike
 * @property {Map<string, Lane>} lanes - of units under way, by name of their checkpoint
 * @property {Map<string, object[]>} updates - those that wait, by stored key: see update.js
 * @property {boolean} opened - whether that is known: see transaction.js
 * @property {Set<(error: Error) => void>} loads - those that wait for their source: see bulk.js
 */

/** @returns {Core} */
function createCore(handle, config) {
  const { path, name, encoding, compression, maxQueuedBytes = Infinity } = config;
  return {
    handle,
    path,
    name,
    textOf: textOf[encoding],
    decode: decoderOf[encoding],
    maxQueuedBytes,
    database: JSON.stringify([path, name, encoding, compression]),
    lanes: new Map(),
    updates: new Map(),
    opened: false,
    loads: new Set(),
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
 * Units of one checkpoint, asked for until the first failure among them has been reported: no later
 * one may overtake what was lost. The core sees to that among those that it has; this to those that
 * are issued while a failure is on its way to the one who is to hear of it, and to transactions and
 * loads, which were asked for long before their units are issued.
 * @typedef {{ name: string, units: number, broken: boolean }} Lane
 */

/**
 * The lane of what is asked for now.
 * @overload @param {Core} core @param {string} name - of the checkpoint @returns {Lane}
 */
/**
 * @overload @param {Core} core @param {string | undefined} name @returns {Lane | undefined}
 */
function laneOf(core, name) {
  if (name === undefined) return undefined;
  let lane = core.lanes.get(name);
  if (lane === undefined) core.lanes.set(name, (lane = { name, units: 0, broken: false }));
  return lane;
}

/**
 * Joins it for longer than one unit: whatever fails in it until leaveLane fails who has joined, too.
 * @param {Core} core
 * @param {string | undefined} name - of the checkpoint
 */
function joinLane(core, name) {
  const lane = laneOf(core, name);
  if (lane !== undefined) lane.units++;
  return lane;
}

/** @param {Core} core @param {Lane | undefined} lane */
function leaveLane(core, lane) {
  if (lane === undefined) return;
  lane.units--;
  if (lane.units === 0 && !lane.broken) endLane(core, lane);
}

/** A lane that has nothing to say any more. @param {Core} core @param {Lane} lane */
function endLane(core, lane) {
  if (core.lanes.get(lane.name) === lane) core.lanes.delete(lane.name);
}

/**
 * Reports a failure in a later turn: what is issued until then, in the belief that all went well,
 * fails too.
 * @param {Core} core
 * @param {Lane | undefined} lane - none: there is nothing to wait for
 * @param {() => void} report
 */
function breakLane(core, lane, report) {
  if (lane === undefined) return report();
  lane.broken = true;
  afterTurn(() => {
    endLane(core, lane);
    report();
  });
}

/**
 * Rejects with what was refused before it was issued.
 * @param {Core} core
 * @param {Lane | undefined} lane
 * @param {unknown} error
 */
function refuse(core, lane, error) {
  return new Promise((_, reject) => {
    breakLane(core, lane, () => reject(error));
  });
}

/** @param {Core} core */
function overtaking(core) {
  const message =
    "another batch, transaction or load with the same checkpoint failed before this was " +
    "committed, and must not be overtaken; begin again with what failed";
  return createError("LMDBX_ABORTED", message, core.path);
}

/**
 * A promise of an issued unit.
 * @param {Core} core
 * @param {number} slot
 * @param {Lane | undefined} lane
 * @param {(report: () => void) => void} lost
 */
function settled(core, slot, lane, lost) {
  return new Promise((resolve, reject) => {
    if (lane === undefined) {
      listenIn(slot, resolve, reject);
      return;
    }
    lane.units++;
    const done = (conflict) => {
      if (conflict?.[0] < 0) lost(() => resolve(conflict));
      else resolve(conflict);
      leaveLane(core, lane);
    };
    const failed = (error) => {
      lost(() => reject(error));
      leaveLane(core, lane);
    };
    listenIn(slot, done, failed);
  });
}

/**
 * How a unit is issued.
 * @typedef {object} Manner
 * @property {boolean} [named] - whether errors say which step they are about, in `index`
 * @property {Lane} [lane] - that was joined before
 * @property {boolean} [part] - of what its caller fails as a whole, with refuse: until then the lane
 *   stays broken. It is let in though the queue is full
 */

/**
 * Issues a unit. What it rejects with, and a conflict of the checkpoint, has been reported as refuse
 * does it.
 * @param {Core} core
 * @param {unknown} steps - an array: kind, repository, stored key, data, kind ...; or what
 *   addon.newSteps made
 * @param {Checkpoint | undefined} checkpoint
 * @param {Manner} [manner]
 * @returns {Promise<[failed: number, actual: unknown] | undefined>} the comparison that failed, -1
 *   for the checkpoint's, and what is stored instead; undefined: it is on disk
 */
function commit(core, steps, checkpoint, { named = false, lane, part = false } = {}) {
  lane ??= laneOf(core, checkpoint?.name);
  const lost = (report) => {
    if (!part || lane === undefined) return breakLane(core, lane, report);
    lane.broken = true;
    report();
  };
  const refused = (error) => new Promise((_, reject) => lost(() => reject(error)));
  if (lane?.broken) return refused(overtaking(core));
  const slot = takeSlot();
  try {
    const parts = checkpoint && [checkpoint.name, checkpoint.position, checkpoint.expected];
    addon.unit(core.handle, steps, slot, parts, named, part);
  } catch (error) {
    giveSlot(slot);
    return refused(error);
  }
  return settled(core, slot, lane, lost);
}

module.exports = {
  createCore,
  commit,
  encode,
  decode,
  keyTextOf,
  refuse,
  laneOf,
  joinLane,
  leaveLane,
  overtaking,
  PUT_BYTES,
  DELETE,
  COMPARE_STORED,
  COMPARE_VALUE,
  ABSENT,
  REPORTS,
};
