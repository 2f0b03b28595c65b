"use strict";
// Changes the keys of a tenant until it is killed. Before it issues a change it says so, and again
// when it has been told that the change is on disk: ["issued" | "acknowledged", key, number].

const { createLMDBXRepository } = require("../..");
const { args, say } = require("../support/child.js");
const { change, same, stateOf } = require("../support/ledger.js");
const { randomOf } = require("../support/random.js");

/** @type {{ path: string, tenant: string, seed: number, numbers: number[] }} */
const { path, tenant, seed, numbers } = args;
const LANES = 4;

async function lane(index) {
  const random = randomOf(seed + index);
  let repository = createLMDBXRepository({ path });
  for (;;) {
    const key = index + LANES * random(numbers.length / LANES);
    const changes = [];
    for (let left = 1 + random(3); left > 0; left--) {
      const number = ++numbers[key];
      say(["issued", key, number]);
      const done = change(repository, tenant, key, number);
      changes.push(done.then(() => say(["acknowledged", key, number])));
    }
    const found = repository.get(tenant, key);
    if (!same(await found, stateOf(key, numbers[key]))) throw new Error(`read of own write ${key}`);
    await Promise.all(changes);
    if (random(50) > 0) continue;
    await repository.close();
    repository = createLMDBXRepository({ path });
  }
}

for (let index = 0; index < LANES; index++) lane(index);
