"use strict";
// Exact equality of values, stricter than assert.deepStrictEqual: order of fields and entries, bits
// of floating-point elements, and the same in every runtime.

const assert = require("node:assert/strict");
const { types } = require("node:util");

/** The bytes of an array buffer or of a view of one. */
function bytesOf(value) {
  if (types.isArrayBuffer(value)) return Buffer.from(value);
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

/** The parts of an object as pairs of a place and what is there, in order. */
function partsOf(value) {
  const parts = Reflect.ownKeys(value).map((name) => [`[${JSON.stringify(name)}]`, value[name]]);
  let index = 0;
  if (types.isMap(value)) {
    for (const [key, item] of value) {
      parts.push([`<key ${index}>`, key], [`<value ${index++}>`, item]);
    }
  } else if (types.isSet(value)) {
    for (const item of value) parts.push([`<member ${index++}>`, item]);
  }
  return parts;
}

/**
 * Where two values differ first, and how; undefined if they are the same.
 * @returns {string | undefined}
 */
function difference(actual, expected, place = "value") {
  const differ = (what) => `${place}: ${what}`;
  if (typeof expected !== "object" || expected === null) {
    return Object.is(actual, expected)
      ? undefined
      : differ(`${String(actual)} instead of ${String(expected)}`);
  }
  if (typeof actual !== "object" || actual === null) return differ(`${typeof actual}, no object`);
  if (Object.getPrototypeOf(actual) !== Object.getPrototypeOf(expected)) {
    return differ("another prototype");
  }
  if (types.isDate(expected) && !Object.is(actual.getTime(), expected.getTime())) {
    return differ(`${actual.getTime()} instead of ${expected.getTime()}`);
  }
  if (ArrayBuffer.isView(expected) || types.isArrayBuffer(expected)) {
    return bytesOf(actual).equals(bytesOf(expected)) ? undefined : differ("other bytes");
  }
  if (Array.isArray(expected) && actual.length !== expected.length) {
    return differ(`${actual.length} items instead of ${expected.length}`);
  }
  const [parts, wanted] = [partsOf(actual), partsOf(expected)];
  if (parts.length !== wanted.length) {
    return differ(`${parts.length} parts instead of ${wanted.length}`);
  }
  for (const [index, [step, item]] of wanted.entries()) {
    if (parts[index][0] !== step) return differ(`${parts[index][0]} instead of ${step}`);
    const found = difference(parts[index][1], item, place + step);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * Whether something inside is too much for assert.deepStrictEqual of some runtime: Node.js 20 tells
 * invalid Dates apart, Bun some Maps with equal objects as keys, and Sets in Sets take it for ever.
 */
function escapesDeepEqual(value) {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return false;
  if (types.isDate(value)) return Number.isNaN(value.getTime());
  const isKeyed = types.isMap(value) || types.isSet(value);
  if (isKeyed && [...value.keys()].some((key) => typeof key === "object")) return true;
  return partsOf(value).some(([, part]) => escapesDeepEqual(part));
}

/** Asserts that two values are the same in everything that can be told apart. */
function assertSame(actual, expected, message) {
  const found = difference(actual, expected);
  if (found !== undefined) assert.fail(message === undefined ? found : `${message}: ${found}`);
  if (!escapesDeepEqual(expected)) assert.deepStrictEqual(actual, expected, message);
}

module.exports = { assertSame };
