"use strict";
// Many records are carried over in bounded memory. LMDBX_TORTURE: a million of them.

const { test } = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { startProgram } = require("./support/program.js");
const { using } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

const RECORDS = process.env.LMDBX_TORTURE ? 1_000_000 : 50_000;
const TIMEOUT = patient(600_000);
const MEBIBYTE = 1024 * 1024;
/** Bytes of a value: together they are more than the memory that is allowed. */
const SIZE = process.env.LMDBX_TORTURE ? 300 : 4_000;
const MOST_MEMORY = 200 * MEBIBYTE;

test(
  `${RECORDS} records are carried over in bounded memory`,
  { timeout: TIMEOUT },
  using(async (open, directory) => {
    const from = path.join(directory, "old");
    const to = path.join(directory, "new");
    const databases = [{ path: from, count: RECORDS, size: SIZE }];
    const writer = startProgram("old-writer", { databases }, { timeout: TIMEOUT });
    assert.equal((await writer.ended).code, 0);
    const importer = startProgram("importer", { options: { from, to } }, { timeout: TIMEOUT });
    const { report, most, error } = await importer.heard();
    await importer.ended;
    assert.equal(error, undefined);
    assert.equal(report.notCarriedCount, 0);
    assert.ok(report.carried > RECORDS);
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
