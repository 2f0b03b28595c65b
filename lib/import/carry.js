"use strict";
// Carries the records of one database over, and compares both sides afterwards. Memory is bounded:
// two groups of writes are under way at most, and nothing is remembered of a record but counts.

const { createError, isLMDBXError } = require("../errors.js");
const { strictText } = require("../strict-text.js");
const { readOldKey } = require("./keys.js");
const { checkJson, same } = require("./compare.js");

/** A group of operations that share a commit. */
const GROUP_RECORDS = 1_000;
const GROUP_BYTES = 1024 * 1024;
/** The bytes of a number of msgpack: one for its type, 8 for what it is. */
const LONGEST_NUMBER = 9;
/** What a new database refuses about a record; anything else ends the import. */
const REFUSALS = new Set([
  "LMDBX_INVALID_KEY",
  "LMDBX_INVALID_VALUE",
  "LMDBX_INVALID_ARGUMENT",
  "LMDBX_KEY_TOO_LARGE",
  "LMDBX_VALUE_TOO_LARGE",
  "LMDBX_NAME_CONFLICT",
]);

/**
 * Runs an operation on every record in groups, one while the next is gathered.
 * @template T
 * @param {Iterable<T & { bytes: number }>} records
 * @param {(record: T) => Promise<void>} run - starts at once; a rejection ends the whole
 * @param {(records: number, bytes: number) => void} [after] - of each group
 */
async function inGroups(records, run, after) {
  let running = Promise.resolve();
  let group = [];
  let bytes = 0;
  const hand = async () => {
    const [started, size] = [group, bytes];
    [group, bytes] = [[], 0];
    await running;
    running = Promise.all(started).then(() => after?.(started.length, size));
    running.catch(() => undefined); // it is awaited one group later
  };
  try {
    for (const record of records) {
      const promise = run(record);
      promise.catch(() => undefined);
      group.push(promise);
      bytes += record.bytes;
      if (group.length >= GROUP_RECORDS || bytes >= GROUP_BYTES) await hand();
    }
  } finally {
    await hand();
    await running;
  }
}

/** Whether bytes are text that people write, without control characters. @param {Buffer} bytes */
function isText(bytes) {
  const text = strictText(bytes);
  return text !== undefined && !/[\u0000-\u001f\u007f-\u009f]/.test(text);
}

/** @param {unknown} value */
function isNumber(value) {
  return typeof value === "number" || typeof value === "bigint";
}

/**
 * What an error says, in terms of the new directory rather than of where we work, and without the
 * key, which stands beside it.
 */
function reasonOf({ message, path }, to) {
  const place = [` (${path}, tenant `, " (tenant "].map((text) => message.indexOf(text));
  const [end = message.length] = place.filter((at) => at >= 0);
  const text = message.slice(0, end);
  return path === undefined ? text : text.replaceAll(path, to);
}

class Carrier {
  #source;
  #name;
  #encoding;
  #targetEncoding;
  #signal;
  #to;
  #report;

  /**
   * @param {import("./source.js").Source} source
   * @param {string | undefined} name - of the database
   * @param {object} options - read by options.js
   * @param {(entry: object) => void} report - of each record that is not carried over
   */
  constructor(source, name, options, report) {
    this.#source = source;
    this.#name = name;
    this.#encoding = options.encodingOf(name);
    this.#targetEncoding = options.targetEncodingOf(name);
    this.#signal = options.signal;
    this.#to = options.to;
    this.#report = report;
  }

  /** Every record of the old side: its key and value, or why it is not carried over. */
  *#records() {
    let before;
    for (const { key, value } of this.#source.records(this.#name)) {
      this.#signal?.throwIfAborted();
      const bytes = key.length + (value?.length ?? 0);
      const owner = readOldKey(key);
      const refuse = (code, reason, cause) => ({ bytes, stored: key, owner, code, reason, cause });
      if (before?.equals(key)) {
        yield refuse(
          "LMDBX_INVALID_KEY",
          "the key has more than one value; the first is carried over",
        );
      } else if ("reason" in owner) {
        yield refuse("LMDBX_INVALID_KEY", owner.reason);
      } else if (value === undefined) {
        yield refuse("LMDBX_CORRUPT", "the value is damaged: it was compressed, and cannot be unpacked");
      } else {
        yield this.#decoded({ bytes, stored: key, owner }, value, refuse);
      }
      before = key;
    }
  }

  #decoded(record, bytes, refuse) {
    let value;
    try {
      value = this.#source.decode(bytes, this.#encoding);
    } catch (cause) {
      const reason = `the value cannot be read as ${this.#encoding}: ${cause.message}`;
      return refuse("LMDBX_DECODE", reason);
    }
    try {
      if (this.#targetEncoding === "json") checkJson(value);
    } catch (error) {
      const reason = isLMDBXError(error)
        ? error.message
        : `the value has no JSON text: ${error.message}`;
      return refuse("LMDBX_INVALID_VALUE", reason);
    }
    return { ...record, value, ambiguous: this.#isAmbiguous(value, bytes) };
  }

  /** Whether a value is a number of msgpack and text as well, as 53 and "5" are the same byte. */
  #isAmbiguous(value, bytes) {
    if (this.#encoding === "msgpack") return isNumber(value) && isText(bytes);
    if (bytes.length > LONGEST_NUMBER) return false;
    try {
      return isNumber(this.#source.decode(bytes, "msgpack"));
    } catch {
      return false;
    }
  }

  #refused(record, code, reason) {
    const { owner, stored } = record;
    const where =
      "tenantId" in owner
        ? { tenantId: owner.tenantId, key: owner.key }
        : { storedKey: owner.text ?? stored.toString("latin1") };
    this.#report({ database: this.#name, ...where, records: 1, code, reason });
  }

  /**
   * Writes all of the old side to the new one.
   * @param {import("../repository.js").LMDBXRepository} target
   * @param {(records: number, bytes: number) => void} after
   */
  async copy(target, after) {
    const counts = { records: 0, carried: 0, refused: 0, undecoded: 0, ambiguous: 0, bytes: 0 };
    const put = async (record) => {
      counts.records++;
      if (record.reason !== undefined) {
        if (record.code === "LMDBX_DECODE") counts.undecoded++;
        return this.#refused(record, record.code, record.reason);
      }
      if (record.ambiguous) counts.ambiguous++;
      try {
        await target.put(record.owner.tenantId, record.owner.key, record.value);
        counts.carried++;
        counts.bytes += record.bytes;
      } catch (error) {
        if (!REFUSALS.has(error.code)) throw error;
        counts.refused++;
        this.#refused(record, error.code, reasonOf(error, this.#to));
      }
    };
    await inGroups(this.#records(), put, after);
    return counts;
  }

  /**
   * Reads both sides and compares them. What was refused is missing, and nothing else: no refused
   * record can be there, so it is enough that there are as many.
   * @param {import("../repository.js").LMDBXRepository} target
   * @param {{ carried: number, refused: number }} counts - of the copy
   * @param {(records: number, bytes: number) => void} after
   */
  async verify(target, counts, after) {
    let found = 0;
    let missing = 0;
    const compare = async (record) => {
      if (record.reason !== undefined) return;
      const { tenantId, key } = record.owner;
      const value = await target.get(tenantId, key);
      if (value === undefined) {
        missing++;
      } else if (same(record.value, value)) {
        found++;
      } else {
        throw createError(
          "LMDBX_INTERNAL",
          "import: a record reads back changed. Nothing was imported; please report it",
          undefined,
          tenantId,
          JSON.stringify(key),
        );
      }
    };
    await inGroups(this.#records(), compare, after);
    if (found !== counts.carried || missing !== counts.refused) {
      const message = `import: ${counts.carried} records were written, but ${found} read back. Nothing was imported; please report it`;
      throw createError("LMDBX_INTERNAL", message);
    }
  }
}

module.exports = { Carrier, reasonOf };
