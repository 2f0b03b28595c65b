"use strict";
// What is promised for every value, key and tenant, tried on arbitrary ones.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");

const { createLMDBXRepository, isLMDBXError } = require("..");
const arbitrary = require("./support/arbitrary.js");
const { stored } = require("./support/dump.js");
const { assertSame } = require("./support/same.js");
const { using } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

const { seed, forAll, fc, anyText, value, readBack, json, anything } = arbitrary;
const { hostileTenants, hostileKey } = arbitrary;
console.log(`seed of the arbitrary input: ${seed} (LMDBX_TEST_SEED repeats it)`);

const TIMEOUT = { timeout: patient(120_000) };

/** A property of one repository, each run of which has a tenant of its own. */
function property(statement, { input, runs, options }, predicate) {
  test(
    statement,
    TIMEOUT,
    using(async (open) => {
      const repository = open(options);
      let run = 0;
      await forAll(input, runs, (given) => predicate(repository.tenant(`run ${run++}`), given));
    }),
  );
}

/** The outcome of a promise, without throwing. */
const outcomeOf = (promise) =>
  promise.then(
    (result) => ({ result }),
    (error) => ({ error }),
  );

/** Refused as documented: an error of this package with the code, and nothing written. */
async function assertRefused(error, code, records) {
  assert.ok(isLMDBXError(error), `not an error of this package: ${error?.stack}`);
  assert.equal(error.code, code, error.message);
  assert.deepStrictEqual(await records.list(), []);
}

describe("values", () => {
  const present = value.filter((given) => given !== undefined);

  for (const [compression, reads] of [
    [false, "adaptive"],
    [true, "adaptive"],
    [false, "pool"],
    [true, "pool"],
  ]) {
    property(
      `every documented value reads back the same, compression ${compression}, reads "${reads}"`,
      {
        input: fc.array(present, { minLength: 1, maxLength: 30 }),
        runs: 150,
        options: { compression, reads },
      },
      async (records, inputs) => {
        await Promise.all(inputs.map((input, index) => records.put(index, input)));
        const outputs = await Promise.all(inputs.map((_, index) => records.get(index)));
        outputs.forEach((output, index) => assertSame(output, readBack(inputs[index])));
      },
    );
  }

  property(
    "encoding json stores what JSON makes of a value, or refuses what it makes nothing of",
    { input: fc.oneof(value, json, anything), runs: 400, options: { encoding: "json" } },
    async (records, input) => {
      let expected;
      try {
        expected = JSON.stringify(input);
      } catch {
        expected = undefined;
      }
      const { error } = await outcomeOf(records.put("key", input));
      if (expected === undefined) return assertRefused(error, "LMDBX_INVALID_VALUE", records);
      assert.equal(error, undefined);
      assertSame(await records.get("key"), JSON.parse(expected));
    },
  );

  for (const compression of [false, true]) {
    property(
      `encoding string stores every well-formed string, compression ${compression}`,
      {
        input: fc.array(anyText, { minLength: 1, maxLength: 30 }),
        runs: 100,
        options: { encoding: "string", compression },
      },
      async (records, inputs) => {
        const puts = inputs.map((input, index) => outcomeOf(records.put(index, input)));
        const outcomes = await Promise.all(puts);
        for (const [index, { error }] of outcomes.entries()) {
          const stored = await records.get(index);
          if (inputs[index].isWellFormed()) {
            assert.equal(error, undefined);
            assert.equal(stored, inputs[index]);
          } else {
            assert.equal(error?.code, "LMDBX_INVALID_VALUE");
            assert.equal(stored, undefined);
          }
        }
      },
    );
  }

  property(
    "text anywhere in a value is kept, or refused where it is not well-formed",
    { input: fc.tuple(anyText, fc.nat(4)), runs: 300, options: {} },
    async (records, [given, place]) => {
      const holders = [
        ...[given, [given], { [given]: 1 }, new Map([[given, 1]]), { a: [new Set([given])] }],
      ];
      const { error } = await outcomeOf(records.put("key", holders[place]));
      if (!given.isWellFormed()) return assertRefused(error, "LMDBX_INVALID_VALUE", records);
      assert.equal(error, undefined);
      assertSame(await records.get("key"), holders[place]);
    },
  );

  test(
    "compressed values are frames that lz4 reads, and never larger than plain ones",
    TIMEOUT,
    using(async (_open, directory) => {
      const inputs = fc.sample(present, { seed, numRuns: 500 });
      const [plain, framed] = await Promise.all(
        [false, true].map((compression) =>
          storedAs(`${directory}/${compression}`, inputs, compression),
        ),
      );
      const isFrame = (bytes) => bytes.toString("hex", 0, 4) === "04224d18";
      const frames = [...plain.keys()].filter((key) => isFrame(framed.get(key)));
      assert.ok(frames.length > 50, `${frames.length} frames`);
      for (const [key, bytes] of plain) {
        if (!isFrame(framed.get(key))) assert.ok(framed.get(key).equals(bytes));
        else assert.ok(framed.get(key).length < bytes.length);
      }
      const input = Buffer.concat(frames.map((key) => framed.get(key)));
      const output = execFileSync("lz4", ["-d", "-c"], { input, maxBuffer: 2 ** 30 });
      assert.ok(output.equals(Buffer.concat(frames.map((key) => plain.get(key)))));
    }),
  );

  property(
    "a value of any kind is stored as documented, or refused and not stored",
    { input: anything, runs: 600, options: {} },
    async (records, input) => {
      const { error } = await outcomeOf(records.put("key", input));
      if (error !== undefined) return assertRefused(error, "LMDBX_INVALID_VALUE", records);
      const first = await records.get("key");
      await records.put("again", first);
      assertSame(await records.get("again"), first, "what was read is itself exact");
      if (isDocumented(input)) assertSame(first, readBack(input));
    },
  );
});

/** The bytes that values have on disk, by stored key. */
async function storedAs(path, inputs, compression) {
  const repository = createLMDBXRepository({ path, compression });
  await Promise.all(inputs.map((input, index) => repository.put("t", index, input)));
  await repository.close();
  return new Map(stored(path));
}

/** Whether a value is of the kinds that are kept as they are, so that readBack describes it. */
function isDocumented(input) {
  if (typeof input !== "object" || input === null) return true;
  if (ArrayBuffer.isView(input) || input instanceof ArrayBuffer) return true;
  if (Array.isArray(input)) return input.every(isDocumented);
  if (input instanceof Map) return [...input].flat().every(isDocumented);
  if (input instanceof Set) return [...input].every(isDocumented);
  if (Object.getPrototypeOf(input) === Date.prototype) return true;
  const plain = [Object.prototype, null].includes(Object.getPrototypeOf(input));
  return plain && typeof input.toJSON !== "function" && Object.values(input).every(isDocumented);
}

/** Whether JSON.stringify turns something into null or {} without a word, or does not take it. */
function jsonLoses(input, isField = false) {
  if (input instanceof Date) return Number.isNaN(input.getTime());
  const seen = typeof input?.toJSON === "function" ? input.toJSON("") : input;
  if (typeof seen === "string" || typeof seen === "boolean" || seen === null) return false;
  if (typeof seen === "number") return !Number.isFinite(seen);
  if (seen === undefined) return !isField;
  if (typeof seen !== "object" || ArrayBuffer.isView(seen)) return true;
  if (seen instanceof Number) return !Number.isFinite(Number(seen));
  if (seen instanceof String || seen instanceof Boolean) return false;
  if (Array.isArray(seen)) return Array.from(seen).some((item) => jsonLoses(item));
  const isPlain = [Object.prototype, null].includes(Object.getPrototypeOf(seen));
  const fields = Object.values(seen);
  return (fields.length === 0 && !isPlain) || fields.some((field) => jsonLoses(field, true));
}

const MOST_KEY_BYTES = 400;
const isShort = (key) => Buffer.byteLength(JSON.stringify(key)) <= MOST_KEY_BYTES;

/** In the order of their bytes, each once. */
function inStoredOrder(texts) {
  const unique = [...new Set(texts)];
  return unique.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

describe("keys", () => {
  property(
    "every JSON key is a record of its own: put, get, has, list, delete",
    {
      input: fc.array(json.filter(isShort), { minLength: 1, maxLength: 25 }),
      runs: 150,
      options: {},
    },
    async (records, keys) => {
      const texts = keys.map((key) => JSON.stringify(key));
      const last = new Map(texts.map((keyText, index) => [keyText, index]));
      await Promise.all(keys.map((key, index) => records.put(key, index)));
      for (const [keyText, index] of last) {
        assert.equal(await records.get(JSON.parse(keyText)), index);
        assert.equal(await records.has(keys[index]), true);
      }
      const listed = inStoredOrder(texts);
      assertSame(
        await records.list(),
        listed.map((keyText) => JSON.parse(keyText)),
      );
      const gone = listed.filter((_, index) => index % 2 === 0);
      const deleted = gone.map((keyText) => records.delete(JSON.parse(keyText)));
      assert.ok((await Promise.all(deleted)).every((existed) => existed === true));
      for (const keyText of gone) assert.equal(await records.has(JSON.parse(keyText)), false);
      assertSame(
        await records.list(),
        listed.filter((keyText) => !gone.includes(keyText)).map((keyText) => JSON.parse(keyText)),
      );
    },
  );

  property(
    "a key of any kind is listed as JSON makes it, or refused where JSON would lose something",
    {
      input: fc.oneof(
        anything,
        anything.map((inner) => ({ inner })),
        anything.map((inner) => [0, inner]),
      ),
      runs: 600,
      options: {},
    },
    async (records, key) => {
      const { error } = await outcomeOf(records.put(key, 1));
      if (error?.code === "LMDBX_KEY_TOO_LARGE") return assert.ok(!isShort(key));
      if (jsonLoses(key)) return assertRefused(error, "LMDBX_INVALID_KEY", records);
      assert.equal(error, undefined);
      assertSame(await records.list(), [JSON.parse(JSON.stringify(key))]);
      assert.equal(await records.get(key), 1);
    },
  );
});

describe("operations", () => {
  const operation = fc.record({
    call: fc.constantFrom("put", "put", "put", "get", "has", "delete", "list"),
    tenant: fc.constantFrom("a", "a:", "b"),
    key: fc.constantFrom("x", 1, [":"], { x: null }),
    pause: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  });

  test(
    "issued without waiting, they do what they would do one after the other",
    TIMEOUT,
    using(async (open) => {
      const repository = open();
      const model = new Map(["a", "a:", "b"].map((tenant) => [tenant, new Map()]));
      let puts = 0;
      const operations = fc.array(operation, { minLength: 1, maxLength: 80 });
      await forAll(operations, 150, async (given) => {
        const results = [];
        const expected = [];
        for (const { call, tenant, key, pause } of given) {
          const records = model.get(tenant);
          const keyText = JSON.stringify(key);
          if (call === "put") {
            results.push(repository.put(tenant, key, ++puts));
            expected.push(undefined);
            records.set(keyText, puts);
          } else if (call === "list") {
            results.push(repository.list(tenant));
            expected.push(inStoredOrder(records.keys()).map((text) => JSON.parse(text)));
          } else {
            results.push(repository[call](tenant, key));
            expected.push(call === "get" ? records.get(keyText) : records.has(keyText));
            if (call === "delete") records.delete(keyText);
          }
          if (pause) await results.at(-1);
        }
        assert.deepStrictEqual(await Promise.all(results), expected);
      });
    }),
  );
});

describe("tenants", () => {
  test(
    "hostile tenants never see each other's records",
    TIMEOUT,
    using(async (_open, directory) => {
      let run = 0;
      const tenantsAndKeys = fc.tuple(
        hostileTenants,
        fc.array(hostileKey, { minLength: 1, maxLength: 5 }),
        fc.nat(),
      );
      await forAll(tenantsAndKeys, 120, async ([tenants, keys, pick]) => {
        const repository = createLMDBXRepository({ path: `${directory}/${run++}` });
        try {
          await assertApart(repository, tenants, keys, pick);
        } finally {
          await repository.close();
        }
      });
    }),
  );

  test(
    "a tenant id that is not well-formed is refused, and merged with no other",
    TIMEOUT,
    using(async (open) => {
      const repository = open();
      const latest = new Map();
      let run = 0;
      await forAll(
        anyText.filter((id) => id !== ""),
        200,
        async (tenant) => {
          const { error } = await outcomeOf(repository.put(tenant, "key", ++run));
          if (tenant.isWellFormed()) latest.set(tenant, run);
          else assert.equal(error?.code, "LMDBX_INVALID_ARGUMENT");
          const replaced = tenant.toWellFormed();
          assert.equal(await repository.get(replaced, "key"), latest.get(replaced));
          assert.deepStrictEqual(
            await repository.list(replaced),
            latest.has(replaced) ? ["key"] : [],
          );
        },
      );
    }),
  );
});

/** Fills some tenants and empties one; asserts that each sees exactly its own all the time. */
async function assertApart(repository, tenants, keys, pick) {
  const ofTenant = new Map(tenants.map((tenant) => [tenant, new Map()]));
  // Not every tenant has every key, so that a wrong answer can be told from a right one.
  const isGiven = (t, k) => (t * 7 + k * 3 + pick) % 4 !== 0;
  const puts = tenants.flatMap((tenant, t) =>
    keys.map((key, k) => {
      if (!isGiven(t, k)) return undefined;
      ofTenant.get(tenant).set(JSON.stringify(key), [tenant, k]);
      return repository.put(tenant, key, [tenant, k]);
    }),
  );
  await Promise.all(puts);
  await assertExactly(repository, ofTenant, keys);
  const emptied = tenants[pick % tenants.length];
  const deleted = keys.map((key) => repository.delete(emptied, key));
  const texts = keys.map((key) => JSON.stringify(key));
  const expected = texts.map((keyText, index) => {
    return ofTenant.get(emptied).has(keyText) && texts.indexOf(keyText) === index;
  });
  assert.deepStrictEqual(await Promise.all(deleted), expected);
  ofTenant.set(emptied, new Map());
  await assertExactly(repository, ofTenant, keys);
}

async function assertExactly(repository, ofTenant, keys) {
  const checks = [...ofTenant].flatMap(([tenant, records]) => [
    repository.list(tenant).then((listed) => {
      assertSame(
        listed,
        inStoredOrder(records.keys()).map((keyText) => JSON.parse(keyText)),
      );
    }),
    ...keys.map(async (key) => {
      const expected = records.get(JSON.stringify(key));
      assert.deepStrictEqual(await repository.get(tenant, key), expected);
      assert.equal(await repository.has(tenant, key), expected !== undefined);
    }),
  ]);
  await Promise.all(checks);
}
