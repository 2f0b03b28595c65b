"use strict";
// Whether a value that was read back is the one that was read from the old database: the same
// types, fields, order and bits.

const { types } = require("node:util");
const { createError } = require("../errors.js");

/** @param {object} value */
function kindOf(value) {
  if (Array.isArray(value)) return "array";
  if (types.isUint8Array(value)) return "bytes"; // a Buffer is one
  // Also Error and RegExp: those are never equal to what is stored, which are other objects.
  return Object.prototype.toString.call(value);
}

/** What a container holds, as one list, with the names and keys. */
function partsOf(value) {
  if (Array.isArray(value)) return value;
  if (types.isMap(value)) return [...value].flat(1);
  if (types.isSet(value)) return [...value];
  return Object.entries(value).flat(1);
}

/** @param {ArrayBufferView} view */
function bytesOf(view) {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength);
}

/**
 * As deep as values may be nested: one that is deeper was refused.
 * @param {unknown} before
 * @param {unknown} after
 * @returns {boolean}
 */
function same(before, after) {
  if (typeof before !== "object" || before === null) return Object.is(before, after);
  if (typeof after !== "object" || after === null || kindOf(before) !== kindOf(after)) return false;
  if (types.isDate(before)) return Object.is(before.getTime(), after.getTime());
  if (ArrayBuffer.isView(before)) return bytesOf(before).equals(bytesOf(after));
  const left = partsOf(before);
  const right = partsOf(after);
  return left.length === right.length && left.every((part, at) => same(part, right[at]));
}

/** Throws where the JSON of a value holds less than the value. @param {unknown} value */
function checkJson(value) {
  const text = JSON.stringify(value);
  if (text === undefined || !same(JSON.parse(text), value)) {
    throw createError("LMDBX_INVALID_VALUE", "JSON cannot hold the value exactly");
  }
}

module.exports = { checkJson, same };
