"use strict";
// Values onto the tape that the addon packs, as nearly all are. What is not - an object with a toJSON, a
// string without UTF-8, too deep, too large, wrong - is left to the exact walk in
// src/binding/value_encode.c, which knows every kind of value and what is wrong with it. Getters may
// then run a second time.
//
// Both must write the same bytes, unless the value changes meanwhile: getters and proxies may do
// anything, also put another value, which then takes the exact walk.

const { types } = require("node:util");
const { packing } = require("./tape.js");
const values = require("./values.js");

const { classify } = values;
const { ops, numbers, bytes } = packing;
const bigints = new BigInt64Array(numbers.buffer);
const biguints = new BigUint64Array(numbers.buffer);
const { getPrototypeOf, keys } = Object;
const { isArray } = Array;
const { isDate } = types;
const { apply } = Reflect;
const objectPrototype = Object.prototype;
const dateValue = Date.prototype.valueOf;
const copyBytes = Uint8Array.prototype.set;

// The words, from tape.js, where engines fold them.
const END = 0;
const NULL = (0 << 5) | 1;
const UNDEFINED = (1 << 5) | 1;
const TRUE = (2 << 5) | 1;
const FALSE = (3 << 5) | 1;
const SMALL = 2;
const INTEGER = 3;
const NUMBER = 4;
const DATE = 5;
const BIGINT = 6;
const BIGUINT = 7;
const TEXT = 8;
const ASCII = 9;
const BYTES = 11;
const TYPED = 12;
const NAME = 13;
const ARRAY = 14;
const FIELDS = 16;
const MAP = 17;
const SET = 18;

const SMALL_LIMIT = 2 ** 26;
const BIGINT_LIMIT = 2n ** 63n;
const BIGUINT_LIMIT = 2n ** 64n;
/** Containers inside containers. */
const DEEPEST = 64;
const WORDS = ops.length - DEEPEST - 4; /* no item takes more at once, with the ends of what it is in */
const NUMBERS = numbers.length;
/** Longer strings are handed over as they are. */
const SHORT = 64;
const BYTE_LIMIT = bytes.length;
const SHORT_LIMIT = BYTE_LIMIT - SHORT;
const LONGEST = 2 ** 26 - 1; /* units of text: what an argument holds */

let busy = false;
let word = 0;
let number = 0;
let byte = 0;
let depth = 0;
let text = "";

/** A name that the addon knows by number, and the one that came behind it last. */
class Name {
  constructor(name, id) {
    this.name = name;
    this.id = id;
    /** @type {Name} */
    this.next = this;
  }
}

/** Names in a program's types are few and come again; keys of objects used as maps are not. */
const KNOWN_NAMES = 4096;
const LONGEST_NAME = 256;
const SEEN_NAMES = 1024;
/** @type {Map<string, Name>} */
const names = new Map();
const seen = new Set();
/** No name: even an empty one is not equal to it. */
const start = new Name(undefined, -1);

const nothing = {};

/** Whether somebody has given all objects fields. */
function isPolluted() {
  for (const name in nothing) return name !== undefined;
  return false;
}

/** Registers a name with the addon: set by addon.js. @type {(name: string) => boolean} */
let defineName = () => false;

function setDefineName(define) {
  defineName = define;
}

/** Makes a name known when it is seen for the second time. */
function meet(name) {
  if (name.length > LONGEST_NAME || names.size >= KNOWN_NAMES) return undefined;
  if (!seen.has(name)) {
    if (seen.size >= SEEN_NAMES) seen.clear();
    seen.add(name);
    return undefined;
  }
  seen.delete(name);
  if (!defineName(name)) return undefined;
  const known = new Name(name, names.size);
  names.set(name, known);
  return known;
}

/** @param {string} value */
function flattenString(value) {
  const { length } = value;
  if (length <= SHORT && byte < SHORT_LIMIT) {
    let at = byte;
    let i = 0;
    for (; i < length; i++) {
      const unit = value.charCodeAt(i);
      if (unit > 0x7f) break;
      bytes[at++] = unit;
    }
    if (i === length) {
      ops[word++] = (length << 5) | ASCII;
      byte = at;
      return true;
    }
  }
  if (text.length + length > LONGEST) return false;
  ops[word++] = (length << 5) | TEXT;
  text += value;
  return true;
}

/** @param {number} value */
function flattenNumber(value) {
  if ((value | 0) === value && (value !== 0 || 1 / value > 0)) {
    if (value < SMALL_LIMIT && value >= -SMALL_LIMIT) {
      ops[word++] = (value << 5) | SMALL;
    } else {
      ops[word++] = INTEGER;
      ops[word++] = value;
    }
    return true;
  }
  if (number === NUMBERS) return false;
  ops[word++] = NUMBER;
  numbers[number++] = value;
  return true;
}

/** @param {unknown[]} value */
function flattenArray(value) {
  const { length } = value;
  if ((length | 0) !== length || length < 0 || length > WORDS - word) return false;
  ops[word++] = (length << 5) | ARRAY;
  for (let i = 0; i < length; i++) {
    if (!flatten(value[i])) return false;
  }
  return true;
}

/**
 * A name that did not come behind that one before: by its number, if the addon knows it.
 * @param {string} name
 * @param {Name} before
 * @returns {Name} start: it has no number
 */
function findName(name, before) {
  const known = names.get(name) ?? meet(name);
  if (known === undefined) return start;
  before.next = known;
  return known;
}

/** @param {string} name */
function flattenName(name, known) {
  if (known === start) return flattenString(name);
  ops[word++] = (known.id << 5) | NAME;
  return true;
}

/**
 * The fields of an object whose prototype is Object.prototype, which has none: engines read them
 * faster in such a loop than by a list of names.
 * @param {Record<string, unknown>} value
 */
function flattenFields(value) {
  const head = word++;
  let count = 0;
  let known = start;
  for (const name in value) {
    const next = known.next;
    known = next.name === name ? next : findName(name, known);
    if (!flattenName(name, known) || !flatten(value[name])) return false;
    count++;
  }
  ops[head] = (count << 5) | FIELDS;
  // Without fields it may be anything that was given a plain prototype.
  return count > 0 || classify(value, true) === values.FIELDS;
}

/** An instance of a class that is its own fields. @param {Record<string, unknown>} value */
function flattenInstance(value) {
  const list = keys(value);
  if (list.length > WORDS - word) return false;
  ops[word++] = (list.length << 5) | FIELDS;
  let known = start;
  for (const name of list) {
    known = findName(name, known);
    if (!flattenName(name, known) || !flatten(value[name])) return false;
  }
  return true;
}

/** @param {Date} value */
function flattenDate(value) {
  if (number === NUMBERS) return false;
  ops[word++] = DATE;
  numbers[number++] = apply(dateValue, value, []);
  return true;
}

/** @param {bigint} value */
function flattenBigInt(value) {
  if (number === NUMBERS || value < -BIGINT_LIMIT || value >= BIGUINT_LIMIT) return false;
  if (value < BIGINT_LIMIT) {
    ops[word++] = BIGINT;
    bigints[number++] = value;
  } else {
    ops[word++] = BIGUINT;
    biguints[number++] = value;
  }
  return true;
}

/** A buffer or a view of one. @param {number} code - what classify answered */
function flattenBytes(value, code) {
  const copied = values.bytesOf(value, code);
  const length = values.lengthOf(copied);
  if (length > BYTE_LIMIT - byte) return false;
  if (code === values.BYTE_ARRAY || code === values.ARRAY_BUFFER) {
    ops[word++] = (length << 5) | BYTES;
  } else {
    ops[word++] = (length << 5) | TYPED;
    ops[word++] = code - values.TYPED_ARRAY;
  }
  apply(copyBytes, bytes, [copied, byte]);
  byte += length;
  return true;
}

/** A Map or Set. @param {number} code - what classify answered */
function flattenItems(value, code) {
  if (values.countItems(value, code) > WORDS - word) return false;
  const items = values.itemsOf(value);
  const { length } = items;
  ops[word++] = code === values.MAP ? ((length / 2) << 5) | MAP : (length << 5) | SET;
  for (let i = 0; i < length; i++) {
    if (!flatten(items[i])) return false;
  }
  ops[word++] = END;
  return true;
}

/** What is neither an array nor, by its prototype, a plain object. @param {object} value */
function flattenOther(value) {
  if (isDate(value)) return flattenDate(value);
  const code = classify(value, true);
  if (code === values.FIELDS) return flattenInstance(value);
  if (code === values.MAP || code === values.SET) return flattenItems(value, code);
  const isBytes = code === values.ARRAY_BUFFER || code >= values.TYPED_ARRAY;
  return isBytes && flattenBytes(value, code);
}

/** @param {object} value */
function flattenObject(value) {
  if (depth === DEEPEST) return false;
  depth++;
  let fits = false;
  if (isArray(value)) {
    fits = flattenArray(value);
  } else if (getPrototypeOf(value) === objectPrototype) {
    fits = typeof value.toJSON !== "function" && flattenFields(value);
  } else {
    fits = flattenOther(value);
  }
  depth--;
  return fits;
}

/**
 * Comparisons with typeof, which engines fold, where a switch over it would make strings.
 * @param {unknown} value
 * @returns {boolean} whether the tape holds it
 */
function flatten(value) {
  if (word >= WORDS) return false;
  if (typeof value === "string") return flattenString(value);
  if (typeof value === "number") return flattenNumber(value);
  if (typeof value === "boolean") {
    ops[word++] = value ? TRUE : FALSE;
    return true;
  }
  if (typeof value === "object") {
    if (value !== null) return flattenObject(value);
    ops[word++] = NULL;
    return true;
  }
  if (typeof value === "bigint") return flattenBigInt(value);
  if (value !== undefined) return false;
  ops[word++] = UNDEFINED;
  return true;
}

/**
 * Writes a value onto the packing tape.
 * @param {unknown} value
 * @returns {string | undefined} the tape's text; undefined: the tape does not hold the value
 */
function flattened(value) {
  if (busy || value === undefined || isPolluted()) return undefined;
  busy = true;
  word = 0;
  number = 0;
  byte = 0;
  depth = 0;
  text = "";
  try {
    if (!flatten(value)) return undefined;
    ops[word] = END;
    return text;
  } finally {
    busy = false;
    text = "";
  }
}

module.exports = { flattened, setDefineName };
