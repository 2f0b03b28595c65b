"use strict";
// readOnly, mapSize and maxReaders, also where other processes use the same database.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const { counters } = require("../lib/repository.js");
const { mountedReadOnly, noReadOnlyMounts } = require("./support/mounts.js");
const { startProgram } = require("./support/program.js");
const { using, rejection } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

const TIMEOUT = { timeout: patient(60_000) };
const MIB = 1024 * 1024;
const range = (length) => Array.from({ length }, (_, i) => i);

const succeeds = ([command, ...rest]) => spawnSync(command, rest).status === 0;

/** A program of the test, ended whatever happens. */
async function withProgram(name, args, options, body) {
  const program = startProgram(name, args, options);
  try {
    await body(program);
  } finally {
    program.kill();
    await program.ended;
  }
}

describe("readOnly", () => {
  test(
    "reads what is there, and rejects writes with LMDBX_READ_ONLY",
    using(async (open) => {
      const writing = open();
      await writing.put("t", "k", 1);
      await writing.close();
      const reading = open({ readOnly: true });
      assert.equal(await reading.get("t", "k"), 1);
      assert.equal(await reading.has("t", "k"), true);
      assert.deepStrictEqual(await reading.list("t"), ["k"]);
      for (const write of [reading.put("t", "k", 2), reading.delete("t", "k")]) {
        assert.equal((await rejection(write)).code, "LMDBX_READ_ONLY");
      }
      assert.equal(await reading.get("t", "k"), 1);
    }),
  );

  for (const order of ["before", "behind"]) {
    test(
      `counts for the repository alone, ${order} one that writes`,
      using(async (open) => {
        const created = open();
        await created.put("t", "k", 0);
        await created.close();
        const reading = order === "before" ? open({ readOnly: true }) : undefined;
        if (reading) assert.equal(await reading.get("t", "k"), 0);
        const writing = open();
        await writing.put("t", "k", 1);
        const other = reading ?? open({ readOnly: true });
        assert.equal(await other.get("t", "k"), 1);
        assert.equal((await rejection(other.put("t", "k", 2))).code, "LMDBX_READ_ONLY");
        await writing.put("t", "k", 3);
        assert.equal(await other.get("t", "k"), 3);
        await open({ name: "new" }).put("t", "k", 4);
      }),
    );
  }

  test(
    "creates nothing where there is no database",
    using(async (open, directory) => {
      const missing = path.join(directory, "a", "b");
      const reading = open({ path: missing, readOnly: true });
      assert.equal((await rejection(reading.get("t", "k"))).code, "LMDBX_NOT_FOUND");
      await reading.close();
      assert.deepStrictEqual(fs.readdirSync(directory), []);
      await open({ path: missing }).put("t", "k", 1);
      const unnamed = open({ path: missing, readOnly: true, name: "missing" });
      const error = await rejection(unnamed.list("t"));
      assert.equal(error.code, "LMDBX_NOT_FOUND");
      assert.equal(await open({ path: missing, readOnly: true }).get("t", "k"), 1);
    }),
  );

  /** What runs a command as a user who owns nothing here. */
  const asNobody =
    process.getuid() === 0
      ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
      : ["env"];
  const loading = `require(${JSON.stringify(path.join(__dirname, ".."))})`;
  const cannotBeNobody =
    !succeeds([...asNobody, process.execPath, "-e", loading]) &&
    "no other user can run this runtime and load this package here";

  test(
    "reads a database that its user may not write; without it, and without a lock file, LMDBX_ACCESS",
    { ...TIMEOUT, skip: cannotBeNobody },
    using(async (open, directory) => {
      const locked = path.join(directory, "locked");
      const repository = open({ path: locked });
      await repository.put("t", "k", "readable");
      await repository.close();
      fs.chmodSync(directory, 0o755);
      fs.chmodSync(path.join(locked, "data.mdb"), 0o444);
      fs.chmodSync(path.join(locked, "lock.mdb"), 0o666);
      fs.chmodSync(locked, 0o555);
      try {
        const started = (options) => [{ path: locked, options }, { before: asNobody }];
        await withProgram("reader", ...started({ readOnly: true }), async (reader) => {
          assert.deepStrictEqual(await reader.heard(), { result: 1 });
          reader.tell({ get: "k" });
          assert.deepStrictEqual(await reader.heard(), { result: "readable" });
          reader.tell({ put: "k", value: 1 });
          assert.equal((await reader.heard()).error, "LMDBX_READ_ONLY");
        });
        await withProgram("reader", ...started({}), async (writer) => {
          assert.equal((await writer.heard()).error, "LMDBX_ACCESS");
        });
        fs.chmodSync(path.join(locked, "lock.mdb"), 0o444);
        await withProgram("reader", ...started({ readOnly: true }), async (reader) => {
          assert.equal((await reader.heard()).error, "LMDBX_ACCESS");
        });
      } finally {
        fs.chmodSync(locked, 0o755);
      }
    }),
  );

  test(
    "reads a database on a read-only mount; without it, LMDBX_ACCESS",
    { ...TIMEOUT, skip: noReadOnlyMounts },
    using(async (open, directory) => {
      const repository = open();
      await repository.put("t", "k", "mounted");
      await repository.close();
      const options = { before: mountedReadOnly(directory) };
      for (const lockFile of ["with", "without"]) {
        if (lockFile === "without") fs.rmSync(path.join(directory, "lock.mdb"));
        const readOnly = { path: directory, options: { readOnly: true } };
        await withProgram("reader", readOnly, options, async (reader) => {
          assert.ok("result" in (await reader.heard()), `${lockFile} a lock file`);
          reader.tell({ get: "k" });
          assert.deepStrictEqual(await reader.heard(), { result: "mounted" });
          reader.tell({ put: "k", value: 1 });
          assert.equal((await reader.heard()).error, "LMDBX_READ_ONLY");
        });
        await withProgram("reader", { path: directory }, options, async (writer) => {
          assert.equal((await writer.heard()).error, "LMDBX_ACCESS");
        });
      }
    }),
  );
});

describe("mapSize", () => {
  const value = "x".repeat(3000);
  const fill = async (repository, count) => {
    const results = await Promise.allSettled(
      range(count).map((i) => repository.put("t", i, value)),
    );
    return range(count).filter((i) => results[i].status === "fulfilled");
  };

  test(
    "left out: the database grows by itself",
    using(async (open) => {
      const repository = open();
      await Promise.all(range(64).map((i) => repository.put("t", i, "x".repeat(MIB))));
      assert.ok(counters(repository).fileSize > 64 * MIB);
      assert.ok(counters(repository).mapSize > 1024 * MIB);
    }),
  );

  test(
    "given: puts stop there with LMDBX_MAP_FULL, deletes go on, a larger one continues",
    using(async (open) => {
      const full = open({ mapSize: MIB });
      const kept = await fill(full, 600);
      assert.ok(kept.length > 100 && kept.length < 400);
      const error = await rejection(full.put("t", "one more", value.repeat(20)));
      assert.equal(error.code, "LMDBX_MAP_FULL");
      assert.match(error.message, /1048576/);
      const [gone, ...left] = kept;
      assert.equal(await full.delete("t", gone), true);
      assert.deepStrictEqual(new Set(await full.list("t")), new Set(left));
      await full.close();
      const larger = open({ mapSize: 8 * MIB });
      for (const i of left) assert.equal(await larger.get("t", i), value);
      assert.deepStrictEqual(await fill(larger, 600), range(600));
      for (const i of range(600)) larger.delete("t", i);
      assert.deepStrictEqual(await larger.list("t"), []);
    }),
  );

  test(
    "smaller than the data: it opens, reads and deletes, but does not put",
    using(async (open) => {
      const first = open();
      await fill(first, 2000);
      await first.close();
      const small = open({ mapSize: MIB });
      for (const i of range(2000)) assert.equal(await small.get("t", i), value);
      assert.equal((await small.list("t")).length, 2000);
      assert.equal((await rejection(small.put("t", "new", value))).code, "LMDBX_MAP_FULL");
      const deleted = await Promise.all(range(1990).map((i) => small.delete("t", i)));
      assert.ok(deleted.every((existed) => existed === true));
      assert.equal((await small.list("t")).length, 10);
    }),
  );

  test(
    "exceeded by another process while we are open: we read on, and keep our own limit",
    TIMEOUT,
    using(async (open, directory) => {
      const small = open({ mapSize: MIB });
      await small.put("t", "ours", 1);
      await withProgram("reader", { path: directory }, {}, async (other) => {
        await other.heard();
        const pending = [];
        for (const i of range(40)) {
          other.tell({ put: `theirs-${i}`, value: value.repeat(100) });
          assert.deepStrictEqual(await other.heard(), { result: null });
          pending.push(small.get("t", `theirs-${i}`), small.list("t"));
          assert.equal(await small.get("t", `theirs-${i}`), value.repeat(100));
          assert.equal((await small.list("t")).length, i + 2);
        }
        await Promise.all(pending);
        assert.ok(counters(small).fileSize > 10 * MIB);
        assert.equal((await rejection(small.put("t", "more", value))).code, "LMDBX_MAP_FULL");
        assert.equal(await small.delete("t", "theirs-0"), true);
        other.tell({ get: "theirs-0" });
        assert.deepStrictEqual(await other.heard(), { result: null });
        other.tell({ put: "theirs-0", value: "again" });
        await other.heard();
        assert.equal(await small.get("t", "theirs-0"), "again");
      });
    }),
  );
});

describe("maxReaders", () => {
  test(
    "is 1,024 unless given",
    using(async (open, directory) => {
      const repository = open();
      await repository.ready();
      assert.equal(counters(repository).maxReaders, 1024);
      const other = open({ path: path.join(directory, "other"), maxReaders: 10 });
      await other.ready();
      assert.equal(counters(other).maxReaders, 10);
    }),
  );

  test(
    "limits the readers of all processes: one too many gets LMDBX_READERS_FULL",
    TIMEOUT,
    using(async (open, directory) => {
      const repository = open({ maxReaders: 2 });
      assert.equal(await repository.get("t", "k"), undefined);
      const args = { path: directory };
      await withProgram("reader", args, {}, async (second) => {
        assert.deepStrictEqual(await second.heard(), { result: 2 });
        await withProgram("reader", args, {}, async (third) => {
          assert.equal((await third.heard()).error, "LMDBX_READERS_FULL");
        });
        second.tell({ end: true });
        assert.equal((await second.ended).code, 0);
      });
      await withProgram("reader", args, {}, async (next) => {
        assert.deepStrictEqual(await next.heard(), { result: 2 });
      });
    }),
  );
});
