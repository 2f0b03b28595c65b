"use strict";
// A worker thread that reads records in lanes, many at a time, until it is told to end. It says how
// many answers it had, and what went wrong.

const { parentPort, workerData } = require("node:worker_threads");

const { createLMDBXRepository } = require("../..");

const LANES = 8;
const AT_ONCE = 50;

const { path, mapSize, reads, records } = workerData;
const repository = createLMDBXRepository({ path, mapSize, reads });
const wrong = new Set();
let answers = 0;
let ending = false;

async function lane(first) {
  for (let at = first; !ending; at += AT_ONCE) {
    const keys = Array.from({ length: AT_ONCE }, (_, i) => (at + i) % records);
    const all = await Promise.allSettled(keys.map((key) => repository.get("t", key)));
    for (const { reason } of all) if (reason) wrong.add(`${reason.code}: ${reason.message}`);
    if (answers === 0) parentPort.postMessage("reading");
    answers += all.length;
  }
}

parentPort.once("message", () => (ending = true));
Promise.all(Array.from({ length: LANES }, (_, i) => lane(i * 7))).then(async () => {
  await repository.close();
  parentPort.postMessage({ answers, wrong: [...wrong] });
});
