"use strict";
// Ends while a snapshot is open, and iterators of it are in the middle.

const { createLMDBXRepository } = require("../..");
const { args, say } = require("../support/child.js");

async function main() {
  const repository = createLMDBXRepository({ path: args.path });
  const puts = Array.from({ length: 2000 }, (_, number) => repository.put("t", number, { number }));
  await Promise.all(puts);
  const snapshot = repository.snapshot();
  globalThis.held = [snapshot, repository.snapshot(), snapshot.values("t"), repository.values("t")];
  await Promise.all(globalThis.held.slice(2).map((iterator) => iterator.next()));
  say(await snapshot.has("t", 1));
}

main();
