"use strict";
// Worker threads that share a database with each other and with the main thread.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");

const { noProc } = require("./support/process.js");
const { using } = require("./support/temporary.js");
const { runToEnd } = require("./support/program.js");
const { chooseSeed, scale } = require("./support/random.js");
const { patient } = require("./support/timeout.js");

const ROUNDS = scale(10, 200);
const TIMEOUT = patient(scale(120_000, 600_000));

describe("worker threads", () => {
  test(
    "share one environment with the main thread; it is closed when the last of them ends",
    { timeout: patient(60_000), skip: noProc },
    using(async (_open, directory) => {
      const { code, stdout, stderr } = await runToEnd("sharing-main", { path: directory });
      assert.equal(code, 0, stderr);
      assert.deepStrictEqual(
        stdout.split("\n").filter(Boolean).map((line) => JSON.parse(line)),
        [
          [{ main: 1 }, {}, { error: "LMDBX_CONFIG_CONFLICT" }],
          { shared: 1, read: "written" },
          { closed: 1 },
          { first: 1 },
          { terminated: 0 },
        ],
      );
    }),
  );

  test(
    "of the web's kind do the same",
    {
      timeout: patient(60_000),
      skip: noProc || (globalThis.Worker === undefined && "this runtime has none"),
    },
    using(async (_open, directory) => {
      const { code, stdout, stderr } = await runToEnd("web-worker", { path: directory });
      assert.equal(code, 0, stderr);
      assert.deepStrictEqual(
        stdout.split("\n").filter(Boolean).map((line) => JSON.parse(line)),
        [{ worker: 1, main: 2 }, { mapped: 1 }, { mapped: 0 }],
      );
    }),
  );

  test(
    `what 8 workers were told to be written is there when they are terminated at random, ${ROUNDS} times`,
    { timeout: TIMEOUT },
    using(async (_open, directory) => {
      const seed = chooseSeed("workers");
      const options = { timeout: TIMEOUT };
      const end = await runToEnd("worker-rounds", { path: directory, rounds: ROUNDS, seed }, options);
      assert.equal(end.signal, null, end.stderr);
      assert.equal(end.code, 0, end.stderr);
      const { acknowledged, mapped, readers } = JSON.parse(end.stdout);
      console.log(`workers: ${acknowledged} changes acknowledged, up to ${readers} reader slots`);
      assert.ok(acknowledged > ROUNDS);
      assert.equal(mapped, false, "the environment is closed when its last owner has closed");
    }),
  );
});
