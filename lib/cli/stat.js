"use strict";

const path = require("node:path");
const { name } = require("../../package.json");
const { DATABASE, DATABASE_HELP, MAP_SIZE, readMapSize, withRepository } = require("./arguments.js");
const { bar, bytes, number, out, plain, table } = require("./output.js");

/** Tenants that are shown to people; --json has all. */
const SHOWN_TENANTS = 20;

const help = `Shows the size of a database, its free space, its records by tenant, and who reads it.

The file never shrinks: free pages are used again, and copy --compact leaves them out.

${DATABASE_HELP}
  --map-size BYTES the mapSize you configure, to see how much of it is used (k, M, G)

Examples:
  npx ${name} stat ./data/users --map-size 512M
  npx ${name} stat ./data/shop --name orders --json`;

/** @param {import("../repository.js").LMDBXRepository} repository */
async function collect(repository) {
  const stats = await repository.stats();
  if (stats.error !== undefined) throw stats.error;
  const tenants = [];
  for (const tenant of await repository.tenants()) {
    tenants.push({ tenant, records: await repository.count(tenant) });
  }
  tenants.sort((a, b) => b.records - a.records);
  return { stats, tenants };
}

/**
 * Rows of: what, how much, its part of a whole as a bar.
 * @param {object} stats
 * @param {number | undefined} given - the mapSize of those who use the database
 */
function sizes({ fileSize, usedSize, freeSize, mapSize, readers, maxReaders, entries, depth }, given) {
  const map = given ? `your mapSize of ${bytes(given)}` : `${bytes(mapSize)}, the map without a mapSize`;
  const of = (part, whole) => `${bar(part / whole)} ${((100 * part) / whole).toFixed(1)} % of`;
  return [
    ["in use", bytes(usedSize), `${of(usedSize, fileSize)} the file`],
    ["free", bytes(freeSize), `${of(freeSize, fileSize)} the file`],
    ["file", bytes(fileSize), `${of(fileSize, given ?? mapSize)} ${map}`],
    ["readers", number(readers), `${of(readers, maxReaders)} ${number(maxReaders)} slots`],
    ["records", number(entries), `in a tree of ${number(depth)} levels`],
  ];
}

function print(directory, { stats, tenants }, given) {
  out(
    `${plain(directory)}, commit ${number(stats.lastTxnId)}, pages of ${number(stats.pageSize)} bytes\n`,
  );
  for (const [what, much, part] of sizes(stats, given))
    out(`${what.padEnd(8)} ${much.padStart(10)}  ${part}`.trimEnd());
  out("");
  const most = tenants[0]?.records ?? 0;
  const rows = tenants
    .slice(0, SHOWN_TENANTS)
    .map(({ tenant, records }) => [plain(tenant), records, bar(records / most, 20)]);
  if (rows.length > 0) out(table(["tenant", "records", ""], rows));
  const others = tenants.length - rows.length;
  out(others > 0 ? `and ${number(others)} more tenants` : `${number(tenants.length)} tenants`);
}

async function run([directory], values) {
  const given = readMapSize(values);
  const collected = await withRepository(directory, values, collect);
  if (values.json)
    out(
      JSON.stringify({
        path: path.resolve(directory),
        ...collected.stats,
        ...(given && { mapSize: given }),
        tenants: collected.tenants,
      }),
    );
  else print(path.resolve(directory), collected, given);
}

module.exports = {
  name: "stat",
  summary: "show sizes, free space, records by tenant, readers",
  usage: "<path> [options]",
  positionals: [1, 1],
  options: { ...DATABASE, ...MAP_SIZE },
  help,
  run,
};
