"use strict";
// Databases that crash LMDB.

const fs = require("node:fs");
const path = require("node:path");
const { newestMeta } = require("../../lib/cli/meta.js");

const PAGE = 4096;

function overwrite(directory, at, bytes) {
  const file = fs.openSync(path.join(directory, "data.mdb"), "r+");
  fs.writeSync(file, bytes, 0, bytes.length, at);
  fs.closeSync(file);
}

/**
 * Makes a database whose root page has nodes behind the end of the file: LMDB follows them.
 * @returns {Promise<number>} the page
 */
async function makeCrashing(repository, directory) {
  await Promise.all(Array.from({ length: 150 }, (_, n) => repository.put("t", n, "x".repeat(60))));
  await repository.close();
  const data = path.join(directory, "data.mdb");
  const meta = newestMeta(data);
  const root = Number(meta.main.root);
  const lower = fs.readFileSync(data).readUInt16LE(root * PAGE + 12);
  // Without the room behind the last page.
  const end = (meta.lastPage + 1) * PAGE;
  fs.truncateSync(data, end);
  if (root * PAGE + 0xffff <= end) throw new Error("the nodes would not lie behind the end");
  overwrite(directory, root * PAGE + 16, Buffer.alloc(lower - 16, 0xff));
  return root;
}

module.exports = { PAGE, makeCrashing, overwrite };
