"use strict";
// A directory whose writer, 0.3.x, was killed in the middle of its writes: what the writer had been
// told was committed is carried over, and nothing is reported lost.

const { test } = require("node:test");
const assert = require("node:assert/strict");
const path = require("node:path");
const { importDirectory } = require("../lib/import/index.js");
const { mistake } = require("./support/ledger.js");
const { startProgram } = require("./support/program.js");
const { chooseSeed, randomOf, scale } = require("./support/random.js");
const { using } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");
const { VERSIONS, OLD_TIMEOUT, everything } = require("./support/old.js");

const TIMEOUT = patient(scale(120_000, 1_200_000));
const KILLS = scale(3, 60);
const KEYS = 64;
const TENANT = "ledger";
/** Words that a writer says before it is killed, at most. */
const LONGEST_LIFE = 3_000;

/** Lets 0.3.x write until it has said so many words, and kills it; hears every word. */
async function killInMidWrite(args, words, hear) {
  const writer = startProgram("old-ledger-writer", args, { timeout: OLD_TIMEOUT });
  try {
    for (let left = words; left > 0; left--) hear(await writer.heard());
  } catch {
    // It hung, as the replaced package does now and then, and was killed for that.
  }
  writer.kill();
  const { code, signal, stderr } = await writer.ended;
  assert.deepEqual({ code, signal }, { code: null, signal: "SIGKILL" }, stderr);
  writer.rest().forEach(hear);
}

for (const [version, lmdb] of Object.entries(VERSIONS)) {
  test(
    `what lmdb ${version} had acknowledged when it was killed is carried over, ${KILLS} times`,
    { timeout: TIMEOUT },
    using(async (open, directory) => {
      const random = randomOf(chooseSeed(`import-killed, lmdb ${version}`));
      const from = path.join(directory, "old");
      const record = { issued: Array(KEYS).fill(0), acknowledged: Array(KEYS).fill(0) };
      const hear = ([what, key, number]) => {
        record[what][key] = Math.max(record[what][key], number);
      };
      for (let kill = 1; kill <= KILLS; kill++) {
        const config = { path: from, compression: random(2) === 1 };
        const args = { lmdb, config, tenant: TENANT, seed: random(2 ** 31), numbers: record.issued };
        await killInMidWrite(args, 1 + random(LONGEST_LIFE), hear);
        const before = everything(from);
        const to = path.join(directory, `new-${kill}`);
        const report = await importDirectory({ from, to });
        assert.deepEqual([report.notCarried, report.carried], [[], report.records]);
        assert.deepEqual(everything(from), before);
        const repository = open({ path: to });
        for (const [key, issued] of record.issued.entries()) {
          const value = await repository.get(TENANT, key);
          const wrong = mistake(key, value, record.acknowledged[key], issued);
          assert.equal(wrong, undefined, `kill ${kill}`);
        }
        assert.equal((await repository.list(TENANT)).length, report.records);
        await repository.close();
      }
      assert.ok(record.acknowledged.some((number) => number > 0));
    }),
  );
}
