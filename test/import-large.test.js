"use strict";
// Many records are carried over in bounded memory. LMDBX_TORTURE: a million of them.

const { test } = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { noProc } = require("./support/process.js");
const { startProgram } = require("./support/program.js");
const { using } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

const RECORDS = process.env.LMDBX_TORTURE ? 1_000_000 : 50_000;
const TIMEOUT = patient(600_000);
const MEBIBYTE = 1024 * 1024;
/** Bytes of a value: together they are more than the memory that is allowed, of which the garbage of
 * Node.js 24 takes 190 MiB, and more where other programs keep its collector waiting. */
const SIZE = process.env.LMDBX_TORTURE ? 300 : 6_000;
const MOST_MEMORY = 256 * MEBIBYTE;

/** Small records: what is kept of each would be seen beside what is under way. */
const SMALL_RECORDS = 40_000;
const WEIGH_AT = [4_000, 36_000];
const MOST_KEPT = 80;

/** Imports what 0.3.x wrote: so many records of so many bytes. */
async function importMany({ directory, count, size, weighAt }) {
  const from = path.join(directory, "old");
  const options = { from, to: path.join(directory, "new") };
  const databases = [{ path: from, count, size }];
  const writer = startProgram("old-writer", { databases }, { timeout: TIMEOUT });
  assert.equal((await writer.ended).code, 0);
  const importer = startProgram("importer", { options, weighAt }, { timeout: TIMEOUT });
  const said = await importer.heard();
  await importer.ended;
  assert.equal(said.error, undefined);
  assert.equal(said.report.notCarriedCount, 0);
  assert.ok(said.report.carried > count);
  return { ...said, to: options.to };
}

test(
  `${RECORDS} records are carried over in bounded memory`,
  { timeout: TIMEOUT, skip: noProc },
  using(async (open, directory) => {
    const { report, most, to } = await importMany({ directory, count: RECORDS, size: SIZE });
    const size = fs.statSync(path.join(to, "data.mdb")).size;
    console.log(
      `${report.carried} records, ${Math.round(size / MEBIBYTE)} MiB in ` +
        `${(report.milliseconds / 1000).toFixed(1)} s, ${Math.round(most / MEBIBYTE)} MiB of memory`,
    );
    assert.ok(most < MOST_MEMORY, `${Math.round(most / MEBIBYTE)} MiB`);
    const repository = open({ path: to });
    assert.equal((await repository.list("many")).length, RECORDS);
    for (const n of [0, RECORDS >> 1, RECORDS - 1]) {
      assert.equal((await repository.get("many", n)).n, n);
    }
  }),
);

test(
  "nothing is kept of a record that was copied, or compared",
  { timeout: TIMEOUT, skip: process.versions.bun && "Bun does not tell what it holds as exactly" },
  using(async (open, directory) => {
    const { held } = await importMany({ directory, count: SMALL_RECORDS, weighAt: WEIGH_AT });
    const records = WEIGH_AT[1] - WEIGH_AT[0];
    for (const [phase, [early, late]] of Object.entries(held)) {
      const kept = (late - early) / records;
      assert.ok(kept < MOST_KEPT, `${phase}: ${kept.toFixed(1)} bytes of each record`);
    }
  }),
);
