"use strict";
// Iterates over many records. Says how many there were, by how much the process grew meanwhile, and
// how long its loop was held between two turns, as a rule.

const { createLMDBXRepository } = require("../..");
const { args, collect, say, turn } = require("../support/child.js");
const { usage } = require("../support/process.js");

const COUNT = 200_000;
const BATCH = 10_000;

async function main() {
  const repository = createLMDBXRepository({ path: args.path });
  for (let at = 0; at < COUNT; at += BATCH) {
    const puts = Array.from({ length: BATCH }, (_, index) => {
      const number = at + index;
      return repository.put("t", `record ${number}`, { number, text: `text of ${number}`, list: [1, 2] });
    });
    await Promise.all(puts);
  }
  collect();
  await turn();
  const before = usage().memory;
  let most = before;
  let done = false;
  const gaps = [];
  const watch = async () => {
    for (let last = performance.now(); !done; ) {
      await new Promise(setImmediate);
      const now = performance.now();
      gaps.push(now - last);
      last = now;
    }
  };
  const watched = watch();
  const counted = {};
  for (const call of ["keys", "values", "entries"]) {
    counted[call] = 0;
    for await (const item of repository[call]("t")) {
      if (item === undefined) throw new Error("nothing in the place of an item");
      if (++counted[call] % 20_000 === 0) most = Math.max(most, usage().memory);
    }
  }
  done = true;
  await watched;
  gaps.sort((a, b) => a - b);
  const worked = gaps.slice(-Math.min(gaps.length, 900)); // the turns in which a page came
  say({ counted, grown: most - before, held: worked[worked.length >> 1] });
  await repository.close();
}

main();
