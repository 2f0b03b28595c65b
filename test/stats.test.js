"use strict";
// stats() and state: what a repository tells of itself, in every state.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");

const { LMDBXError } = require("..");
const { counters } = require("../lib/repository.js");
const { noRobustMutexes } = require("./support/emulated.js");
const { startProgram } = require("./support/program.js");
const { using } = require("./support/temporary.js");
const { noLocks, somebodyWaits, stopInWrite } = require("./support/turn.js");

const ALWAYS = ["inlineReads", "poolReads", "queuedBytes", "queuedOperations", "readJobs", "state"];

/** The fields that index.d.ts documents, but for `error`. */
function documentedFields() {
  const types = fs.readFileSync(path.join(__dirname, "../index.d.ts"), "utf8");
  const [, body] = /interface LMDBXStats \{(.*?)\n\}/s.exec(types);
  const names = [...body.matchAll(/^  readonly (\w+)/gm)].map(([, name]) => name);
  return names.filter((name) => name !== "error");
}

describe("state", () => {
  test(
    "goes from opening to open to closed",
    using(async (open) => {
      const repository = open();
      assert.equal(repository.state, "opening");
      await repository.ready();
      assert.equal(repository.state, "open");
      const closing = repository.close();
      assert.equal(repository.state, "closed");
      await closing;
      assert.equal(repository.state, "closed");
    }),
  );

  test(
    "is failed where opening failed, and closed after close",
    using(async (open, directory) => {
      const repository = open({ path: path.join(directory, "none"), readOnly: true });
      assert.equal(repository.state, "opening");
      await assert.rejects(repository.ready());
      assert.equal(repository.state, "failed");
      await repository.close();
      assert.equal(repository.state, "closed");
    }),
  );

  test(
    "cannot be assigned",
    using(async (open) => {
      const repository = open();
      assert.throws(() => (repository.state = "open"), TypeError);
    }),
  );
});

describe("stats", () => {
  test(
    "has exactly the documented fields while open, and no error",
    using(async (open) => {
      const repository = open();
      await repository.put("t", 1, "one");
      assert.deepEqual(Object.keys(await repository.stats()).sort(), documentedFields().sort());
    }),
  );

  test(
    "tells the age of the oldest snapshot, of any repository on the path",
    using(async (open) => {
      const repository = open();
      await repository.put("t", 1, 1);
      assert.equal((await repository.stats()).oldestSnapshotMs, 0);
      const begun = performance.now();
      const snapshot = open({ name: "other" }).snapshot();
      await snapshot.has("t", 1);
      const { oldestSnapshotMs: age } = await repository.stats();
      assert.ok(age > 0 && age <= performance.now() - begun, `${age} ms`);
      snapshot.close();
      await snapshot.has("t", 1).catch(() => {});
      assert.equal((await repository.stats()).oldestSnapshotMs, 0);
    }),
  );

  test(
    "counts the records of its own database, and no names of others",
    using(async (open) => {
      const main = open();
      const orders = open({ name: "orders" });
      await Promise.all([main.put("t", 1, 1), main.put("u", 1, 1)]);
      await Promise.all([1, 2, 3].map((key) => orders.put("t", key, key)));
      await open({ name: "pages" }).ready();
      assert.equal((await main.stats()).entries, 2);
      assert.equal((await orders.stats()).entries, 3);
      await main.close();
      await orders.delete("t", 2);
      assert.equal((await orders.stats()).entries, 2);
      assert.equal((await open().stats()).state, "opening");
    }),
  );

  test(
    "counts no checkpoints",
    using(async (open) => {
      for (const repository of [open(), open({ name: "orders" })]) {
        const operations = [{ type: "put", tenantId: "t", key: 1, value: 1 }];
        await repository.batch(operations, { checkpoint: { name: "worker", position: 5 } });
        assert.equal((await repository.stats()).entries, 1);
      }
    }),
  );

  test(
    "counts exactly in a large main database whose named ones this process has open, and no checkpoints",
    using(async (open) => {
      const main = open();
      await open({ name: "orders" }).ready();
      const COUNT = 66_000; // from 65,536 on they are not counted one by one
      await main.bulkLoad(Array.from({ length: COUNT }, (_, i) => ["t", i, i]));
      assert.equal((await main.stats()).entries, COUNT);
      for (const [at, name] of ["a", "b", "c"].entries()) {
        await main.batch([], { checkpoint: { name, position: at } });
        assert.equal((await main.stats()).entries, COUNT);
      }
      await main.batch([], { checkpoint: { name: "b", position: null } });
      assert.equal((await main.stats()).entries, COUNT);
      assert.equal(await main.count("t"), COUNT);
    }),
  );

  test(
    "tells pages and sizes that fit each other",
    using(async (open, directory) => {
      const repository = open({ mapSize: 64 * 1024 * 1024 });
      await Promise.all(Array.from({ length: 2000 }, (_, i) => repository.put("t", i, { i })));
      await repository.put("t", "large", "x".repeat(100_000));
      const before = await repository.stats();
      assert.equal(before.depth, 2);
      assert.equal(before.branchPages, 1);
      assert.ok(before.leafPages > 10);
      assert.ok(before.overflowPages * before.pageSize >= 100_000);
      assert.equal(before.mapSize, 64 * 1024 * 1024);
      assert.equal(before.usedSize + before.freeSize, before.fileSize);
      // The file itself may end before its last pages, when they are free, or behind them.
      const { size } = fs.statSync(path.join(directory, "data.mdb"));
      assert.ok(before.fileSize > 100_000);
      assert.ok(size < before.fileSize + 4 * 1024 * 1024);
      assert.ok(before.maxKeySize >= 511);
      assert.equal(before.maxReaders, 1024);
      await repository.delete("t", "large");
      const after = await repository.stats();
      assert.equal(after.overflowPages, 0);
      assert.ok(after.freeSize >= before.freeSize + 100_000, "its pages are free now");
      assert.equal(after.lastTxnId, before.lastTxnId + 1);
      assert.equal(after.commits, before.commits + 1);
      assert.equal(after.operations, before.operations + 1);
      assert.equal(after.operationsPerCommit, after.operations / after.commits);
    }),
  );

  test(
    "counts what waits, and not itself",
    using(async (open) => {
      const repository = open();
      await repository.ready();
      assert.equal((await repository.stats()).queuedOperations, 0);
      const write = repository.put("t", 1, "x".repeat(1000));
      assert.equal(counters(repository).queuedOperations, 1);
      assert.ok(counters(repository).queuedBytes > 1000);
      await write;
      assert.equal(counters(repository).queuedBytes, 0);
    }),
  );

  test(
    "counts the reads of its own repository, by where they were answered",
    using(async (open) => {
      const reading = open({ reads: "pool" });
      const other = open({ reads: "pool" });
      await reading.put("t", 1, 1);
      await Promise.all([reading.get("t", 1), reading.has("t", 1), reading.list("t")]);
      const { inlineReads, poolReads } = await reading.stats();
      assert.deepEqual({ inlineReads, poolReads }, { inlineReads: 0, poolReads: 3 });
      assert.equal((await other.stats()).poolReads, 0);
    }),
  );

  test(
    "does not wait for the opening, and tells what is known before",
    using(async (open) => {
      const repository = open();
      const write = repository.put("t", 1, 1);
      const stats = await repository.stats();
      assert.equal(stats.state, "opening");
      assert.equal(stats.queuedOperations, 1);
      assert.deepEqual(Object.keys(stats).sort(), ALWAYS);
      await write;
    }),
  );

  test(
    "tells why opening failed",
    using(async (open, directory) => {
      const missing = path.join(directory, "none");
      const repository = open({ path: missing, readOnly: true });
      const reason = await repository.ready().catch((error) => error);
      const { state, error } = await repository.stats();
      assert.equal(state, "failed");
      assert.ok(error instanceof LMDBXError);
      const { code, message, path: where, errno } = reason;
      assert.equal(code, "LMDBX_NOT_FOUND");
      assert.deepEqual(
        { code: error.code, message: error.message, path: error.path, errno: error.errno },
        { code, message, path: where, errno },
      );
    }),
  );

  test(
    "answers during and after close",
    using(async (open) => {
      const repository = open();
      await repository.put("t", 1, 1);
      const underWay = repository.stats();
      const closing = repository.close();
      const during = repository.stats();
      assert.equal((await during).state, "closed");
      await closing;
      assert.equal((await underWay).state, "closed", "as it is when the answer is given");
      const stats = await repository.stats();
      assert.deepEqual(Object.keys(stats).sort(), ALWAYS);
      assert.equal(stats.state, "closed");
    }),
  );

  test(
    "answers while the queue is full",
    using(async (open) => {
      const repository = open({ maxQueuedBytes: 1000 });
      await repository.ready();
      const write = repository.put("t", 1, "x".repeat(2000));
      await assert.rejects(repository.put("t", 2, "x"), { code: "LMDBX_QUEUE_FULL" });
      const stats = await repository.stats();
      assert.equal(stats.state, "open");
      assert.ok(stats.entries === 0 || stats.entries === 1);
      await write;
    }),
  );

  test(
    "tells how long writers have waited for other processes",
    { skip: noLocks || noRobustMutexes },
    using(async (open, directory) => {
      const repository = open();
      await repository.put("t", 1, 1);
      const writer = startProgram("writer", { path: directory });
      try {
        await writer.heard();
        await stopInWrite(writer.pid, directory);
        const before = counters(repository).writerWaitMs;
        const write = repository.put("t", 2, 2);
        await somebodyWaits(directory);
        writer.kill();
        await write;
        const waited = counters(repository).writerWaitMs - before;
        assert.ok(waited > 0.1, `${waited} ms, and its first pause is 0.1`);
      } finally {
        writer.kill();
        await writer.ended;
      }
    }),
  );
});
