"use strict";
// classic-level (LevelDB), every write with sync.

const { ClassicLevel } = require("classic-level");

const SYNC = { sync: true };

class LevelRepository {
  constructor(directory, encoding) {
    this.db = new ClassicLevel(directory, {
      keyEncoding: "utf8",
      valueEncoding: encoding === "string" ? "utf8" : "json",
    });
  }

  ready() {
    return this.db.open();
  }

  get(tenantId, key) {
    return this.db.get(`${tenantId}:${JSON.stringify(key)}`);
  }

  put(tenantId, key, value) {
    return this.db.put(`${tenantId}:${JSON.stringify(key)}`, value, SYNC);
  }

  delete(tenantId, key) {
    return this.db.del(`${tenantId}:${JSON.stringify(key)}`, SYNC);
  }

  has(tenantId, key) {
    return this.db.has(`${tenantId}:${JSON.stringify(key)}`);
  }

  async list(tenantId) {
    const keys = await this.db.keys({ gte: `${tenantId}:`, lt: `${tenantId};` }).all();
    return keys.map((key) => JSON.parse(key.slice(tenantId.length + 1)));
  }

  /** Many records at once, when a data set is made: not measured. */
  load(tenantId, keys, values) {
    const put = (key, i) => ({
      type: "put",
      key: `${tenantId}:${JSON.stringify(key)}`,
      value: values[i],
    });
    return this.db.batch(keys.map(put), SYNC);
  }

  close() {
    return this.db.close();
  }
}

/** @param {{ directory: string, encoding: string }} options */
function open({ directory, encoding }) {
  return new LevelRepository(directory, encoding);
}

module.exports = { open };
