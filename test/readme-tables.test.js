"use strict";
// The tables of README.md about keys, values and limits.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");

const { longestPut } = require("./support/limits.js");
const { using } = require("./support/temporary.js");

const REFUSED = Symbol("refused");

class Account {
  constructor() {
    this.owner = "Alice";
  }
  get upperCase() {
    return this.owner.toUpperCase();
  }
}

function cycle() {
  const value = {};
  value.self = value;
  return value;
}

const withToJSON = { secret: 1, toJSON: () => ({ shown: 2 }) };

/** For each value: what comes back with msgpack, and with json. */
const VALUES = [
  ["null, booleans, strings", [null, true, "ü"], [null, true, "ü"], [null, true, "ü"]],
  ["plain objects", { b: 1, a: [{}] }, { b: 1, a: [{}] }, { b: 1, a: [{}] }],
  ["numbers", [0.1 + 0.2, 2 ** 53], [0.1 + 0.2, 2 ** 53], [0.1 + 0.2, 2 ** 53]],
  ["numbers JSON lacks", [-0, NaN, Infinity], [-0, NaN, Infinity], [0, null, null]],
  ["undefined", { a: undefined, b: [undefined] }, { a: undefined, b: [undefined] }, { b: [null] }],
  ["Date", { at: new Date(5) }, { at: new Date(5) }, { at: "1970-01-01T00:00:00.005Z" }],
  ["BigInt", 2n ** 63n, 2n ** 63n, REFUSED],
  ["BigInt over 64 bits", 2n ** 64n, REFUSED, REFUSED],
  ["Uint8Array", new Uint8Array([1]), Buffer.from([1]), { 0: 1 }],
  ["Buffer", Buffer.from([97]), Buffer.from([97]), { type: "Buffer", data: [97] }],
  ["ArrayBuffer", new ArrayBuffer(2), Buffer.alloc(2), {}],
  ["typed arrays", new Float32Array([1.5]), new Float32Array([1.5]), { 0: 1.5 }],
  ["Map", new Map([[{ a: 1 }, 2]]), new Map([[{ a: 1 }, 2]]), {}],
  ["Set", new Set(["a"]), new Set(["a"]), {}],
  ["class instances", new Account(), { owner: "Alice" }, { owner: "Alice" }],
  ["toJSON", withToJSON, { shown: 2 }, { shown: 2 }],
  ["holes", [1, , 2], [1, undefined, 2], [1, null, 2]],
  ["functions", { call() {} }, REFUSED, {}],
  ["symbols", { name: Symbol("name") }, REFUSED, {}],
  ["cycles", cycle(), REFUSED, REFUSED],
  ["Promise", { user: Promise.resolve() }, REFUSED, { user: {} }],
  ["thenables", { then: () => {} }, REFUSED, {}],
  ["Error", new Error("no"), REFUSED, {}],
  ["RegExp", /x/, REFUSED, {}],
  ["WeakMap", new WeakMap(), REFUSED, {}],
  ["boxed primitives", [Object(1)], REFUSED, [1]],
  ["lone surrogates", "\ud800", REFUSED, "\ud800"],
  ["undefined itself", undefined, REFUSED, REFUSED],
];

async function assertStored(repository, name, value, expected) {
  if (expected === REFUSED) {
    await assert.rejects(repository.put("t", name, value), { code: "LMDBX_INVALID_VALUE" });
    assert.equal(await repository.has("t", name), false, "nothing was written");
    return;
  }
  await repository.put("t", name, value);
  assert.deepStrictEqual(await repository.get("t", name), expected);
}

describe("values", () => {
  for (const [name, value, msgpack, json] of VALUES) {
    test(
      `${name}, with each encoding`,
      using(async (open) => {
        await assertStored(open({ name: "msgpack" }), name, value, msgpack);
        await assertStored(open({ name: "json", encoding: "json" }), name, value, json);
        const text = open({ name: "string", encoding: "string" });
        await assertStored(text, name, value, REFUSED);
      }),
    );
  }

  test(
    "encoding string keeps strings, and refuses lone surrogates",
    using(async (open) => {
      const repository = open({ encoding: "string" });
      await assertStored(repository, "text", "ü\0🌍", "ü\0🌍");
      await assertStored(repository, "lone", "\ud800", REFUSED);
    }),
  );
});

describe("keys", () => {
  test(
    "keys that JSON changes are stored as JSON has them",
    using(async (open) => {
      const repository = open();
      const cases = [
        [{ a: 1, b: undefined }, { a: 1 }],
        [-0, 0],
        [new Date(0), "1970-01-01T00:00:00.000Z"],
        [[new Date(0)], ["1970-01-01T00:00:00.000Z"]],
        ["a\ud800", "a\ud800"],
      ];
      for (const [index, [key, expected]] of cases.entries()) {
        await repository.put(`t${index}`, key, true);
        assert.deepStrictEqual(await repository.list(`t${index}`), [expected]);
        assert.equal(await repository.get(`t${index}`, expected), true);
      }
    }),
  );

  test(
    "keys that JSON would lose are refused",
    using(async (open) => {
      const repository = open();
      const lossy = [NaN, Infinity, undefined, () => 1, Symbol("s"), 1n, new Map(), new Set()];
      for (const value of [...lossy, new Error("no"), /x/]) {
        const keys = [value, [value]];
        if (value !== undefined) keys.push({ field: [value] });
        for (const key of keys) {
          const refused = { code: "LMDBX_INVALID_KEY" };
          await assert.rejects(repository.put("t", key, 1), refused, String(value));
          await assert.rejects(repository.get("t", key), refused);
        }
      }
      assert.deepEqual(await repository.list("t"), []);
    }),
  );

  test(
    "the order of fields and the type matter",
    using(async (open) => {
      const repository = open();
      await repository.put("t", { a: 1, b: 2 }, "ab");
      await repository.put("t", 1, "number");
      assert.equal(await repository.get("t", { b: 2, a: 1 }), undefined);
      assert.equal(await repository.get("t", "1"), undefined);
    }),
  );

  test(
    "stored order is that of the text, not of numbers",
    using(async (open) => {
      const repository = open();
      await Promise.all([2, 10, 1].map((key) => repository.put("t", key, key)));
      assert.deepEqual(await repository.list("t"), [1, 10, 2]);
    }),
  );
});

describe("limits", () => {
  test(
    "a stored key has 1,980 bytes, or 511 to put where the build of LMDB has no more",
    using(async (open) => {
      const repository = open();
      const keyOf = (bytes) => "k".repeat(bytes - 't:""'.length);
      const tooLarge = { code: "LMDBX_KEY_TOO_LARGE", name: "RangeError" };
      const longest = await longestPut(repository);
      await repository.put("t", keyOf(longest), 1);
      assert.equal(await repository.get("t", keyOf(longest)), 1);
      await assert.rejects(repository.put("t", keyOf(longest + 1), 1), tooLarge);
      await repository.delete("t", keyOf(longest));
      for (const call of ["get", "has", "delete"]) {
        assert.ok(!(await repository[call]("t", keyOf(1980))), call);
        await assert.rejects(repository[call]("t", keyOf(1981)), tooLarge, call);
      }
    }),
  );

  test(
    "values nest 512 levels",
    using(async (open) => {
      const repository = open();
      const nested = (levels) => JSON.parse("[".repeat(levels) + "]".repeat(levels));
      await repository.put("t", "deep", nested(512));
      assert.deepEqual(await repository.get("t", "deep"), nested(512));
      const refused = { code: "LMDBX_INVALID_VALUE" };
      await assert.rejects(repository.put("t", "deeper", nested(513)), refused);
    }),
  );
});
