"use strict";
// Loads many small records from an async source. Says how many there were, and by how much the process
// grew meanwhile.

const { createLMDBXRepository } = require("../..");
const { args, collect, say, turn } = require("../support/child.js");
const { usage } = require("../support/process.js");

/** @type {{ path: string, count: number }} */
const { path, count } = args;

async function* records(to) {
  for (let i = 0; i < to; i++) {
    yield ["t", `record ${i}`, { number: i, text: `${i}`.padEnd(200), list: [i, `item ${i}`] }];
  }
}

async function main() {
  const repository = createLMDBXRepository({ path });
  await repository.bulkLoad(records(count / 10)); // what the engine and the addon keep for later
  collect();
  await turn();
  const before = usage().memory;
  let most = before;
  const onProgress = () => (most = Math.max(most, usage().memory));
  const loaded = await repository.bulkLoad(records(count), { onProgress });
  say({ loaded, grown: most - before });
  await repository.close();
}

main();
