"use strict";
// LMDB trusts what it maps: damaged pages can crash the process that reads them. So a command works
// in a child (guarded.js), which has the terminal, the pipes and the exit code; here is waited for it,
// and a crash is told and cleared up.

const { spawn } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const { createError } = require("../errors.js");
const { name } = require("../../package.json");
const { DONE, INCOMPLETE, USAGE, FAILED, INTERRUPTED } = require("./exit.js");
const { SIGNALS } = require("./interrupt.js");

const CHILD = path.join(__dirname, "guarded.js");
/** How a command ends itself; the runtimes' handlers of crashes have codes of their own. */
const CODES = [DONE, INCOMPLETE, USAGE, FAILED, INTERRUPTED];

/** @param {string[]} args @returns {import("node:child_process").ChildProcess | undefined} */
function start(args) {
  try {
    return spawn(process.execPath, [CHILD, ...args], { stdio: ["inherit", "inherit", "inherit", "ipc"] });
  } catch {
    return undefined; // too many processes or open files
  }
}

/** @returns {Promise<{ code: number | null, signal: string | null } | undefined>} undefined: it did not start */
function endOf(child) {
  return new Promise((resolve) => {
    child.on("error", () => child.pid === undefined && resolve(undefined));
    child.on("exit", (code, signal) => resolve({ code, signal }));
  });
}

/**
 * Hands signals on. A terminal sends them to both, so the child heeds only what comes from here. A
 * second one ends it at once.
 * @returns {{ isInterrupted: boolean, end: () => void }}
 */
function handOn(child) {
  const handing = { isInterrupted: false, end: () => undefined };
  const onSignal = (signal) => {
    if (handing.isInterrupted || !child.connected) child.kill("SIGKILL");
    else child.send({ signal }, () => undefined);
    handing.isInterrupted = true;
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  handing.end = () => SIGNALS.forEach((signal) => process.removeListener(signal, onSignal));
  return handing;
}

/** @param {{ (pid: number): string[] } | undefined} leftovers @param {number} pid */
function clear(leftovers, pid) {
  try {
    for (const each of leftovers?.(pid) ?? []) fs.rmSync(each, { recursive: true, force: true });
  } catch {
    // The crash is what counts, and whatever is in the way later says so.
  }
}

/** @param {{ name: string, advice?: string }} command @param {string} directory @param {string} how */
function crashed(command, directory, how) {
  const what = `${command.name}: reading ${directory}`;
  if (how === "SIGKILL") {
    return createError("LMDBX_NO_MEMORY", `${what} was killed. Try again, with more memory if it ran out`);
  }
  const advice =
    command.advice ??
    `Pages of it may be damaged: npx ${name} verify ${directory} survives that, and says which`;
  return createError("LMDBX_CORRUPT", `${what} crashed (${how}). ${advice}`);
}

/**
 * Has a command work in a child.
 * @param {{ name: string, advice?: string, leftovers?: (positionals: string[]) => (pid: number) => string[] }} command -
 *   advice: what to do after a crash, if not to verify; leftovers: asked before the child is started,
 *   says what a crash of it leaves
 * @param {string[]} args - of the whole command line
 * @param {string[]} positionals - of the command
 * @param {() => Promise<number | undefined>} bare - does the work here, where no child can be started
 */
async function guarded(command, args, positionals, bare) {
  const leftovers = command.leftovers?.(positionals);
  const child = start(args);
  if (child === undefined) return bare();
  const handing = handOn(child);
  const ended = await endOf(child);
  if (ended === undefined) {
    handing.end();
    return bare();
  }
  const { code, signal } = ended;
  if (code !== null && CODES.includes(code)) return code;
  clear(leftovers, child.pid);
  if (handing.isInterrupted || SIGNALS.includes(signal ?? "")) return INTERRUPTED;
  throw crashed(command, positionals[0], signal ?? `exit code ${code}`);
}
module.exports = { guarded };
