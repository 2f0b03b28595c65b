"use strict";
// bulkLoad: puts in chunks, one commit each. While one is being committed the next one is encoded;
// it is issued when that is on disk, so that what is stored is always the beginning of the source.

const addon = require("./addon.js");
const { addPut } = require("./batch.js");
const { checkpointConflict, nameOf, readCheckpoint } = require("./checkpoint.js");
const { createError, nameOperation, typeError } = require("./errors.js");
const { checkSignal, throwIfAborted } = require("./signal.js");
const { turn } = require("./turn.js");
const { commit, joinLane, laneOf, leaveLane, refuse } = require("./unit.js");

/** A chunk ends with the record that makes it so large. Encoding one takes some 10 ms. */
const CHUNK_BYTES = 1024 * 1024;
const CHUNK_RECORDS = 8192;
/** It also ends where it takes so much of the queue, however small that is. */
const PART_OF_QUEUE = 1 / 2;
/** What a record takes in the queue besides its bytes. */
const RECORD_BYTES = 64;

/** @typedef {import("./unit.js").Core} Core */
/** @typedef {import("./unit.js").Checkpoint} Checkpoint */
/** @typedef {import("./unit.js").Lane} Lane */

/** @param {string} message */
const wrong = (message) => typeError("LMDBX_INVALID_ARGUMENT", message);

/** @param {unknown} options */
function readOptions(options) {
  if (typeof options !== "object" || options === null) {
    throw wrong("bulkLoad: give options as an object");
  }
  const { checkpoint, onProgress, signal } = /** @type {any} */ (options);
  if (onProgress !== undefined && typeof onProgress !== "function") {
    throw wrong("bulkLoad: onProgress: give a function");
  }
  checkSignal("bulkLoad", signal);
  return { checkpoint: readCheckpoint(checkpoint), onProgress, signal };
}

/** The chunks of one call. */
class Load {
  #core;
  /** @type {Checkpoint | undefined} */
  #checkpoint;
  /** @type {Checkpoint | undefined} what every chunk but the last is committed with */
  #guard;
  /** @type {Lane | undefined} of the checkpoint, joined when the load was asked for */
  #lane;
  #onProgress;
  #signal;
  /** The chunk in the making. */
  #steps = addon.newSteps();
  #count = 0;
  #bytes = 0;
  /** Records of the chunks before it. */
  #begun = 0;
  /** What is on disk. */
  #stored = { records: 0, bytes: 0 };
  /** @type {Promise<void>} the chunk that is being committed */
  #underWay = Promise.resolve();
  #failed = false;
  /** @type {((reason: unknown) => void) | undefined} told at once of a chunk that is not committed */
  onFailure;

  constructor(core, { checkpoint, onProgress, signal }, lane) {
    this.#core = core;
    this.#lane = lane;
    this.#checkpoint = checkpoint;
    if (checkpoint?.expected !== undefined) {
      this.#guard = { ...checkpoint, position: checkpoint.expected };
    }
    this.#onProgress = onProgress;
    this.#signal = signal;
  }

  /** Whether the chunk has to be issued before a record is added; or one could not be committed. */
  get isFull() {
    if (this.#bytes >= CHUNK_BYTES || this.#count >= CHUNK_RECORDS || this.#failed) return true;
    return this.#bytes + this.#count * RECORD_BYTES >= this.#core.maxQueuedBytes * PART_OF_QUEUE;
  }

  /** @param {unknown} record */
  add(record) {
    const index = this.#begun + this.#count;
    if (!Array.isArray(record) || record.length !== 3) {
      const error = wrong("bulkLoad: its source is to give arrays of [tenantId, key, value]");
      throw nameOperation(error, "record", { index });
    }
    const tenantId = record[0];
    const key = record[1];
    try {
      this.#bytes = addPut(this.#core, this.#steps, tenantId, key, record[2]);
    } catch (error) {
      throw nameOperation(error, "record", { index, tenantId, key });
    }
    this.#count++;
  }

  /** Issues the chunk, once the one before it is on disk, and begins another. */
  async issue() {
    await this.#underWay;
    throwIfAborted(this.#signal);
    this.#underWay = this.#commit(this.#guard);
    this.#underWay.catch((error) => {
      this.#failed = true; // whoever awaits it is told
      this.onFailure?.(error);
    });
    await turn(); // sends it on its way, before the next one is encoded
  }

  /** Issues the last chunk, with the checkpoint. How many records were loaded. */
  async finish() {
    await this.#underWay;
    throwIfAborted(this.#signal);
    await this.#commit(this.#checkpoint);
    return this.#stored.records;
  }

  /** It fails: what is issued with its checkpoint until it has said so fails, too. */
  fail() {
    if (this.#lane !== undefined) this.#lane.broken = true;
  }

  /** Waits until nothing is under way. */
  async idle() {
    await this.#underWay.catch(() => {});
  }

  async #commit(checkpoint) {
    const begun = this.#begun;
    const steps = this.#steps;
    const records = begun + this.#count;
    const bytes = this.#stored.bytes + this.#bytes;
    this.#steps = addon.newSteps();
    this.#begun = records;
    this.#count = this.#bytes = 0;
    let conflict;
    try {
      const manner = { named: true, lane: this.#lane, part: true };
      conflict = await commit(this.#core, steps, checkpoint, manner);
    } catch (error) {
      const index = error.index === undefined ? undefined : begun + error.index;
      throw nameOperation(error, "record", { index });
    }
    if (conflict !== undefined) {
      const written = `${begun} records were loaded`;
      throw checkpointConflict(this.#core, this.#checkpoint, conflict[1], written);
    }
    this.#stored = { records, bytes };
    this.#onProgress?.({ records, bytes });
  }
}

/**
 * @param {Load} load
 * @param {Iterable<unknown>} source
 */
async function addAll(load, source) {
  try {
    for (const record of source) {
      if (load.isFull) await load.issue();
      load.add(record);
    }
  } catch (error) {
    load.fail(); // at once: before what is issued next
    throw error;
  }
}

/**
 * The same. Neither an abort, close() nor a failed commit waits for a source that gives nothing.
 * @param {Load} load
 * @param {AsyncIterable<unknown>} source
 * @param {AbortSignal | undefined} signal
 * @param {Core} core
 */
async function addAllAsync(load, source, signal, core) {
  const iterator = source[Symbol.asyncIterator]();
  /** @type {((reason: unknown) => void) | undefined} */
  let giveUp;
  let ended = false;
  /** @type {unknown} */
  let ending;
  const next = async () => iterator.next();
  const ask = () =>
    new Promise((resolve, reject) => {
      throwIfAborted(signal);
      giveUp = reject;
      next().then(resolve, reject);
    });
  const end = (reason) => {
    ended = true;
    ending = reason;
    giveUp?.(reason);
  };
  const abort = () => end(signal?.reason);
  signal?.addEventListener("abort", abort);
  core.loads.add(end);
  load.onFailure = end;
  let given = true; // a record, or nothing was asked for
  try {
    for (;;) {
      if (ended) throw ending; // while nothing was asked for
      given = false;
      const { done, value } = await ask();
      given = true;
      if (done) return;
      if (load.isFull) await load.issue();
      load.add(value);
    }
  } catch (error) {
    load.fail();
    // A source that has failed is at its end. One that was being asked may never answer.
    const closing = given || ended ? (async () => iterator.return?.())() : undefined;
    closing?.catch(() => {});
    if (given) await closing?.catch(() => {});
    throw error;
  } finally {
    core.loads.delete(end);
    signal?.removeEventListener("abort", abort);
  }
}

/** Ends what waits for a source: the repository is closing. @param {Core} core */
function endLoads({ loads, path }) {
  if (loads.size === 0) return;
  const message = `bulkLoad: the repository at ${path} was closed meanwhile`;
  const error = createError("LMDBX_CLOSED", message, path);
  for (const end of [...loads]) end(error);
}

/**
 * @param {unknown} source
 * @returns {source is AsyncIterable<unknown>}
 */
function isAsync(source) {
  if (typeof source === "object" && source !== null) {
    if (Symbol.asyncIterator in source) return true;
    if (Symbol.iterator in source) return false;
  }
  throw wrong("bulkLoad: give an iterable, or async iterable, of [tenantId, key, value]");
}

/**
 * @param {Core} core
 * @param {any} source
 * @param {any} [options]
 * @returns {Promise<number>} how many records were loaded
 */
async function bulkLoad(core, source, options = {}) {
  /** @type {Load | undefined} */
  let load;
  /** @type {Lane | undefined} */
  let lane;
  try {
    const checked = readOptions(options);
    const async = isAsync(source);
    throwIfAborted(checked.signal);
    lane = joinLane(core, checked.checkpoint?.name);
    load = new Load(core, checked, lane);
    await (async ? addAllAsync(load, source, checked.signal, core) : addAll(load, source));
    return await load.finish();
  } catch (error) {
    load?.fail();
    await load?.idle(); // nothing goes on behind the caller's back
    return await refuse(core, lane ?? laneOf(core, nameOf(options?.checkpoint)), error);
  } finally {
    leaveLane(core, lane);
  }
}

module.exports = { bulkLoad, endLoads };
