"use strict";
// Asks for a write while another process has the turn to write, and ends in the way that args.way
// says, once it is told to.

const { Worker, isMainThread, parentPort, workerData } = require("node:worker_threads");

const { createLMDBXRepository } = require("../..");
const child = require("../support/child.js");

const args = isMainThread ? child.args : workerData;

const ways = {
  "process.exit": () => process.exit(3),
  "process.exit beside a worker thread": () => process.exit(3),
  "an uncaught exception": () => {
    throw new Error("on purpose");
  },
  "worker.terminate": (worker) => worker.terminate(),
  "the natural end": () => process.stdin.destroy(),
};

/** Says when a read was answered; the write has been asked for by then. */
async function ask() {
  const repository = createLMDBXRepository({ path: args.path });
  await repository.ready();
  const writing = args.create
    ? createLMDBXRepository({ path: args.path, name: "new" })
    : repository;
  writing.put("t", "waiting", 1).then(
    () => child.say("written"),
    (error) => child.say(error.code),
  );
  await repository.get("t", 1);
  child.say("read");
}

if (isMainThread) {
  const worker = args.way.includes("worker")
    ? new Worker(__filename, { workerData: args })
    : undefined;
  if (worker === undefined) ask();
  child.listen(() => ways[args.way](worker));
  worker?.once("exit", () => process.stdin.destroy());
} else {
  ask();
  parentPort.once("message", () => {}); // lives until it is terminated
}
