"use strict";
// The class that users meet. Thin: it checks arguments, makes key texts and leaves the rest to the
// addon. Every call returns a promise; mistakes reject it.

const addon = require("./addon.js");
const { backup } = require("./backup.js");
const { batch } = require("./batch.js");
const { bulkLoad, endLoads } = require("./bulk.js");
const { checkpoints, getCheckpoint } = require("./checkpoint.js");
const { readConfig } = require("./config.js");
const { NotJSON } = require("./decode.js");
const { observe } = require("./diagnostics.js");
const { decoderOf, jsonValue, notJSON, textOf } = require("./encoding.js");
const { createError, typeError } = require("./errors.js");
const { flattened } = require("./flatten.js");
const iterators = require("./iterators.js");
const { keyOf, storedKey, tenantPrefix } = require("./keys.js");
const { giveSlot, nextSlot, pend, pendIn, takeSlot } = require("./pending.js");
const reads = require("./reads.js");
const { Snapshot } = require("./snapshot.js");
const { TenantRepository } = require("./tenant.js");
const { transaction } = require("./transaction.js");
const { createCore } = require("./unit.js");
const { update } = require("./update.js");

/** @typedef {import("../index.d.ts").LMDBXConfig} LMDBXConfig */

/** What an answer of the addon says when it is no result: src/binding/points.c. */
const PENDING = 0;
const UNFIT = 1;

/**
 * Counters of the core, at once: what stats() tells but for what takes pages. For tests.
 * @type {(repository: LMDBXRepository) => Record<string, number | string>}
 */
let counters;

/**
 * What the modules of writes need of a repository that a caller has given.
 * @type {(repository: unknown) => import("./unit.js").Core}
 */
let coreOf;

/**
 * The report of the core, with its error as one.
 * @param {string} text
 * @param {string} path
 */
function readStats(text, path) {
  const { state, errorCode, errorMessage, errorNumber, ...numbers } = JSON.parse(text);
  if (errorCode === undefined) return { state, ...numbers };
  const error = createError(errorCode, errorMessage, path, undefined, undefined, errorNumber);
  return { state, error, ...numbers };
}

class LMDBXRepository {
  static {
    counters = (repository) => JSON.parse(addon.counters(repository.#handle));
    coreOf = (given) => {
      if (typeof given === "object" && given !== null && #core in given) return given.#core;
      throw typeError("LMDBX_INVALID_ARGUMENT", "transaction: with takes an LMDBXRepository");
    };
    observe(this, (repository) => repository.#core);
  }

  #handle;
  /** @type {((value: unknown) => string) | undefined} undefined: msgpack, encoded in C */
  #textOf;
  /** @type {((answer: any) => unknown) | undefined} */
  #decode;
  /** @type {import("./reads.js").Source} what the modules of reads need */
  #source;
  /** @type {import("./unit.js").Core} what the modules of writes need */
  #core;
  /** @type {Promise<void> | undefined} */
  #closing;

  /** @param {LMDBXConfig} config */
  constructor(config) {
    const checked = readConfig(config);
    this.#textOf = textOf[checked.encoding];
    this.#decode = decoderOf[checked.encoding];
    this.#handle = addon.open(JSON.stringify(checked));
    this.#source = { repository: this.#handle, path: checked.path };
    this.#core = createCore(this.#handle, checked);
  }

  ready() {
    return addon.ready(this.#handle);
  }

  put(tenantId, key, value) {
    try {
      // The text of a key that is no string may call the user's toJSON, as the value may: first.
      const stored = typeof key === "string" ? undefined : storedKey(tenantId, key);
      const answer = this.#put(stored, tenantId, key, value);
      if (answer === PENDING) return pend();
      if (answer !== UNFIT) return Promise.reject(answer);
      return this.#putValue(stored ?? storedKey(tenantId, key), value);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #put(stored, tenantId, key, value) {
    if (this.#textOf !== undefined) {
      const text = this.#textOf(value);
      return addon.putText(this.#handle, stored ?? keyOf(tenantId, key), nextSlot(), text);
    }
    const text = flattened(value);
    if (text === undefined) return UNFIT;
    const tapeText = text === "" ? undefined : text;
    return addon.put(this.#handle, stored ?? keyOf(tenantId, key), nextSlot(), tapeText);
  }

  /** Of any value. Its getters, proxies and toJSON run during the call, and may put others. */
  #putValue(stored, value) {
    const slot = takeSlot();
    const answer = addon.putValue(this.#handle, stored, slot, value);
    if (answer === PENDING) return pendIn(slot);
    giveSlot(slot);
    return Promise.reject(answer);
  }

  get(tenantId, key) {
    try {
      const answer = addon.get(this.#handle, keyOf(tenantId, key), nextSlot());
      if (answer === undefined) return Promise.resolve(undefined);
      if (typeof answer === "object" && answer instanceof Error) return Promise.reject(answer);
      if (answer !== PENDING) return Promise.resolve(this.#decode(answer));
      const pending = pend(this.#decode);
      if (this.#decode !== jsonValue) return pending;
      return pending.catch((error) => Promise.reject(this.#placed(error, tenantId, key)));
    } catch (error) {
      return Promise.reject(this.#placed(error, tenantId, key));
    }
  }

  #placed(error, tenantId, key) {
    return error instanceof NotJSON
      ? notJSON(error, this.#core.path, tenantId, JSON.stringify(key))
      : error;
  }

  delete(tenantId, key) {
    try {
      const answer = addon.delete(this.#handle, keyOf(tenantId, key), nextSlot());
      return answer === PENDING ? pend() : Promise.reject(answer);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  has(tenantId, key) {
    try {
      const answer = addon.has(this.#handle, keyOf(tenantId, key), nextSlot());
      if (typeof answer === "boolean") return Promise.resolve(answer);
      return answer === PENDING ? pend() : Promise.reject(answer);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  getMany(tenantId, keys) {
    return reads.getMany(this.#source, tenantId, keys);
  }

  list(tenantId, range) {
    return reads.list(this.#source, tenantId, range);
  }

  count(tenantId, range) {
    return reads.count(this.#source, tenantId, range);
  }

  keys(tenantId, range) {
    return iterators.keys(this.#source, tenantId, range);
  }

  values(tenantId, range) {
    return iterators.values(this.#source, tenantId, range);
  }

  entries(tenantId, range) {
    return iterators.entries(this.#source, tenantId, range);
  }

  tenants() {
    return reads.tenants(this.#source);
  }

  snapshot() {
    return new Snapshot(this.#source);
  }

  batch(operations, options) {
    return batch(this.#core, operations, options);
  }

  bulkLoad(source, options) {
    return bulkLoad(this.#core, source, options);
  }

  update(tenantId, key, fn) {
    return update(this.#core, tenantId, key, fn);
  }

  transaction(fn, options) {
    return transaction(this.#core, coreOf, fn, options);
  }

  clearTenant(tenantId) {
    try {
      return addon.clear(this.#handle, tenantPrefix(tenantId));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async reset() {
    await addon.reset(this.#handle);
  }

  getCheckpoint(name) {
    return getCheckpoint(this.#core, name);
  }

  checkpoints() {
    return checkpoints(this.#core);
  }

  tenant(tenantId) {
    return new TenantRepository(this, tenantId);
  }

  get state() {
    return addon.state(this.#handle);
  }

  async stats() {
    let text;
    try {
      text = await addon.stats(this.#handle);
    } catch {
      text = addon.counters(this.#handle); // not open, or no thread for a job: what is at hand
    }
    return readStats(text, this.#core.path);
  }

  backup(path, options = {}) {
    return backup(this.#handle, path, options);
  }

  close() {
    if (this.#closing === undefined) {
      this.#closing = addon.close(this.#handle);
      endLoads(this.#core);
    }
    return this.#closing;
  }

  [Symbol.asyncDispose]() {
    return this.close();
  }
}

module.exports = { LMDBXRepository, counters };
