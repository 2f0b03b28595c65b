"use strict";
// Calls of the replaced package, and what came of each: { lmdb, config, calls: [[method, ...args]] }.

const { args, say } = require("../support/child.js");
const { ReplacedRepository } = require("../../bench/peers/replaced.js");
const lmdb = require(args.lmdb ?? "lmdb");

async function main() {
  const repository = new ReplacedRepository(args.config, lmdb);
  for (const [method, ...rest] of args.calls) {
    try {
      say({ value: await repository[method](...rest) });
    } catch (error) {
      say({ error: error.message });
    }
  }
  await repository.close();
}

main();
