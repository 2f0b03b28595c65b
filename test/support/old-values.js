"use strict";
// Values as programs gave them to 0.3.x, and as 0.3.x itself gave them back: an import carries over
// what it gave back.

const deep = (levels) => {
  let value = "bottom";
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { value };
  return value;
};

const order = {
  id: "o-1",
  status: "paid",
  total: 99.95,
  items: [{ sku: "a", count: 2 }],
  note: null,
  at: "2024-01-01T00:00:00.000Z",
};

/** Those that come back the same under every encoding but string. */
const plain = {
  order,
  "an empty object": {},
  "an empty array": [],
  null: null,
  true: true,
  false: false,
  zero: 0,
  "minus two": -2,
  "a fraction": 0.1 + 0.2,
  "2^53": 2 ** 53,
  "a large float": 1.7976931348623157e308,
  "an empty string": "",
  "a string with NUL": "a\0b",
  "astral characters": "🦊 and ünïcödé",
  "a long string": "lorem ipsum ".repeat(5_000),
  "40 fields": Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`field${i}`, i])),
  "100 shapes": Array.from({ length: 100 }, (_, i) => ({ [`a${i}`]: i, b: i })),
  "50 levels": deep(50),
};

/** Those that msgpack alone kept. */
const typed = {
  date: new Date(1_700_000_000_123),
  "a date before 1970": new Date(-1),
  "a date in a field": { at: new Date(0) },
  map: new Map([["a", 1], [2, new Map([[{ k: 1 }, [new Date(1)]]])]]),
  bigint: 2n ** 63n - 1n,
  "negative bigint": -(2n ** 63n),
  "unsigned bigint": 2n ** 64n - 1n,
  "small bigint": 5n,
  buffer: Buffer.from([0, 1, 254, 255]),
  "a large buffer": Buffer.alloc(70_000, 7),
  "undefined in a field": { a: undefined, b: [undefined] },
  NaN: NaN,
  infinities: [Infinity, -Infinity],
  "integers beyond 32 bits": [2 ** 40, -(2 ** 40), 2 ** 31, -(2 ** 31) - 1, 2 ** 32],
};

/** Those that 0.3.x changed: what it gave back. */
const changed = {
  "a Set": [new Set([1, "a"]), [1, "a"]],
  "an Error": [new RangeError("broken"), ["RangeError", "broken", undefined]],
  "a RegExp": [/a+/g, ["a+", "g"]],
  "a function in a field": [{ run() {} }, { run: undefined }],
  "a Uint8Array": [new Uint8Array([1, 2]), Buffer.from([1, 2])],
  "minus zero": [-0, 0],
};

const strings = {
  text: "Hello",
  empty: "",
  "with NUL": "a\0b",
  "all of Unicode": "aä€🦊￿",
  long: "0123456789".repeat(3_000),
};

const unchanged = (values) => Object.entries(values).map(([key, value]) => [key, value, value]);

/**
 * Records under an encoding: [key, what is put, what comes back].
 * @param {"msgpack" | "json" | "string"} encoding
 * @returns {[string, unknown, unknown][]}
 */
function oldValues(encoding) {
  if (encoding === "string") return unchanged(strings);
  if (encoding === "json") return unchanged(plain);
  const changes = Object.entries(changed).map(([key, [value, back]]) => [key, value, back]);
  return [...unchanged(plain), ...unchanged(typed), ...changes];
}

/** Keys of every kind, and tenants of a hostile one. */
const KEYS = ["user:1", ["user", 1], { userId: "u", at: 1 }, 1, null, "ü 🦊", "\ud800"];
const TENANTS = ["acme", "a:b", 'a:"x"', "ä 🦊", "\u0001start", "nul\0inside", "x".repeat(70)];

module.exports = { oldValues, KEYS, TENANTS };
