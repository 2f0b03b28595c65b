"use strict";
// Ranges: options as users give them into intervals between cuts of stored order, which is the order
// of the UTF-8 bytes of the keys' JSON texts.

const { rangeError, typeError } = require("./errors.js");
const { keyText } = require("./keys.js");
const { isSignal } = require("./signal.js");

const OPTIONS = ["gt", "gte", "lt", "lte", "prefix", "reverse", "limit", "signal"];

/** Where a cut lies: before the key of its text, after it, beyond all that begins with the text. */
const BEFORE = -1;
const AFTER = 0;
const BEYOND = 1;
/** As the addon reads them, by side. */
const SIGNS = { [BEFORE]: "<", [AFTER]: "=", [BEYOND]: "*" };

/** Flag of a mode of the addon's query. */
const REVERSE = 16;

/** The most characters of a bound that a message shows: keys can be personal data. */
const SHOWN = 64;

/**
 * @typedef {{ text: string, bytes: Buffer, side: number }} Cut
 * @typedef {{ from: Cut, to: Cut }} Interval
 * @typedef {{ text?: string, flags: number, limit?: number, signal?: AbortSignal }} Range
 */

const wrongType = (message) => typeError("LMDBX_INVALID_ARGUMENT", message);
const wrongRange = (message) => rangeError("LMDBX_INVALID_ARGUMENT", message);

/** @returns {Cut} */
const cut = (text, side) => ({ text, bytes: Buffer.from(text), side });

/** @returns {Interval} all that begins with a text, or with a text up to another one */
const beginning = (text, last = text) => ({ from: cut(text, BEFORE), to: cut(last, BEYOND) });

const ALL = beginning("");

/**
 * @param {Cut} a
 * @param {Cut} b
 */
function compareCuts(a, b) {
  const shared = Math.min(a.bytes.length, b.bytes.length);
  const order = a.bytes.compare(b.bytes, 0, shared, 0, shared);
  if (order !== 0) return order;
  if (a.bytes.length < b.bytes.length) return a.side === BEYOND ? 1 : -1;
  if (a.bytes.length > b.bytes.length) return b.side === BEYOND ? -1 : 1;
  return a.side - b.side;
}

/**
 * Strings that begin with a string, by its UTF-16 units as startsWith has it. Where it ends within
 * a surrogate pair, those are strings with that half alone, which JSON writes as an escape, and
 * those with any of the 1,024 characters that begin with that half.
 * @param {string} prefix
 * @returns {Interval[]}
 */
function stringIntervals(prefix) {
  const text = JSON.stringify(prefix).slice(0, -1);
  const last = prefix.charCodeAt(prefix.length - 1);
  if (!(last >= 0xd800 && last < 0xdc00)) return [beginning(text)];
  const before = JSON.stringify(prefix.slice(0, -1)).slice(0, -1);
  const first = 0x10000 + (last - 0xd800) * 0x400;
  const character = (code) => before + String.fromCodePoint(code);
  return [beginning(text), beginning(character(first), character(first + 0x3ff))];
}

/**
 * Arrays that begin with some elements: those that go on behind a comma, and the one that does not.
 * @param {readonly unknown[]} prefix
 * @returns {Interval[]}
 */
function arrayIntervals(prefix) {
  const text = keyText(prefix);
  if (prefix.length === 0) return [beginning("[")];
  return [
    beginning(`${text.slice(0, -1)},`),
    { from: cut(text, BEFORE), to: cut(text, AFTER) },
  ];
}

/** @returns {Interval[]} */
function prefixIntervals(prefix) {
  if (prefix === undefined) return [ALL];
  if (typeof prefix === "string") return stringIntervals(prefix);
  if (Array.isArray(prefix)) return arrayIntervals(prefix);
  throw wrongType(
    `prefix: give the beginning of string keys, or the first elements of array keys, not ${prefix === null ? "null" : typeof prefix}`,
  );
}

const shown = (text) => (text.length > SHOWN ? `${text.slice(0, SHOWN)}...` : text);

/**
 * One of the two bounds.
 * @param {Record<string, unknown>} options
 * @param {string} open - name of the option that leaves its key out
 * @param {string} closed - name of the one that takes it in
 * @param {number} openSide
 * @returns {(Cut & { name: string }) | undefined}
 */
function readBound(options, open, closed, openSide) {
  const [isOpen, isClosed] = [options[open] !== undefined, options[closed] !== undefined];
  if (isOpen && isClosed) throw wrongType(`${open} and ${closed}: give one of them`);
  if (!isOpen && !isClosed) return undefined;
  const name = isOpen ? open : closed;
  const side = isOpen ? openSide : openSide === AFTER ? BEFORE : AFTER;
  return { ...cut(keyText(options[name]), side), name };
}

/**
 * Refuses a bound that leaves nothing of a prefix, unless its key has the prefix itself: so ends a
 * reading in parts.
 * @param {(Cut & { name: string }) | undefined} bound
 * @param {Interval[]} intervals
 * @param {boolean} isOutside
 */
function checkAgainstPrefix(bound, intervals, isOutside) {
  if (bound === undefined || !isOutside) return;
  const [start, end] = [{ ...bound, side: BEFORE }, { ...bound, side: AFTER }];
  const hasPrefix = intervals.some(
    ({ from, to }) => compareCuts(start, from) >= 0 && compareCuts(end, to) <= 0,
  );
  if (hasPrefix) return;
  throw wrongRange(`${bound.name}: no key with the prefix lies on that side of ${shown(bound.text)}`);
}

/** @param {Record<string, unknown>} options */
function readIntervals(options) {
  const lower = readBound(options, "gt", "gte", AFTER);
  const upper = readBound(options, "lt", "lte", BEFORE);
  const intervals = prefixIntervals(options.prefix);
  if (lower !== undefined && upper !== undefined && lower.bytes.compare(upper.bytes) > 0) {
    throw wrongRange(
      `${lower.name} and ${upper.name}: ${shown(lower.text)} lies above ${shown(upper.text)} in stored order, that of the bytes of the JSON text`,
    );
  }
  const last = intervals[intervals.length - 1];
  checkAgainstPrefix(lower, intervals, lower !== undefined && compareCuts(lower, last.to) >= 0);
  checkAgainstPrefix(upper, intervals, upper !== undefined && compareCuts(upper, intervals[0].from) <= 0);
  return intervals
    .map(({ from, to }) => ({
      from: lower !== undefined && compareCuts(lower, from) > 0 ? lower : from,
      to: upper !== undefined && compareCuts(upper, to) < 0 ? upper : to,
    }))
    .filter(({ from, to }) => compareCuts(from, to) < 0);
}

/** @param {unknown} limit */
function readLimit(limit) {
  if (limit === undefined) return undefined;
  if (typeof limit !== "number") throw wrongType(`limit: give a number of records, not ${typeof limit}`);
  if (!Number.isSafeInteger(limit) || limit < 0) {
    throw wrongRange(`limit: ${limit} is no number of records; leave it out for all`);
  }
  return limit;
}

/** @param {unknown} signal */
function readSignal(signal) {
  if (signal === undefined || isSignal(signal)) return signal;
  throw wrongType("signal: give an AbortSignal");
}

/** @param {unknown} reverse */
function readReverse(reverse) {
  if (reverse === undefined || typeof reverse === "boolean") return reverse === true;
  throw wrongType(`reverse: give true or false, not ${typeof reverse}`);
}

/** @type {Range} */
const EVERYTHING = { flags: 0 };

/**
 * Checks the options of a range and makes of them what the addon takes.
 * @param {unknown} given
 * @returns {Range}
 */
function readRange(given) {
  if (given === undefined) return EVERYTHING;
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw wrongType(`range: give an object with ${OPTIONS.join(", ")}`);
  }
  const options = { .../** @type {Record<string, unknown>} */ (given) };
  for (const option of Object.keys(options)) {
    if (!OPTIONS.includes(option)) {
      throw wrongType(`${shown(JSON.stringify(option))}: no option of a range; there are ${OPTIONS.join(", ")}`);
    }
  }
  const limit = readLimit(options.limit);
  const signal = readSignal(options.signal);
  const flags = readReverse(options.reverse) ? REVERSE : 0;
  const intervals = readIntervals(options);
  if (intervals.length === 0) return { flags, limit: 0, signal };
  const cuts = intervals.flatMap(({ from, to }) => [from, to]);
  const text = cuts.map((at) => `${SIGNS[at.side]}${at.text}\n`).join("");
  return { text, flags, limit, signal };
}

module.exports = { readRange };
