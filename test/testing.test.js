"use strict";
// The subpath /testing: repositories in temporary directories.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");

const { LMDBXRepository, createLMDBXRepository } = require("..");
const { createTemporaryRepository } = require("../lib/testing.js");
const { runToEnd } = require("./support/program.js");
const { using } = require("./support/temporary.js");

describe("createTemporaryRepository", () => {
  test("gives a repository in a new directory, which close() removes", async () => {
    const users = createTemporaryRepository();
    const others = createTemporaryRepository();
    assert.ok(users instanceof LMDBXRepository);
    assert.notEqual(users.path, others.path);
    await users.put("t", 1, { name: "Alice" });
    assert.deepEqual(await users.get("t", 1), { name: "Alice" });
    assert.equal(await others.get("t", 1), undefined);
    assert.ok(fs.existsSync(path.join(users.path, "data.mdb")));
    const closing = users.close();
    assert.equal(users.close(), closing, "closing twice is fine");
    await closing;
    assert.ok(!fs.existsSync(users.path));
    assert.ok(fs.existsSync(others.path));
    await others[Symbol.asyncDispose]();
    assert.ok(!fs.existsSync(others.path));
  });

  test("takes the other options, and a second repository on its path", async () => {
    const pages = createTemporaryRepository({ name: "pages", encoding: "json" });
    await pages.put("t", "/", { at: new Date(0) });
    assert.deepEqual(await pages.get("t", "/"), { at: "1970-01-01T00:00:00.000Z" });
    const main = createLMDBXRepository({ path: pages.path });
    assert.deepEqual(await main.list("t"), []);
    await main.close();
    await pages.close();
  });

  test("removes its directory also while a second repository has it open", async () => {
    const users = createTemporaryRepository();
    const second = createLMDBXRepository({ path: users.path });
    await second.put("t", 1, 1);
    await users.close();
    assert.ok(!fs.existsSync(users.path));
    await second.close();
    assert.ok(!fs.existsSync(users.path));
  });

  test("refuses a path and wrong options, and leaves no directory", () => {
    const before = fs.readdirSync(require("node:os").tmpdir());
    const wrong = { name: "TypeError", code: "LMDBX_INVALID_CONFIG" };
    assert.throws(() => createTemporaryRepository({ path: "./data" }), { ...wrong, message: /path/ });
    assert.throws(() => createTemporaryRepository({ encoding: "xml" }), { ...wrong, message: /xml/ });
    const after = fs.readdirSync(require("node:os").tmpdir());
    const made = after.filter((name) => name.startsWith("lmdbx-") && !before.includes(name));
    assert.deepEqual(made.filter((name) => !/^lmdbx-(test|readme|package)-/.test(name)), []);
  });

  for (const way of ["exit at once", "exit while it is used", "the natural end", "a worker's end"]) {
    test(
      `removes what was forgotten, by ${way}`,
      using(async (_open, directory) => {
        const env = { TMPDIR: directory };
        const { code, stdout, stderr } = await runToEnd("forgetful", { way }, { env });
        assert.equal(code, 0, stderr);
        const said = stdout.trim().split("\n").map((line) => JSON.parse(line));
        assert.equal(path.dirname(said[0]), directory);
        assert.deepEqual(fs.readdirSync(directory), []);
      }),
    );
  }
});

describe("a test's own timers", () => {
  test(
    "in place of all global ones hinder nothing",
    using(async (_open, directory) => {
      const { code, stdout, stderr } = await runToEnd("faked-timers", { path: directory });
      assert.equal(code, 0, stderr);
      assert.deepEqual(JSON.parse(stdout), { values: 5000, listed: 5000 });
    }),
  );
});
