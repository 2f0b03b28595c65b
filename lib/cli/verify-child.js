"use strict";
// What verify runs in a process of its own, since LMDB can crash on damaged pages: looks at every
// page, gets every record that lies on sound ones, and says what it finds, a JSON text a line.

const fs = require("node:fs");
const path = require("node:path");
const { readCheckpointKey, readStoredKey } = require("./stored.js");
const { newestMeta } = require("./meta.js");
const { walkPages } = require("./pages.js");
const { strictText } = require("../strict-text.js");

/** Records that are got together. */
const GROUP = 500;
/** Why a database cannot be opened that may well be sound. */
const NO_DAMAGE = [
  ...["LMDBX_ACCESS", "LMDBX_LOCK_FORMAT", "LMDBX_NETWORK_FS", "LMDBX_NO_MEMORY"],
  ...["LMDBX_NO_SPACE", "LMDBX_PID_CLASH", "LMDBX_READERS_FULL"],
];
/** Of a value: memory may run out where its size is damaged. */
const NO_DAMAGE_OF_VALUE = ["LMDBX_READERS_FULL"];

const { directory, encodings, encoding, skip, oneByOne, pagesOnly } = JSON.parse(process.argv[2]);
const data = path.join(directory, "data.mdb");

/** At once, also just before a crash. */
function say(event) {
  let bytes = Buffer.from(`${JSON.stringify(event)}\n`);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(fs.writeSync(1, bytes));
    } catch (error) {
      if (error.code !== "EAGAIN") throw error; // a full pipe
    }
  }
}

/** @param {Buffer | undefined} key */
const shownKey = (key) =>
  key === undefined ? undefined : (strictText(key) ?? key.toString("latin1"));

/** Whether opening was refused for another reason than damage, such as a format that is not ours. */
function isRefusal(code, isMain) {
  if (NO_DAMAGE.includes(code)) return true;
  if (!isMain) return false;
  return code === "LMDBX_NOT_FOUND" || (code === "LMDBX_FORMAT" && newestMeta(data) === undefined);
}

/** Ends it all: there is no telling what is damaged. */
function refuse({ code, message }) {
  say({ type: "refused", code, reason: message });
  process.exit();
}

class Repositories {
  /** Promises, since a whole group asks for a database at once. */
  #opened = new Map();
  #pins = [];

  /** The database of a name, open for reading; undefined if that failed, which was said. */
  get(name) {
    if (!this.#opened.has(name)) this.#opened.set(name, this.#open(name));
    return this.#opened.get(name);
  }

  async #open(name) {
    say({ type: "opening", database: name ?? null });
    const repository = await this.#start(name);
    say({ type: "opened" });
    return repository;
  }

  async #start(name) {
    const { LMDBXRepository } = require("../repository.js");
    try {
      const own = name ?? "";
      const config = {
        path: directory,
        encoding: Object.hasOwn(encodings, own) ? encodings[own] : encoding,
        readOnly: true,
      };
      const named = name === undefined ? {} : { name };
      const repository = new LMDBXRepository({ ...config, ...named, reads: "pool" });
      await repository.ready();
      // A read transaction keeps the pages that are looked at from being written over.
      this.#pins.push(repository.snapshot());
      await this.#pins.at(-1).has("lmdbx", null);
      return repository;
    } catch (error) {
      const { code, message } = error;
      if (isRefusal(code, name === undefined)) refuse(error);
      say({ type: "finding", what: "unopened", database: name ?? null, code, reason: message });
      return undefined;
    }
  }
}

const repositories = new Repositories();
let records = 0;
let values = 0;
/** Databases of which a value could be read. */
const readable = new Set();

/** How a record is got, and what findings call it; undefined: it is none of ours. */
function readerOf(key) {
  const checkpoint = readCheckpointKey(key);
  if (checkpoint !== undefined) {
    return { place: { checkpoint }, get: (repository) => repository.getCheckpoint(checkpoint) };
  }
  const owner = readStoredKey(key);
  if (owner === undefined) return undefined;
  const { tenantId: tenant, key: own } = owner;
  return { place: { tenant, key: own }, get: (repository) => repository.get(tenant, own) };
}

function countRead(database) {
  values++;
  if (readable.has(database)) return;
  readable.add(database);
  say({ type: "readable", database: database ?? null });
}

/** Gets a record; what is wrong with it. */
async function look({ database, key }) {
  const reader = readerOf(key);
  const finding = (what, more) =>
    ({ type: "finding", what, database: database ?? null, ...reader?.place, ...more });
  if (reader === undefined) return finding("foreign", { storedKey: shownKey(key) });
  const repository = await repositories.get(database);
  if (repository === undefined) return undefined;
  try {
    if ((await reader.get(repository)) !== undefined) countRead(database);
    else if (!isWrittenTo()) return finding("unfound");
  } catch (error) {
    const { code, message } = error;
    if (NO_DAMAGE_OF_VALUE.includes(code)) refuse(error);
    return finding("unreadable", { code, reason: message });
  }
  return undefined;
}

/**
 * Says the findings when all are known: what can be read is said before, and a crash meanwhile has
 * all of them looked at once more.
 * @param {Promise<object | undefined>[]} group
 */
async function sayAll(group) {
  for (const finding of await Promise.all(group)) if (finding) say(finding);
}

/** The last transaction: while it stays, nothing was written. */
const lastTransaction = () => newestMeta(data)?.transaction;

let atStart;
function isWrittenTo() {
  return lastTransaction() !== atStart;
}

async function main() {
  if (!pagesOnly) await repositories.get(undefined);
  atStart = lastTransaction();
  const walk = walkPages(data, {
    damaged({ page, what, from, to, ...place }) {
      if ("database" in place) place.database ??= null; // JSON knows no undefined
      say({
        type: "finding",
        what: "damaged",
        page,
        ...place,
        reason: what,
        from: shownKey(from),
        to: shownKey(to),
      });
    },
    progress: (pages, total) => say({ type: "progress", pages, total }),
  });
  let group = [];
  let next = walk.next();
  for (; !next.done; next = walk.next()) {
    const { database, key } = next.value;
    if (++records <= skip || pagesOnly) continue;
    if (oneByOne)
      say({ type: "at", record: records, database: database ?? null, storedKey: shownKey(key) });
    group.push(look({ database, key: Buffer.from(key) }));
    if (oneByOne || group.length === GROUP) {
      await sayAll(group);
      group = [];
      if (!oneByOne) say({ type: "at", record: records });
    }
  }
  await sayAll(group);
  const { transaction, ...pages } = next.value ?? {};
  say({ type: "end", sound: next.value !== undefined, records, values, ...pages });
  process.exit(0);
}

// Ctrl-C in a terminal comes here, too, and who started this decides. Exiting gives the reader
// slots back.
process.on("SIGINT", () => undefined);
process.on("SIGTERM", () => process.exit());
main();
