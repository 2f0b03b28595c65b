"use strict";
// How processes and threads end, at every step of a repository's life: with the code they chose,
// soon, and without harm to what was acknowledged.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");

const { createLMDBXRepository } = require("..");
const { noRobustMutexes } = require("./support/emulated.js");
const { using } = require("./support/temporary.js");
const { runToEnd, startProgram } = require("./support/program.js");
const { patient } = require("./support/timeout.js");
const { noLocks, somebodyWaits, stopInWrite } = require("./support/turn.js");

const TIMEOUT = { timeout: patient(120_000) };
const COUNT = 1000;
const LONG_LIST = 30_000;
/** Much longer than any of them takes on a busy machine; what waits for a stopped process waits for
 * ever. */
const SOON = { timeout: patient(60_000) };

const STEPS = [
  "before open completes",
  "with operations that wait for the opening",
  "when idle",
  "during writes",
  "during reads",
  "during list",
  "during bulkLoad",
  "between close calls",
  "after close",
];
const WAYS = {
  "process.exit": { code: 3, signal: null, late: false },
  "an uncaught exception": { code: 1, signal: null, late: false },
  SIGTERM: { code: null, signal: "SIGTERM", late: false },
  "SIGTERM with a handler": { code: 4, signal: null, late: false },
  "worker.terminate": { code: 0, signal: null, late: false },
  "process.exit in a worker thread": { code: 0, signal: null, late: false },
  "an uncaught exception in a worker thread": { code: 0, signal: null, late: false },
  "the natural end": { code: 0, signal: null, late: false },
};
/** How many records are acknowledged at the natural end, where it is not 0. */
const COMPLETE = {
  "with operations that wait for the opening": COUNT,
  "during writes": 2 * COUNT,
  "during bulkLoad": 40 * COUNT,
  "between close calls": COUNT,
  "after close": COUNT,
};

/** Makes the database that each of the processes gets a copy of. */
async function seed(directory) {
  const repository = createLMDBXRepository({ path: directory });
  await Promise.all([
    ...Array.from({ length: COUNT }, (_, i) => repository.put("t", i, { i })),
    ...Array.from({ length: LONG_LIST }, (_, i) => repository.put("long", `key-${i}`, i)),
  ]);
  await repository.close();
}

/** Checks that a database holds what was seeded and what was acknowledged. */
async function verify(directory, name, step, acknowledged) {
  const seeded = createLMDBXRepository({ path: directory });
  const written = createLMDBXRepository({ path: directory, name });
  assert.equal((await seeded.list("long")).length, LONG_LIST);
  const values = await Promise.all(acknowledged.map((i) => written.get("t", i)));
  values.forEach((value, at) => assert.equal(value.i, acknowledged[at]));
  const stored = await written.list("t");
  const ended = (await written.getCheckpoint("load")) !== undefined;
  assert.equal(ended, step === "during bulkLoad" && stored.length >= 40 * COUNT, "with the last chunk");
  await Promise.all([seeded.close(), written.close()]);
}

describe("a process ends as it should", () => {
  for (const [way, expected] of Object.entries(WAYS)) {
    test(
      `by ${way}, at every step of a repository's life`,
      TIMEOUT,
      using(async (_open, directory) => {
        const original = path.join(directory, "original");
        await seed(original);
        const attempt = async (step, index) => {
          const copy = path.join(directory, String(index));
          const name = index % 2 ? "new" : undefined;
          fs.mkdirSync(copy);
          fs.copyFileSync(path.join(original, "data.mdb"), path.join(copy, "data.mdb"));
          const args = { path: copy, step, way, name, count: COUNT };
          const { stdout, stderr, ...end } = await runToEnd("life", args, SOON);
          assert.deepStrictEqual(end, expected, `${step}: ${stderr}`);
          const said = stdout.split("\n").filter(Boolean).map((line) => JSON.parse(line));
          if (way === "the natural end") {
            assert.deepStrictEqual(said.pop(), { unsettled: 0 }, step);
            assert.equal(said.length, COMPLETE[step] ?? 0, step);
          }
          await verify(copy, name, step, said);
        };
        await Promise.all(STEPS.map(attempt));
      }),
    );
  }
});

describe("while another process has the turn to write", () => {
  const ends = {
    "process.exit": WAYS["process.exit"],
    "process.exit beside a worker thread": WAYS["process.exit"],
    "an uncaught exception": WAYS["an uncaught exception"],
    "worker.terminate": WAYS["worker.terminate"],
  };
  for (const [way, expected] of Object.entries(ends)) {
    for (const create of [false, true]) {
      const what = create ? "an opening that creates a database" : "a write";
      test(
        `${way} ends a process soon in which ${what} waits`,
        { ...TIMEOUT, skip: noLocks },
        using(async (_open, directory) => {
          const writer = startProgram("writer", { path: directory });
          try {
            await writer.heard();
            await stopInWrite(writer.pid, directory);
            const waiting = startProgram("waiting", { path: directory, way, create }, SOON);
            assert.equal(await waiting.heard(), "read", "reads do not wait");
            await somebodyWaits(directory);
            waiting.tell("end");
            const { stdout, stderr, ...end } = await waiting.ended;
            assert.deepStrictEqual(end, expected, stderr);
            assert.equal(stdout, '"read"\n', "the write has not been acknowledged");
          } finally {
            writer.kill();
            await writer.ended;
          }
        }),
      );
    }
  }

  test(
    "a write goes on when that process is killed, and keeps its own process alive until then",
    { ...TIMEOUT, skip: noLocks || noRobustMutexes },
    using(async (open, directory) => {
      const writer = startProgram("writer", { path: directory });
      try {
        await writer.heard();
        await stopInWrite(writer.pid, directory);
        const args = { path: directory, way: "the natural end" };
        const waiting = startProgram("waiting", args, SOON);
        assert.equal(await waiting.heard(), "read");
        waiting.tell("end");
        await somebodyWaits(directory);
        writer.kill();
        const { stdout, stderr, ...end } = await waiting.ended;
        assert.deepStrictEqual(end, WAYS["the natural end"], stderr);
        assert.equal(stdout, '"read"\n"written"\n');
        assert.equal(await open().get("t", "waiting"), 1);
      } finally {
        writer.kill();
        await writer.ended;
      }
    }),
  );
});
