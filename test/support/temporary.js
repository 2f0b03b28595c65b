"use strict";
// A temporary directory for a test, and repositories in it that are closed.

const { execFile } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { promisify } = require("node:util");

const { createLMDBXRepository } = require("../..");
const { patient } = require("./timeout.js");

/**
 * Wraps the body of a test. `open(options)` opens a repository in the directory.
 * @param {(open: (options?: object) => import("../..").LMDBXRepository, directory: string) => unknown} body
 */
function using(body) {
  return async () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "lmdbx-test-"));
    const opened = [];
    const open = (options = {}) => {
      const repository = createLMDBXRepository({ path: directory, ...options });
      opened.push(repository);
      return repository;
    };
    try {
      await body(open, directory);
    } finally {
      await Promise.all(opened.map((repository) => repository.close()));
      fs.rmSync(directory, { recursive: true, force: true });
    }
  };
}

/**
 * Runs a program in a process of its own, in the runtime of the test. It finds the package as
 * `lmdbx` and the given arguments as `args`.
 * @param {string} program
 * @param {string[]} args
 * @returns {Promise<{ code: number | null, signal: string | null, stdout: string, stderr: string }>}
 */
async function runProgram(program, args = []) {
  const source = `"use strict";
const lmdbx = require(${JSON.stringify(path.join(__dirname, "../.."))});
const args = ${JSON.stringify(args)};
${program}`;
  try {
    const done = await promisify(execFile)(process.execPath, ["-e", source], { timeout: patient(60_000) });
    return { code: 0, signal: null, ...done };
  } catch (error) {
    const { code, signal, stdout, stderr } = error;
    return { code: code ?? null, signal: signal ?? null, stdout, stderr };
  }
}

/** The error of a promise that must reject. */
async function rejection(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("the promise was expected to reject");
}

module.exports = { using, runProgram, rejection };
