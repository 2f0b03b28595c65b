"use strict";
// Stored keys, as docs/format.md has them.

const { strictText } = require("../strict-text.js");

/**
 * Tenant and key: what follows one of the colons is one JSON text.
 * @param {Uint8Array} bytes
 * @returns {{ tenantId: string, key: unknown } | undefined} undefined: it is none of ours
 */
function readStoredKey(bytes) {
  const text = strictText(bytes);
  if (text === undefined) return undefined;
  for (let colon = text.indexOf(":", 1); colon >= 1; colon = text.indexOf(":", colon + 1)) {
    const keyText = text.slice(colon + 1);
    try {
      const key = JSON.parse(keyText);
      return JSON.stringify(key) === keyText ? { tenantId: text.slice(0, colon), key } : undefined;
    } catch {
      // then it is a later colon
    }
  }
  return undefined;
}

/** What the stored keys of checkpoints begin with; a byte FF is no part of UTF-8, so of no tenant. */
const CHECKPOINT = Buffer.from("\xffcheckpoint:", "latin1");

/**
 * The name of a checkpoint.
 * @param {Buffer} bytes
 * @returns {string | undefined} undefined: it is the key of none
 */
function readCheckpointKey(bytes) {
  if (!bytes.subarray(0, CHECKPOINT.length).equals(CHECKPOINT)) return undefined;
  return strictText(bytes.subarray(CHECKPOINT.length));
}

module.exports = { readCheckpointKey, readStoredKey };
