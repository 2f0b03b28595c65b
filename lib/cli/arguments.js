"use strict";
// Arguments that several commands take.

const { UsageError } = require("./exit.js");

const FACTORS = { "": 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 };

/**
 * A number of bytes: 1000000, 1M, 512Mi.
 * @param {string} option
 * @param {string} text
 */
function readSize(option, text) {
  const [, digits, unit] = /^(\d+)([kMGT]?|[KMGT]i)B?$/.exec(text) ?? [];
  const size = Number(digits) * FACTORS[unit];
  if (Number.isSafeInteger(size) && size > 0) return size;
  throw new UsageError(`${option}: ${JSON.stringify(text)} is no number of bytes, such as 1000000 or 512M`);
}

module.exports = { readSize };
