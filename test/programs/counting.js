"use strict";
// Increments one counter from many lanes, and says how often the function ran.

const { createLMDBXRepository } = require("../..");
const { args, say } = require("../support/child.js");

/** @type {{ path: string, lanes: number, count: number, config: object }} */
const { path, lanes, count, config } = args;
const repository = createLMDBXRepository({ path, ...config });
let left = count;
let calls = 0;

async function lane() {
  while (left-- > 0) {
    await repository.update("t", "counter", (current = 0) => {
      calls++;
      return current + 1;
    });
  }
}

(async () => {
  await repository.ready();
  say("ready");
  await Promise.all(Array.from({ length: lanes }, lane));
  await repository.close();
  say({ calls });
})();
