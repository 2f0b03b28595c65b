"use strict";
// What the options of an import do to the new side: compression, encodings, names, and more names
// than a directory holds.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { importDirectory } = require("../lib/import/index.js");
const { assertSame } = require("./support/same.js");
const { oldValues } = require("./support/old-values.js");
const { runToEnd } = require("./support/program.js");
const { rejection, using } = require("./support/temporary.js");
const { lmdbx, lines } = require("./support/command.js");
const { withOld } = require("./support/old.js");

/** As many as a directory holds, see LMDBX_MAX_DATABASES. */
const MOST_DATABASES = 256;

const dataSize = (directory) => fs.statSync(path.join(directory, "data.mdb")).size;

describe("compression", () => {
  const large = (path) => ({ databases: [{ path, count: 300, size: 4_000, compression: true }] });

  withOld("of the new database is off, or on if it is asked for", large, async (places) => {
    const { open, directory, from } = places;
    const [plain, packed] = ["plain", "packed"].map((name) => path.join(directory, name));
    await importDirectory({ from, to: plain });
    const { code, stderr } = await lmdbx(["import", from, packed, "--compression"]);
    assert.deepEqual([code, stderr], [0, ""]);
    // Values of 4,000 bytes that are nearly all spaces.
    assert.ok(dataSize(plain) > 300 * 4_000);
    assert.ok(dataSize(packed) < dataSize(plain) / 2, `${dataSize(packed)} of ${dataSize(plain)}`);
    for (const to of [plain, packed]) {
      const repository = open({ path: to });
      for (const [key, , expected] of oldValues("msgpack")) {
        assertSame(await repository.get("values", key), expected, key);
      }
      assert.equal((await repository.get("many", 299)).text, "record 299".padEnd(4_000));
    }
  });
});

describe("--target-encoding", () => {
  const two = (path) => ({
    databases: [
      { path, encoding: "json" },
      { path, name: "texts", encoding: "string" },
    ],
  });

  withOld("is that of all new databases", two, async ({ open, from, to }) => {
    const encodings = ["--encoding", "json", "--encoding", "texts=string"];
    const args = ["import", from, to, ...encodings, "--target-encoding", "msgpack", "--json"];
    const { code, stdout, stderr } = await lmdbx(args);
    assert.deepEqual([code, stderr], [0, ""]);
    const [{ databases }] = lines(stdout);
    assert.deepEqual(databases.map(({ name, encoding }) => [name, encoding]), [
      [null, "json"],
      ["texts", "string"],
    ]);
    for (const [name, encoding] of [[undefined, "json"], ["texts", "string"]]) {
      const repository = open({ path: to, encoding: "msgpack", ...(name ? { name } : {}) });
      for (const [key, , expected] of oldValues(encoding)) {
        assertSame(await repository.get("values", key), expected, key);
      }
    }
  });

  withOld(
    "refuses the values that it cannot hold, one by one",
    (path) => ({ databases: [{ path, count: 5 }] }),
    async ({ open, from, to }) => {
      const args = ["import", from, to, "--target-encoding", "string", "--json"];
      const { code, stdout } = await lmdbx(args);
      assert.equal(code, 1);
      const report = lines(stdout).at(-1);
      const texts = oldValues("msgpack").filter(([, , value]) => typeof value === "string");
      assert.equal(report.carried, texts.length);
      assert.equal(report.notCarriedCount, report.records - texts.length);
      const refused = lines(stdout).find(({ tenantId, key }) => tenantId === "many" && key === 3);
      assert.equal(refused.code, "LMDBX_INVALID_VALUE");
      const keys = await open({ path: to, encoding: "string" }).list("values");
      assert.deepEqual(keys, texts.map(([key]) => key).sort());
    },
  );
});

describe("--name", () => {
  const three = (path) => ({
    databases: [{ path }, { path, name: "orders", count: 2 }, { path, name: "pages", count: 3 }],
  });
  const names = (databases) => databases.map(({ name }) => name);

  withOld("takes over what it names, once or several times", three, async ({ directory, from }) => {
    const cases = { pages: ["pages"], "orders pages": ["orders", "pages"], " pages": ["", "pages"] };
    for (const [title, given] of Object.entries(cases)) {
      const to = path.join(directory, `new ${title}`);
      const options = given.map((name) => `--name=${name}`); // Bun 1.2 starts nothing with ""
      const { code, stdout } = await lmdbx(["import", from, to, ...options, "--json"]);
      assert.equal(code, 0);
      assert.deepEqual(names(lines(stdout)[0].databases), given.map((name) => name || null));
    }
  });

  withOld("that does not exist fails with 3, and says which do", three, async (places) => {
    const { directory, from, to } = places;
    const args = ["import", from, to, "--name", "pages", "--name", "page"];
    const { code, stdout, stderr } = await lmdbx(args);
    assert.deepEqual([code, stdout], [3, ""]);
    assert.match(stderr, /no database named "page"; it has "orders", "pages" .*\[LMDBX_NOT_FOUND\]\n$/);
    assert.deepEqual(fs.readdirSync(directory), ["old"]);
  });
});

describe("--rename", () => {
  const colon = (path) => ({ databases: [{ path, name: "orders:2024", count: 3 }, { path, name: "pages", count: 2 }] });

  withOld("takes over what has a name that a new directory refuses", colon, async ({ open, directory, from, to }) => {
    const plain = await lmdbx(["import", from, path.join(directory, "without")]);
    assert.equal(plain.code, 1);
    assert.match(plain.stderr, /^not carried over: database "orders:2024": .*by another name \(rename, or --rename\)\n$/);
    const { code, stdout, stderr } = await lmdbx(["import", from, to, "--rename", "orders:2024=orders"]);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /\norders:2024 as orders +msgpack /);
    assert.deepEqual(await open({ path: to, name: "orders" }).list("many"), [0, 1, 2]);
    assert.deepEqual(await open({ path: to, name: "pages" }).list("many"), [0, 1]);
  });

  withOld("goes with the other options, by the old name", colon, async ({ open, from, to }) => {
    const report = await importDirectory({
      from,
      to,
      names: ["orders:2024"],
      encodings: { "orders:2024": "msgpack" },
      rename: { "orders:2024": "pages" },
    });
    assert.deepEqual(report.databases.map((each) => [each.name, each.newName]), [["orders:2024", "pages"]]);
    assert.deepEqual(await open({ path: to, name: "pages" }).list("many"), [0, 1, 2]);
  });

  withOld("to a name that is taken, or of nothing, is refused", colon, async ({ directory, from, to }) => {
    const cases = [
      [["orders:2024=pages"], 3, /two databases would be named "pages".*\[LMDBX_NAME_CONFLICT\]\n$/],
      [["orders=pages"], 3, /no database named "orders"; it has .*\[LMDBX_NOT_FOUND\]\n$/],
      [["orders:2024"], 2, /--rename: "orders:2024" has not the form OLD=NEW/],
      [["=main"], 2, /rename: the main database has no name that could change/],
    ];
    for (const [renames, expected, says] of cases) {
      const { code, stderr } = await lmdbx(["import", from, to, "--rename", ...renames]);
      assert.equal(code, expected, stderr);
      assert.match(stderr, says);
      assert.deepEqual(fs.readdirSync(directory), ["old"]);
    }
  });
});

describe("more named databases than a directory holds", () => {
  test(
    "are left out, with the advice to import them to another path, which works",
    using(async (open, directory) => {
      const from = path.join(directory, "old");
      const nameOf = (_, i) => `d${String(i).padStart(3, "0")}`;
      const all = Array.from({ length: MOST_DATABASES + 2 }, nameOf);
      const step = `const { db } = open({ path: directory, maxDbs: 300 });
        await Promise.all(${JSON.stringify(all)}.map((name) => db.openDB(name).put("t:1", name)));`;
      const written = await runToEnd("old-steps", { directory: from, steps: [step] });
      assert.match(written.stdout, /"value":null/, written.stdout + written.stderr);

      const to = path.join(directory, "new");
      const { code, stderr } = await lmdbx(["import", from, to]);
      assert.equal(code, 1);
      const left = all.slice(MOST_DATABASES);
      const told = stderr.trimEnd().split("\n");
      assert.equal(told.length, left.length, stderr);
      told.forEach((line, i) => {
        assert.ok(line.startsWith(`not carried over: database "${left[i]}": `), line);
        assert.match(line, /as many named databases as it can hold\. Import this one to another/);
      });
      const last = all[MOST_DATABASES - 1];
      assert.equal(await open({ path: to, name: last }).get("t", 1), last);

      const second = path.join(directory, "second");
      const report = await importDirectory({ from, to: second, names: left });
      assert.deepEqual([report.carried, report.notCarried], [left.length, []]);
      assert.equal(await open({ path: second, name: left[1] }).get("t", 1), left[1]);
    }),
  );
});

describe("an npm lmdb that does not do", () => {
  const some = (path) => ({ databases: [{ path, count: 1 }] });
  /** What is found in the project, and what is said of it. */
  const found = {
    "of another version": ["exports.open = () => {};", "2.9.0", /of version 3\.2\.2 or a later 3\.x; found is 2\.9\.0\./],
    "that cannot be loaded": ["throw new Error('no binary');", "3.2.2", /which cannot be loaded \(no binary\)\./],
    "without open()": ["", "3.5.6", /what was found under that name has no open\(\)\./],
  };
  for (const [what, [source, version, message]] of Object.entries(found)) {
    withOld(`${what}, is refused with what to install`, some, async ({ directory, from, to }) => {
      const lmdb = path.join(directory, "node_modules/lmdb");
      fs.mkdirSync(lmdb, { recursive: true });
      fs.writeFileSync(path.join(lmdb, "package.json"), JSON.stringify({ name: "lmdb", version }));
      fs.writeFileSync(path.join(lmdb, "index.js"), source);
      const { code, stderr } = await lmdbx(["import", from, to], { cwd: directory });
      assert.equal(code, 3, stderr);
      assert.match(stderr, message);
      assert.match(stderr, /npm install lmdb@3/);
      assert.ok(!fs.existsSync(to));
    });
  }

  withOld("is not asked for where there is nothing that it could read", () => undefined, async ({ from, to }) => {
    const refused = await rejection(importDirectory({ from, to, lmdb: {} }));
    assert.equal(refused.code, "LMDBX_NOT_FOUND");
  });

  withOld("is refused, too, where a program gives it", some, async ({ from, to }) => {
    const refused = await rejection(importDirectory({ from, to, lmdb: {} }));
    assert.equal(refused.code, "LMDBX_PEER_MISSING");
    assert.match(refused.message, /has no open\(\)/);
  });
});
