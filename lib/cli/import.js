"use strict";

const path = require("node:path");
const { name } = require("../../package.json");
const { MAP_SIZE, readEncoding, readEncodings, readMapSize, readRenames } = require("./arguments.js");
const { INCOMPLETE } = require("./exit.js");
const { interruptible } = require("./interrupt.js");
const { bytes, counted, duration, finishAnyway, note, number, out, plain, table } = require("./output.js");
const { Progress } = require("./progress.js");

const help = `Takes a database of version 0.3.x over into a new directory.

<old> is the path that was given to 0.3.x: a directory, or a single file. It is only
read, and no program may use it meanwhile. <new> must not exist, and appears when
everything has been written, read back and compared. Both need space on the disk.
Reads the old database with the npm package lmdb: install it first (npm install
lmdb@3, bun add lmdb@3).

  --name N                only this named database; may be repeated; --name="" is the main one
  --rename OLD=NEW        give a named database another name; may be repeated
  --encoding E            what 0.3.x was configured with: msgpack (the default), json or string
  --encoding N=E          the encoding of one named database, if they differ; may be repeated
  --target-encoding E     the encoding of the new database, if it is to be another
  --compression           compress the new database (the old one may be either)
  --map-size BYTES        the mapSize you configure, to hear whether it suffices (k, M, G)

Records that cannot be carried over are listed with the reason, and left out.
Exit code 0: every record was carried over; 1: all but those listed.

Examples:
  npx ${name} import ./data/users ./data/users-0.4
  npx ${name} import ./data/shop ./data/shop-0.4 --encoding pages=json --compression
  npx ${name} import ./data/orders.lmdb ./data/orders --map-size 512M --json`;

const options = {
  name: { type: "string", multiple: true },
  rename: { type: "string", multiple: true },
  encoding: { type: "string", multiple: true },
  "target-encoding": { type: "string" },
  compression: { type: "boolean" },
  ...MAP_SIZE,
};

/** @param {import("../../import.d.ts").NotCarried} entry */
function describe({ database, tenantId, key, storedKey, records, reason }) {
  const where = database === undefined ? "" : `database ${JSON.stringify(database)}: `;
  if (records !== 1 || (tenantId === undefined && storedKey === undefined))
    return plain(`not carried over: ${where}${counted(records, "record")}: ${reason}`);
  const record =
    storedKey === undefined
      ? `tenant ${JSON.stringify(tenantId)}, key ${JSON.stringify(key)}`
      : `stored key ${JSON.stringify(storedKey)}`;
  return plain(`not carried over: ${where}${record}: ${reason}`);
}

/** @param {import("../../import.d.ts").ImportReport} report @param {number} [mapSize] */
function printReport(report, mapSize) {
  const titleOf = ({ name: each, newName }) => {
    if (each === undefined) return "(main)";
    return plain(each === newName ? each : `${each} as ${newName}`);
  };
  const rows = report.databases.map((database) => {
    const { encoding, records, carried, bytes: size } = database;
    return [
      titleOf(database),
      encoding,
      records,
      carried,
      records - carried,
      bytes(size),
    ];
  });
  out(table(["database", "encoding", "records", "carried over", "left out", "size"], rows));
  out("");
  out(
    `${number(report.carried)} of ${number(report.records)} records (${bytes(report.bytes)}) carried over to ` +
      `${report.to} and compared, in ${duration(report.milliseconds)}.`,
  );
  if (report.recovered)
    out(
      "The system went down before the last commits were known to be on disk: this is the last that was.",
    );
  if (mapSize !== undefined) {
    const enough = report.mapSizeSuffices
      ? "suffices"
      : "may be too small: puts that find no room are refused with LMDBX_MAP_FULL";
    out(
      `The mapSize of ${number(mapSize)} bytes ${enough}; the database, with room to write to it, ` +
        `needs ${number(report.neededMapSize)}.`,
    );
  }
  if (report.notCarriedCount > 0) {
    const left = `${counted(report.notCarriedCount, "record")} ${report.notCarriedCount === 1 ? "was" : "were"}`;
    out(`${left} not carried over; the reasons stand above.`);
  }
  out(`The old database is as it was: keep it until you are sure.`);
}

/** The directory that the import worked in, beside the new one. */
function leftovers([, to]) {
  return () => require("../import/workspace.js").deadDirectories(path.resolve(to));
}

async function run([from, to], values) {
  const { importDirectory } = require("../import/index.js"); // loads the addon
  const { encoding, encodings } = readEncodings(values.encoding);
  const mapSize = readMapSize(values);
  const target = values["target-encoding"];
  const progress = new Progress({ unit: "records" });
  const verbs = { copy: "copying  ", verify: "comparing" };
  finishAnyway();
  const report = await interruptible((signal) =>
    importDirectory({
      from,
      to,
      signal,
      mapSize,
      encoding,
      encodings,
      names: values.name,
      rename: readRenames(values.rename),
      targetEncoding: target === undefined ? undefined : readEncoding(target),
      compression: values.compression ?? false,
      onProgress: ({ phase, records, total }) => progress.show(verbs[phase], records, total),
      onNotCarried: (entry) => {
        progress.clear();
        if (values.json)
          out(JSON.stringify({ type: "notCarried", ...entry, database: entry.database ?? null }));
        else note(describe(entry));
      },
    }),
  ).finally(() => progress.clear());
  if (values.json) {
    const { notCarried, ...rest } = report;
    const databases = rest.databases.map((each) => {
      return { ...each, name: each.name ?? null, newName: each.newName ?? null };
    });
    out(JSON.stringify({ type: "report", ...rest, databases }));
  } else {
    printReport(report, mapSize);
  }
  return report.notCarriedCount > 0 ? INCOMPLETE : undefined;
}

module.exports = {
  ...{ leftovers },
  name: "import",
  summary: "take a database of version 0.3.x over into a new directory",
  usage: "<old> <new> [options]",
  positionals: [2, 2],
  options,
  help,
  advice: "The old database seems to be damaged. Nothing was imported: take a backup of it instead",
  run,
};
