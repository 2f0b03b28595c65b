"use strict";
// Repositories that come and go leave nothing behind.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");

const { noManyMaps } = require("./support/emulated.js");
const { noProc } = require("./support/process.js");
const { runToEnd } = require("./support/program.js");
const { scale } = require("./support/random.js");
const { using } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

const CYCLES = scale(2000, 10_000);
const SAMPLES = 8;
const TIMEOUT = { timeout: patient(scale(240_000, 1_200_000)) };
/** Bytes for each cycle that may seem to be lost, an eighth of what a repository takes, since
 * allocators hand out memory in their own order. */
const NOISE = 2 * 1024;
/** The same of all memory, most of which is the engine's: it takes and gives megabytes as it likes. */
const ENGINE_NOISE = 16 * 1024;

/** What a cycle usually adds to a list of samples. A leak adds to each of them; a heap that has to
 * grow once because it is in pieces adds to one. */
function growth(samples) {
  const steps = samples.slice(1).map((sample, i) => sample - samples[i]);
  const [middle] = steps.sort((a, b) => a - b).slice(Math.floor(steps.length / 2));
  return middle / (CYCLES / SAMPLES);
}

/** So many that what the engine's heap grows by once, up to 20 MB, does not count. */
const LISTS = 6000;
/** Bytes for each kept key: far less than the 64 kB of its page. */
const KEPT = 16 * 1024;

test(
  `of ${LISTS} lists of which one key each is kept, the other keys are not`,
  TIMEOUT,
  using(async (_open, directory) => {
    const { code, late, stdout, stderr } = await runToEnd("kept-keys", { path: directory, lists: LISTS }, TIMEOUT);
    assert.deepStrictEqual({ code, late }, { code: 0, late: false }, stderr);
    const { grew, right } = JSON.parse(stdout);
    assert.ok(right);
    if (process.env.LMDBX_SANITIZED) return; // sanitizers keep what was freed
    assert.ok(grew < LISTS * KEPT, `${grew} bytes`);
  }),
);

describe(`memory, descriptors, threads and reader slots stay flat over ${CYCLES} cycles`, () => {
  for (const closes of [true, false]) {
    for (const keeps of [true, false]) {
      const how = closes ? "open, use, close" : "open, use, collect";
      test(
        `of ${how}, ${keeps ? "in an environment that stays open" : "each with its environment"}`,
        { ...TIMEOUT, skip: noProc || (!keeps && noManyMaps) },
        using(async (_open, directory) => {
          const args = { path: directory, cycles: CYCLES, closes, keeps, samples: SAMPLES };
          const options = { ...TIMEOUT, env: { MALLOC_ARENA_MAX: "1" } };
          const { code, late, stdout, stderr } = await runToEnd("cycles", args, options);
          assert.deepStrictEqual({ code, late }, { code: 0, late: false }, stderr);
          const samples = stdout.split("\n").filter(Boolean).map((line) => JSON.parse(line));
          assert.equal(samples.length, SAMPLES);
          const middle = samples[SAMPLES / 2];
          const end = samples[SAMPLES - 1];
          const kibibytes = samples.map(({ memory }) => Math.round(memory / 1024));
          console.log(`leaks: KiB of memory over ${CYCLES} cycles of ${how}: ${kibibytes.join(", ")}`);
          assert.equal(end.descriptors, middle.descriptors);
          assert.ok(end.threads <= middle.threads + 1, "a runtime may start its last thread late");
          assert.equal(end.open, keeps ? 2 : 0, "databases without an owner are closed");
          for (const readers of end.readers) assert.ok(readers <= 4, `${readers} reader slots`);
          if (process.env.LMDBX_SANITIZED) return; // sanitizers keep what was freed
          assert.ok(growth(samples.map(({ memory }) => memory)) < NOISE, `${kibibytes.join(", ")} KiB`);
          const resident = samples.map((sample) => sample.resident);
          assert.ok(growth(resident) < ENGINE_NOISE, `${resident.join(", ")} bytes of all memory`);
        }),
      );
    }
  }
});
