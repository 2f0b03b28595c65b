"use strict";
// Loaded before a test file by Bun 1.2, whose node:test does not wait for what a test returns: every
// asynchronous test passes there. Bun's own test runner, which waits, takes its place.

/** A function of Bun's runner. It is of the file that asks for it: Bun 1.2.0 crashes where one that
 * was had here, before there was a file, is called in a file. */
const own =
  (name) =>
  (...args) =>
    require("bun:test")[name](...args);

/** As in node:test: the options, which may be left out, stand before the body. */
function declare(name, ...rest) {
  const { test } = require("bun:test");
  const body = rest.pop();
  const { skip, timeout } = rest[0] ?? {};
  const run = skip ? test.skip : test;
  run(name, () => body({}), timeout);
}

Object.assign(require("node:test"), {
  after: own("afterAll"),
  before: own("beforeAll"),
  describe: own("describe"),
  test: declare,
});
