"use strict";
// Several processes that use one database at once, and are killed.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");

const { counters } = require("../lib/repository.js");
const { noRobustMutexes } = require("./support/emulated.js");
const { mistake } = require("./support/ledger.js");
const { startProgram } = require("./support/program.js");
const { chooseSeed, randomOf, scale } = require("./support/random.js");
const { using } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

const TIMEOUT = patient(scale(120_000, 1_200_000));
const KILLS = scale(5, 150);
const KEYS = 32;
const LONGEST_LIFE_MS = 250;
const WRITERS = ["a", "b", "c", "d"];
const READERS = 4;

const range = (length) => Array.from({ length }, (_, i) => i);
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Notes what a writer has said: of each key the newest state issued and acknowledged. */
function note(record, lines) {
  for (const [what, key, number] of lines) {
    record[what][key] = Math.max(record[what][key], number);
    if (what === "acknowledged") record.changes++;
  }
}

describe("processes", () => {
  test(
    `4 writers, killed ${KILLS} times each, and 4 readers: what was acknowledged is there, and nothing else`,
    { timeout: TIMEOUT, skip: noRobustMutexes },
    using(async (open, directory) => {
      const seed = chooseSeed("processes");
      const random = randomOf(seed);
      const options = { timeout: TIMEOUT };
      const repository = open();
      await repository.ready();

      const verify = async ({ tenant, issued, acknowledged }) => {
        const values = await Promise.all(range(KEYS).map((key) => repository.get(tenant, key)));
        values.forEach((value, key) => {
          const wrong = mistake(key, value, acknowledged[key], issued[key]);
          assert.equal(wrong, undefined, `tenant ${tenant}`);
        });
      };
      const records = WRITERS.map((tenant) => ({
        tenant,
        issued: range(KEYS).fill(0),
        acknowledged: range(KEYS).fill(0),
        changes: 0,
      }));
      /** Lets one writer after the other work on the same keys, and kills it. */
      const write = async (record) => {
        for (let kill = 0; kill < KILLS; kill++) {
          const args = {
            path: directory,
            tenant: record.tenant,
            seed: random(2 ** 31),
            numbers: record.issued,
          };
          const writer = startProgram("ledger-writer", args, options);
          // Some die while they start.
          if (random(5) > 0) note(record, [await writer.heard()]);
          await pause(random(LONGEST_LIFE_MS));
          writer.kill();
          const { signal, stderr } = await writer.ended;
          assert.equal(signal, "SIGKILL", stderr);
          note(record, writer.rest());
          await verify(record);
        }
      };
      const readers = range(READERS).map(() =>
        startProgram(
          "ledger-reader",
          { path: directory, tenants: WRITERS, keys: KEYS, seed: random(2 ** 31) },
          options,
        ),
      );
      await Promise.all(records.map(write));
      let reads = 0;
      for (const reader of readers) {
        assert.equal(await reader.heard(), "reading");
        reader.tell("end");
        reads += (await reader.heard()).reads;
        const { code, stderr } = await reader.ended;
        assert.equal(code, 0, stderr);
      }
      for (const record of records) await verify(record);
      const changes = records.reduce((sum, record) => sum + record.changes, 0);
      console.log(`processes: ${changes} changes acknowledged, ${reads} reads`);
      assert.ok(changes > 0 && reads > 0);

      await repository.close();
      const alone = open();
      await alone.get("a", 0);
      assert.ok(counters(alone).readers <= 2, "slots of dead processes are free again");
    }),
  );

  for (const reads of ["adaptive", "pool"]) {
    test(
      `a read sees what another process has just committed, with reads: ${reads}`,
      { timeout: patient(120_000) },
      using(async (open, directory) => {
        const repository = open({ reads });
        await repository.ready();
        const other = startProgram("reader", { path: directory });
        try {
          await other.heard();
          for (const i of range(200)) {
            other.tell({ put: i % 3, value: i });
            assert.deepStrictEqual(await other.heard(), { result: null });
            assert.equal(await repository.get("t", i % 3), i);
            assert.equal(await repository.has("t", i % 3), true);
            assert.equal((await repository.list("t")).length, Math.min(i + 1, 3));
            await repository.put("t", "answer", i);
            other.tell({ get: "answer" });
            assert.deepStrictEqual(await other.heard(), { result: i });
            await repository.delete("t", "answer");
          }
        } finally {
          other.kill();
          await other.ended;
        }
      }),
    );
  }

  test(
    "reader slots of killed processes are free again when a database opens, and when none is left",
    { timeout: patient(120_000) },
    using(async (open, directory) => {
      const SLOTS = 6;
      const holders = (count) => range(count).map(() => startProgram("reader", { path: directory }));
      const killAll = async (programs) => {
        for (const program of programs) program.kill();
        await Promise.all(programs.map((program) => program.ended));
      };
      const first = open({ maxReaders: SLOTS });
      await first.get("t", "k");
      const before = counters(first).readers;
      const dead = holders(SLOTS - before);
      try {
        for (const holder of dead) assert.ok("result" in (await holder.heard()));
        assert.equal(counters(first).readers, SLOTS);
      } finally {
        await killAll(dead);
      }
      assert.equal(counters(first).readers, SLOTS, "nobody has cleaned up yet");
      // Lists that are under way have a slot each.
      await Promise.all(range(50_000).map((i) => first.put("t", i, i)));
      const lists = await Promise.all([first.list("t"), first.list("t"), first.list("t")]);
      for (const keys of lists) assert.equal(keys.length, 50_000);
      assert.ok(counters(first).readers < SLOTS);

      await first.close();

      // One that lives keeps the reader table; without it LMDB would begin a new one.
      const [alive, ...others] = holders(4);
      try {
        for (const holder of [alive, ...others]) await holder.heard();
        await killAll(others);
        const fresh = open({ maxReaders: SLOTS });
        await fresh.ready();
        assert.equal(counters(fresh).readers, 2);
      } finally {
        await killAll([alive, ...others]);
      }
    }),
  );
});
