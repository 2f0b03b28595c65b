"use strict";
// Keys as 0.3.x stored them: the string `tenantId:JSON(key)` in the encoding of npm lmdb for keys.
//
//   +------------------+---------------------------+
//   | 1B, if the first | UTF-8; of strings under   |
//   | character is     | 64 characters those up to |
//   | below U+001C     | U+0004 behind a 04        |
//   +------------------+---------------------------+
//
// They are read as bytes and decoded here: the decoder of npm lmdb takes a NUL for a separator and
// puts up with invalid UTF-8.

const { strictText } = require("../strict-text.js");

const ESCAPED_START = 0x1b;
const ESCAPE = 0x04;
/** Characters from which on lmdb escapes nothing but the start. */
const LONG = 64;

/**
 * Takes the escapes of a short string out.
 * @param {Uint8Array} bytes
 * @returns {Uint8Array | undefined} undefined if such bytes come from no short string
 */
function unescaped(bytes) {
  const plain = [];
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] > ESCAPE) {
      plain.push(bytes[at]);
    } else if (bytes[at] === ESCAPE && at + 1 < bytes.length && bytes[at + 1] <= ESCAPE) {
      plain.push(bytes[++at]);
    } else {
      return undefined;
    }
  }
  return Uint8Array.from(plain);
}

/**
 * The string whose encoding the bytes are; undefined if there is none, or more than one.
 * @param {Uint8Array} bytes
 * @returns {string | undefined}
 */
function decodeString(bytes) {
  if (bytes[0] < ESCAPED_START) return undefined; // a number, a boolean, a symbol
  const isEscaped = bytes[0] === ESCAPED_START;
  const body = isEscaped ? bytes.subarray(1) : bytes;
  const short = unescaped(body);
  const shortText = short && strictText(short);
  const text = strictText(body);
  const candidates = [];
  if (shortText !== undefined && shortText.length < LONG) candidates.push(shortText);
  if (text !== undefined && text.length >= LONG) candidates.push(text);
  if (candidates.length !== 1) return undefined;
  const needsEscape = !(candidates[0].charCodeAt(0) > ESCAPED_START);
  return isEscaped === needsEscape ? candidates[0] : undefined;
}

/**
 * Tells tenant and key of a stored key, by the rule of docs/format.md: what follows one of its
 * colons is one JSON text.
 * @param {Uint8Array} bytes
 * @returns {{ tenantId: string, key: unknown } | { reason: string, text: string | undefined }}
 */
function readOldKey(bytes) {
  const text = decodeString(bytes);
  const foreign = (reason) => ({ reason, text });
  if (text === undefined) return foreign("the key is no string that 0.3.x could have written");
  for (let colon = text.indexOf(":"); colon >= 0; colon = text.indexOf(":", colon + 1)) {
    const keyText = text.slice(colon + 1);
    let key;
    try {
      key = JSON.parse(keyText);
    } catch {
      continue;
    }
    if (colon === 0) return foreign("the tenant id is empty");
    // Stored under another text, it would not be found under its own.
    if (JSON.stringify(key) !== keyText) {
      return foreign("the part behind the tenant id is not as JSON.stringify writes it");
    }
    return { tenantId: text.slice(0, colon), key };
  }
  return foreign("the key is not of the form tenant:JSON");
}

module.exports = { readOldKey, decodeString };
