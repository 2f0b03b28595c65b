"use strict";
// The command: a database of 0.3.x is named as one; and the examples of every help run.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const { spawn } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const { using } = require("./support/temporary.js");
const { READING, lmdbx, lines, shellCommand } = require("./support/command.js");
const { everything, writeOld } = require("./support/old.js");
const { COMMANDS } = require("../lib/cli/main.js");
const { name } = require("../package.json");

/** The arguments of each command but import. */
const ALL = [
  ...READING,
  (from) => ["load", from],
  (from) => ["load", from, "--create"],
  (from) => ["readers", from, "--clear-stale"],
];

test(
  "every command refuses a database of 0.3.x, names the import, and touches nothing",
  using(async (open, directory) => {
    const old = [path.join(directory, "users"), path.join(directory, "users.lmdb")];
    await writeOld({ databases: old.map((each) => ({ path: each })) });
    assert.ok(fs.statSync(old[1]).isFile());
    const before = everything(directory);
    const runs = old.flatMap((from) => ALL.map((args) => [...args(from), "--json"]));
    const input = '{"tenant":"acme","key":1,"value":1}\n';
    const ended = await Promise.all(runs.map((args) => lmdbx(args, { input })));
    for (const [at, { code, stdout, stderr }] of ended.entries()) {
      assert.equal(code, 3, `${runs[at]}: ${stderr}`);
      const [error] = lines(stdout);
      assert.deepEqual([error.type, error.code], ["error", "LMDBX_FORMAT"]);
      assert.match(stderr, new RegExp(`^lmdbx: .* \`npx ${name} import .* \\[LMDBX_FORMAT\\]\\n$`));
    }
    assert.deepEqual(everything(directory), before);
  }),
);

/** The examples of a help, as a shell runs them here. */
function examplesOf({ help }) {
  const [, examples] = help.split("\nExamples:\n");
  return examples.split("\n").map((line) => line.trim().replace(`npx ${name}`, shellCommand([])));
}

/** Runs them one after the other: some read what one before them has written. */
async function runAll(examples, cwd) {
  for (const example of examples) {
    const child = spawn("sh", ["-c", example], { cwd, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => (said += text));
    }
    const code = await new Promise((resolve) => child.on("close", resolve));
    assert.equal(code, 0, `${example}: ${said}`);
    assert.doesNotMatch(said, /^lmdbx: /m, example);
  }
}

describe("the examples of the help", () => {
  test(
    "run on databases such as they speak of",
    using(async (open, directory) => {
      const at = (place) => path.join(directory, "data", place);
      for (const [place, config] of [["users", {}], ["metrics", {}], ["shop", {}], ["shop", { name: "orders" }]]) {
        const repository = open({ path: at(place), ...config });
        const keys = ["user:123", ["cpu", 1], ["order", 17]];
        await Promise.all(keys.map((key) => repository.put("acme", key, { key })));
      }
      const pages = open({ path: at("shop"), name: "pages", encoding: "json" });
      await pages.put("acme", "/", { title: "Welcome" });
      fs.mkdirSync(path.join(directory, "backup"));
      const chains = [[], []];
      for (const command of COMMANDS.filter((each) => each.name !== "import")) {
        chains[["dump", "load"].includes(command.name) ? 1 : 0].push(...examplesOf(command));
      }
      await Promise.all(chains.map((examples) => runAll(examples, directory)));
      assert.deepEqual(await open({ path: at("copy") }).get("acme", "user:123"), { key: "user:123" });
      assert.equal((await open({ path: at("copy"), name: "acme" }).list("acme")).length, 3);
    }),
  );

  test(
    "of import run on databases of 0.3.x",
    using(async (open, directory) => {
      const at = (place) => path.join(directory, "data", place);
      const pages = { path: at("shop"), name: "pages", encoding: "json" };
      const databases = [{ path: at("users") }, { path: at("shop") }, pages, { path: at("orders.lmdb") }];
      fs.mkdirSync(path.join(directory, "data"));
      await writeOld({ databases });
      const command = COMMANDS.find((each) => each.name === "import");
      await runAll(examplesOf(command), directory);
      const created = ["users-0.4", "shop-0.4", "orders"];
      for (const place of created) assert.ok(fs.existsSync(path.join(at(place), "data.mdb")), place);
    }),
  );
});
