"use strict";
// Finds the named databases of a data file: their names lie among the records of the main database,
// and LMDB has no list of them. Of a large database this reads every leaf, so it makes no objects of
// what it passes. What is damaged is passed over: finding that is for verify.

const fs = require("node:fs");
const { TREE, findMeta } = require("./meta.js");
const { HEADER, NODE, LEAF, SUBTREE, DUPLICATES, MOST_DEPTH, NO_PAGE } = require("./pages.js").format;

/** The offsets of a page's nodes that can be read. @param {Buffer} bytes */
function* nodesOf(bytes) {
  const lower = Math.min(bytes.readUInt16LE(12), bytes.length);
  for (let at = HEADER; at + 2 <= lower; at += 2) {
    const offset = bytes.readUInt16LE(at);
    if (offset >= HEADER && offset + NODE <= bytes.length) yield offset;
  }
}

/** @param {Buffer} bytes - a leaf */
function namesIn(bytes) {
  const names = [];
  for (const offset of nodesOf(bytes)) {
    const isTree = (bytes.readUInt16LE(offset + 4) & (SUBTREE | DUPLICATES)) === SUBTREE;
    if (!isTree || bytes.readUInt32LE(offset) !== TREE) continue;
    const key = offset + NODE;
    names.push(bytes.toString("utf8", key, key + bytes.readUInt16LE(offset + 6)));
  }
  return names;
}

/** @param {Buffer} bytes - a branch */
function pagesBelow(bytes) {
  const pages = [];
  for (const offset of nodesOf(bytes)) {
    pages.push(bytes.readUInt32LE(offset) + bytes.readUInt16LE(offset + 4) * 2 ** 32);
  }
  return pages;
}

/**
 * The names of the named databases in stored order, leaf by leaf. While others write, the caller
 * holds a read transaction.
 * @param {string} data - the data file
 * @returns {Generator<string[]>}
 */
function* walkNames(data) {
  const file = fs.openSync(data, "r");
  try {
    const meta = findMeta(file, () => undefined);
    if (meta === undefined || meta.main.root === NO_PAGE || meta.main.depth > MOST_DEPTH) return;
    const { pageSize, lastPage, main } = meta;
    const bytes = Buffer.alloc(pageSize);
    const left = [{ page: Number(main.root), level: 1 }];
    for (let read = 0; left.length > 0 && read <= lastPage; read++) {
      const { page, level } = left.pop();
      if (page > lastPage) continue;
      if (fs.readSync(file, bytes, 0, pageSize, page * pageSize) !== pageSize) continue;
      const isLeaf = (bytes.readUInt16LE(10) & LEAF) !== 0;
      if (isLeaf !== (level === main.depth)) continue;
      if (isLeaf) yield namesIn(bytes);
      else for (const each of pagesBelow(bytes).reverse()) left.push({ page: each, level: level + 1 });
    }
  } finally {
    fs.closeSync(file);
  }
}

module.exports = { walkNames };
