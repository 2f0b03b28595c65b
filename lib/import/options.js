"use strict";
// The options of importDirectory, checked.

const fs = require("node:fs");
const path = require("node:path");
const { fileURLToPath } = require("node:url");
const { typeError } = require("../errors.js");

const ENCODINGS = ["msgpack", "json", "string"];
const OPTIONS = [
  "from",
  "to",
  "names",
  "encoding",
  "encodings",
  "rename",
  "targetEncoding",
  "compression",
  "mapSize",
  "onProgress",
  "onNotCarried",
  "signal",
  "lmdb",
];

/** @param {string} message */
const wrong = (message) => typeError("LMDBX_INVALID_CONFIG", message);

/** @param {string} field @param {unknown} given */
function readPath(field, given) {
  const text = given instanceof URL ? fileURLToPath(given) : given;
  if (typeof text !== "string" || text === "") {
    throw wrong(`${field}: give a path, as a string or a file: URL`);
  }
  if (text.includes("\0")) throw wrong(`${field}: must not contain a NUL character`);
  return path.resolve(text);
}

/** The path without links, of what of it exists. @param {string} given */
function realPath(given) {
  try {
    return fs.realpathSync(given);
  } catch {
    const parent = path.dirname(given);
    return parent === given ? given : path.join(realPath(parent), path.basename(given));
  }
}

/** Whether a path lies in a directory. @param {string} given @param {string} directory */
function isWithin(given, directory) {
  return realPath(given).startsWith(realPath(directory) + path.sep);
}

/** @param {string} field @param {unknown} given */
function checkEncoding(field, given) {
  if (ENCODINGS.includes(/** @type {string} */ (given))) return;
  throw wrong(`${field}: ${JSON.stringify(given)} is none of ${ENCODINGS.join(", ")}`);
}

/** @param {string} field @param {unknown} given */
function checkFunction(field, given) {
  if (given !== undefined && typeof given !== "function") throw wrong(`${field}: give a function`);
}

/** @param {unknown} given */
function checkRename(given) {
  if (typeof given !== "object" || given === null) {
    throw wrong("rename: give an object of new names by the old ones");
  }
  const taken = new Set();
  for (const [name, renamed] of Object.entries(given)) {
    if (name === "") throw wrong("rename: the main database has no name that could change");
    if (typeof renamed !== "string" || renamed === "") {
      throw wrong(`rename.${name}: give the name that the database is to have`);
    }
    if (taken.has(renamed)) throw wrong(`rename: two databases would be named ${renamed}`);
    taken.add(renamed);
  }
}

/**
 * @param {import("../../import.d.ts").ImportOptions} options
 */
function readOptions(options) {
  if (typeof options !== "object" || options === null) {
    throw wrong("options: give an object with at least from and to");
  }
  for (const option of Object.keys(options)) {
    if (!OPTIONS.includes(option)) throw wrong(`${option}: there is no such option of an import`);
  }
  const {
    names,
    encoding,
    encodings = {},
    rename = {},
    targetEncoding,
    compression = false,
  } = options;
  const { mapSize, onProgress, onNotCarried, signal, lmdb } = options;
  const from = readPath("from", options.from);
  const to = readPath("to", options.to);
  if (isWithin(to, from)) {
    throw wrong("to: give a path outside of the old directory, which is only read");
  }
  if (
    names !== undefined &&
    !(Array.isArray(names) && names.every((name) => typeof name === "string"))
  ) {
    throw wrong('names: give an array of names of databases; "" is the main one');
  }
  if (encoding !== undefined) checkEncoding("encoding", encoding);
  if (typeof encodings !== "object" || encodings === null) {
    throw wrong("encodings: give an object of encodings by name of a database");
  }
  for (const [name, each] of Object.entries(encodings)) checkEncoding(`encodings.${name}`, each);
  checkRename(rename);
  if (targetEncoding !== undefined) checkEncoding("targetEncoding", targetEncoding);
  if (typeof compression !== "boolean") throw wrong("compression: give true or false");
  if (mapSize !== undefined && !(Number.isSafeInteger(mapSize) && mapSize > 0)) {
    throw wrong("mapSize: give a positive number of bytes");
  }
  checkFunction("onProgress", onProgress);
  checkFunction("onNotCarried", onNotCarried);
  if (signal !== undefined && typeof signal?.aborted !== "boolean") {
    throw wrong("signal: give an AbortSignal");
  }
  const givenOf = (name) =>
    Object.hasOwn(encodings, name ?? "") ? encodings[name ?? ""] : encoding;
  const encodingOf = (name) => givenOf(name) ?? "msgpack";
  return {
    from,
    to,
    names,
    encodingOf,
    isEncodingGiven: (name) => givenOf(name) !== undefined,
    encodingsGiven: Object.keys(encodings),
    renamed: Object.keys(rename),
    newNameOf: (name) => (name !== undefined && Object.hasOwn(rename, name) ? rename[name] : name),
    targetEncodingOf: (name) => targetEncoding ?? encodingOf(name),
    compression,
    mapSize,
    onProgress,
    onNotCarried,
    signal,
    lmdb,
  };
}

module.exports = { readOptions };
