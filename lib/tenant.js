"use strict";
// Views of one tenant. They hold the tenant id where code that was given one cannot reach it.

const { checkTenant } = require("./keys.js");

/** The reading calls of a repository or a snapshot, without the tenant argument. */
class TenantReads {
  #source;
  #tenantId;

  /**
   * @param {object} source - a repository or a snapshot
   * @param {string} tenantId
   */
  constructor(source, tenantId) {
    checkTenant(tenantId);
    this.#source = source;
    this.#tenantId = tenantId;
  }

  get(key) {
    return this.#source.get(this.#tenantId, key);
  }

  has(key) {
    return this.#source.has(this.#tenantId, key);
  }

  getMany(keys) {
    return this.#source.getMany(this.#tenantId, keys);
  }

  list(range) {
    return this.#source.list(this.#tenantId, range);
  }

  count(range) {
    return this.#source.count(this.#tenantId, range);
  }

  keys(range) {
    return this.#source.keys(this.#tenantId, range);
  }

  values(range) {
    return this.#source.values(this.#tenantId, range);
  }

  entries(range) {
    return this.#source.entries(this.#tenantId, range);
  }
}

class TenantRepository extends TenantReads {
  #repository;
  #tenantId;

  /**
   * @param {import("./repository.js").LMDBXRepository} repository
   * @param {string} tenantId
   */
  constructor(repository, tenantId) {
    super(repository, tenantId);
    this.#repository = repository;
    this.#tenantId = tenantId;
  }

  put(key, value) {
    return this.#repository.put(this.#tenantId, key, value);
  }

  delete(key) {
    return this.#repository.delete(this.#tenantId, key);
  }

  update(key, fn) {
    return this.#repository.update(this.#tenantId, key, fn);
  }

  clear() {
    return this.#repository.clearTenant(this.#tenantId);
  }

  snapshot() {
    return this.#repository.snapshot().tenant(this.#tenantId);
  }
}

module.exports = { TenantReads, TenantRepository };
