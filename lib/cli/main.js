"use strict";
// The operator's command: finds the command, reads its arguments, and turns how it ended into an
// exit code.

const { parseArgs } = require("node:util");
const { isLMDBXError } = require("../errors.js");
const { described } = require("../system-error.js");
const { name, version } = require("../../package.json");
const { DONE, INCOMPLETE, USAGE, FAILED, INTERRUPTED, UsageError } = require("./exit.js");
const { guarded } = require("./guard.js");
const { endOutput, hasLostOutput, out, note, plain } = require("./output.js");

/** In the order of the help. Each file says its arguments, its help, and what it does. */
const COMMANDS = [
  ...[require("./stat.js"), require("./tenants.js"), require("./list.js"), require("./get.js")],
  ...[require("./dump.js"), require("./load.js"), require("./copy.js"), require("./verify.js")],
  ...[require("./readers.js"), require("./import.js")],
];

/** What every command takes. */
const COMMON = {
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
};

function overview() {
  const width = Math.max(...COMMANDS.map((command) => command.name.length));
  const lines = COMMANDS.map((command) => `  ${command.name.padEnd(width)}  ${command.summary}`);
  return `Usage: npx ${name} <command> [arguments] [options]

${lines.join("\n")}

  --json     results for programs, as JSON Lines on standard output
  --help     what a command does, with examples
  --version  the version of the package

Exit codes: ${DONE} done; ${INCOMPLETE} done, but something was found or left out, as reported;
${USAGE} wrong arguments; ${FAILED} failed; ${INTERRUPTED} interrupted.`;
}

/** @param {{ name: string, usage: string, help: string }} command */
function helpOf(command) {
  return `Usage: npx ${name} ${command.name} ${command.usage}\n\n${command.help}`;
}

/**
 * What parseArgs says of wrong options, in one sentence. What it takes for an option may be meant as
 * a value: a number below zero.
 */
function argumentError({ code, message }, args) {
  const at = args.findIndex((arg) => /^-\d/.test(arg));
  const [value, before] = [args[at], args[at - 1]];
  if (at > 0 && code === "ERR_PARSE_ARGS_INVALID_OPTION_VALUE" && before.startsWith("--")) {
    return `${before} ${value}: write ${before}=${value}, since it looks like an option`;
  }
  if (at >= 0 && message.includes(`'${value.slice(0, 2)}'`)) {
    return `${value} looks like an option: put -- before it, as in -- ${value}`;
  }
  return message.split(/\.?\n/)[0];
}

function readArguments(command, args) {
  try {
    return parseArgs({ args, options: { ...COMMON, ...command.options }, allowPositionals: true });
  } catch (error) {
    throw new UsageError(argumentError(error, args));
  }
}

function find(given) {
  const command = COMMANDS.find((each) => each.name === given);
  if (command !== undefined) return command;
  throw new UsageError(
    given === undefined ? "no command was given" : `there is no command ${given}`,
  );
}

/** @param {string[]} args @param {boolean} isGuarded */
async function run(args, isGuarded) {
  const [first, ...rest] = args;
  if (first === "--version") return out(version);
  if (first === "--help" || first === "-h" || first === "help") return out(overview());
  const command = find(first);
  try {
    const { values, positionals } = readArguments(command, rest);
    if (values.help) return out(helpOf(command));
    const [least, most] = command.positionals;
    if (positionals.length < least) throw new UsageError("an argument is missing");
    if (positionals[0] === "") throw new UsageError("the path is empty");
    if (positionals.length > most) {
      throw new UsageError(`there is an argument too many: ${positionals[most]}`);
    }
    const work = () => command.run(positionals, values);
    if (isGuarded || command.isBare) return await work();
    return await guarded(command, args, positionals, work);
  } catch (error) {
    if (error instanceof UsageError) error.command = command;
    throw error;
  }
}

/** What an error is called in the results for programs. @param {any} error */
function codeOf(error) {
  if (error instanceof UsageError) return "USAGE";
  if (error?.interrupted && !isLMDBXError(error)) return "INTERRUPTED";
  return error?.code ?? "UNEXPECTED";
}

/** What it says to people. @param {any} error */
function messageOf(error) {
  if (error instanceof UsageError) {
    const more = error.command ? ` ${error.command.name} --help` : " --help";
    return `${error.message}. See: npx ${name}${more}`;
  }
  if (isLMDBXError(error)) return `${error.message} [${error.code}]`;
  if (error?.interrupted) return "interrupted";
  return error?.stack ?? error;
}

/** Mistakes in the arguments, as the repository finds them, are of these classes. */
function isUsage(error) {
  if (error instanceof UsageError) return true;
  return isLMDBXError(error) && (error instanceof TypeError || error instanceof RangeError);
}

/** @param {any} caught - may say what was done before it, as `done` @param {string[]} args */
function report(caught, args) {
  const error = caught?.interrupted ? caught : described(caught); // a file of the user's
  if (args.includes("--json")) {
    const message = String(error?.message ?? error);
    out(JSON.stringify({ type: "error", code: codeOf(error), message, ...caught?.done }));
  }
  note(`lmdbx: ${String(messageOf(error)).split("\n").map(plain).join("\n")}`);
  if (isUsage(error)) return USAGE;
  return error?.interrupted ? INTERRUPTED : FAILED;
}

const PATIENCE_MILLISECONDS = 200;

/** Until standard output has taken everything. A reader that takes nothing more, such as a pager,
 * keeps nobody waiting. */
function written() {
  return new Promise((resolve) => {
    process.stdout.write("", () => resolve(undefined));
    setTimeout(resolve, PATIENCE_MILLISECONDS);
  });
}

/**
 * Runs a command; sets the exit code.
 * @param {string[]} args
 * @param {{ isGuarded?: boolean }} [options] - isGuarded: another process waits for this one, which
 *   may crash
 */
async function main(args, { isGuarded = false } = {}) {
  process.stdout.on("error", endOutput);
  process.stderr.on("error", () => undefined); // nobody listens: the work and its exit code count
  try {
    const code = (await run(args, isGuarded)) ?? DONE;
    process.exitCode = hasLostOutput() ? FAILED : code;
  } catch (error) {
    process.exitCode = report(error, args);
  }
  if (process.exitCode !== INTERRUPTED) return;
  await written();
  process.exit();
}

module.exports = { main, COMMANDS };
