"use strict";
// Iterators: keys, values and entries of a range, a page at a time. A page is asked for when the one
// before it is used up, and no transaction is held between two, unless it is a snapshot's.

const addon = require("./addon.js");
const { checkTenant, tenantPrefix } = require("./keys.js");
const { readRange } = require("./range.js");
const reads = require("./reads.js");
const { throwIfAborted } = require("./signal.js");

/** @typedef {import("./reads.js").Source} Source */

/**
 * What a page has, item by item.
 * @param {Source} source
 * @param {number} kind
 * @param {string} tenantId
 * @param {any[]} page
 */
function itemsOf(source, kind, tenantId, page) {
  const valueAt = (at) => reads.valueAt(source, tenantId, page, at);
  if (kind === reads.VALUES) return { count: page[0].length, itemAt: valueAt };
  if (kind === reads.KEYS) {
    const keys = reads.textsOf(page).flatMap(reads.keysOf);
    return { count: keys.length, itemAt: (at) => keys[at] };
  }
  const keys = reads.keysOf(page[2]);
  return { count: page[0].length, itemAt: (at) => [keys[at], valueAt(at)] };
}

/**
 * @param {Source} source
 * @param {number} kind
 * @param {string} tenantId
 * @param {import("./range.js").Range} range
 */
async function* pages(source, kind, tenantId, range) {
  const { signal } = range;
  const prefix = tenantPrefix(tenantId);
  const pageOf = async (asked) => reads.opened(await reads.untilAborted(asked, signal));
  let scan;
  try {
    throwIfAborted(signal);
    let page = await pageOf(reads.askRange(source, prefix, kind, range));
    for (;;) {
      scan = page[1];
      const { count, itemAt } = itemsOf(source, kind, tenantId, page);
      for (let at = 0; at < count; at++) {
        throwIfAborted(signal);
        yield itemAt(at);
      }
      if (page[3] !== undefined) throw page[3];
      throwIfAborted(signal);
      if (scan === undefined) return;
      page = await pageOf(addon.next(scan));
    }
  } finally {
    if (scan !== undefined) addon.end(scan);
  }
}

/** An iterator that has nothing but an error. */
// eslint-disable-next-line require-yield
async function* failing(error) {
  throw error;
}

/** The arguments are read at once, as they are; what is wrong with them rejects the first next(). */
function iterate(source, kind, tenantId, given) {
  try {
    checkTenant(tenantId);
    return pages(source, kind, tenantId, readRange(given));
  } catch (error) {
    return failing(error);
  }
}

const iterator = (kind) => (source, tenantId, range) => iterate(source, kind, tenantId, range);

module.exports = {
  keys: iterator(reads.KEYS),
  values: iterator(reads.VALUES),
  entries: iterator(reads.ENTRIES),
};
