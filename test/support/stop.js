"use strict";
// Stops a process in the middle of a write.

const fs = require("node:fs");
const path = require("node:path");

/** Whether the process has come to a stop. */
function isStopped(pid) {
  const status = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
  return status.slice(status.lastIndexOf(")") + 2).startsWith("T");
}

/** Whether some process has the turn to write to the database: see src/store/turn.c. */
function turnIsTaken(directory) {
  const { ino } = fs.statSync(path.join(directory, "data.mdb"));
  const lock = new RegExp(`OFDLCK +ADVISORY +WRITE .*:${ino} `);
  return lock.test(fs.readFileSync("/proc/locks", "utf8"));
}

/** Stops a process that writes all the time while it has the turn. */
async function stopInWrite(pid, directory) {
  for (;;) {
    process.kill(pid, "SIGSTOP");
    while (!isStopped(pid)) await new Promise(setImmediate);
    if (turnIsTaken(directory)) return;
    process.kill(pid, "SIGCONT");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

module.exports = { stopInWrite };
