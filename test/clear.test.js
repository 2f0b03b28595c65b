"use strict";
// clearTenant and reset: many records removed in one commit.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");

const { counters } = require("../lib/repository.js");
const { dump } = require("./support/dump.js");
const { noRobustMutexes } = require("./support/emulated.js");
const { runToEnd } = require("./support/program.js");
const { inject } = require("./support/raw.js");
const { scale } = require("./support/random.js");
const { using } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

const TIMEOUT = { timeout: patient(scale(60_000, 600_000)) };
const MANY = scale(100_000, 3_000_000);
const range = (length) => Array.from({ length }, (_, i) => i);

function check(statement, body, skip = false) {
  test(statement, { ...TIMEOUT, skip }, using(body));
}

async function fill(repository, tenantId, count, value = (i) => i) {
  const SOME = 50_000;
  for (let from = 0; from < count; from += SOME) {
    const keys = range(Math.min(SOME, count - from)).map((i) => from + i);
    await Promise.all(keys.map((key) => repository.put(tenantId, key, value(key))));
  }
}

describe("clearTenant", () => {
  check("removes all records of a tenant in one commit, and says how many", async (open) => {
    const repository = open();
    await fill(repository, "a", 1000);
    await fill(repository, "b", 10);
    const { commits } = counters(repository);
    assert.equal(await repository.clearTenant("a"), 1000);
    assert.equal(counters(repository).commits, commits + 1);
    assert.deepEqual(await repository.list("a"), []);
    assert.equal((await repository.list("b")).length, 10);
    assert.equal(await repository.clearTenant("a"), 0);
    assert.equal(await repository.tenant("b").clear(), 10);
    assert.equal(counters(repository).commits, commits + 2, "nothing to remove, nothing to commit");
  });

  check("leaves tenants alone whose names or keys look alike", async (open) => {
    const repository = open();
    const tenants = ["a", "a:", "a:b", 'a:"x"', "a:1", "aa", "a\u0000", "A", "ä"];
    const keys = [1, "1", "b:1", { a: 1 }, ["x"]];
    for (const tenant of tenants) for (const key of keys) await repository.put(tenant, key, tenant);
    await repository.batch([], { checkpoint: { name: "a:1", position: 1 } });
    for (const [done, tenant] of tenants.entries()) {
      assert.equal(await repository.clearTenant(tenant), keys.length);
      for (const [index, other] of tenants.entries()) {
        const expected = index <= done ? 0 : keys.length;
        assert.equal((await repository.list(other)).length, expected, `${tenant}, ${other}`);
      }
    }
    assert.deepEqual(await repository.checkpoints(), [{ name: "a:1", position: 1 }]);
  });

  check("takes its place among the writes, and reads behind it see it", async (open) => {
    for (const reads of ["adaptive", "pool"]) {
      const repository = open({ reads, name: reads });
      await repository.put("t", "before", 1);
      const cleared = repository.clearTenant("t");
      const gone = [repository.get("t", "before"), repository.has("t", "before"), repository.list("t")];
      const after = repository.put("t", "after", 1);
      const there = repository.list("t");
      assert.deepEqual(await Promise.all(gone), [undefined, false, []]);
      assert.equal(await cleared, 1);
      await after;
      assert.deepEqual(await there, ["after"]);
    }
  });

  check("ends lists and transactions of others in order", async (open) => {
    const repository = open();
    await fill(repository, "t", 20_000);
    const listed = repository.list("t");
    const cleared = repository.clearTenant("t");
    assert.equal((await listed).length, 20_000, "a list that was issued before sees all");
    assert.equal(await cleared, 20_000);
  });

  check("has room in a full database", async (open) => {
    const repository = open({ mapSize: 1024 * 1024 });
    const error = await fill(repository, "t", 5000, () => "x".repeat(900)).catch((e) => e);
    assert.equal(error.code, "LMDBX_MAP_FULL");
    const count = (await repository.list("t")).length;
    assert.equal(await repository.clearTenant("t"), count);
    await repository.put("t", 1, "x".repeat(100_000));
  });

  check(`removes ${MANY} records`, async (open) => {
    const repository = open();
    await fill(repository, "t", MANY);
    await repository.put("u", 1, 1);
    const before = process.memoryUsage().rss;
    assert.equal(await repository.clearTenant("t"), MANY);
    const grown = process.memoryUsage().rss - before;
    assert.ok(grown < 64 * 1024 * 1024, `${grown} bytes more`);
    assert.deepEqual(await repository.list("t"), []);
    assert.deepEqual(await repository.list("u"), [1]);
  });

  for (const thread of [false, true]) {
    const who = thread ? "a worker thread" : "a process";
    check(`does not hold up ${who} that ends, and removes all or nothing`, async (open, path) => {
      const COUNT = 60_000;
      const repository = open();
      await fill(repository, "t", COUNT, () => "x".repeat(100));
      for (const after of [0, 2, 5, 10, 20]) {
        const { code, late, stderr } = await runToEnd("clearing", { path, thread, after });
        assert.deepEqual({ code, late }, { code: 0, late: false }, stderr);
        await repository.put("u", after, 1); /* the writer is free */
        const { length } = await repository.list("t");
        assert.ok(length === 0 || length === COUNT, `${length} records are left`);
        if (length === 0) await fill(repository, "t", COUNT, () => "x".repeat(100));
      }
    }, !thread && noRobustMutexes);
  }

  check("refuses what is no tenant, a reader, a closed repository", async (open) => {
    const repository = open();
    await repository.put("t", 1, 1);
    for (const tenant of ["", undefined, 5, "\ud800"]) {
      await assert.rejects(repository.clearTenant(tenant), { code: "LMDBX_INVALID_ARGUMENT" });
    }
    const reader = open({ readOnly: true });
    await assert.rejects(reader.clearTenant("t"), { code: "LMDBX_READ_ONLY", tenantId: "t" });
    await assert.rejects(reader.reset(), { code: "LMDBX_READ_ONLY" });
    await repository.close();
    await assert.rejects(repository.clearTenant("t"), { code: "LMDBX_CLOSED" });
    await assert.rejects(repository.reset(), { code: "LMDBX_CLOSED" });
    assert.deepEqual(await open().list("t"), [1]);
  });
});

describe("reset", () => {
  check("empties one database, and only that", async (open, directory) => {
    const main = open();
    const one = open({ name: "one" });
    const two = open({ name: "two" });
    for (const repository of [main, one, two]) {
      await fill(repository, "t", 500);
      await repository.put("a:b", "x".repeat(400), "y".repeat(10_000));
      await repository.batch([], { checkpoint: { name: "p", position: 1 } });
    }
    const isEmpty = async (repository) =>
      (await repository.list("t")).length === 0 &&
      (await repository.list("a:b")).length === 0 &&
      (await repository.checkpoints()).length === 0;
    assert.equal(await one.reset(), undefined);
    assert.deepEqual(await Promise.all([main, one, two].map(isEmpty)), [false, true, false]);
    await one.put("t", 1, "again");
    await main.reset();
    assert.deepEqual(await Promise.all([main, one, two].map(isEmpty)), [true, false, false]);
    assert.equal(await one.get("t", 1), "again");
    assert.equal(await two.getCheckpoint("p"), 1);
    await main.put("t", 1, "again");
    const names = dump(directory).map(([key]) => Buffer.from(key, "hex").toString());
    assert.deepEqual(names.sort(), ["one", "t:1", "two"]);
    const fresh = open({ name: "two" });
    assert.equal((await fresh.list("t")).length, 500);
  });

  check("of the main database leaves keys that are nobody's", async (open, directory) => {
    inject(directory, [
      ["foreign", "x"],
      ["t:1", Buffer.from("01", "hex")],
    ]);
    const repository = open();
    assert.equal(await repository.get("t", 1), 1);
    await repository.reset();
    assert.deepEqual(await repository.list("t"), []);
    assert.deepEqual(dump(directory).length, 1);
  });

  check("takes its place among the writes", async (open) => {
    const repository = open({ name: "n" });
    const writes = [repository.put("t", 1, 1), repository.reset(), repository.put("t", 2, 2)];
    assert.deepEqual(await repository.list("t"), [2]);
    await Promise.all(writes);
  });
});
