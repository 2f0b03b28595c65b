"use strict";
// Iterates over many records. Says how many there were, by how much the process grew meanwhile, how
// many records came in one turn of its loop at most, and how long a turn was that took half of the
// time, with those that were longer.

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
  let inTurn = 0;
  let mostInTurn = 0;
  const watch = async () => {
    for (let last = performance.now(); !done; ) {
      await new Promise(setImmediate);
      const now = performance.now();
      gaps.push(now - last);
      last = now;
      mostInTurn = Math.max(mostInTurn, inTurn);
      inTurn = 0;
    }
  };
  const watched = watch();
  const counted = {};
  for (const call of ["keys", "values", "entries"]) {
    counted[call] = 0;
    for await (const item of repository[call]("t")) {
      if (item === undefined) throw new Error("nothing in the place of an item");
      inTurn++;
      if (++counted[call] % 20_000 === 0) most = Math.max(most, usage().memory);
    }
  }
  done = true;
  await watched;
  gaps.sort((a, b) => b - a);
  let left = gaps.reduce((sum, gap) => sum + gap, 0) / 2;
  const held = gaps.find((gap) => (left -= gap) <= 0);
  say({ counted, grown: most - before, held, mostInTurn });
  await repository.close();
}

main();
