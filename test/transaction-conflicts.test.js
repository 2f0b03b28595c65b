"use strict";
// What others write while a transaction reads: then it runs again.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const path = require("node:path");

const { startProgram } = require("./support/program.js");
const { chooseSeed, randomOf, scale } = require("./support/random.js");
const { rejection, using } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

const TIMEOUT = { timeout: patient(scale(60_000, 600_000)) };
const DEFAULT_ATTEMPTS = 16;
const range = (length) => Array.from({ length }, (_, i) => i);

function check(statement, body) {
  test(statement, TIMEOUT, using(body));
}

describe("what a transaction has read", () => {
  /** Reads two records that are always equal, and throws if it has seen them differ. */
  const fold = async (tx, between) => {
    const a = await tx.get("t", "a");
    await between();
    const b = await tx.get("t", "b");
    if (a !== b) throw new Error(`${a} is not ${b}`);
    tx.put("t", "c", a + b);
  };
  const both = (n) => ["a", "b"].map((key) => ({ type: "put", tenantId: "t", key, value: n }));

  check("runs again if it threw on records that were never so at one moment", async (open) => {
    const repository = open();
    await repository.batch(both(1));
    let runs = 0;
    await repository.transaction((tx) =>
      fold(tx, () => (runs++ === 0 ? repository.batch(both(2)) : undefined)),
    );
    assert.equal(runs, 2);
    assert.equal(await repository.get("t", "c"), 4);
  });

  check("is no reason to run again more often than maxAttempts says", async (open) => {
    const repository = open();
    await repository.batch(both(0));
    let runs = 0;
    const transaction = repository.transaction(
      (tx) => fold(tx, () => repository.batch(both(++runs))),
      { maxAttempts: 3 },
    );
    assert.equal((await rejection(transaction)).message, "2 is not 3");
    assert.equal(runs, 3);
  });

  check("is no reason to run again if it is still so, or is one record", async (open) => {
    const repository = open();
    await repository.batch(both(1));
    const reason = new Error("on purpose");
    let runs = 0;
    const still = repository.transaction(async (tx) => {
      runs++;
      await fold(tx, () => {});
      throw reason;
    });
    assert.equal(await rejection(still), reason);
    const one = repository.transaction(async (tx) => {
      runs++;
      await tx.get("t", "a");
      await repository.batch(both(2));
      throw reason;
    });
    assert.equal(await rejection(one), reason);
    assert.equal(runs, 2);
    assert.equal(await repository.get("t", "c"), undefined);
  });

  check("may be left behind, and rejects only for who awaits it", async (open) => {
    const repository = open({ reads: "pool" });
    await repository.put("t", "a", 1);
    let reading;
    let late;
    await repository.transaction((tx) => {
      late = tx;
      reading = [tx.get("t", "a"), tx.has("t", "a")];
    });
    const unminded = late.get("t", "a"); // the test fails by what is not handled
    for (let i = 0; i < 5; i++) await new Promise(setImmediate);
    await repository.get("t", "a");
    await new Promise(setImmediate);
    for (const promise of [...reading, unminded]) {
      await assert.rejects(promise, { code: "LMDBX_INVALID_ARGUMENT" });
    }
  });

  /** Changes by another writer between reading and commit, of a record that is there. */
  const CHANGES = {
    "a new value": (other) => other.put("t", "k", "new"),
    "a delete": (other) => other.delete("t", "k"),
    "a clear": (other) => other.clearTenant("t"),
    "a batch": (other) => other.batch([{ type: "put", tenantId: "t", key: "k", value: 2 }]),
    "an update": (other) => other.update("t", "k", () => 3),
    "a transaction": (other) => other.transaction((tx) => tx.put("t", "k", 4)),
  };
  for (const [what, change] of Object.entries(CHANGES)) {
    for (const look of ["get", "has"]) {
      check(`by ${look} must not change by ${what}: it runs again`, async (open) => {
        const repository = open();
        const other = open();
        await repository.put("t", "k", "old");
        const seen = [];
        await repository.transaction(async (tx) => {
          seen.push(await tx[look]("t", "k"));
          if (seen.length === 1) await change(other);
          tx.put("result", 1, seen.length);
        });
        assert.equal(seen.length, 2);
        assert.deepEqual(seen[1], await other[look]("t", "k"));
        assert.equal(await repository.get("result", 1), 2);
      });
    }
  }

  check("as absent must not appear", async (open) => {
    const repository = open();
    let runs = 0;
    await repository.transaction(async (tx) => {
      const there = await tx.has("t", "k");
      if (++runs === 1) await repository.put("t", "k", 1);
      tx.put("result", 1, there);
    });
    assert.equal(runs, 2);
    assert.equal(await repository.get("result", 1), true);
  });

  check("stays as it was within a run, and is of one moment in the end", async (open) => {
    const repository = open();
    const other = open();
    const move = (n) =>
      other.batch(["a", "b"].map((key) => ({ type: "put", tenantId: "t", key, value: n })));
    await move(0);
    let runs = 0;
    const pair = await repository.transaction(async (tx) => {
      runs++;
      const first = await tx.get("t", "a");
      if (runs < 3) await move(runs);
      assert.equal(await tx.get("t", "a"), first);
      return [first, await tx.get("t", "b")];
    });
    assert.deepEqual(pair, [2, 2]);
    assert.equal(runs, 3);
  });

  check("is compared by bytes: the same bytes again are no change", async (open) => {
    const repository = open({ compression: true });
    const value = { long: "y".repeat(5000) };
    await repository.put("t", 1, value);
    let runs = 0;
    await repository.transaction(async (tx) => {
      runs++;
      await tx.get("t", 1);
      await repository.put("t", 1, "other");
      await repository.put("t", 1, value);
      tx.put("t", 2, 1);
    });
    assert.equal(runs, 1);
  });

  check("and what it has not read may change", async (open) => {
    const repository = open();
    let runs = 0;
    await repository.transaction(async (tx) => {
      runs++;
      await repository.put("t", "k", 1);
      tx.put("t", "k", 2);
      assert.equal(await tx.get("t", "k"), 2, "its own write is not read from the database");
      await repository.put("t", "k", 3);
    });
    assert.equal(runs, 1);
    assert.equal(await repository.get("t", "k"), 2);
  });

  check(`is tried ${DEFAULT_ATTEMPTS} times, or maxAttempts, then LMDBX_CONFLICT`, async (open) => {
    const repository = open();
    for (const [options, expected] of [
      [undefined, DEFAULT_ATTEMPTS],
      [{ maxAttempts: 3 }, 3],
      [{ maxAttempts: 1 }, 1],
    ]) {
      let runs = 0;
      const hopeless = repository.transaction(async (tx) => {
        await tx.get("t", "calm");
        await tx.get("t", { busy: 1 });
        tx.put("t", "result", 1);
        await repository.put("t", { busy: 1 }, ++runs);
      }, options);
      const error = await rejection(hopeless);
      assert.equal(error.code, "LMDBX_CONFLICT");
      assert.deepEqual([error.tenantId, error.key], ["t", { busy: 1 }]);
      assert.equal(runs, expected);
      assert.equal(await repository.has("t", "result"), false);
    }
  });
});

describe("transactions at once", () => {
  /** What a transaction does to a few records: a copy of the sum of some under another key. */
  const plan = (random, keys) => ({
    from: range(1 + random(3)).map(() => random(keys)),
    to: random(keys),
    add: random(100),
    remove: random(10) === 0,
  });
  const applyTo = (model, { from, to, add, remove }) => {
    const sum = from.reduce((total, key) => total + (model.get(key) ?? 0), add) % 1_000_003;
    if (remove) model.delete(to);
    else model.set(to, sum);
    return sum;
  };

  check("are as if one came after the other, in the order of their checkpoints", async (open) => {
    const seed = chooseSeed("transactions");
    const random = randomOf(seed);
    const KEYS = 12;
    const repositories = [open(), open({ reads: "pool" })];
    const done = [];
    const lane = async (repository) => {
      for (const _ of range(20)) {
        const { from, to, add, remove } = plan(random, KEYS);
        let order;
        const sum = await repository.transaction(
          async (tx) => {
            order = (await tx.get("order", 0)) ?? 0;
            let total = add;
            for (const key of from) total += (await tx.get("t", key)) ?? 0;
            total %= 1_000_003;
            if (remove) tx.delete("t", to);
            else tx.put("t", to, total);
            tx.put("order", 0, order + 1);
            return total;
          },
          { maxAttempts: 10_000 },
        );
        done.push({ order, sum, plan: { from, to, add, remove } });
      }
    };
    await Promise.all(range(16).map((i) => lane(repositories[i % 2])));
    done.sort((a, b) => a.order - b.order);
    const model = new Map();
    done.forEach(({ order, sum, plan: what }, index) => {
      assert.equal(order, index, "every place in the order is taken once");
      assert.equal(sum, applyTo(model, what));
    });
    for (const key of range(KEYS)) {
      assert.equal(await repositories[0].get("t", key), model.get(key));
    }
  });

  check("keep the sum of all accounts, over 64 lanes in 2 processes", async (open, directory) => {
    const ACCOUNTS = 24;
    const euros = open();
    const dollars = open({ name: "dollars", encoding: "json" });
    const seed = chooseSeed("transfers");
    for (const account of range(ACCOUNTS)) {
      await euros.put("t", account, { balance: 100 });
      await dollars.put("t", account, { balance: 100 });
    }
    const common = { path: directory, lanes: 32, count: scale(200, 4000), accounts: ACCOUNTS };
    const programs = ["adaptive", "pool"].map((reads, i) =>
      startProgram("transfers", { ...common, seed: seed + i, reads }, TIMEOUT),
    );
    const total = async (tx) => {
      let sum = 0;
      for (const repository of [tx, tx.with(dollars)]) {
        for (const account of range(ACCOUNTS)) sum += (await repository.get("t", account)).balance;
      }
      return sum;
    };
    let running = programs.length;
    const reports = programs.map((program) =>
      program.heard().finally(() => {
        running--;
      }),
    );
    let looks = 0;
    while (running > 0) {
      // A transaction that only reads sees one moment, if it gets to see one at all.
      const sum = await euros.transaction(total, { maxAttempts: 3 }).catch(({ code }) => code);
      if (sum !== "LMDBX_CONFLICT") assert.equal(sum, 200 * ACCOUNTS);
      looks++;
    }
    let calls = 0;
    for (const report of reports) calls += (await report).calls;
    for (const { ended } of programs) assert.equal((await ended).code, 0);
    assert.equal(await euros.transaction(total), 200 * ACCOUNTS);
    console.log(`transfers: ${calls} calls of functions, ${looks} looks at the sum`);
  });
});
