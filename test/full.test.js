"use strict";
// Databases that have reached their mapSize, while they are in use; and disks that are full.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const { once } = require("node:events");
const fs = require("node:fs");
const path = require("node:path");
const { Worker } = require("node:worker_threads");

const { shellCommand } = require("./support/command.js");
const { inSmall, noSmallMounts } = require("./support/mounts.js");
const { scale } = require("./support/random.js");
const { using } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

const PROGRAM = path.join(__dirname, "programs/steady-reader.js");
const DELETES = scale(150, 2000);
const MAP_SIZE = 4 * 1024 * 1024;

/** Fills a repository to the last page. How many records of 1 kB it has. */
async function fill(repository) {
  let records = 0;
  const put = (i) => repository.put("t", i, "x".repeat(1000));
  for (let all = []; all.every(({ status }) => status === "fulfilled"); records += all.length) {
    all = await Promise.allSettled(Array.from({ length: 100 }, (_, i) => put(records + i)));
  }
  for (let error, i = 0; error === undefined; i++) {
    error = await repository.put("small", i, 1).catch((reason) => reason);
    if (error !== undefined) assert.equal(error.code, "LMDBX_MAP_FULL");
  }
  return records;
}

describe("a full database", () => {
  for (const reads of ["pool", "adaptive"]) {
    test(
      `takes deletes while other threads read, and answers them, reads ${reads}`,
      { timeout: patient(60_000) },
      using(async (open, directory) => {
        const options = { mapSize: MAP_SIZE, reads };
        const repository = open(options);
        const records = await fill(repository);
        const workerData = { path: directory, ...options, records };
        const workers = [1, 2, 3].map(() => new Worker(PROGRAM, { workerData }));
        await Promise.all(workers.map((worker) => once(worker, "message")));
        for (let i = 0; i < DELETES; i++) await repository.delete("t", i * 7);
        for (const worker of workers) {
          const ended = once(worker, "message");
          worker.postMessage("end");
          const [{ answers, wrong }] = await ended;
          assert.ok(answers > 0);
          assert.deepEqual(wrong, []);
        }
      }),
    );
  }
});

describe("a full disk", () => {
  test(
    "keeps a database from being opened that has no lock file yet, and harms nothing",
    { skip: noSmallMounts },
    using(async (open, directory) => {
      const [data, disk] = ["data", "disk"].map((name) => path.join(directory, name));
      const repository = open({ path: data });
      await repository.put("t", 1, "there");
      await repository.close();
      fs.mkdirSync(disk);
      const copy = path.join(disk, "copy");
      const commands = [
        `mkdir "${copy}"`,
        `cp "${data}/data.mdb" "${copy}"`,
        `dd if=/dev/zero of="${disk}/fill" bs=4k 2>/dev/null`,
        ...[["get", copy, "t", "1"], ["readers", copy], ["stat", copy], ["get", copy, "t", "1"]].map(shellCommand),
        `truncate -s -4096 "${disk}/fill"`, // not enough for all of it
        shellCommand(["get", copy, "t", "1"]),
        `rm "${disk}/fill"`,
        shellCommand(["get", copy, "t", "1"]),
      ];
      const { stdout, stderr } = inSmall(disk, "256k", commands.join("; echo $?; "));
      assert.deepEqual(
        stdout.split("\n").filter((line) => /^\d+$|there/.test(line)),
        ["0", "0", "1", "3", "0", "3", "3", "0", "3", "0", "'there'"],
        stderr,
      );
      assert.equal(stderr.match(/\[LMDBX_NO_SPACE\]/g).length, 4);
    }),
  );
});
