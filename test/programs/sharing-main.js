"use strict";
// A main thread and its worker threads use one database. Says how often it was mapped, at each step.

const { once } = require("node:events");
const path = require("node:path");
const { Worker } = require("node:worker_threads");

const { createLMDBXRepository } = require("../..");
const { args, say } = require("../support/child.js");
const { mappings } = require("../support/process.js");

async function start(options) {
  const workerData = { path: args.path, options };
  const worker = new Worker(path.join(__dirname, "sharing-worker.js"), { workerData });
  const [message] = await once(worker, "message");
  return { worker, message };
}

async function main() {
  const repository = createLMDBXRepository({ path: args.path, maxReaders: 100 });
  await repository.put("t", "main", 1);
  const workers = await Promise.all([start(), start({ name: "named" }), start({ maxReaders: 7 })]);
  say(workers.map(({ message }) => message));
  say({ shared: mappings(args.path), read: await repository.get("t", "worker") });
  await repository.close();
  say({ closed: mappings(args.path) });
  const [first, second, third] = workers.map(({ worker }) => worker);
  first.postMessage("close");
  await once(first, "exit");
  say({ first: mappings(args.path) });
  // To wait for the end of a worker does not keep Bun 1.2 alive.
  const alive = setInterval(() => {}, 1000);
  await Promise.all([second.terminate(), third.terminate()]);
  clearInterval(alive);
  say({ terminated: mappings(args.path) });
}

main();
