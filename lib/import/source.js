"use strict";
// Reads an old database through npm lmdb, as bytes: its records are decoded here or by lmdb's own
// decoder, so that nothing is taken for what it is not.

const { failure } = require("./failure.js");
const { isPacked, isWhole } = require("./packed.js");
const { strictText } = require("../strict-text.js");

/** Named databases that are looked at; a new database holds fewer. */
const MAX_DATABASES = 4096;
/** What the main database stores for a named one: struct MDB_db, with its flags and its depth. */
const RECORD_SIZE = 48;
const RECORD_FLAGS = 0x11ff;
const MOST_DEPTH = 32;
const NO_PAGE = 0xffffffffffffffffn;
/** Sorts before every key. */
const START = Buffer.from([0]);

/** The byte that msgpack never uses: lmdb's decoder makes an object of its own of it. */
const NEVER_USED = 0xc1;

/** @param {Uint8Array} bytes */
function asBuffer(bytes) {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The name that a key of the main database stands for: lmdb stores its NUL, too. */
function nameOf(key) {
  return key.toString().replace(/\0$/, "");
}

/** @param {Buffer} bytes */
function decodeText(bytes) {
  const text = strictText(bytes);
  if (text === undefined) throw new Error("it is not valid UTF-8");
  return text;
}

class Source {
  #root;
  #old;
  #transaction;
  #decoder;
  /** @type {Map<string | undefined, { plain: any, packed: any }>} */
  #databases = new Map();

  /**
   * @param {{ open: Function }} peer
   * @param {Awaited<ReturnType<import("./old-files.js").takeOld>>} old
   */
  constructor(peer, old) {
    this.#old = old;
    try {
      this.#root = peer.open({
        path: old.directory,
        noSubdir: false,
        readOnly: !old.recover,
        maxDbs: MAX_DATABASES,
        encoding: "binary",
        keyEncoding: "binary",
      });
      this.#decoder = this.#open(null, { encoding: "msgpack" }).decoder;
      this.#databases.set(undefined, this.#handles(undefined));
      for (const name of this.#names()) this.#databases.set(name, this.#handles(name));
    } catch (cause) {
      const message = `npm lmdb cannot open the old database: ${cause.message}`;
      throw Object.assign(failure("LMDBX_CORRUPT", message), { cause });
    }
    // One moment for all that is read.
    this.#transaction = this.#root.useReadTransaction();
  }

  #open(name, options) {
    return this.#root.openDB(name, { keyEncoding: "binary", create: false, ...options });
  }

  #handles(name) {
    return {
      plain: this.#open(name ?? null, { encoding: "binary", compression: false }),
      packed: this.#open(name ?? null, { encoding: "binary", compression: true }),
    };
  }

  /** Names of named databases: lmdb stores them as keys of the main one. */
  #names() {
    const names = [];
    for (const { key, value } of this.#root.getRange({ start: START })) {
      if (this.#looksLikeDatabase(asBuffer(value))) names.push(nameOf(asBuffer(key)));
    }
    // Only now: opening one ends the read transaction.
    return names.filter((name) => {
      try {
        return this.#open(name, { encoding: "binary" }) !== undefined;
      } catch {
        return false; // a record that looks like one
      }
    });
  }

  /** @param {Buffer} value */
  #looksLikeDatabase(value) {
    if (value.length !== RECORD_SIZE || (value.readUInt16LE(4) & ~RECORD_FLAGS) !== 0) return false;
    const root = value.readBigUInt64LE(40);
    const isPage = root === NO_PAGE || root <= this.#old.lastPage;
    return isPage && value.readUInt16LE(6) <= MOST_DEPTH;
  }

  /** The names of its databases: undefined is the main one. */
  get names() {
    return [...this.#databases.keys()];
  }

  /** @param {string | undefined} name */
  count(name) {
    const entries = this.#databases.get(name).plain.getStats().entryCount;
    return name === undefined ? entries - (this.#databases.size - 1) : entries;
  }

  /**
   * The records of a database, as bytes, values unpacked; undefined is one that cannot be.
   * @param {string | undefined} name
   * @returns {Generator<{ key: Buffer, value: Buffer | undefined }>}
   */
  *records(name) {
    const { plain, packed } = this.#databases.get(name);
    const transaction = this.#transaction;
    for (const record of plain.getRange({ start: START, transaction })) {
      const key = Buffer.from(record.key);
      let value = asBuffer(record.value);
      if (name === undefined && this.#isName(key, value)) continue;
      if (isPacked(value)) {
        value = isWhole(value) ? asBuffer(packed.getBinary(key, { transaction })) : undefined;
      }
      yield { key, value };
    }
  }

  #isName(key, value) {
    return value.length === RECORD_SIZE && this.#databases.has(nameOf(key));
  }

  /**
   * Decodes a value as 0.3.x did, but throws where it would have guessed.
   * @param {Buffer} bytes
   * @param {"msgpack" | "json" | "string"} encoding
   */
  decode(bytes, encoding) {
    if (encoding === "string") return decodeText(bytes);
    if (encoding === "json") return JSON.parse(decodeText(bytes));
    if (bytes.length === 0) throw new Error("it has no bytes");
    if (bytes[0] === NEVER_USED) throw new Error("it begins with a byte that msgpack does not use");
    return this.#decoder.decode(bytes);
  }

  async close() {
    this.#transaction.done();
    await this.#root.close();
  }
}

module.exports = { Source };
