"use strict";
// Opens, uses and closes repositories, or lets them be collected, again and again. Says what the
// process holds at a few moments on the way.

const fs = require("node:fs");
const path = require("node:path");

const { createLMDBXRepository } = require("../..");
const { counters } = require("../../lib/repository.js");
const { args, collect, say, turn } = require("../support/child.js");
const { allocated, usage } = require("../support/process.js");

const { cycles, closes, keeps, samples } = args;

/** One life: the operations of a small projection, some of them not awaited. */
async function use(directory, index) {
  const repository = createLMDBXRepository({ path: directory, name: index % 3 ? "x" : undefined });
  repository.put("t", index % 50, { index, text: "x".repeat(500) });
  await repository.get("t", index % 50);
  const reads = [repository.list("t"), repository.has("t", "no"), repository.delete("t", "no")];
  repository.tenant("t").put("k", index).catch(() => {});
  await Promise.all(reads);
  if (closes) return repository.close();
  return undefined;
}

const isMapped = (directory) =>
  fs.readFileSync("/proc/self/maps", "utf8").includes(`${directory}/data.mdb`);

/** Collects until nothing is left to collect: finalizers may take several turns, and databases
 * without an owner are closed behind them. */
async function settle(directories) {
  for (let tries = 0; tries < 100; tries++) {
    collect();
    await turn();
    if (tries > 10 && (keeps || !directories.some(isMapped))) return;
  }
}

async function main() {
  const directories = ["a", "b"].map((name) => path.join(args.path, name));
  const keepers = keeps ? directories.map((directory) => createLMDBXRepository({ path: directory })) : [];
  await Promise.all(keepers.map((keeper) => keeper.ready()));
  for (let index = 0; index < cycles; index++) {
    await use(directories[index % 2], index);
    if (index % 20 === 0) {
      collect();
      await turn();
    }
    if ((index + 1) % (cycles / samples) > 0) continue;
    await settle(directories);
    const readers = keepers.map((keeper) => counters(keeper).readers);
    const { memory: resident, ...held } = usage();
    say({ ...held, resident, memory: allocated(), readers, open: directories.filter(isMapped).length });
  }
  await Promise.all(keepers.map((keeper) => keeper.close()));
}

main();
