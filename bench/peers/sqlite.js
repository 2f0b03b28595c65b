"use strict";
// SQLite, by better-sqlite3 in Node.js and bun:sqlite in Bun: WAL, synchronous=FULL, values as JSON
// text, and one transaction for all writes of one turn of the event loop.

const path = require("node:path");

const inBun = process.versions.bun !== undefined;
const Database = inBun ? require("bun:sqlite").Database : require("better-sqlite3");

/** Kinds of records above a twentieth of a page, for which SQLite advises against WITHOUT ROWID. */
const LARGE = ["wide", "lines", "big", "cold"];
/** So that hot records are in its cache. */
const CACHE_KB = 256 * 1024;

class SQLiteRepository {
  constructor({ directory, encoding, kind }) {
    this.db = new Database(path.join(directory, "data.sqlite"));
    this.db.exec("PRAGMA journal_mode = WAL");
    this.db.exec("PRAGMA synchronous = FULL");
    this.db.exec(`PRAGMA cache_size = -${CACHE_KB}`);
    const form = LARGE.includes(kind) ? "" : "WITHOUT ROWID";
    this.db.exec(`CREATE TABLE IF NOT EXISTS records (key TEXT PRIMARY KEY, value TEXT) ${form}`);
    this.begin = this.db.prepare("BEGIN IMMEDIATE");
    this.commit = this.db.prepare("COMMIT");
    this.select = this.db.prepare("SELECT value FROM records WHERE key = ?");
    this.exists = this.db.prepare("SELECT 1 FROM records WHERE key = ?");
    this.insert = this.db.prepare("INSERT OR REPLACE INTO records VALUES (?, ?)");
    this.remove = this.db.prepare("DELETE FROM records WHERE key = ?");
    this.keys = this.db.prepare("SELECT key FROM records WHERE key >= ? AND key < ? ORDER BY key");
    if (!inBun) this.keys.raw();
    this.encode = encoding === "string" ? (value) => value : JSON.stringify;
    this.decode = encoding === "string" ? (text) => text : JSON.parse;
    this.queue = [];
  }

  async get(tenantId, key) {
    const row = this.select.get(`${tenantId}:${JSON.stringify(key)}`);
    return row ? this.decode(row.value) : undefined;
  }

  async has(tenantId, key) {
    return Boolean(this.exists.get(`${tenantId}:${JSON.stringify(key)}`));
  }

  put(tenantId, key, value) {
    const text = this.encode(value);
    return this.write((storedKey) => this.insert.run(storedKey, text), tenantId, key);
  }

  delete(tenantId, key) {
    return this.write((storedKey) => this.remove.run(storedKey), tenantId, key);
  }

  async list(tenantId) {
    const range = [`${tenantId}:`, `${tenantId};`];
    const rows = inBun ? this.keys.values(...range) : this.keys.all(...range);
    return rows.map(([key]) => JSON.parse(key.slice(tenantId.length + 1)));
  }

  write(run, tenantId, key) {
    const storedKey = `${tenantId}:${JSON.stringify(key)}`;
    return new Promise((resolve) => {
      if (this.queue.length === 0) setImmediate(() => this.flush());
      this.queue.push({ run, storedKey, resolve });
    });
  }

  flush() {
    const group = this.queue;
    this.queue = [];
    this.begin.run();
    for (const { run, storedKey } of group) run(storedKey);
    this.commit.run();
    for (const { resolve } of group) resolve();
  }

  async close() {
    this.db.close();
  }
}

/** @param {{ directory: string, encoding: string, kind: string }} options */
function open(options) {
  return new SQLiteRepository(options);
}

module.exports = { open };
