"use strict";

const { isUtf8 } = require("node:buffer");

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The text of bytes that are UTF-8; undefined for others. Asked of them first, since the TextDecoder of
 * Node.js before 20.6 takes some that are not, fatal or not.
 * @param {Uint8Array} bytes
 * @returns {string | undefined}
 */
function strictText(bytes) {
  return isUtf8(bytes) ? decoder.decode(bytes) : undefined;
}

module.exports = { strictText };
