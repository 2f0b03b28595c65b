"use strict";

const { name } = require("../../package.json");
const { DATABASE, MAP_SIZE, readMapSize, withRepository } = require("./arguments.js");
const { DUMP_VERSION } = require("./dump.js");
const { INCOMPLETE, UsageError } = require("./exit.js");
const { readLines } = require("./lines.js");
const { note, number, out, plain } = require("./output.js");
const { Progress } = require("./progress.js");
const { fromTagged } = require("./tagged.js");

/** Puts that are under way together, and share commits. */
const GROUP_RECORDS = 1_000;
const GROUP_BYTES = 4 * 1024 * 1024;
const RECORD_FIELDS = ["tenant", "key", "value"];

const help = `Reads records in the format of dump from <file> or standard input, and puts them. A record
whose key exists already is replaced. The first and the last line of a dump may be missing.

  --create         create the database if there is none
  --compression    compress values
  --map-size BYTES the mapSize you configure, which limits the database here, too (k, M, G)
  --name N         the named database; without it, that of the dump, or the main one
  --encoding E     how values are written; without it, that of the dump, or msgpack

Exit code 1: some lines were no records, or were refused; they were reported and left out; or
the dump was cut off.

Examples:
  npx ${name} load ./data/copy users.jsonl --create
  zcat acme.jsonl.gz | npx ${name} load ./data/shop --name orders --encoding json`;

const options = {
  ...DATABASE,
  ...MAP_SIZE,
  create: { type: "boolean" },
  compression: { type: "boolean" },
};

/** @param {string} text */
function parse(text) {
  const line = JSON.parse(text);
  if (typeof line !== "object" || line === null || Array.isArray(line))
    throw new SyntaxError("is no object");
  return line;
}

/** @param {object} line */
function readRecord(line) {
  for (const field of RECORD_FIELDS) {
    if (!Object.hasOwn(line, field)) throw new SyntaxError(`has no ${field}`);
  }
  return { tenant: line.tenant, key: line.key, value: fromTagged(line.value) };
}

class Load {
  #repository;
  #progress = new Progress({ unit: "records" });
  /** @type {Promise<void>[]} */
  #group = [];
  #bytes = 0;
  #failure;
  loaded = 0;
  refused = 0;

  constructor(repository) {
    this.#repository = repository;
  }

  refuse(line, error) {
    this.refused++;
    this.#progress.clear();
    note(plain(`left out: line ${number(line)}: ${error.message}`));
  }

  async #put(line, { tenant, key, value }) {
    try {
      await this.#repository.put(tenant, key, value);
      this.loaded++;
    } catch (error) {
      // Mistakes of the record; anything else would befall all the others, too.
      if (error instanceof TypeError || error instanceof RangeError) this.refuse(line, error);
      else this.#failure ??= error;
    }
  }

  /** @param {number} line @param {string} text */
  async record(line, text, parsed) {
    let record;
    try {
      record = readRecord(parsed);
    } catch (error) {
      return this.refuse(line, error);
    }
    this.#group.push(this.#put(line, record));
    this.#bytes += text.length;
    if (this.#group.length >= GROUP_RECORDS || this.#bytes >= GROUP_BYTES) await this.flush();
    return undefined;
  }

  async flush() {
    const group = this.#group;
    [this.#group, this.#bytes] = [[], 0];
    await Promise.all(group);
    if (this.#failure) throw this.#failure;
    this.#progress.show("loading", this.loaded);
  }

  end() {
    this.#progress.clear();
  }
}

/** What the first line says, if it is that of a dump. */
function readHead(line) {
  if (!Object.hasOwn(line, "lmdbxDump")) return undefined;
  if (line.lmdbxDump === DUMP_VERSION) return line;
  throw new UsageError(
    `a dump of version ${JSON.stringify(line.lmdbxDump)} cannot be read by this version`,
  );
}

async function readAll(lines, load, isWhole) {
  let claimed;
  for await (const { line, text } of lines) {
    let parsed;
    try {
      parsed = parse(text);
    } catch (error) {
      load.refuse(line, error);
      continue;
    }
    if (Object.hasOwn(parsed, "records") && !Object.hasOwn(parsed, "tenant"))
      claimed = parsed.records;
    else await load.record(line, text, parsed);
  }
  await load.flush();
  if (isWhole && claimed === undefined) {
    note("the dump is cut off: its last line, with the number of records, is missing");
    return INCOMPLETE;
  }
  return load.refused > 0 ? INCOMPLETE : undefined;
}

/** The first line alone, to know what to open; then all of them. */
async function peek(file) {
  const lines = readLines(file);
  const { value: first } = await lines.next();
  let head;
  try {
    head = first && readHead(parse(first.text));
  } catch (error) {
    if (error instanceof UsageError) throw error;
  }
  async function* all() {
    if (first !== undefined && head === undefined) yield first;
    yield* lines;
  }
  return { head, lines: all() };
}

async function run([path, file], values) {
  const config = { compression: values.compression ?? false, mapSize: readMapSize(values) };
  const { head, lines } = await peek(file);
  const place = {
    name: values.name ?? head?.name ?? undefined,
    encoding: values.encoding ?? head?.encoding,
  };
  // Opened for reading, a database is not created.
  if (!values.create) await withRepository(path, place, async () => undefined);
  return withRepository(
    path,
    place,
    async (repository) => {
      const load = new Load(repository);
      const code = await readAll(lines, load, head !== undefined);
      load.end();
      if (values.json) out(JSON.stringify({ loaded: load.loaded, refused: load.refused }));
      else
        out(
          `${number(load.loaded)} records loaded${load.refused > 0 ? `, ${number(load.refused)} lines left out` : ""}`,
        );
      return code;
    },
    config,
  );
}

module.exports = {
  name: "load",
  summary: "put the records of a dump",
  usage: "<path> [<file>] [options]",
  positionals: [1, 2],
  options,
  help,
  run,
};
