"use strict";
// importDirectory: takes a database of 0.3.x over into a new one.

const fs = require("node:fs");
const path = require("node:path");
const { createError } = require("../errors.js");
const { LMDBXRepository } = require("../repository.js");
const { Carrier, reasonOf } = require("./carry.js");
const { failure } = require("./failure.js");
const { readOld, takeOld } = require("./old-files.js");
const { readOptions } = require("./options.js");
const { checkPeer, loadPeer } = require("./peer.js");
const { Source } = require("./source.js");
const { Workspace } = require("./workspace.js");

/** Entries that the report itself holds; onNotCarried is told of all. */
const LISTED = 1_000;
/** A group of large values may be more than waits by default. */
const QUEUED_BYTES = 2 ** 31;
/**
 * What a new database needs beside the data, to be written to. A commit writes anew what it changes, as
 * the next may before what the first replaced is free: twice the data, or what two of the largest write.
 */
const LARGEST_COMMIT = 512 * 1024 * 1024;
const SPARE_BYTES = 1024 * 1024;
const neededFor = (size) => size + 2 * Math.min(size, LARGEST_COMMIT) + SPARE_BYTES;

/** What a new directory may have against a named database as a whole. */
const NAME_REFUSALS = new Set([
  "LMDBX_INVALID_CONFIG",
  "LMDBX_NAME_CONFLICT",
  "LMDBX_DATABASES_FULL",
]);

/** What opening says of too many names would be no advice here. */
const FULL =
  "the new directory has as many named databases as it can hold. Import this one to another " +
  "path, by its name (names, or --name)";

const RENAME = ". Import it by another name (rename, or --rename)";

class Import {
  #options;
  #workspace;
  #source;
  #old;
  #started = Date.now();
  #report;
  #done = { copy: 0, verify: 0 };
  #total = 0;

  constructor(options, workspace) {
    this.#options = options;
    this.#workspace = workspace;
    this.#report = {
      from: options.from,
      to: options.to,
      databases: [],
      records: 0,
      carried: 0,
      bytes: 0,
      notCarried: [],
      notCarriedCount: 0,
    };
  }

  #notCarried = (entry) => {
    this.#report.notCarriedCount += entry.records;
    if (this.#report.notCarried.length < LISTED) this.#report.notCarried.push(entry);
    this.#options.onNotCarried?.(entry);
  };

  /** @param {"copy" | "verify"} phase @param {string | undefined} database */
  #progress(phase, database) {
    return (records) => {
      this.#done[phase] += records;
      this.#options.onProgress?.({
        phase,
        database,
        records: this.#done[phase],
        total: Math.max(this.#total, this.#done[phase]),
        milliseconds: Date.now() - this.#started,
      });
    };
  }

  #names() {
    const { names, encodingsGiven, renamed, from } = this.#options;
    const there = this.#source.names;
    for (const name of [...(names ?? []), ...encodingsGiven, ...renamed]) {
      if (name === "" || there.includes(name)) continue;
      const others = there.filter((each) => each !== undefined).map((each) => JSON.stringify(each));
      const list = others.length === 0 ? "it has none" : `it has ${others.slice(0, 20).join(", ")}`;
      const message = `${from} has no database named ${JSON.stringify(name)}; ${list}`;
      throw failure("LMDBX_NOT_FOUND", message, from);
    }
    const wanted =
      names === undefined ? there : there.filter((name) => names.includes(name ?? ""));
    this.#checkNewNames(wanted);
    return wanted;
  }

  #checkNewNames(names) {
    const taken = new Set();
    for (const name of names.map(this.#options.newNameOf)) {
      if (taken.has(name)) {
        const message = `two databases would be named ${JSON.stringify(name)}; give another name with rename, or --rename`;
        throw failure("LMDBX_NAME_CONFLICT", message, this.#options.from);
      }
      taken.add(name);
    }
  }

  /** @param {string | undefined} name - that of the old side */
  #open(name, extra) {
    const newName = this.#options.newNameOf(name);
    const encoding = this.#options.targetEncodingOf(name);
    const { compression } = this.#options;
    const config = {
      path: this.#workspace.new,
      encoding,
      compression,
      maxQueuedBytes: QUEUED_BYTES,
    };
    return new LMDBXRepository({ ...config, ...(newName === undefined ? {} : { name: newName }), ...extra });
  }

  /** The new database, open; or undefined, and then that was reported. */
  async #create(name) {
    let target;
    try {
      target = this.#open(name);
      await target.ready();
      return target;
    } catch (error) {
      await target?.close();
      if (name === undefined || !NAME_REFUSALS.has(error.code)) throw error;
      const records = this.#source.count(name);
      const { code } = error;
      const said = reasonOf(error, this.#options.to);
      const reason = code === "LMDBX_DATABASES_FULL" ? FULL : `${said}${RENAME}`;
      this.#notCarried({ database: name, records, code, reason });
      this.#add({ name, encoding: this.#options.encodingOf(name), records, carried: 0, bytes: 0 });
      return undefined;
    }
  }

  #add(database) {
    const newName = this.#options.newNameOf(database.name);
    this.#report.databases.push({ ...database, newName });
    this.#report.records += database.records;
    this.#report.carried += database.carried;
    this.#report.bytes += database.bytes;
  }

  async #copy(name) {
    const target = await this.#create(name);
    if (target === undefined) return undefined;
    try {
      const carrier = new Carrier(this.#source, name, this.#options, this.#notCarried);
      const counts = await carrier.copy(target, this.#progress("copy", name));
      const { records, carried, bytes } = counts;
      const encoding = this.#options.encodingOf(name);
      this.#checkEncoding(name, encoding, counts);
      this.#add({ name, encoding, records, carried, bytes });
      return { name, carrier, counts };
    } finally {
      await target.close();
    }
  }

  /**
   * Refuses what was probably written with another encoding: where most values are none of it, some
   * of the others only look like ones; and a digit of JSON, or a few letters, are a number of msgpack, too.
   * Who gives an encoding gets what is written in it, unless nothing is beyond doubt.
   */
  #checkEncoding(name, encoding, { records, carried, refused, undecoded, ambiguous }) {
    const database = name === undefined ? "the main database" : `database ${JSON.stringify(name)}`;
    const isGiven = this.#options.isEncodingGiven(name);
    const decoded = carried + refused;
    let what;
    if (undecoded > records / 2 && (!isGiven || ambiguous === decoded)) {
      what = `${undecoded} of ${records} values of ${database} cannot be read as ${encoding}`;
    } else if (ambiguous > 0 && ambiguous === decoded && !isGiven) {
      what = `the values of ${database} may be numbers of msgpack, or short texts of json or string`;
    } else {
      return;
    }
    const advice =
      "Give the encoding that it was written with (encoding or encodings, or --encoding)";
    throw failure("LMDBX_DECODE", `${what}, so nothing was imported. ${advice}`, this.#options.from);
  }

  async #verify({ name, carrier, counts }) {
    const target = this.#open(name, { readOnly: true });
    try {
      await carrier.verify(target, counts, this.#progress("verify", name));
    } finally {
      await target.close();
    }
  }

  /** Opens both sides, carries everything over, and compares. */
  async run(peer) {
    this.#old = await takeOld(this.#options.from, this.#workspace.old);
    this.#options.signal?.throwIfAborted();
    this.#source = new Source(peer, this.#old);
    // There is a new database also where nothing is in it; and all share one environment.
    const main = this.#open(undefined);
    try {
      await main.ready();
      const names = this.#names();
      for (const name of names) this.#total += this.#source.count(name);
      const copied = [];
      for (const name of names) {
        const each = await this.#copy(name);
        if (each !== undefined) copied.push(each);
      }
      for (const each of copied) await this.#verify(each);
      this.#options.signal?.throwIfAborted();
      this.#old.checkUnchanged();
    } catch (error) {
      // What was read while somebody wrote can look like anything.
      this.#old.checkUnchanged();
      throw error;
    } finally {
      await main.close();
      await this.#source.close();
    }
  }

  finish() {
    const data = fs.statSync(path.join(this.#options.to, "data.mdb"));
    const needed = neededFor(data.size);
    const { mapSize } = this.#options;
    return {
      ...this.#report,
      recovered: this.#old.recover,
      milliseconds: Date.now() - this.#started,
      neededMapSize: needed,
      ...(mapSize === undefined ? {} : { mapSizeSuffices: mapSize >= needed }),
    };
  }
}

/**
 * @param {import("../../import.d.ts").ImportOptions} options
 * @returns {Promise<import("../../import.d.ts").ImportReport>}
 */
async function importDirectory(options) {
  const checked = readOptions(options);
  readOld(checked.from); // before it asks for what reads it
  const peer = checked.lmdb === undefined ? loadPeer() : checkPeer(checked.lmdb);
  const workspace = new Workspace(checked.to);
  try {
    workspace.create();
    const work = new Import(checked, workspace);
    await work.run(peer);
    workspace.publish();
    return work.finish();
  } catch (error) {
    if (checked.signal?.aborted) throw aborted(checked, error);
    throw error;
  } finally {
    workspace.remove();
  }
}

function aborted({ to, signal }, error) {
  if (error !== signal.reason) return error;
  const message = `import: stopped as asked; nothing was imported to ${to}`;
  return Object.assign(createError("LMDBX_ABORTED", message, to), { cause: error });
}

module.exports = { importDirectory };
