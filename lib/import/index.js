"use strict";
// importDirectory: takes a database of 0.3.x over into a new one.

const fs = require("node:fs");
const path = require("node:path");
const { createError } = require("../errors.js");
const { LMDBXRepository } = require("../repository.js");
const { Carrier } = require("./carry.js");
const { takeOld, failure } = require("./old-files.js");
const { readOptions } = require("./options.js");
const { checkPeer, loadPeer } = require("./peer.js");
const { Source } = require("./source.js");
const { Workspace } = require("./workspace.js");

/** Entries that the report itself holds; onNotCarried is told of all. */
const LISTED = 1_000;
/** A group of large values may be more than waits by default. */
const QUEUED_BYTES = 2 ** 31;
/** What a new database needs beside the data, to be written to: some pages for each commit. */
const SPARE_BYTES = 1024 * 1024;

/**
 * Whether a new database takes a name at all; if not, why not.
 * @returns {Promise<Error & { code: string } | undefined>}
 */
async function refusalOf(target) {
  try {
    await target.ready();
    return undefined;
  } catch (error) {
    if (error.code === "LMDBX_NAME_CONFLICT" || error.code === "LMDBX_DATABASES_FULL") return error;
    throw error;
  }
}

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
    const { names, encodingsGiven, from } = this.#options;
    const there = this.#source.names;
    for (const name of [...(names ?? []), ...encodingsGiven]) {
      if (name === "" || there.includes(name)) continue;
      const others = there.filter((each) => each !== undefined).map((each) => JSON.stringify(each));
      const list = others.length === 0 ? "it has none" : `it has ${others.slice(0, 20).join(", ")}`;
      const message = `${from} has no database named ${JSON.stringify(name)}; ${list}`;
      throw failure("LMDBX_NOT_FOUND", message, from);
    }
    return names === undefined ? there : there.filter((name) => names.includes(name ?? ""));
  }

  #open(name, extra) {
    const encoding = this.#options.targetEncodingOf(name);
    const { compression } = this.#options;
    const config = { path: this.#workspace.new, encoding, compression, maxQueuedBytes: QUEUED_BYTES };
    return new LMDBXRepository({ ...config, ...(name === undefined ? {} : { name }), ...extra });
  }

  async #copy(name) {
    const carrier = new Carrier(this.#source, name, this.#options, this.#notCarried);
    const encoding = this.#options.encodingOf(name);
    const target = this.#open(name);
    try {
      const refusal = await refusalOf(target);
      if (refusal !== undefined) {
        const records = this.#source.count(name);
        this.#notCarried({ database: name, records, code: refusal.code, reason: refusal.message });
        this.#report.databases.push({ name, encoding, records, carried: 0, bytes: 0 });
        this.#report.records += records;
        return undefined;
      }
      const counts = await carrier.copy(target, this.#progress("copy", name));
      const { records, carried, bytes } = counts;
      this.#report.databases.push({ name, encoding, records, carried, bytes });
      this.#report.records += records;
      this.#report.carried += carried;
      this.#report.bytes += bytes;
      return { name, carrier, counts };
    } finally {
      await target.close();
    }
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
    this.#old = takeOld(this.#options.from, this.#workspace.old);
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
      if (this.#report.records > 0 && this.#report.carried === 0) throw this.#nothing();
      for (const each of copied) await this.#verify(each);
      this.#options.signal?.throwIfAborted();
      this.#old.checkUnchanged();
    } finally {
      await main.close();
      await this.#source.close();
    }
  }

  /** Not one record: then the encoding, or the path, is most likely another. */
  #nothing() {
    const { records, notCarried } = this.#report;
    const [first] = notCarried;
    const message = `none of ${records} records can be carried over, so nothing was imported. The first: ${first.reason}. Check the encoding and the names`;
    return Object.assign(failure("LMDBX_DECODE", message, this.#options.from), { notCarried });
  }

  finish() {
    const data = fs.statSync(path.join(this.#options.to, "data.mdb"));
    const needed = data.size + SPARE_BYTES;
    const { mapSize } = this.#options;
    return {
      ...this.#report,
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
  const peer = checked.lmdb === undefined ? loadPeer() : checkPeer(checked.lmdb);
  const workspace = new Workspace(checked.to);
  try {
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
