"use strict";
// Loaded by every program made from a code block: checks what it prints.

const assert = require("node:assert/strict");

const missing = new Set();

function printed(line, actual, expected) {
  missing.delete(line);
  assert.deepStrictEqual(actual, expected(), `line ${line} of the document printed something else`);
  console.log(actual);
}

/** Which lines must have printed before the program ends. */
printed.expect = (lines) => lines.forEach((line) => missing.add(line));

process.on("exit", (code) => {
  if (code !== 0 || missing.size === 0) return;
  console.error(`never printed: line ${[...missing].join(", ")} of the document`);
  process.exitCode = 1;
});

globalThis.printed = printed;
