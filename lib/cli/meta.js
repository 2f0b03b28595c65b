"use strict";
// The two meta pages of a data file, which say what is in it; LMDB writes them in turn. What a page
// has besides is in pages.js.
//
//   meta    16 magic u32   20 version u32   40 free pages   88 main database   136 last page u64
//           144 transaction u64
//   tree    0 pad u32 (of the free pages: page size)   4 flags u16   6 depth u16
//           8 branch, 16 leaf, 24 overflow pages u64   32 entries u64   40 root page u64

const fs = require("node:fs");

const META = 152;
const META_PAGE = 0x08;
const MAGIC = 0xbeefc0de;
const VERSION = 1;
/** Bytes of what is said of a tree. */
const TREE = 48;

/** @param {Buffer} bytes @param {number} at */
function readTree(bytes, at) {
  return {
    pad: bytes.readUInt32LE(at),
    flags: bytes.readUInt16LE(at + 4),
    depth: bytes.readUInt16LE(at + 6),
    branchPages: Number(bytes.readBigUInt64LE(at + 8)),
    leafPages: Number(bytes.readBigUInt64LE(at + 16)),
    overflowPages: Number(bytes.readBigUInt64LE(at + 24)),
    entries: Number(bytes.readBigUInt64LE(at + 32)),
    root: bytes.readBigUInt64LE(at + 40),
  };
}

/** @param {Buffer} bytes - a page @returns {object | undefined} */
function readMeta(bytes) {
  if (
    bytes.length < META ||
    bytes.readUInt32LE(16) !== MAGIC ||
    bytes.readUInt32LE(20) !== VERSION
  ) {
    return undefined;
  }
  const free = readTree(bytes, 40);
  const isSize = free.pad >= 512 && free.pad <= 32768 && (free.pad & (free.pad - 1)) === 0;
  if ((bytes.readUInt16LE(10) & META_PAGE) === 0 || !isSize) return undefined;
  return {
    pageSize: free.pad,
    free,
    main: readTree(bytes, 88),
    lastPage: Number(bytes.readBigUInt64LE(136)),
    transaction: bytes.readBigUInt64LE(144),
  };
}

/**
 * The meta page that counts: of two the newer.
 * @param {number} file
 * @param {(page: number, what: string) => void} damaged
 */
function findMeta(file, damaged) {
  const read = (position) => {
    const bytes = Buffer.alloc(META);
    return readMeta(bytes.subarray(0, fs.readSync(file, bytes, 0, META, position)));
  };
  const first = read(0);
  // Without the first one, the second can only be looked for.
  const sizes = first ? [first.pageSize] : [4096, 16384, 8192, 32768, 2048, 1024, 512];
  const second = sizes.map(read).find((meta, at) => meta?.pageSize === sizes[at]);
  if (!first) damaged(0, "is no meta page");
  if (!second) damaged(1, "is no meta page");
  if (!first || !second) return first ?? second;
  return first.transaction > second.transaction ? first : second;
}

/**
 * The meta page of a data file that counts; undefined where none is of the format that is read here.
 * @param {string} data
 */
function newestMeta(data) {
  const file = fs.openSync(data, "r");
  try {
    return findMeta(file, () => undefined);
  } finally {
    fs.closeSync(file);
  }
}

module.exports = { TREE, readTree, findMeta, newestMeta };
