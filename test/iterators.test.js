"use strict";
// Iterators: page by page, with back-pressure, and every way in which they end.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");

const { counters } = require("../lib/repository.js");
const { chooseSeed, randomOf } = require("./support/random.js");
const { noProc } = require("./support/process.js");
const { runToEnd } = require("./support/program.js");
const { collect, compareKeys } = require("./support/ranges.js");
const { using, rejection } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

const TIMEOUT = { timeout: patient(120_000) };
const check = (statement, body) => test(statement, TIMEOUT, using(body));

/** More than one page of values. */
const COUNT = 2000;
const keyOf = (number) => `key ${`${number}`.padStart(6, "0")}`;
const numbers = Array.from({ length: COUNT }, (_, number) => number);

async function filled(open, options) {
  const repository = open(options);
  await Promise.all(numbers.map((number) => repository.put("t", keyOf(number), { number })));
  return repository;
}

describe("keys, values and entries", () => {
  check("give all records in stored order, or against it", async (open) => {
    const repository = await filled(open, { compression: true });
    const tenant = repository.tenant("t");
    for (const reverse of [false, true]) {
      const order = reverse ? [...numbers].reverse() : numbers;
      assert.deepStrictEqual(await collect(repository.keys("t", { reverse })), order.map(keyOf));
      const values = await collect(tenant.values({ reverse }));
      assert.deepStrictEqual(values, order.map((number) => ({ number })));
      const entries = await collect(tenant.entries({ reverse }));
      assert.deepStrictEqual(entries, order.map((number) => [keyOf(number), { number }]));
    }
    assert.deepStrictEqual(await collect(repository.keys("other")), []);
  });

  check("are async iterators and iterables, whose next() calls may overlap", async (open) => {
    const repository = await filled(open);
    const iterator = repository.keys("t");
    assert.equal(iterator[Symbol.asyncIterator](), iterator);
    const results = await Promise.all(numbers.map(() => iterator.next()));
    assert.deepStrictEqual(results, numbers.map((number) => ({ value: keyOf(number), done: false })));
    assert.deepStrictEqual(await iterator.next(), { value: undefined, done: true });
    assert.deepStrictEqual(await iterator.next(), { value: undefined, done: true });
  });

  check("do not disturb each other", async (open) => {
    const repository = await filled(open);
    const [up, down] = [repository.keys("t"), repository.keys("t", { reverse: true })];
    for (const number of numbers) {
      assert.equal((await up.next()).value, keyOf(number));
      assert.equal((await down.next()).value, keyOf(COUNT - 1 - number));
    }
  });

  check("take their options when they are made", async (open) => {
    const repository = await filled(open);
    const range = { limit: 2 };
    const iterator = repository.keys("t", range);
    range.limit = 1;
    assert.deepStrictEqual(await collect(iterator), [keyOf(0), keyOf(1)]);
  });
});

describe("an iterator sees", () => {
  check("in its first page what was written before, and in later ones what was since", async (open) => {
    for (const reads of ["adaptive", "pool"]) {
      const repository = open({ name: reads, reads });
      for (const number of numbers) repository.put("t", keyOf(number), number);
      const entries = repository.entries("t");
      const first = await entries.next(); // nothing was awaited
      assert.deepStrictEqual(first.value, [keyOf(0), 0]);
      repository.put("t", "key z", "later"); // behind all others
      repository.delete("t", keyOf(COUNT - 1));
      const rest = await collect(entries);
      assert.deepStrictEqual(rest.at(-1), ["key z", "later"]);
      assert.deepStrictEqual(rest.at(-2), [keyOf(COUNT - 2), COUNT - 2]);
      assert.equal(rest.length, COUNT - 1);
    }
  });

  check("each record that stays exactly once, whatever is written meanwhile", async (open) => {
    const random = randomOf(chooseSeed("iterators"));
    const repository = await filled(open);
    for (const reverse of [false, true]) {
      const seen = new Set();
      let last;
      let steps = 0;
      for await (const [key] of repository.entries("t", { reverse })) {
        assert.ok(!seen.has(key), `${key} came twice`);
        if (last !== undefined) assert.equal(compareKeys(key, last) < 0, reverse);
        seen.add(key);
        last = key;
        if (steps++ % 50 !== 0) continue;
        // Those with an odd number stay; others come and go, and so do keys between them.
        const even = 2 * random(COUNT / 2);
        repository.delete("t", keyOf(even));
        repository.put("t", `${keyOf(even)} and more`, "x".repeat(random(3000)));
        repository.put("t", keyOf(even + 1), { number: "x".repeat(random(3000)) });
        if (steps % 500 === 1) await repository.put("t", keyOf(even), "again");
      }
      const odd = numbers.filter((number) => number % 2 === 1);
      for (const number of odd) assert.ok(seen.has(keyOf(number)), `${keyOf(number)} was skipped`);
    }
  });
});

describe("an iterator ends", () => {
  check("with its loop: break, return, an exception", async (open) => {
    const repository = await filled(open);
    const iterator = repository.values("t");
    for await (const value of iterator) {
      assert.deepStrictEqual(value, { number: 0 });
      break;
    }
    assert.deepStrictEqual(await iterator.next(), { value: undefined, done: true });
    const thrown = new Error("from the loop");
    const other = repository.values("t");
    const loop = async () => {
      for await (const value of other) if (value.number === 1000) throw thrown;
    };
    assert.equal(await rejection(loop()), thrown);
    assert.deepStrictEqual(await other.next(), { value: undefined, done: true });
    const third = repository.keys("t");
    assert.deepStrictEqual(await third.return("early"), { value: "early", done: true });
    assert.deepStrictEqual(await third.next(), { value: undefined, done: true });
  });

  check("with LMDBX_CLOSED when the repository closes, after the page at hand", async (open) => {
    for (const call of ["keys", "values", "entries"]) {
      const repository = await filled(open);
      const seen = [];
      const loop = async () => {
        for await (const item of repository[call]("t", { prefix: "key" })) {
          seen.push(item);
          if (seen.length === 1) repository.close();
        }
      };
      if (call === "keys") {
        await loop(); // all in one page
        assert.equal(seen.length, COUNT);
      } else {
        const error = await rejection(loop());
        assert.deepStrictEqual([error.code, error.tenantId], ["LMDBX_CLOSED", "t"]);
        assert.ok(seen.length > 1 && seen.length < COUNT, `${seen.length} items`);
      }
      assert.equal((await rejection(repository[call]("t").next())).code, "LMDBX_CLOSED");
    }
  });

  check("behind the page that was asked for before", async (open) => {
    for (const ofSnapshot of [false, true]) {
      const repository = await filled(open, { reads: "pool" });
      const iterator = (ofSnapshot ? repository.snapshot() : repository).values("t");
      const first = iterator.next();
      await repository.close();
      assert.deepStrictEqual(await first, { value: { number: 0 }, done: false });
      const code = ofSnapshot ? "LMDBX_SNAPSHOT_EXPIRED" : "LMDBX_CLOSED";
      assert.equal((await rejection(collect(iterator))).code, code);
    }
  });

  check("without keeping the repository from closing", async (open) => {
    const repository = await filled(open);
    const iterator = repository.values("t");
    await iterator.next();
    await repository.close(); // resolves, though the iterator is in the middle
    const again = open();
    assert.equal(await again.count("t"), COUNT);
  });

  check("with the reason of its signal: before it began, between and during pages", async (open) => {
    const repository = await filled(open);
    const reason = new Error("enough");
    const aborted = repository.keys("t", { signal: AbortSignal.abort(reason) });
    assert.equal(await rejection(aborted.next()), reason);
    assert.deepStrictEqual(await aborted.next(), { value: undefined, done: true });

    const between = new AbortController();
    const seen = [];
    const loop = async () => {
      for await (const value of repository.values("t", { signal: between.signal })) {
        seen.push(value);
        if (seen.length === 5) between.abort(reason);
      }
    };
    assert.equal(await rejection(loop()), reason);
    assert.equal(seen.length, 5);

    const during = new AbortController();
    repository.put("t", "late", 1); // so that the page has to wait for a commit
    const waiting = repository.entries("t", { signal: during.signal });
    const outcome = rejection(waiting.next());
    during.abort();
    assert.equal((await outcome).name, "AbortError");
    assert.equal(await repository.count("t"), COUNT + 1);
  });

  check("at a value that cannot be read, behind those before it", async (open) => {
    const strings = open({ encoding: "string" });
    const json = open({ encoding: "json" });
    await Promise.all(numbers.map((number) => json.put("t", keyOf(number), number)));
    await strings.put("t", keyOf(1234), "no JSON");
    for (const call of ["values", "entries"]) {
      const seen = [];
      const loop = async () => {
        for await (const item of json[call]("t")) seen.push(item);
      };
      const error = await rejection(loop());
      assert.deepStrictEqual([error.code, error.key], ["LMDBX_DECODE", keyOf(1234)]);
      assert.equal(seen.length, 1234);
    }
    assert.equal((await collect(json.keys("t"))).length, COUNT);
    assert.equal((await collect(json.values("t", { gt: keyOf(1234) }))).length, COUNT - 1235);
  });
});

describe("an iterator holds", () => {
  check("no read transaction between pages", async (open) => {
    const repository = await filled(open);
    const iterator = repository.values("t");
    await iterator.next();
    // A snapshot would keep the freed pages from being used again.
    const { fileSize: before } = counters(repository);
    for (let round = 0; round < 20; round++) {
      await Promise.all(numbers.map((number) => repository.put("t", keyOf(number), { number })));
    }
    const { fileSize: after } = counters(repository);
    assert.ok(after < 4 * before, `${before} bytes became ${after}`);
    assert.equal((await collect(iterator)).length, COUNT - 1);
  });

  test(
    "little memory, and the loop for a few pages at a time, over 200,000 records",
    { ...TIMEOUT, skip: noProc },
    using(async (_open, directory) => {
      const { code, stdout, stderr } = await runToEnd("iterate", { path: directory });
      assert.equal(code, 0, stderr);
      const { counted, grown, held, mostInTurn } = JSON.parse(stdout);
      assert.deepStrictEqual(counted, { keys: 200_000, values: 200_000, entries: 200_000 });
      console.log(`iterators: grew by ${Math.round(grown / 1024)} KiB, turns of ${held} ms`);
      // A call in one go would be all of 200,000. Pages that are there at once may follow each other.
      assert.ok(mostInTurn > 0 && mostInTurn < 100_000, `${mostInTurn} records in one turn`);
      if (process.env.LMDBX_SANITIZED) return;
      assert.ok(held < patient(100), `turns took ${held} ms`);
      assert.ok(grown < 64 * 1024 * 1024, `${grown} bytes`);
    }),
  );

  test(
    "nothing while it is abandoned, and nothing of its snapshot once it is collected",
    TIMEOUT,
    using(async (_open, directory) => {
      const { code, stdout, stderr } = await runToEnd("abandoned", { path: directory });
      assert.equal(code, 0, stderr);
      const { iterators } = JSON.parse(stdout);
      assert.ok(iterators.before <= 8, `${iterators.before} read transactions are in use`);
      assert.ok(iterators.after <= 8, `${iterators.after} read transactions stay in use`);
    }),
  );
});
