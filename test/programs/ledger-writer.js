"use strict";
// Changes the keys of a tenant until it is killed. Before it issues a change it says so, and again
// when it has been told that the change is on disk: ["issued" | "acknowledged", key, number].

const { createLMDBXRepository } = require("../..");
const { args, say } = require("../support/child.js");
const { LANES, issueChanges, same, stateOf } = require("../support/ledger.js");
const { randomOf } = require("../support/random.js");

/** @type {{ path: string, tenant: string, seed: number, numbers: number[] }} */
const { path, tenant, seed, numbers } = args;

async function lane(index) {
  const random = randomOf(seed + index);
  let repository = createLMDBXRepository({ path });
  for (;;) {
    const { key, acknowledged } = issueChanges(repository, args, index, random, say);
    const found = repository.get(tenant, key);
    if (!same(await found, stateOf(key, numbers[key]))) throw new Error(`read of own write ${key}`);
    await acknowledged;
    if (random(50) > 0) continue;
    await repository.close();
    repository = createLMDBXRepository({ path });
  }
}

for (let index = 0; index < LANES; index++) lane(index);
