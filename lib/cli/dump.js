"use strict";

const fs = require("node:fs");
const { name } = require("../../package.json");
const { DATABASE, DATABASE_HELP, HOPELESS, withRepository } = require("./arguments.js");
const { INCOMPLETE } = require("./exit.js");
const { interruptible } = require("./interrupt.js");
const { LineWriter } = require("./lines.js");
const { counted, finishAnyway, leftOut, note, out, plain } = require("./output.js");
const { Progress } = require("./progress.js");
const { TAGS_HELP, toLine } = require("./tagged.js");
const { createError } = require("../errors.js");

/** What the first line says, so that load knows what it reads. */
const DUMP_VERSION = 1;

/** What may keep hidden entries from being counted; the dump is complete by then. */
const COUNT_FAILURES = new Set(["LMDBX_CORRUPT", "LMDBX_CONFLICT", "LMDBX_SNAPSHOT_EXPIRED"]);
/** Numbers of msgpack whose bytes are one character: of ASCII, or of two bytes. */
const CHARACTERS = [
  [0x20, 0x7e],
  [-0x80, -0x41],
  [0x80, 0xbf],
];

/** @param {unknown} value */
function mayBeCharacter(value) {
  return Number.isInteger(value) && CHARACTERS.some(([from, to]) => from <= value && value <= to);
}

const help = `Writes the records of one database as JSON Lines, to <file> or to standard output: those of
the main database, or with --name those of a named one. A directory can have several, which
stat lists, and each takes a dump of its own.

The first line says what it is a dump of, then comes a record a line, and the last line
says how many there were:

  {"lmdbxDump":1,"name":null,"encoding":"msgpack"}
  {"tenant":"acme","key":"user:123","value":{"name":"Alice"}}
  {"records":1}

${TAGS_HELP}
load reads it back to equal values.

All records are those of one moment, while others may write. Their file grows for as long as
that takes, since what they replace cannot be used again: where a mapSize limits it, rather dump
to a <file> than into a slow pipe. Checkpoints are not dumped, nor are records of other programs,
whose keys are not of the form tenant:JSON: verify lists those.
A <file> is not to exist, and is removed again if it cannot be finished. With it, --json tells
what was left out, and how many records were dumped.

  --tenant T       only this tenant; may be repeated
${DATABASE_HELP}

Exit code 1: some values could not be read, or are too large for a line; they were reported and
left out. Or a tenant that was given has no records. Or, of a dump of all tenants, the database
has records that damaged pages hide.

Examples:
  npx ${name} dump ./data/users users.jsonl
  npx ${name} dump ./data/shop --name orders --tenant acme | gzip > acme.jsonl.gz`;

const options = { ...DATABASE, tenant: { type: "string", multiple: true } };

class Dump {
  /** @type {import("../../index.d.ts").Snapshot} */
  #snapshot;
  #writer;
  #progress = new Progress({ unit: "records" });
  #options;
  #characters = 0;
  records = 0;
  unreadable = 0;

  /**
   * @param {{ signal: AbortSignal, total?: number, encoding: string, isEncodingGiven: boolean,
   *   json?: boolean }} options
   */
  constructor(snapshot, writer, options) {
    this.#snapshot = snapshot;
    this.#writer = writer;
    this.#options = options;
  }

  async #write(tenant, key, value) {
    let line;
    try {
      line = toLine({ tenant, key, value });
    } catch (error) {
      return this.#report(tenant, key, error);
    }
    await this.#writer.write(line);
    this.records++;
    if (mayBeCharacter(value)) this.#characters++;
    this.#progress.show("dumping", this.records, this.#options.total);
  }

  #report(tenant, key, error) {
    this.unreadable++;
    this.#progress.clear();
    const where = `tenant ${JSON.stringify(tenant)}, key ${JSON.stringify(key)}`;
    leftOut(this.#options.json, where, { tenant, key }, error);
    if (this.unreadable === HOPELESS && !this.#options.isEncodingGiven) this.#checkAny();
  }

  #checkAny() {
    if (this.records > 0 || this.unreadable === 0) return;
    const message =
      `dump: none of ${counted(this.unreadable, "value")} can be read as ${this.#options.encoding}. ` +
      "Give --encoding as they were written";
    throw createError("LMDBX_DECODE", message);
  }

  /** Goes on behind a value that cannot be decoded: the error names its key. */
  async tenant(tenant) {
    const { signal } = this.#options;
    let range = { signal };
    for (;;) {
      try {
        for await (const [key, value] of this.#snapshot.entries(tenant, range)) {
          await this.#write(tenant, key, value);
        }
        return;
      } catch (error) {
        if (error.code !== "LMDBX_DECODE" || error.key === undefined) throw error;
        this.#report(tenant, error.key, error);
        range = { gt: error.key, signal };
      }
    }
  }

  /** Whether all that was read may as well be text of another encoding. */
  get isAmbiguous() {
    return this.records > 0 && this.#characters === this.records;
  }

  /** Writes the last line. */
  async finish() {
    this.#checkAny();
    await this.#writer.write(JSON.stringify({ records: this.records }));
    await this.#writer.end();
  }

  end() {
    this.#progress.clear();
  }
}

/**
 * How many entries damaged pages hide.
 * @param {Promise<number>} counting
 * @returns {Promise<number | null>} null: that cannot be told, as was said
 */
async function unlessUnknown(counting) {
  try {
    return await counting;
  } catch (error) {
    if (!COUNT_FAILURES.has(error.code)) throw error;
    note(plain(`whether damaged pages hide more cannot be told: ${error.message}`));
    return null;
  }
}

/** @returns {Promise<string[]>} those of the tenants that have no records */
async function dumpTenants(dump, tenants) {
  const empty = [];
  for (const tenant of new Set(tenants)) {
    const before = dump.records + dump.unreadable;
    await dump.tenant(tenant);
    if (dump.records + dump.unreadable === before) empty.push(tenant);
  }
  return empty;
}

async function dumpTo(writer, repository, values, signal) {
  const { inspect } = require("../snapshot.js"); // loads the addon
  const { name: database = null, encoding = "msgpack", tenant: given, json } = values;
  const total = given ? undefined : (await repository.stats()).entries;
  const moment = repository.snapshot();
  const isEncodingGiven = values.encoding !== undefined;
  const dump = new Dump(moment, writer, { signal, total, encoding, isEncodingGiven, json });
  try {
    await writer.write(JSON.stringify({ lmdbxDump: DUMP_VERSION, name: database, encoding }));
    const empty = await dumpTenants(dump, given ?? (await inspect.tenants(moment)));
    await dump.finish();
    // Whoever wants some tenants need not read, nor be kept by damage of, all others.
    const hidden = given ? undefined : await unlessUnknown(inspect.countHidden(moment, signal));
    return { dump, empty, hidden };
  } finally {
    dump.end();
    moment.close();
  }
}

/** What there is to say of a dump as a whole, beside what was left out. */
function remark({ records, isAmbiguous }, empty, hidden, encoding) {
  for (const tenant of empty) note(plain(`tenant ${JSON.stringify(tenant)} has no records`));
  if (hidden > 0) {
    note(`damaged pages hide ${counted(hidden, "entry", "entries")} of the database: see verify`);
  }
  if (isAmbiguous && encoding === undefined) {
    note(
      `what was read as ${counted(records, "number")} of msgpack may be single characters of json ` +
        "or string: if they were written as those, dump again with --encoding",
    );
  }
}

async function run([directory, file], values) {
  const json = values.json && file !== undefined; // else standard output is the dump's
  const work = (signal) =>
    withRepository(directory, values, async (repository) => {
      const writer = new LineWriter(file, signal);
      try {
        return await dumpTo(writer, repository, { ...values, json }, signal);
      } catch (error) {
        writer.abandon();
        throw error;
      }
    });
  if (file !== undefined) finishAnyway();
  const { dump, empty, hidden } = await interruptible(work);
  const { records, unreadable } = dump;
  const report = { type: "report", file, records, leftOut: unreadable, empty, hidden };
  if (json) out(JSON.stringify(report));
  else if (file !== undefined) note(`${counted(records, "record")} dumped to ${file}`);
  remark(dump, empty, hidden, values.encoding);
  return unreadable + empty.length > 0 || hidden === null || hidden > 0 ? INCOMPLETE : undefined;
}

/** The file, unless it is another's, which is there already. */
function leftovers([, file]) {
  const isMade = file !== undefined && !fs.lstatSync(file, { throwIfNoEntry: false });
  return () => (isMade ? [file] : []);
}

module.exports = {
  ...{ DUMP_VERSION, leftovers },
  name: "dump",
  summary: "write records as JSON Lines that keep all types",
  usage: "<path> [<file>] [options]",
  positionals: [1, 2],
  options,
  help,
  run,
};
