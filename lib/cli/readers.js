"use strict";

const path = require("node:path");
const { name } = require("../../package.json");
const { counted, number, out, table } = require("./output.js");

const help = `Lists the reader slots in use: which process reads, and which commit it sees. A reader that
stays at an old commit keeps the pages it can see from being used again, and the file grows.
The slots of processes that were killed are stale; every process that opens the database
clears them, and this does without opening it. A process that lives in another
container is not stale; its id is the one that it has there.

  --clear-stale    clear the slots of processes that no longer live

Examples:
  npx ${name} readers ./data/users
  npx ${name} readers ./data/users --clear-stale --json`;

const options = { "clear-stale": { type: "boolean" } };

/**
 * The reader slots in use, without opening the database, which takes one and clears stale ones.
 * @param {string} directory
 * @returns {[cleared: number, slots: [pid: number, commit: number, stale: boolean][]]}
 */
function readSlots(directory, clearStale = false) {
  return require("../addon.js").readers(path.resolve(directory), clearStale);
}

async function run([directory], values) {
  const [cleared, slots] = readSlots(directory, values["clear-stale"]);
  const readers = slots.map(([pid, commit, stale]) => {
    return { pid, commit: commit < 0 ? null : commit, stale };
  });
  if (values.json) {
    for (const reader of readers) out(JSON.stringify({ type: "reader", ...reader }));
    out(JSON.stringify({ type: "report", readers: readers.length, cleared }));
    return;
  }
  const rows = readers.map(({ pid, commit, stale }) => {
    return [
      String(pid),
      commit === null ? "none just now" : number(commit),
      stale ? "stale: its process has ended" : "",
    ];
  });
  if (rows.length > 0) out(`${table(["process", "reads commit", ""], rows)}\n`);
  const stale = readers.filter((reader) => reader.stale).length;
  out(
    `${counted(rows.length, "reader slot")} in use${stale > 0 ? `, ${number(stale)} of them stale` : ""}`,
  );
  if (values["clear-stale"]) out(`${counted(cleared, "stale slot")} cleared`);
}

module.exports = {
  ...{ readSlots },
  name: "readers",
  summary: "list who reads, and clear the slots of dead processes",
  usage: "<path> [--clear-stale]",
  positionals: [1, 1],
  options,
  help,
  isBare: true, // it reads no pages
  run,
};
