"use strict";
// What a producer that never waits gets: all it asks for, up to the bound of the queue.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");

const { noHeap } = require("./support/process.js");
const { runToEnd } = require("./support/program.js");
const { scale } = require("./support/random.js");
const { using } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

const TIMEOUT = { timeout: patient(scale(120_000, 600_000)) };
/** For allocated() of support/process.js. */
const ONE_HEAP = { MALLOC_ARENA_MAX: "1" };
const MIB = 1024 * 1024;
const DEFAULT_BOUND = 256 * MIB;

async function produce(args) {
  const { code, signal, late, stdout, stderr } = await runToEnd("producer", args, { ...TIMEOUT, env: ONE_HEAP });
  assert.deepStrictEqual({ code, signal, late }, { code: 0, signal: null, late: false }, stderr);
  return JSON.parse(stdout);
}

describe("a producer that never waits", () => {
  test(
    "may issue 1,000,000 puts of 100 bytes",
    TIMEOUT,
    using(async (_open, path) => {
      const count = 1_000_000;
      const { outcomes, stored } = await produce({ path, count, size: 100 });
      assert.deepStrictEqual(outcomes, { written: count });
      assert.equal(stored, count);
    }),
  );

  const refusals = {
    "by default": { count: scale(100_000, 1_000_000), bound: DEFAULT_BOUND },
    "with maxQueuedBytes": { count: 50_000, bound: 64 * MIB, maxQueuedBytes: 64 * MIB },
  };
  for (const [when, { bound, ...args }] of Object.entries(refusals)) {
    test(
      `is refused at once with LMDBX_QUEUE_FULL past ${bound / MIB} MiB ${when}, and harms nobody`,
      TIMEOUT,
      using(async (_open, path) => {
        const size = 10 * 1024;
        const { outcomes, ...found } = await produce({ path, size, ...args });
        const { written, LMDBX_QUEUE_FULL: refused } = outcomes;
        assert.deepStrictEqual(Object.keys(outcomes).sort(), ["LMDBX_QUEUE_FULL", "written"]);
        assert.equal(written + refused, args.count);
        assert.ok(found.queuedBytes <= bound && found.queuedBytes > bound - 2 * size);
        assert.ok(written > (0.9 * bound) / size, "the bound is used");
        assert.equal(found.writtenAtFirstRefusal, 0);
        assert.equal(found.stored, written, "what was refused is not stored, the rest is");
        assert.equal(found.other, "not affected");
        if (noHeap) return;
        const { full, end } = found.memory;
        const each = Math.round((end - full) / refused);
        console.log(`queue: ${Math.round(full / MIB)} MiB when full, ${each} bytes a refusal`);
        if (process.env.LMDBX_SANITIZED) return; // sanitizers add to what is allocated
        assert.ok(full > 0.9 * bound, "what is queued is seen");
        // The group that is being carried out has pages of its own.
        const most = 1.25 * bound + 16 * MIB;
        assert.ok(full < most, `${full} bytes of native memory when the queue is full`);
        assert.ok(each < size / 4, `${each} bytes a refusal: the value is not kept`);
      }),
    );
  }
});
