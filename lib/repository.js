"use strict";
// The class that users meet. Thin: it checks arguments, makes key texts and leaves the rest to the
// addon. Every call returns a promise; mistakes reject it.

const addon = require("./addon.js");
const { readConfig } = require("./config.js");
const { typeError } = require("./errors.js");
const { checkTenant, storedKey, tenantPrefix } = require("./keys.js");

/** @typedef {import("../index.d.ts").LMDBXConfig} LMDBXConfig */

/** @param {unknown} value */
function jsonText(value) {
  let text;
  let cause;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    cause = error;
  }
  if (text !== undefined) return text;
  const reason =
    cause instanceof Error
      ? cause.message
      : value === undefined
        ? "undefined has no JSON text; to remove a record use delete"
        : `a ${typeof value} has no JSON text`;
  throw typeError("LMDBX_INVALID_VALUE", `put: ${reason}`, { cause });
}

/** @param {unknown} value */
function stringText(value) {
  if (typeof value === "string") return value;
  const given = value === null ? "null" : typeof value;
  throw typeError("LMDBX_INVALID_VALUE", `put: encoding "string" stores strings, not ${given}`);
}

const textOf = { json: jsonText, string: stringText };

/**
 * Counters of the core, for tests.
 * @type {(repository: LMDBXRepository) => Record<string, number | string>}
 */
let counters;

class LMDBXRepository {
  static {
    counters = (repository) => JSON.parse(addon.stats(repository.#handle));
  }

  #handle;
  /** @type {((value: unknown) => string) | undefined} undefined: msgpack, encoded in C */
  #textOf;
  /** @type {Promise<void> | undefined} */
  #closing;

  /** @param {LMDBXConfig} config */
  constructor(config) {
    const checked = readConfig(config);
    this.#textOf = textOf[checked.encoding];
    this.#handle = addon.open(JSON.stringify(checked));
  }

  ready() {
    return addon.ready(this.#handle);
  }

  put(tenantId, key, value) {
    try {
      const stored = storedKey(tenantId, key);
      if (this.#textOf === undefined) return addon.put(this.#handle, stored, value);
      return addon.putText(this.#handle, stored, this.#textOf(value));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  get(tenantId, key) {
    try {
      return Promise.resolve(addon.get(this.#handle, storedKey(tenantId, key)));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  delete(tenantId, key) {
    try {
      return addon.delete(this.#handle, storedKey(tenantId, key));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  has(tenantId, key) {
    try {
      return Promise.resolve(addon.has(this.#handle, storedKey(tenantId, key)));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async list(tenantId) {
    let page = addon.list(this.#handle, tenantPrefix(tenantId));
    if (typeof page !== "string") page = await page;
    if (typeof page === "string") return JSON.parse(page);
    const keys = [];
    while (typeof page !== "string") {
      const [text, scan] = page;
      for (const key of JSON.parse(text)) keys.push(key);
      page = await addon.next(scan);
    }
    for (const key of JSON.parse(page)) keys.push(key);
    return keys;
  }

  tenant(tenantId) {
    return new TenantRepository(this, tenantId);
  }

  close() {
    this.#closing ??= addon.close(this.#handle);
    return this.#closing;
  }

  [Symbol.asyncDispose]() {
    return this.close();
  }
}

/** The records of one tenant. Holds the tenant id where code that was given it cannot reach. */
class TenantRepository {
  #repository;
  #tenantId;

  /**
   * @param {LMDBXRepository} repository
   * @param {string} tenantId
   */
  constructor(repository, tenantId) {
    checkTenant(tenantId);
    this.#repository = repository;
    this.#tenantId = tenantId;
  }

  put(key, value) {
    return this.#repository.put(this.#tenantId, key, value);
  }

  get(key) {
    return this.#repository.get(this.#tenantId, key);
  }

  delete(key) {
    return this.#repository.delete(this.#tenantId, key);
  }

  has(key) {
    return this.#repository.has(this.#tenantId, key);
  }

  list() {
    return this.#repository.list(this.#tenantId);
  }
}

module.exports = { LMDBXRepository, counters };
