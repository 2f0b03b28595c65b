"use strict";
// What JavaScript does for each encoding: the texts of values for those that are text, and what
// becomes of the addon's answers. Values in msgpack are encoded by the addon.

const addon = require("./addon.js");
const { assemble } = require("./assemble.js");
const { NotJSON, parseJSON } = require("./decode.js");
const { createError, typeError } = require("./errors.js");

/** @param {unknown} value */
function jsonText(value) {
  let text;
  let cause;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    cause = error;
  }
  if (text !== undefined) return text;
  const reason =
    cause instanceof Error
      ? cause.message
      : value === undefined
        ? "undefined has no JSON text; to remove a record use delete"
        : `a ${typeof value} has no JSON text`;
  throw typeError("LMDBX_INVALID_VALUE", `put: ${reason}`, { cause });
}

/** @param {unknown} value */
function stringText(value) {
  if (typeof value === "string") return value;
  const given = value === null ? "null" : typeof value;
  throw typeError("LMDBX_INVALID_VALUE", `put: encoding "string" stores strings, not ${given}`);
}

/**
 * By encoding; none for msgpack.
 * @type {Record<string, ((value: unknown) => string) | undefined>}
 */
const textOf = { json: jsonText, string: stringText };

/** @param {string | string[] | { value: unknown }} answer */
function msgpackValue(answer) {
  return typeof answer === "string" || Array.isArray(answer) ? assemble(answer) : answer.value;
}

/** @param {string | string[] | { value: string }} answer */
function jsonValue(answer) {
  if (typeof answer === "string" || Array.isArray(answer)) return assemble(answer);
  const value = parseJSON(answer.value);
  if (value instanceof NotJSON) throw value;
  return value;
}

/** How the answer of a get becomes its value. */
const decoderOf = { msgpack: msgpackValue, json: jsonValue, string: (text) => text };

/**
 * The error of text that is not JSON.
 * @param {NotJSON} what
 * @param {string} path
 * @param {string} tenantId
 * @param {string} keyText
 */
function notJSON({ text }, path, tenantId, keyText) {
  const message =
    `get: the stored value is not JSON at byte ${addon.jsonPosition(text)}; was this written with ` +
    "encoding msgpack or string?";
  return createError("LMDBX_DECODE", message, path, tenantId, keyText);
}

module.exports = { textOf, decoderOf, jsonValue, notJSON };
