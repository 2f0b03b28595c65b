"use strict";
// Reads a data file page by page, without LMDB, which trusts what it maps: whatever stands in a
// page, this reports it and goes on elsewhere. The format is that of liblmdb 0.9 on 64-bit machines,
// and meta.js has that of the first two:
//
//   page    0 number u64   8 pad u16   10 flags u16   12 lower u16   14 upper u16   16 offsets u16 ...
//   node    0 low u16   2 high u16   4 flags u16   6 key size u16   8 key, then the value
//           leaf: low and high are the value's size; branch: low, high, flags the page below
//   large   the value of a node flagged 1 is the number of the first of its own pages: 12 pages u32
//
// A page belongs to one tree or to the list of free pages; what belongs to none is lost.

const fs = require("node:fs");
const { TREE, findMeta, readTree } = require("./meta.js");

const HEADER = 16;
const NODE = 8;
const [BRANCH, LEAF, OVERFLOW, META_PAGE, LEAF2] = [0x01, 0x02, 0x04, 0x08, 0x20];
const KINDS = BRANCH | LEAF | OVERFLOW | META_PAGE;
const [BIG, SUBTREE, DUPLICATES] = [0x01, 0x02, 0x04];
/** Flags of trees whose keys are not ordered as bytes, or have several values: of other programs. */
const OTHER_ORDER = 0x02 | 0x08;
const SEVERAL_VALUES = 0x04;
const MOST_DEPTH = 32;
const NO_PAGE = 0xffffffffffffffffn;
/** 8 TiB in pages of 4 KiB: what is claimed beyond is no size of a file. */
const MOST_PAGES = 2 ** 31 - 1;
/** After so many pages the caller is told how far it is. */
const PROGRESS_PAGES = 4096;

class PageError extends Error {}

/** One look at all pages of a data file, at the moment of its newest meta page. */
class Walk {
  #file;
  #size;
  #meta;
  #seen;
  #count = 0;
  #events;
  /** Of the pages that are looked at: { database }, { list }, or nothing of the meta pages. */
  #place = {};
  #found = 0;

  /**
   * @param {string} data - the data file
   * @param {{ damaged: (finding: object) => void, progress?: (pages: number, total: number) => void }} events
   */
  constructor(data, events) {
    this.#events = events;
    this.#file = fs.openSync(data, "r");
    this.#size = fs.fstatSync(this.#file).size;
  }

  #damaged(page, what, between = {}) {
    this.#found++;
    this.#events.damaged({ page, ...this.#place, what, ...between });
  }

  /** Marks pages as used; throws if there are none such, or they have another use. */
  #take(first, pages) {
    if (!(first >= 2 && pages >= 1 && first + pages - 1 <= this.#meta.lastPage)) {
      throw new PageError(`leads to page ${first}, which is not in the file`);
    }
    for (let page = first; page < first + pages; page++) {
      const bit = 1 << (page & 7);
      if (this.#seen[page >> 3] & bit)
        throw new PageError(`leads to page ${page}, which has another use`);
      this.#seen[page >> 3] |= bit;
      this.#count++;
      if (this.#count % PROGRESS_PAGES === 0) {
        this.#events.progress?.(this.#count, this.#meta.lastPage + 1);
      }
    }
  }

  #read(page, bytes) {
    const { pageSize } = this.#meta;
    let got;
    try {
      got = fs.readSync(this.#file, bytes, 0, pageSize, page * pageSize);
    } catch (error) {
      throw new PageError(`cannot be read (${error.code})`);
    }
    if (got !== pageSize) throw new PageError("lies behind the end of the file");
    if (bytes.readBigUInt64LE(0) !== BigInt(page)) throw new PageError("has another page's number");
  }

  /** The nodes of a branch or leaf page. */
  #nodes(bytes, isLeaf) {
    const { pageSize } = this.#meta;
    const lower = bytes.readUInt16LE(12);
    const upper = bytes.readUInt16LE(14);
    if (lower < HEADER || lower > upper || upper > pageSize || lower % 2 !== 0) {
      throw new PageError("has impossible bounds");
    }
    const nodes = [];
    for (let at = HEADER; at < lower; at += 2) {
      const offset = bytes.readUInt16LE(at);
      if (offset < upper || offset + NODE > pageSize)
        throw new PageError("has a node outside of itself");
      const flags = bytes.readUInt16LE(offset + 4);
      const low = bytes.readUInt16LE(offset) + bytes.readUInt16LE(offset + 2) * 0x10000;
      const value = offset + NODE + bytes.readUInt16LE(offset + 6);
      const size = isLeaf ? ((flags & BIG) !== 0 ? 8 : low) : 0;
      if (value + size > pageSize) throw new PageError("has a node that is cut off");
      const key = bytes.subarray(offset + NODE, value);
      nodes.push({ key, flags, low, value, below: low + flags * 2 ** 32 });
    }
    return nodes;
  }

  #checkOrder(tree, nodes, isLeaf, low, high) {
    if (tree.flags & OTHER_ORDER || tree === this.#meta.free) return;
    // The first key of a branch page stands for all that is lower.
    let before = low;
    for (const { key } of isLeaf ? nodes : nodes.slice(1)) {
      const order = before === undefined ? -1 : Buffer.compare(before, key);
      if (
        order > 0 ||
        (order === 0 && before !== low) ||
        (high && Buffer.compare(key, high) >= 0)
      ) {
        throw new PageError("has keys out of order");
      }
      before = key;
    }
  }

  /**
   * A page and everything below it.
   * @param {object} tree - with the counts so far
   * @param {number} page
   * @param {number} level - 1: the root
   * @param {Buffer} [low] - no key is lower
   * @param {Buffer} [high] - all are lower than this
   * @returns {Generator<{ node: object, page: number, bytes: Buffer }>} the nodes of leaves
   */
  *#page(tree, page, level, low, high) {
    let nodes;
    let isLeaf;
    const bytes = Buffer.alloc(this.#meta.pageSize);
    try {
      this.#read(page, bytes);
      const flags = bytes.readUInt16LE(10);
      isLeaf = (flags & LEAF) !== 0;
      if ((flags & KINDS) !== (level === tree.depth ? LEAF : BRANCH)) {
        throw new PageError(`is no ${level === tree.depth ? "leaf" : "branch"} page`);
      }
      if (isLeaf) tree.found.leafPages++;
      else tree.found.branchPages++;
      if (flags & LEAF2) throw new PageError("is of a kind that this package does not write");
      nodes = this.#nodes(bytes, isLeaf);
      if (nodes.length < (isLeaf ? 1 : 2)) throw new PageError("has too few nodes");
      this.#checkOrder(tree, nodes, isLeaf, low, high);
    } catch (error) {
      this.#report(error, page, low, high);
      return;
    }
    for (const [at, node] of nodes.entries()) {
      const [from, to] = isLeaf
        ? [node.key, node.key]
        : [at === 0 ? low : node.key, nodes[at + 1]?.key ?? high];
      try {
        if (isLeaf) this.#leafNode(tree, node, bytes);
        else this.#take(node.below, 1);
      } catch (error) {
        this.#report(error, page, from, to);
        continue;
      }
      if (isLeaf) yield { node, page, bytes };
      else yield* this.#page(tree, node.below, level + 1, from, to);
    }
  }

  #leafNode(tree, node, bytes) {
    tree.found.entries++;
    if (node.flags & BIG) this.#large(tree, node, bytes);
  }

  #report(error, page, from, to) {
    if (!(error instanceof PageError)) throw error;
    this.#damaged(page, error.message, {
      from: from && Buffer.from(from),
      to: to && Buffer.from(to),
    });
  }

  /** A value in pages of its own. */
  #large(tree, node, bytes) {
    const first = Number(bytes.readBigUInt64LE(node.value));
    const { pageSize, lastPage } = this.#meta;
    const pages = Math.floor((HEADER - 1 + node.low) / pageSize) + 1;
    if (first + pages - 1 > lastPage)
      throw new PageError(`leads to page ${first}, which is not in the file`);
    const head = Buffer.alloc(pageSize);
    this.#read(first, head);
    if ((head.readUInt16LE(10) & KINDS) !== OVERFLOW || head.readUInt32LE(12) !== pages) {
      throw new PageError(`leads to page ${first}, which does not begin a value of ${pages} pages`);
    }
    if ((first + pages) * pageSize > this.#size) throw new PageError("has a value that is cut off");
    this.#take(first, pages);
    tree.found.overflowPages += pages;
    return first;
  }

  /**
   * A tree, and whether its root says of it what is there.
   * @param {object} tree
   */
  *#tree(tree) {
    tree.found = { entries: 0, branchPages: 0, leafPages: 0, overflowPages: 0 };
    if (tree.root === NO_PAGE) return;
    const before = this.#found;
    const root = Number(tree.root);
    if (tree.depth < 1 || tree.depth > MOST_DEPTH) {
      this.#damaged(root, `is the root of a tree of ${tree.depth} levels`);
      return;
    }
    try {
      this.#take(root, 1);
    } catch (error) {
      this.#report(error, root);
      return;
    }
    yield* this.#page(tree, root, 1);
    if (this.#found > before || tree.flags & SEVERAL_VALUES) return;
    for (const name of Object.keys(tree.found)) {
      if (tree.found[name] === tree[name]) continue;
      this.#damaged(
        root,
        `is the root of a tree with ${tree.found[name]} ${name}, and says ${tree[name]}`,
      );
    }
  }

  /** The list of free pages: a tree of lists, by the transaction that freed them. */
  #freePages() {
    let free = 0;
    this.#place = { list: "free pages" };
    for (const { node, page, bytes } of this.#tree(this.#meta.free)) {
      try {
        for (const each of this.#list(node, bytes)) {
          this.#take(each, 1);
          free++;
        }
      } catch (error) {
        this.#report(error, page);
      }
    }
    return free;
  }

  *#list(node, bytes) {
    let list = bytes.subarray(node.value, node.value + node.low);
    if (node.flags & BIG) {
      const first = Number(bytes.readBigUInt64LE(node.value));
      list = Buffer.alloc(node.low);
      fs.readSync(this.#file, list, 0, node.low, first * this.#meta.pageSize + HEADER);
    }
    const count = list.length >= 8 ? Number(list.readBigUInt64LE(0)) : -1;
    if (count < 0 || (count + 1) * 8 > list.length)
      throw new PageError("has a list of free pages that is cut off");
    for (let at = 1; at <= count; at++) yield Number(list.readBigUInt64LE(at * 8));
  }

  /** The records of a tree; what is not one is handed to `other`. */
  *#records(tree, database, other) {
    this.#place = { database };
    for (const { node, page, bytes } of this.#tree(tree)) {
      if ((node.flags & (SUBTREE | DUPLICATES)) === 0) yield { database, key: node.key };
      else other(node, page, bytes);
    }
  }

  /** Several values under one key are not what this package writes; they are not looked into. */
  #foreign(page, key) {
    this.#damaged(page, "has several values under one key: another program's", {
      from: key,
      to: key,
    });
  }

  /** Reads the meta pages. Whether one can be used. */
  #begin() {
    this.#meta = findMeta(this.#file, (page, what) => this.#damaged(page, what));
    if (this.#meta === undefined) return false;
    const { lastPage } = this.#meta;
    const isPossible = lastPage >= 1 && lastPage <= MOST_PAGES;
    if (isPossible) this.#seen = new Uint8Array((lastPage >> 3) + 1);
    else this.#damaged(0, "names an impossible last page");
    return isPossible;
  }

  /**
   * Looks at everything.
   * @returns {Generator<{ database: string | undefined, key: Buffer }, object | undefined>} the
   *   records on sound pages, keys valid until the next; at last what there is, or undefined: no
   *   meta page can be used
   */
  *run() {
    if (!this.#begin()) return undefined;
    const { pageSize, lastPage, transaction, main } = this.#meta;
    const databases = [{ name: undefined, tree: main }];
    yield* this.#records(main, undefined, (node, page, bytes) => {
      if (node.flags & DUPLICATES || node.low !== TREE) return this.#foreign(page, node.key);
      return databases.push({ name: node.key.toString(), tree: readTree(bytes, node.value) });
    });
    for (const { name, tree } of databases.slice(1)) {
      yield* this.#records(tree, name, (node, page) => this.#foreign(page, node.key));
    }
    const freePages = this.#freePages();
    return {
      pageSize,
      pages: lastPage + 1,
      transaction,
      damaged: this.#found,
      freePages,
      // Also those that hold the list of free ones, and the two meta pages.
      usedPages: this.#count - freePages + 2,
      lostPages: lastPage - 1 - this.#count,
      databases: databases.map(({ name, tree }) => ({
        name,
        records: tree.found.entries - (name === undefined ? databases.length - 1 : 0),
        depth: tree.depth,
        pages: tree.found.branchPages + tree.found.leafPages + tree.found.overflowPages,
      })),
    };
  }

  close() {
    fs.closeSync(this.#file);
  }
}

/**
 * Looks at every page of a data file.
 * @param {string} data
 * @param {{ damaged: (finding: object) => void, progress?: (pages: number, total: number) => void }} events
 */
function* walkPages(data, events) {
  const walk = new Walk(data, events);
  try {
    return yield* walk.run();
  } finally {
    walk.close();
  }
}

module.exports = {
  walkPages,
  /** For names.js, which reads pages, too. */
  format: { HEADER, NODE, LEAF, SUBTREE, DUPLICATES, MOST_DEPTH, NO_PAGE },
};
