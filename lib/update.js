"use strict";
// update: an atomic read-modify-write of one record. Updates of one key in one repository form a
// chain: what has gathered is run in memory, one function on the result of the other, and committed
// by one compare-and-put. If another writer was faster, the chain runs again on what that stored.
// Repositories of one thread on one database take turns.

const addon = require("./addon.js");
const { typeError } = require("./errors.js");
const { storedKey } = require("./keys.js");
const unit = require("./unit.js");
const { commit, encode, ABSENT, COMPARE_STORED, COMPARE_VALUE, DELETE, PUT_BYTES, REPORTS } = unit;

/** @typedef {import("./unit.js").Core} Core */
/** @typedef {import("./unit.js").Place} Place */

/** The most updates in one commit: their functions run without a pause. */
const LONGEST_CHAIN = 256;

/** Errors of a commit that a part of it may not meet. */
const OF_SIZE = new Set([
  "LMDBX_MAP_FULL",
  "LMDBX_NO_MEMORY",
  "LMDBX_QUEUE_FULL",
  "LMDBX_VALUE_TOO_LARGE",
]);

/**
 * A record as bytes: as it lies on disk, perhaps compressed, or as put was given it.
 * @typedef {{ bytes: Buffer, stored: boolean } | undefined} State undefined: there is none
 */

/**
 * @typedef {object} Update
 * @property {(current: unknown) => unknown} fn
 * @property {(value: unknown) => void} resolve
 * @property {(error: unknown) => void} reject
 * @property {{ state: State } | { error: unknown }} [outcome] of its latest run
 */

/**
 * @param {Core} core
 * @param {Place} place
 * @param {State} state
 */
function decode(core, place, state) {
  return state && unit.decode(core, place, state.bytes, state.stored);
}

/**
 * What an update makes of a record.
 * @param {Core} core
 * @param {Place} place
 * @param {State} current
 * @param {(current: unknown) => unknown} fn
 * @returns {State}
 */
function apply(core, place, current, fn) {
  const value = decode(core, place, current);
  const result = fn(value);
  if (result === undefined) return undefined;
  if (result !== null && typeof result === "object" && typeof result.then === "function") {
    // What it was given for may still fail: nobody else will look.
    Promise.resolve(result).catch(() => {});
    throw typeError(
      "LMDBX_INVALID_ARGUMENT",
      "update: the function returned a promise; it has to be synchronous, since it may run again. " +
        "Await before update, or use transaction",
    );
  }
  return { bytes: encode(core, place.stored, result), stored: false };
}

/**
 * Runs a chain on a record, and notes each outcome.
 * @param {Core} core
 * @param {Place} place
 * @param {State} state
 * @param {Update[]} chain
 * @returns {State} what the last one left
 */
function run(core, place, state, chain) {
  decode(core, place, state); /* what cannot be read is an error of all */
  for (const update of chain) {
    try {
      state = apply(core, place, state, update.fn);
      update.outcome = { state };
    } catch (error) {
      update.outcome = { error };
    }
  }
  return state;
}

/** A comparison with a record as it was known. */
function comparison(key, state) {
  if (state === undefined) return [ABSENT + REPORTS, undefined, key, undefined];
  const kind = state.stored ? COMPARE_STORED : COMPARE_VALUE;
  return [kind + REPORTS, undefined, key, state.bytes];
}

/** The write that turns one state into another; none if no update has changed it. */
function write(key, before, after) {
  if (after === before) return [];
  if (after === undefined) return [DELETE, undefined, key, undefined];
  return [PUT_BYTES, undefined, key, after.bytes];
}

/**
 * Runs a chain until it is committed; updates that come meanwhile join it.
 * @param {Core} core
 * @param {Place} place
 * @param {State} known
 * @param {Update[]} chain
 * @param {Update[]} waiting
 * @returns {Promise<State>} what is stored then
 */
async function commitChain(core, place, known, chain, waiting) {
  for (;;) {
    const after = run(core, place, known, chain);
    const steps = [...comparison(place.stored, known), ...write(place.stored, known, after)];
    const conflict = await commit(core, steps, undefined);
    if (conflict === undefined) return after;
    const [, actual] = conflict;
    known = actual === undefined ? undefined : { bytes: actual, stored: true };
    chain.push(...waiting.splice(0, LONGEST_CHAIN - chain.length));
  }
}

/** @param {Update} update whose chain is on disk */
function settle(core, place, { outcome, resolve, reject }) {
  if ("error" in outcome) {
    reject(outcome.error);
    return;
  }
  try {
    resolve(decode(core, place, outcome.state));
  } catch (error) {
    reject(error); /* memory ran out, perhaps: it is stored all the same */
  }
}

/** @param {Core} core @param {Place} place */
async function read(core, place) {
  const bytes = await addon.getStored(core.handle, place.stored);
  return bytes && { bytes, stored: true };
}

/** @param {Update[]} chain of which nothing is on disk */
function reject(chain, error) {
  for (const { outcome, reject: refuse } of chain) {
    refuse(outcome !== undefined && "error" in outcome ? outcome.error : error);
  }
}

/**
 * Commits a chain, and tells each update. One that is too large takes no other with it: then the
 * chain is tried again in halves.
 * @param {Core} core
 * @param {Place} place
 * @param {State} known
 * @param {Update[]} chain
 * @param {Update[]} waiting
 * @returns {Promise<{ state: State } | undefined>} what is stored then, if that is known
 */
async function finish(core, place, known, chain, waiting) {
  try {
    const state = await commitChain(core, place, known, chain, waiting);
    for (const update of chain) settle(core, place, update);
    return { state };
  } catch (error) {
    if (chain.length === 1 || !OF_SIZE.has(error.code)) {
      reject(chain, error);
      return undefined;
    }
  }
  /** @type {{ state: State } | undefined} */
  let left;
  for (const half of [chain.splice(0, chain.length >> 1), chain]) {
    try {
      left ??= { state: await read(core, place) };
    } catch (error) {
      reject(half, error);
      continue;
    }
    left = await finish(core, place, left.state, half, []);
  }
  return left;
}

/**
 * A record that repositories of this thread are at work on. Their chains take turns, each on what the
 * one before has left: at once, all but one would run their functions for nothing.
 * @typedef {object} Shared
 * @property {number} workers
 * @property {boolean} taken
 * @property {(() => void)[]} queue of those that wait for their turn
 * @property {{ state: State } | undefined} known - undefined: to be read
 */

/** @type {Map<string, Shared>} by database, then stored key */
const shared = new Map();

/** @param {string} id */
function share(id) {
  let record = shared.get(id);
  if (record === undefined) {
    record = { workers: 0, taken: false, queue: [], known: undefined };
    shared.set(id, record);
  }
  record.workers++;
  return record;
}

/** @param {string} id @param {Shared} record */
function leave(id, record) {
  if (--record.workers === 0) shared.delete(id);
}

/** @param {Shared} record */
function pass(record) {
  const next = record.queue.shift();
  if (next !== undefined) next();
  else record.taken = false;
}

/**
 * Works on the updates of a key until none is left.
 * @param {Core} core
 * @param {Place} place
 * @param {Update[]} waiting
 */
async function work(core, place, waiting) {
  const id = core.database + place.stored;
  const record = share(id);
  while (waiting.length > 0) {
    if (record.taken) await new Promise((resolve) => record.queue.push(() => resolve(undefined)));
    record.taken = true;
    try {
      record.known ??= { state: await read(core, place) };
      const chain = waiting.splice(0, LONGEST_CHAIN);
      record.known = await finish(core, place, record.known.state, chain, waiting);
    } catch (error) {
      reject(waiting.splice(0), error);
    }
    pass(record);
  }
  leave(id, record);
  core.updates.delete(place.stored);
}

/**
 * @param {Core} core
 * @param {unknown} tenantId
 * @param {unknown} key
 * @param {unknown} fn
 */
function update(core, tenantId, key, fn) {
  return new Promise((resolve, reject) => {
    if (typeof fn !== "function") {
      throw typeError("LMDBX_INVALID_ARGUMENT", "update: give a function of the current value");
    }
    const stored = storedKey(tenantId, key);
    const entry = { fn: /** @type {Update["fn"]} */ (fn), resolve, reject };
    const waiting = core.updates.get(stored);
    if (waiting !== undefined) {
      waiting.push(entry);
      return;
    }
    const begun = [entry];
    core.updates.set(stored, begun);
    void work(core, { stored, tenantId: String(tenantId) }, begun);
  });
}

module.exports = { update };
