"use strict";
// Keys as text. The engine's own JSON.stringify defines the bytes; what JSON would silently turn
// into null or {} is refused, since two keys would then be one.

const { types } = require("node:util");
const { typeError } = require("./errors.js");
const { key: memory } = require("./tape.js");

/** @param {unknown} tenantId */
function checkTenant(tenantId) {
  if (typeof tenantId === "string" && tenantId !== "") return;
  const given = tenantId === "" ? "the empty string" : typeof tenantId;
  throw typeError("LMDBX_INVALID_ARGUMENT", `tenantId: give a non-empty string, not ${given}`);
}

/** Objects that JSON.stringify shows as {} or as an index map, by what they say they are. */
const OPAQUE =
  /^\[object (?:Map|Set|WeakMap|WeakSet|WeakRef|Error|RegExp|Promise|Generator|(?:Shared)?ArrayBuffer|DataView|\w*Array|Symbol|BigInt)\]$/;

/**
 * Whether JSON shows an object as {} or null though it holds something else, perhaps where only its
 * own methods can reach.
 * @param {object} value
 */
function isOpaque(value) {
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return false;
  if (value instanceof Error || OPAQUE.test(Object.prototype.toString.call(value))) return true;
  if (types.isNumberObject(value)) return !Number.isFinite(Number(value));
  if (Object.keys(value).length > 0 || types.isBoxedPrimitive(value)) return false;
  return Object.getPrototypeOf(prototype) !== null; /* a plain object of another realm is plain */
}

/**
 * Refuses, as a replacer that changes nothing, what JSON would lose.
 * @this {unknown} the object or array that holds the value
 */
function refuseLosses(name, value) {
  switch (typeof value) {
    case "number":
      if (!Number.isFinite(value)) throw new TypeError(`${value} would become null`);
      break;
    case "function":
    case "symbol":
      throw new TypeError(`a ${typeof value} has no JSON text`);
    case "undefined":
      if (Array.isArray(this)) throw new TypeError("undefined in an array would become null");
      break;
    case "object":
      if (value === null && types.isDate(this[name])) {
        throw new TypeError("an invalid Date would become null");
      }
      if (value === null || Array.isArray(value)) break;
      if (isOpaque(value)) {
        const kind = Object.prototype.toString.call(value).slice(8, -1);
        throw new TypeError(`a value of type ${kind} has no exact JSON text`);
      }
      break;
    default:
  }
  return value;
}

/**
 * The JSON text of a key.
 * @param {unknown} key
 * @returns {string}
 */
function keyText(key) {
  if (typeof key === "string") return JSON.stringify(key);
  let text;
  let cause;
  try {
    text = JSON.stringify(key, refuseLosses);
  } catch (error) {
    cause = error;
  }
  if (text !== undefined) return text;
  const reason = cause instanceof Error ? cause.message : `${typeof key} has no JSON text`;
  throw typeError("LMDBX_INVALID_KEY", `the key is not JSON-serialisable: ${reason}`, { cause });
}

/**
 * The stored key: tenant id, colon, JSON text.
 * @param {unknown} tenantId
 * @param {unknown} key
 */
function storedKey(tenantId, key) {
  checkTenant(tenantId);
  return `${tenantId}:${keyText(key)}`;
}

const LONGEST = memory.length - 3; /* colon and quotes */
const COLON = 0x3a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LAST_ASCII = 0x7f;

/**
 * Writes the stored key into the memory that the addon shares, which saves making its text: for
 * string keys of printable ASCII, whose JSON text needs no escapes. It stays there until the next.
 * @param {unknown} tenantId
 * @param {unknown} key
 * @returns {number} its bytes; 0: take storedKey
 */
function writeKey(tenantId, key) {
  if (typeof key !== "string" || typeof tenantId !== "string") return 0;
  const tenantLength = tenantId.length;
  const keyLength = key.length;
  if (tenantLength === 0 || tenantLength + keyLength > LONGEST) return 0;
  let at = 0;
  for (let i = 0; i < tenantLength; i++) {
    const unit = tenantId.charCodeAt(i);
    if (unit > LAST_ASCII) return 0;
    memory[at++] = unit;
  }
  memory[at++] = COLON;
  memory[at++] = QUOTE;
  for (let i = 0; i < keyLength; i++) {
    const unit = key.charCodeAt(i);
    if (unit > LAST_ASCII || unit < 0x20 || unit === QUOTE || unit === BACKSLASH) return 0;
    memory[at++] = unit;
  }
  memory[at++] = QUOTE;
  return at;
}

/**
 * What the stored keys of a tenant begin with.
 * @param {unknown} tenantId
 */
function tenantPrefix(tenantId) {
  checkTenant(tenantId);
  return `${tenantId}:`;
}

/** A stored key as the addon takes it. */
function keyOf(tenantId, key) {
  const size = writeKey(tenantId, key);
  return size > 0 ? size : storedKey(tenantId, key);
}

module.exports = { checkTenant, keyOf, keyText, storedKey, tenantPrefix };
