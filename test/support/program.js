"use strict";
// Programs in processes of their own, in the runtime of the test, that talk by lines.

const { spawn } = require("node:child_process");
const path = require("node:path");
const { patient } = require("./timeout.js");

const TIMEOUT = patient(60_000);
const PROGRAMS = path.join(__dirname, "../programs");

/**
 * Starts test/programs/<name>.js, which finds the arguments with support/child.js.
 * @param {string} name
 * @param {object} [args]
 * @param {{ timeout?: number, before?: string[], env?: object, cwd?: string }} [options]
 *   before: a command that starts the runtime, with its arguments
 */
function startProgram(name, args = {}, { timeout = TIMEOUT, before = [], env = {}, cwd } = {}) {
  const file = path.join(PROGRAMS, `${name}.js`);
  const [command, ...rest] = [...before, process.execPath, file, JSON.stringify(args)];
  const child = spawn(command, rest, { env: { ...process.env, ...env }, cwd });
  const lines = [];
  const waiting = [];
  let stdout = "";
  let stderr = "";
  let partial = "";
  let late = false;
  child.stdout.setEncoding("utf8").on("data", (text) => {
    stdout += text;
    const parts = (partial + text).split("\n");
    partial = parts.pop();
    for (const line of parts) {
      const next = waiting.shift();
      if (next) next.resolve(JSON.parse(line));
      else lines.push(JSON.parse(line));
    }
  });
  child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, timeout);
  const ended = new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const end = { code, signal, late, stdout, stderr };
      const error = new Error(`${name} ended early: ${JSON.stringify(end)}`);
      for (const { reject: refuse } of waiting.splice(0)) refuse(error);
      resolve(end);
    });
  });
  return {
    pid: child.pid,
    /** How it ended: { code, signal, late, stdout, stderr }; late: it had to be killed. */
    ended,
    /** The next value it says. */
    heard() {
      if (lines.length > 0) return Promise.resolve(lines.shift());
      if (child.exitCode !== null || child.signalCode !== null) {
        return ended.then((end) => {
          if (lines.length > 0) return lines.shift();
          throw new Error(`${name} ended early: ${JSON.stringify(end)}`);
        });
      }
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
    /** What it has said that nobody heard yet. */
    rest: () => lines.splice(0),
    tell: (value) => child.stdin.write(`${JSON.stringify(value)}\n`),
    kill: (signal = "SIGKILL") => child.kill(signal),
  };
}

/** Runs such a program to its end. */
function runToEnd(name, args, options) {
  return startProgram(name, args, options).ended;
}

module.exports = { startProgram, runToEnd };
