"use strict";
// Imports a database: { options, lmdb, dieAt, holdAt }. Says progress, then the report or the error.

const fs = require("node:fs");
const { args, say } = require("../support/child.js");
const { importDirectory } = require("../../lib/import/index.js");

/** The most memory this process has used, in bytes. */
function peakMemory() {
  const status = fs.readFileSync("/proc/self/status", "utf8");
  return Number(/^VmHWM:\s+(\d+)/m.exec(status)[1]) * 1024;
}

/** Bytes of memory that are this process's own, without mapped files. */
function ownMemory() {
  const status = fs.readFileSync("/proc/self/status", "utf8");
  return Number(/^RssAnon:\s+(\d+)/m.exec(status)[1]) * 1024;
}

let most = 0;
function onProgress({ phase, records }) {
  most = Math.max(most, ownMemory());
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
  (report) => say({ report, most, peak: peakMemory() }),
  ({ code, message }) => say({ error: { code, message } }),
);
