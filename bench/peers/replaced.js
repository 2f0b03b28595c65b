"use strict";
// The package that this one replaces, rebuilt from its documentation: a wrapper over npm lmdb with
// keys `tenantId:JSON(key)`. Its promises resolve when lmdb has flushed the commit.

class ReplacedRepository {
  /** @param {{ open: Function }} [lmdb] - the version to use; the tests try several */
  constructor({ path, name, compression, encoding = "msgpack", mapSize, ...rest }, lmdb = require("lmdb")) {
    this.db = lmdb.open({ path, name, compression, encoding, mapSize, ...rest });
  }

  makeKey(tenantId, key) {
    return `${tenantId}:${JSON.stringify(key)}`;
  }

  async get(tenantId, key) {
    return this.db.get(this.makeKey(tenantId, key));
  }

  async put(tenantId, key, value) {
    await this.db.put(this.makeKey(tenantId, key), value);
  }

  async delete(tenantId, key) {
    await this.db.remove(this.makeKey(tenantId, key));
  }

  async has(tenantId, key) {
    return this.db.doesExist(this.makeKey(tenantId, key));
  }

  async list(tenantId) {
    const prefix = `${tenantId}:`;
    const keys = [];
    // ";" follows ":", so that the range ends with the prefix.
    for (const key of this.db.getKeys({ start: prefix, end: `${tenantId};` })) {
      keys.push(JSON.parse(key.slice(prefix.length)));
    }
    return keys;
  }

  async close() {
    await this.db.close();
  }
}

/** @param {{ directory: string, encoding: string, readOnly?: boolean }} options */
function open({ directory, encoding, readOnly }) {
  // readOnly is lmdb's own option: the documented configuration had none.
  return new ReplacedRepository({ path: directory, encoding, ...(readOnly ? { readOnly } : {}) });
}

module.exports = { open, ReplacedRepository };
