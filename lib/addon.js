"use strict";
// The native addon, initialised for this JavaScript environment.

const os = require("node:os");
const { defineShape } = require("./assemble.js");
const { addValue } = require("./decode.js");
const { createError } = require("./errors.js");
const { setDefineName } = require("./flatten.js");
const { load } = require("./native.js");
const pending = require("./pending.js");
const tape = require("./tape.js");
const { afterCode, afterTurn } = require("./turn.js");
const values = require("./values.js");

/** How many threads the runtime's pool has: libuv's, or Bun's one a core. */
function poolThreads() {
  if (process.versions.bun !== undefined) return os.availableParallelism();
  const configured = Number.parseInt(process.env.UV_THREADPOOL_SIZE ?? "", 10);
  return configured > 0 ? configured : 4;
}

const addon = load();
addon.initialize({
  ...{ createError, poolThreads: poolThreads(), values, pending, tape, defineShape, addValue },
  ...{ afterCode, afterTurn },
});
setDefineName(addon.defineName);
// Node.js waits for its thread pool on the way out: a write must then not wait for the turn of
// another process.
process.on("exit", addon.stop);

module.exports = addon;
