"use strict";
// The command, interrupted: it ends with 130, at once, and leaves nothing half-done.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const { using } = require("./support/temporary.js");
const { inject } = require("./support/raw.js");
const { until } = require("./support/turn.js");
const { beginUnread, lmdbx, lines } = require("./support/command.js");

const record = (n) => `${JSON.stringify({ tenant: "t", key: n, value: { n } })}\n`;

describe("load, interrupted", () => {
  test(
    "keeps what it has put, says how much that is, and can be begun again",
    using(async (open, directory) => {
      const repository = open();
      await repository.ready();
      const input = Array.from({ length: 1_500 }, (_, n) => record(n)).join("");
      const command = lmdbx(["load", directory, "--json"], { input: null });
      command.stdin.write(input); // and it waits for more
      while ((await repository.count("t")) === 0) await new Promise(setImmediate);
      command.kill("SIGINT");
      const { code, stdout, stderr } = await command;
      assert.equal(code, 130, stderr);
      const [error] = lines(stdout);
      assert.deepEqual([error.type, error.code, error.refused], ["error", "INTERRUPTED", 0]);
      assert.equal(error.loaded, await repository.count("t"));
      const said = `${error.loaded.toLocaleString("en-US")} records loaded before that; load again, what is there is replaced`;
      assert.equal(stderr, `${said}\nlmdbx: interrupted\n`);
      const again = await lmdbx(["load", directory], { input });
      assert.deepEqual([again.code, again.stdout], [0, "1,500 records loaded\n"]);
      assert.equal(await repository.count("t"), 1_500);
    }),
  );

  test(
    "creates nothing before it has something to load",
    using(async (open, directory) => {
      const command = lmdbx(["load", `${directory}/new`, "--create"], { input: null });
      // It takes this, and waits for the end of the line.
      await new Promise((resolve) => command.stdin.write(" ".repeat(2_000_000), resolve));
      command.kill("SIGHUP"); // as a terminal that goes away
      const { code, stdout, stderr } = await command;
      assert.deepEqual([code, stdout, stderr], [130, "", "lmdbx: interrupted\n"]);
      assert.deepEqual(fs.readdirSync(directory), []);
    }),
  );
});

describe("where nobody reads what it says", () => {
  for (const json of [["--json"], []]) {
    test(
      `load loads everything all the same, and its exit code counts, with ${json[0] ?? "lines for people"}`,
      using(async (open, directory) => {
        const data = `${directory}/data`;
        const command = lmdbx(["load", data, "--create", ...json], { input: null });
        command.deafen();
        for (let n = 0; n < 2_000; n++) command.stdin.write(`${record(n)}no record\n`);
        command.stdin.end();
        const { code, signal } = await command;
        assert.deepEqual([code, signal], [1, null]);
        assert.equal(await open({ path: data }).count("t"), 2_000);
      }),
    );
  }

  test(
    "a copy, a dump to a file and a verification are made to their end",
    using(async (open, directory) => {
      const [data, copy, dumped] = ["data", "copy", "dump.jsonl"].map((each) => `${directory}/${each}`);
      const records = Array.from({ length: 100 }, (_, n) => [`t:${n}`, "\x01"]);
      inject(data, [...records, ["t:100", Buffer.from([0xc1])]]);
      const codes = [];
      for (const args of [["copy", data, copy], ["dump", data, dumped, "--json"], ["verify", data, "--json"]]) {
        const command = lmdbx(args);
        command.deafen();
        codes.push((await command).code);
      }
      assert.deepEqual(codes, [0, 1, 1], "the last two cannot decode a value");
      assert.equal(await open({ path: copy }).count("t"), 101);
      assert.equal(fs.readFileSync(dumped, "utf8").trimEnd().split("\n").length, 102);
    }),
  );
});

test(
  "load, failing, does not wait for the end of its input",
  using(async (open, directory) => {
    const command = lmdbx(["load", `${directory}/none`], { input: null });
    command.stdin.write(record(1));
    assert.equal((await command).code, 3);
  }),
);

test(
  "load, failing, says how much it has put",
  using(async (open, directory) => {
    await open().ready();
    const input = Array.from({ length: 3_000 }, (_, n) => {
      return JSON.stringify({ tenant: "t", key: n, value: "x".repeat(1_000) });
    }).join("\n");
    const { code, stdout, stderr } = await lmdbx(["load", directory, "--map-size", "3M", "--json"], { input });
    assert.equal(code, 3);
    const [error] = lines(stdout);
    assert.equal(error.code, "LMDBX_MAP_FULL");
    assert.equal(error.loaded, await open().count("t"));
    assert.match(stderr, /^[\d,]+ records loaded before that; .*\nlmdbx: .*\[LMDBX_MAP_FULL\]\n$/);
  }),
);

/** Interrupts a command and its children, as a terminal does. */
async function interrupt({ child, exit, said }) {
  process.kill(-child.pid, "SIGINT");
  const [code, signal] = await exit;
  return { code, signal, stderr: await said() };
}

describe("interrupted while nobody reads what they write", () => {
  const commands = {
    list: (directory) => ["list", directory, "t"],
    "list --values --json": (directory) => ["list", directory, "t", "--values", "--json"],
    dump: (directory) => ["dump", directory],
  };
  for (const [name, args] of Object.entries(commands)) {
    test(
      `${name} ends with 130`,
      using(async (open, directory) => {
        const records = Array.from({ length: 30_000 }, (_, n) => [`t:${JSON.stringify("k".repeat(50) + n)}`, "\x01"]);
        inject(directory, records);
        const command = await beginUnread(args(directory));
        assert.deepEqual(await interrupt(command), { code: 130, signal: null, stderr: "lmdbx: interrupted\n" });
        const [report] = lines((await lmdbx(["readers", directory, "--json"])).stdout);
        assert.equal(report.readers, 0, "it gave its slot back");
      }),
    );
  }
});

describe("copy, interrupted", () => {
  test(
    "ends with 130, and leaves no part of a copy",
    using(async (open, directory) => {
      const from = `${directory}/from`;
      const repository = open({ path: from });
      const value = "x".repeat(2_000_000);
      await Promise.all(Array.from({ length: 40 }, (_, n) => repository.put("t", n, value)));
      const command = lmdbx(["copy", from, `${directory}/to`]);
      const hasBegun = () => fs.readdirSync(directory).length > 1;
      await until(hasBegun, "the copy should begin");
      command.kill("SIGINT");
      const { code, stdout, stderr } = await command;
      assert.deepEqual([code, stdout, stderr], [130, "", "lmdbx: interrupted\n"]);
      assert.deepEqual(fs.readdirSync(directory), ["from"]);
    }),
  );
});

describe("verify, interrupted", () => {
  test(
    "ends with 130, and so does its process",
    using(async (open, directory) => {
      const records = Array.from({ length: 50_000 }, (_, n) => [`t:${n + 100_000}`, "\x01"]);
      inject(directory, [["t:100", Buffer.from([0xc1])], ...records]);
      const command = await beginUnread(["verify", directory]); // it has told of the first finding
      assert.deepEqual(await interrupt(command), { code: 130, signal: null, stderr: "lmdbx: interrupted\n" });
      assert.throws(() => process.kill(-command.child.pid, 0), { code: "ESRCH" });
      const [report] = lines((await lmdbx(["readers", directory, "--json"])).stdout);
      assert.equal(report.readers, 0, "it gave its slot back");
    }),
  );
});
