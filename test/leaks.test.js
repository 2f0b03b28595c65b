"use strict";
// Repositories that come and go leave nothing behind.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");

const { runToEnd } = require("./support/program.js");
const { scale } = require("./support/random.js");
const { using } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

const CYCLES = scale(2000, 10_000);
const SAMPLES = 4;
const TIMEOUT = { timeout: patient(scale(240_000, 1_200_000)) };
/** What may seem to be lost, since allocators hand out memory in their own order: for each cycle an
 * eighth of what a repository takes. */
const NOISE_PER_CYCLE = 2 * 1024;
const NOISE = 1024 * 1024;
/** The same of all memory, most of which is the engine's: it takes and gives megabytes as it likes. */
const ENGINE_NOISE = 16 * 1024 * 1024;

describe(`memory, descriptors, threads and reader slots stay flat over ${CYCLES} cycles`, () => {
  for (const closes of [true, false]) {
    for (const keeps of [true, false]) {
      const how = closes ? "open, use, close" : "open, use, collect";
      test(
        `of ${how}, ${keeps ? "in an environment that stays open" : "each with its environment"}`,
        TIMEOUT,
        using(async (_open, directory) => {
          const args = { path: directory, cycles: CYCLES, closes, keeps, samples: SAMPLES };
          const options = { ...TIMEOUT, env: { MALLOC_ARENA_MAX: "1" } };
          const { code, late, stdout, stderr } = await runToEnd("cycles", args, options);
          assert.deepStrictEqual({ code, late }, { code: 0, late: false }, stderr);
          const samples = stdout.split("\n").filter(Boolean).map((line) => JSON.parse(line));
          assert.equal(samples.length, SAMPLES);
          const [first, middle, later, end] = samples;
          const kibibytes = samples.map(({ memory }) => Math.round(memory / 1024));
          console.log(`leaks: KiB of memory over ${CYCLES} cycles of ${how}: ${kibibytes.join(", ")}`);
          assert.equal(end.descriptors, middle.descriptors);
          assert.ok(end.threads <= middle.threads + 1, "a runtime may start its last thread late");
          assert.equal(end.open, keeps ? 2 : 0, "databases without an owner are closed");
          for (const readers of end.readers) assert.ok(readers <= 4, `${readers} reader slots`);
          if (process.env.LMDBX_SANITIZED) return; // sanitizers keep what was freed
          const lost = (what) =>
            Math.min(later[what], end[what]) - Math.max(first[what], middle[what]);
          const allowed = NOISE + (NOISE_PER_CYCLE * CYCLES) / SAMPLES;
          assert.ok(lost("memory") < allowed, `${kibibytes.join(", ")} KiB`);
          assert.ok(lost("resident") < ENGINE_NOISE, `${lost("resident")} bytes of all memory`);
        }),
      );
    }
  }
});
