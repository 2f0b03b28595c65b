"use strict";
// batch: several operations in one commit, all or nothing.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");

const { counters } = require("../lib/repository.js");
const { noRobustMutexes } = require("./support/emulated.js");
const { startProgram } = require("./support/program.js");
const { chooseSeed, randomOf, scale } = require("./support/random.js");
const { longestPut } = require("./support/limits.js");
const { rejection, using } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

const TIMEOUT = { timeout: patient(scale(60_000, 600_000)) };
const MIB = 1024 * 1024;
const MAX_OPERATIONS = 262_144;
const KILLS = scale(8, 200);
const LONGEST_LIFE_MS = 150;

const range = (length) => Array.from({ length }, (_, i) => i);
const put = (tenantId, key, value) => ({ type: "put", tenantId, key, value });
const remove = (tenantId, key) => ({ type: "delete", tenantId, key });
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function check(statement, body, skip = false) {
  test(statement, { ...TIMEOUT, skip }, using(body));
}

describe("batch", () => {
  for (const encoding of ["msgpack", "json", "string"]) {
    check(`writes for several tenants in one commit, in order, as ${encoding}`, async (open) => {
      const repository = open({ encoding });
      await repository.put("b", "old", "x");
      const { commits } = counters(repository);
      const done = await repository.batch([
        put("a", 1, "first"),
        put("a", 1, "second"),
        put("b", { key: [1] }, "z".repeat(10_000)),
        remove("b", "old"),
        put("c", "gone", "x"),
        remove("c", "gone"),
        remove("c", "never"),
      ]);
      assert.equal(done, undefined);
      assert.equal(counters(repository).commits, commits + 1);
      assert.equal(await repository.get("a", 1), "second");
      assert.equal(await repository.get("b", { key: [1] }), "z".repeat(10_000));
      assert.deepEqual(await repository.list("b"), [{ key: [1] }]);
      assert.deepEqual(await repository.list("c"), []);
    });
  }

  check("without operations resolves, and is refused when closed", async (open) => {
    const repository = open();
    await repository.batch([]);
    assert.equal(counters(repository).commits, 0);
    await repository.close();
    await assert.rejects(repository.batch([]), { code: "LMDBX_CLOSED" });
  });

  check("is seen by every read that is issued after it", async (open) => {
    for (const reads of ["adaptive", "pool"]) {
      const repository = open({ reads, name: reads });
      for (const round of range(3)) {
        const done = repository.batch([put("a", 1, round), put("b", 2, round)]);
        const seen = [repository.get("a", 1), repository.get("b", 2), repository.list("b")];
        assert.deepEqual(await Promise.all(seen), [round, round, [2]]);
        await done;
      }
    }
  });

  check("shares a commit with what is issued around it", async (open) => {
    const repository = open();
    await repository.ready();
    await Promise.all([
      repository.put("a", 0, 0),
      ...range(50).map((i) => repository.batch([put("a", i, i), put("b", i, i)])),
      repository.put("b", 99, 0),
    ]);
    assert.ok(counters(repository).commits <= 2);
    assert.equal((await repository.list("b")).length, 51);
  });
});

describe("a batch that cannot be carried out", () => {
  const cyclic = {};
  cyclic.self = cyclic;
  /** What is wrong with the second operation: it, the code, what the message says. */
  const WRONG = {
    "a type that is none": [{ type: "get", tenantId: "b", key: 1 }, "LMDBX_INVALID_ARGUMENT", /"get"/],
    "no type": [{ tenantId: "b", key: 1, value: 1 }, "LMDBX_INVALID_ARGUMENT", /type/],
    "no operation": [undefined, "LMDBX_INVALID_ARGUMENT", /object/],
    "null": [null, "LMDBX_INVALID_ARGUMENT", /object/],
    "no tenant": [{ type: "delete", key: 1 }, "LMDBX_INVALID_ARGUMENT", /tenantId/],
    "no key": [{ type: "delete", tenantId: "b" }, "LMDBX_INVALID_KEY", /key/],
    "a key that JSON loses": [put("b", NaN, 1), "LMDBX_INVALID_KEY", /NaN/],
    "a key that is too long": (longest) => [
      put("b", "k".repeat(longest), 1),
      "LMDBX_KEY_TOO_LARGE",
      new RegExp(`${longest + 'b:""'.length} bytes`),
    ],
    "a key beyond any limit": [put("b", "k".repeat(3000), 1), "LMDBX_KEY_TOO_LARGE", /3004 bytes/],
    "a tenant with a lone surrogate": [put("\ud800", 1, 1), "LMDBX_INVALID_ARGUMENT", /surrogate/],
    "no value": [{ type: "put", tenantId: "b", key: 1 }, "LMDBX_INVALID_VALUE", /undefined/],
    "a function deep in the value": [
      put("b", 1, { list: [0, { call() {} }] }),
      "LMDBX_INVALID_VALUE",
      /value\.list\[1\]\.call/,
    ],
    "a promise": [put("b", 1, Promise.resolve()), "LMDBX_INVALID_VALUE", /await/],
    "a cycle": [put("b", 1, cyclic), "LMDBX_INVALID_VALUE", /self/],
  };
  for (const [what, wrong] of Object.entries(WRONG)) {
    check(`for ${what} names the operation and writes nothing`, async (open) => {
      const repository = open();
      const [operation, code, says] =
        typeof wrong === "function" ? wrong(await longestPut(repository)) : wrong;
      const error = await rejection(repository.batch([put("a", 1, 1), operation, put("a", 2, 2)]));
      assert.equal(error.code, code);
      assert.match(error.message, /^operation 1: /);
      assert.match(error.message, says);
      if (/KEY_TOO_LARGE|INVALID_VALUE/.test(code)) {
        assert.equal(error.tenantId, "b");
        assert.deepEqual(error.key, operation.key);
      }
      assert.deepEqual(await repository.list("a"), []);
      assert.deepEqual(await repository.list("b"), []);
      await repository.batch([put("a", 1, 1)]);
      assert.deepEqual(await repository.list("a"), [1]);
    });
  }

  check("since it is no array, or has holes, says so", async (open) => {
    const repository = open();
    for (const operations of [undefined, null, {}, "put", new Set([put("a", 1, 1)])]) {
      await assert.rejects(repository.batch(operations), {
        name: "TypeError",
        code: "LMDBX_INVALID_ARGUMENT",
        message: /an array/,
      });
    }
    const sparse = [put("a", 1, 1), , put("a", 2, 2)];
    await assert.rejects(repository.batch(sparse), { message: /^operation 1: / });
    assert.deepEqual(await repository.list("a"), []);
  });

  check("since a repository is read-only, says so", async (open) => {
    const writer = open();
    await writer.batch([put("a", 1, 1)]);
    const reader = open({ readOnly: true });
    await assert.rejects(reader.batch([put("a", 1, 2)]), { code: "LMDBX_READ_ONLY" });
    const checkpoint = { name: "p", position: 1 };
    await assert.rejects(reader.batch([], { checkpoint }), { code: "LMDBX_READ_ONLY" });
    assert.equal(await reader.get("a", 1), 1);
  });

  check("since it does not fit, takes none of its neighbours with it", async (open) => {
    const repository = open({ mapSize: MIB });
    const large = "x".repeat(300_000);
    const outcomes = await Promise.allSettled([
      repository.put("a", "before", 1),
      repository.batch([put("a", 1, "small"), ...range(8).map((i) => put("large", i, large))]),
      repository.batch([put("a", 2, 2), put("b", 2, 2)]),
      repository.put("a", "behind", 1),
    ]);
    assert.deepEqual(
      outcomes.map(({ reason }) => reason?.code),
      [undefined, "LMDBX_MAP_FULL", undefined, undefined],
    );
    assert.deepEqual(await repository.list("large"), []);
    assert.deepEqual(await repository.list("a"), ["before", "behind", 2]);
  });

  check("since too much is queued, is refused as a whole", async (open) => {
    const repository = open({ maxQueuedBytes: 100_000 });
    const value = "x".repeat(40_000);
    const first = repository.batch([put("a", 1, value), put("a", 2, value)]);
    await assert.rejects(repository.batch([put("a", 3, value)]), { code: "LMDBX_QUEUE_FULL" });
    await first;
    await repository.batch([put("a", 4, value), put("a", 5, value), put("a", 6, value)]);
    assert.deepEqual(await repository.list("a"), [1, 2, 4, 5, 6]);
    assert.equal(counters(repository).queuedBytes, 0);
  });
});

describe("the size of a batch", () => {
  check(`may be ${MAX_OPERATIONS} operations, and no more`, async (open) => {
    const repository = open();
    const operations = range(MAX_OPERATIONS).map((i) => put("t", i, i));
    await repository.batch(operations);
    assert.equal((await repository.list("t")).length, MAX_OPERATIONS);
    await assert.rejects(repository.batch([...operations, put("t", "more", 1)]), {
      code: "LMDBX_INVALID_ARGUMENT",
      message: /262145 operations/,
    });
  });

  check("leaves nothing queued behind, compressed or not", async (open) => {
    for (const compression of [false, true]) {
      const repository = open({ compression, name: `compression-${compression}` });
      await repository.batch(range(100).map((i) => put("t", i, "x".repeat(i * 100))));
      await repository.put("t", "single", "x".repeat(10_000));
      assert.equal(counters(repository).queuedBytes, 0);
      assert.equal(await repository.get("t", 99), "x".repeat(9900));
    }
  });
});

describe("code that runs while a batch is encoded", () => {
  /** An operation whose value runs code when it is read. */
  const running = (run) => put("t", "getter", {
    get field() {
      run();
      return 1;
    },
  });

  check("may close the repository: nothing is written", async (open) => {
    const repository = open();
    await repository.ready();
    let closed;
    const operations = [put("t", 1, 1), running(() => (closed = repository.close())), put("t", 2, 2)];
    await assert.rejects(repository.batch(operations), { code: "LMDBX_CLOSED" });
    await closed;
    assert.deepEqual(await open().list("t"), []);
  });

  check("may write, and change the array: the batch is what it was", async (open) => {
    const repository = open();
    const others = [];
    const operations = [
      put("t", 1, "a".repeat(1000)),
      running(() => {
        others.push(repository.put("t", "put", 1), repository.batch([put("t", "batch", [2])]));
        operations.length = 0;
      }),
      put("t", 2, "b".repeat(1000)),
    ];
    await repository.batch(operations);
    await Promise.all(others);
    const keys = ["batch", "getter", "put", 1, 2];
    assert.deepEqual(await repository.list("t"), keys);
    const values = await Promise.all(keys.map((key) => repository.get("t", key)));
    assert.deepEqual(values, [[2], { field: 1 }, 1, "a".repeat(1000), "b".repeat(1000)]);
  });

  check("may throw: the batch rejects with just that", async (open) => {
    const repository = open();
    const thrown = new Error("mine");
    const fail = () => {
      throw thrown;
    };
    assert.equal(await rejection(repository.batch([put("t", 1, 1), running(fail)])), thrown);
    assert.deepEqual(await repository.list("t"), []);
  });
});

describe("a process that is killed", () => {
  check(`${KILLS} times leaves all of each batch, with its checkpoint, or none of it`, async (open, path) => {
    const random = randomOf(chooseSeed("batch"));
    const repository = open();
    const tenants = ["a", "b", "a:1", "c"];
    let number = 0;
    let acknowledged = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const writer = startProgram("batch-writer", { path, tenants });
      const { from } = await writer.heard();
      assert.ok(from >= acknowledged, `${from} is stored, ${acknowledged} was acknowledged`);
      await pause(random(LONGEST_LIFE_MS));
      writer.kill();
      const { signal, stderr } = await writer.ended;
      assert.equal(signal, "SIGKILL", stderr); /* no conflict: it saw what its forerunner had written */
      acknowledged = writer.rest().at(-1) ?? from;
      // To those who have it open, LMDB shows the very last commit of a killed process once
      // somebody writes.
      await repository.put("other", "kill", kill);
      const found = await Promise.all(tenants.map((tenant) => repository.get(tenant, "number")));
      const position = (await repository.getCheckpoint("numbers")) ?? 0;
      assert.deepEqual(found, tenants.map(() => (position === 0 ? undefined : position)));
      assert.ok(position >= acknowledged, `${position} is stored, ${acknowledged} was acknowledged`);
      number = position;
    }
    assert.ok(number > 0);
  }, noRobustMutexes);
});
