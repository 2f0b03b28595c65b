"use strict";
// A worker thread that opens a database, says what it found there, and lives until it is told to
// close or is terminated.

const { parentPort, workerData } = require("node:worker_threads");

const { createLMDBXRepository } = require("../..");

const repository = createLMDBXRepository({ path: workerData.path, ...workerData.options });

parentPort.once("message", async () => {
  await repository.close();
  parentPort.close();
});
repository.put("t", "worker", "written").then(
  async () => parentPort.postMessage({ main: await repository.get("t", "main") }),
  (error) => parentPort.postMessage({ error: error.code }),
);
