"use strict";
// Ends in the middle of a backup, in the way that args.way says: the process, or a worker thread in
// it. Says when a part of the backup is done, and ends then, or when the next one is under way.

const { Worker, isMainThread, parentPort, workerData } = require("node:worker_threads");

const { createLMDBXRepository } = require("../..");
const child = require("../support/child.js");

const { path, target, compact, way, inPart, told } = isMainThread ? child.args : workerData;

const ways = {
  "process.exit": () => process.exit(3),
  "an uncaught exception": () =>
    process.nextTick(() => {
      throw new Error("on purpose");
    }),
  SIGKILL: () => process.kill(process.pid, "SIGKILL"),
  "worker.terminate": () => {
    parentPort.postMessage("terminate");
    // Or a slow machine would finish the backup before it hears of it. Bun 1.2 ends no thread that
    // never returns to its event loop.
    while (Atomics.load(told, 0) === 0);
  },
};

let said = false;
function onProgress() {
  if (said) return;
  said = true;
  child.say("under way");
  if (inPart) setImmediate(ways[way]);
  else ways[way]();
}

if (way === "worker.terminate" && isMainThread) {
  const shared = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(__filename, { workerData: { ...child.args, told: shared } });
  worker.once("message", () => {
    worker.terminate();
    Atomics.store(shared, 0, 1);
  });
  // Bun before 1.3.14 counts a worker that is told to end as no reason to stay alive.
  const alive = setInterval(() => {}, 1000);
  worker.once("exit", () => clearInterval(alive));
} else {
  createLMDBXRepository({ path }).backup(target, { compact, onProgress }).catch(() => {});
}
