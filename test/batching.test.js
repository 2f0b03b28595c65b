"use strict";
// Group commit, read batches, and the order of operations within one repository.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");

const { counters } = require("../lib/repository.js");
const { longestPut } = require("./support/limits.js");
const { using, rejection } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

const COUNT = 1000;
/* One, where the turn goes on without a halt: a busy machine can hold it up, and a worker does not
 * wait for it for long. */
const SOME_COMMITS = patient(4);
const range = Array.from({ length: COUNT }, (_, i) => i);

describe("batching", () => {
  test(
    "1,000 puts issued in one turn share a commit",
    using(async (open) => {
      const repository = open();
      await repository.ready();
      const before = counters(repository);
      await Promise.all(range.map((i) => repository.put("t", i, { i })));
      const after = counters(repository);
      const commits = after.commits - before.commits;
      assert.ok(commits >= 1 && commits <= SOME_COMMITS, `${commits} commits`);
      assert.equal(after.lastTxnId - before.lastTxnId, commits);
      assert.equal(after.operations - before.operations, COUNT);
    }),
  );

  test(
    "puts of concurrent async functions share commits",
    using(async (open) => {
      const repository = open();
      await repository.ready();
      const before = counters(repository).commits;
      const lane = async (name) => {
        for (let i = 0; i < 20; i++) await repository.put("t", `${name}-${i}`, i);
      };
      await Promise.all(range.slice(0, 64).map(lane));
      const commits = counters(repository).commits - before;
      assert.ok(commits <= 80, `${commits} commits for 1,280 puts in 64 lanes`); // alone: 1,280
    }),
  );

  test(
    "100 reads issued in one turn travel as one job",
    using(async (open) => {
      const repository = open({ reads: "pool" });
      await repository.put("t", 1, "x");
      const before = counters(repository).readJobs;
      await Promise.all(range.slice(0, 100).map(() => repository.get("t", 1)));
      assert.equal(counters(repository).readJobs - before, 1);
    }),
  );

  test(
    "1,000 reads issued in one turn travel as few jobs, which begin while it goes on",
    using(async (open) => {
      const repository = open({ reads: "pool" });
      await repository.put("t", 1, "x");
      const before = counters(repository);
      await Promise.all(range.map((i) => (i % 2 ? repository.get("t", 1) : repository.has("t", 1))));
      const after = counters(repository);
      assert.equal(after.readJobs - before.readJobs, 4); // 128, 256, 512, and the others
      assert.equal(after.poolReads - before.poolReads, COUNT);
    }),
  );

  test(
    "reads that are issued while a commit is flushed travel together, too",
    using(async (open) => {
      const repository = open({ reads: "pool", maxReaders: 16 });
      await repository.put("t", "read", 1);
      const before = counters(repository).readJobs;
      const turns = 100;
      for (let turn = 0; turn < turns; turn++) {
        const writes = range.slice(0, 20).map((i) => repository.put("t", `${turn}-${i}`, i));
        // By turns, so that the commit is under way while the later ones are issued.
        for (let waits = 0; waits < turn % 5; waits++) await new Promise(setImmediate);
        const reads = range.map(() => repository.get("t", "read"));
        assert.ok((await Promise.all(reads)).every((value) => value === 1));
        await Promise.all(writes);
      }
      const jobs = counters(repository).readJobs - before;
      assert.ok(jobs <= 3 * turns, `${jobs} jobs in ${turns} turns`);
    }),
  );

  test(
    "results of 4,000 reads come in several turns of the loop",
    using(async (open) => {
      const repository = open({ reads: "pool" });
      await repository.put("t", 1, "x");
      let turn = 0;
      let turning = setImmediate(function count() {
        turn++;
        turning = setImmediate(count);
      });
      const heard = new Map();
      const hear = () => heard.set(turn, (heard.get(turn) ?? 0) + 1);
      await Promise.all(Array.from({ length: 4 * COUNT }, () => repository.get("t", 1).then(hear)));
      clearImmediate(turning);
      const most = Math.max(...heard.values());
      assert.ok(most <= 600, `${most} results between two turns`);
    }),
  );

  test(
    "one failing operation inside a group harms no neighbour",
    using(async (open) => {
      const repository = open();
      const tooLong = "x".repeat(await longestPut(repository));
      const before = counters(repository).commits;
      const results = await Promise.allSettled(
        range.map((i) => repository.put("t", i === 500 ? tooLong : i, i)),
      );
      results.forEach((result, i) =>
        assert.equal(result.status, i === 500 ? "rejected" : "fulfilled"),
      );
      assert.equal(results[500].reason.code, "LMDBX_KEY_TOO_LARGE");
      assert.ok(counters(repository).commits - before <= SOME_COMMITS);
      assert.equal((await repository.list("t")).length, COUNT - 1);
    }),
  );

  test(
    "when the map fills inside a group, what fits is written and the rest rejects",
    using(async (open) => {
      const repository = open({ mapSize: 1024 * 1024 });
      const value = "x".repeat(3000);
      const results = await Promise.allSettled(range.map((i) => repository.put("t", i, value)));
      const kept = range.filter((i) => results[i].status === "fulfilled");
      const lost = range.filter((i) => results[i].status === "rejected");
      assert.ok(kept.length > 0 && lost.length > 0);
      for (const i of lost) assert.equal(results[i].reason.code, "LMDBX_MAP_FULL");
      assert.deepStrictEqual(new Set(await repository.list("t")), new Set(kept));
      for (const i of kept) await repository.delete("t", i);
      assert.deepStrictEqual(await repository.list("t"), []);
      await repository.put("t", "again", value);
    }),
  );
});

describe("inline reads", () => {
  /** Reads until one is answered on the calling thread: the pool has to look first. */
  async function warm(repository) {
    const before = counters(repository).inlineReads;
    while (counters(repository).inlineReads === before) {
      await repository.get("t", 0);
      await new Promise(setImmediate);
    }
  }

  test(
    "hot reads are answered on the calling thread, with the same answers",
    using(async (open) => {
      const repository = open();
      const value = { text: "x".repeat(100), list: [1, 2, 3] };
      await Promise.all(range.map((i) => repository.put("t", i, { ...value, i })));
      await repository.put("few", "a", 1);
      await warm(repository);
      const before = counters(repository);
      for (const i of range) assert.deepStrictEqual(await repository.get("t", i), { ...value, i });
      assert.equal(await repository.get("t", "none"), undefined);
      assert.equal(await repository.has("t", 1), true);
      assert.equal(await repository.has("t", "none"), false);
      assert.deepStrictEqual(await repository.list("few"), ["a"]);
      assert.equal((await repository.list("t")).length, COUNT); // too long to be answered here
      await warm(repository); // and yet the next read is
      const after = counters(repository);
      // How many depends on how busy the machine is: time away counts against the turn.
      const least = process.env.LMDBX_SANITIZED ? 0 : COUNT / 20;
      assert.ok(after.inlineReads - before.inlineReads > least);
    }),
  );

  test(
    "a read that must see a pending write waits for it",
    using(async (open) => {
      const repository = open();
      await repository.put("t", 0, "old");
      await warm(repository);
      for (const i of range.slice(0, 100)) {
        const put = repository.put("t", 0, i);
        assert.equal(await repository.get("t", 0), i);
        assert.deepStrictEqual(await repository.list("t"), [0]);
        await put;
      }
    }),
  );

  /** Begins a turn with a read on the calling thread, and spends its time. */
  async function spendTurn(repository) {
    await warm(repository);
    await repository.get("t", 0);
    const end = performance.now() + 2;
    while (performance.now() < end);
  }

  for (const compression of [false, true]) {
    test(
      `reads of a turn whose time is spent have the same answers, ${compression ? "" : "not "}compressed`,
      using(async (open) => {
        const repository = open({ compression });
        const values = [0, "x", "y".repeat(20_000), "z".repeat(300_000), { at: "w".repeat(2e6) }];
        for (const [i, value] of values.entries()) await repository.put("t", i, value);
        for (const count of [1, 2, values.length + 1]) {
          for (let first = 0; first <= values.length; first++) {
            await spendTurn(repository);
            const indexes = range.slice(0, count).map((i) => (first + i) % (values.length + 1));
            const answers = Promise.all(indexes.map((i) => repository.get("t", i)));
            const presences = Promise.all(indexes.map((i) => repository.has("t", i)));
            assert.deepStrictEqual(
              await answers,
              indexes.map((i) => values[i]),
            );
            assert.deepStrictEqual(
              await presences,
              indexes.map((i) => i < values.length),
            );
          }
        }
      }),
    );
  }

  test(
    "a loop of hot reads keeps no thread of the pool busy",
    using(async (open) => {
      const repository = open();
      await repository.put("t", 0, "x");
      await warm(repository);
      const before = counters(repository).readJobs;
      const began = performance.now();
      for (let reads = 0; reads < 50_000; reads++) await repository.get("t", 0);
      const jobs = counters(repository).readJobs - before;
      const turns = performance.now() - began; // at most: each has a millisecond
      assert.ok(jobs <= 5 + turns / 20, `${jobs} jobs in some ${Math.round(turns)} turns`);
    }),
  );

  test(
    "a loop of hot reads lets timers run",
    using(async (open) => {
      const repository = open();
      await repository.put("t", 0, "x");
      await warm(repository);
      let ticks = 0;
      const timer = setInterval(() => ticks++, 1);
      // Counted in reads: a busy machine has fewer of them in a turn.
      for (let reads = 0; reads < 50_000; reads++) await repository.get("t", 0);
      clearInterval(timer);
      assert.ok(ticks >= 5, `${ticks} ticks of a 1 ms timer in 50,000 reads`); // without turns: 0
    }),
  );

  test(
    "1,000 hot reads in flight, again and again, let timers run",
    using(async (open) => {
      const repository = open();
      await repository.put("t", 0, "x");
      await warm(repository);
      let sinceTick = 0;
      let longest = 0;
      const timer = setInterval(() => (sinceTick = 0), 1);
      for (let batch = 0; batch < 200; batch++) {
        await Promise.all(range.map(() => repository.get("t", 0)));
        longest = Math.max(longest, ++sinceTick);
      }
      clearInterval(timer);
      // Some 2 batches; without an end to long turns, as many as the pool can answer in time.
      assert.ok(longest <= 20, `${longest} batches without a tick of a 1 ms timer`);
    }),
  );

  test(
    'reads: "pool" answers nothing on the calling thread',
    using(async (open) => {
      const repository = open({ reads: "pool" });
      await repository.put("t", 0, "x");
      const before = counters(repository).inlineReads;
      for (const i of range) assert.equal(await repository.get("t", i - i), "x");
      assert.equal(counters(repository).inlineReads, before);
    }),
  );
});

describe("order", () => {
  for (const reads of ["adaptive", "pool"]) {
    test(
      `a read sees the writes issued before it, and none issued after it, with reads: ${reads}`,
      using(async (open) => {
        const repository = open({ reads });
        for (const when of ["while opening", "once open"]) {
          const steps = [
            repository.get("t", "k"),
            repository.put("t", "k", 1),
            repository.get("t", "k"),
            repository.has("t", "k"),
            repository.put("t", "k", 2),
            repository.get("t", "k"),
            repository.list("t"),
            repository.delete("t", "k"),
            repository.has("t", "k"),
            repository.list("t"),
            repository.delete("t", "k"),
            repository.put("t", "k", 3),
            repository.get("t", "k"),
            repository.delete("t", "k"),
          ];
          assert.deepStrictEqual(
            await Promise.all(steps),
            [undefined, undefined, 1, true, undefined, 2, ["k"]]
              .concat([true, false, [], false, undefined, 3, true]),
            when,
          );
        }
      }),
    );
  }

  test(
    "promises of writes settle in the order of issue",
    using(async (open) => {
      const repository = open();
      const settled = [];
      await Promise.all(range.map((i) => repository.put("t", i, i).then(() => settled.push(i))));
      assert.deepStrictEqual(settled, range);
    }),
  );

  test(
    "a failed write is not seen by the read behind it",
    using(async (open) => {
      const repository = open({ mapSize: 256 * 1024 });
      await repository.put("t", "k", "old");
      const put = repository.put("t", "k", "x".repeat(1024 * 1024));
      const get = repository.get("t", "k");
      assert.equal((await rejection(put)).code, "LMDBX_MAP_FULL");
      assert.equal(await get, "old");
    }),
  );
});
