"use strict";

const path = require("node:path");
const { name } = require("../../package.json");
const { DATABASE, DATABASE_HELP, MAP_SIZE, readMapSize, withRepository } = require("./arguments.js");
const { interruptible } = require("./interrupt.js");
const { walkNames } = require("./names.js");
const { bar, barBeside, bytes, counted, number, out, plain, table } = require("./output.js");
const { readSlots } = require("./readers.js");
const { countTenants, tenantTable } = require("./tenants.js");
const { throwIfAborted } = require("../signal.js");
const { turn } = require("../turn.js");

/** Tenants that are shown to people; --json has all. */
const SHOWN_TENANTS = 20;
/** Pages that are read between two turns of the event loop. */
const PAGES_AT_ONCE = 1_000;

const help = `Shows the size of a database, its free space, its named databases, and who reads it; and the
tenants that have most records in the main database, or in that given with --name.

The file never shrinks: free pages are used again, and copy --compact leaves them out.

${DATABASE_HELP}
  --map-size BYTES the mapSize you configure, to see how much of it is used (k, M, G)

Examples:
  npx ${name} stat ./data/users --map-size 512M
  npx ${name} stat ./data/shop --name orders --json`;

/**
 * The names of the databases in a directory: undefined, for the main one, then the named ones.
 * @param {import("../repository.js").LMDBXRepository} repository - of any of them
 * @param {string} directory
 * @param {AbortSignal} signal
 */
async function findNames(repository, directory, signal) {
  const names = [undefined];
  // A read transaction keeps the pages that are looked at from being written over.
  const pin = repository.snapshot();
  try {
    await pin.has("lmdbx", null);
    let pages = 0;
    for (const found of walkNames(path.join(directory, "data.mdb"))) {
      names.push(...found);
      if (++pages % PAGES_AT_ONCE !== 0) continue;
      await turn();
      throwIfAborted(signal);
    }
  } finally {
    pin.close();
  }
  return names;
}

/** @param {import("../repository.js").LMDBXRepository} repository */
async function statsOf(repository) {
  const stats = await repository.stats();
  if (stats.error !== undefined) throw stats.error;
  return stats;
}

/** Records and bytes of one database, or why it cannot be opened: another program's may not. */
async function measure(directory, database) {
  try {
    const stats = await withRepository(directory, { name: database }, statsOf);
    const pages = stats.branchPages + stats.leafPages + stats.overflowPages;
    return { name: database ?? null, records: stats.entries, size: pages * stats.pageSize };
  } catch (error) {
    return { name: database ?? null, error: error.code ?? "UNEXPECTED" };
  }
}

/**
 * @param {import("../repository.js").LMDBXRepository} repository
 * @param {string} directory
 * @param {AbortSignal} signal
 */
async function collect(repository, directory, signal) {
  const [, ...named] = await findNames(repository, directory, signal);
  const databases = [];
  // The main one last: once the others are open, their names are not counted as its records.
  for (const each of [...named, undefined]) databases.push(await measure(directory, each));
  databases.unshift(databases.pop());
  const stats = await statsOf(repository);
  const tenants = await countTenants(repository, signal);
  tenants.sort((a, b) => b.records - a.records);
  return { stats, databases, tenants };
}

/**
 * Rows of: what, how much, its part of a whole, and of which.
 * @param {object} stats
 * @param {number | undefined} given - the mapSize of those who use the database
 */
function sizes({ fileSize, usedSize, freeSize, mapSize, readers, maxReaders }, given) {
  const map = given ? `your mapSize of ${bytes(given)}` : `${bytes(mapSize)}, without a mapSize`;
  return [
    ["in use", bytes(usedSize), usedSize / fileSize, "the file"],
    ["free", bytes(freeSize), freeSize / fileSize, "the file"],
    ["file", bytes(fileSize), fileSize / (given ?? mapSize), map],
    ["readers", number(readers), readers / maxReaders, counted(maxReaders, "slot")],
  ];
}

/** The rows with bars that the terminal has room for. */
function printSizes(stats, given) {
  const rows = sizes(stats, given).map(([what, much, part, whole]) => {
    const start = `${what.padEnd(8)} ${much.padStart(10)}  `;
    return { start, part, end: `${(100 * part).toFixed(1)} % of ${whole}` };
  });
  const beside = Math.max(...rows.map(({ start, end }) => start.length + " ".length + end.length));
  const size = barBeside(beside);
  for (const { start, part, end } of rows) {
    out(size > 0 ? `${start}${bar(part, size)} ${end}` : `${start}${end}`);
  }
  const levels = counted(stats.depth, "level");
  out(`${"records".padEnd(8)} ${number(stats.entries).padStart(10)}  in a tree of ${levels}`);
}

/** @param {{ name: string | null, records?: number, size?: number, error?: string }[]} databases */
function databaseTable(databases) {
  const rows = databases.map(({ name: each, records = "", size, error }) => {
    const shown = error === undefined ? bytes(size) : `cannot be opened: ${error}`;
    return [each === null ? "(main)" : plain(each), records, shown];
  });
  return table(["database", "records", "size"], rows);
}

function print(directory, { stats, databases, tenants }, database, given) {
  const which = database === undefined ? "" : `, database ${plain(JSON.stringify(database))}`;
  const pages = `pages of ${number(stats.pageSize)} bytes`;
  out(`${plain(directory)}${which}, commit ${number(stats.lastTxnId)}, ${pages}\n`);
  printSizes(stats, given);
  if (databases.length > 1) out(`\n${databaseTable(databases)}`);
  out("");
  const shown = tenants.slice(0, SHOWN_TENANTS);
  if (shown.length > 0) out(tenantTable(shown));
  const others = tenants.length - shown.length;
  if (others > 0) out(`and ${counted(others, "more tenant")}; the command tenants lists all`);
  else out(counted(tenants.length, "tenant"));
}

async function run([given], values) {
  const mapSize = readMapSize(values);
  const directory = path.resolve(given);
  const readers = readSlots(directory)[1].length; // those of others: before it is opened
  const collected = await interruptible((signal) =>
    withRepository(directory, values, (repository) => collect(repository, directory, signal)),
  );
  collected.stats.readers = readers;
  if (!values.json) return print(directory, collected, values.name, mapSize);
  const { stats, databases, tenants } = collected;
  if (mapSize !== undefined) stats.mapSize = mapSize;
  const place = { path: directory, name: values.name ?? null };
  return out(JSON.stringify({ type: "report", ...place, ...stats, databases, tenants }));
}

module.exports = {
  name: "stat",
  summary: "show sizes, free space, databases, records by tenant, readers",
  usage: "<path> [options]",
  positionals: [1, 1],
  options: { ...DATABASE, ...MAP_SIZE },
  help,
  run,
};
