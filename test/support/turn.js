"use strict";
// The turn to write, which processes take one after the other: see src/store/turn.c. It is a lock on
// a byte of data.mdb far behind any data, and those who wait for it lock the next byte.

const fs = require("node:fs");
const path = require("node:path");

const TURN = 0x7fffffffffff0000n;

/** Whether some process has locked a byte of data.mdb. */
function isLocked(directory, kind, byte) {
  const { ino } = fs.statSync(path.join(directory, "data.mdb"));
  const lock = new RegExp(`OFDLCK +ADVISORY +${kind} .*:${ino} ${byte} ${byte}$`, "m");
  return lock.test(fs.readFileSync("/proc/locks", "utf8"));
}

/** Whether this machine shows such locks. */
function turnsAreVisible() {
  return fs.existsSync("/proc/locks");
}

/** Whether a process has come to a stop. */
function isStopped(pid) {
  const status = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
  return status.slice(status.lastIndexOf(")") + 2).startsWith("T");
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 1));

/** Stops a process that writes all the time while it has the turn. */
async function stopInWrite(pid, directory) {
  for (;;) {
    process.kill(pid, "SIGSTOP");
    while (!isStopped(pid)) await pause();
    if (isLocked(directory, "WRITE", TURN)) return;
    process.kill(pid, "SIGCONT");
    await pause();
  }
}

/** Resolves once some process waits for the turn. */
async function somebodyWaits(directory) {
  while (!isLocked(directory, "READ", TURN + 1n)) await pause();
}

module.exports = { turnsAreVisible, stopInWrite, somebodyWaits };
