"use strict";
// Uses repositories and drops them. Says how many databases stay open although nobody can reach
// their repositories, with operations that had settled and with some under way.

const fs = require("node:fs");
const path = require("node:path");

const { createLMDBXRepository } = require("../..");
const { args, collectUntil, say } = require("../support/child.js");

const COUNT = 20;

const stillOpen = () =>
  fs.readFileSync("/proc/self/maps", "utf8").split("data.mdb\n").length - 1;

async function use(index) {
  const repository = createLMDBXRepository({ path: path.join(args.path, String(index)) });
  await repository.put("t", "k", index);
  repository.put("t", "late", index);
  return repository.get("t", "k");
}

async function main() {
  await Promise.all(Array.from({ length: COUNT }, (_, index) => use(index)));
  const before = stillOpen();
  // An engine that scans the stack may keep one that it has just seen.
  await collectUntil(() => stillOpen() <= 1);
  say({ before, after: stillOpen() });
}

main();
