"use strict";
// This package.

const { LMDBXRepository } = require("../..");

/** @param {{ directory: string, encoding: string, readOnly?: boolean }} options */
function open({ directory, encoding, readOnly }) {
  return new LMDBXRepository({ path: directory, encoding, readOnly });
}

module.exports = { open };
