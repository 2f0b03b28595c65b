"use strict";
// Changes the keys of a tenant through the replaced package until it is killed. Before it issues a
// change it says so, and again when it has been told that the change is committed: ["issued" |
// "acknowledged", key, number].

const { args, say } = require("../support/child.js");
const { change } = require("../support/ledger.js");
const { randomOf } = require("../support/random.js");
const { ReplacedRepository } = require("../../bench/peers/replaced.js");

/** @type {{ lmdb: string, config: object, tenant: string, seed: number, numbers: number[] }} */
const { lmdb, config, tenant, seed, numbers } = args;
const LANES = 4;
const repository = new ReplacedRepository(config, require(lmdb));

async function lane(index) {
  const random = randomOf(seed + index);
  for (;;) {
    const key = index + LANES * random(numbers.length / LANES);
    const changes = [];
    for (let left = 1 + random(3); left > 0; left--) {
      const number = ++numbers[key];
      say(["issued", key, number]);
      const done = change(repository, tenant, key, number);
      changes.push(done.then(() => say(["acknowledged", key, number])));
    }
    await Promise.all(changes);
  }
}

for (let index = 0; index < LANES; index++) lane(index);
