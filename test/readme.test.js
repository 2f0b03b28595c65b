"use strict";
// The code blocks of README.md run, and print what they say they print.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const { spawn } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const { ROOT, checkTypes, extractBlocks, writeProgram } = require("./support/readme");
const { patient } = require("./support/timeout.js");

const IN_BUN = Boolean(process.versions.bun);
const TIMEOUT = { timeout: patient(120_000) };

const markdown = fs.readFileSync(path.join(ROOT, "README.md"), "utf8");
const blocks = extractBlocks(markdown);

function withDirectory(use) {
  return async () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "lmdbx-readme-"));
    try {
      await use(directory);
    } finally {
      fs.rmSync(directory, { recursive: true, force: true });
    }
  };
}

/** Runs a program; resolves with how it ended and everything it wrote. */
function run(args, directory, signal) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: directory,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: patient(60_000),
      killSignal: "SIGKILL",
    });
    let output = "";
    const collect = (chunk) => {
      if (output === "" && signal) child.kill(signal);
      output += chunk;
    };
    child.stdout.setEncoding("utf8").on("data", collect);
    child.stderr.setEncoding("utf8").on("data", collect);
    child.on("error", reject);
    child.on("close", (code, killedBy) => resolve({ code, killedBy, output }));
  });
}

describe("README.md", () => {
  for (const block of blocks) {
    const name = `the ${block.language} block at line ${block.line} runs as it says`;
    let skip = false;
    if (block.run === "not") skip = block.reason;
    if (block.run === "bun test" && !IN_BUN) skip = "bun test exists in Bun only";
    if (/\bawait using\b/.test(block.code) && Symbol.asyncDispose === undefined) {
      skip = "Node.js before 20.5 has no Symbol.asyncDispose";
    }
    test(
      name,
      { ...TIMEOUT, skip },
      withDirectory(async (directory) => {
        const file = writeProgram(block, directory, IN_BUN);
        const args = block.run === "bun test" ? ["test", file] : [file];
        const signal = block.run.startsWith("SIG") ? block.run : undefined;
        const { code, killedBy, output } = await run(args, directory, signal);
        assert.deepEqual({ code, killedBy }, { code: 0, killedBy: null }, output);
      }),
    );
  }

  test("every directive before a code block is a known one", () => {
    const known = ["program", "not", "bun test", "SIGTERM"];
    for (const { line, run: how, reason } of blocks) {
      assert.ok(known.includes(how), `line ${line}: ${how}`);
      if (how === "not") assert.ok(reason.length > 10, `line ${line} needs a reason`);
    }
  });

  test("every code block in JavaScript or TypeScript was found", () => {
    const fences = markdown.match(/^\s*```(js|ts|javascript|typescript|mjs|cjs)\b/gm);
    assert.equal(blocks.length, fences.length);
    assert.ok(blocks.length >= 10);
    assert.ok((markdown.match(/console\.log\(.*\/\/ -> /g) ?? []).length >= 10);
  });

  test(
    "the TypeScript blocks pass the type check",
    { ...TIMEOUT, skip: IN_BUN && "the compiler says the same in every runtime: asked once" },
    withDirectory((directory) => {
      const typed = blocks.filter(
        ({ language, run: how }) => language === "ts" && how === "program",
      );
      assert.deepEqual(checkTypes(typed, directory), []);
    }),
  );

  test(
    "a block that prints something else is found out",
    TIMEOUT,
    withDirectory(async (directory) => {
      const wrong = { line: 7, language: "js", run: "program", code: "console.log(1); // -> 2\n" };
      const silent = { ...wrong, line: 8, code: "if (0)\n  console.log(1); // -> 1\n" };
      for (const [block, expected] of [
        [wrong, /line 7 of the document printed something else/],
        [silent, /never printed: line 9/],
      ]) {
        const { code, output } = await run([writeProgram(block, directory, IN_BUN)], directory);
        assert.notEqual(code, 0);
        assert.match(output, expected);
      }
    }),
  );
});
