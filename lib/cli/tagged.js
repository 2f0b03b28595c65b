"use strict";
// Values as JSON that keeps their types. What JSON holds exactly stands as it is; everything else,
// and an object that would look like it, is an object of one field whose name begins with "$":
//
//   {"$undefined":true}                     {"$number":"NaN"}, "Infinity", "-Infinity", "-0"
//   {"$bigint":"-5"}                        {"$date":"2024-01-01T00:00:00.000Z"}, null if invalid
//   {"$bytes":"<base64>"}                   {"$typed":["Float64Array","<base64>"]}
//   {"$map":[[key,value],...]}              {"$set":[member,...]}
//   {"$object":{"$date":1}}                 the object {"$date":1} itself

const { types } = require("node:util");
const { createError } = require("../errors.js");

const TYPED = [
  ...[Int8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array],
  ...[Float32Array, Float64Array, BigInt64Array, BigUint64Array, DataView],
];
const TYPED_BY_NAME = new Map(TYPED.map((constructor) => [constructor.name, constructor]));
const NUMBERS = new Map([
  ["NaN", NaN],
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
  ["-0", -0],
]);

/** Assigning to __proto__ would set the prototype. */
function setField(object, name, value) {
  Object.defineProperty(object, name, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

/** Whether an object of one field would be read as a tag. */
function looksTagged(names) {
  return names.length === 1 && names[0].startsWith("$");
}

/** @param {ArrayBufferView} view */
function base64(view) {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString("base64");
}

/** @param {object} value */
function tagObject(value) {
  if (Array.isArray(value)) return Array.from(value, toTagged);
  if (types.isDate(value))
    return { $date: Number.isNaN(value.getTime()) ? null : value.toISOString() };
  if (types.isUint8Array(value)) return { $bytes: base64(value) };
  if (ArrayBuffer.isView(value)) {
    return { $typed: [Object.prototype.toString.call(value).slice(8, -1), base64(value)] };
  }
  if (types.isMap(value)) return { $map: Array.from(value, (entry) => entry.map(toTagged)) };
  if (types.isSet(value)) return { $set: Array.from(value, toTagged) };
  const tagged = {};
  const names = Object.keys(value);
  for (const name of names) setField(tagged, name, toTagged(value[name]));
  return looksTagged(names) ? { $object: tagged } : tagged;
}

/**
 * A value of a repository as one that JSON.stringify writes exactly.
 * @param {unknown} value
 */
function toTagged(value) {
  switch (typeof value) {
    case "undefined":
      return { $undefined: true };
    case "bigint":
      return { $bigint: String(value) };
    case "number":
      if (Object.is(value, -0)) return { $number: "-0" };
      return Number.isFinite(value) ? value : { $number: String(value) };
    case "object":
      return value === null ? null : tagObject(value);
    default:
      return value;
  }
}

/**
 * A record as a line of JSON.
 * @param {{ tenant?: string, key: unknown, value: unknown }} record
 */
function toLine(record) {
  try {
    return JSON.stringify({ ...record, value: toTagged(record.value) });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const message =
      "the value is too large for a line of JSON, which escapes what it holds; a program can get it";
    const { tenant, key } = record;
    throw createError("LMDBX_VALUE_TOO_LARGE", message, undefined, tenant, JSON.stringify(key));
  }
}

/** @param {string} tag */
const refuse = (tag) => {
  throw new SyntaxError(`${tag}: its content is not as it should be`);
};

function readBytes(tag, text) {
  if (typeof text !== "string") refuse(tag);
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : refuse(tag);
}

function readTyped(content) {
  if (!Array.isArray(content) || content.length !== 2) return refuse("$typed");
  const constructor = TYPED_BY_NAME.get(content[0]);
  const bytes = readBytes("$typed", content[1]);
  const size = constructor?.BYTES_PER_ELEMENT ?? 1;
  if (constructor === undefined || bytes.length % size !== 0) return refuse("$typed");
  // Of its own, and aligned.
  const buffer = new Uint8Array(bytes).buffer;
  return new constructor(buffer);
}

function readDate(content) {
  if (content === null) return new Date(NaN);
  const date = new Date(typeof content === "string" ? content : NaN);
  return Number.isNaN(date.getTime()) || date.toISOString() !== content ? refuse("$date") : date;
}

function readBigInt(content) {
  return typeof content === "string" && /^-?\d+$/.test(content)
    ? BigInt(content)
    : refuse("$bigint");
}

function readMap(content) {
  const isPair = (entry) => Array.isArray(entry) && entry.length === 2;
  if (!Array.isArray(content) || !content.every(isPair)) return refuse("$map");
  return new Map(content.map((entry) => entry.map(fromTagged)));
}

function readFields(content) {
  const object = {};
  for (const name of Object.keys(content)) setField(object, name, fromTagged(content[name]));
  return object;
}

const isPlain = (content) =>
  typeof content === "object" && content !== null && !Array.isArray(content);

const READERS = {
  $undefined: (content) => (content === true ? undefined : refuse("$undefined")),
  $number: (content) => (NUMBERS.has(content) ? NUMBERS.get(content) : refuse("$number")),
  $bigint: readBigInt,
  $date: readDate,
  $bytes: (content) => readBytes("$bytes", content),
  $typed: readTyped,
  $map: readMap,
  $set: (content) => (Array.isArray(content) ? new Set(content.map(fromTagged)) : refuse("$set")),
  $object: (content) => (isPlain(content) ? readFields(content) : refuse("$object")),
};

/**
 * The value that was tagged. Throws a SyntaxError for a tag that there is not.
 * @param {unknown} tagged - as JSON.parse gives it
 */
function fromTagged(tagged) {
  if (typeof tagged !== "object" || tagged === null) return tagged;
  if (Array.isArray(tagged)) return tagged.map(fromTagged);
  const names = Object.keys(tagged);
  if (!looksTagged(names)) return readFields(tagged);
  const [tag] = names;
  if (!Object.hasOwn(READERS, tag)) throw new SyntaxError(`${tag}: there is no such tag`);
  return READERS[tag](tagged[tag]);
}

const TAGS_HELP = `Types that JSON has not are objects of one field: {"$undefined":true}, {"$number":"NaN"},
{"$bigint":"5"}, {"$date":"..."}, {"$bytes":"<base64>"}, {"$typed":["Float64Array","<base64>"]},
{"$map":[[key,value]]}, {"$set":[member]}; and {"$object":{...}} is an object of one field
that begins with "$" itself.`;

module.exports = { toLine, toTagged, fromTagged, TAGS_HELP };
