"use strict";
// Hosts that forbid code from strings: objects are then built without compiled functions.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const { execFile } = require("node:child_process");
const path = require("node:path");
const { promisify } = require("node:util");

const { patient } = require("./support/timeout.js");

const TIMEOUT = { timeout: patient(240_000) };

const inBun = process.versions.bun !== undefined;
const FORBID = inBun
  ? ["--preload", path.join(__dirname, "support/no-code-generation.cjs")]
  : ["--disallow-code-generation-from-strings"];

async function run(command, args) {
  const env = { ...process.env };
  delete env.NODE_TEST_CONTEXT; /* the child reports as a program of its own */
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [...command, ...FORBID, ...args], {
      env,
    });
    return stdout;
  } catch (error) {
    throw new Error(`${error.message}\n${error.stdout}`, { cause: error });
  }
}

const evaluate = (program) => run([], ["-e", program]);
const runTests = (file) => run(inBun ? ["test", "--timeout", "240000"] : [], [file]);

describe("where code from strings is forbidden", () => {
  test("it is forbidden", TIMEOUT, async () => {
    const program = "try { new Function('return 1') } catch (error) { console.log(error.name) }";
    assert.equal(await evaluate(program), "EvalError\n");
  });

  for (const file of ["values", "values-objects", "properties", "model"]) {
    test(`test/${file}.test.js holds`, TIMEOUT, async () => {
      await runTests(path.join(__dirname, `${file}.test.js`));
    });
  }

  test("objects of one shape read back the same, however many", TIMEOUT, async () => {
    const program = `
      const { createTemporaryRepository } = require("./lib/testing.js");
      const assert = require("node:assert/strict");
      (async () => {
        const repository = await createTemporaryRepository();
        const item = (i) => ({ id: i, ["__proto__"]: { name: "x" }, 1: [i], 0: null });
        for (let i = 0; i < 50; i++) {
          await repository.put("t", i, [item(i), item(i)]);
          const read = await repository.get("t", i);
          assert.deepStrictEqual(read, [item(i), item(i)]);
          assert.deepStrictEqual(Object.keys(read[0]), Object.keys(item(i)));
        }
        await repository.close();
        console.log("same");
      })();`;
    const addressed = program.replace("./lib", path.join(__dirname, "../lib"));
    assert.equal(await evaluate(addressed), "same\n");
  });
});
