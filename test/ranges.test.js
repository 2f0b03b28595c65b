"use strict";
// Ranges of list, count and the iterators, getMany and tenants.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");

const { forAll, fc, hostileTenants, seed } = require("./support/arbitrary.js");
const { assertRange, collect, key, range } = require("./support/ranges.js");
const { using, rejection } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

const TIMEOUT = { timeout: patient(120_000) };
const check = (statement, body) => test(statement, TIMEOUT, using(body));
console.log(`seed of the arbitrary ranges: ${seed} (LMDBX_TEST_SEED repeats it)`);

/** A repository with these keys of tenant "t", each with its own text as value. */
async function filled(open, keys, options) {
  const repository = open(options);
  await Promise.all(keys.map((given) => repository.put("t", given, JSON.stringify(given))));
  return repository;
}

describe("ranges follow stored order, the bytes of the JSON text", () => {
  check("so that 10 lies below 9, and John Smith below John", async (open) => {
    const repository = await filled(open, [9, 10, "John", "John Smith"]);
    assert.deepStrictEqual(await repository.list("t"), ["John Smith", "John", 10, 9]);
    assert.deepStrictEqual(await repository.list("t", { gt: "John" }), [10, 9]);
    assert.deepStrictEqual(await repository.list("t", { lte: "John" }), ["John Smith", "John"]);
    assert.deepStrictEqual(await repository.list("t", { gte: 10, lt: 9 }), [10]);
  });

  const numbered = (length) => Array.from({ length }, (_, i) => `key ${i}`.padEnd(20, "."));
  const simple = ["a,b", "],[", "[", "", "] ", ",", "\x7f", "'", "x".repeat(500), "y".repeat(501)];
  const others = [...simple, "ä", 'q"q', "\\", "\n", 1, null, [","], { "": "," }];
  // A page has up to two pieces of 64 kB: a piece, a page of two, several pages.
  for (const [count, what, odd] of [
    [2_000, "strings alone", simple],
    [5_000, "strings alone", simple],
    [12_000, "strings alone", simple],
    [5_000, "others among strings", others],
    [12_000, "others among strings", others],
  ]) {
    check(`also for ${count} keys, ${what}`, async (open) => {
      const keys = [...numbered(count), ...odd];
      const repository = await filled(open, keys);
      const byText = (a, b) => Buffer.compare(Buffer.from(JSON.stringify(a)), Buffer.from(JSON.stringify(b)));
      const expected = [...keys].sort(byText);
      assert.deepStrictEqual(await repository.list("t"), expected);
      assert.deepStrictEqual(await repository.list("t", { limit: 100 }), expected.slice(0, 100));
      assert.deepStrictEqual(await collect(repository.keys("t")), expected);
      const entries = expected.map((given) => [given, JSON.stringify(given)]);
      assert.deepStrictEqual(await collect(repository.entries("t")), entries);
      assert.deepStrictEqual(await repository.list("t", { reverse: true }), expected.reverse());
    });
  }

  check("in UTF-8, where characters beyond the 16 bits lie above all others", async (open) => {
    const repository = await filled(open, ["\u{1F600}", "\uFFFD", "z"]);
    assert.deepStrictEqual(await repository.list("t"), ["z", "\uFFFD", "\u{1F600}"]);
    assert.deepStrictEqual(await repository.list("t", { gt: "\uFFFD" }), ["\u{1F600}"]);
    assert.deepStrictEqual(await repository.list("t", { gte: "z", lt: "\u{1F600}" }), ["z", "\uFFFD"]);
  });

  for (const reads of ["adaptive", "pool"]) {
    check(`for all tenants, keys and ranges, in every call, reads ${reads}`, async (open) => {
      let run = 0;
      const input = fc.tuple(
        hostileTenants,
        fc.array(key, { minLength: 1, maxLength: 30 }),
        fc.array(range, { minLength: 1, maxLength: 12 }),
      );
      await forAll(input, 60, async ([tenants, keys, ranges]) => {
        const repository = open({ name: `run-${run++ % 200}`, reads });
        const ofTenant = new Map(tenants.map((tenant) => [tenant, new Map()]));
        const puts = tenants.flatMap((tenant, t) =>
          keys.map((given, k) => {
            if ((t + k) % 5 === 4) return undefined;
            ofTenant.get(tenant).set(JSON.stringify(given), [t, k]);
            return repository.put(tenant, given, [t, k]);
          }),
        );
        try {
          // The first ones are asked for before anything is written.
          for (const [tenant, records] of ofTenant) {
            const checks = ranges.map((each) => assertRange(repository.tenant(tenant), records, each));
            await Promise.all(checks);
          }
          await Promise.all(puts);
          const [tenant, records] = [...ofTenant][ofTenant.size - 1];
          for (const each of ranges) await assertRange(repository.tenant(tenant), records, each);
          const used = [...ofTenant].filter(([, given]) => given.size > 0).map(([name]) => name);
          assert.deepStrictEqual(await repository.tenants(), used.sort());
        } finally {
          const removed = tenants.flatMap((tenant) => keys.map((given) => repository.delete(tenant, given)));
          await Promise.all(removed);
          await repository.close();
        }
      });
    });
  }

  check("and many records, over pages", async (open) => {
    const COUNT = 3000;
    const repository = open();
    const records = new Map();
    const puts = Array.from({ length: COUNT }, (_, number) => {
      const id = `${number}`.padStart(400, "0"); // so that keys fill pages of 256 kB
      records.set(JSON.stringify(id), number);
      // Between them lie those of another tenant.
      return [repository.put("t", id, number), repository.put('t:"0', number, number)];
    });
    await Promise.all(puts.flat());
    const middle = `${COUNT / 2}`.padStart(400, "0");
    const ranges = [{}, { reverse: true }, { gt: middle }, { lte: middle, reverse: true }];
    for (const each of [...ranges, { limit: COUNT - 1 }, { prefix: "000", gte: middle }]) {
      await assertRange(repository.tenant("t"), records, each);
    }
  });
});

describe("a prefix", () => {
  check("of strings selects strings alone", async (open) => {
    const repository = await filled(open, ["user:1", "user:12", "user", "users", ["user:1"], 1]);
    const list = (prefix) => repository.list("t", { prefix });
    assert.deepStrictEqual(await list("user:"), ["user:1", "user:12"]);
    assert.deepStrictEqual(await list("user:1"), ["user:1", "user:12"]);
    assert.deepStrictEqual(await list(""), ["user", "user:1", "user:12", "users"]);
    assert.deepStrictEqual(await list("x"), []);
  });

  check("of arrays selects those with these first elements", async (open) => {
    const keys = [[1], [1, 2], [1, "x", null], [12], [1.5], [[1]], ["1"], [], "1", 1];
    const repository = await filled(open, keys);
    const list = (prefix) => repository.list("t", { prefix });
    assert.deepStrictEqual(await list([1]), [[1, "x", null], [1, 2], [1]]);
    assert.deepStrictEqual(await list([1, 2]), [[1, 2]]);
    assert.deepStrictEqual(await list([[1]]), [[[1]]]);
    assert.deepStrictEqual(await list(["1"]), [["1"]]);
    assert.equal(await repository.count("t", { prefix: [] }), keys.length - 2);
    assert.deepStrictEqual(await list([2]), []);
  });

  check("may end in the first half of a character, as startsWith has it", async (open) => {
    const keys = ["a\u{1F600}", "a\u{1F601}b", "a\ud83d", "a\ud83db", "a\u{1F300}", "a\u{10FFFF}", "a"];
    const repository = await filled(open, keys);
    for (const prefix of ["a\ud83d", "a\ud83c", "a\udbff", "a\ud83d\ude00"]) {
      const listed = await repository.list("t", { prefix });
      const expected = keys.filter((given) => given.startsWith(prefix));
      assert.deepStrictEqual(new Set(listed), new Set(expected), JSON.stringify(prefix));
      assert.equal(listed.length, expected.length);
    }
  });

  check("is met by bounds, so that its keys can be read in parts", async (open) => {
    const keys = [[1], [1, 2], [1, 3], [1, 10], [2]];
    const repository = await filled(open, keys);
    for (const reverse of [false, true]) {
      const seen = [];
      for (let last; ; ) {
        const bound = reverse ? { lt: last } : { gt: last };
        const part = await repository.list("t", { prefix: [1], limit: 1, reverse, ...bound });
        if (part.length === 0) break;
        [last] = part;
        seen.push(last);
      }
      const whole = await repository.list("t", { prefix: [1], reverse });
      assert.deepStrictEqual(seen, whole);
      assert.equal(whole.length, 4);
    }
  });
});

describe("a range that makes no sense is refused", () => {
  const refused = {
    "two lower bounds": [TypeError, { gt: 1, gte: 1 }],
    "two upper bounds": [TypeError, { lt: 1, lte: 2 }],
    "a lower bound above the upper one": [RangeError, { gte: "b", lt: "a" }],
    "a lower bound above the upper one in stored order": [RangeError, { gte: 9, lte: 10 }],
    "a lower bound above all of the prefix": [RangeError, { prefix: "a", gt: "b" }],
    "an upper bound below all of the prefix": [RangeError, { prefix: [1], lt: "x" }],
    "a prefix that is a number": [TypeError, { prefix: 1 }],
    "a prefix that is an object": [TypeError, { prefix: {} }],
    "a prefix that is null": [TypeError, { prefix: null }],
    "a negative limit": [RangeError, { limit: -1 }],
    "a limit with a fraction": [RangeError, { limit: 1.5 }],
    "an infinite limit": [RangeError, { limit: Infinity }],
    "a limit that is no number": [TypeError, { limit: "1" }],
    "reverse that is no boolean": [TypeError, { reverse: 1 }],
    "a signal that is none": [TypeError, { signal: {} }],
    "an option that does not exist": [TypeError, { start: 1 }],
    "a prefix in the place of a range": [TypeError, "a"],
    "null": [TypeError, null],
    "an array": [TypeError, [1]],
  };
  for (const [what, [type, given]] of Object.entries(refused)) {
    check(what, async (open) => {
      const repository = open();
      for (const call of ["list", "count"]) {
        const error = await rejection(repository[call]("t", given));
        assert.ok(error instanceof type, `${error}`);
        assert.equal(error.code, "LMDBX_INVALID_ARGUMENT");
      }
      for (const call of ["keys", "values", "entries"]) {
        const error = await rejection(repository[call]("t", given).next());
        assert.equal(error.code, "LMDBX_INVALID_ARGUMENT");
      }
    });
  }

  check("and a bound that is no key, with its own code", async (open) => {
    const repository = open();
    for (const given of [{ gt: NaN }, { lte: [undefined] }, { prefix: [new Map()] }]) {
      assert.equal((await rejection(repository.list("t", given))).code, "LMDBX_INVALID_KEY");
    }
    const long = "x".repeat(3000);
    const error = await rejection(repository.list("t", { gt: long }));
    assert.equal(error.code, "LMDBX_KEY_TOO_LARGE");
    assert.ok(error instanceof RangeError);
    assert.equal((await rejection(repository.list("", {}))).code, "LMDBX_INVALID_ARGUMENT");
  });

  check("while options that are undefined count as left out, and null is a key", async (open) => {
    const repository = await filled(open, [null, 1]);
    const nothing = { gt: undefined, lte: undefined, prefix: undefined, limit: undefined };
    assert.deepStrictEqual(await repository.list("t", { ...nothing, signal: undefined }), [1, null]);
    assert.deepStrictEqual(await repository.list("t", { gte: null }), [null]);
    assert.deepStrictEqual(await repository.list("t", { limit: 0 }), []);
  });
});

describe("getMany", () => {
  check("answers each key in its place, at one moment", async (open) => {
    const repository = await filled(open, ["a", [1], { x: 1 }]);
    const keys = [[1], "nope", "a", "a", { x: 1 }];
    const expected = ["[1]", undefined, '"a"', '"a"', '{"x":1}'];
    assert.deepStrictEqual(await repository.getMany("t", keys), expected);
    assert.deepStrictEqual(await repository.tenant("t").getMany(keys), expected);
    assert.deepStrictEqual(await repository.getMany("t", []), []);
    assert.deepStrictEqual(await repository.getMany("other", keys), Array(5).fill(undefined));
  });

  check("sees writes that were issued before, and none issued later", async (open) => {
    for (const reads of ["adaptive", "pool"]) {
      const repository = open({ reads });
      await repository.put("t", "a", 0);
      const before = repository.getMany("t", ["a", "b"]);
      repository.put("t", "a", 1);
      repository.put("t", "b", 1);
      const between = repository.getMany("t", ["a", "b"]);
      repository.delete("t", "a");
      const after = repository.getMany("t", ["a", "b"]);
      assert.deepStrictEqual(await before, [0, undefined]);
      assert.deepStrictEqual(await between, [1, 1]);
      assert.deepStrictEqual(await after, [undefined, 1]);
      await repository.delete("t", "b");
    }
  });

  check("takes thousands of keys, with values of any encoding, framed or not", async (open) => {
    const COUNT = 5000;
    for (const encoding of ["msgpack", "json", "string"]) {
      const repository = open({ name: encoding, encoding, compression: true });
      const valueOf = (number) => "compressible ".repeat(number % 40) + number;
      const numbers = Array.from({ length: COUNT }, (_, number) => number);
      await Promise.all(numbers.map((number) => repository.put("t", number, valueOf(number))));
      const values = await repository.getMany("t", numbers.toReversed?.() ?? [...numbers].reverse());
      assert.deepStrictEqual(values, numbers.map(valueOf).reverse());
    }
  });

  check("of very many keys is of one moment, and of the keys that were given", async (open) => {
    const COUNT = 20_000;
    const repository = open();
    const keys = Array.from({ length: COUNT }, (_, i) => (i % 2 === 0 ? i : [i]));
    await Promise.all(keys.map((key) => repository.put("t", key, 1)));
    repository.put("t", keys[COUNT - 2], 2);
    const asked = repository.getMany("t", keys);
    const snapshot = repository.snapshot();
    const later = snapshot.getMany("t", keys);
    repository.put("t", keys[0], 3);
    repository.put("t", keys[COUNT - 1].slice(), 3);
    for (const key of keys) if (typeof key === "object") key.push("changed");
    keys.fill("changed");
    for (const values of [await asked, await later]) {
      assert.equal(values.length, COUNT);
      values.forEach((value, at) => assert.equal(value, at === COUNT - 2 ? 2 : 1));
    }
    snapshot.close();
    assert.equal((await repository.stats()).oldestSnapshotMs, 0);
  });

  check("of very many keys is issued in less time than their texts take", async (open) => {
    const repository = open();
    await repository.ready();
    const keys = Array.from({ length: 200_000 }, (_, i) => `absent-${i}`);
    const timed = (work) => {
      const begun = process.cpuUsage();
      const result = work();
      const { user, system } = process.cpuUsage(begun);
      return { result, micros: user + system };
    };
    let ratio = Infinity;
    for (let tries = 0; tries < 5; tries++) {
      const texts = timed(() => keys.map((key) => `${JSON.stringify(key)}\n`).join(""));
      const issued = timed(() => repository.getMany("t", keys));
      assert.ok((await issued.result).every((value) => value === undefined));
      ratio = Math.min(ratio, issued.micros / texts.micros);
    }
    assert.ok(ratio < 0.6, `${ratio}`);
  });

  check("of very many keys ends with the repository, and with a key that is wrong", async (open) => {
    const repository = open();
    await repository.ready();
    const keys = Array.from({ length: 50_000 }, (_, i) => i);
    const wrong = [...keys, NaN];
    assert.equal((await rejection(repository.getMany("t", wrong))).code, "LMDBX_INVALID_KEY");
    assert.equal((await repository.stats()).oldestSnapshotMs, 0);
    const asked = rejection(repository.getMany("t", keys));
    await new Promise(setImmediate);
    await repository.close();
    assert.equal((await asked).code, "LMDBX_CLOSED");
  });

  check("gives empty values, and tells them from absent ones", async (open) => {
    const repository = open({ encoding: "string" });
    await repository.put("t", "empty", "");
    assert.deepStrictEqual(await repository.getMany("t", ["empty", "absent"]), ["", undefined]);
    assert.deepStrictEqual(await collect(repository.entries("t")), [["empty", ""]]);
  });

  check("is refused as a whole where one key is wrong, or cannot be read", async (open) => {
    const repository = await filled(open, ["a"]);
    const codes = { LMDBX_INVALID_KEY: ["a", NaN], LMDBX_KEY_TOO_LARGE: ["a", "x".repeat(3000)] };
    for (const [code, keys] of Object.entries(codes)) {
      assert.equal((await rejection(repository.getMany("t", keys))).code, code);
    }
    for (const keys of [undefined, "a", new Set(["a"])]) {
      assert.equal((await rejection(repository.getMany("t", keys))).code, "LMDBX_INVALID_ARGUMENT");
    }
    assert.equal((await rejection(repository.getMany("t", [, "a"]))).code, "LMDBX_INVALID_KEY");
    const other = open({ encoding: "json" });
    const error = await rejection(other.getMany("t", ["b", "a"]));
    assert.deepStrictEqual([error.code, error.tenantId, error.key], ["LMDBX_DECODE", "t", "a"]);
  });

  check("leaves nothing under way behind a value that cannot be read", async (open) => {
    const keys = Array.from({ length: 5000 }, (_, number) => number);
    const repository = await filled(open, keys, { encoding: "string" });
    await repository.put("t", 0, "no JSON");
    const other = open({ encoding: "json" });
    await other.ready();
    const unhandled = [];
    const note = (reason) => unhandled.push(reason);
    process.on("unhandledRejection", note);
    try {
      assert.equal((await rejection(other.getMany("t", keys))).code, "LMDBX_DECODE");
      // The second page, read for nobody, lets its moment go as soon as it comes.
      let age;
      for (let tries = 0; tries < 100 && age !== 0; tries++) {
        age = (await repository.stats()).oldestSnapshotMs;
      }
      assert.equal(age, 0);
      const error = await rejection(other.getMany("t", keys));
      await other.close();
      assert.equal(error.code, "LMDBX_DECODE");
      await new Promise((resolve) => setImmediate(resolve));
      assert.deepStrictEqual(unhandled, []);
    } finally {
      process.off("unhandledRejection", note);
    }
  });
});

describe("tenants", () => {
  check("are those with records, sorted, without names of databases", async (open) => {
    const repository = open();
    const named = open({ name: "named:database" });
    const names = ["b", "a", "a:b", "a:1", "ü", 'q"', "\0", "a:b:c"];
    await Promise.all(names.map((name) => repository.put(name, "k", 1)));
    await Promise.all(names.map((name) => repository.put(name, { x: ":1" }, 1)));
    await named.put("elsewhere", 1, 1);
    assert.deepStrictEqual(await repository.tenants(), [...names].sort());
    assert.deepStrictEqual(await named.tenants(), ["elsewhere"]);
    await repository.delete("a", "k");
    await repository.delete("a", { x: ":1" });
    assert.deepStrictEqual(await repository.tenants(), names.filter((name) => name !== "a").sort());
  });

  check("are found among very many records", async (open) => {
    const COUNT = 70_000; // more keys than a job looks at
    const repository = open();
    const puts = Array.from({ length: COUNT }, (_, number) => repository.put("m", number, 0));
    await Promise.all([...puts, repository.put("a", 1, 0), repository.put("z", 1, 0)]);
    assert.deepStrictEqual(await repository.tenants(), ["a", "m", "z"]);
    assert.equal(await repository.count("m"), COUNT);
    assert.equal(await repository.count("z"), 1);
  });
});

describe("a signal", () => {
  check("that has aborted, or aborts meanwhile, rejects with its reason", async (open) => {
    const repository = await filled(open, ["a"]);
    const reason = new Error("enough");
    for (const call of ["list", "count"]) {
      const signal = AbortSignal.abort(reason);
      assert.equal(await rejection(repository[call]("t", { signal })), reason);
    }
    const controller = new AbortController();
    const { signal } = controller;
    repository.put("t", "b", 1); // so that the list has to wait
    const listed = rejection(repository.list("t", { signal }));
    controller.abort(reason);
    assert.equal(await listed, reason);
    assert.deepStrictEqual(await repository.list("t", { signal: new AbortController().signal }), ["a", "b"]);
  });
});
