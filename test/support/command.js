"use strict";
// Runs the operator's command in the runtime of the test.

const { spawn } = require("node:child_process");
const path = require("node:path");
const { patient } = require("./timeout.js");

const LMDBX = path.join(__dirname, "../../bin/lmdbx.js");

/**
 * @param {string[]} args
 * @param {{ input?: string, cwd?: string, env?: object, timeout?: number }} [options]
 * @returns {Promise<{ code: number | null, signal: string | null, stdout: string, stderr: string }> &
 *   { kill(signal: string): boolean }}
 */
function lmdbx(args, { input = "", cwd, env, timeout = patient(60_000) } = {}) {
  const child = spawn(process.execPath, [LMDBX, ...args], { cwd, env: { ...process.env, ...env }, timeout });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
  child.stdin.on("error", () => undefined); // it may end before it has read everything
  child.stdin.end(input);
  const ended = new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return Object.assign(ended, { kill: (signal) => child.kill(signal) });
}

/** What it printed with --json. */
function lines(stdout) {
  return stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
}

module.exports = { LMDBX, lmdbx, lines };
