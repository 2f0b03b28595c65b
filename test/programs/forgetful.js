"use strict";
// Forgets to close a temporary repository, and ends as args.way says. Says its directory.

const { Worker, isMainThread, workerData } = require("node:worker_threads");

const { createTemporaryRepository } = require("../../lib/testing.js");
const child = require("../support/child.js");

const { way } = isMainThread ? child.args : workerData;

async function forget() {
  const repository = createTemporaryRepository();
  child.say(repository.path);
  if (way === "exit at once") process.exit();
  await repository.put("t", 1, 1);
  if (way !== "exit while it is used") return;
  for (let i = 0; i < 1000; i++) repository.put("t", i, i).catch(() => {});
  process.exit();
}

if (way === "a worker's end" && isMainThread) new Worker(__filename, { workerData: { way } });
else forget();
