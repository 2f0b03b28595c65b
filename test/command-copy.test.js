"use strict";
// The command: copy and stat, on a database in use.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { using } = require("./support/temporary.js");
const { lmdbx, lines } = require("./support/command.js");

describe("copy", () => {
  test(
    "makes a copy of one moment of a database in use, compact if asked to",
    using(async (open, directory) => {
      const from = path.join(directory, "from");
      const repository = open({ path: from });
      for (let round = 0; round < 3; round++) {
        await Promise.all(Array.from({ length: 500 }, (_, n) => repository.put("acme", n, "x".repeat(500))));
      }
      await Promise.all(Array.from({ length: 400 }, (_, n) => repository.delete("acme", n)));
      const sizes = [];
      for (const args of [[], ["--compact"]]) {
        const to = path.join(directory, `to${args.length}`);
        const { code, stdout, stderr } = await lmdbx(["copy", from, to, ...args]);
        assert.deepEqual([code, stderr], [0, ""]);
        assert.match(stdout, /^[\d.]+ [kM]B copied to .* in [\d.]+ s\n$/);
        assert.equal((await open({ path: to }).list("acme")).length, 100);
        sizes.push(fs.statSync(path.join(to, "data.mdb")).size);
      }
      assert.ok(sizes[1] < sizes[0] / 2, `${sizes}`);
    }),
  );

  test(
    "touches nothing that is there, and needs a database",
    using(async (open, directory) => {
      const [from, to] = ["from", "to"].map((name) => path.join(directory, name));
      assert.equal((await lmdbx(["copy", from, to])).code, 3);
      assert.deepEqual(fs.readdirSync(directory), []);
      await open({ path: from }).put("acme", 1, 1);
      const other = open({ path: to });
      await other.put("acme", 2, 2);
      const { code, stderr } = await lmdbx(["copy", from, to]);
      assert.equal(code, 3);
      assert.match(stderr, /\[LMDBX_EXISTS\]/);
      assert.deepEqual(await other.list("acme"), [2]);
      const [said] = lines((await lmdbx(["copy", from, path.join(directory, "new"), "--json"])).stdout);
      assert.ok(said.bytes > 0);
    }),
  );
});

describe("stat", () => {
  test(
    "shows sizes as bars, records by tenant, and readers",
    using(async (open, directory) => {
      const repository = open({ reads: "pool" });
      await Promise.all(Array.from({ length: 100 }, (_, n) => repository.put(`t${n % 25}`, n, "x".repeat(500))));
      await repository.put("t3", "one more", 1);
      const { code, stdout, stderr } = await lmdbx(["stat", directory]);
      assert.deepEqual([code, stderr], [0, ""]);
      for (const what of ["in use", "free", "file", "readers"]) {
        assert.match(stdout, new RegExp(`\n${what} +[\\d.,]+.* \\[#*-*\\] [\\d.]+ % of `));
      }
      assert.match(stdout, /\nrecords +101 +in a tree of \d levels\n/);
      assert.match(stdout, /\nt3 +5 +\[#{20}\]\n/);
      assert.match(stdout, /\nand 5 more tenants; the command tenants lists all\n$/);
      const [report] = lines((await lmdbx(["stat", directory, "--json"])).stdout);
      assert.equal(report.entries, 101);
      assert.equal(report.tenants.length, 25);
      assert.deepEqual(report.databases.map(({ name, records }) => [name, records]), [[null, 101]]);
      assert.equal(report.usedSize + report.freeSize, report.fileSize);
    }),
  );

  test(
    "shows how much of a mapSize is used, which only its users know",
    using(async (open, directory) => {
      await open().put("t", 1, "x".repeat(50_000));
      assert.match((await lmdbx(["stat", directory])).stdout, /\nfile .* of [\d.]+ [TG]B, without a mapSize\n/);
      const { stdout } = await lmdbx(["stat", directory, "--map-size", "100k"]);
      assert.match(stdout, /\nfile .* \[#+-*\] [5-9]\d\.\d % of your mapSize of 100(\.0)? kB\n/);
      const [report] = lines((await lmdbx(["stat", directory, "--map-size", "100k", "--json"])).stdout);
      assert.equal(report.mapSize, 100_000);
      assert.equal((await lmdbx(["stat", directory, "--map-size", "much"])).code, 2);
    }),
  );

  test(
    "shows named databases, and the tenants of one",
    using(async (open, directory) => {
      const [main, orders, pages] = [undefined, "orders", "pages"].map((name) => open({ name }));
      await main.put("acme", "large", "x".repeat(50_000));
      // Before and behind the names, on several pages.
      await Promise.all(Array.from({ length: 400 }, (_, n) => main.put(n % 2 ? "a" : "z", n, "x".repeat(100))));
      await Promise.all(Array.from({ length: 300 }, (_, n) => orders.put(`shop${n % 2}`, n, { n })));
      await orders.batch([], { checkpoint: { name: "worker", position: 1 } });
      await pages.ready();
      const { stdout } = await lmdbx(["stat", directory]);
      assert.match(stdout, /\n\ndatabase +records +size\n\(main\) +401 +\d.*\norders +300 +\d.*\npages +0 +0 B\n\n/);
      assert.match(stdout, /\nacme +1 +\[-{20}\]\n3 tenants\n$/);
      const named = (await lmdbx(["stat", directory, "--name", "orders"])).stdout;
      assert.match(named, /, database "orders", commit /);
      assert.match(named, /\nrecords +300 /);
      assert.match(named, /\nshop0 +150 .*\nshop1 +150 .*\n2 tenants\n$/);
      const [report] = lines((await lmdbx(["stat", directory, "--name", "orders", "--json"])).stdout);
      assert.equal(report.name, "orders");
      const told = report.databases.map(({ name, records }) => [name, records]);
      assert.deepEqual(told, [[null, 401], ["orders", 300], ["pages", 0]]);
      assert.ok(report.databases[0].size > 50_000 && report.databases[1].size > 0);
    }),
  );

  test(
    "shows an empty database, and that nobody else reads it",
    using(async (open, directory) => {
      const repository = open();
      await repository.ready();
      await repository.close();
      const { code, stdout } = await lmdbx(["stat", directory]);
      assert.equal(code, 0);
      assert.match(stdout, /\nreaders +0 +\[-{30}\] 0.0 % of [\d,]+ slots\nrecords +0 +in a tree of 0 levels\n\n0 tenants\n$/);
      assert.doesNotMatch(stdout, /NaN|undefined/);
    }),
  );
});
