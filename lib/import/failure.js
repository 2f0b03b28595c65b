"use strict";
// Errors of an import: what it says itself, and what the system says of files.

const { createError } = require("../errors.js");
const system = require("../system-error.js");

/**
 * @param {string} code
 * @param {string} message
 * @param {string} [file]
 */
function failure(code, message, file) {
  return createError(code, `import: ${message}`, file);
}

/** @param {any} error @param {string} file - if the error names none */
function described(error, file) {
  return system.described(error, file, "import: ");
}

/**
 * Does something with files; its failures get a code and say what to do.
 * @template T
 * @param {string} file - which, where the system does not say
 * @param {() => T} work
 * @returns {T}
 */
function withFiles(file, work) {
  try {
    return work();
  } catch (error) {
    throw described(error, file);
  }
}

module.exports = { described, failure, withFiles };
