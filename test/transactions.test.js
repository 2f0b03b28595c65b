"use strict";
// transaction: reads and writes of several records in one commit, if what was read is still so.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const { createLMDBXRepository } = require("..");
const { counters } = require("../lib/repository.js");
const { scale } = require("./support/random.js");
const { rejection, using } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

const TIMEOUT = { timeout: patient(scale(60_000, 600_000)) };
const range = (length) => Array.from({ length }, (_, i) => i);

function check(statement, body) {
  test(statement, TIMEOUT, using(body));
}

describe("transaction", () => {
  for (const reads of ["adaptive", "pool"]) {
    check(`reads, and writes all in one commit, reads ${reads}`, async (open) => {
      const repository = open({ reads, compression: true });
      const long = "x".repeat(10_000);
      await repository.put("a", 1, { n: 1, long });
      await repository.put("a", "gone", 1);
      const { commits } = counters(repository);
      const result = await repository.transaction(async (tx) => {
        const { n } = await tx.get("a", 1);
        assert.equal(await tx.has("a", "gone"), true);
        assert.equal(await tx.get("b", 1), undefined);
        tx.put("a", 1, { n: n + 1, long });
        tx.put("b", 1, "new");
        tx.delete("a", "gone");
        assert.equal(tx.put("c", 1, 1), undefined);
        assert.deepEqual(await tx.get("a", 1), { n: 2, long });
        assert.equal(await tx.get("b", 1), "new");
        assert.equal(await tx.has("a", "gone"), false);
        assert.equal(await tx.get("a", "gone"), undefined);
        tx.delete("c", 1);
        assert.equal(await tx.has("c", 1), false);
        assert.deepEqual(await repository.list("b"), [], "nothing is written before the end");
        return "done";
      });
      assert.equal(result, "done");
      assert.equal(counters(repository).commits, commits + 1);
      assert.deepEqual(await repository.get("a", 1), { n: 2, long });
      assert.deepEqual(await repository.list("a"), [1]);
      assert.deepEqual(await repository.list("b"), [1]);
      assert.deepEqual(await repository.list("c"), []);
      assert.equal(counters(repository).queuedBytes, 0);
    });
  }

  check("may be synchronous, or empty, or only read", async (open) => {
    const repository = open();
    assert.equal(await repository.transaction((tx) => tx.put("t", 1, 5)), undefined);
    assert.equal(await repository.transaction(() => 5), 5);
    const { commits } = counters(repository);
    assert.equal(await repository.transaction((tx) => tx.get("t", 1)), 5);
    assert.equal(counters(repository).commits, commits);
    const reader = open({ readOnly: true });
    assert.equal(await reader.transaction((tx) => tx.get("t", 1)), 5);
    const writing = reader.transaction((tx) => tx.put("t", 1, 6));
    await assert.rejects(writing, { code: "LMDBX_READ_ONLY" });
  });

  check("sees earlier writes of its repository, awaited or not", async (open) => {
    const repository = open();
    const put = repository.put("t", 1, "before");
    assert.equal(await repository.transaction((tx) => tx.get("t", 1)), "before");
    await put;
  });

  check("encodes what it is given at once, and gives out copies", async (open) => {
    const repository = open();
    const value = { list: [1] };
    await repository.transaction(async (tx) => {
      tx.put("t", 1, value);
      value.list.push(2);
      (await tx.get("t", 1)).list.push(3);
      assert.deepEqual(await tx.get("t", 1), { list: [1] });
    });
    assert.deepEqual(await repository.get("t", 1), { list: [1] });
  });

  check("holds no lock while its function runs", async (open) => {
    const repository = open();
    const other = open();
    await repository.transaction(async (tx) => {
      await tx.get("t", "read");
      await other.put("t", "other", 1);
      await repository.put("t", "own", 1);
      await repository.transaction((inner) => inner.put("t", "inner", 1));
      tx.put("t", "outer", 1);
    });
    assert.deepEqual(await repository.list("t"), ["inner", "other", "outer", "own"]);
  });

  check("that throws writes nothing and rejects with just that", async (open) => {
    const repository = open();
    for (const thrown of [new Error("mine"), "a string", undefined]) {
      const failing = repository.transaction(
        async (tx) => {
          tx.put("t", 1, 1);
          await tx.get("t", 2);
          throw thrown;
        },
        { checkpoint: { name: "p", position: 1 } },
      );
      assert.equal(await rejection(failing), thrown);
    }
    assert.deepEqual(await repository.list("t"), []);
    assert.equal(await repository.getCheckpoint("p"), undefined);
  });

  check("refuses a value where it is put, and goes on if that is caught", async (open) => {
    const repository = open();
    const failing = repository.transaction((tx) => {
      tx.put("t", 1, 1);
      tx.put("t", "bad", { at: [() => 1] });
    });
    const error = await rejection(failing);
    assert.equal(error.code, "LMDBX_INVALID_VALUE");
    assert.match(error.message, /value\.at\[0\]/);
    assert.deepEqual([error.tenantId, error.key], ["t", "bad"]);
    assert.deepEqual(await repository.list("t"), []);
    await repository.transaction((tx) => {
      assert.throws(() => tx.put("t", "bad", undefined), { code: "LMDBX_INVALID_VALUE" });
      assert.throws(() => tx.put("t", NaN, 1), { code: "LMDBX_INVALID_KEY" });
      assert.throws(() => tx.delete("", 1), { code: "LMDBX_INVALID_ARGUMENT" });
      tx.put("t", 1, 1);
    });
    assert.deepEqual(await repository.list("t"), [1]);
  });

  check("is of no use behind its end", async (open) => {
    const repository = open();
    let kept;
    let late;
    await repository.transaction((tx) => {
      kept = tx;
      late = rejection(tx.get("t", "nobody waits"));
    });
    const ended = { code: "LMDBX_INVALID_ARGUMENT", message: /has ended/ };
    assert.throws(() => kept.put("t", 1, 1), ended);
    assert.throws(() => kept.delete("t", 1), ended);
    assert.throws(() => kept.with(repository), ended);
    await assert.rejects(kept.get("t", 1), ended);
    await assert.rejects(kept.has("t", 1), ended);
    assert.match((await late).message, /has ended/);
    assert.deepEqual(await repository.list("t"), []);
  });

  check("of a repository that closes meanwhile writes nothing", async (open) => {
    const repository = open();
    await repository.ready();
    const closing = repository.transaction(async (tx) => {
      tx.put("t", 1, 1);
      await repository.close();
    });
    await assert.rejects(closing, { code: "LMDBX_CLOSED" });
    assert.equal(await open().has("t", 1), false);
  });

  check("with wrong arguments says so", async (open) => {
    const repository = open();
    const wrong = { code: "LMDBX_INVALID_ARGUMENT" };
    await assert.rejects(repository.transaction(), { ...wrong, message: /function/ });
    for (const maxAttempts of [0, -1, 1.5, NaN, "3", null]) {
      await assert.rejects(repository.transaction(() => 1, { maxAttempts }), {
        ...wrong,
        message: /maxAttempts/,
      });
    }
    let ran = false;
    const run = () => (ran = true);
    const checkpoint = { name: "p", position: {} };
    await assert.rejects(repository.transaction(run, { checkpoint }), { ...wrong, message: /position/ });
    assert.equal(ran, false);
  });
});

describe("a transaction with a checkpoint", () => {
  check("writes it in its commit, and rejects at once if it is not as expected", async (open) => {
    const repository = open();
    let runs = 0;
    const step = (position, expected) =>
      repository.transaction(
        (tx) => {
          runs++;
          tx.put("t", "position", position);
        },
        { checkpoint: { name: "p", position, expected } },
      );
    await step(1, null);
    assert.equal(await repository.getCheckpoint("p"), 1);
    const error = await rejection(step(2, 5));
    assert.equal(error.code, "LMDBX_CONFLICT");
    assert.deepEqual([error.checkpoint, error.expected, error.actual], ["p", 5, 1]);
    assert.equal(runs, 2);
    assert.equal(await repository.get("t", "position"), 1);
    await repository.transaction(() => "nothing but the checkpoint", {
      checkpoint: { name: "p", position: "end", expected: 1 },
    });
    assert.equal(await repository.getCheckpoint("p"), "end");
  });

  check("is not overtaken by later batches while it fails", async (open) => {
    const repository = open();
    await repository.ready();
    const at = (position, expected) => ({ checkpoint: { name: "p", position, expected } });
    const lost = repository.transaction((tx) => tx.put("t", "lost", () => 1), at(1));
    const behind = repository.batch([], at(2));
    assert.equal((await rejection(lost)).code, "LMDBX_INVALID_VALUE");
    assert.equal((await rejection(behind)).code, "LMDBX_ABORTED");
    await repository.batch([], at(3));
    assert.equal(await repository.getCheckpoint("p"), 3);
  });

  check("lets two workers apply every event exactly once", async (open) => {
    const EVENTS = 200;
    const events = range(EVENTS).map((i) => ({ account: `a${i % 7}`, amount: i }));
    const stopped = [];
    const work = async (repository, name) => {
      for (;;) {
        const done = await repository.getCheckpoint("events");
        const next = done ?? 0;
        if (next === EVENTS) return;
        const some = events.slice(next, next + 1 + (next % 3));
        try {
          await repository.transaction(
            async (tx) => {
              for (const { account, amount } of some) {
                const { sum = 0, count = 0 } = (await tx.get("t", account)) ?? {};
                tx.put("t", account, { sum: sum + amount, count: count + 1 });
              }
            },
            {
              checkpoint: { name: "events", position: next + some.length, expected: done ?? null },
            },
          );
        } catch (error) {
          assert.equal(error.code, "LMDBX_CONFLICT");
          stopped.push(name);
        }
      }
    };
    await Promise.all([work(open(), "first"), work(open(), "second")]);
    const repository = open();
    for (const account of range(7)) {
      const own = events.filter((event) => event.account === `a${account}`);
      const sum = own.reduce((total, { amount }) => total + amount, 0);
      assert.deepEqual(await repository.get("t", `a${account}`), { sum, count: own.length });
    }
    assert.ok(stopped.length > 0, "they met");
  });
});

describe("a transaction over several repositories", () => {
  check("is one commit over names and encodings, and compares in all", async (open) => {
    const main = open();
    const json = open({ name: "json", encoding: "json", compression: true });
    const text = open({ name: "text", encoding: "string" });
    await Promise.all([json.put("t", 1, { n: 1 }), text.put("t", 1, "one"), main.ready()]);
    const { commits } = counters(main);
    const seen = [];
    await main.transaction(
      async (tx) => {
        const other = tx.with(json);
        const third = other.with(text);
        seen.push([await other.get("t", 1), await third.get("t", 1)]);
        if (seen.length === 1) await text.put("t", 1, "two");
        tx.put("t", 1, { at: new Date(0) });
        other.put("t", 1, { long: "z".repeat(3000) });
        third.delete("t", 1);
        assert.equal(await tx.with(text).has("t", 1), false);
        assert.equal(await third.with(main).has("t", 1), true);
      },
      { checkpoint: { name: "p", position: 1 } },
    );
    assert.deepEqual(seen, [
      [{ n: 1 }, "one"],
      [{ n: 1 }, "two"],
    ]);
    assert.equal(counters(main).commits, commits + 2, "one for the put between");
    assert.deepEqual(await main.get("t", 1), { at: new Date(0) });
    assert.deepEqual(await json.get("t", 1), { long: "z".repeat(3000) });
    assert.equal(await text.get("t", 1), undefined);
    assert.equal(await main.getCheckpoint("p"), 1);
    assert.equal(await json.getCheckpoint("p"), undefined);
  });

  check("knows that two repositories on one name are one database", async (open) => {
    const main = open();
    const named = open({ name: "n" });
    const packed = open({ name: "n", compression: true });
    await named.put("t", 1, "old");
    const reader = open({ name: "n", readOnly: true });
    await Promise.all([packed.ready(), reader.ready()]);
    const long = "l".repeat(5000);
    await main.transaction(async (tx) => {
      const [a, b] = [tx.with(named), tx.with(packed)];
      assert.equal(await b.get("t", 1), "old");
      a.put("t", 1, "new");
      assert.equal(await b.get("t", 1), "new");
      b.put("t", 1, long);
      assert.equal(await tx.with(reader).get("t", 1), long);
      assert.equal(await tx.has("t", 1), false);
    });
    assert.equal(await named.get("t", 1), long);
    const refused = main.transaction((tx) => {
      tx.with(named).put("t", 1, 1);
      tx.with(reader).put("t", 2, 2);
    });
    await assert.rejects(refused, { code: "LMDBX_READ_ONLY" });
    assert.equal(await named.get("t", 1), long);
  });

  check("waits for those that are still opening, and holds up their close", async (open) => {
    const main = open();
    const named = open({ name: "named" });
    let closed;
    await main.transaction((tx) => {
      tx.with(named).put("t", 1, "one");
      tx.put("t", 1, "main");
    });
    const writing = main.transaction((tx) => tx.with(named).put("t", 2, "two"));
    await new Promise((resolve) => setImmediate(resolve));
    closed = named.close();
    await Promise.all([writing, closed]);
    const again = open({ name: "named" });
    assert.deepEqual(await again.list("t"), [1, 2]);
  });

  check("is seen by reads of each that come behind it", async (open) => {
    const main = open();
    const named = open({ name: "named" });
    await Promise.all([main.ready(), named.ready()]);
    for (const i of range(20)) {
      const both = main.transaction((tx) => {
        tx.put("t", 1, i);
        tx.with(named).put("t", 1, i);
      });
      await both;
      assert.deepEqual(await Promise.all([main.get("t", 1), named.get("t", 1)]), [i, i]);
    }
  });

  check("refuses others: another path, a closed one, what is none", async (open) => {
    const main = open();
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "lmdbx-test-"));
    const elsewhere = createLMDBXRepository({ path: directory });
    const closed = open({ name: "closed" });
    try {
      await Promise.all([main.ready(), closed.close()]);
      const opening = main.transaction((tx) => tx.with(elsewhere).put("t", 1, 1));
      await assert.rejects(opening, { code: "LMDBX_INVALID_ARGUMENT", message: /one path/ });
      await elsewhere.ready();
      await main.transaction((tx) => {
        assert.throws(() => tx.with(elsewhere), { code: "LMDBX_INVALID_ARGUMENT", message: /one path/ });
        assert.throws(() => tx.with(closed), { code: "LMDBX_CLOSED" });
        for (const none of [undefined, null, {}, "x", main.tenant("t")]) {
          assert.throws(() => tx.with(none), { name: "TypeError", code: "LMDBX_INVALID_ARGUMENT" });
        }
      });
      assert.deepEqual(await elsewhere.list("t"), []);
    } finally {
      await elsewhere.close();
      fs.rmSync(directory, { recursive: true });
    }
  });

  check("by a symbolic link is over one path", async (open, directory) => {
    const main = open();
    const link = `${directory}-link`;
    fs.symlinkSync(directory, link);
    const linked = createLMDBXRepository({ path: link, name: "linked" });
    try {
      await main.transaction((tx) => tx.with(linked).put("t", 1, 1));
      assert.equal(await linked.get("t", 1), 1);
    } finally {
      await linked.close();
      fs.unlinkSync(link);
    }
  });
});
