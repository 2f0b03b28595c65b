"use strict";
// What cannot share a database is refused before it does harm, and the other side goes on.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const { runToEnd, startProgram } = require("./support/program.js");
const { rejection, using } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

const TIMEOUT = { timeout: patient(60_000) };
const ROOT = path.join(__dirname, "..");
/** Where the readers' mutex lies in lock.mdb, behind magic and format. */
const MUTEX_OFFSET = 8;
/** A mutex as musl initialises it: its kind (robust, shared by processes) comes first. */
const MUSL_MUTEX = Buffer.alloc(40);
MUSL_MUTEX.writeUInt32LE(4 | 128);
/** As glibc does: its kind comes behind lock, count, owner and users. */
const GLIBC_MUTEX = Buffer.alloc(40);
GLIBC_MUTEX.writeUInt32LE(16 | 128, 16);

describe("a clash", () => {
  test(
    "of two copies of the package in one process: LMDBX_ALREADY_OPEN",
    TIMEOUT,
    using(async (_open, directory) => {
      const copy = path.join(directory, "copy");
      const binaries = ["build/Release/lmdbx.node", "prebuilds"];
      const there = binaries.filter((binary) => fs.existsSync(path.join(ROOT, binary)));
      for (const part of ["package.json", "lib", ...there]) {
        fs.cpSync(path.join(ROOT, part), path.join(copy, part), { recursive: true });
      }
      const args = { path: path.join(directory, "database"), copies: [ROOT, copy] };
      const { code, stdout, stderr } = await runToEnd("two-copies", args);
      assert.equal(code, 0, stderr);
      const [both, alone] = stdout.split("\n").filter(Boolean).map((line) => JSON.parse(line));
      assert.deepStrictEqual(both, {
        copies: true,
        ready: "LMDBX_ALREADY_OPEN",
        put: "LMDBX_ALREADY_OPEN",
        close: "closed",
        apart: "written",
        first: "written by the first",
      });
      assert.deepStrictEqual(alone, { again: "written by the first" });
    }),
  );

  const inContainer = [
    "unshare",
    ...(process.getuid() === 0 ? [] : ["--user", "--map-root-user"]),
    ...["--pid", "--fork", "--kill-child", "--mount-proc"],
  ];
  const [unshare, ...options] = inContainer;
  const noContainers =
    spawnSync(unshare, [...options, "true"]).status !== 0 &&
    "this machine does not let us make process namespaces";

  test(
    "of two containers that both have the process id 1: LMDBX_PID_CLASH",
    { ...TIMEOUT, skip: noContainers },
    using(async (_open, directory) => {
      const start = () => startProgram("reader", { path: directory }, { before: inContainer });
      const first = start();
      try {
        assert.deepStrictEqual(await first.heard(), { result: 1 });
        const second = start();
        const { error, message } = await second.heard();
        assert.equal(error, "LMDBX_PID_CLASH");
        assert.match(message, /process namespace/);
        second.kill();
        await second.ended;
        first.tell({ put: "k", value: "unharmed" });
        assert.deepStrictEqual(await first.heard(), { result: null });
        first.tell({ get: "k" });
        assert.deepStrictEqual(await first.heard(), { result: "unharmed" });
      } finally {
        first.kill();
        await first.ended;
      }
    }),
  );

  test(
    "of two C libraries whose mutexes differ: LMDBX_LOCK_FORMAT, as long as the other one is alive",
    { ...TIMEOUT, skip: process.platform !== "linux" && "this system has one C library" },
    using(async (open, directory) => {
      const other = startProgram("reader", { path: directory });
      try {
        await other.heard();
        const lock = fs.openSync(path.join(directory, "lock.mdb"), "r+");
        const first = Buffer.alloc(4);
        fs.readSync(lock, first, 0, first.length, MUTEX_OFFSET);
        const onMusl = first.readUInt32LE() === MUSL_MUTEX.readUInt32LE();
        const foreign = onMusl ? GLIBC_MUTEX : MUSL_MUTEX;
        fs.writeSync(lock, foreign, 0, foreign.length, MUTEX_OFFSET);
        fs.closeSync(lock);
        const error = await rejection(open().put("t", "k", 1));
        assert.equal(error.code, "LMDBX_LOCK_FORMAT");
        assert.match(error.message, /C library/);
      } finally {
        other.kill();
        await other.ended;
      }
      await open().put("t", "k", 1); // a lock file that nobody uses is made anew
    }),
  );
});
