"use strict";
// The command: its help, its exit codes, and import.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { longestPut } = require("./support/limits.js");
const { using } = require("./support/temporary.js");
const { until } = require("./support/turn.js");
const { lmdbx, lines, hasTerminals, shownOn } = require("./support/command.js");
const { writeOld } = require("./support/old.js");
const { oldValues } = require("./support/old-values.js");
const { COMMANDS } = require("../lib/cli/main.js");
const { Progress } = require("../lib/cli/progress.js");
const { name, version } = require("../package.json");

describe("the command", () => {
  test("lists its commands and exit codes", async () => {
    for (const args of [["--help"], ["-h"], ["help"]]) {
      const { code, stdout, stderr } = await lmdbx(args);
      assert.deepEqual([code, stderr], [0, ""]);
      for (const { name: each, summary } of COMMANDS) {
        assert.ok(stdout.includes(each) && stdout.includes(summary), each);
      }
      assert.match(stdout, /Exit codes: 0 /);
    }
    assert.equal((await lmdbx(["--version"])).stdout, `${version}\n`);
  });

  test("helps with every command: usage, its options and no others, examples", async () => {
    for (const { name: each, options } of COMMANDS) {
      const { code, stdout } = await lmdbx([each, "--help"]);
      assert.equal(code, 0);
      assert.ok(stdout.startsWith(`Usage: npx ${name} ${each} `), stdout);
      assert.match(stdout, /\nExamples:\n  npx /);
      const own = stdout.slice(0, stdout.indexOf("\nExamples:"));
      for (const option of Object.keys(options)) assert.match(own, new RegExp(`--${option}\\b`));
      const known = ["json", "compact", ...Object.keys(options)]; // stat speaks of copy --compact
      for (const [, option] of stdout.matchAll(/--([a-z-]+)/g)) assert.ok(known.includes(option), option);
    }
  });

  test("refuses what it does not understand with 2, and one line", async () => {
    for (const args of [[], ["imprt"], ["import"], ["import", "a", "b", "c"], ["import", "a", "b", "--nmae"]]) {
      const { code, stdout, stderr } = await lmdbx(args);
      assert.deepEqual([code, stdout], [2, ""], stderr);
      assert.match(stderr, /^lmdbx: .* See: npx .* --help\n$/);
    }
  });
});

describe("import", () => {
  const from = (directory) => path.join(directory, "old");
  const to = (directory) => path.join(directory, "new");
  const [, order] = oldValues("json").find(([key]) => key === "order");

  test(
    "prints a table and what it did, and ends with 0",
    using(async (open, directory) => {
      const databases = [{ path: from(directory), count: 10 }, { path: from(directory), name: "pages", encoding: "json" }];
      await writeOld({ databases });
      const args = ["import", from(directory), to(directory), "--encoding", "pages=json", "--map-size", "1G"];
      const { code, stdout, stderr } = await lmdbx(args);
      assert.deepEqual([code, stderr], [0, ""]);
      assert.match(stdout, /^database +encoding +records +carried over +left out +size\n\(main\) +msgpack /);
      assert.match(stdout, /\npages +json /);
      assert.match(stdout, /The mapSize of 1,000,000,000 bytes suffices/);
      assert.equal((await open({ path: to(directory) }).list("many")).length, 10);
      const other = path.join(directory, "other");
      const one = ["--name", "pages", "--target-encoding", "msgpack", "--encoding", "pages=json", "--json"];
      const [report] = lines((await lmdbx(["import", from(directory), other, ...one])).stdout);
      assert.deepEqual(report.databases.map(({ name: each }) => each), ["pages"]);
      const pages = open({ path: other, name: "pages", encoding: "msgpack" });
      assert.deepEqual(await pages.get("values", "order"), order);
    }),
  );

  test(
    "lists what is not carried over, and ends with 1",
    using(async (open, directory) => {
      await writeOld({ odd: from(directory) });
      const { code, stdout, stderr } = await lmdbx(["import", from(directory), to(directory)]);
      assert.equal(code, 1);
      const listed = stderr.trimEnd().split("\n");
      // One record has a key of 600 bytes.
      const left = (await longestPut(open({ path: path.join(directory, "limit") }))) > 600 ? 14 : 15;
      assert.equal(listed.length, left);
      for (const line of listed) assert.match(line, /^not carried over: (tenant|stored key) "/);
      assert.match(stdout, new RegExp(`\\n${16 - left} of 16 records `));
      assert.match(stdout, new RegExp(`\\n${left} records were not carried over`));
      const again = await lmdbx(["import", from(directory), path.join(directory, "again"), "--json"]);
      assert.deepEqual([again.code, again.stderr], [1, ""]);
      const said = lines(again.stdout);
      assert.deepEqual(said.map(({ type }) => type), [...Array(left).fill("notCarried"), "report"]);
      assert.equal(said[0].database, null);
      assert.equal(said.at(-1).carried, 16 - left);
    }),
  );

  test(
    "counts one record that is not carried over as one",
    using(async (open, directory) => {
      await writeOld({ odd: from(directory), records: [["acme:1", 1], ["no tenant", 1]] });
      const { code, stdout } = await lmdbx(["import", from(directory), to(directory)]);
      assert.equal(code, 1);
      assert.match(stdout, /\n1 record was not carried over; the reasons stand above\.\n/);
    }),
  );

  test(
    "fails with 3, and says why, also to programs",
    using(async (open, directory) => {
      const args = ["import", from(directory), to(directory)];
      const { code, stdout, stderr } = await lmdbx(args);
      assert.deepEqual([code, stdout], [3, ""]);
      assert.match(stderr, /^lmdbx: import: .* \[LMDBX_NOT_FOUND\]\n$/);
      const [error] = lines((await lmdbx([...args, "--json"])).stdout);
      assert.deepEqual([error.type, error.code], ["error", "LMDBX_NOT_FOUND"]);
    }),
  );

  test(
    "refuses wrong values of options with 2",
    using(async (open, directory) => {
      for (const wrong of [["--encoding", "cbor"], ["--target-encoding", "x"], ["--map-size", "much"]]) {
        const { code, stderr } = await lmdbx(["import", from(directory), to(directory), ...wrong]);
        assert.equal(code, 2, stderr);
      }
    }),
  );

  test(
    "interrupted, ends with 130 and leaves nothing",
    using(async (open, directory) => {
      await writeOld({ databases: [{ path: from(directory), count: 20_000 }] });
      const command = lmdbx(["import", from(directory), to(directory)]);
      const hasBegun = () => fs.readdirSync(directory).some((name) => name.includes(".import-"));
      await until(hasBegun, "the import should begin"); // fs.watch of Bun 1.2 does not tell
      command.kill("SIGINT");
      const { code, stderr } = await command;
      assert.equal(code, 130, stderr);
      assert.match(stderr, /LMDBX_ABORTED/);
      assert.deepEqual(fs.readdirSync(directory), ["old"]);
    }),
  );
});

test(
  "import of a damaged database, at which npm lmdb crashes, says so and leaves nothing of its own",
  using(async (open, directory) => {
    const [from, to] = [path.join(directory, "old"), path.join(directory, "new")];
    await writeOld({ databases: [{ path: from, count: 5_000 }] });
    const data = path.join(from, "data.mdb");
    fs.truncateSync(data, fs.statSync(data).size / 2);
    const { code, stderr } = await lmdbx(["import", from, to]);
    assert.equal(code, 3, stderr);
    assert.match(stderr, /lmdbx: import: reading .* crashed .* The old database seems to be damaged\. .*\n$/);
    assert.deepEqual(fs.readdirSync(directory), ["old"]);
  }),
);

describe("progress", () => {
  /** What is written when half is done after a minute, then all at once. */
  function written(isTTY, { columns = 60, env = {} } = {}) {
    const texts = [];
    let clock = 0;
    const stream = { isTTY, columns, write: (text) => texts.push(text) };
    const progress = new Progress({ unit: "records", stream, now: () => clock, env });
    progress.show("copying", 1, 10);
    clock += 60_000;
    progress.show("copying", 5, 10);
    progress.show("copying", 6, 10);
    progress.clear();
    progress.clear();
    return texts;
  }

  test("is a bar drawn in place on a terminal, now and then, and taken away", () => {
    const [bar, ...rest] = written(true);
    assert.match(bar, /^\r\x1b\[Kcopying  \[#{15}-{15}\] 50 %  5 of 10 rec/);
    assert.equal(bar.length, 59 + "\r\x1b[K".length);
    assert.deepEqual(rest, ["\r\x1b[K"]);
  });

  test(
    "of an import is a bar on a terminal, without colours, and gone in the end",
    { skip: !hasTerminals() && "without script of util-linux" },
    using(async (open, directory) => {
      const from = path.join(directory, "old");
      await writeOld({ databases: [{ path: from, count: 5_000, size: 1_000 }] });
      const { code, stdout } = shownOn(["import", from, path.join(directory, "new")]);
      assert.equal(code, 0, stdout);
      assert.match(stdout, /\r\x1b\[K(copying  |comparing)  \[#*-*\] \d+ %  [\d,]+ of 5,\d+ records, /);
      assert.match(stdout.split("\r\x1b[K").at(-1), /^database +encoding /);
      assert.doesNotMatch(stdout, /\x1b\[[\d;]*m/);
    }),
  );

  test("is a bar of 80 columns on a terminal without a size", () => {
    const [bar] = written(true, { columns: 0 });
    assert.match(bar, /5 of 10 records, 1 min 0 s left$/);
    assert.ok(bar.length <= 79 + "\r\x1b[K".length, bar);
  });

  test("shows the numbers on a narrow one, too", () => {
    assert.match(written(true, { columns: 40 })[0], /^\r\x1b\[Kcopying  \[#{5}-{5}\] 50 %  5 of 10 re/);
  });

  test("is a line now and then elsewhere, and on a terminal without escape sequences", () => {
    for (const texts of [written(false), written(true, { env: { TERM: "dumb" } })]) {
      assert.equal(texts.length, 1);
      assert.match(texts[0], /^copying  .* 50 %  5 of 10 records, 1 min 0 s left\n$/);
    }
  });
});
