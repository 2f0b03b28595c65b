"use strict";
// A main thread and a Worker of the web's kind use one database. Says what each of them found.

const { isMainThread } = require("node:worker_threads");

const { createLMDBXRepository } = require("../..");
const { args, say } = require("../support/child.js");
const { mappings } = require("../support/process.js");
const { until } = require("../support/turn.js");

async function main() {
  const repository = createLMDBXRepository({ path: args.path });
  await repository.put("t", "main", 1);
  const worker = new globalThis.Worker(__filename);
  const heard = new Promise((resolve) => (worker.onmessage = ({ data }) => resolve(data)));
  worker.postMessage(args.path);
  say({ worker: await heard, main: await repository.get("t", "worker") });
  say({ mapped: mappings(args.path) });
  worker.terminate();
  await repository.close();
  // Bun 1.2 does not stay alive for the event that a worker has ended.
  await until(() => mappings(args.path) === 0, "nobody should have it open");
  say({ mapped: mappings(args.path) });
}

if (isMainThread) {
  main();
} else {
  globalThis.onmessage = async ({ data }) => {
    const repository = createLMDBXRepository({ path: data });
    await repository.put("t", "worker", 2);
    globalThis.postMessage(await repository.get("t", "main"));
  };
}
