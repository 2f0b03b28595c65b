"use strict";
// Imports a database: { options, lmdb, dieAt, holdAt, weighAt }. Says the report or the error.
// dieAt, holdAt: [phase, records]; weighAt: numbers of records, at which it says how much it holds.

const fs = require("node:fs");
const { args, say, collect } = require("../support/child.js");
const { noProc, usage } = require("../support/process.js");
const { importDirectory } = require("../../lib/import/index.js");

/** Bytes that JavaScript holds, garbage left out. */
function heldBytes() {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** The most memory of its own that this process was seen with, where that can be seen. */
let most = 0;
const held = { copy: [], verify: [] };
function onProgress({ phase, records }) {
  if (!noProc) most = Math.max(most, usage().memory);
  if (records >= args.weighAt?.[held[phase].length]) held[phase].push(heldBytes());
  if (args.dieAt === undefined && args.holdAt === undefined) return;
  const [at, number] = args.dieAt ?? args.holdAt;
  if (phase !== at || records < number) return;
  if (args.dieAt) process.kill(process.pid, "SIGKILL");
  args.holdAt = undefined;
  say("holding");
  fs.readSync(0, Buffer.alloc(64)); // until the test tells it to go on
}

const lmdb = args.lmdb === undefined ? undefined : require(args.lmdb);
importDirectory({ ...args.options, onProgress, ...(lmdb ? { lmdb } : {}) }).then(
  (report) => say({ report, most, held }),
  ({ code, message }) => say({ error: { code, message } }),
);
