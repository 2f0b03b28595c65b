"use strict";
// What lies in a database, as the independent program mdb_dump shows it.

const { execFileSync } = require("node:child_process");

const HEADER_END = "HEADER=END\n";

/** The records as mdb_dump prints them, as pairs of key and value. */
function dump(directory, ...options) {
  const text = execFileSync("mdb_dump", [...options, directory], {
    encoding: "latin1",
    maxBuffer: 2 ** 30,
  });
  const lines = text
    .slice(text.indexOf(HEADER_END) + HEADER_END.length)
    .split("\n")
    .filter((line) => line.startsWith(" "))
    .map((line) => line.slice(1));
  const records = [];
  for (let at = 0; at < lines.length; at += 2) records.push([lines[at], lines[at + 1]]);
  return records;
}

/** The same, with keys as text and values as bytes. */
function stored(directory, ...options) {
  return dump(directory, ...options).map(([key, value]) => [
    Buffer.from(key, "hex").toString(),
    Buffer.from(value, "hex"),
  ]);
}

module.exports = { dump, stored };
