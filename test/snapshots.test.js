"use strict";
// Snapshots: one moment, whatever is written meanwhile, until they are closed or expire.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");

const { counters } = require("../lib/repository.js");
const { forAll, fc, hostileTenants, seed } = require("./support/arbitrary.js");
const { assertRange, collect, key, range } = require("./support/ranges.js");
const { runToEnd } = require("./support/program.js");
const { using, rejection } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

const TIMEOUT = { timeout: patient(120_000) };
const check = (statement, body) => test(statement, TIMEOUT, using(body));
console.log(`seed of the arbitrary snapshots: ${seed} (LMDBX_TEST_SEED repeats it)`);

const COUNT = 2000;
const numbers = Array.from({ length: COUNT }, (_, number) => number);

async function filled(open, options) {
  const repository = open(options);
  await Promise.all(numbers.map((number) => repository.put("t", number, { number })));
  return repository;
}

/** Everything that a snapshot can be asked for. */
const asked = (snapshot) => [
  snapshot.get("t", 1),
  snapshot.has("t", 1),
  snapshot.getMany("t", [1]),
  snapshot.list("t"),
  snapshot.count("t"),
  snapshot.keys("t").next(),
  snapshot.values("t").next(),
  snapshot.entries("t").next(),
];

/** Asserts that whatever it is asked for, it rejects with this code. */
async function assertRefuses(snapshot, code) {
  for (const { reason } of await Promise.allSettled(asked(snapshot))) {
    assert.equal(reason?.code, code, reason?.message);
  }
}

async function assertRejects(promise, code) {
  assert.equal((await rejection(promise)).code, code);
}

describe("a snapshot shows", () => {
  check("what was written before it, and nothing later", async (open) => {
    for (const reads of ["adaptive", "pool"]) {
      const repository = open({ reads, name: reads });
      repository.put("t", "a", 1); // while the repository is opening
      const early = repository.snapshot();
      repository.put("t", "a", 2);
      repository.put("t", "b", 2);
      const middle = repository.snapshot();
      await repository.delete("t", "a");
      const late = repository.snapshot();
      await repository.put("t", "c", 3);
      assert.deepStrictEqual(await early.getMany("t", ["a", "b", "c"]), [1, undefined, undefined]);
      assert.deepStrictEqual(await middle.getMany("t", ["a", "b", "c"]), [2, 2, undefined]);
      assert.deepStrictEqual(await late.getMany("t", ["a", "b", "c"]), [undefined, 2, undefined]);
      assert.deepStrictEqual(await collect(late.entries("t")), [["b", 2]]);
      assert.deepStrictEqual(await repository.list("t"), ["b", "c"]);
      for (const snapshot of [early, middle, late]) snapshot.close();
    }
  });

  check("the same in every call", async (open) => {
    const repository = await filled(open);
    const snapshot = repository.snapshot();
    try {
      await Promise.all(numbers.map((number) => repository.delete("t", number)));
      assert.equal(await snapshot.count("t"), COUNT);
      assert.equal((await snapshot.list("t", { gt: 5, limit: 3 })).length, 3);
      assert.deepStrictEqual(await snapshot.get("t", 7), { number: 7 });
      assert.equal(await snapshot.get("t", COUNT), undefined);
      assert.equal(await snapshot.has("t", 7), true);
      assert.equal(await snapshot.has("t", COUNT), false);
      assert.equal((await collect(snapshot.values("t"))).length, COUNT);
      assert.equal(await snapshot.tenant("t").count(), COUNT);
      assert.equal(await repository.count("t"), 0);
    } finally {
      snapshot[Symbol.dispose]();
    }
    const tenant = repository.tenant("t").snapshot();
    repository.put("t", "new", 1);
    assert.deepStrictEqual(await tenant.list(), []);
    tenant.close();
    await assertRejects(tenant.get("new"), "LMDBX_CLOSED");
  });

  check("ranges of all tenants, exactly, while they change", async (open) => {
    let run = 0;
    const input = fc.tuple(
      hostileTenants,
      fc.array(key, { minLength: 1, maxLength: 20 }),
      fc.array(range, { minLength: 1, maxLength: 8 }),
    );
    await forAll(input, 30, async ([tenants, keys, ranges]) => {
      const repository = open({ name: `run-${run++ % 200}` });
      const ofTenant = new Map(tenants.map((tenant) => [tenant, new Map()]));
      const write = (round) => {
        for (const [t, tenant] of tenants.entries()) {
          for (const [k, given] of keys.entries()) {
            const kind = (t + k + round) % 3;
            if (kind === 0) continue;
            const text = JSON.stringify(given);
            const value = [t, k, round];
            if (kind === 1) ofTenant.get(tenant).set(text, value);
            else ofTenant.get(tenant).delete(text);
            const written =
              kind === 1 ? repository.put(tenant, given, value) : repository.delete(tenant, given);
            written.catch(() => {}); // a failure shows in what is read
          }
        }
      };
      const moments = [];
      try {
        for (let round = 0; round < 3; round++) {
          write(round);
          const copies = tenants.map((tenant) => [tenant, new Map(ofTenant.get(tenant))]);
          moments.push([repository.snapshot(), copies]);
        }
        write(3);
        const checks = moments.flatMap(([snapshot, copies]) =>
          copies.flatMap(([tenant, records]) =>
            ranges.map((each) => assertRange(snapshot.tenant(tenant), records, each)),
          ),
        );
        await Promise.all(checks);
      } finally {
        for (const [snapshot] of moments) snapshot.close();
        const removed = tenants.flatMap((tenant) => keys.map((given) => repository.delete(tenant, given)));
        await Promise.all(removed);
        await repository.close();
      }
    });
  });
});

describe("a snapshot ends", () => {
  check("with close(), once what was asked before is answered", async (open) => {
    const repository = await filled(open);
    const snapshot = repository.snapshot();
    const before = asked(snapshot);
    snapshot.close();
    await assertRefuses(snapshot, "LMDBX_CLOSED");
    snapshot.close(); // again, to no effect
    const outcomes = await Promise.all(before);
    assert.deepStrictEqual(outcomes.slice(0, 3), [{ number: 1 }, true, [{ number: 1 }]]);
    assert.equal(outcomes[4], COUNT);
  });

  check("with what is closed while the repository is opening, once that is answered", async (open) => {
    for (const closes of ["snapshot", "repository"]) {
      const repository = open({ name: closes });
      const put = repository.put("t", 1, { number: 1 });
      const snapshot = repository.snapshot();
      const answers = asked(snapshot).slice(0, 3);
      const closing = closes === "snapshot" ? snapshot.close() : repository.close();
      assert.deepStrictEqual(await Promise.all(answers), [{ number: 1 }, true, [{ number: 1 }]]);
      await assertRefuses(snapshot, closes === "snapshot" ? "LMDBX_CLOSED" : "LMDBX_SNAPSHOT_EXPIRED");
      await Promise.all([put, closing]);
    }
  });

  check("with its repository, which it does not keep from closing", async (open) => {
    const repository = await filled(open);
    const snapshot = repository.snapshot();
    const iterator = snapshot.values("t");
    await iterator.next();
    const under = [snapshot.get("t", 1), snapshot.has("t", 2)];
    await repository.close();
    assert.deepStrictEqual(await Promise.all(under), [{ number: 1 }, true]);
    await assertRefuses(snapshot, "LMDBX_SNAPSHOT_EXPIRED");
    await assertRejects(collect(iterator), "LMDBX_SNAPSHOT_EXPIRED");
    snapshot.close();
    assert.throws(() => repository.snapshot(), { code: "LMDBX_CLOSED" });
  });

  check("where the database needs room to delete that it has reserved", async (open) => {
    const repository = open({ mapSize: 2 ** 20 });
    await repository.put("t", "first", 1);
    const snapshot = repository.snapshot(); // what is freed from now on stays in use
    assert.equal(await snapshot.get("t", "first"), 1);
    let full;
    for (const size of [1000, 100, 1]) {
      for (let number = 0; ; number++) {
        full = await repository.put("t", [size, number], "x".repeat(size)).catch((error) => error);
        if (full !== undefined) break;
      }
    }
    assert.equal(full.code, "LMDBX_MAP_FULL");
    assert.equal(await repository.delete("t", "first"), true);
    await assertRefuses(snapshot, "LMDBX_SNAPSHOT_EXPIRED");
    snapshot.close();
    const next = repository.snapshot();
    assert.equal(await next.has("t", "first"), false);
    next.close();
  });

  check("and a list between its pages begins anew then", async (open) => {
    const repository = open({ mapSize: 4 * 2 ** 20 });
    const keyOf = (number) => `${number}`.padStart(450, "0"); // pages of some 600 keys
    let count = 0;
    const full = async () => {
      const puts = Array.from({ length: 500 }, () => repository.put("t", keyOf(count++), 0));
      const outcomes = await Promise.allSettled(puts);
      return outcomes.some(({ status }) => status === "rejected");
    };
    const held = repository.snapshot();
    while (!(await full()));
    const kept = await repository.list("t");
    // Deletes that move the map, while lists are read.
    const lists = Array.from({ length: 20 }, () => repository.list("t"));
    const deleted = repository.delete("t", kept[0]);
    const later = await Promise.all(lists);
    assert.equal(await deleted, true);
    for (const list of later) {
      assert.deepStrictEqual(list, list.length === kept.length ? kept : kept.slice(1));
    }
    held.close();
  });

  check("as it began, with the error of an opening that failed", async () => {
    const { createLMDBXRepository } = require("..");
    const repository = createLMDBXRepository({ path: "/dev/null/nowhere" });
    const snapshot = repository.snapshot();
    await assertRefuses(snapshot, "LMDBX_NOT_A_DIRECTORY");
    assert.throws(() => repository.snapshot(), { code: "LMDBX_NOT_A_DIRECTORY" });
    snapshot.close();
    await repository.close();
  });

  test(
    "when it is collected",
    TIMEOUT,
    using(async (_open, directory) => {
      const { code, stdout, stderr } = await runToEnd("abandoned", { path: directory });
      assert.equal(code, 0, stderr);
      const { snapshots, fresh, left } = JSON.parse(stdout);
      for (const { before, after } of [snapshots, fresh]) {
        assert.ok(before >= 30, `only ${before} read transactions were in use`);
        assert.ok(after <= 8, `${after} of ${before} read transactions stay in use`);
      }
      assert.equal(left, 2000, "an iterator keeps its snapshot");
    }),
  );
});

describe("a snapshot holds up", () => {
  check("no writer", async (open) => {
    const repository = await filled(open);
    const snapshot = repository.snapshot();
    for (let round = 0; round < 5; round++) {
      await Promise.all(numbers.map((number) => repository.put("t", number, { round })));
    }
    assert.deepStrictEqual(await snapshot.get("t", 0), { number: 0 });
    assert.deepStrictEqual(await repository.get("t", 0), { round: 4 });
    snapshot.close();
  });

  check("no process that ends", async (_open, directory) => {
    const { code, late, stdout, stderr } = await runToEnd("held", { path: directory });
    assert.deepStrictEqual({ code, late }, { code: 0, late: false }, stderr);
    assert.equal(stdout, "true\n");
  });

  check("one of its own reads by another for no longer than a page", async (open) => {
    const repository = open();
    const long = (number) => `${number}`.padStart(450, "0"); // more than ten pages of keys
    await Promise.all(numbers.map((number) => repository.put("t", long(number), { number })));
    const snapshot = repository.snapshot();
    await snapshot.has("t", long(0)); // what is open reads
    const order = [];
    const note = (name) => (result) => {
      order.push(name);
      return result;
    };
    const [keys, value, there, [entry], count] = await Promise.all([
      snapshot.list("t").then(note("list")),
      snapshot.get("t", long(3)).then(note("get")),
      snapshot.has("t", long(COUNT)).then(note("has")),
      collect(snapshot.entries("t", { limit: 1 })).then(note("entries")),
      snapshot.count("t", { limit: 1 }).then(note("count")),
    ]);
    assert.deepStrictEqual(keys, numbers.map(long));
    assert.deepStrictEqual([value, there, entry, count], [{ number: 3 }, false, [long(0), { number: 0 }], 1]);
    assert.equal(order.at(-1), "list", `the order is ${order}`);
    assert.ok(counters(repository).queuedOperations === 0);
    snapshot.close();
  });
});
