"use strict";
// Two ways lead over the border between JavaScript and the addon: the tape, for values that fit on
// it, and the exact walk, for all. Which one a value takes must not be seen.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");

const addon = require("../lib/addon.js");
const { readConfig } = require("../lib/config.js");
const { flattened } = require("../lib/flatten.js");
const { seed, forAll, fc, value, readBack, anything } = require("./support/arbitrary.js");
const { assertSame } = require("./support/same.js");
const { using } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

console.log(`seed of the arbitrary input: ${seed} (LMDBX_TEST_SEED repeats it)`);

const TIMEOUT = { timeout: patient(120_000) };

const range = (length) => Array.from({ length }, (_, i) => i);
const nested = (levels) => range(levels).reduce((inner) => [inner], 1);

/**
 * By the limit of lib/tape.js and src/codec/tape.h that they go to and across; and whether what goes
 * across it still fits one way.
 */
const PADS = {
  words: { within: Array(65_000).fill(1), across: Array(65_536).fill(1) },
  numbers: { within: range(16_000).map((i) => i + 0.5), across: range(16_385).map((i) => i + 0.5) },
  names: { within: { ...range(500) }, across: { ...range(513) }, fits: ["packing", "building"] },
  "pieces of text": {
    within: Array(60).fill("é".repeat(2500)),
    across: Array(66).fill("é".repeat(2500)),
    fits: ["packing"],
  },
  "short text": {
    within: Array(1000).fill("x".repeat(64)),
    across: Array(1100).fill("x".repeat(64)),
    fits: ["packing", "building"],
  },
  bytes: { within: Buffer.alloc(65_000, 1), across: Buffer.alloc(65_537, 1) },
  depth: { within: nested(60), across: nested(66), fits: ["building"] },
  "depth of Maps": {
    within: range(60).reduce((inner) => new Map([[inner, 1]]), 1),
    across: range(66).reduce((inner) => new Map([[inner, 1]]), 1),
    fits: ["building"],
  },
};

class Bits extends Uint8Array {
  get length() {
    return this.byteLength * 8;
  }
}

class OwnMap extends Map {
  get size() {
    return 1e6;
  }
  forEach() {}
}

const memory = new ArrayBuffer(64);
new Uint8Array(memory).set(range(64).map((i) => i * 5));

/** What has a class of its own, as the tape holds it. */
const CLASSED = {
  "the smallest BigInt": -(2n ** 63n),
  "the largest BigInt with a sign": 2n ** 63n - 1n,
  "the next BigInt": 2n ** 63n,
  "the largest BigInt": 2n ** 64n - 1n,
  "a Map": new Map([
    ["a", 1],
    [{ key: [2] }, new Map()],
  ]),
  "a Map in a Set": new Set([new Map([[1, new Set(["x"])]]), "y"]),
  "a Map of 300": new Map(range(300).map((i) => [i, `value ${i}`])),
  "an ArrayBuffer": memory,
  "a Buffer, part of another": Buffer.from(memory).subarray(3, 9),
  "an empty Uint8Array": new Uint8Array(0),
  "a Uint8Array that counts bits": new Bits(memory, 1, 4),
  "a Uint8Array with a length of its own": Object.defineProperty(new Uint8Array(8), "length", { value: 70_000 }),
  "a Uint8Array without a prototype": Object.setPrototypeOf(new Uint8Array([1, 2, 3]), null),
  "a Float64Array that is called a Uint8Array": Object.setPrototypeOf(new Float64Array(3), Uint8Array.prototype),
  "a Map that speaks for itself": new OwnMap([[1, 2]]),
  "small Sets, of sizes that have a type byte": range(18).map((size) => new Set(range(size))),
  "a DataView, part of its buffer": new DataView(memory, 3, 11),
  ...Object.fromEntries(
    [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array]
      .concat([Float32Array, Float64Array, BigInt64Array, BigUint64Array])
      .map((Class) => [`a ${Class.name}, part of its buffer`, new Class(memory, 8, 3)]),
  ),
};

/** The bytes of a value by way of the tape; undefined: it does not fit. */
function packed(handle, input) {
  const text = flattened(input);
  return text === undefined ? undefined : addon.encode(handle, text === "" ? undefined : text);
}

/** Whether the tape is how stored bytes become a value. */
function isBuilt(handle, bytes) {
  const answer = addon.decode(handle, bytes, false, 't:"k"');
  return typeof answer === "string" || Array.isArray(answer);
}

/** A body with a repository of the addon's. */
function withHandle(body) {
  return using(async (_open, path) => {
    const handle = addon.open(JSON.stringify(readConfig({ path })));
    try {
      await body(handle);
    } finally {
      await addon.close(handle);
    }
  });
}

describe("a value on the tape", () => {
  test(
    "is the same bytes as by the exact walk",
    TIMEOUT,
    withHandle((handle) => {
      let compared = 0;
      return forAll(fc.oneof(value, anything), 1500, async (input) => {
        const bytes = packed(handle, input);
        if (bytes === undefined) return;
        assert.ok(addon.encodeValue(handle, input, 't:"k"').equals(bytes));
        compared++;
      }).then(() => assert.ok(compared > 100, `${compared} compared`));
    }),
  );

  for (const [name, input] of Object.entries(CLASSED)) {
    test(
      `holds ${name}`,
      withHandle((handle) => {
        for (const given of [input, [1, input, "text behind it"], { field: input, é: "ü" }]) {
          assert.ok(addon.encodeValue(handle, given, 't:"k"').equals(packed(handle, given)));
        }
      }),
    );
  }

  test("leaves a BigInt of more than 64 bits to the exact walk", () => {
    assert.equal(flattened([2n ** 64n]), undefined);
    assert.equal(flattened([-(2n ** 63n) - 1n]), undefined);
  });

  for (const [limit, { within, across, fits = [] }] of Object.entries(PADS)) {
    test(
      `fits within its ${limit}, and across them takes the other way`,
      TIMEOUT,
      withHandle((handle) => {
        const bytes = addon.encodeValue(handle, within, 't:"k"');
        assert.ok(bytes.equals(packed(handle, within)));
        assert.ok(isBuilt(handle, bytes));
        assert.equal(packed(handle, across) !== undefined, fits.includes("packing"));
        const more = addon.encodeValue(handle, across, 't:"k"');
        assert.equal(isBuilt(handle, more), fits.includes("building"));
      }),
    );
  }
});

describe("a value reads back the same on either side of a limit of the tape:", () => {
  const input = fc.array(
    value.filter((given) => given !== undefined),
    { minLength: 1, maxLength: 8 },
  );
  for (const reads of ["adaptive", "pool"]) {
    for (const [limit, { within, across }] of Object.entries(PADS)) {
      test(
        `${limit}, reads ${reads}`,
        TIMEOUT,
        using(async (open) => {
          const repository = open({ reads });
          await forAll(input, 2, async (given) => {
            const wrapped = [
              [given],
              [given, within],
              [within, given],
              [given, across],
              [across, given],
            ];
            await Promise.all(wrapped.map((item, key) => repository.put("t", key, item)));
            for (const [key, item] of wrapped.entries()) {
              assertSame(await repository.get("t", key), readBack(item));
            }
          });
        }),
      );
    }
  }

  test(
    "all of them, encoding json",
    TIMEOUT,
    using(async (open) => {
      const repository = open({ encoding: "json" });
      for (const { within, across } of Object.values(PADS)) {
        for (const pad of [within, across]) {
          const item = [{ a: 0, b: 1e-7, c: "\u{1F600}", ["__proto__"]: [2 ** 53] }, pad];
          await repository.put("t", 1, item);
          assertSame(await repository.get("t", 1), JSON.parse(JSON.stringify(item)));
        }
      }
    }),
  );

  /** Values that follow one another on a tape, and such as do not, for encodings that hold them. */
  const BATCH = [
    ...[1, -0.5, null, true, "", "short", "ü\u{1F600}", [], {}, [[{ a: "b" }]], { a: 1, b: "x" }],
    ...["x".repeat(1000), "y".repeat(5000), { a: "z".repeat(4000) }, range(3000), { b: [{ c: "d" }] }],
  ];
  const KINDS = {
    msgpack: [...BATCH, new Date(7), 5n, new Map([[1, "m"]]), new Set(["s"]), Buffer.from("bytes")],
    json: [...BATCH, { a: "\u0001" }, 1e300],
    string: BATCH.filter((item) => typeof item === "string"),
  };
  for (const [encoding, items] of Object.entries(KINDS)) {
    test(
      `many of them at once, encoding ${encoding}`,
      TIMEOUT,
      using(async (open) => {
        const repository = open({ encoding, reads: "pool" });
        await Promise.all(items.map((item, key) => repository.put("t", key, item)));
        const keys = range(3000).map((i) => (i * 7) % (items.length + 1)); // the last is absent
        const order = [];
        const found = await Promise.all(
          keys.map(async (key, i) => {
            const got = await repository.get("t", key);
            order.push(i);
            return got;
          }),
        );
        for (const [i, key] of keys.entries()) assertSame(found[i], items[key]);
        assert.equal(order.length, keys.length);
      }),
    );
  }

  test(
    "many of them at once, while a `then` of all objects reads others",
    TIMEOUT,
    using(async (open) => {
      const repository = open({ reads: "pool" });
      const inline = open();
      const keys = range(200);
      await Promise.all(keys.map((key) => repository.put("t", key, { key, text: `text ${key}` })));
      const inner = [];
      let depth = 0;
      Object.defineProperty(Object.prototype, "then", {
        configurable: true,
        get() {
          if (depth++ < 500) inner.push([inline.get("t", depth % 200)]);
          depth--;
          return undefined;
        },
      });
      let found;
      try {
        found = await Promise.all(keys.map((key) => repository.get("t", key)));
      } finally {
        delete Object.prototype.then;
      }
      for (const key of keys) assertSame(found[key], { key, text: `text ${key}` });
      assert.ok(inner.length > 0);
      for (const [promise] of inner) assert.equal(typeof (await promise).text, "string");
    }),
  );
});
