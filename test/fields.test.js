"use strict";
// Names of fields that mean something to the language, and names that come twice: own fields like
// others, as JSON.parse makes them, in both encodings and however often such an object is met.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");

const { seed, fc } = require("./support/arbitrary.js");
const { inject } = require("./support/raw.js");
const { assertSame } = require("./support/same.js");
const { using } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

console.log(`seed of the arbitrary input: ${seed} (LMDBX_TEST_SEED repeats it)`);

const TIMEOUT = { timeout: patient(60_000) };
/** Sightings of one shape; more than any cache of shapes waits for. */
const SIGHTINGS = 60;

/**
 * An object as the list of its fields, in which a name may come twice.
 * @typedef {{ fields: [name: string, value: unknown][] }} Fields
 */
const isFields = (value) => typeof value === "object" && value !== null && "fields" in value;

/** @param {unknown} value - Fields, or a string or number */
function jsonOf(value) {
  if (!isFields(value)) return JSON.stringify(value);
  const fields = value.fields.map(([name, item]) => `${JSON.stringify(name)}:${jsonOf(item)}`);
  return `{${fields.join(",")}}`;
}

/** The same in msgpack. */
function msgpackOf(value) {
  if (typeof value === "number") return Buffer.from([0xcd, value >> 8, value & 0xff]);
  if (typeof value === "string") {
    const bytes = Buffer.from(value);
    return Buffer.concat([Buffer.from([0xda, bytes.length >> 8, bytes.length & 0xff]), bytes]);
  }
  const { fields } = value;
  const header = Buffer.from([0xde, fields.length >> 8, fields.length & 0xff]);
  return Buffer.concat([header, ...fields.flatMap((field) => field.map(msgpackOf))]);
}

const object = (...fields) => ({ fields });
const numbered = (count, name) => Array.from({ length: count }, (_, i) => [name(i), i]);

const CASES = {
  "__proto__ with a primitive": object(["a", 1], ["__proto__", 2], ["b", 3]),
  "__proto__ with an object": object(["__proto__", object(["polluted", 1])]),
  "__proto__ twice": object(["__proto__", 1], ["x", 2], ["__proto__", object(["y", 1])]),
  "__proto__ inside __proto__": object(["__proto__", object(["__proto__", object(["z", 1])])]),
  "constructor and prototype": object(["constructor", object(["prototype", object(["x", 1])])]),
  "methods of every object": object(["toString", 1], ["valueOf", 2], ["hasOwnProperty", 3]),
  "accessors of every object": object(["__defineGetter__", 1], ["__lookupSetter__", 2]),
  "then and toJSON": object(["then", 1], ["toJSON", 2]),
  "names that look like numbers": object(["2", 1], ["1", 2], ["b", 3], ["0", 4], ["a", 5]),
  "names that nearly look like numbers": object(["01", 1], ["-1", 2], ["1.0", 3], ["1e3", 4]),
  "the largest index and the next": object(["4294967295", 1], ["4294967294", 2], ["x", 3]),
  "a name twice": object(["a", 1], ["b", 2], ["a", 3]),
  "a name three times": object(["a", 1], ["a", 2], ["b", 3], ["a", object(["c", 4])]),
  "a number-like name twice": object(["1", 1], ["0", 2], ["1", 3]),
  "an empty name twice": object(["", 1], ["", 2]),
  "a NUL in names": object(["a\0b", 1], ["a", 2], ["a\0b", 3]),
  "names of any language": object(["ü", 1], ["\u{1F30D}", 2], ["\uFEFF", 3], ["\u2028", 4]),
  "a name twice among many": object(
    ...numbered(100, (i) => `n${i}`),
    ...[
      ["n0", 500],
      ["n99", 501],
      ["n40", 502],
      ["__proto__", 503],
      ["constructor", 504],
    ],
  ),
  "quotes and code in names": object(['"]: 1, x: ["', 1], ["${process.exit(1)}", 2], ["\\", 3]),
};

/** Reads every case many times from raw bytes, which no encoder of ours can have cleaned. */
function checkCases(statement, cases) {
  for (const [encoding, encode] of Object.entries({ msgpack: msgpackOf, json: jsonOf })) {
    test(
      `${statement}, encoding ${encoding}`,
      TIMEOUT,
      using(async (open, directory) => {
        inject(
          directory,
          cases.map(([name, value]) => [`t:${JSON.stringify(name)}`, encode(value)]),
        );
        const repository = open({ encoding });
        const before = Object.getOwnPropertyNames(Object.prototype);
        for (let sighting = 0; sighting < SIGHTINGS; sighting++) {
          for (const [name, value] of cases) {
            assertSame(await repository.get("t", name), JSON.parse(jsonOf(value)), name);
          }
        }
        assert.deepStrictEqual(Object.getOwnPropertyNames(Object.prototype), before);
      }),
    );
  }
}

describe("fields", () => {
  checkCases("fields read as JSON.parse makes them", Object.entries(CASES));

  const name = fc.constantFrom("a", "b", "0", "1", "__proto__", "constructor", "toString", "");
  const { fields } = fc.letrec((tie) => ({
    fields: fc
      .array(
        fc.tuple(
          name,
          fc.oneof({ depthSize: "small" }, fc.nat(9), fc.constant("x"), tie("fields")),
        ),
        { maxLength: 6 },
      )
      .map((list) => object(...list)),
  }));
  const samples = fc.sample(fields, { seed, numRuns: 40 });
  checkCases(
    "arbitrary fields, repeated and nested, read as JSON.parse makes them",
    samples.map((value, index) => [`sample ${index}: ${jsonOf(value)}`.slice(0, 300), value]),
  );

  for (const encoding of ["msgpack", "json"]) {
    test(
      `fields of any name are written as they are, encoding ${encoding}`,
      TIMEOUT,
      using(async (open) => {
        const repository = open({ encoding });
        const values = Object.values(CASES).map((value) => JSON.parse(jsonOf(value)));
        for (let sighting = 0; sighting < SIGHTINGS; sighting++) {
          await Promise.all(values.map((value, index) => repository.put("t", index, value)));
          const read = await Promise.all(values.map((_, index) => repository.get("t", index)));
          read.forEach((value, index) => assertSame(value, values[index]));
        }
      }),
    );
  }
});
