"use strict";

const { name } = require("../../package.json");
const { DATABASE, MAP_SIZE, readMapSize, withRepository } = require("./arguments.js");
const { DUMP_VERSION } = require("./dump.js");
const { INCOMPLETE, UsageError } = require("./exit.js");
const { interruptible } = require("./interrupt.js");
const { readLines } = require("./lines.js");
const { counted, finishAnyway, leftOut, note, number, out } = require("./output.js");
const { Progress } = require("./progress.js");
const { fromTagged } = require("./tagged.js");
const { checkJson } = require("../import/compare.js");
const { throwIfAborted } = require("../signal.js");

/** Puts that are under way together, and share commits. */
const GROUP_RECORDS = 1_000;
const GROUP_BYTES = 4 * 1024 * 1024;
/** A group of large values may be more than waits by default. */
const QUEUED_BYTES = 2 ** 31;
const RECORD_FIELDS = ["tenant", "key", "value"];

const help = `Reads records in the format of dump from <file> or standard input, and puts them. A record
whose key exists already is replaced. The first and the last line of a dump may be missing; where
the first is damaged, --name or --encoding has to say what stood there. Each dump is loaded by
itself.

  --create         create the database if there is none
  --compression    compress values
  --map-size BYTES the mapSize you configure, which limits the database here, too (k, M, G);
                   without it the data may grow beyond, and then your programs can put no more
  --name N         the named database; --name="" is the main one; without it, that of the dump, or
                   the main one
  --encoding E     how values are written; without it, that of the dump, or msgpack. As json, what
                   JSON does not hold exactly is refused

Where it fails, or is interrupted, what it has put stays, and it says how much that is: load
again, and that is replaced by the same.

Exit code 1: some lines were no records, or were refused; they were reported and left out; or
the dump was cut off, or empty, or has not as many records as its last line says.

Examples:
  npx ${name} load ./data/copy users.jsonl --create
  gzip -dc acme.jsonl.gz | npx ${name} load ./data/copy --name acme --create`;

const options = {
  ...DATABASE,
  ...MAP_SIZE,
  create: { type: "boolean" },
  compression: { type: "boolean" },
};

/** @param {string | undefined} text */
function parse(text) {
  if (text === undefined) throw new SyntaxError("is not valid UTF-8");
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
  #encoding;
  #json;
  #progress = new Progress({ unit: "records" });
  /** @type {Promise<void>[]} */
  #group = [];
  #bytes = 0;
  #failure;
  loaded = 0;
  refused = 0;

  constructor(repository, encoding, { json = false }) {
    this.#repository = repository;
    this.#encoding = encoding;
    this.#json = json;
  }

  refuse(line, error) {
    this.refused++;
    this.#progress.clear();
    leftOut(this.#json, `line ${number(line)}`, { line }, error);
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
      if (this.#encoding === "json") checkJson(record.value);
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

  /** Waits until nothing is under way. */
  async end() {
    await Promise.all(this.#group);
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

/** Whether it is the last line of a dump. */
function isCount(line) {
  return Number.isSafeInteger(line.records) && !Object.hasOwn(line, "tenant");
}

/**
 * Puts the records of all lines.
 * @returns {Promise<number | undefined>} how many there should be, if the dump says it
 */
async function readAll(lines, load) {
  let claimed;
  for await (const { line, text } of lines) {
    let parsed;
    try {
      parsed = parse(text);
    } catch (error) {
      load.refuse(line, error);
      continue;
    }
    if (Object.hasOwn(parsed, "lmdbxDump")) {
      throw new UsageError(
        `line ${number(line)} begins another dump, maybe of another database: load each by itself`,
      );
    }
    if (isCount(parsed)) claimed = parsed.records;
    else await load.record(line, text, parsed);
  }
  await load.flush();
  return claimed;
}

/** Whether all lines came that there should be; says it if not. */
function isComplete({ loaded, refused }, claimed, isWhole) {
  if (claimed === undefined) {
    if (isWhole)
      note("the dump is cut off: its last line, with the number of records, is missing");
    return !isWhole;
  }
  const came = loaded + refused;
  if (came === claimed) return true;
  note(
    `the dump is not as it was written: its last line says ${counted(claimed, "record")}, ` +
      `and ${number(came)} came; dump again`,
  );
  return false;
}

/** What the first line says; throws if it is neither that of a dump nor a record. */
function readFirst(parsed) {
  const head = readHead(parsed);
  if (head === undefined && !isCount(parsed)) readRecord(parsed);
  return head;
}

/**
 * The first line alone, to know what to open; then all of them. One that is damaged is none of them.
 * @param {AsyncGenerator<{ line: number, text: string }>} lines
 */
async function peek(lines) {
  const { value: first } = await lines.next();
  let head;
  let damaged;
  if (first !== undefined) {
    first.text = first.text?.replace(/^\ufeff/, "");
    try {
      head = readFirst(parse(first.text));
    } catch (error) {
      if (error instanceof UsageError) throw error;
      damaged = { line: first.line, error };
    }
  }
  async function* all() {
    if (first !== undefined && head === undefined && damaged === undefined) yield first;
    yield* lines;
  }
  return { head, damaged, lines: all(), isEmpty: first === undefined };
}

/** Refuses to guess which database a dump is of; goes on where that is given. */
function leaveOut({ line, error }, { name: database, encoding, json }) {
  if (database !== undefined || encoding !== undefined) {
    leftOut(json, `line ${number(line)}`, { line }, error);
    return;
  }
  throw new UsageError(
    `line ${number(line)} is no record (${error.message}), and where a dump says of which database it is, ` +
      "and in which encoding. Give --name or --encoding to load the rest without it",
  );
}

/** Loads everything. What was put before an error stays, and the error says how much that is. */
async function loadInto(repository, { lines, isWhole, encoding }, values, signal) {
  const load = new Load(repository, encoding, values);
  try {
    const dumped = await readAll(lines, load).finally(() => load.end());
    // Whoever wrote what is cut off may have been interrupted, too.
    if (isWhole && dumped === undefined) throwIfAborted(signal);
    const { loaded, refused } = load;
    const isDone = isComplete(load, dumped, isWhole) && refused === 0;
    return { code: isDone ? undefined : INCOMPLETE, loaded, refused, dumped };
  } catch (error) {
    if (load.loaded > 0) {
      const so = "load again, what is there is replaced";
      note(`${counted(load.loaded, "record")} loaded before that; ${so}`);
    }
    throw Object.assign(error, { done: { loaded: load.loaded, refused: load.refused } });
  }
}

/** What load can do about a database that is missing. */
function adviseCreate(error) {
  if (error.code === "LMDBX_NOT_FOUND") {
    error.message = `${error.message.replace(/\.$/, "")}, or create it, with --create`;
  }
  throw error;
}

async function start(path, input, values, signal) {
  const { compression = false } = values;
  const config = { compression, mapSize: readMapSize(values), maxQueuedBytes: QUEUED_BYTES };
  const { head, damaged, lines, isEmpty } = await peek(input);
  if (damaged) leaveOut(damaged, values);
  const isWhole = head !== undefined || damaged !== undefined;
  const place = {
    name: (values.name ?? head?.name) || undefined,
    encoding: values.encoding ?? head?.encoding,
  };
  // Opened for reading, a database is not created.
  if (!values.create) await withRepository(path, place, async () => undefined).catch(adviseCreate);
  if (isEmpty) {
    throwIfAborted(signal);
    note("not a line came: was the dump cut off? Nothing was loaded, nor created");
    return { code: INCOMPLETE, loaded: 0, refused: 0 };
  }
  const { encoding } = place;
  const work = (repository) => loadInto(repository, { lines, isWhole, encoding }, values, signal);
  const done = await withRepository(path, place, work, config);
  return damaged ? { ...done, code: INCOMPLETE } : done;
}

async function run([path, file], values) {
  const work = async (signal) => {
    const input = readLines(file, signal);
    // Standard input that stays open would keep the process waiting.
    return start(path, input, values, signal).finally(() => input.return(undefined));
  };
  finishAnyway();
  const { code, loaded, refused, dumped } = await interruptible(work);
  const left = refused > 0 ? `, ${counted(refused, "line")} left out` : "";
  if (values.json) out(JSON.stringify({ type: "report", loaded, refused, dumped }));
  else out(`${counted(loaded, "record")} loaded${left}`);
  return code;
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
