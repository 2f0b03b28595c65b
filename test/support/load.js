"use strict";
// Puts bytes into a database that the package would not write, with the independent program
// mdb_load.

const { execFileSync } = require("node:child_process");

/**
 * Adds records to a directory whose database nobody has open.
 * @param {string} directory
 * @param {Iterable<[string, Uint8Array]>} records - stored key and value
 */
function load(directory, records) {
  const hex = (bytes) => ` ${Buffer.from(bytes).toString("hex")}\n`;
  const lines = [...records].map(([key, value]) => hex(key) + hex(value));
  const header = "VERSION=3\nformat=bytevalue\ntype=btree\nmapsize=16777216\nHEADER=END\n";
  execFileSync("mdb_load", [directory], { input: `${header}${lines.join("")}DATA=END\n` });
}

module.exports = { load };
