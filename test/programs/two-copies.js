"use strict";
// Loads two copies of the package, and lets both have a database. Says what each of them gets.

const { args, say } = require("../support/child.js");

const outcome = (promise) =>
  promise.then(
    (value) => value,
    (error) => error.code,
  );

async function main() {
  const [first, second] = args.copies.map((copy) => require(copy));
  const one = first.createLMDBXRepository({ path: args.path });
  await one.put("t", "k", "written by the first");
  const two = second.createLMDBXRepository({ path: args.path });
  const apart = second.createLMDBXRepository({ path: `${args.path}-2` });
  say({
    copies: first.createLMDBXRepository !== second.createLMDBXRepository,
    ready: await outcome(two.ready()),
    put: await outcome(two.put("t", "k", "damage")),
    close: (await outcome(two.close())) ?? "closed",
    apart: (await outcome(apart.put("t", "k", 1))) ?? "written",
    first: await outcome(one.get("t", "k")),
  });
  await one.close();
  const again = second.createLMDBXRepository({ path: args.path });
  say({ again: await outcome(again.get("t", "k")) });
  await Promise.all([again.close(), apart.close()]);
}

main();
