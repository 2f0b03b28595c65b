"use strict";
// Values that lmdb has compressed: one byte that says so, the plain size, and a block of LZ4. Where a
// block is damaged, npm lmdb prints a line, returns what its buffer holds, also of the record before,
// and fails nothing: so a block is followed here before it is unpacked there.
//
// A block is a row of sequences: a byte with two lengths of 4 bits, of which 15 goes on in bytes that
// are added up to the first below 255; literals; the distance back to a match, in 2 bytes; the match.
// The last has literals alone, 5 or more, and the match before it begins 12 bytes before the end or
// more: LZ4 relies on that and refuses others.

/** No plain value of 0.3.x of more than one byte begins so. The size follows in 3 bytes, or in 7. */
const PACKED = 0xfe;
const PACKED_LONG = 0xff;
const SHORT_HEADER = 4;
const LONG_HEADER = 8;
/** LZ4 cannot do better. */
const MOST_RATIO = 255;
const LONG_LENGTH = 15;
const LEAST_MATCH = 4;
const LAST_LITERALS = 5;
const LAST_MATCH = 12;
/** A distance, the lengths of the last sequence, and its literals. */
const LEAST_REST = 2 + 1 + LAST_LITERALS;
/** How far before the value a match may begin: in lmdb's dictionary, as its versions 3.2.2 to 3.5.6
 * have it (`compression.dictionary` of a database). */
const DICTIONARY = 5_480;

/** @param {Buffer} bytes */
function headerOf(bytes) {
  const long = bytes[0] === PACKED_LONG;
  const size = long ? LONG_HEADER : SHORT_HEADER;
  return { size, plain: long ? bytes.readUInt32BE(4) : bytes.readUIntBE(1, 3) };
}

/** @param {Buffer} bytes */
function isPacked(bytes) {
  if (bytes.length <= SHORT_HEADER || bytes[0] < PACKED) return false;
  if (bytes[0] === PACKED_LONG && bytes.length <= LONG_HEADER) return false;
  return headerOf(bytes).plain <= bytes.length * MOST_RATIO;
}

class Block {
  #bytes;
  #at;
  #plain;

  /** @param {Buffer} bytes @param {{ size: number, plain: number }} header */
  constructor(bytes, { size, plain }) {
    this.#bytes = bytes;
    this.#at = size;
    this.#plain = plain;
  }

  /** A byte; NaN behind the end. */
  #next() {
    return this.#at < this.#bytes.length ? this.#bytes[this.#at++] : Number.NaN;
  }

  /** A length whose first 4 bits are given. */
  #length(first) {
    let length = first;
    for (let more = first === LONG_LENGTH; more;) {
      const byte = this.#next();
      length += byte;
      more = byte === 255;
    }
    return length;
  }

  /** Whether LZ4 can unpack it, to as many bytes as its header says. Comparisons with NaN fail. */
  isWhole() {
    const end = this.#bytes.length;
    for (let size = 0; ;) {
      const lengths = this.#next();
      const literals = this.#length(lengths >> 4);
      if (Number.isNaN(lengths) || !(this.#at + literals <= end)) return false;
      this.#at += literals;
      size += literals;
      if (this.#at === end) return size === this.#plain;
      if (end - this.#at < LEAST_REST || size > this.#plain - LAST_MATCH) return false;
      const distance = this.#next() + this.#next() * 256;
      if (distance === 0 || distance > size + DICTIONARY) return false;
      size += this.#length(lengths & LONG_LENGTH) + LEAST_MATCH;
      if (!(size <= this.#plain - LAST_LITERALS)) return false;
    }
  }
}

/**
 * Whether a packed value unpacks to as many bytes as it says.
 * @param {Buffer} bytes
 */
function isWhole(bytes) {
  return new Block(bytes, headerOf(bytes)).isWhole();
}

module.exports = { isPacked, isWhole };
