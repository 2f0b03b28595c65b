"use strict";
// Reading many records: lists, counts, iterators. A source is the addon's handle of a repository,
// and of a snapshot if that is what is read.

const addon = require("./addon.js");
const { NotJSON } = require("./decode.js");
const { notJSON } = require("./encoding.js");
const { keyText, tenantPrefix } = require("./keys.js");
const { readRange } = require("./range.js");
const { typeError } = require("./errors.js");
const { throwIfAborted, unlessAborted } = require("./signal.js");
const { Pace, turn } = require("./turn.js");

/** Kinds of queries: enum lmdbx_query_kind. */
const KEYS = 0;
const VALUES = 1;
const ENTRIES = 2;
const COUNT = 3;
const TENANTS = 4;
const MANY = 5;
const HAS = 6;
const HIDDEN = 7;
/** Flag of a mode: all pages are of one moment. */
const ONE_MOMENT = 32;

/** So many keys are written and asked for in one go: that takes about two milliseconds. */
const KEYS_AT_ONCE = 2048;

/** How often what sees one moment is begun anew, when the database had to give that moment up. */
const MOST_RESTARTS = 16;

/**
 * @typedef {{ repository: unknown, snapshot?: unknown, path: string }} Source
 * @typedef {any} Page - see src/binding/binding.h
 */

/** What a page says, and the scan that brings the next one. */
const opened = (page) => (Array.isArray(page) ? page : [page]);

/** Ends the scan of a page that nobody will look at. @param {Page} page */
function endPage(page) {
  if (opened(page)[1] !== undefined) addon.end(opened(page)[1]);
}

/**
 * A page, unless the signal aborts first. A scan that comes too late is ended.
 * @param {Page | Promise<Page>} asked
 * @param {AbortSignal | undefined} signal
 * @returns {Page | Promise<Page>}
 */
function untilAborted(asked, signal) {
  return asked instanceof Promise ? unlessAborted(asked, signal, endPage) : asked;
}

/**
 * Reads all pages of a query that sees one moment. Nobody has seen anything of them yet if that
 * moment has to be given up, so they are read anew; a snapshot has no other moment.
 * @template T
 * @param {Source} source
 * @param {() => Page | Promise<Page>} ask
 * @param {AbortSignal | undefined} signal
 * @param {(page: Page[], soFar: T | undefined) => T} add
 * @param {Page | Promise<Page>} first
 * @returns {Promise<T>}
 */
async function readAll(source, ask, signal, add, first) {
  for (let restarts = 0; ; restarts++) {
    let result;
    let scan;
    /** @type {Page | Promise<Page>} what has been asked for and not taken */
    let next;
    const pace = new Pace();
    try {
      throwIfAborted(signal);
      let page = opened(await untilAborted(restarts === 0 ? first : ask(), signal));
      for (;;) {
        scan = page[1];
        throwIfAborted(signal);
        // Read while this thread takes in the one before.
        next = scan === undefined ? undefined : untilAborted(addon.next(scan), signal);
        result = add(page, result);
        if (next === undefined) return result;
        // Pages that are there at once would keep timers waiting.
        if (pace.isLong()) {
          next.catch(() => {}); // waited for below
          await pace.turn();
        }
        page = opened(await next);
        next = undefined;
      }
    } catch (error) {
      if (scan !== undefined) addon.end(scan);
      if (next !== undefined) next.then(endPage).catch(() => {}); // the page before it could not be taken in
      const expired = error?.code === "LMDBX_SNAPSHOT_EXPIRED" && source.snapshot === undefined;
      if (!expired || restarts === MOST_RESTARTS) throw error;
    }
  }
}

/** The same, without waiting where the addon does not: then its one page is all. */
function answer(source, ask, signal, add) {
  throwIfAborted(signal);
  const page = ask();
  return page instanceof Promise ? readAll(source, ask, signal, add, page) : add(opened(page));
}

/** Asks for the first page of a range. */
function askRange({ repository, snapshot }, prefix, mode, { text, flags, limit }) {
  return addon.query(repository, prefix, mode | flags, text, limit, snapshot);
}

/**
 * Under Bun, JSON.parse of strings takes several times as long as cutting them out, and concat of arrays
 * four times as long as filling one; in Node.js it is the other way round.
 */
const IN_BUN = process.versions.bun !== undefined;

/** A string that is cut out keeps what it was cut from: at most so much of a page. */
const PIECE = 2048;

/**
 * Keys, as a text of a page has them.
 * @param {string} text - JSON, with a space at the end where all are strings of ASCII without escapes
 * @returns {any[]}
 */
function keysOf(text) {
  if (!IN_BUN || !text.endsWith(" ")) return JSON.parse(text);
  const keys = [];
  const bytes = text.length > PIECE ? Buffer.from(text, "latin1") : undefined;
  let piece = text;
  let from = 0;
  let to = bytes === undefined ? text.length : 0;
  for (let at = '["'.length; at < text.length; ) {
    const end = text.indexOf('"', at);
    if (end > to) {
      from = at;
      to = Math.max(end, Math.min(at + PIECE, text.length));
      piece = bytes.latin1Slice(from, to);
    }
    keys.push(piece.substring(at - from, end - from));
    at = end + '","'.length;
  }
  return keys;
}

/**
 * One array of all pieces. A million keys take several turns of the event loop.
 * @param {string[][]} pieces
 * @param {AbortSignal | undefined} signal
 */
async function joined(pieces, signal) {
  if (pieces.length === 1) return pieces[0];
  if (!IN_BUN) return [].concat(...pieces);
  let total = 0;
  for (const piece of pieces) total += piece.length;
  const all = new Array(total);
  let at = 0;
  const pace = new Pace();
  for (const piece of pieces) {
    for (let i = 0; i < piece.length; i++) all[at++] = piece[i];
    if (pace.isLong()) {
      await pace.turn();
      throwIfAborted(signal);
    }
  }
  return all;
}

/** The texts that a page of keys has. @param {Page[]} page @returns {string[]} */
const textsOf = ([texts]) => (typeof texts === "string" ? [texts] : texts);

/** Gathers the keys of pages, in pieces: one array is made of them in the end. */
function addKeys(page, pieces = []) {
  for (const text of textsOf(page)) pieces.push(keysOf(text));
  return pieces;
}

/**
 * The value of a page at a place.
 * @param {Source} source
 * @param {string} tenantId
 * @param {Page[]} page
 * @param {number} at
 */
function valueAt(source, tenantId, [values, , keys], at) {
  const value = values[at];
  if (!(value instanceof NotJSON)) return value;
  const key = JSON.stringify(keysOf(keys)[at]);
  throw notJSON(value, source.path, tenantId, key);
}

/** Gathers the values of pages. */
const valuesOf = (source, tenantId) => (page, soFar) => {
  const [values, , , error] = page;
  if (error !== undefined) throw error;
  const all = soFar ?? [];
  for (let at = 0; at < values.length; at++) all.push(valueAt(source, tenantId, page, at));
  return all;
};

/** Gathers the names of tenants. */
function addNames([names], soFar = new Set()) {
  for (const name of names) soFar.add(name);
  return soFar;
}

const addCount = ([count], soFar = 0) => soFar + count;

/** @param {Source} source */
async function list(source, tenantId, given) {
  const prefix = tenantPrefix(tenantId);
  const range = readRange(given);
  throwIfAborted(range.signal);
  const ask = () => askRange(source, prefix, KEYS | ONE_MOMENT, range);
  const first = ask();
  if (typeof first === "string") return keysOf(first); // the common case
  return joined(await readAll(source, ask, range.signal, addKeys, first), range.signal);
}

/** @param {Source} source */
async function count(source, tenantId, given) {
  const prefix = tenantPrefix(tenantId);
  const range = readRange(given);
  const ask = () => askRange(source, prefix, COUNT | ONE_MOMENT, range);
  return answer(source, ask, range.signal, addCount);
}

/** @param {unknown} keys */
function checkKeys(keys) {
  if (Array.isArray(keys)) return;
  throw typeError("LMDBX_INVALID_ARGUMENT", "getMany: give the keys as an array");
}

/** Asks for single keys: JSON texts, a line each. */
function askKeys({ repository, snapshot }, prefix, mode, texts) {
  const lines = texts.map((text) => `${text}\n`).join("");
  return addon.query(repository, prefix, mode | ONE_MOMENT, lines, undefined, snapshot);
}

/**
 * The records of many keys, slice by slice, so that the event loop has its turn in between.
 * @param {Source} moment - a snapshot
 * @param {unknown[]} keys - primitive, or with their text
 */
async function getSlices(moment, tenantId, prefix, keys) {
  const values = [];
  for (let at = 0; at < keys.length; at += KEYS_AT_ONCE) {
    const slice = keys.slice(at, at + KEYS_AT_ONCE);
    const texts = slice.map((key) => (typeof key === "object" ? key.text : keyText(key)));
    const ask = () => askKeys(moment, prefix, MANY, texts);
    values.push(...(await answer(moment, ask, undefined, valuesOf(moment, tenantId))));
    await turn();
  }
  return values;
}

/**
 * The same, of one moment: of a snapshot of its own if the source is none.
 * @param {Source} source
 * @param {unknown[]} keys
 */
async function getAtOneMoment(source, tenantId, prefix, keys) {
  // What the caller may change meanwhile is written now. A plain loop: Array.from takes 50 ms.
  const given = [];
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    given.push(typeof key === "object" ? { text: keyText(key) } : key);
  }
  if (source.snapshot !== undefined) return getSlices(source, tenantId, prefix, given);
  for (let restarts = 0; ; restarts++) {
    const moment = { ...source, snapshot: addon.snapshot(source.repository) };
    try {
      return await getSlices(moment, tenantId, prefix, given);
    } catch (error) {
      if (error?.code !== "LMDBX_SNAPSHOT_EXPIRED" || restarts === MOST_RESTARTS) throw error;
    } finally {
      addon.closeSnapshot(moment.snapshot);
    }
  }
}

/** @param {Source} source */
async function getMany(source, tenantId, keys) {
  const prefix = tenantPrefix(tenantId);
  checkKeys(keys);
  if (keys.length > KEYS_AT_ONCE) return getAtOneMoment(source, tenantId, prefix, keys);
  const texts = Array.from(keys, keyText);
  const ask = () => askKeys(source, prefix, MANY, texts);
  return answer(source, ask, undefined, valuesOf(source, tenantId));
}

/** @param {Source} source */
async function get(source, tenantId, key) {
  const prefix = tenantPrefix(tenantId);
  const texts = [keyText(key)];
  const ask = () => askKeys(source, prefix, MANY, texts);
  return (await answer(source, ask, undefined, valuesOf(source, tenantId)))[0];
}

/** @param {Source} source */
async function has(source, tenantId, key) {
  const prefix = tenantPrefix(tenantId);
  const texts = [keyText(key)];
  const ask = () => askKeys(source, prefix, HAS, texts);
  return (await answer(source, ask, undefined, addCount)) > 0;
}

/** @param {Source} source */
async function tenants(source) {
  const { repository, snapshot } = source;
  const mode = TENANTS | ONE_MOMENT;
  const ask = () => addon.query(repository, "", mode, undefined, undefined, snapshot);
  return [...(await answer(source, ask, undefined, addNames))].sort();
}

/**
 * How many entries the tree has that a walk through it does not meet, of whomever: damaged pages
 * hide them.
 * @param {Source} source
 * @param {AbortSignal} signal
 */
async function countHidden(source, signal) {
  const { repository, snapshot } = source;
  const mode = HIDDEN | ONE_MOMENT;
  const ask = () => addon.query(repository, "", mode, undefined, undefined, snapshot);
  return answer(source, ask, signal, addCount);
}

module.exports = {
  ...{ KEYS, VALUES, ENTRIES, askRange, keysOf, opened, textsOf, untilAborted, valueAt },
  ...{ list, count, getMany, get, has, tenants, countHidden },
};
