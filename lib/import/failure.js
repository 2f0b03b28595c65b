"use strict";
// Errors of an import: what it says itself, and what the system says of files.

const { createError } = require("../errors.js");

/**
 * @param {string} code
 * @param {string} message
 * @param {string} [file]
 */
function failure(code, message, file) {
  return createError(code, `import: ${message}`, file);
}

const DENIED = ["LMDBX_ACCESS", "permission was denied. Check the owner and mode of the path"];
const FULL = ["LMDBX_NO_SPACE", "the disk is full. Make room, or use another"];
const NO_DIRECTORY = [
  "LMDBX_NOT_A_DIRECTORY",
  "a file stands where a directory is needed. Check the path",
];

/** What errors of the system mean here, and what to do. */
const SYSTEM = {
  EACCES: DENIED,
  EPERM: DENIED,
  EROFS: ["LMDBX_ACCESS", "the file system is read-only. Use another"],
  ENOSPC: FULL,
  EDQUOT: FULL,
  ENOENT: ["LMDBX_NOT_FOUND", "nothing is there. Check the path"],
  ENOTDIR: NO_DIRECTORY,
  EEXIST: NO_DIRECTORY, // what is made is new, but for a parent
  ENOTEMPTY: ["LMDBX_EXISTS", "something is there by now. Give a path that does not exist yet"],
  ENAMETOOLONG: ["LMDBX_NOT_FOUND", "a name in the path is too long. Check the path"],
  ELOOP: ["LMDBX_NOT_FOUND", "its links lead in a circle. Check the path"],
  EISDIR: ["LMDBX_FORMAT", "a directory stands where a file is needed. Check the path"],
};

/** @param {any} error @param {string} file - if the error names none */
function described(error, file) {
  if (error?.syscall === undefined) return error;
  const place = error.dest ?? error.path ?? file;
  // Some file systems have another word for a place that is taken by now.
  const reason = error.syscall === "rename" && error.code === "EEXIST" ? "ENOTEMPTY" : error.code;
  const [code, what] = SYSTEM[reason] ?? ["LMDBX_IO", "the system failed. See to the disk"];
  const message = `${error.syscall} ${place}: ${what} (${error.code})`;
  return Object.assign(failure(code, message, place), { cause: error });
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
