"use strict";
// Arbitrary values, keys and tenants for property tests, biased to what is odd.

const fc = require("fast-check");

/** Set LMDBX_TEST_SEED to repeat a run. */
const seed = Number(process.env.LMDBX_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));

/**
 * Checks an asynchronous property for arbitrary input. A failure shows the smallest that fails.
 * @template T
 * @param {import("fast-check").Arbitrary<T>} arbitrary
 * @param {number} runs
 * @param {(input: T) => Promise<void>} predicate
 */
function forAll(arbitrary, runs, predicate) {
  return fc.assert(fc.asyncProperty(arbitrary, predicate), { seed, numRuns: runs });
}

const ODD_NAMES = [
  ...["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "valueOf", "length"],
  ...[
    "then",
    "toJSON",
    "0",
    "1",
    "-1",
    "00",
    "1e3",
    "4294967294",
    "4294967295",
    "",
    " ",
    "\0",
    "ü",
  ],
];

/** Well-formed strings. */
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.string({ unit: "grapheme" }),
  fc.constantFrom(...ODD_NAMES, "\uFEFFmark", "\uFFFD", "\u2028", "a\0b", "\u{10FFFF}", "\u007F"),
);

/** Any strings, surrogates without their other half included. */
const anyText = fc.oneof(
  text,
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 12 })
    .map((units) => String.fromCharCode(...units)),
  fc.constantFrom("\ud800", "\udc00", "a\udfffb", "\udc00\ud800", "\ud83d"),
);

/** Lengths around those at which msgpack changes its headers. */
const length = fc.constantFrom(15, 16, 31, 32, 255, 256, 257, 65535, 65536);

const number = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.integer({ min: -300, max: 70_000 }),
  fc.constantFrom(...[-0, NaN, Infinity, -Infinity, 5e-324, Number.MAX_VALUE, 2 ** 31, 2 ** 32]),
  fc.constantFrom(
    ...[-(2 ** 31), -(2 ** 31) - 1, 2 ** 32 - 1, 2 ** 53, -(2 ** 53), 2 ** 63, 1e300],
  ),
);

const bigint = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
  fc.constantFrom(0n, -1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n, -(2n ** 63n), 2n ** 53n),
);

const date = fc.oneof(
  fc.date({ noInvalidDate: false }),
  fc
    .constantFrom(0, -1, 999, -999, 8.64e15, -8.64e15, 2 ** 32 * 1000, 2 ** 34 * 1000)
    .map((time) => new Date(time)),
);

const bytes = fc.uint8Array({ maxLength: 40 });

const TYPED_ARRAYS = [
  ...[Int8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array],
  ...[Float32Array, Float64Array, BigInt64Array, BigUint64Array],
];

/** Typed arrays of arbitrary bits, at any place of their buffer. */
const typedArray = fc
  .tuple(
    fc.constantFrom(...TYPED_ARRAYS),
    fc.uint8Array({ minLength: 8, maxLength: 64 }),
    fc.nat(2),
  )
  .map(([Type, content, skipped]) => {
    const whole = new Type(content.slice().buffer.slice(0, content.length - (content.length % 8)));
    return whole.subarray(skipped);
  });

const dataView = bytes.map((content) => new DataView(content.slice().buffer));

const leaf = fc.oneof(
  { weight: 6, arbitrary: text },
  { weight: 6, arbitrary: number },
  { weight: 3, arbitrary: fc.constantFrom(null, undefined, true, false) },
  { weight: 2, arbitrary: bigint },
  { weight: 2, arbitrary: date },
  { weight: 1, arbitrary: bytes },
  { weight: 1, arbitrary: bytes.map((content) => Buffer.from(content)) },
  { weight: 1, arbitrary: bytes.map((content) => content.slice().buffer) },
  { weight: 2, arbitrary: typedArray },
  { weight: 1, arbitrary: dataView },
  { weight: 1, arbitrary: length.map((count) => "x".repeat(count % 2) + "é".repeat(count / 2)) },
  { weight: 1, arbitrary: length.map((count) => Buffer.alloc(count, 0xc1)) },
);

/** An object with own fields of any name, in this order. */
function objectOf(fields) {
  const object = {};
  for (const [name, value] of fields) {
    Object.defineProperty(object, name, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
  return object;
}

const name = fc.oneof(
  { weight: 3, arbitrary: fc.string({ maxLength: 8 }) },
  { weight: 1, arbitrary: text },
  { weight: 1, arbitrary: fc.constantFrom(...ODD_NAMES) },
);

/** Every kind of value that msgpack is documented to keep, nested. */
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    { weight: 4, arbitrary: leaf },
    { weight: 2, arbitrary: fc.array(tie("value"), { maxLength: 20 }) },
    { weight: 1, arbitrary: fc.sparseArray(tie("value"), { maxLength: 8 }) },
    {
      weight: 4,
      arbitrary: fc.array(fc.tuple(name, tie("value")), { maxLength: 20 }).map(objectOf),
    },
    {
      weight: 1,
      arbitrary: fc
        .array(fc.tuple(tie("value"), tie("value")), { maxLength: 6 })
        .map((entries) => new Map(entries)),
    },
    {
      weight: 1,
      arbitrary: fc.array(tie("value"), { maxLength: 6 }).map((members) => new Set(members)),
    },
  ),
}));

/** What a value of the kind above is read back as. */
function readBack(input) {
  if (typeof input !== "object" || input === null) return input;
  if (input instanceof Uint8Array) {
    return Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  }
  if (input instanceof ArrayBuffer) return Buffer.from(input);
  if (ArrayBuffer.isView(input) || input instanceof Date) return input;
  if (input instanceof Map) {
    return new Map([...input].map(([key, item]) => [readBack(key), readBack(item)]));
  }
  if (input instanceof Set) return new Set([...input].map(readBack));
  if (Array.isArray(input)) return Array.from(input, readBack);
  return objectOf(Object.keys(input).map((field) => [field, readBack(input[field])]));
}

/** Any value that JSON holds, with any strings. */
const { json } = fc.letrec((tie) => ({
  json: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    { weight: 3, arbitrary: anyText },
    { weight: 2, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }) },
    { weight: 2, arbitrary: fc.integer() },
    { weight: 1, arbitrary: fc.constantFrom(null, true, false, -0) },
    { weight: 2, arbitrary: fc.array(tie("json"), { maxLength: 5 }) },
    {
      weight: 2,
      arbitrary: fc
        .array(fc.tuple(fc.oneof(name, anyText), tie("json")), { maxLength: 5 })
        .map(objectOf),
    },
  ),
}));

/** Whatever there is, what cannot be stored included. */
const anything = fc.oneof(
  fc.anything({
    ...{ withBigInt: true, withBoxedValues: true, withDate: true, withMap: true, withSet: true },
    ...{ withNullPrototype: true, withObjectString: true, withSparseArray: true },
    ...{ withTypedArray: true, withUnicodeString: true },
  }),
  fc.constantFrom(
    ...[() => 1, Symbol("s"), new Error("e"), /r/, Promise.resolve(1), new WeakMap(), 2n ** 64n],
    ...[new (class Empty {})(), new Date(NaN), Object.create(null), new URL("file:///x")],
    ...[{ toJSON: () => 1 }, { toJSON: () => undefined }, [undefined], Object(Symbol("boxed"))],
  ),
  fc.record({
    field: fc.oneof(
      value,
      fc.constantFrom(() => 1, Symbol("s"), NaN, undefined, /r/),
    ),
  }),
);

const FRAGMENTS = [
  ...["a", "b", ":", ":", ":", '"', '"', "\\", "{", "}", "[", "]", ",", "1", "-", "0", ".", "e"],
  ...[" ", "\n", "\0", "null", "true", '"x"', '"x":', '{"a":', "[1", '\\"', ":1", '":"', "ü", "🌍"],
];

/** Text made of pieces of JSON and colons. */
const hostileText = fc
  .array(fc.constantFrom(...FRAGMENTS), { minLength: 1, maxLength: 14 })
  .map((parts) => parts.join(""));

/** Tenants whose names are beginnings of each other's stored keys. */
const hostileTenants = fc
  .tuple(hostileText, fc.array(hostileText, { maxLength: 4 }))
  .map(([whole, more]) => {
    const tenants = new Set([whole, ...more, JSON.stringify(whole), `a:${JSON.stringify(whole)}`]);
    for (const tenant of [...tenants]) {
      for (let at = 1; at < tenant.length; at++) {
        if (tenant[at] === ":") tenants.add(tenant.slice(0, at)).add(tenant.slice(0, at + 1));
      }
    }
    return [...tenants].filter((tenant) => tenant !== "");
  });

/** Keys whose texts hold the same pieces. */
const hostileKey = fc.oneof(
  hostileText,
  fc.constantFrom(...["a", "x", "", 1, 0, null, true, [1], [], {}, { a: 1 }, { a: ":" }, ":1"]),
  fc.tuple(hostileText, hostileText).map(([field, item]) => ({ [field]: item })),
);

module.exports = {
  ...{ seed, forAll, fc, text, anyText, value, readBack, json, anything, objectOf },
  ...{ hostileText, hostileTenants, hostileKey },
};
