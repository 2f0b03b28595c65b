"use strict";
// The command: tenants, list, dump and load.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const { using } = require("./support/temporary.js");
const { assertSame } = require("./support/same.js");
const { inject } = require("./support/raw.js");
const { LMDBX, lmdbx, lines, printed } = require("./support/command.js");

/** 90 million characters of six in JSON are too many for V8. */
const longTexts = process.versions.bun !== undefined && "a text of Bun may be as long";

describe("tenants", () => {
  test(
    "are listed with the number of their records",
    using(async (open, directory) => {
      const repository = open();
      for (let n = 0; n < 10; n++) await repository.put("acme", n, n);
      await repository.put("evil\u001b[31m", 1, 1);
      const text = await printed("tenants", directory);
      assert.match(text, /\nacme +10 +\[#{20}\]\n/);
      assert.match(text, /\nevil\\u001b\[31m +1 +\[##-{18}\]\n/);
      assert.match(text, /\n2 tenants, 11 records\n$/);
      assert.deepEqual(lines(await printed("tenants", directory, "--json")), [
        { tenant: "acme", records: 10 },
        { tenant: "evil\u001b[31m", records: 1 },
      ]);
    }),
  );

  test(
    "there may be none",
    using(async (open, directory) => {
      await open().ready();
      assert.equal(await printed("tenants", directory), "0 tenants, 0 records\n");
      assert.equal(await printed("tenants", directory, "--json"), "");
    }),
  );
});

describe("list", () => {
  test(
    "shows keys in stored order, and ranges of them",
    using(async (open, directory) => {
      const repository = open();
      for (const n of [1, 2, 10, 20]) await repository.put("acme", `user:${n}`, { n });
      await repository.put("acme", ["cpu", 1], 1n);
      const list = (...args) => printed("list", directory, "acme", ...args);
      assert.equal(await list(), '"user:1"\n"user:10"\n"user:2"\n"user:20"\n["cpu",1]\n');
      assert.equal(await list("--prefix", "user:1", "--reverse"), '"user:10"\n"user:1"\n');
      assert.equal(await list("--prefix", '["cpu"]'), '["cpu",1]\n');
      assert.equal(await list("--gt", "user:1", "--lte", "user:2"), '"user:10"\n"user:2"\n');
      assert.equal(await list("--limit", "1", "--values"), '"user:1"  { n: 1 }\n');
      assert.deepEqual(lines(await list("--json", "--values", "--gte", '["cpu",1]')), [
        { key: ["cpu", 1], value: { $bigint: "1" } },
      ]);
      assert.equal((await lmdbx(["list", directory, "acme", "--limit", "few"])).code, 2);
      assert.equal(await list("--prefix", "order:"), "", "nothing to say of an empty range");
    }),
  );

  test(
    "says that a tenant has no records",
    using(async (open, directory) => {
      await open().put("acme", 1, 1);
      for (const more of [[], ["--json"], ["--values", "--gt", "1"]]) {
        const { code, stdout, stderr } = await lmdbx(["list", directory, "acne", ...more]);
        assert.deepEqual([code, stdout, stderr], [0, "", 'tenant "acne" has no records\n']);
      }
    }),
  );
});

describe("dump and load", () => {
  const odd = {
    date: new Date(1),
    map: new Map([[{ a: 1 }, new Set([undefined])]]),
    numbers: [NaN, -0, Infinity, 2 ** 53, 5n],
    bytes: Buffer.from([1, 2]),
    floats: new Float64Array([1.5]),
    dollar: { $date: 1 },
    text: "a\nb\u2028\0🦊",
    proto: JSON.parse('{"__proto__":{"a":1}}'),
  };

  test(
    "carry every value over as it is, and the dump of the copy is the same",
    using(async (open, directory) => {
      const [from, to] = ["from", "to"].map((name) => path.join(directory, name));
      const file = path.join(directory, "dump.jsonl");
      const repository = open({ path: from });
      for (const [key, value] of Object.entries(odd)) await repository.put("acme", key, value);
      await Promise.all(Array.from({ length: 2_500 }, (_, n) => repository.put("b:c", [n], { n })));
      const dumped = await lmdbx(["dump", from, file]);
      assert.deepEqual([dumped.code, dumped.stdout], [0, ""]);
      const said = lines(fs.readFileSync(file, "utf8"));
      assert.deepEqual(said[0], { lmdbxDump: 1, name: null, encoding: "msgpack" });
      assert.deepEqual(said.at(-1), { records: 2_500 + Object.keys(odd).length });
      const loaded = await lmdbx(["load", to, file, "--create"]);
      assert.deepEqual([loaded.code, loaded.stdout], [0, "2,508 records loaded\n"], loaded.stderr);
      const copy = open({ path: to });
      for (const [key, value] of Object.entries(odd)) assertSame(await copy.get("acme", key), value);
      assert.equal(await printed("dump", to), fs.readFileSync(file, "utf8"));
      assert.equal(lines(await printed("dump", to, "--tenant", "acme")).length, 2 + Object.keys(odd).length);
    }),
  );

  test(
    "take name and encoding from the dump, unless told otherwise",
    using(async (open, directory) => {
      const [from, to] = ["from", "to"].map((name) => path.join(directory, name));
      await open({ path: from, name: "pages", encoding: "json" }).put("acme", "/", { title: "Welcome" });
      const dump = await printed("dump", from, "--name", "pages", "--encoding", "json");
      for (const args of [[], ["--name", "others", "--encoding", "msgpack", "--compression"]]) {
        const { code, stderr } = await lmdbx(["load", to, "--create", ...args], { input: dump });
        assert.equal(code, 0, stderr);
      }
      assert.deepEqual(await open({ path: to, name: "pages", encoding: "json" }).list("acme"), ["/"]);
      assert.deepEqual(await open({ path: to, name: "others" }).get("acme", "/"), { title: "Welcome" });
    }),
  );

  test(
    "report values that cannot be read, and go on behind them",
    using(async (open, directory) => {
      inject(directory, [
        ["acme:1", Buffer.from([1])],
        ["acme:2", Buffer.from([0xc1])],
        ["acme:3", Buffer.from([3])],
        ["acme:4", Buffer.from([0xc1])],
      ]);
      const { code, stdout, stderr } = await lmdbx(["dump", directory]);
      assert.equal(code, 1);
      assert.match(stderr, /^left out: tenant "acme", key 2: .*\nleft out: tenant "acme", key 4: .*\n$/);
      const said = lines(stdout);
      assert.deepEqual(said.slice(1, -1).map(({ key, value }) => [key, value]), [[1, 1], [3, 3]]);
      assert.deepEqual(said.at(-1), { records: 2 });
    }),
  );

  test(
    "dump of values of another encoding fails, names the option, and leaves no file",
    using(async (open, directory) => {
      const data = path.join(directory, "data");
      const texts = open({ path: data, encoding: "json" });
      await Promise.all(Array.from({ length: 150 }, (_, n) => texts.put("acme", n, { n })));
      const file = path.join(directory, "dump");
      for (const [given, read] of [[[], 100], [["--encoding", "msgpack"], 150]]) {
        for (const args of [["--tenant", "acme"], []]) {
          const { code, stderr } = await lmdbx(["dump", data, file, ...given, ...args]);
          assert.equal(code, 3);
          const said = stderr.trimEnd().split("\n");
          assert.equal(said.length, read + 1);
          assert.ok(said.pop().includes(`none of ${read} values can be read as msgpack. Give --encoding `));
        }
      }
      assert.deepEqual(fs.readdirSync(directory), ["data"]);
    }),
  );

  test(
    "dump goes on behind any number of values of another encoding, where one is given",
    using(async (open, directory) => {
      const [texts, objects] = [open({ encoding: "json" }), open()];
      await Promise.all(Array.from({ length: 150 }, (_, n) => texts.put("acme", n, { n })));
      await objects.put("other", 1, { n: 1 });
      const { code, stdout } = await lmdbx(["dump", directory, "--encoding", "msgpack"]);
      assert.equal(code, 1);
      const [, record, end] = lines(stdout);
      assert.deepEqual([record, end], [{ tenant: "other", key: 1, value: { n: 1 } }, { records: 1 }]);
    }),
  );

  test(
    "a value whose JSON would be longer than a text can be is left out of a dump, and named",
    { skip: longTexts },
    using(async (open, directory) => {
      const repository = open();
      await repository.put("acme", 1, 1);
      await repository.put("acme", 2, "\u0001".repeat(90e6));
      await repository.put("acme", 3, 3);
      const { code, stdout, stderr } = await lmdbx(["dump", directory]);
      assert.equal(code, 1);
      assert.deepEqual(lines(stdout).slice(1).map(({ key, records }) => key ?? { records }), [1, 3, { records: 2 }]);
      assert.match(stderr, /^left out: tenant "acme", key 2: the value is too large for a line of JSON.*\n$/);
      for (const args of [["get", directory, "acme", "2"], ["list", directory, "acme", "--values"]]) {
        const failed = await lmdbx([...args, "--json"]);
        assert.deepEqual([failed.code, lines(failed.stdout).at(-1).code], [3, "LMDBX_VALUE_TOO_LARGE"]);
      }
    }),
  );

  test(
    "dump to a file tells programs what it left out, and how it ended",
    using(async (open, directory) => {
      inject(directory, [["acme:1", Buffer.from([1])], ["acme:2", Buffer.from([0xc1])]]);
      const file = path.join(directory, "dump");
      const { code, stdout, stderr } = await lmdbx(["dump", directory, file, "--json"]);
      assert.deepEqual([code, stderr], [1, ""]);
      const [left, report] = lines(stdout);
      const { type, tenant, key, code: why } = left;
      assert.deepEqual({ type, tenant, key, why }, { type: "leftOut", tenant: "acme", key: 2, why: "LMDBX_DECODE" });
      assert.deepEqual(report, { type: "report", file, records: 1, leftOut: 1, empty: [], hidden: 0 });
      assert.equal(lines(fs.readFileSync(file, "utf8")).length, 3);
      const some = await lmdbx(["dump", directory, `${file}2`, "--json", "--tenant", "acme"]);
      assert.deepEqual([some.code, "hidden" in lines(some.stdout)[1]], [1, false], "nothing was counted");
    }),
  );

  test(
    "dump of a tenant without records says so, and is no success",
    using(async (open, directory) => {
      await open().put("acme", 1, 1);
      const { code, stdout, stderr } = await lmdbx(["dump", directory, "--tenant", "acne", "--tenant", "acme"]);
      assert.deepEqual([code, stderr], [1, 'tenant "acne" has no records\n']);
      assert.deepEqual(lines(stdout).slice(1), [{ tenant: "acme", key: 1, value: 1 }, { records: 1 }]);
    }),
  );

  test(
    "dump tells of values that may as well be characters of another encoding",
    using(async (open, directory) => {
      const repository = open({ encoding: "string" });
      for (const value of ["A", "7", "Д"]) await repository.put("acme", value, value);
      const { code, stderr } = await lmdbx(["dump", directory]);
      assert.equal(code, 0);
      assert.match(stderr, /^what was read as 3 numbers of msgpack may be .* dump again with --encoding\n$/);
      for (const encoding of ["string", "msgpack"]) await printed("dump", directory, "--encoding", encoding);
      await repository.put("acme", "word", "\u0001");
      await printed("dump", directory); // a control character is none that one would write
    }),
  );

  test(
    "dump, interrupted, ends with 130 and leaves no part of a file",
    using(async (open, directory) => {
      const repository = open();
      const value = "x".repeat(10_000);
      for (let round = 0; round < 10; round++) {
        await Promise.all(Array.from({ length: 500 }, (_, n) => repository.put("t", [round, n], value)));
      }
      const file = path.join(directory, "dump.jsonl");
      const command = lmdbx(["dump", directory, file]);
      while (!fs.existsSync(file) || fs.statSync(file).size === 0) await new Promise(setImmediate);
      command.kill("SIGINT");
      const { code, stderr } = await command;
      assert.deepEqual([code, stderr], [130, "lmdbx: interrupted\n"]);
      assert.ok(!fs.existsSync(file));
    }),
  );

  test(
    "a command that finds no room on standard output fails, and one that does more goes on before",
    { skip: !fs.existsSync("/dev/full") && "this system has no /dev/full" },
    using(async (open, directory) => {
      await open().put("t", 1, 1);
      for (const name of ["dump", "tenants"]) {
        const command = `"$0" ${JSON.stringify(LMDBX)} ${name} "$1" > /dev/full`;
        const { status, stderr } = spawnSync("sh", ["-c", command, process.execPath, directory]);
        assert.equal(status, 3, `${name}: ${stderr}`);
        assert.match(String(stderr), /ENOSPC/);
      }
      const input = `{"tenant":"t","key":2,"value":2}\n`.repeat(3_000);
      const command = `"$0" ${JSON.stringify(LMDBX)} load "$1" --json > /dev/full`;
      const options = { input: `${input}no JSON\n`.repeat(2), encoding: "utf8" };
      const { status, stderr } = spawnSync("sh", ["-c", command, process.execPath, directory], options);
      assert.equal(status, 3, stderr);
      assert.match(stderr, /^lmdbx: standard output: .*ENOSPC.*\n$/);
      assert.equal(await open().get("t", 2), 2);
    }),
  );

  test(
    "get shows a whole Buffer",
    using(async (open, directory) => {
      await open().put("acme", 1, { bytes: Buffer.alloc(100, 7) });
      const { stdout } = await lmdbx(["get", directory, "acme", "1"]);
      assert.equal(stdout.match(/07/g).length, 100);
    }),
  );

  test(
    "write over no file",
    using(async (open, directory) => {
      await open().put("acme", 1, 1);
      const file = path.join(directory, "file");
      fs.writeFileSync(file, "mine");
      const over = await lmdbx(["dump", directory, file]);
      assert.equal(over.code, 3);
      assert.match(over.stderr, /^lmdbx: open .*file: something is there already\. .* \(EEXIST\) \[LMDBX_EXISTS\]\n$/);
      const [error] = lines((await lmdbx(["dump", directory, file, "--json"])).stdout);
      assert.deepEqual([error.type, error.code], ["error", "LMDBX_EXISTS"]);
      const [wrong] = lines((await lmdbx(["dump", "--json"])).stdout);
      assert.deepEqual([wrong.type, wrong.code], ["error", "USAGE"]);
      assert.equal(fs.readFileSync(file, "utf8"), "mine");
    }),
  );
});
