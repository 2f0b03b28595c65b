"use strict";
// Errors as users meet them. The codes and which class carries them come from one table, in
// src/lmdbx.h; the addon calls createError.

/** The most characters of a key that a message shows: keys can be personal data. */
const SHOWN_KEY = 64;

class LMDBXError extends Error {
  get name() {
    return "LMDBXError";
  }
}

/** In the order of enum lmdbx_error_kind. */
const classes = [LMDBXError, TypeError, RangeError];
const ERROR = 0;
const TYPE = 1;
const RANGE = 2;

/** @param {string} text */
function shortened(text) {
  return text.length > SHOWN_KEY ? `${text.slice(0, SHOWN_KEY)}...` : text;
}

/**
 * @param {string} code
 * @param {string} message - what was being done, and what to do
 * @param {string} [path] - of the repository
 * @param {string} [tenantId]
 * @param {string} [keyText] - the JSON text of the key
 * @param {number} [errno] - of the system or LMDB; 0: none
 * @param {number} [kind] - index into classes
 * @param {number} [operation] - of several in one commit: 1 + its index; 0: none
 * @returns {Error & { code: string }}
 */
function createError(code, message, path, tenantId, keyText, errno, kind = ERROR, operation = 0) {
  const place = [];
  if (path !== undefined && !message.includes(path)) place.push(path);
  if (tenantId !== undefined) place.push(`tenant ${shortened(JSON.stringify(tenantId))}`);
  if (keyText !== undefined) place.push(`key ${shortened(keyText)}`);
  const where = place.length > 0 ? ` (${place.join(", ")})` : "";
  const error = new classes[kind](message + where);
  const properties = { code };
  if (path !== undefined) properties.path = path;
  if (tenantId !== undefined) properties.tenantId = tenantId;
  if (keyText !== undefined) properties.key = JSON.parse(keyText);
  if (errno) properties.errno = errno;
  if (operation > 0) properties.index = operation - 1;
  return Object.assign(error, properties);
}

/**
 * @param {string} code
 * @param {string} message
 * @param {{ tenantId?: unknown, key?: unknown, cause?: unknown }} [details]
 */
function typeError(code, message, { cause, ...properties } = {}) {
  const error = createError(code, message, undefined, undefined, undefined, 0, TYPE);
  if (cause !== undefined) error.cause = cause;
  return Object.assign(error, properties);
}

/**
 * @param {string} code
 * @param {string} message
 */
function rangeError(code, message) {
  return createError(code, message, undefined, undefined, undefined, 0, RANGE);
}

/**
 * Names the operation that an error is about, one of several.
 * @param {any} error - with the properties it has already
 * @param {string} what - "operation"
 * @param {{ index?: number, tenantId?: unknown, key?: unknown }} place
 */
function nameOperation(error, what, place) {
  if (place.index === undefined || !isLMDBXError(error)) return error;
  error.message = `${what} ${place.index}: ${error.message}`;
  return Object.assign(error, { ...place, ...error, index: place.index });
}

/** Whether something caught is an error of this package, of whatever class and copy. */
function isLMDBXError(error) {
  return error instanceof Error && typeof error.code === "string" && /^LMDBX_/.test(error.code);
}

module.exports = { LMDBXError, createError, typeError, rangeError, isLMDBXError, nameOperation };
