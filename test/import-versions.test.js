"use strict";
// Databases of the replaced package, of every kind and written by the oldest and the newest version
// of npm lmdb that it may have been installed with, are carried over as they are.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const path = require("node:path");
const { importDirectory } = require("../lib/import/index.js");
const { runToEnd } = require("./support/program.js");
const { using } = require("./support/temporary.js");
const { assertSame } = require("./support/same.js");
const { oldValues, KEYS, TENANTS } = require("./support/old-values.js");
const { VERSIONS, writeOld, everything, assertNoLeftovers } = require("./support/old.js");

const DATABASES = [
  { encoding: "msgpack" },
  { name: "orders", encoding: "msgpack", compression: true },
  { name: "pages", encoding: "json" },
  { name: "packed pages", encoding: "json", compression: true },
  { name: "texts", encoding: "string" },
  { name: "täxte", encoding: "string", compression: true },
];
const ENCODINGS = Object.fromEntries(DATABASES.map(({ name, encoding }) => [name ?? "", encoding]));
const EACH = 300;

async function assertCarriedOver(open, directory) {
  for (const { name, encoding } of DATABASES) {
    const repository = open({ path: directory, encoding, ...(name ? { name } : {}) });
    for (const [key, , expected] of oldValues(encoding)) {
      assertSame(await repository.get("values", key), expected, `${name} ${key}`);
    }
    for (const tenant of TENANTS) {
      for (const key of KEYS) {
        const value = encoding === "string" ? tenant : { tenant };
        assertSame(await repository.get(tenant, key), value, JSON.stringify([name, tenant, key]));
      }
      assert.equal((await repository.list(tenant)).length, KEYS.length);
    }
    assert.equal((await repository.list("many")).length, EACH);
  }
}

for (const [version, lmdb] of Object.entries(VERSIONS)) {
  describe(`written with lmdb ${version}`, () => {
    for (const [reader, readerModule] of Object.entries(VERSIONS)) {
      test(
        `all encodings, names and compressions are carried over by lmdb ${reader}`,
        using(async (open, directory) => {
          const from = path.join(directory, "old");
          const to = path.join(directory, "new", "deeper");
          const databases = DATABASES.map((each) => ({ ...each, path: from, count: EACH }));
          await writeOld({ lmdb, databases });
          const before = everything(from);
          const options = { from, to, encodings: ENCODINGS };
          const { stdout, stderr } = await runToEnd("importer", { options, lmdb: readerModule });
          const { report, error } = JSON.parse(stdout);
          assert.equal(error, undefined, stderr);
          assert.deepEqual(report.notCarried, []);
          const expected = DATABASES.map(({ encoding }) => {
            return oldValues(encoding).length + TENANTS.length * KEYS.length + EACH;
          });
          const carried = DATABASES.map(({ name }) => {
            return report.databases.find((each) => each.name === name).carried;
          });
          assert.deepEqual(carried, expected);
          assert.deepEqual(everything(from), before);
          assertNoLeftovers(path.dirname(to));
          await assertCarriedOver(open, to);
        }),
      );
    }

    test(
      "a single file, as a path with an extension made it, is carried over",
      using(async (open, directory) => {
        const from = path.join(directory, "old.lmdb");
        await writeOld({ lmdb, databases: [{ path: from, count: EACH }] });
        const before = everything(directory);
        const to = path.join(directory, "new");
        const report = await importDirectory({ from, to });
        assert.deepEqual(report.notCarried, []);
        const after = everything(directory).filter(([name]) => !name.startsWith("new"));
        assert.deepEqual(after, before);
        const repository = open({ path: to });
        assert.equal((await repository.list("many")).length, EACH);
      }),
    );

    test(
      "a database whose writer was killed is carried over as far as its writes were acknowledged",
      using(async (open, directory) => {
        const from = path.join(directory, "old");
        await writeOld({ lmdb, databases: [{ path: from, count: EACH }], end: "kill" });
        const before = everything(from);
        const report = await importDirectory({ from, to: path.join(directory, "new") });
        assert.deepEqual(report.notCarried, []);
        assert.deepEqual(everything(from), before);
        const repository = open({ path: path.join(directory, "new") });
        assert.equal((await repository.list("many")).length, EACH);
        assert.deepEqual((await repository.get("many", EACH - 1)).n, EACH - 1);
      }),
    );
  });
}
