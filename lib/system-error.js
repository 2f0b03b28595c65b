"use strict";
// What the system says of files, as errors of the package's own: with a code, and what to do.

const { createError } = require("./errors.js");

const DENIED = ["LMDBX_ACCESS", "permission was denied. Check the owner and mode of the path"];
const FULL = ["LMDBX_NO_SPACE", "the disk is full. Make room, or use another"];
const TAKEN = ["LMDBX_EXISTS", "something is there already. Give a path that does not exist yet"];
const NO_DIRECTORY = [
  "LMDBX_NOT_A_DIRECTORY",
  "a file stands where a directory is needed. Check the path",
];

const SYSTEM = {
  EACCES: DENIED,
  EPERM: DENIED,
  EROFS: ["LMDBX_ACCESS", "the file system is read-only. Use another"],
  ENOSPC: FULL,
  EDQUOT: FULL,
  ENOMEM: ["LMDBX_NO_MEMORY", "memory ran out. Use less, or add some"],
  EMFILE: ["LMDBX_IO", "too many files are open. Allow more (ulimit -n)"],
  ENFILE: ["LMDBX_IO", "too many files are open in the system. End some programs"],
  ENOENT: ["LMDBX_NOT_FOUND", "nothing is there. Check the path"],
  ENOTDIR: NO_DIRECTORY,
  EEXIST: TAKEN,
  ENOTEMPTY: TAKEN,
  ENAMETOOLONG: ["LMDBX_NOT_FOUND", "a name in the path is too long. Check the path"],
  ELOOP: ["LMDBX_NOT_FOUND", "its links lead in a circle. Check the path"],
  EISDIR: ["LMDBX_FORMAT", "a directory stands where a file is needed. Check the path"],
};

/** mkdir with parents says that a parent exists already, which is a file. */
function meaningOf({ code, syscall }) {
  if (code === "EEXIST" && syscall === "mkdir") return NO_DIRECTORY;
  return SYSTEM[code] ?? ["LMDBX_IO", "the system failed. See to the disk"];
}

/**
 * The error of a system call; any other as it is.
 * @param {any} error
 * @param {string} [file] - if the error names none
 * @param {string} [doing] - what was being done: "import: "
 */
function described(error, file, doing = "") {
  if (error?.syscall === undefined) return error;
  const place = error.dest ?? error.path ?? file;
  const [code, what] = meaningOf(error);
  const where = place === undefined ? "" : ` ${place}`;
  const message = `${doing}${error.syscall}${where}: ${what} (${error.code})`;
  return Object.assign(createError(code, message, place), { cause: error });
}

module.exports = { described };
