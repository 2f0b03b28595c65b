"use strict";
// Records put into a database as raw bytes, by the independent program mdb_load.

const { execFileSync } = require("node:child_process");
const fs = require("node:fs");

const HEADER = `VERSION=3
format=bytevalue
type=btree
mapsize=1073741824
HEADER=END
`;

/**
 * Writes records into the main database of a directory, in one go. No repository may have it open
 * that has not finished its own writes.
 * @param {string} directory
 * @param {Iterable<[key: string | Uint8Array, value: string | Uint8Array]>} records - keys as they
 *   are stored, with the tenant; text stands for its UTF-8
 */
function inject(directory, records) {
  const lines = [];
  for (const record of records) {
    for (const bytes of record) lines.push(` ${Buffer.from(bytes).toString("hex")}\n`);
  }
  fs.mkdirSync(directory, { recursive: true });
  execFileSync("mdb_load", [directory], { input: `${HEADER}${lines.join("")}DATA=END\n` });
}

/** Bytes from hexadecimal digits, between which anything else may stand. */
function hex(digits) {
  return Buffer.from(digits.replace(/[^0-9a-f]/gi, ""), "hex");
}

module.exports = { inject, hex };
