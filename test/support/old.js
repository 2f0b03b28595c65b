"use strict";
// Databases of the replaced package, made in the test itself, and what must hold of them.

const { test } = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { runToEnd, startProgram } = require("./program.js");
const { using } = require("./temporary.js");
const { patient } = require("./timeout.js");

/** The versions of npm lmdb that 0.3.x may have been installed with, as they are called here. */
const VERSIONS = { "3.2.2": "lmdb-oldest", newest: "lmdb" };

/* The replaced package hangs now and then, about once in a thousand runs. That is not what is
 * tested: it begins again. */
const OLD_TIMEOUT = patient(20_000);
const OLD_ATTEMPTS = 3;

/**
 * Runs test/programs/old-writer.js.
 * @param {object} args
 */
async function writeOld(args) {
  const expected = args.end === "kill" ? { code: null, signal: "SIGKILL" } : { code: 0, signal: null };
  for (let attempt = 1; ; attempt++) {
    const end = await runToEnd("old-writer", args, { timeout: OLD_TIMEOUT });
    if (end.late && attempt < OLD_ATTEMPTS) {
      const paths = [args.odd, ...(args.databases ?? []).map((each) => each.path)];
      for (const written of paths.filter(Boolean)) fs.rmSync(written, { recursive: true, force: true });
      continue;
    }
    assert.equal(end.late, false, `it hung ${OLD_ATTEMPTS} times: ${end.stderr}`);
    assert.deepEqual({ code: end.code, signal: end.signal }, expected, end.stderr);
    return;
  }
}

/**
 * A test in a directory with an old database in it, `old`.
 * @param {string} name
 * @param {(from: string) => object | undefined} written - what writeOld takes; nothing: no database
 * @param {(places: { open: Function, directory: string, from: string, to: string }) => unknown} body
 * @param {string | false} [skip] - why it is left out
 */
function withOld(name, written, body, skip = false) {
  test(
    name,
    { skip },
    using(async (open, directory) => {
      const from = path.join(directory, "old");
      const args = written(from);
      if (args !== undefined) await writeOld(args);
      await body({ open, directory, from, to: path.join(directory, "new") });
    }),
  );
}

/** Everything in a directory: names, bytes and times. */
function everything(directory) {
  return fs
    .readdirSync(directory, { recursive: true })
    .sort()
    .map((name) => {
      const file = path.join(directory, name);
      const status = fs.lstatSync(file);
      return [name, status.isFile() ? fs.readFileSync(file, "latin1") : "", status.mtimeMs, status.ino];
    });
}

/** Asserts that nothing of an import is left in a directory. */
function assertNoLeftovers(directory) {
  const hidden = fs.readdirSync(directory).filter((name) => name.includes(".import-"));
  assert.deepEqual(hidden, []);
}

module.exports = {
  ...{ VERSIONS, OLD_TIMEOUT, writeOld, withOld, startProgram },
  ...{ everything, assertNoLeftovers },
};
