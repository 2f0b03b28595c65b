"use strict";

const { LMDBXError, isLMDBXError } = require("./errors.js");
const { LMDBXRepository } = require("./repository.js");

/** @param {import("../index.d.ts").LMDBXConfig} config */
function createLMDBXRepository(config) {
  return new LMDBXRepository(config);
}

module.exports = { createLMDBXRepository, LMDBXRepository, LMDBXError, isLMDBXError };
