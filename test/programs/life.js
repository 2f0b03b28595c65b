"use strict";
// Brings a repository to a step of its life and ends there, in the way that args.way says: the
// process, or a worker thread in it. Says the numbers of the records that are acknowledged, and at a
// natural end how many promises have not settled.

const { Worker, isMainThread, parentPort, workerData } = require("node:worker_threads");

const { createLMDBXRepository } = require("../..");
const child = require("../support/child.js");

const args = isMainThread ? child.args : workerData;
const { count } = args;

const open = () => createLMDBXRepository({ path: args.path, name: args.name });

let unsettled = 0;

/** Watches promises: not as a reason to stay alive. */
function watch(...promises) {
  for (const promise of promises.flat()) {
    unsettled++;
    const settle = () => unsettled--;
    promise.then(settle, settle);
  }
}

function put(repository, from) {
  return Array.from({ length: count }, async (_, i) => {
    await repository.put("t", from + i, { i: from + i, fill: "x".repeat(100) });
    child.say(from + i);
  });
}

/** What is under way when the end comes. No step waits for what it says. */
const steps = {
  "before open completes": () => {
    open();
  },
  "with operations that wait for the opening": () => {
    const repository = open();
    watch(put(repository, count));
    watch(repository.get("t", 1), repository.list("t"), repository.ready());
  },
  "when idle": async () => {
    const repository = open();
    await repository.get("t", 1);
  },
  "during writes": async () => {
    const repository = open();
    await repository.ready();
    await Promise.race(put(repository, count));
    watch(put(repository, 2 * count));
    watch(repository.get("t", 2 * count), repository.list("t"));
  },
  "during reads": async () => {
    const repository = open();
    await repository.ready();
    watch(Array.from({ length: count }, (_, i) => repository.get("t", i)));
    await null; // the reads are handed over at the end of the turn
  },
  "during list": async () => {
    const repository = open();
    await repository.ready();
    watch(Array.from({ length: 5 }, () => repository.list("long")));
    await repository.get("t", 1);
  },
  "during bulkLoad": async () => {
    const repository = open();
    await new Promise((resolve) => {
      async function* records() {
        for (let i = 0; i < 40 * count; i++) {
          if (i % count === 0) await new Promise(setImmediate);
          yield ["t", count + i, { i: count + i, fill: "x".repeat(100) }];
        }
      }
      let told = 0;
      const onProgress = ({ records: stored }) => {
        while (told < stored) child.say(count + told++);
        resolve();
      };
      watch(repository.bulkLoad(records(), { checkpoint: { name: "load", position: 1 }, onProgress }));
    });
  },
  "between close calls": () => {
    const repository = open();
    watch(put(repository, count));
    watch(repository.list("long"), repository.close(), open().close());
  },
  "after close": async () => {
    const repository = open();
    watch(put(repository, count));
    await repository.close();
  },
};

/** How it ends. */
const ways = {
  "process.exit": () => process.exit(3),
  "an uncaught exception": () =>
    setImmediate(() => {
      throw new Error("on purpose");
    }),
  SIGTERM: () => process.kill(process.pid, "SIGTERM"),
  "SIGTERM with a handler": () => {
    process.on("SIGTERM", () => process.exit(4));
    setInterval(() => {}, 1000); // a handler alone keeps no process alive
    process.kill(process.pid, "SIGTERM");
  },
  "worker.terminate": () => parentPort.postMessage("terminate"),
  "process.exit in a worker thread": () => process.exit(5),
  "an uncaught exception in a worker thread": () =>
    setImmediate(() => {
      throw new Error("on purpose");
    }),
  "the natural end": () => process.on("exit", () => child.say({ unsettled })),
};

if (args.way.includes("worker") && isMainThread) {
  const worker = new Worker(__filename, { workerData: args });
  worker.once("message", () => worker.terminate());
  worker.once("error", () => {});
} else {
  Promise.resolve(steps[args.step]()).then(ways[args.way]);
}
