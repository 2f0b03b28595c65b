"use strict";
// Begins iterators, lists and snapshots, and drops them in the middle. Says how many read
// transactions are in use before and after garbage has been collected.

const { createLMDBXRepository } = require("../..");
const { counters } = require("../../lib/repository.js");
const { args, collect, collectUntil, say, turn } = require("../support/child.js");

const COUNT = 40;
/** Ended read transactions keep their slots for the next readers: LMDBX__MAX_IDLE_READS. */
const MOST_IDLE = 8;
const RECORDS = 2000;

async function hold(repository, make) {
  const idle = counters(repository).readers;
  const held = [];
  while (held.length < COUNT) held.push(await make(repository));
  const before = counters(repository).readers - idle;
  held.length = 0;
  return { idle, before };
}

async function measure(repository, make) {
  const { idle, before } = await hold(repository, make);
  const inUse = () => counters(repository).readers - idle;
  await collectUntil(() => inUse() <= MOST_IDLE);
  return { before, after: inUse() };
}

async function main() {
  const repository = createLMDBXRepository({ path: args.path });
  const puts = Array.from({ length: RECORDS }, (_, number) => repository.put("t", number, { number }));
  await Promise.all(puts);
  await repository.count("t");
  const iterators = await measure(repository, async (given) => {
    const iterator = given.values("t");
    await iterator.next();
    return iterator;
  });
  const snapshots = await measure(repository, async (given) => {
    const snapshot = given.snapshot();
    const iterator = snapshot.values("t");
    await Promise.all([snapshot.get("t", 1), iterator.next()]);
    return [snapshot, iterator];
  });
  const fresh = await measure(repository, async (given) => given.snapshot());
  // Somebody who holds but an iterator of a snapshot can go on with it.
  const iterator = repository.snapshot().keys("t");
  for (let round = 0; round < 20; round++) {
    collect();
    await turn();
  }
  let left = 0;
  for await (const key of iterator) left += key === undefined ? 0 : 1;
  say({ iterators, snapshots, fresh, left });
  await repository.close();
}

main();
