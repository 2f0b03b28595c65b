"use strict";
// Loaded before a test file by Bun 1.2, whose node:test does not wait for what a test returns: every
// asynchronous test passes there. Bun's own test runner, which waits, takes its place.

const { afterAll, beforeAll, describe, test } = require("bun:test");

/** As in node:test: the options, which may be left out, stand before the body. */
function declare(name, ...rest) {
  const body = rest.pop();
  const { skip, timeout } = rest[0] ?? {};
  const run = skip ? test.skip : test;
  run(name, () => body({}), timeout);
}

Object.assign(require("node:test"), { after: afterAll, before: beforeAll, describe, test: declare });
