"use strict";
// Tagged values: what dump writes is what load reads.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const { toTagged, fromTagged } = require("../lib/cli/tagged.js");
const { assertSame } = require("./support/same.js");
const { forAll, seed, value: anyValue, readBack } = require("./support/arbitrary.js");

const roundTrip = (value) => fromTagged(JSON.parse(JSON.stringify(toTagged(value))));

describe("tagged values", () => {
  const cases = [
    [undefined, '{"$undefined":true}'],
    [[NaN, Infinity, -Infinity, -0, 0.1], '[{"$number":"NaN"},{"$number":"Infinity"},{"$number":"-Infinity"},{"$number":"-0"},0.1]'],
    [-5n, '{"$bigint":"-5"}'],
    [new Date(0), '{"$date":"1970-01-01T00:00:00.000Z"}'],
    [new Date(8.64e15), '{"$date":"+275760-09-13T00:00:00.000Z"}'],
    [new Date(NaN), '{"$date":null}'],
    [Buffer.from([1, 2]), '{"$bytes":"AQI="}'],
    [new Float64Array([1.5]), '{"$typed":["Float64Array","AAAAAAAA+D8="]}'],
    [new DataView(new ArrayBuffer(1)), '{"$typed":["DataView","AA=="]}'],
    [new Map([["a", new Set([1])]]), '{"$map":[["a",{"$set":[1]}]]}'],
    [{ $date: 1 }, '{"$object":{"$date":1}}'],
    [{ $object: {} }, '{"$object":{"$object":{}}}'],
    [{ $a: 1, $b: 2 }, '{"$a":1,"$b":2}'],
    [JSON.parse('{"__proto__":{"a":1}}'), '{"__proto__":{"a":1}}'],
    ["\ud800", '"\\ud800"'],
  ];
  for (const [value, text] of cases) {
    test(`${text} is read back`, () => {
      assert.equal(JSON.stringify(toTagged(value)), text);
      assertSame(roundTrip(value), value);
    });
  }

  test("every typed array is read back", () => {
    const bytes = new Uint8Array(16).map((_, at) => at * 16 + 1).buffer;
    const kinds = [
      ...[Int8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array],
      ...[Float32Array, Float64Array, BigInt64Array, BigUint64Array, DataView],
    ];
    for (const Kind of kinds) assertSame(roundTrip(new Kind(bytes)), new Kind(bytes));
  });

  test(`any value is read back (seed ${seed})`, () =>
    forAll(anyValue, 1_000, async (value) => assertSame(roundTrip(readBack(value)), readBack(value))));

  const wrong = [
    '{"$what":1}',
    '{"$undefined":false}',
    '{"$number":"1"}',
    '{"$bigint":5}',
    '{"$bigint":"0x5"}',
    '{"$date":"yesterday"}',
    '{"$date":0}',
    '{"$bytes":"?"}',
    '{"$bytes":[1]}',
    '{"$typed":["Float64Array","AAAA"]}',
    '{"$typed":["Uint8Array","AAAA"]}',
    '{"$typed":"Float64Array"}',
    '{"$map":[["a"]]}',
    '{"$map":{}}',
    '{"$set":1}',
    '{"$object":[]}',
    '{"a":[{"$set":1}]}',
  ];
  for (const text of wrong) {
    test(`${text} is refused`, () => assert.throws(() => fromTagged(JSON.parse(text)), SyntaxError));
  }
});
