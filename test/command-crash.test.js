"use strict";
// The command on damaged pages that crash LMDB, and processes of it that are killed: what it says, and
// that it leaves nothing half-done.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const { using } = require("./support/temporary.js");
const { makeCrashing } = require("./support/damaged.js");
const { inject } = require("./support/raw.js");
const { until } = require("./support/turn.js");
const { LMDBX, beginUnread, lmdbx, lines } = require("./support/command.js");

describe("reading damaged pages", () => {
  const commands = {
    stat: (from) => ["stat", from],
    tenants: (from) => ["tenants", from],
    list: (from) => ["list", from, "t"],
    get: (from) => ["get", from, "t", "70"],
    dump: (from) => ["dump", from],
    "dump to a file": (from) => ["dump", from, path.join(from, "../new")],
    "copy --compact": (from) => ["copy", "--compact", from, path.join(from, "../new")],
  };
  for (const [title, args] of Object.entries(commands)) {
    test(
      `${title} fails, names verify, and leaves nothing`,
      using(async (open, directory) => {
        const from = path.join(directory, "from");
        await makeCrashing(open({ path: from }), from);
        const { code, signal, stdout, stderr } = await lmdbx([...args(from), "--json"]);
        assert.deepEqual([code, signal], [3, null], stderr);
        const [command] = args(from);
        const said = `lmdbx: ${command}: reading ${from} crashed \\(.*\\)\\. .* verify ${from} .* \\[LMDBX_CORRUPT\\]\n$`;
        assert.match(stderr, new RegExp(said));
        const error = lines(stdout).at(-1);
        assert.deepEqual([error.type, error.code], ["error", "LMDBX_CORRUPT"]);
        assert.deepEqual(fs.readdirSync(directory), ["from"]);
      }),
    );
  }

  test(
    "dump keeps a file that was there before",
    using(async (open, directory) => {
      await makeCrashing(open(), directory);
      const file = path.join(directory, "dumped");
      fs.writeFileSync(file, "of somebody else");
      assert.equal((await lmdbx(["dump", directory, file])).code, 3);
      assert.equal(fs.readFileSync(file, "utf8"), "of somebody else");
    }),
  );
});

test(
  "options that the runtime was given hold where the work is done, too",
  using(async (open, directory) => {
    await open().put("t", 1, "found");
    const preloaded = path.join(directory, "preloaded.js");
    fs.writeFileSync(preloaded, "console.error(`preloaded by ${process.pid}`);");
    const args = ["-r", preloaded, LMDBX, "get", directory, "t", "1"];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    assert.deepEqual([status, stdout], [0, "'found'\n"], stderr);
    assert.equal(new Set(stderr.match(/preloaded by \d+/g)).size, 2);
  }),
);

/** A dump that nobody reads, and that is not at its end. */
function beginDump(directory) {
  inject(directory, Array.from({ length: 30_000 }, (_, n) => [`t:${n + 100_000}`, "\x01"]));
  return beginUnread(["dump", directory]);
}

/** Whether processes of a group live, or are not waited for yet. */
function lives(group) {
  try {
    return process.kill(-group, 0);
  } catch {
    return false;
  }
}

const childrenOf = (pid) => `/proc/${pid}/task/${pid}/children`;
const childOf = (pid) => Number(fs.readFileSync(childrenOf(pid), "utf8"));
const noChildren = !fs.existsSync(childrenOf(process.pid)) && "this system does not tell of children";

describe("killed", () => {
  test(
    "while it works, no process of it is left",
    using(async (open, directory) => {
      const { child, exit } = await beginDump(directory);
      child.kill("SIGKILL");
      await exit;
      await until(() => !lives(child.pid), "the process that reads should end, too");
    }),
  );

  test(
    "what reads, the command says so",
    { skip: noChildren },
    using(async (open, directory) => {
      const { child, exit, said } = await beginDump(directory);
      process.kill(childOf(child.pid), "SIGKILL");
      assert.deepEqual(await exit, [3, null]);
      assert.match(await said(), /^lmdbx: dump: reading .* was killed\. .* \[LMDBX_NO_MEMORY\]\n$/);
    }),
  );

  test(
    "a second interrupt ends what does not heed the first",
    { skip: noChildren },
    using(async (open, directory) => {
      const { child, exit } = await beginDump(directory);
      process.kill(childOf(child.pid), "SIGSTOP");
      child.kill("SIGINT");
      const again = setInterval(() => child.kill("SIGINT"), 10); // two at once may come as one
      assert.deepEqual(await exit, [130, null]);
      clearInterval(again);
      await until(() => !lives(child.pid), "its process should end");
    }),
  );
});
