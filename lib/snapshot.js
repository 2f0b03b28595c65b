"use strict";
// A snapshot: the records as they were at one moment.

const addon = require("./addon.js");
const iterators = require("./iterators.js");
const reads = require("./reads.js");
const { TenantReads } = require("./tenant.js");

/** What the command asks of a snapshot beyond what others do. */
const inspect = {};

class Snapshot {
  /** @type {import("./reads.js").Source} Keeps the repository alive, too. */
  #source;

  static {
    inspect.tenants = (snapshot) => reads.tenants(snapshot.#source);
    inspect.countHidden = (snapshot, signal) => reads.countHidden(snapshot.#source, signal);
  }

  /** @param {import("./reads.js").Source} source - a repository */
  constructor(source) {
    this.#source = { ...source, snapshot: addon.snapshot(source.repository) };
  }

  get(tenantId, key) {
    return reads.get(this.#source, tenantId, key);
  }

  has(tenantId, key) {
    return reads.has(this.#source, tenantId, key);
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

  tenant(tenantId) {
    return new TenantSnapshot(this, tenantId);
  }

  close() {
    addon.closeSnapshot(this.#source.snapshot);
  }

  [Symbol.dispose]() {
    this.close();
  }
}

/** One tenant's part of a snapshot. */
class TenantSnapshot extends TenantReads {
  #snapshot;

  /**
   * @param {Snapshot} snapshot
   * @param {string} tenantId
   */
  constructor(snapshot, tenantId) {
    super(snapshot, tenantId);
    this.#snapshot = snapshot;
  }

  close() {
    this.#snapshot.close();
  }

  [Symbol.dispose]() {
    this.close();
  }
}

module.exports = { Snapshot, inspect };
