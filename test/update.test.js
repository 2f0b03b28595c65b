"use strict";
// update: an atomic read-modify-write of one record.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");

const { counters } = require("../lib/repository.js");
const { startProgram } = require("./support/program.js");
const { scale } = require("./support/random.js");
const { longestPut } = require("./support/limits.js");
const { rejection, using } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

const TIMEOUT = { timeout: patient(scale(60_000, 600_000)) };
const PROCESSES = 4;
const LANES = 64;
const INCREMENTS = scale(10_000, 200_000);

const range = (length) => Array.from({ length }, (_, i) => i);
const increment = (current = 0) => current + 1;

function check(statement, body) {
  test(statement, TIMEOUT, using(body));
}

describe("update", () => {
  for (const reads of ["adaptive", "pool"]) {
    for (const encoding of ["msgpack", "json"]) {
      check(`reads, changes and writes a record, as ${encoding}, reads ${reads}`, async (open) => {
        const repository = open({ encoding, reads, compression: true });
        const seen = [];
        const add = (text) => (current) => {
          seen.push(current === undefined ? undefined : structuredClone(current));
          return { texts: [...(current?.texts ?? []), text] };
        };
        const long = "x".repeat(5000);
        assert.deepEqual(await repository.update("t", [1], add("a")), { texts: ["a"] });
        assert.deepEqual(await repository.update("t", [1], add(long)), { texts: ["a", long] });
        assert.deepEqual(seen, [undefined, { texts: ["a"] }]);
        assert.deepEqual(await repository.get("t", [1]), { texts: ["a", long] });
        assert.equal(await repository.update("t", [1], () => undefined), undefined);
        assert.equal(await repository.has("t", [1]), false);
        assert.equal(await repository.update("t", [1], () => undefined), undefined);
        assert.equal(counters(repository).queuedBytes, 0);
      });
    }
  }

  check("works on strings, also on such that look like a frame", async (open) => {
    const repository = open({ encoding: "string" });
    const magic = "\u0004\"M\u0018";
    assert.equal(await repository.update("t", 1, () => magic), magic);
    const again = [1, 2, 3].map((i) => repository.update("t", 1, (current) => current + i));
    assert.deepEqual(await Promise.all(again), [`${magic}1`, `${magic}12`, `${magic}123`]);
    await assert.rejects(repository.update("t", 1, () => 5), { code: "LMDBX_INVALID_VALUE" });
    assert.equal(await repository.get("t", 1), `${magic}123`);
  });

  check("resolves to what is stored for it, and keeps nothing of its caller's", async (open) => {
    const repository = open();
    const mine = { list: [1], until: undefined, nan: NaN, zero: -0, big: 5n, at: new Date(0) };
    const first = repository.update("t", 1, () => mine);
    const second = repository.update("t", 1, (current) => {
      assert.notEqual(current, mine);
      assert.deepEqual(current, { ...mine, list: [1] });
      current.list.push(2);
      return current;
    });
    const stored = await first;
    mine.list.push("late");
    assert.deepEqual(stored.list, [1]);
    assert.ok(Object.is(stored.zero, -0) && stored.big === 5n);
    const { list } = await second;
    assert.deepEqual(list, [1, 2]);
    list.push("later");
    assert.deepEqual((await repository.get("t", 1)).list, [1, 2]);
  });

  check("is a call of a tenant's view", async (open) => {
    const tenant = open().tenant("t");
    await Promise.all(range(10).map(() => tenant.update("n", increment)));
    assert.equal(await tenant.get("n"), 10);
  });

  check("comes behind earlier writes of its repository", async (open) => {
    const repository = open();
    await repository.ready();
    for (const round of range(5)) {
      const put = repository.put("t", 1, round * 10);
      assert.equal(await repository.update("t", 1, increment), round * 10 + 1);
      await put;
    }
  });

  check("of one key run as a chain, each on what the former left, in one commit", async (open) => {
    const COUNT = 200;
    const repository = open();
    await repository.ready();
    let calls = 0;
    const results = range(COUNT).map(() =>
      repository.update("t", 1, (current = 0) => {
        calls++;
        return current + 1;
      }),
    );
    assert.deepEqual(await Promise.all(results), range(COUNT).map((i) => i + 1));
    assert.equal(calls, COUNT);
    assert.equal(counters(repository).commits, 1);
    const thousand = range(1000).map(() => repository.update("t", 1, increment));
    await Promise.all(thousand);
    assert.equal(await repository.get("t", 1), COUNT + 1000);
    assert.ok(counters(repository).commits < 10);
  });

  check("runs again on what a faster writer has stored", async (open) => {
    const repository = open();
    const other = open();
    await Promise.all([repository.put("t", 1, 1), other.ready()]);
    const seen = [];
    const result = await repository.update("t", 1, (current) => {
      seen.push(current);
      // Queued ahead of the commit of this very run.
      if (seen.length === 1) other.put("t", 1, 100);
      if (seen.length === 2) other.delete("t", 1);
      if (seen.length === 3) other.put("t", 1, "again");
      return [current];
    });
    assert.deepEqual(seen, [1, 100, undefined, "again"]);
    assert.deepEqual(result, ["again"]);
    assert.deepEqual(await other.get("t", 1), ["again"]);
  });

  check("judges by what is stored in the end, also where it throws", async (open) => {
    const repository = open();
    const other = open();
    await Promise.all([repository.put("t", "stock", 0), other.ready()]);
    let calls = 0;
    const take = (stock) => {
      if (stock === 0) throw new Error("sold out");
      return stock - 1;
    };
    const outcomes = await Promise.allSettled([
      repository.update("t", "stock", take),
      repository.update("t", "stock", (stock) => {
        if (++calls === 1) other.put("t", "stock", 1);
        return stock;
      }),
      repository.update("t", "stock", take),
    ]);
    assert.deepEqual([outcomes[0].value, outcomes[1].value], [0, 0]);
    assert.equal(outcomes[2].reason.message, "sold out");
    assert.equal(calls, 2);
  });
});

describe("an update that is refused", () => {
  check("leaves the record and the others of its chain alone", async (open) => {
    const repository = open();
    await repository.put("t", "k", 0);
    const thrown = new Error("mine");
    const updates = {
      first: increment,
      throws: () => {
        throw thrown;
      },
      second: increment,
      promise: async () => 5,
      failing: async () => {
        throw new Error("nobody listens");
      },
      thenable: () => ({ then: () => {} }),
      function: () => increment,
      nested: () => ({ a: [Symbol("s")] }),
      third: increment,
    };
    const outcomes = await Promise.allSettled(
      Object.values(updates).map((fn) => repository.update("t", "k", fn)),
    );
    const by = Object.fromEntries(Object.keys(updates).map((name, i) => [name, outcomes[i]]));
    assert.deepEqual([by.first.value, by.second.value, by.third.value], [1, 2, 3]);
    assert.equal(by.throws.reason, thrown);
    for (const name of ["promise", "failing", "thenable"]) {
      assert.equal(by[name].reason.code, "LMDBX_INVALID_ARGUMENT");
      assert.match(by[name].reason.message, /promise/);
    }
    for (const name of ["function", "nested"]) {
      assert.equal(by[name].reason.code, "LMDBX_INVALID_VALUE");
      assert.equal(by[name].reason.tenantId, "t");
      assert.equal(by[name].reason.key, "k");
    }
    assert.equal(await repository.get("t", "k"), 3);
  });

  check("for its size alone does so, too, wherever it stands in the chain", async (open) => {
    for (const [option, limit, code] of [
      ["mapSize", 1024 * 1024, "LMDBX_MAP_FULL"],
      ["maxQueuedBytes", 500_000, "LMDBX_QUEUE_FULL"],
    ]) {
      const repository = open({ name: option, [option]: limit });
      await repository.ready();
      for (const large of range(5)) {
        const key = `${large}`;
        await repository.put("t", key, "");
        const updates = range(5).map((i) =>
          repository.update("t", key, (current) => {
            // An empty queue lets in whatever comes.
            if (i === large) void repository.put("t", "other", large);
            return current + (i === large ? "x".repeat(2_000_000) : i);
          }),
        );
        const outcomes = await Promise.allSettled(updates);
        let expected = "";
        outcomes.forEach(({ value, reason }, i) => {
          if (i === large) assert.equal(reason.code, code);
          else assert.equal(value, (expected += i));
        });
        assert.equal(await repository.get("t", key), expected);
      }
      await repository.close();
    }
  });

  check("for its size takes none of a long chain with it, and those that throw stay so", async (open) => {
    const repository = open({ mapSize: 1024 * 1024 });
    const thrown = new Error("mine");
    const outcomes = await Promise.allSettled(
      range(60).map((i) =>
        repository.update("t", "k", (current = []) => {
          if (i % 20 === 1) throw thrown;
          return [...current, i % 25 === 12 ? "x".repeat(1_200_000) : i];
        }),
      ),
    );
    const expected = [];
    outcomes.forEach(({ value, reason }, i) => {
      if (i % 20 === 1) assert.equal(reason, thrown);
      else if (i % 25 === 12) assert.equal(reason.code, "LMDBX_MAP_FULL");
      else {
        expected.push(i);
        assert.deepEqual(value, expected);
      }
    });
    assert.deepEqual(await repository.get("t", "k"), expected);
    assert.equal(counters(repository).queuedBytes, 0);
  });

  check("alone takes no commit", async (open) => {
    const repository = open();
    await repository.put("t", 1, 1);
    const { commits } = counters(repository);
    const refuse = () => {
      throw new RangeError("no");
    };
    await assert.rejects(repository.update("t", 1, refuse), { name: "RangeError", message: "no" });
    await assert.rejects(repository.update("t", 2, refuse), { name: "RangeError" });
    assert.equal(counters(repository).commits, commits);
  });

  check("for its arguments says so", async (open) => {
    const repository = open();
    for (const fn of [undefined, 5, {}, "x"]) {
      await assert.rejects(repository.update("t", 1, fn), {
        name: "TypeError",
        code: "LMDBX_INVALID_ARGUMENT",
        message: /function/,
      });
    }
    await assert.rejects(repository.update("", 1, increment), { code: "LMDBX_INVALID_ARGUMENT" });
    await assert.rejects(repository.update("t", NaN, increment), { code: "LMDBX_INVALID_KEY" });
    const long = "k".repeat(await longestPut(repository));
    const error = await rejection(repository.update("t", long, increment));
    assert.equal(error.code, "LMDBX_KEY_TOO_LARGE");
    assert.equal(error.key, long);
    assert.deepEqual(await repository.list("t"), []);
  });

  check("since its record cannot be read says so, and leaves it", async (open) => {
    const text = open({ encoding: "string" });
    await text.put("t", 1, "\u00ff no msgpack");
    const repository = open();
    const error = await rejection(repository.update("t", 1, increment));
    assert.equal(error.code, "LMDBX_DECODE");
    assert.equal(error.key, 1);
    assert.equal(await text.get("t", 1), "\u00ff no msgpack");
  });

  check("since the database is full, or read-only, or closed", async (open) => {
    const repository = open({ mapSize: 1024 * 1024 });
    const grow = (current = "") => `${current}${"x".repeat(600_000)}`;
    await repository.update("t", 1, grow);
    await assert.rejects(repository.update("t", 1, grow), { code: "LMDBX_MAP_FULL" });
    assert.equal((await repository.get("t", 1)).length, 600_000);
    assert.equal(await repository.update("t", 2, increment), 1);

    const reader = open({ readOnly: true, mapSize: 1024 * 1024 });
    await assert.rejects(reader.update("t", 2, increment), { code: "LMDBX_READ_ONLY" });

    await repository.close();
    await assert.rejects(repository.update("t", 2, increment), { code: "LMDBX_CLOSED" });
  });

  check("since its function closed the repository", async (open) => {
    const repository = open();
    await repository.ready();
    let closing;
    const updated = repository.update("t", 1, () => {
      closing = repository.close();
      return 1;
    });
    await assert.rejects(updated, { code: "LMDBX_CLOSED" });
    await closing;
    assert.equal(await open().has("t", 1), false);
  });
});

describe("updates when the repository closes", () => {
  check("are stored and resolve, or reject with LMDBX_CLOSED and are not", async (open) => {
    const ROUNDS = 30;
    const outcomes = new Set();
    let expected = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const repository = open();
      await repository.ready();
      const updates = range(8).map(async (i) => {
        if (i > 4) await repository.get("t", "other"); // joins the others' chain later, or is one
        return repository.update("t", 1, increment);
      });
      // At another step each time: reading, deciding, committing, told.
      for (let i = 0; i < round % 10; i++) await null;
      for (let i = 0; i < round / 10; i++) await new Promise(setImmediate);
      const [, ...settled] = await Promise.allSettled([repository.close(), ...updates]);
      for (const { status, value, reason } of settled) {
        outcomes.add(status);
        if (status === "fulfilled") assert.equal(value, ++expected);
        else assert.equal(reason.code, "LMDBX_CLOSED");
      }
      const again = open();
      assert.equal(await again.get("t", 1), expected === 0 ? undefined : expected);
      await again.close();
    }
    assert.ok(outcomes.has("rejected"), "closing came in between");
  });
});

describe("several processes", () => {
  check(
    `${LANES} lanes in each of ${PROCESSES} count to exactly ${INCREMENTS}`,
    async (open, path) => {
      const count = INCREMENTS / PROCESSES;
      const configs = range(PROCESSES).map((i) => ({ reads: i % 2 === 0 ? "adaptive" : "pool" }));
      const programs = configs.map((config) =>
        startProgram("counting", { path, lanes: LANES, count, config }, TIMEOUT),
      );
      const repository = open();
      let calls = 0;
      for (const program of programs) assert.equal(await program.heard(), "ready");
      for (const program of programs) {
        calls += (await program.heard()).calls;
        const { code, stderr } = await program.ended;
        assert.equal(code, 0, stderr);
      }
      assert.equal(await repository.get("t", "counter"), INCREMENTS);
      console.log(`update: ${(calls / INCREMENTS).toFixed(2)} calls of the function per success`);
      assert.ok(calls < 20 * INCREMENTS, `${calls} calls`);
    },
  );
});
