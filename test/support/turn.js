"use strict";
// The turn to write, which processes take one after the other: see src/store/turn.c. It is a lock on
// a byte of data.mdb far behind any data, and those who wait for it lock the next byte.

const fs = require("node:fs");
const path = require("node:path");
const { patient } = require("./timeout.js");

const TURN = 0x7fffffffffff0000n;

/** Whether some process has locked a byte of data.mdb. */
function isLocked(directory, kind, byte) {
  const { ino } = fs.statSync(path.join(directory, "data.mdb"));
  const lock = new RegExp(`OFDLCK +ADVISORY +${kind} .*:${ino} ${byte} ${byte}$`, "m");
  return lock.test(fs.readFileSync("/proc/locks", "utf8"));
}

/** Why a test cannot see such locks, if it cannot. */
const noLocks = !fs.existsSync("/proc/locks") && "this system does not show locks in /proc/locks";

/** Whether a process has come to a stop. */
function isStopped(pid) {
  const status = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
  return status.slice(status.lastIndexOf(")") + 2).startsWith("T");
}

const TRIES = patient(10_000);

/** Resolves once a condition holds. */
async function until(condition, what) {
  for (let tries = 0; !condition(); tries++) {
    if (tries === TRIES) throw new Error(`in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Stops a process that writes all the time while it has the turn. */
async function stopInWrite(pid, directory) {
  for (let tries = 0; tries < TRIES; tries++) {
    process.kill(pid, "SIGSTOP");
    await until(() => isStopped(pid), "a process should stop");
    if (isLocked(directory, "WRITE", TURN)) return;
    process.kill(pid, "SIGCONT");
    await until(() => !isStopped(pid), "a process should go on");
  }
  throw new Error("in vain: a writer should have the turn");
}

/** Resolves once some process waits for the turn. */
async function somebodyWaits(directory) {
  await until(() => isLocked(directory, "READ", TURN + 1n), "somebody should wait for the turn");
}

module.exports = { noLocks, stopInWrite, somebodyWaits, until };
