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
const { clearLine } = require("./progress.js");

const CHILD = path.join(__dirname, "guarded.js");
/** How a command ends itself; the runtimes' handlers of crashes have codes of their own. */
const CODES = [DONE, INCOMPLETE, USAGE, FAILED, INTERRUPTED];
/** Signals that a process is ended by, and that are no crash. */
const ENDING = ["SIGXCPU", "SIGXFSZ", "SIGQUIT", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGPIPE"];
/** A runtime that cannot have its threads may hang while it starts. */
const START_MILLISECONDS = 30_000;

/** @param {string[]} args @returns {import("node:child_process").ChildProcess | undefined} */
function start(args) {
  const options = process.execArgv.filter((each) => !each.startsWith("--inspect")); // the port is taken
  try {
    return spawn(process.execPath, [...options, CHILD, ...args], {
      stdio: ["inherit", "inherit", "inherit", "ipc"],
    });
  } catch {
    return undefined; // too many processes or open files
  }
}

/**
 * A child, from its start to its end. It works once it has said that it is there.
 */
class Guarded {
  #child;
  #works = false;
  #isInterrupted = false;

  constructor(child) {
    this.#child = child;
    child.on("message", () => {
      this.#works = true;
      child.send({ go: true }, () => undefined);
    });
  }

  get pid() {
    return this.#child.pid;
  }

  get isInterrupted() {
    return this.#isInterrupted;
  }

  /**
   * Hands signals on. A terminal sends them to both, so the child heeds only what comes from here. A
   * second one ends it at once.
   */
  #onSignal = (signal) => {
    if (this.#isInterrupted || !this.#child.connected) this.#child.kill("SIGKILL");
    else this.#child.send({ signal }, () => undefined);
    this.#isInterrupted = true;
  };

  /** @returns {Promise<{ code: number | null, signal: string | null }>} */
  #ended() {
    return new Promise((resolve) => {
      this.#child.on("error", () => {
        if (this.#child.pid === undefined) resolve({ code: null, signal: null });
      });
      this.#child.on("exit", (code, signal) => resolve({ code, signal }));
    });
  }

  /** How it ended; undefined: it did nothing, since it did not come so far. */
  async end() {
    for (const signal of SIGNALS) process.on(signal, this.#onSignal);
    const late = setTimeout(() => this.#works || this.#child.kill("SIGKILL"), START_MILLISECONDS);
    const { code, signal } = await this.#ended();
    clearTimeout(late);
    if (this.#works || this.#isInterrupted) return { code, signal };
    for (const each of SIGNALS) process.removeListener(each, this.#onSignal);
    return undefined;
  }
}

/** @param {{ name: string, advice?: string }} command @param {string} directory @param {string} how */
function crashed(command, directory, how) {
  const what = `${command.name}: reading ${directory}`;
  if (how === "SIGKILL") {
    return createError("LMDBX_NO_MEMORY", `${what} was killed. Try again, with more memory if it ran out`);
  }
  if (ENDING.includes(how)) return createError("LMDBX_ABORTED", `${what} was ended by ${how}. Try again`);
  const cause = how === "SIGABRT" ? ", unless memory or processes ran out" : "";
  const advice =
    command.advice ??
    `Pages of it may be damaged${cause}: npx ${name} verify ${directory} survives that, and says which`;
  return createError("LMDBX_CORRUPT", `${what} crashed (${how}). ${advice}`);
}

/** @template T @param {() => T} work @returns {T | undefined} undefined: it failed */
function attempt(work) {
  try {
    return work();
  } catch {
    return undefined; // the child says what is wrong, or the crash counts
  }
}

/**
 * Has a command work in a child.
 * @param {{ name: string, advice?: string, leftovers?: (positionals: string[]) => (pid: number) => string[] }} command -
 *   advice: what to do after a crash, if not to verify; leftovers: asked before the child is started,
 *   says what a crash of it leaves
 * @param {string[]} args - of the whole command line
 * @param {string[]} positionals - of the command
 * @param {() => Promise<number | undefined>} bare - does the work here, where no child can do it
 */
async function guarded(command, args, positionals, bare) {
  const leftovers = attempt(() => command.leftovers?.(positionals));
  const child = start(args);
  if (child === undefined) return bare();
  const work = new Guarded(child);
  const ended = await work.end();
  if (ended === undefined) return bare();
  const { code, signal } = ended;
  if (code !== null && CODES.includes(code)) return code;
  clearLine();
  for (const each of attempt(() => leftovers?.(work.pid)) ?? []) {
    attempt(() => fs.rmSync(each, { recursive: true, force: true }));
  }
  if (work.isInterrupted || SIGNALS.includes(signal ?? "")) return INTERRUPTED;
  throw crashed(command, positionals[0], signal ?? `exit code ${code}`);
}

module.exports = { guarded };
