"use strict";
// The command on a database in use: what it shows, and that it creates and changes nothing.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const { using } = require("./support/temporary.js");
const { startProgram } = require("./support/program.js");
const { lmdbx, lines } = require("./support/command.js");

describe("get", () => {
  const value = { at: new Date(0), tags: new Set(["a"]), big: 5n, text: "a\u001b[31mb" };

  test(
    "shows the value of a record while others have the database open",
    using(async (open, directory) => {
      await open().put("acme", "user:1", value);
      const { code, stdout, stderr } = await lmdbx(["get", directory, "acme", "user:1"]);
      assert.deepEqual([code, stderr], [0, ""]);
      assert.match(stdout, /at: 1970-01-01T00:00:00.000Z/);
      assert.match(stdout, /big: 5n/);
      assert.ok(!stdout.includes("\u001b"), "a terminal would obey it");
    }),
  );

  test(
    "lets no value turn text round on a terminal, in list neither",
    using(async (open, directory) => {
      const turns = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069";
      const texts = { [turns]: [turns], map: new Map([[turns, "שלום"]]), control: "\u001b\u009b" };
      await open().put("acme", turns, texts);
      for (const args of [["get", directory, "acme", turns], ["list", directory, "acme", "--values"]]) {
        const { code, stdout, stderr } = await lmdbx(args);
        assert.deepEqual([code, stderr], [0, ""]);
        assert.doesNotMatch(stdout, /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u001b\u009b]/);
        assert.ok(stdout.includes("\\u061c\\u200e\\u200f\\u202a"), stdout);
        assert.ok(stdout.includes("שלום"), stdout);
      }
    }),
  );

  test(
    "gives programs the types, too",
    using(async (open, directory) => {
      await open().put("acme", ["order", 17], value);
      const [found] = lines((await lmdbx(["get", directory, "acme", '["order",17]', "--json"])).stdout);
      assert.deepEqual(found, {
        tenant: "acme",
        key: ["order", 17],
        value: {
          at: { $date: "1970-01-01T00:00:00.000Z" },
          tags: { $set: ["a"] },
          big: { $bigint: "5" },
          text: "a\u001b[31mb",
        },
      });
    }),
  );

  test(
    "takes keys as JSON, and other text as a string",
    using(async (open, directory) => {
      const repository = open({ name: "keys", encoding: "json" });
      const keys = { 123: 123, '"123"': "123", "user:1": "user:1", '"user:1"': "user:1", null: null };
      for (const key of Object.values(keys)) await repository.put("t", key, { key });
      for (const [text, key] of Object.entries(keys)) {
        const args = ["get", directory, "t", text, "--name", "keys", "--encoding", "json", "--json"];
        assert.deepEqual(lines((await lmdbx(args)).stdout)[0].value, { key });
      }
    }),
  );

  test(
    "ends with 1 where there is no such record, and 3 where there is no database",
    using(async (open, directory) => {
      await open().put("acme", 1, 1);
      const { code, stdout, stderr } = await lmdbx(["get", directory, "acme", "2"]);
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(stderr, /no record of tenant "acme" with the key 2/);
      for (const args of [["none", "acme", "1"], [directory, "acme", "1", "--name", "none"]]) {
        const result = await lmdbx(["get", ...args], { cwd: directory });
        assert.equal(result.code, 3);
        assert.match(result.stderr, /\[LMDBX_NOT_FOUND\]/);
      }
      assert.deepEqual(fs.readdirSync(directory).sort(), ["data.mdb", "lock.mdb"]);
    }),
  );
});

describe("readers", () => {
  test(
    "shows who has a slot, and nothing where nobody has the database open",
    using(async (open, directory) => {
      const repository = open({ reads: "pool" });
      await repository.put("acme", 1, 1);
      await repository.get("acme", 1);
      const said = lines((await lmdbx(["readers", directory, "--json"])).stdout);
      assert.deepEqual(said.at(-1), { type: "report", readers: said.length - 1, cleared: 0 });
      assert.ok(said.length > 1);
      for (const { pid, commit, stale } of said.slice(0, -1)) {
        assert.deepEqual([pid, commit, stale], [process.pid, null, false]);
      }
      assert.match((await lmdbx(["readers", directory])).stdout, new RegExp(`\n${process.pid} +none just now\n`));
      await repository.close();
      assert.equal((await lmdbx(["readers", directory])).stdout, "0 reader slots in use\n");
    }),
  );

  test(
    "shows the slots of killed processes as stale, and clears them when asked to",
    using(async (open, directory) => {
      const repository = open({ reads: "pool" });
      await repository.put("acme", 1, 1);
      await repository.get("acme", 1);
      const other = startProgram("slot-holder", { path: directory });
      assert.equal(await other.heard(), "reading");
      other.kill("SIGKILL");
      await other.ended;
      const slots = lines((await lmdbx(["readers", directory, "--json"])).stdout);
      const stale = slots.filter((slot) => slot.stale);
      assert.ok(stale.length > 0 && stale.every(({ pid }) => pid === other.pid), JSON.stringify(slots));
      const cleared = await lmdbx(["readers", directory, "--clear-stale"]);
      assert.match(cleared.stdout, new RegExp(`\n${stale.length} stale slots? cleared\n$`));
      const after = lines((await lmdbx(["readers", directory, "--json"])).stdout);
      assert.ok(after.slice(0, -1).every((slot) => slot.pid === process.pid));
    }),
  );
});
