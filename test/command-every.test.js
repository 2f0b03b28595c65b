"use strict";
// The command: what holds for every one of them, where they read and what they show on terminals.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { using } = require("./support/temporary.js");
const { startProgram } = require("./support/program.js");
const { READING, lmdbx, lines, hasTerminals, shownOn } = require("./support/command.js");
const { table } = require("../lib/cli/output.js");

const load = (to) => ["load", to];
const NAMED = ["stat", "tenants", "list", "get", "dump", "load"];

const RECORD = '{"tenant":"acme","key":1,"value":1}\n';

describe("every command", () => {
  test(
    "fails with 3 where there is no database, and creates none",
    using(async (open, directory) => {
      const empty = path.join(directory, "empty");
      fs.mkdirSync(empty);
      const runs = [...READING, load].flatMap((args) => {
        return [args(path.join(directory, "none")), args(empty)];
      });
      const ended = await Promise.all(runs.map((args) => lmdbx(args, { input: RECORD })));
      for (const [at, { code, stdout, stderr }] of ended.entries()) {
        assert.deepEqual([code, stdout], [3, ""], `${runs[at]}: ${stderr}`);
        assert.match(stderr, /^lmdbx: .* \[LMDBX_NOT_FOUND\]\n$/);
      }
      assert.deepEqual(fs.readdirSync(directory, { recursive: true }), ["empty"]);
    }),
  );

  test(
    "fails with 3 where there is no database of that name, says which, and creates none",
    using(async (open, directory) => {
      await open().put("acme", 1, 1);
      const named = [...READING, load].map((args) => args(directory)).filter(([name]) => NAMED.includes(name));
      assert.equal(named.length, NAMED.length);
      const ended = await Promise.all(
        named.map((args) => lmdbx([...args, "--name", "n\u202eo"], { input: RECORD })),
      );
      for (const { code, stdout, stderr } of ended) {
        assert.deepEqual([code, stdout], [3, ""], stderr);
        assert.match(stderr, /^lmdbx: there is no database "n\\u202eo" in .*stat lists .* \[LMDBX_NOT_FOUND\]\n$/);
      }
      const [{ databases }] = lines((await lmdbx(["stat", directory, "--json"])).stdout);
      assert.equal(databases.length, 1);
    }),
  );

  test(
    "says how to give a value or key that begins with a minus sign",
    using(async (open, directory) => {
      await open().put("acme", -5, "below zero");
      for (const [args, advice] of [
        [["list", directory, "acme", "--gte", "-5"], /^lmdbx: --gte -5: write --gte=-5, /],
        [["get", directory, "acme", "-5"], /^lmdbx: -5 looks like an option: put -- before it, as in -- -5\. See/],
        [["get", directory, "acme", "--no"], /^lmdbx: Unknown option '--no'/],
      ]) {
        const { code, stderr } = await lmdbx(args);
        assert.equal(code, 2);
        assert.match(stderr, advice);
      }
      assert.equal((await lmdbx(["list", directory, "acme", "--gte=-5"])).stdout, "-5\n");
      assert.equal((await lmdbx(["get", directory, "acme", "--", "-5"])).code, 0);
    }),
  );

  test(
    "refuses what the repository takes for a mistake with 2",
    using(async (open, directory) => {
      await open().put("acme", 1, 1);
      const wrong = [["list", directory, ""], ["get", directory, "acme", "1", "--name", ""]];
      for (const { code, stderr } of await Promise.all(wrong.map((args) => lmdbx(args)))) {
        assert.equal(code, 2, stderr);
        assert.match(stderr, /\[LMDBX_INVALID_/);
      }
    }),
  );

  test(
    "reads a database that another process is writing to",
    using(async (open, directory) => {
      const from = path.join(directory, "data");
      const repository = open({ path: from });
      await repository.put("acme", 1, 1);
      await repository.close();
      const writer = startProgram("writer", { path: from });
      assert.equal(await writer.heard(), "writing");
      const runs = READING.map((args) => args(from));
      const ended = await Promise.all(runs.map((args) => lmdbx(args)));
      for (const [at, { code, stdout, stderr }] of ended.entries()) {
        // Of what lasts for ten seconds, as on a slow machine, it says how far it is.
        const said = stderr.replace(/^(verifying|dumping|copying)  .*\n/gm, "");
        assert.deepEqual([code, said], [0, ""], `${runs[at]}: ${stdout}`);
      }
      assert.deepEqual(writer.rest(), []);
      writer.kill();
      assert.equal((await writer.ended).signal, "SIGKILL", "it was still writing");
    }),
  );
});

describe("on a terminal", { skip: !hasTerminals() && "there is no program that makes one" }, () => {
  test(
    "values have colours, unless NO_COLOR or the terminal says otherwise",
    using(async (open, directory) => {
      await open().put("acme", 1, { n: 1 });
      for (const args of [["get", directory, "acme", "1"], ["list", directory, "acme", "--values"]]) {
        const colourful = shownOn(args);
        assert.deepEqual([colourful.code, colourful.stdout.includes("\x1b[3")], [0, true], colourful.stdout);
        for (const env of [{ NO_COLOR: "1" }, { TERM: "dumb" }]) {
          assert.match(shownOn(args, { env }).stdout, /^(1  )?\{ n: 1 \}\n$/);
        }
      }
    }),
  );

  test(
    "long and odd names of tenants take their part of a line",
    using(async (open, directory) => {
      const repository = open();
      const odd = ["evil\u001b[31m\u0007", "back\u202ewards", "狐".repeat(30), "x".repeat(300)];
      for (const tenant of odd) await repository.put(tenant, 1, 1);
      for (const command of ["stat", "tenants"]) {
        const { code, stdout } = shownOn([command, directory], { columns: 40 });
        assert.equal(code, 0, stdout);
        const shown = stdout.split("\n");
        assert.ok(shown.some((line) => /^xxxxx+\.\.\. +1  \[#{8}\]$/.test(line) && line.length <= 40), stdout);
        assert.ok(shown.some((line) => /^狐+\.\.\. +1  /.test(line)), stdout);
        assert.match(stdout, /\nevil\\u001b\[31m/);
        assert.doesNotMatch(stdout, /[\x00-\x09\x0b-\x1f\u202e]/);
      }
      const wide = shownOn(["stat", directory], { columns: 80 }).stdout.split("\n").slice(1);
      for (const line of wide) assert.ok(line.length <= 80, line);
      assert.ok(wide.some((line) => /^in use .*\[#*-*\]/.test(line)));
    }),
  );
});

describe("tables", () => {
  test("are as wide as they need where there is no terminal", () => {
    const rows = [["x".repeat(100), 1, "[##]"], ["狐", 1_000, "[#-]"]];
    const [head, first, second] = table(["tenant", "records", ""], rows, Infinity).split("\n");
    assert.equal(head, `${"tenant".padEnd(100)}  records`);
    assert.equal(first, `${"x".repeat(100)}        1  [##]`);
    assert.equal(second, `狐${" ".repeat(98)}    1,000  [#-]`);
  });

  test("take very many rows", () => {
    const rows = Array.from({ length: 200_000 }, (_, n) => [`t${n}`, n]);
    assert.equal(table(["tenant", "records"], rows, 40).length, 200_001 * 16 + 200_000);
  });
});
