"use strict";
// The memory that this thread and the addon share: src/codec/tape.h says what stands in it. Taken by
// the addon when it is initialised, and never given to anyone else, so that it stays where it is.

/** What a word says, in the order of enum lmdbx__tape_op. */
const OPS = [
  "END",
  "CONSTANT",
  "SMALL",
  "INTEGER",
  "NUMBER",
  "DATE",
  "BIGINT",
  "BIGUINT",
  "TEXT",
  "ASCII",
  "CHUNK",
  "BYTES",
  "TYPED",
  "NAME",
  "ARRAY",
  "OBJECT",
  "FIELDS",
  "MAP",
  "SET",
  "NUMBERS",
  "TEXTS",
];

/** In the order of enum lmdbx__tape_constant. */
const CONSTANTS = [null, undefined, true, false];

const WORDS = 65_536;
const NUMBERS = 16_384;
const BYTES = 65_536;

/** A tape: values are built from one and packed into another, since packing runs users' code. */
function memory() {
  return {
    ops: new Int32Array(new ArrayBuffer(WORDS * 4)),
    numbers: new Float64Array(new ArrayBuffer(NUMBERS * 8)),
    bytes: new Uint8Array(new ArrayBuffer(BYTES)),
  };
}

const building = memory();
const packing = memory();
/** A stored key, on its way into a call. */
const key = new Uint8Array(new ArrayBuffer(2048));

module.exports = { OPS, CONSTANTS, building, packing, key };
