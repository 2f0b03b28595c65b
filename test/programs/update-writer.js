"use strict";
// Increments counters from many lanes until it is killed. Says ["issued", counter] before each
// update, and ["acknowledged", counter, value] once it is told that it is on disk.

const { createLMDBXRepository } = require("../..");
const { args, say } = require("../support/child.js");
const { randomOf } = require("../support/random.js");

/** @type {{ path: string, counters: number, lanes: number, seed: number, config: object }} */
const { path, counters, lanes, seed, config } = args;
const repository = createLMDBXRepository({ path, ...config });
const random = randomOf(seed);

async function lane() {
  for (;;) {
    const counter = random(counters);
    say(["issued", counter]);
    const value = await repository.update("t", counter, (current = 0) => current + 1);
    say(["acknowledged", counter, value]);
  }
}

(async () => {
  await repository.ready();
  say("ready");
  for (let i = 0; i < lanes; i++) void lane();
})();
