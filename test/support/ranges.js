"use strict";
// What ranges have to give, said as simply as can be: an array, sorted by the bytes of the keys' JSON
// texts and filtered.

const assert = require("node:assert/strict");

const { fc, hostileKey, hostileText, anyText, json } = require("./arbitrary.js");
const { assertSame } = require("./same.js");

const bytesOf = (key) => Buffer.from(JSON.stringify(key));
const compareKeys = (a, b) => Buffer.compare(bytesOf(a), bytesOf(b));

function hasPrefix(key, prefix) {
  if (typeof prefix === "string") return typeof key === "string" && key.startsWith(prefix);
  return (
    Array.isArray(key) &&
    key.length >= prefix.length &&
    prefix.every((item, at) => JSON.stringify(item) === JSON.stringify(key[at]))
  );
}

/**
 * The entries of a range.
 * @param {Map<string, unknown>} records - by the JSON text of their keys
 */
function select(records, { gt, gte, lt, lte, prefix, reverse = false, limit = Infinity } = {}) {
  const entries = [...records].map(([text, value]) => [JSON.parse(text), value]);
  entries.sort(([a], [b]) => compareKeys(a, b));
  const selected = entries.filter(
    ([key]) =>
      (gt === undefined || compareKeys(key, gt) > 0) &&
      (gte === undefined || compareKeys(key, gte) >= 0) &&
      (lt === undefined || compareKeys(key, lt) < 0) &&
      (lte === undefined || compareKeys(key, lte) <= 0) &&
      (prefix === undefined || hasPrefix(key, prefix)),
  );
  return (reverse ? selected.reverse() : selected).slice(0, limit);
}

/** Everything that an iterator gives. */
async function collect(iterator) {
  const items = [];
  for await (const item of iterator) items.push(item);
  return items;
}

/**
 * Whether a range is refused, as documented: its lower bound lies above its upper one, or a bound
 * that does not have the prefix itself leaves nothing of it.
 */
function refusalOf(records, range) {
  const bound = (open, closed) => (range[open] === undefined ? range[closed] : range[open]);
  const [lower, upper] = [bound("gt", "gte"), bound("lt", "lte")];
  const given = (key) => key !== undefined;
  if ("gt" in range && "gte" in range) return "always";
  if ("lt" in range && "lte" in range) return "always";
  if (given(lower) && given(upper) && compareKeys(lower, upper) > 0) return "always";
  if (range.prefix === undefined || select(records, range).length > 0) return "never";
  const bounds = [lower, upper].filter(given);
  return bounds.every((key) => hasPrefix(key, range.prefix)) ? "never" : "perhaps";
}

/** Asserts that every call of a source gives exactly what a range selects, or refuses the range. */
async function assertRange(source, records, range) {
  const entries = select(records, range);
  const refusal = refusalOf(records, range);
  const outcomes = await Promise.allSettled([
    source.list(range),
    collect(source.keys(range)),
    collect(source.values(range)),
    collect(source.entries(range)),
    source.count(range),
  ]);
  const [list, keys, values, pairs, count] = outcomes.map(({ value }) => value);
  const codes = outcomes.map(({ reason }) => reason?.code);
  const refused = codes[0] !== undefined;
  if (refused) {
    assert.notEqual(refusal, "never", `${outcomes[0].reason.stack}`);
    assert.deepStrictEqual(codes, Array(codes.length).fill("LMDBX_INVALID_ARGUMENT"));
    return;
  }
  assert.notEqual(refusal, "always", "a range that makes no sense was not refused");
  assertSame(list, entries.map(([key]) => key));
  assertSame(keys, list);
  assertSame(values, entries.map(([, value]) => value));
  assertSame(pairs, entries);
  assert.equal(count, entries.length);
}

const ODD = ["", "a", "ab", "a\ud83d", "a\ud83d\ude00", "a\ud83d\ude00b", "a\ue000", "\ud83d", "\udbff"];
const MORE = ["\udbff\udfff", "a\udbff\udfffz", "\uffff", 'a"', "a\\", "a\n", "a\u0000", "John", "John Smith"];
const ARRAYS = [[], [1], [12], [1.5], [1, 2], [1, 20], [1, [2]], ["a"], ["a", 1], ["ab"], [[1]], [[1], 2]];

/** Keys that lie close to each other. */
const key = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...ODD, ...MORE, ...ARRAYS, 1, 2, 9, 10, 100, -1, null, true) },
  { weight: 2, arbitrary: hostileKey },
  { weight: 1, arbitrary: anyText.filter((text) => text.length < 20) },
  { weight: 1, arbitrary: json.filter((given) => bytesOf(given).length < 100) },
);

const prefix = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...ODD, ...MORE, ...ARRAYS) },
  { weight: 1, arbitrary: hostileText },
  { weight: 1, arbitrary: fc.array(key, { maxLength: 2 }) },
);

/** Ranges, most of which make sense. */
const range = fc
  .record(
    {
      lower: fc.tuple(fc.constantFrom("gt", "gte"), key),
      upper: fc.tuple(fc.constantFrom("lt", "lte"), key),
      prefix,
      reverse: fc.boolean(),
      limit: fc.constantFrom(0, 1, 2, 3, 1000),
    },
    { requiredKeys: [] },
  )
  .map(({ lower, upper, ...range }) => {
    const options = { ...range };
    const swap = lower && upper && compareKeys(lower[1], upper[1]) > 0;
    if (lower) options[lower[0]] = swap ? upper[1] : lower[1];
    if (upper) options[upper[0]] = swap ? lower[1] : upper[1];
    return options;
  });

module.exports = { assertRange, collect, compareKeys, key, range, select };
