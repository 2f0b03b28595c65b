"use strict";
// Values that lmdb has compressed: one byte that says so, the plain size, and a block of LZ4. Where a
// block is damaged, npm lmdb prints a line, returns what its buffer holds, also of the record before,
// and fails nothing: so a block is followed here before it is unpacked there.
//
// A block is a row of sequences: a byte with two lengths of 4 bits, of which 15 goes on in bytes that
// are added up to the first below 255; literals; the distance back to a match, in 2 bytes; the match.
// The last has literals alone.

/** No plain value of 0.3.x of more than one byte begins so. The size follows in 3 bytes, or in 7. */
const PACKED = 0xfe;
const PACKED_LONG = 0xff;
const SHORT_HEADER = 4;
const LONG_HEADER = 8;
/** LZ4 cannot do better. */
const MOST_RATIO = 255;
const LONG_LENGTH = 15;
const LEAST_MATCH = 4;
/** How far before the value a match may begin: in lmdb's dictionary. */
const DICTIONARY = 65_536;

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

  constructor(bytes, at) {
    this.#bytes = bytes;
    this.#at = at;
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

  /** The size of what it unpacks to; NaN where it is no block. Comparisons with NaN fail. */
  unpackedSize() {
    let size = 0;
    for (;;) {
      const lengths = this.#next();
      const literals = this.#length(lengths >> 4);
      if (Number.isNaN(lengths) || !(this.#at + literals <= this.#bytes.length)) return Number.NaN;
      this.#at += literals;
      size += literals;
      if (this.#at === this.#bytes.length) return size;
      const distance = this.#next() + this.#next() * 256;
      if (!(distance > 0 && distance <= size + DICTIONARY)) return Number.NaN;
      size += this.#length(lengths & LONG_LENGTH) + LEAST_MATCH;
    }
  }
}

/**
 * Whether a packed value unpacks to as many bytes as it says.
 * @param {Buffer} bytes
 */
function isWhole(bytes) {
  const { size, plain } = headerOf(bytes);
  return new Block(bytes, size).unpackedSize() === plain;
}

module.exports = { isPacked, isWhole };
