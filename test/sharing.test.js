"use strict";
// One environment for all owners in a process.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const { descriptors, mappings, noProc, openFiles } = require("./support/process.js");
const { runToEnd } = require("./support/program.js");
const { using, rejection } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

const TIMEOUT = { timeout: patient(60_000) };
/** For tests that look at what this process has open. */
const LOOKING = { ...TIMEOUT, skip: noProc };
const MIB = 1024 * 1024;
const range = (length) => Array.from({ length }, (_, i) => i);

describe("one environment", () => {
  test(
    "is shared by repositories of any name, by any way to the directory",
    LOOKING,
    using(async (open, directory) => {
      const real = path.join(directory, "database");
      const link = path.join(directory, "link");
      const chain = path.join(directory, "chain");
      fs.mkdirSync(real);
      fs.symlinkSync(real, link);
      fs.symlinkSync("link", chain);
      const first = open({ path: real });
      await first.put("t", "k", "seen by all");
      const alone = descriptors(real);
      const ways = [
        link,
        chain,
        path.join(real, "..", "link"),
        path.relative(process.cwd(), real),
        `${real}${path.sep}`,
      ];
      for (const way of ways) assert.equal(await open({ path: way }).get("t", "k"), "seen by all");
      for (const way of ways) await open({ path: way, name: "named" }).put("t", "k", way);
      assert.equal(await open({ path: chain, name: "named" }).get("t", "k"), ways.at(-1));
      assert.equal(mappings(real), 1);
      assert.equal(descriptors(real), alone);
      assert.deepStrictEqual(await first.list("t"), ["k"]);
    }),
  );

  test(
    "is closed when its last owner closes, not before",
    LOOKING,
    using(async (open, directory) => {
      const owners = [open(), open(), open({ name: "named" })];
      await Promise.all(owners.map((owner) => owner.put("t", "k", 1)));
      for (const owner of owners) {
        assert.equal(mappings(directory), 1);
        assert.equal(await owners.at(-1).get("t", "k"), 1);
        await owner.close();
      }
      assert.equal(mappings(directory), 0);
      assert.equal(descriptors(directory), 0);
      assert.equal(await open().get("t", "k"), 1);
    }),
  );

  for (const reads of ["pool", "adaptive"]) {
    test(
      `is closed whenever close() has resolved, with reads: ${reads}`,
      LOOKING,
      using(async (open, directory) => {
        for (const i of range(100)) {
          const owners = [open({ reads }), open({ reads, name: "named" })];
          owners[0].put("t", i, i);
          await owners[0].get("t", i % 10);
          await owners[1].get("t", "k");
          await Promise.all(owners.map((owner) => owner.close()));
          assert.equal(mappings(directory), 0, `round ${i}`);
        }
      }),
    );
  }

  test(
    "is closed when its last owner is collected",
    LOOKING,
    using(async (_open, directory) => {
      const { code, stdout, stderr } = await runToEnd("collected", { path: directory });
      assert.equal(code, 0, stderr);
      const { before, after } = JSON.parse(stdout);
      assert.ok(before > 1);
      assert.ok(after <= 1, `${after} of ${before} databases are still open`);
    }),
  );

  test(
    "is closed when opening a named database in it fails",
    LOOKING,
    using(async (open, directory) => {
      const repository = open();
      await repository.ready();
      await repository.close();
      const reading = open({ name: "missing", readOnly: true });
      assert.equal((await rejection(reading.ready())).code, "LMDBX_NOT_FOUND");
      assert.equal(mappings(directory), 0);
    }),
  );

  test(
    "holds 200 named databases, each with records of its own",
    using(async (open) => {
      const main = open();
      const all = range(200).map((i) => open({ name: `database-${i}` }));
      await Promise.all(all.map((repository, i) => repository.put("t", "k", i)));
      const found = await Promise.all(all.map((repository) => repository.get("t", "k")));
      assert.deepStrictEqual(found, range(200));
      assert.deepStrictEqual(await main.list("database-1"), []);
      await Promise.all([main, ...all].map((repository) => repository.close()));
      assert.equal(await open({ name: "database-199" }).get("t", "k"), 199);
    }),
  );

  test(
    "refuses one named database too many, and goes on with the others",
    using(async (open) => {
      const all = range(256).map((i) => open({ name: `database-${i}` }));
      await Promise.all(all.map((repository) => repository.ready()));
      const error = await rejection(open({ name: "one-too-many" }).ready());
      assert.equal(error.code, "LMDBX_DATABASES_FULL");
      await all[0].put("t", "k", 1);
      assert.equal(await open().get("t", "k"), undefined);
    }),
  );

  test(
    "has the options of its first owner; others with different ones are told both values",
    using(async (open) => {
      const first = open({ mapSize: 8 * MIB, maxReaders: 200 });
      await first.ready();
      await open({ mapSize: 8 * MIB, maxReaders: 200 }).ready();
      await open().ready(); // no opinion
      const larger = await rejection(open({ mapSize: 16 * MIB }).ready());
      assert.equal(larger.code, "LMDBX_CONFIG_CONFLICT");
      assert.match(larger.message, /mapSize 8388608.*16777216/);
      const readers = open({ maxReaders: 300 });
      const more = await rejection(readers.put("t", 1, 1));
      assert.equal(more.code, "LMDBX_CONFIG_CONFLICT");
      assert.match(more.message, /maxReaders 200.*300/);
      await readers.close();
      await first.put("t", 1, 1);
    }),
  );

  test(
    "names the value that was left out",
    using(async (open) => {
      await open().ready();
      const error = await rejection(open({ mapSize: MIB }).ready());
      assert.equal(error.code, "LMDBX_CONFIG_CONFLICT");
      assert.match(error.message, /mapSize left out.*1048576/);
    }),
  );

  test(
    "is not inherited by child processes",
    LOOKING,
    using(async (open, directory) => {
      const repository = open();
      await repository.put("t", "k", 1);
      assert.ok(descriptors(directory) > 0);
      const child = spawnSync("ls", ["-l", "/proc/self/fd"], { encoding: "utf8" });
      assert.match(child.stdout, /0 -> /);
      assert.ok(!child.stdout.includes(path.basename(directory)), child.stdout);
      assert.ok(openFiles().some((file) => file.startsWith(fs.realpathSync(directory))));
    }),
  );
});
