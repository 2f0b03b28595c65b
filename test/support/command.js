"use strict";
// Runs the operator's command in the runtime of the test.

const assert = require("node:assert/strict");
const { spawn, spawnSync } = require("node:child_process");
const { once } = require("node:events");
const path = require("node:path");
const { patient } = require("./timeout.js");

const LMDBX = path.join(__dirname, "../../bin/lmdbx.js");

/**
 * @param {string[]} args
 * @param {{ input?: string | null, cwd?: string, env?: object, timeout?: number }} [options] - input:
 *   null leaves it to the test
 * @returns {Promise<{ code: number | null, signal: string | null, stdout: string, stderr: string }> &
 *   { kill(signal: string): boolean, stdin: import("node:stream").Writable, deafen(): void }} deafen:
 *   nobody reads what it says any more
 */
function lmdbx(args, { input = "", cwd, env, timeout = patient(60_000) } = {}) {
  const child = spawn(process.execPath, [LMDBX, ...args], { cwd, env: { ...process.env, ...env }, timeout });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
  child.stdin.on("error", () => undefined); // it may end before it has read everything
  if (input !== null) child.stdin.end(input);
  const ended = new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  const deafen = () => [child.stdout, child.stderr].forEach((stream) => stream.destroy());
  return Object.assign(ended, { kill: (signal) => child.kill(signal), stdin: child.stdin, deafen });
}

/**
 * Starts a command whose output nobody reads, in a group of processes, as a terminal does, and waits
 * until it has written something.
 * @returns {Promise<{ child: import("node:child_process").ChildProcess, exit: Promise<[number | null, string | null]>,
 *   said(): Promise<string> }>} said: reads what it wrote, and tells of standard error
 */
async function beginUnread(args) {
  const child = spawn(process.execPath, [LMDBX, ...args], { stdio: ["ignore", "pipe", "pipe"], detached: true });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
  const [exit, close] = [once(child, "exit"), once(child, "close")];
  await once(child.stdout, "readable");
  const said = async () => {
    child.stdout.resume();
    await close;
    return stderr;
  };
  return { child, exit, said };
}

/** The arguments of each command that reads a database. */
const READING = [
  (from) => ["stat", from],
  (from) => ["tenants", from],
  (from) => ["list", from, "acme"],
  (from) => ["get", from, "acme", "1"],
  (from) => ["dump", from],
  (from) => ["copy", from, `${from}-copy`],
  (from) => ["verify", from],
  (from) => ["readers", from],
];

/** What it printed with --json. */
function lines(stdout) {
  return stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
}

/** What a command printed, which must have succeeded. */
async function printed(...args) {
  const { code, stdout, stderr } = await lmdbx(args);
  assert.deepEqual([code, stderr], [0, ""], stdout);
  return stdout;
}

/** A command for a shell. @param {string[]} args */
function shellCommand(args) {
  return [process.execPath, LMDBX, ...args].map((each) => `'${each.replaceAll("'", "'\\''")}'`).join(" ");
}

/** Whether there is the program `script` of util-linux, which runs others in a terminal. */
function hasTerminals() {
  return spawnSync("script", ["--version"], { encoding: "utf8" }).stdout?.includes("util-linux") ?? false;
}

/**
 * What the command shows on a terminal of so many columns.
 * @param {string[]} args
 * @param {{ columns?: number, env?: object }} [options]
 */
function shownOn(args, { columns = 80, env } = {}) {
  const command = `stty cols ${columns}; exec ${shellCommand(args)}`;
  const options = { encoding: "utf8", input: "", timeout: patient(60_000), killSignal: "SIGKILL" };
  const { status, stdout, stderr } = spawnSync("script", ["-qefc", command, "/dev/null"], {
    ...options,
    env: { ...process.env, NO_COLOR: "", TERM: "xterm", ...env },
  });
  return { code: status, stdout: stdout.replaceAll("\r\n", "\n"), stderr };
}

module.exports = { LMDBX, READING, beginUnread, lmdbx, printed, lines, shellCommand, hasTerminals, shownOn };
