"use strict";
// transaction: reads, then writes in one commit, if what was read is still so. No lock is held while
// the function runs; the core compares what it has read when it commits.

const addon = require("./addon.js");
const { checkpointConflict, nameOf, readCheckpoint } = require("./checkpoint.js");
const { createError, rangeError, typeError } = require("./errors.js");
const { storedKey } = require("./keys.js");
const unit = require("./unit.js");

const { commit, decode, encode, joinLane, keyTextOf, laneOf, leaveLane, overtaking, refuse } = unit;
const { ABSENT, COMPARE_STORED, DELETE, PUT_BYTES } = unit;

/** @typedef {import("./unit.js").Core} Core */

/** How often a function runs at most, unless maxAttempts says otherwise. */
const DEFAULT_ATTEMPTS = 16;

/**
 * What an attempt knows of one record.
 * @typedef {object} Entry
 * @property {string} stored - its key
 * @property {string} tenantId
 * @property {Core} core - through which it was seen first
 * @property {Promise<void>} [reading] of its first read
 * @property {{ bytes: Buffer | undefined }} [read] what is stored, as of its first read
 * @property {{ bytes: Buffer | undefined, core: Core }} [written] encoded, and through which
 *   repository; no bytes: deleted
 */

/** One run of the function, over all repositories that take part. */
class Attempt {
  /** @type {Map<string | undefined, Map<string, Entry>>} by name of the database, then stored key */
  records = new Map();
  /** @type {Set<Core>} those that take part, all on one path: see open */
  cores = new Set();
  ended = false;

  check() {
    if (!this.ended) return;
    throw typeError(
      "LMDBX_INVALID_ARGUMENT",
      "transaction: it has ended; await all of its calls inside the function, and use it nowhere else",
    );
  }

  /**
   * @param {Core} core
   * @param {string} tenantId
   * @param {string} stored
   */
  entry(core, tenantId, stored) {
    let records = this.records.get(core.name);
    if (records === undefined) this.records.set(core.name, (records = new Map()));
    let entry = records.get(stored);
    if (entry === undefined) records.set(stored, (entry = { stored, tenantId, core }));
    this.cores.add(core);
    return entry;
  }

  /**
   * The steps of its unit, comparisons included, and whose they are.
   * @param {boolean} [writes]
   */
  steps(writes = true) {
    const steps = [];
    /** @type {Entry[]} */
    const entries = [];
    for (const records of this.records.values()) {
      for (const entry of records.values()) {
        const { core, stored, read, written } = entry;
        if (read !== undefined) {
          const kind = read.bytes === undefined ? ABSENT : COMPARE_STORED;
          steps.push(kind, core.handle, stored, read.bytes);
          entries.push(entry);
        }
        if (writes && written !== undefined) {
          const kind = written.bytes === undefined ? DELETE : PUT_BYTES;
          steps.push(kind, written.core.handle, stored, written.bytes);
          entries.push(entry);
        }
      }
    }
    return { steps, entries };
  }
}

/** Reads a record for the first time in an attempt; twice at once is once. */
function load(core, entry) {
  entry.reading ??= (async () => {
    try {
      entry.read = { bytes: await addon.getStored(core.handle, entry.stored) };
    } finally {
      if (entry.read === undefined) entry.reading = undefined;
    }
  })();
  return entry.reading;
}

/**
 * A read whose promise nobody may look at any more: behind the end of its transaction it rejects, and
 * must not end the process for that.
 * @template T
 * @param {Promise<T>} reading
 */
function unminded(reading) {
  reading.catch(() => {});
  return reading;
}

/** What users hold: a view of an attempt on one repository. */
class Transaction {
  #core;
  #attempt;
  #coreOf;

  /**
   * @param {Core} core
   * @param {Attempt} attempt
   * @param {(repository: unknown) => Core} coreOf
   */
  constructor(core, attempt, coreOf) {
    this.#core = core;
    this.#attempt = attempt;
    this.#coreOf = coreOf;
  }

  #entry(tenantId, key) {
    this.#attempt.check();
    return this.#attempt.entry(this.#core, tenantId, storedKey(tenantId, key));
  }

  /** The bytes of a record as this transaction sees it, and whether they are as stored. */
  async #see(tenantId, key) {
    const entry = this.#entry(tenantId, key);
    if (entry.written !== undefined) return { entry, bytes: entry.written.bytes, asStored: false };
    if (entry.read === undefined) {
      await load(this.#core, entry);
      this.#attempt.check();
    }
    return { entry, bytes: entry.read.bytes, asStored: true };
  }

  async #get(tenantId, key) {
    const { entry, bytes, asStored } = await this.#see(tenantId, key);
    return bytes && decode(this.#core, entry, bytes, asStored);
  }

  async #has(tenantId, key) {
    const { bytes } = await this.#see(tenantId, key);
    return bytes !== undefined;
  }

  get(tenantId, key) {
    return unminded(this.#get(tenantId, key));
  }

  has(tenantId, key) {
    return unminded(this.#has(tenantId, key));
  }

  put(tenantId, key, value) {
    const entry = this.#entry(tenantId, key);
    const bytes = encode(this.#core, entry.stored, value);
    this.#attempt.check(); /* code of the value's may have run */
    entry.written = { bytes, core: this.#core };
  }

  delete(tenantId, key) {
    this.#entry(tenantId, key).written = { bytes: undefined, core: this.#core };
  }

  with(other) {
    this.#attempt.check();
    const core = this.#coreOf(other);
    addon.mayJoin(this.#core.handle, core.handle);
    return new Transaction(core, this.#attempt, this.#coreOf);
  }
}

/** @param {unknown} given */
function readAttempts(given = DEFAULT_ATTEMPTS) {
  if (Number.isSafeInteger(given) && Number(given) >= 1) return Number(given);
  const message = "transaction: maxAttempts is to be a positive integer";
  if (typeof given !== "number") throw typeError("LMDBX_INVALID_ARGUMENT", message);
  throw rangeError("LMDBX_INVALID_ARGUMENT", message);
}

/** A unit that spans repositories needs all of them open, and on one path. */
async function open(root, { cores }) {
  if (cores.size === 0 || (cores.size === 1 && cores.has(root))) return;
  for (const core of [root, ...cores]) {
    if (!core.opened) await addon.ready(core.handle);
    core.opened = true;
  }
  for (const core of cores) addon.mayJoin(root.handle, core.handle);
}

/**
 * Whether one of the records that an attempt has read, one after the other, has changed: then they
 * may never have been like that together, and what it has thrown may be due to that alone.
 * @param {Core} core
 * @param {Attempt} attempt that has thrown
 */
async function readsHaveChanged(core, attempt) {
  try {
    await open(core, attempt);
    return (await commit(core, attempt.steps(false).steps, undefined)) !== undefined;
  } catch {
    return false; /* the exception says more */
  }
}

/** @param {Entry} entry that kept changing */
function conflictError(entry) {
  return createError(
    "LMDBX_CONFLICT",
    "transaction: other writers kept changing what it had read, the last time this record. " +
      "Nothing was written; try again later, raise maxAttempts, or let fewer change it at once",
    entry.core.path,
    entry.tenantId,
    keyTextOf(entry),
  );
}

/**
 * Runs a function until what it has read is still so, and commits.
 * @param {Core} core
 * @param {(repository: unknown) => Core} coreOf
 * @param {(tx: Transaction) => unknown} fn
 * @param {number} left - how often it runs at most
 * @param {import("./unit.js").Checkpoint | undefined} checkpoint
 * @param {import("./unit.js").Lane | undefined} lane - joined when the transaction was asked for
 */
async function run(core, coreOf, fn, left, checkpoint, lane) {
  for (;;) {
    if (lane?.broken) return refuse(core, lane, overtaking(core));
    const attempt = new Attempt();
    let result;
    try {
      result = await fn(new Transaction(core, attempt, coreOf)); /* it may throw at once */
      attempt.ended = true;
      await open(core, attempt);
    } catch (error) {
      attempt.ended = true;
      // One record is always as it was at some moment.
      const several = attempt.steps(false).entries.length > 1;
      if (!several || left === 1 || !(await readsHaveChanged(core, attempt))) {
        return refuse(core, lane, error); /* at once where it can be: before what is issued next */
      }
      left--;
      continue;
    }
    const { steps, entries } = attempt.steps();
    if (steps.length === 0 && checkpoint === undefined) return result;
    const conflict = await commit(core, steps, checkpoint, { lane });
    if (conflict === undefined) return result;
    const [index, actual] = conflict;
    if (index < 0) throw checkpointConflict(core, checkpoint, actual);
    if (--left === 0) return refuse(core, lane, conflictError(entries[index]));
  }
}

/**
 * @param {Core} core
 * @param {(repository: unknown) => Core} coreOf
 * @param {unknown} fn
 * @param {{ checkpoint?: unknown, maxAttempts?: unknown }} [options]
 */
async function transaction(core, coreOf, fn, options) {
  const given = options?.checkpoint;
  let checkpoint;
  let left;
  try {
    if (typeof fn !== "function") {
      throw typeError("LMDBX_INVALID_ARGUMENT", "transaction: give a function of the transaction");
    }
    checkpoint = readCheckpoint(given);
    left = readAttempts(options?.maxAttempts);
  } catch (error) {
    return refuse(core, laneOf(core, nameOf(given)), error);
  }
  const lane = joinLane(core, checkpoint?.name);
  try {
    return await run(core, coreOf, /** @type {any} */ (fn), left, checkpoint, lane);
  } finally {
    leaveLane(core, lane);
  }
}

module.exports = { transaction };
