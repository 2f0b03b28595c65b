"use strict";
// Values in msgpack: what put acknowledges reads back equal, and what has no exact form is refused.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");

const { using } = require("./support/temporary.js");
const { check, checkSame, checkBecomes, checkRefused } = require("./support/values.js");

describe("numbers", () => {
  const powers = Array.from({ length: 70 }, (_, bits) => 2 ** bits);
  checkSame("integers around every power of two", [
    ...powers.flatMap((power) => [power - 1, power, power + 1]),
    ...powers.flatMap((power) => [-power - 1, -power, -power + 1]),
  ]);
  checkSame("fractions, subnormals, extremes, NaN and infinities", [
    0.1,
    -0.1,
    1 / 3,
    1.5,
    Number.MIN_VALUE,
    Number.MAX_VALUE,
    Number.EPSILON,
    2.2250738585072014e-308,
    1e21,
    -1e-7,
    NaN,
    Infinity,
    -Infinity,
  ]);
  check("-0 stays -0", async (store) => {
    assert.ok(Object.is(await store(-0), -0));
    assert.ok(Object.is(await store(0), 0));
    assert.ok(Object.is((await store({ a: [-0] })).a[0], -0));
  });
  checkSame("BigInts of 64 bits stay BigInts, however small", [
    0n,
    1n,
    -1n,
    127n,
    2n ** 53n,
    2n ** 63n - 1n,
    2n ** 63n,
    2n ** 64n - 1n,
    -(2n ** 63n),
  ]);
  checkRefused("BigInts of more than 64 bits", [
    [2n ** 64n, /value is a BigInt of more than 64 bits/],
    [-(2n ** 63n) - 1n, /64 bits/],
    [{ n: 2n ** 1000n }, /value\.n is a BigInt/],
  ]);
});

describe("arrays of numbers", () => {
  const kinds = [1, -1, 2 ** 26, -(2 ** 31), 2 ** 31, 2 ** 32, 2 ** 53, -0, 0.5, 1e300, NaN, -Infinity];
  const mixed = Array.from({ length: 40 }, (_, i) => kinds[(i * 7) % kinds.length]);
  checkSame("of every length and mixture", [
    ...kinds.map((kind) => new Array(20).fill(kind)),
    ...mixed.map((_, length) => mixed.slice(0, length)),
    [mixed, mixed.slice(1), { a: mixed }],
    Array.from({ length: 70_000 }, (_, i) => i / 2),
  ]);
  checkSame(
    "with something else among them",
    [null, "text", 5n, [1], new Date(5), true].flatMap((other) => [0, 15, 39].map((at) => mixed.toSpliced(at, 1, other))),
  );
});

describe("strings", () => {
  const small = [0, 1, 31, 32, 33, 63, 64, 65, 127, 128, 255, 256, 257];
  const sizes = [...small, 1000, 4095, 4096, 4097, 65_535, 65_536];
  checkSame(
    "of every size and script",
    sizes.flatMap((size) => ["x", "é", "€", "a😀"].map((unit) => unit.repeat(size))),
  );
  checkSame(
    "of thousands of letters, all of ASCII or all but one",
    ["", "\u0080", "\u00ff", "\u0141", "\u2061", "\u{1f600}"].flatMap((one) =>
      [0, 1, 4999].map((at) => "q".repeat(at) + one + "r".repeat(5000 - at)),
    ),
  );
  for (const encoding of ["msgpack", "json", "string"]) {
    test(
      `of every width and length are values and keys with encoding ${encoding}`,
      using(async (open) => {
        const repository = open({ encoding });
        const texts = ["ÿ", "€", "😀", "aé€😀"].flatMap((unit) =>
          [1, 15, 16, 63, 300].flatMap((size) => [unit.repeat(size), "x".repeat(size) + unit, unit + "x".repeat(size)]),
        );
        for (const text of texts) {
          await repository.put("long", 1, text.repeat(40));
          assert.equal(await repository.get("long", 1), text.repeat(40));
        }
        const keys = [...new Set(texts.filter((text) => Buffer.byteLength(text) < 400))];
        await Promise.all(keys.map((key) => repository.put("t", key, key)));
        for (const key of keys) assert.equal(await repository.get("t", key), key);
        assert.deepEqual((await repository.list("t")).sort(), keys.sort());
      }),
    );
  }
  checkSame("with NUL, controls and U+FFFD", [
    "a\0b",
    "\0",
    "\u001f\u007f",
    "\ufffd",
    "x\ufffd\ufffd",
  ]);
  check("of several megabytes", async (store) => {
    const text = "€ and 😀; ".repeat(300_000);
    assert.ok((await store({ text })).text === text);
  });
  check("of as many units as a word of the tape can say, and one more", async (store) => {
    for (const length of [2 ** 26 - 1, 2 ** 26]) {
      const text = "x".repeat(length);
      assert.ok((await store(text)) === text, `${length}`);
    }
  });
  checkRefused("with a lone surrogate are refused, not replaced", [
    ["\ud800", /value is a string with a lone surrogate/],
    ["a\udc00b", /lone surrogate/],
    ["\ufffd\ude00\ud83d", /lone surrogate/],
    ["\ud83d\ud83d\ude00", /lone surrogate/],
    [`é${"x".repeat(5000)}\ud83d`, /lone surrogate/],
    [`${"x".repeat(5000)}\u0141\udc00x`, /lone surrogate/],
    [{ a: ["x".repeat(5000) + "\ud83d"] }, /value\.a\[0\] is a string with a lone surrogate/],
    [{ a: { "\ud800": 1 } }, /field name has a lone surrogate/],
  ]);
});

describe("undefined and null", () => {
  checkSame("inside containers", [
    [undefined, null],
    { a: undefined, b: null },
    new Map([[undefined, null]]),
    new Set([undefined]),
    null,
  ]);
  check("holes of arrays become undefined", async (store) => {
    // eslint-disable-next-line no-sparse-arrays
    const value = await store([1, , 3]);
    assert.ok(1 in value);
    assert.deepStrictEqual(value, [1, undefined, 3]);
  });
  checkRefused("a record cannot be undefined", [
    [undefined, /value is undefined.*delete/],
    [{ toJSON: () => undefined }, /value is undefined/],
  ]);
});

describe("dates", () => {
  checkSame(
    "from the first to the last millisecond",
    [
      0,
      1,
      -1,
      999,
      1000,
      -1000,
      -1001,
      1_718_000_000_123,
      2 ** 32 * 1000,
      2 ** 34 * 1000,
      8.64e15,
      -8.64e15,
    ].map((time) => new Date(time)),
  );
  check("an invalid one stays one", async (store) => {
    const { at } = await store({ at: new Date(NaN) });
    assert.ok(at instanceof Date);
    assert.ok(Number.isNaN(at.getTime()));
  });
});

describe("bytes", () => {
  const bytes = (...values) => Buffer.from(values);
  checkBecomes("come back as Buffer", [
    [bytes(1, 2, 3), bytes(1, 2, 3)],
    [new Uint8Array([1, 2, 255]), bytes(1, 2, 255)],
    [new Uint8Array([9, 1, 2, 9]).subarray(1, 3), bytes(1, 2)],
    [new Uint8Array([7, 8]).buffer, bytes(7, 8)],
    [new Uint8Array(0), bytes()],
    [new ArrayBuffer(0), bytes()],
    [{ deep: [Buffer.alloc(70_000, 5)] }, { deep: [Buffer.alloc(70_000, 5)] }],
  ]);
  for (const Type of [
    Int8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
  ]) {
    const whole = new Type([1, 2, 250, 4, 5]);
    checkSame(`${Type.name}, also empty and as a view with an offset`, [
      whole,
      new Type(0),
      new Type(whole.buffer, Type.BYTES_PER_ELEMENT, 3),
    ]);
  }
  for (const Type of [BigInt64Array, BigUint64Array]) {
    checkSame(`${Type.name}, also empty`, [new Type([1n, 2n ** 63n - 1n]), new Type(0)]);
  }
  check("float arrays keep -0 and NaN", async (store) => {
    const value = await store(new Float64Array([-0, NaN]));
    assert.ok(Object.is(value[0], -0) && Number.isNaN(value[1]));
  });
  check("a DataView keeps its bounds", async (store) => {
    const value = await store(new DataView(new Uint8Array([9, 1, 2, 9]).buffer, 1, 2));
    assert.ok(value instanceof DataView);
    assert.deepStrictEqual([value.byteLength, value.getUint8(0), value.getUint8(1)], [2, 1, 2]);
  });

  const detached = () => {
    const buffer = new ArrayBuffer(8);
    const all = [buffer, new Uint8Array(buffer), new Float64Array(buffer), new DataView(buffer)];
    structuredClone(buffer, { transfer: [buffer] });
    return all;
  };
  checkRefused("shared and detached ones", [
    [new SharedArrayBuffer(4), /value is a SharedArrayBuffer/],
    [{ a: new Uint8Array(new SharedArrayBuffer(4)) }, /value\.a is a SharedArrayBuffer/],
    [new DataView(new SharedArrayBuffer(4)), /SharedArrayBuffer/],
    ...detached().map((value) => [[value], /value\[0\] is a detached/]),
  ]);
});

describe("Map and Set", () => {
  checkSame("with keys of every type, in order", [
    new Map(),
    new Set(),
    new Map([
      ["b", 1],
      ["a", 2],
      [1, "number"],
      ["1", "string"],
      [null, undefined],
      [NaN, -0],
      [10n, []],
    ]),
    new Map([[{ k: 1 }, new Map([[[1], new Set()]])]]),
    new Set([3, "3", 1, { a: 1 }, [2], new Date(5), new Set([new Map()])]),
    { m: [new Map([["x", { y: new Set([1]) }]])] },
    new Map(Array.from({ length: 1000 }, (_, n) => [n, `value ${n}`])),
    new Set(Array.from({ length: 100_000 }, (_, n) => n)),
  ]);
});
