"use strict";
// The command: what load reads, leaves out and refuses.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { using } = require("./support/temporary.js");
const { lmdbx, lines, printed } = require("./support/command.js");

describe("load", () => {
  test(
    "reports lines that are no records, and loads the others",
    using(async (open, directory) => {
      const input = [
        '{"tenant":"acme","key":1,"value":1}',
        "no JSON",
        "[]",
        '{"tenant":"acme","key":2}',
        '{"tenant":"","key":3,"value":1}',
        '{"tenant":"acme","key":4,"value":{"$what":1}}',
        `{"tenant":"acme","key":"${"k".repeat(3_000)}","value":1}`,
        '{"tenant":"acme","key":5,"value":{"$undefined":true}}',
        '{"tenant":"acme","key":6,"value":6}',
      ].join("\n");
      await open().ready();
      const refused = [2, 3, 4, 5, 6, 7, 8];
      const people = await lmdbx(["load", directory], { input });
      assert.equal(people.code, 1);
      const named = people.stderr.match(/left out: line \d/g).map((text) => Number(text.at(-1)));
      assert.deepEqual(named.sort(), refused);
      const { code, stdout, stderr } = await lmdbx(["load", directory, "--json"], { input });
      assert.deepEqual([code, stderr], [1, ""]);
      const said = lines(stdout);
      assert.deepEqual(said.pop(), { type: "report", loaded: 2, refused: refused.length });
      assert.ok(said.every(({ type, reason }) => type === "leftOut" && reason.length > 0));
      assert.deepEqual(said.map(({ line }) => line).sort(), refused);
      assert.deepEqual(await open().list("acme"), [1, 6]);
    }),
  );

  test(
    "leaves out what the encoding json does not hold exactly",
    using(async (open, directory) => {
      const values = ['{"$map":[["a",1]]}', '{"$bytes":"AAEC"}', '{"$set":[1]}', '[{"$number":"NaN"}]', '{"a":[1,null,"x"]}'];
      const input = values.map((value, key) => `{"tenant":"acme","key":${key},"value":${value}}`).join("\n");
      const { code, stdout, stderr } = await lmdbx(["load", directory, "--create", "--encoding", "json"], { input });
      assert.equal(code, 1);
      assert.equal(stdout, "1 record loaded, 4 lines left out\n");
      assert.equal(stderr.match(/left out: line \d.*JSON cannot hold the value exactly/g)?.length, 4, stderr);
      const repository = open({ encoding: "json" });
      assert.deepEqual(await repository.list("acme"), [4]);
      assert.deepEqual(await repository.get("acme", 4), { a: [1, null, "x"] });
    }),
  );

  test(
    'puts the dump of a named database into the main one, with --name=""',
    using(async (open, directory) => {
      await open({ name: "orders" }).put("acme", 1, "one");
      const dump = await printed("dump", directory, "--name", "orders");
      const { code, stderr } = await lmdbx(["load", directory, "--name="], { input: dump });
      assert.deepEqual([code, stderr], [0, ""]);
      assert.equal(await open().get("acme", 1), "one");
    }),
  );

  test(
    "tells a dump that was cut off, and one of another version",
    using(async (open, directory) => {
      await open().put("acme", 1, { n: 1 });
      const dump = (await printed("dump", directory)).split("\n").slice(0, -2).join("\n");
      const cut = await lmdbx(["load", directory], { input: dump });
      assert.equal(cut.code, 1);
      assert.match(cut.stderr, /cut off/);
      const newer = await lmdbx(["load", directory], { input: dump.replace('"lmdbxDump":1', '"lmdbxDump":2') });
      assert.equal(newer.code, 2);
    }),
  );

  test(
    "tells a dump that lost lines in the middle, or gained some",
    using(async (open, directory) => {
      const repository = open();
      for (const key of [1, 2, 3]) await repository.put("acme", key, key);
      const dump = (await printed("dump", directory)).trimEnd().split("\n");
      const lost = dump.toSpliced(2, 1);
      const gained = dump.toSpliced(2, 0, "noise");
      for (const [given, came, refused] of [[lost, 2, 0], [lost.slice(1), 2, 0], [gained, 4, 1]]) {
        const input = given.join("\n");
        const { code, stdout, stderr } = await lmdbx(["load", directory, "--json"], { input });
        assert.equal(code, 1, stderr);
        assert.match(stderr, new RegExp(`^the dump .* says 3 records, and ${came} came; dump again\n$`));
        const said = lines(stdout);
        assert.deepEqual(said.pop(), { type: "report", loaded: came - refused, refused, dumped: 3 });
        assert.equal(said.length, refused);
      }
      const whole = await lmdbx(["load", directory, "--json"], { input: dump.join("\n") });
      assert.deepEqual([whole.code, whole.stderr], [0, ""]);
      assert.deepEqual(lines(whole.stdout), [{ type: "report", loaded: 3, refused: 0, dumped: 3 }]);
    }),
  );

  test(
    "of a dump whose first line is damaged asks for what stood there",
    using(async (open, directory) => {
      const pages = { name: "pages", encoding: "json" };
      await open(pages).put("acme", 1, { n: 1 });
      const dump = await printed("dump", directory, "--name", "pages", "--encoding", "json");
      const to = path.join(directory, "to");
      for (const [input, line] of [[dump.slice(5), 1], [`\n\n${dump.replace("lmdbxDump", "lmdbxDumq")}`, 3]]) {
        const { code, stderr } = await lmdbx(["load", to, "--create"], { input });
        assert.equal(code, 2);
        assert.match(stderr, new RegExp(`^lmdbx: line ${line} is no record .* Give --name or --encoding to load `));
        assert.ok(!fs.existsSync(to));
        const given = ["--create", "--name", "pages", "--encoding", "json", "--json"];
        const told = await lmdbx(["load", to, ...given], { input });
        assert.deepEqual([told.code, told.stderr], [1, ""]);
        const [left, report] = lines(told.stdout);
        assert.deepEqual([left.type, left.line], ["leftOut", line]);
        assert.deepEqual(report, { type: "report", loaded: 1, refused: 0, dumped: 1 });
        const copy = open({ path: to, ...pages });
        assert.deepEqual(await copy.get("acme", 1), { n: 1 });
        await copy.close();
        fs.rmSync(to, { recursive: true });
      }
    }),
  );

  test(
    "of nothing, as of a pipe whose dump failed, is no success, and creates nothing",
    using(async (open, directory) => {
      const to = path.join(directory, "to");
      for (const input of ["", "\n\n"]) {
        const { code, stderr } = await lmdbx(["load", to, "--create"], { input });
        assert.equal(code, 1);
        assert.match(stderr, /^not a line came: was the dump cut off\?/);
      }
      assert.deepEqual(fs.readdirSync(directory), []);
    }),
  );

  test(
    "refuses a second dump behind the first, and puts nothing of it",
    using(async (open, directory) => {
      const [from, to] = ["from", "to"].map((name) => path.join(directory, name));
      await open({ path: from }).put("acme", "main", 1);
      await open({ path: from, name: "orders" }).put("acme", "order", 2);
      const input = (await printed("dump", from)) + (await printed("dump", from, "--name", "orders"));
      const { code, stderr } = await lmdbx(["load", to, "--create"], { input });
      assert.equal(code, 2);
      assert.match(stderr, /^1 record loaded before that; .*\nlmdbx: line 4 begins another dump.* by itself\. See: .*\n$/);
      const [error] = lines((await lmdbx(["load", to, "--json"], { input })).stdout);
      assert.deepEqual([error.type, error.code, error.loaded], ["error", "USAGE", 1]);
      assert.deepEqual(await open({ path: to }).list("acme"), ["main"]);
    }),
  );

  test(
    "keeps to the mapSize that it is given",
    using(async (open, directory) => {
      await open().ready();
      const record = (key) => JSON.stringify({ tenant: "t", key, value: "x".repeat(50_000) });
      const input = `${[1, 2, 3, 4].map(record).join("\n")}\n`;
      const { code, stderr } = await lmdbx(["load", directory, "--map-size", "150k"], { input });
      assert.notEqual(code, 0);
      assert.match(stderr, /LMDBX_MAP_FULL/);
      assert.equal((await lmdbx(["load", directory, "--map-size", "1M"], { input })).code, 0);
    }),
  );

  test(
    "leaves out lines that are not UTF-8, also where they are none of the first chunk",
    using(async (open, directory) => {
      await open().ready();
      const record = (key, value) => `{"tenant":"acme","key":${JSON.stringify(key)},"value":${JSON.stringify(value)}}`;
      const input = [
        Buffer.from(record(0, 0)),
        ...[record(1, "caf\u00e9"), record("caf\u00e9", 2)].map((text) => Buffer.from(text, "latin1")),
        Buffer.from(record(3, `${"\u{1f98a}".repeat(100_000)}caf\u00e9`)), // in several chunks
        Buffer.from(record(4, "caf\u00e9"), "latin1"),
        Buffer.from(record(5, "\ufffd")), // a text like any other
      ];
      const bytes = Buffer.concat(input.flatMap((line) => [line, Buffer.from("\n")]));
      const { code, stdout } = await lmdbx(["load", directory, "--name", "copy", "--create", "--json"], { input: bytes });
      assert.equal(code, 1);
      const said = lines(stdout);
      assert.deepEqual(said.pop(), { type: "report", loaded: 3, refused: 3 });
      assert.deepEqual(said.map(({ line }) => line), [2, 3, 5]);
      for (const { reason } of said) assert.match(reason, /not valid UTF-8/);
      const copy = open({ name: "copy" });
      assert.deepEqual(await copy.list("acme"), [0, 3, 5]);
      assert.ok((await copy.get("acme", 3)).endsWith("\u{1f98a}caf\u00e9"));
    }),
  );

  test(
    "says that --create creates what is missing, and why a file cannot be read",
    using(async (open, directory) => {
      await open().put("acme", 1, 1);
      const file = path.join(directory, "dump");
      assert.equal((await lmdbx(["dump", directory, file])).code, 0);
      for (const args of [[path.join(directory, "none"), file], [directory, file, "--name", "none"]]) {
        const { code, stderr } = await lmdbx(["load", ...args]);
        assert.equal(code, 3);
        assert.match(stderr, /[a-z], or create it, with --create \[LMDBX_NOT_FOUND\]\n$/);
      }
      const cases = [[directory, /a directory stands where a file is needed.* \[LMDBX_FORMAT\]/], [`${file}2`, /open .*dump2: nothing is there. .*LMDBX_NOT_FOUND/]];
      for (const [given, says] of cases) {
        const { code, stderr } = await lmdbx(["load", directory, given]);
        assert.equal(code, 3);
        assert.match(stderr, says);
        assert.ok(stderr.includes(given), stderr);
      }
    }),
  );
});
