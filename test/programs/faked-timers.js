"use strict";
// Works where a test has put its own functions in place of all timers, partly before it loads the
// package.

const { say, args } = require("../support/child.js");

/** Bun's node:timers has the global functions; and its own fake timers leave setImmediate alone. */
const atLoad = process.versions.bun === undefined ? ["setImmediate"] : [];
const faked = ["setTimeout", "setInterval", "queueMicrotask", ...atLoad];
for (const name of faked) globalThis[name] = () => {};
const { createLMDBXRepository } = require("../..");

globalThis.setImmediate = () => {};

async function main() {
  const { path } = args;
  const repository = createLMDBXRepository({ path });
  const indexes = Array.from({ length: 5000 }, (_, i) => i);
  await Promise.all(indexes.map((i) => repository.put("t", i, { i })));
  for (const i of [...indexes, ...indexes]) await repository.get("t", i);
  const values = await Promise.all(indexes.map((i) => repository.get("t", i)));
  const listed = await repository.list("t");
  await repository.transaction((tx) => tx.put("t", "last", 1));
  await repository.close();
  say({ values: values.length, listed: listed.length });
}

main();
