"use strict";
// msgpack against the world: the public vectors, and independent libraries both ways.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");

const { Decoder, ExtensionCodec, encode } = require("@msgpack/msgpack");
const vectors = require("msgpack-test-suite/dist/msgpack-test-suite.json");
const { Packr, Unpackr, addExtension } = require("msgpackr");

const { seed, fc, value, readBack } = require("./support/arbitrary.js");
const { stored } = require("./support/dump.js");
const { hex, inject } = require("./support/raw.js");
const { assertSame } = require("./support/same.js");
const { using, rejection } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

console.log(`seed of the arbitrary input: ${seed} (LMDBX_TEST_SEED repeats it)`);

const TIMEOUT = { timeout: patient(120_000) };

function check(statement, body) {
  test(statement, TIMEOUT, using(body));
}

/** Every single encoding of the suite, under a key that says what it is. */
const encodings = Object.entries(vectors).flatMap(([file, cases]) =>
  cases.flatMap((vector, number) =>
    vector.msgpack.map((digits) => ({ key: [file, number, digits], vector, bytes: hex(digits) })),
  ),
);

/** What a vector stands for; `bytes` is one of its encodings. */
function meaning(vector, bytes) {
  const isInteger64 = bytes[0] === 0xcf || bytes[0] === 0xd3;
  if ("binary" in vector) return hex(vector.binary);
  if ("timestamp" in vector) {
    const [seconds, nanoseconds] = vector.timestamp;
    return new Date(seconds * 1000 + Math.floor(nanoseconds / 1e6));
  }
  if ("bignum" in vector) return isInteger64 ? BigInt(vector.bignum) : Number(vector.bignum);
  if ("number" in vector) return isInteger64 ? BigInt(vector.number) : vector.number;
  return Object.entries(vector).find(([name]) => name !== "msgpack")[1];
}

describe("public msgpack vectors", () => {
  check(
    "every encoding of a type that JavaScript has reads as the vector says",
    async (open, directory) => {
      const known = encodings.filter(({ vector }) => !("ext" in vector));
      assert.ok(known.length > 150, `${known.length} encodings`);
      inject(
        directory,
        known.map(({ key, bytes }) => [`t:${JSON.stringify(key)}`, bytes]),
      );
      const repository = open();
      for (const { key, vector, bytes } of known) {
        assertSame(await repository.get("t", key), meaning(vector, bytes), JSON.stringify(key));
      }
    },
  );

  check("application extensions are refused by their number", async (open, directory) => {
    const extensions = encodings.filter(({ vector }) => "ext" in vector);
    assert.ok(extensions.length > 8, `${extensions.length} encodings`);
    inject(
      directory,
      extensions.map(({ key, bytes }) => [`t:${JSON.stringify(key)}`, bytes]),
    );
    const repository = open();
    for (const { key, vector } of extensions) {
      const [type] = vector.ext;
      const error = await rejection(repository.get("t", key));
      assert.equal(error.code, "LMDBX_DECODE");
      // Type 1 is ours, with another payload.
      assert.match(error.message, type === 1 ? /invalid Date/ : RegExp(`type ${type}\\b`));
    }
  });

  check("what the vectors mean is stored in one of their encodings", async (open, directory) => {
    const repository = open();
    const whole = encodings.filter(({ vector }) => {
      return !("ext" in vector) && (vector.timestamp?.[1] ?? 0) % 1e6 === 0;
    });
    const puts = whole.map(({ key, vector, bytes }) => {
      return repository.put("t", key, meaning(vector, bytes));
    });
    await Promise.all(puts);
    const records = new Map(stored(directory));
    for (const { key, vector } of whole) {
      const bytes = records.get(`t:${JSON.stringify(key)}`);
      // A vector of a number need not list the nine bytes of a BigInt.
      if (typeof meaning(vector, bytes) === "bigint") continue;
      const listed = vector.msgpack.map((digits) => hex(digits).toString("hex"));
      assert.ok(
        listed.includes(bytes.toString("hex")),
        `${key} is stored as ${bytes.toString("hex")}`,
      );
    }
  });
});

// ------------------------------------------------------- independent decoders

const TYPED_ARRAYS = [
  ...[Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array],
  ...[Float32Array, Float64Array, BigInt64Array, BigUint64Array, DataView],
];

/** A typed array from the payload of its extension, as docs/format.md describes it. */
function typedArrayOf(payload) {
  const elements = Uint8Array.from(payload).buffer.slice(1);
  return new TYPED_ARRAYS[payload[0]](elements);
}

const pairsOf = (items) => items.flatMap((_, i) => (i % 2 === 0 ? [[items[i], items[i + 1]]] : []));

/** @msgpack/msgpack, taught the extensions of docs/format.md. */
function referenceDecoder() {
  const extensionCodec = new ExtensionCodec();
  // Decoders are not re-entrant, and extensions nest.
  const decode = (bytes) => new Decoder({ extensionCodec, useBigInt64: true }).decode(bytes);
  const register = (type, read) =>
    extensionCodec.register({ type, encode: () => null, decode: read });
  register(0, () => undefined);
  register(1, () => new Date(NaN));
  register(0x4d, (payload) => new Map(pairsOf(decode(payload))));
  register(0x73, (payload) => new Set(decode(payload)));
  register(0x74, typedArrayOf);
  return decode;
}

/** msgpackr, taught those that it does not know by itself; its own Set is another. */
function secondDecoder() {
  addExtension({ type: 0x73, unpack: (payload) => new Set(unpackr.unpack(payload)) });
  addExtension({ type: 1, unpack: () => new Date(NaN) });
  addExtension({ type: 0x4d, unpack: (payload) => new Map(pairsOf(unpackr.unpack(payload))) });
  const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true });
  return (bytes) => unpackr.unpack(bytes);
}

/** Both libraries refuse or rename a field called __proto__, and one has no DataView. */
function isShared(input, { dataViews }) {
  if (typeof input !== "object" || input === null) return true;
  if (input instanceof DataView) return dataViews;
  if (ArrayBuffer.isView(input) || input instanceof ArrayBuffer) return true;
  if (Array.isArray(input)) return Array.from(input).every((item) => isShared(item, { dataViews }));
  if (input instanceof Map) return [...input].flat().every((item) => isShared(item, { dataViews }));
  if (input instanceof Set) return [...input].every((item) => isShared(item, { dataViews }));
  if (Object.hasOwn(input, "__proto__")) return false;
  return Object.values(input).every((item) => isShared(item, { dataViews }));
}

/** A JSON value with other numbers. */
function mapNumbers(input, map) {
  if (typeof input === "number") return map(input);
  if (Array.isArray(input)) return input.map((item) => mapNumbers(item, map));
  if (typeof input !== "object" || input === null) return input;
  return Object.fromEntries(
    Object.entries(input).map(([field, item]) => [field, mapNumbers(item, map)]),
  );
}

function toBigInt(number) {
  const is32Bit = number >= -(2 ** 31) && number < 2 ** 32;
  return Number.isSafeInteger(number) && !is32Bit ? BigInt(number) : number;
}

describe("independent libraries", () => {
  const samples = fc.sample(value, { seed, numRuns: 1200 }).filter((input) => input !== undefined);
  const decoders = [
    ["@msgpack/msgpack", referenceDecoder(), { dataViews: true }],
    ["msgpackr", secondDecoder(), { dataViews: false }],
  ];
  for (const [library, decode, features] of decoders) {
    check(`what is stored decodes with ${library} to the same value`, async (open, directory) => {
      const repository = open();
      const inputs = samples.filter((input) => isShared(input, features));
      assert.ok(inputs.length > 300, `${inputs.length} values`);
      await Promise.all(inputs.map((input, index) => repository.put("t", index, input)));
      for (const [key, bytes] of stored(directory)) {
        const index = Number(key.slice("t:".length));
        const message = `value ${index}, stored as ${bytes.toString("hex", 0, 200)}`;
        // Each library shows bin as it likes; readBack makes Buffers of them.
        assertSame(readBack(decode(bytes)), readBack(inputs[index]), message);
      }
    });
  }

  const encoders = [
    // Writes integers beyond 32 bits as int 64 and uint 64, which are BigInts to us.
    ["@msgpack/msgpack", encode, (input) => mapNumbers(input, toBigInt)],
    ["msgpackr", (input) => new Packr({ useRecords: false }).pack(input), (input) => input],
  ];
  for (const [library, pack, expected] of encoders) {
    check(
      `what ${library} writes of JSON values reads as the same value`,
      async (open, directory) => {
        const inputs = fc
          .sample(fc.jsonValue({ maxDepth: 4, stringUnit: "binary" }), { seed, numRuns: 1500 })
          .map((input) => mapNumbers(input, (number) => number + 0)) // they write -0 as 0
          .filter((input) => isShared(input, { dataViews: false }));
        inject(
          directory,
          inputs.map((input, index) => [`t:${index}`, pack(input)]),
        );
        const repository = open();
        const outputs = await Promise.all(inputs.map((_, index) => repository.get("t", index)));
        outputs.forEach((output, index) => {
          assertSame(output, expected(inputs[index]), `value ${index}`);
        });
      },
    );
  }
});
