"use strict";
// Reads what writers in other processes are changing until it is told to end: every value must be a
// state of its key, and of one key no earlier one than was read before. Says how often it read.

const { createLMDBXRepository } = require("../..");
const { args, listen, say } = require("../support/child.js");
const { same, stateOf } = require("../support/ledger.js");
const { randomOf } = require("../support/random.js");

const { path, tenants, keys, seed } = args;
const random = randomOf(seed);
let ending = false;

async function main() {
  let repository = createLMDBXRepository({ path });
  const newest = new Map();
  let reads = 0;
  while (!ending) {
    const tenant = tenants[random(tenants.length)];
    const wanted = Array.from({ length: 1 + random(10) }, () => random(keys));
    const values = await Promise.all(wanted.map((key) => repository.get(tenant, key)));
    wanted.forEach((key, at) => {
      const value = values[at];
      if (value === undefined) return;
      const name = `${tenant} ${key}`;
      if (!same(value, stateOf(key, value.number))) throw new Error(`${name} holds no state of it`);
      if (value.number < (newest.get(name) ?? 0)) throw new Error(`${name} went back in time`);
      newest.set(name, value.number);
    });
    if (random(20) === 0) {
      for (const key of await repository.list(tenant)) {
        if (!(key >= 0 && key < keys)) throw new Error(`${tenant} lists ${JSON.stringify(key)}`);
      }
    }
    reads += wanted.length;
    if (reads === wanted.length) say("reading");
    if (random(100) > 0) continue;
    await repository.close();
    repository = createLMDBXRepository({ path });
  }
  await repository.close();
  say({ reads });
  process.exit(0);
}

listen(() => (ending = true));
main();
