"use strict";
// Ends while a tenant is being cleared: the process, or the worker thread that clears it.

const { Worker, isMainThread, workerData } = require("node:worker_threads");

const { createLMDBXRepository } = require("../..");
const child = require("../support/child.js");

const args = isMainThread ? child.args : workerData;

async function clear(end) {
  const repository = createLMDBXRepository({ path: args.path });
  await repository.ready();
  repository.clearTenant("t").then(
    (count) => child.say({ count }),
    (error) => child.say({ code: error.code }),
  );
  // Behind it in the queue, by another thread's worker or this one's.
  repository.put("u", "behind", 1).catch(() => {});
  setTimeout(end, args.after);
}

if (!isMainThread) {
  clear(() => process.exit(0));
} else if (args.thread) {
  const worker = new Worker(__filename, { workerData: args });
  worker.on("exit", () => child.say("ended"));
} else {
  clear(() => process.exit(0));
}
