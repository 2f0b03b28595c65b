"use strict";
// The configuration: checked here, where mistakes can be named in the caller's terms, and handed to
// the core as one JSON text.

const path = require("node:path");
const { fileURLToPath } = require("node:url");
const { typeError, rangeError } = require("./errors.js");

const ENCODINGS = ["msgpack", "json", "string"];
const READS = ["adaptive", "pool"];
const OPTIONS = [
  "path",
  "name",
  "compression",
  "encoding",
  "mapSize",
  "readOnly",
  "reads",
  "maxReaders",
  "maxQueuedBytes",
];

/** @param {string} message */
const wrongType = (message) => typeError("LMDBX_INVALID_CONFIG", message);

/** @param {unknown} value */
function shown(value) {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

/**
 * The absolute path that a string or file: URL names.
 * @param {unknown} given
 * @param {string} [code] - of the error where it names none
 */
function resolvePath(given, code = "LMDBX_INVALID_CONFIG") {
  let directory = given;
  if (given instanceof URL || Object.prototype.toString.call(given) === "[object URL]") {
    try {
      directory = fileURLToPath(/** @type {URL} */ (given));
    } catch (cause) {
      throw typeError(code, `path: ${given} is not a file: URL`, { cause });
    }
  }
  if (typeof directory !== "string") {
    throw typeError(code, "path: give the database directory as a string or a file: URL");
  }
  if (directory === "") throw typeError(code, "path: the empty string names no directory");
  checkText("path", directory, code);
  return path.resolve(directory);
}

/**
 * @param {string} field
 * @param {string} text
 * @param {string} [code]
 */
function checkText(field, text, code = "LMDBX_INVALID_CONFIG") {
  if (text.includes("\0")) throw typeError(code, `${field}: must not contain a NUL character`);
  if (!text.isWellFormed()) throw typeError(code, `${field}: must not contain a lone surrogate`);
}

/**
 * @param {string} field
 * @param {unknown} value
 */
function checkBoolean(field, value) {
  if (typeof value !== "boolean") throw wrongType(`${field}: give true or false, not ${shown(value)}`);
}

/**
 * @param {string} field
 * @param {unknown} value
 * @param {number} least
 * @param {string} unit
 */
function checkInteger(field, value, least, unit) {
  if (typeof value !== "number") {
    throw wrongType(`${field}: give a number of ${unit}, not ${shown(value)}`);
  }
  if (!Number.isSafeInteger(value) || value < least) {
    throw rangeError(
      "LMDBX_INVALID_CONFIG",
      `${field}: ${value} is no positive safe integer; give ${unit}, or leave it out`,
    );
  }
}

/** The distance of two words in edits, for suggestions. */
function distance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1].toLowerCase() === b[j - 1].toLowerCase() ? 0 : 1;
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + change);
    }
    row = next;
  }
  return row[b.length];
}

const warned = new Set();

/** Shared configuration objects were accepted before, so an unknown name is no error. */
function warnOfUnknown(option) {
  if (warned.has(option)) return;
  warned.add(option);
  const nearest = OPTIONS.map((name) => ({ name, edits: distance(option, name) })).sort(
    (a, b) => a.edits - b.edits,
  )[0];
  const hint = nearest.edits <= 3 ? `; did you mean ${nearest.name}?` : "";
  process.emitWarning(`unknown option ${JSON.stringify(option)} is ignored${hint}`, {
    type: "LMDBXWarning",
    code: "LMDBX_UNKNOWN_OPTION",
  });
}

/**
 * Checks a configuration and fills in what can be known without opening.
 * @param {import("../index.d.ts").LMDBXConfig} config
 */
function readConfig(config) {
  if (typeof config !== "object" || config === null || Array.isArray(config)) {
    throw wrongType("config: give an object with at least a path");
  }
  const { name, compression = false, encoding = "msgpack", readOnly = false } = config;
  const { mapSize = 0, maxReaders, maxQueuedBytes, reads = "adaptive" } = config;
  if (config.path === undefined) throw wrongType("path: missing; give the database directory");
  const directory = resolvePath(config.path);
  if (name !== undefined) {
    if (typeof name !== "string" || name === "") {
      throw wrongType("name: give a non-empty string, or leave it out for the main database");
    }
    checkText("name", name);
  }
  if (!ENCODINGS.includes(encoding)) {
    throw wrongType(`encoding: ${shown(encoding)} is none of ${ENCODINGS.join(", ")}`);
  }
  if (!READS.includes(reads)) throw wrongType(`reads: ${shown(reads)} is none of ${READS.join(", ")}`);
  checkBoolean("compression", compression);
  checkBoolean("readOnly", readOnly);
  checkInteger("mapSize", mapSize, 0, "bytes");
  if (maxReaders !== undefined) checkInteger("maxReaders", maxReaders, 1, "reader slots");
  if (maxQueuedBytes !== undefined) checkInteger("maxQueuedBytes", maxQueuedBytes, 1, "bytes");
  for (const option of Object.keys(config)) {
    if (!OPTIONS.includes(option)) warnOfUnknown(option);
  }
  return {
    path: directory,
    name,
    compression,
    encoding,
    mapSize,
    readOnly,
    reads,
    maxReaders,
    maxQueuedBytes,
  };
}

module.exports = { readConfig, resolvePath };
