"use strict";
// Writes one record after the other until it is killed, or whoever started it is gone.

const { createLMDBXRepository } = require("../..");
const { args, say } = require("../support/child.js");

async function main() {
  const repository = createLMDBXRepository({ path: args.path });
  for (let i = 0; ; i++) {
    await repository.put("writer", i % 100, i);
    if (i === 0) say("writing");
  }
}

process.stdin.resume().on("end", () => process.exit());
main();
