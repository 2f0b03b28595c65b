"use strict";
// Checkpoints: positions that are written with a batch, fence other workers, and never overtake
// what was lost.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const { Worker } = require("node:worker_threads");

const { dump, stored } = require("./support/dump.js");
const { longestPut } = require("./support/limits.js");
const { collect } = require("./support/ranges.js");
const { rejection, using } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

const TIMEOUT = { timeout: patient(60_000) };
const range = (length) => Array.from({ length }, (_, i) => i);
const put = (tenantId, key, value) => ({ type: "put", tenantId, key, value });
const codes = async (promises) =>
  (await Promise.allSettled(promises)).map(({ reason }) => reason?.code);

function check(statement, body) {
  test(statement, TIMEOUT, using(body));
}

/** Positions, each different from all others. */
const POSITIONS = [
  0, 5, 5n, "5", -1, -1n, 0.5, 2 ** 31, 2 ** 32, 2 ** 53, Number.MAX_VALUE, 2n ** 63n, -(2n ** 63n),
  2n ** 64n - 1n, 0n, "", "ü", "0/16B3748", "x".repeat(1021),
];

describe("positions", () => {
  for (const encoding of ["msgpack", "json", "string"]) {
    check(`keep their type, beside records as ${encoding}`, async (open) => {
      const repository = open({ encoding, compression: true });
      for (const position of POSITIONS) {
        await repository.batch([], { checkpoint: { name: "p", position } });
        assert.strictEqual(await repository.getCheckpoint("p"), position);
      }
    });
  }

  check("of different types differ in what is expected", async (open) => {
    const repository = open();
    for (const position of POSITIONS) {
      await repository.batch([], { checkpoint: { name: "p", position } });
      for (const expected of [...POSITIONS, null]) {
        const moved = repository.batch([], { checkpoint: { name: "p", position, expected } });
        if (expected === position) await moved;
        else await assert.rejects(moved, { code: "LMDBX_CONFLICT", expected, actual: position });
      }
    }
  });

  check("that would not be kept are refused, and so are wrong names", async (open) => {
    const repository = open();
    const refused = async (checkpoint, says) => {
      const operations = [put("t", 1, 1)];
      await assert.rejects(repository.batch(operations, { checkpoint }), {
        name: "TypeError",
        code: "LMDBX_INVALID_ARGUMENT",
        message: says,
      });
    };
    const wrong = [
      -0, NaN, Infinity, 2n ** 64n, -(2n ** 63n) - 1n, "\ud800", undefined, true, {}, [], new Date(),
      () => 1, Symbol("5"),
    ];
    for (const position of wrong) {
      await refused({ name: "p", position }, /position/);
      if (position !== undefined) await refused({ name: "p", position: 1, expected: position }, /expected/);
    }
    for (const position of ["x".repeat(1022), `${"ü".repeat(510)}xx`]) {
      await refused({ name: "p", position }, /up to 1021 bytes of UTF-8/);
    }
    for (const name of [undefined, null, "", 5, "\ud800"]) {
      await refused({ name, position: 1 }, /name/);
      await assert.rejects(repository.getCheckpoint(name), { code: "LMDBX_INVALID_ARGUMENT" });
    }
    await refused({ name: "n".repeat(257), position: 1 }, /257 bytes/);
    await assert.rejects(repository.getCheckpoint("n".repeat(257)), { message: /257 bytes/ });
    for (const checkpoint of [null, 5, "p"]) await refused(checkpoint, /object/);
    assert.deepEqual(await repository.list("t"), []);
    assert.deepEqual(await repository.checkpoints(), []);
  });
});

describe("checkpoints", () => {
  check("are removed by null, and can be expected to be absent", async (open) => {
    const repository = open();
    await repository.batch([], { checkpoint: { name: "p", position: 1, expected: null } });
    const again = repository.batch([put("t", 1, 1)], {
      checkpoint: { name: "p", position: 2, expected: null },
    });
    const { message, ...properties } = await rejection(again);
    assert.match(message, /"p": position 1 is stored, and none was expected/);
    assert.equal(properties.checkpoint, "p");
    await repository.batch([], { checkpoint: { name: "p", position: null, expected: 1 } });
    assert.equal(await repository.getCheckpoint("p"), undefined);
    const gone = repository.batch([], { checkpoint: { name: "p", position: 2, expected: "1" } });
    const error = await rejection(gone);
    assert.match(error.message, /no position is stored, and "1" was expected/);
    assert.equal(error.actual, undefined);
    assert.deepEqual(await repository.list("t"), []);
  });

  check("are no records to any call that reads, belong to one database, and are listed by name", async (open) => {
    const main = open();
    const named = open({ name: "named" });
    const names = ["b", "a", "ü", "1", '"x"', "t:1", "n".repeat(256)];
    await Promise.all(
      names.map((name, position) => main.batch([], { checkpoint: { name, position } })),
    );
    await named.batch([put("t", 1, 1)], { checkpoint: { name: "a", position: "named" } });
    const sorted = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    assert.deepEqual(
      await main.checkpoints(),
      sorted.map((name) => ({ name, position: names.indexOf(name) })),
    );
    assert.deepEqual(await named.checkpoints(), [{ name: "a", position: "named" }]);
    assert.equal(await main.getCheckpoint("none"), undefined);
    const snapshot = main.snapshot();
    for (const tenant of ["t", "checkpoint", "\u00ffcheckpoint", "ÿ"]) {
      for (const reader of [main, snapshot]) {
        assert.deepEqual(await reader.list(tenant), []);
        assert.equal(await reader.count(tenant), 0);
        for (const call of ["keys", "values", "entries"]) {
          for (const reverse of [false, true]) {
            assert.deepEqual(await collect(reader[call](tenant, { reverse })), [], call);
          }
        }
      }
    }
    snapshot.close();
    assert.deepEqual(await main.tenants(), []);
    await main.put("t", 2, "two");
    assert.deepEqual(await main.tenants(), ["t"]);
    assert.equal(await main.count("t"), 1);
    assert.deepEqual(await collect(main.entries("t", { reverse: true })), [[2, "two"]]);
    assert.deepEqual(await named.list("t"), [1]);
    assert.deepEqual(await named.tenants(), ["t"]);
    assert.equal(await named.count("t"), 1);
    assert.equal((await main.checkpoints()).length, names.length);
  });

  check("are seen by what is issued after their batch", async (open) => {
    for (const reads of ["adaptive", "pool"]) {
      const repository = open({ reads });
      for (const position of range(3)) {
        const done = repository.batch([], { checkpoint: { name: reads, position } });
        assert.equal(await repository.getCheckpoint(reads), position);
        await done;
        const later = repository.batch([], { checkpoint: { name: reads, position } });
        assert.deepEqual((await repository.checkpoints()).at(-1), { name: reads, position });
        await later;
        const written = repository.batch([put(`${reads} ${position}`, 1, 1)]);
        assert.ok((await repository.tenants()).includes(`${reads} ${position}`));
        await written;
      }
    }
  });

  check("lie on disk as docs/format.md says", async (open, directory) => {
    const repository = open();
    await repository.batch([], { checkpoint: { name: "orders", position: 5 } });
    await repository.batch([], { checkpoint: { name: "ü", position: 5n } });
    const lying = stored(directory).map(([, value]) => value.toString("hex"));
    assert.deepEqual(lying, ["05", "d30000000000000005"]);
    const [[key]] = dump(directory);
    assert.equal(key, Buffer.from("\xffcheckpoint:orders", "latin1").toString("hex"));
  });
});

describe("fencing", () => {
  check("lets one of two workers write, and tells the other both positions", async (open) => {
    const [first, second] = [open(), open()];
    const step = (worker, from, who) =>
      worker.batch([put("t", "owner", who), put("t", from, who)], {
        checkpoint: { name: "events", position: from + 1, expected: from === 0 ? null : from },
      });
    await step(first, 0, "first");
    await step(first, 1, "first");
    const error = await rejection(step(second, 1, "second"));
    assert.equal(error.name, "LMDBXError");
    assert.equal(error.code, "LMDBX_CONFLICT");
    assert.deepEqual(
      { checkpoint: error.checkpoint, expected: error.expected, actual: error.actual },
      { checkpoint: "events", expected: 1, actual: 2 },
    );
    assert.match(error.message, /position 2 is stored, and 1 was expected/);
    await step(second, 2, "second");
    assert.equal((await rejection(step(first, 2, "first"))).actual, 3);
    assert.equal(await first.get("t", "owner"), "second");
    assert.deepEqual(await first.list("t"), ["owner", 0, 1, 2]);
  });

  check("holds between threads: each position is reached once", async (open, path) => {
    const STEPS = 100;
    const program = `
      const { workerData, parentPort } = require("node:worker_threads");
      const { createLMDBXRepository } = require(workerData.root);
      (async () => {
        const repository = createLMDBXRepository({ path: workerData.path });
        let won = 0;
        for (;;) {
          const at = (await repository.getCheckpoint("p")) ?? 0;
          if (at === workerData.steps) break;
          const checkpoint = { name: "p", position: at + 1, expected: at === 0 ? null : at };
          const operation = { type: "put", tenantId: "t", key: at, value: workerData.name };
          try {
            await repository.batch([operation], { checkpoint });
            won++;
          } catch (error) {
            if (error.code !== "LMDBX_CONFLICT") throw error;
          }
        }
        await repository.close();
        parentPort.postMessage(won);
      })();`;
    const root = require.resolve("..");
    const run = (name) =>
      new Promise((resolve, reject) => {
        const workerData = { root, path, name, steps: STEPS };
        const worker = new Worker(program, { eval: true, workerData });
        worker.on("message", resolve).on("error", reject);
      });
    const won = await Promise.all(["first", "second"].map(run));
    const repository = open();
    const owners = await Promise.all(range(STEPS).map((i) => repository.get("t", i)));
    assert.equal(won[0] + won[1], STEPS);
    assert.equal(owners.filter((owner) => owner === "first").length, won[0]);
  });
});

describe("a batch that was lost", () => {
  const at = (position, expected) => ({ checkpoint: { name: "p", position, expected } });
  const cases = {
    "in the commit": (repository) => repository.batch([put("t", "lost", 1)], at(1, "other")),
    "for a value": (repository) => repository.batch([put("t", "lost", () => 1)], at(1)),
    "for a key": (repository) => repository.batch([put("t", NaN, 1)], at(1)),
    "for a long key": (repository, longest) =>
      repository.batch([put("t", "k".repeat(longest), 1)], at(1)),
    "for its form": (repository) => repository.batch("no array", at(1)),
    "for its position": (repository) => repository.batch([], at(NaN)),
    "for its size": (repository) => repository.batch([put("t", 1, "x".repeat(10_000))], at(1)),
  };
  for (const [why, lose] of Object.entries(cases)) {
    check(`${why} is overtaken by no later one of its checkpoint`, async (open) => {
      const repository = open({ maxQueuedBytes: 8000 });
      const longest = await longestPut(repository);
      const before = repository.batch([put("t", "before", 1)], at(0));
      const lost = lose(repository, longest);
      const behind = repository.batch([put("t", "behind", 1)], at(2));
      const other = repository.batch([put("t", "other", 1)], { checkpoint: { name: "q", position: 2 } });
      const single = repository.put("t", "single", 1);
      const [a, b, c, d, e] = await codes([before, lost, behind, other, single]);
      assert.deepEqual([a, c, d, e], [undefined, "LMDBX_ABORTED", undefined, undefined]);
      assert.notEqual(b, undefined);
      assert.deepEqual(await repository.list("t"), ["before", "other", "single"]);
      assert.equal(await repository.getCheckpoint("p"), 0);
    });

    check(`${why} can be made up for as soon as it is reported`, async (open) => {
      const repository = open({ maxQueuedBytes: 8000 });
      const longest = await longestPut(repository);
      const before = repository.put("t", "before", 1);
      const again = lose(repository, longest).catch(() => repository.batch([put("t", "again", 1)], at(3)));
      await Promise.all([again, before]);
      assert.equal(await repository.getCheckpoint("p"), 3);
    });
  }

  const meanwhile = {
    put: (repository) => repository.put("t", "k", 1),
    get: (repository) => repository.get("t", "k"),
    has: (repository) => repository.has("t", "k"),
    getCheckpoint: (repository) => repository.getCheckpoint("p"),
    "another batch": (repository) => repository.batch([put("t", "k", 1)]),
  };
  for (const [what, issue] of Object.entries(meanwhile)) {
    check(`is not overtaken by one that is issued when a ${what} of then is told first`, async (open) => {
      const repository = open({ reads: "pool" });
      await repository.ready();
      const before = repository.batch([], at(0));
      const issuedBefore = what === "put" ? issue(repository) : undefined;
      let known = false;
      const lost = repository.batch([put("t", "lost", 1)], at(1, "other")).catch(() => {
        known = true;
      });
      void repository.put("t", "k", 2);
      await (issuedBefore ?? issue(repository));
      assert.equal(known, false);
      const behind = await rejection(repository.batch([], at(2)));
      assert.equal(behind.code, "LMDBX_ABORTED");
      await Promise.all([before, lost]);
      assert.equal(await repository.getCheckpoint("p"), 0);
    });
  }

  check("fails none of those that begin again, though others of before fail yet", async (open) => {
    const repository = open();
    await repository.ready();
    const again = [];
    const lost = repository.batch([], at(1, "other")).catch(() => {
      for (let i = 1; i <= 5; i++) again.push(repository.batch([put("t", i, i)], at(i)));
    });
    const behind = range(5).map((i) => repository.batch([put("t", `old ${i}`, i)], at(2 + i)));
    const outcomes = codes(behind);
    await lost;
    await Promise.all(again);
    assert.deepEqual(await outcomes, range(5).map(() => "LMDBX_ABORTED"));
    assert.deepEqual(await repository.list("t"), [1, 2, 3, 4, 5]);
    assert.equal(await repository.getCheckpoint("p"), 5);
  });

  check("in a pipeline leaves all up to it, and nothing behind it", async (open) => {
    const repository = open();
    const COUNT = 300;
    const LOST = 123;
    const batches = range(COUNT).map((i) =>
      repository.batch(
        [put("t", i, i === LOST ? Promise.resolve() : i)],
        { checkpoint: { name: "p", position: i } },
      ),
    );
    const outcomes = await codes(batches);
    assert.equal(outcomes[LOST], "LMDBX_INVALID_VALUE");
    outcomes.forEach((code, i) => {
      if (i !== LOST) assert.equal(code, i < LOST ? undefined : "LMDBX_ABORTED");
    });
    assert.equal((await repository.list("t")).length, LOST);
    assert.equal(await repository.getCheckpoint("p"), LOST - 1);
  });
});
