"use strict";

const { spawn } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const { createError } = require("../errors.js");
const { throwIfAborted } = require("../signal.js");
const { name } = require("../../package.json");
const { readEncodings, withRepository } = require("./arguments.js");
const { INCOMPLETE } = require("./exit.js");
const { interruptible } = require("./interrupt.js");
const { splitLines } = require("./lines.js");
const { bytes, counted, finishAnyway, note, number, out, plain, table } = require("./output.js");
const { Progress } = require("./progress.js");
const { Encodings } = require("./verify-encodings.js");

/** Crashes after which no more records are tried. */
const MOST_CRASHES = 10;
/** How long the child may take to end; it may hang on damage. */
const ENDING_MILLISECONDS = 1_000;

const help = `Looks for damage: reads every page of the data file, gets every record and checkpoint and
decodes its value, those of all named databases, too. Lists what is damaged. Runs in a process
of its own, and a crash of that is one of the things found. Changes nothing; the database may be
in use, and its file grows meanwhile, since what is replaced cannot be used again before the end.

  --encoding E     how values are written: msgpack (the default), json or string
  --encoding N=E   the encoding of one named database, if they differ; may be repeated

Exit code 0: everything is sound; 1: something is damaged, as listed; 3: it failed, and tells
nothing of what it could not look at; also where an N was not found and nothing is damaged, or
where no encoding was given and none of many values can be read.

Examples:
  npx ${name} verify ./data/users
  npx ${name} verify ./data/shop --encoding pages=json --json`;

const options = { encoding: { type: "string", multiple: true } };

const CHILD = path.join(__dirname, "verify-child.js");

/**
 * Ends the child when the signal aborts.
 * @returns {{ end: () => void, settled: () => void }} end: at once; settled: for when it has ended
 */
function endOnAbort(child, signal) {
  let timer;
  const end = () => {
    child.kill("SIGTERM");
    timer ??= setTimeout(() => child.kill("SIGKILL"), ENDING_MILLISECONDS);
  };
  signal?.addEventListener("abort", end);
  const settled = () => {
    signal?.removeEventListener("abort", end);
    clearTimeout(timer);
  };
  return { end, settled };
}

/** @param {Error} cause */
function unstartable(cause) {
  const message =
    `verify: the process in which it works cannot be started (${cause.message}). ` +
    "Allow more processes and open files, or end some";
  return Object.assign(createError("LMDBX_IO", message), { cause });
}

/** Starts the child. */
function start(program, task) {
  const options = { stdio: ["ignore", "pipe", "pipe"] };
  try {
    return spawn(process.execPath, [program, JSON.stringify(task)], options);
  } catch (error) {
    throw unstartable(error);
  }
}

/** How a child ends; most systems tell only now that it could not start. */
function endOf(child) {
  const ended = new Promise((resolve, reject) => {
    child.on("error", (error) => reject(unstartable(error)));
    child.on("close", (code, signal) => resolve({ code, signal }));
  });
  ended.catch(() => undefined); // it is awaited when its output has ended
  return ended;
}

/** Runs the child once, from a record on. */
class Round {
  last = 0;
  place = {};
  opening;
  refused;
  end;
  #part;

  /**
   * @param {string} program - the child
   * @param {object} task
   * @param {(event: object) => void} hear
   * @param {AbortSignal} [signal]
   */
  async run(program, task, hear, signal) {
    throwIfAborted(signal);
    const child = start(program, task);
    const ended = endOf(child);
    let stderr = "";
    child.stderr?.setEncoding("utf8").on("data", (text) => (stderr = (stderr + text).slice(-4096)));
    const { end, settled } = endOnAbort(child, signal);
    try {
      for await (const line of splitLines(child.stdout ?? [])) this.#take(line.toString(), hear);
      await ended;
    } catch (error) {
      end(); // nobody hears it any more
      await ended; // where it could not start, Bun tells of its output first
      throw error;
    } finally {
      settled();
    }
    const { code, signal: killer } = await ended;
    throwIfAborted(signal);
    return this.end ? undefined : { how: killer ?? `exit code ${code}`, stderr };
  }

  /** Takes a line; the last is only a part of one where the child crashed in the midst of it. */
  #take(line, hear) {
    if (this.#part !== undefined) {
      throw createError("LMDBX_INTERNAL", `verify: its process said ${JSON.stringify(this.#part)}`);
    }
    let event;
    try {
      event = JSON.parse(line);
    } catch {
      this.#part = line;
      return;
    }
    if (event.type === "at") [this.last, this.place] = [event.record, event];
    else if (event.type === "opening") this.opening = event.database;
    else if (event.type === "opened") this.opening = undefined;
    else if (event.type === "end") this.end = event;
    else if (event.type === "refused") this.refused = event;
    else hear(event);
  }
}

/** What several runs of the child find is told once. */
function once(hear) {
  const told = new Set();
  return (event) => {
    if (event.what === "damaged" || event.what === "unopened") {
      const text = JSON.stringify(event);
      if (told.has(text)) return;
      told.add(text);
    }
    hear(event);
  };
}

/**
 * Runs the child to the end; where it crashes, finds the record, and goes on behind it. Where it
 * crashes before it comes to a record, the pages are looked at without LMDB.
 * @param {object} task
 * @param {(event: object) => void} tell
 * @param {{ signal?: AbortSignal, program?: string }} [options] - program: for tests
 */
async function verify(task, tell, { signal, program = CHILD } = {}) {
  const hear = once(tell);
  let skip = 0;
  let oneByOne = false;
  let pagesOnly = false;
  for (let crashes = 0; ;) {
    const round = new Round();
    const crash = await round.run(program, { ...task, skip, oneByOne, pagesOnly }, hear, signal);
    if (round.refused) throw createError(round.refused.code, round.refused.reason);
    if (crash === undefined || pagesOnly) return round.end;
    if (!oneByOne && round.opening === undefined) {
      skip = Math.max(skip, round.last);
      oneByOne = true;
      continue;
    }
    crashes++;
    const { database, storedKey } = round.place;
    const place =
      round.opening === undefined ? { database, storedKey } : { database: round.opening };
    const reason = `reading it crashes the process (${crash.how})`;
    hear({ type: "finding", what: "crash", ...place, reason, stderr: crash.stderr });
    pagesOnly = crashes === MOST_CRASHES || round.last <= skip;
    skip = round.last;
    oneByOne = false;
  }
}

/** @param {object} finding */
function describe(finding) {
  const { what, page, list, database, tenant, key, checkpoint, storedKey, from, to, reason } = finding;
  const where = [];
  if (page !== undefined) where.push(`page ${number(page)}`);
  if (list !== undefined) where.push(`list of ${list}`);
  if (typeof database === "string") where.push(`database ${JSON.stringify(database)}`);
  if (tenant !== undefined)
    where.push(`tenant ${JSON.stringify(tenant)}, key ${JSON.stringify(key)}`);
  if (checkpoint !== undefined) where.push(`checkpoint ${JSON.stringify(checkpoint)}`);
  if (storedKey !== undefined) where.push(`stored key ${JSON.stringify(storedKey)}`);
  const says = {
    foreign: "is not of the form tenant:JSON",
    unfound: "is on a page, but is not found",
    unopened: `cannot be opened: ${reason}`,
    unreadable: `cannot be read: ${reason}`,
  };
  let text = `${where.join(", ") || "the database"}: ${says[what] ?? reason}`;
  if (from !== undefined && from === to)
    text += `; concerns the stored key ${JSON.stringify(from)}`;
  else if (from !== undefined || to !== undefined) {
    text += "; concerns the stored keys";
    if (from !== undefined) text += ` from ${JSON.stringify(from)}`;
    if (to !== undefined) text += ` up to ${JSON.stringify(to)}`;
  }
  return plain(text);
}

function printEnd({
  databases,
  pages,
  pageSize,
  usedPages,
  freePages,
  lostPages,
  damaged,
  values,
}) {
  const rows = databases.map((each) => [
    each.name === undefined ? "(main)" : plain(each.name),
    each.records,
    each.pages,
    each.depth,
  ]);
  out(table(["database", "records", "pages", "levels"], rows));
  out("");
  // What is damaged may lead to them; else nothing does, and they are lost space.
  const rest = damaged > 0 ? "that nothing sound leads to" : "lost (space, not data)";
  out(
    `${number(pages)} pages of ${number(pageSize)} bytes (${bytes(pages * pageSize)}): ${number(usedPages)} in use, ` +
      `${number(freePages)} free${lostPages > 0 ? `, ${number(lostPages)} ${rest}` : ""}`,
  );
  out(`${number(values)} values read and decoded`);
}

/**
 * An encoding for a database that was not found may be a slip: then another database was read in
 * the wrong one, and what was found is no damage. Or damage hides that database.
 */
function checkNames(directory, encodings, end) {
  const names = end?.databases?.map(({ name: each = "" }) => each) ?? Object.keys(encodings);
  const missing = Object.keys(encodings).find((each) => !names.includes(each));
  if (missing === undefined) return;
  const what = `verify: found no database ${JSON.stringify(missing)} in ${directory}`;
  if (end?.damaged > 0) {
    note(plain(`lmdbx: ${what}. The damage may hide it`));
    return;
  }
  const message = `${what}, and --encoding gives one for it. Check its name: stat lists those that there are`;
  throw createError("LMDBX_NOT_FOUND", message);
}

async function run([directory], values) {
  require("../addon.js"); // the child could only crash without it
  const resolved = path.resolve(directory);
  const { encoding, encodings } = readEncodings(values.encoding);
  // Where there is nothing that LMDB could crash on, opening says what there is instead.
  if (!fs.existsSync(path.join(resolved, "data.mdb"))) {
    await withRepository(resolved, {}, async () => undefined);
  }
  const progress = new Progress({ unit: "pages" });
  let found = 0;
  const tell = (event) => {
    if (event.type === "progress") return progress.show("verifying", event.pages, event.total);
    found++;
    progress.clear();
    return out(values.json ? JSON.stringify(event) : describe(event));
  };
  const task = { directory: resolved, encoding: encoding ?? "msgpack", encodings };
  const heard = new Encodings({ encoding, encodings }, tell);
  const hear = (event) => heard.hear(event);
  const work = (signal) => verify(task, hear, { signal }).finally(() => heard.end());
  finishAnyway();
  const end = await interruptible(work).finally(() => progress.clear());
  if (values.json) {
    const databases = end?.databases?.map((each) => ({ ...each, name: each.name ?? null }));
    const sound = end?.sound === true && found === 0;
    out(JSON.stringify({ ...end, databases, type: "report", sound, findings: found }));
  } else {
    if (end?.sound) printEnd(end);
    out(found === 0 ? "No damage found." : `${counted(found, "finding")}, listed above.`);
  }
  checkNames(directory, encodings, end);
  return found === 0 ? undefined : INCOMPLETE;
}

module.exports = {
  ...{ verify },
  name: "verify",
  summary: "look for damage in every page and every value",
  usage: "<path> [options]",
  positionals: [1, 1],
  options,
  help,
  isBare: true, // its own child is what may crash
  run,
};
