"use strict";
// Lists many keys again and again, and keeps one of each list. Says what memory that takes.

const { createLMDBXRepository } = require("../..");
const { args, collect, say } = require("../support/child.js");

const COUNT = 2000;
const keyOf = (i) => `a key of some length, ${String(i).padStart(8, "0")}`;

async function main() {
  const repository = createLMDBXRepository({ path: args.path });
  await Promise.all(Array.from({ length: COUNT }, (_, i) => repository.put("t", keyOf(i), i)));
  const kept = [];
  const list = async () => (await repository.list("t"))[kept.length % COUNT];
  for (let i = 0; i < 100; i++) await list();
  collect();
  const before = process.memoryUsage().rss;
  while (kept.length < args.lists) kept.push(await list());
  collect();
  say({ grew: process.memoryUsage().rss - before, right: kept.every((key, i) => key === keyOf(i % COUNT)) });
  await repository.close();
}

main();
