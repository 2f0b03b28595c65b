"use strict";
// The command line.

const path = require("node:path");
const { parseArgs } = require("node:util");
const { rows: allRows, quick } = require("./rows.js");

const PEERS = ["ours", "replaced", "level", "sqlite"];
const RUNTIMES = ["node", "bun"];
const ROUNDS = 5;

const USAGE = `npm run bench -- [options]

  --rows a,b      these rows only; * stands for anything, as in "get-*"
  --runtime x     node or bun; both unless given
  --peers a,b     of ${PEERS.join(", ")}
  --rounds n      measurements of each (${ROUNDS})
  --quick         a fifth of the operations
  --full          also the rows with 10 million records; writes bench/results
  --json file     write the results there
  --check n       fail if a ratio is below n, and below 0.8 of what bench/results has of it
  --directory d   for the databases, which are removed; on the disk to measure`;

class UsageError extends Error {}

function choose(given, known, what) {
  if (given === undefined) return known;
  const chosen = given.split(",").filter(Boolean);
  for (const name of chosen) {
    if (!known.includes(name)) {
      throw new UsageError(`no ${what} is called ${name}; there are ${known.join(", ")}`);
    }
  }
  return known.filter((name) => chosen.includes(name));
}

function escapeRegExp(text) {
  return text.replace(/[^\w-]/g, "\\$&");
}

/** The rows that patterns name; * stands for anything. Large ones only with --full or by name. */
function chooseRows(given, full) {
  if (given === undefined) return allRows.filter((row) => full || !row.onRequest);
  const patterns = given.split(",").filter(Boolean);
  const expression = (pattern) => pattern.split("*").map(escapeRegExp).join(".*");
  const fits = (name, pattern) => new RegExp(`^${expression(pattern)}$`).test(name);
  for (const pattern of patterns) {
    if (!allRows.some((row) => fits(row.name, pattern))) {
      throw new UsageError(`no row is called ${pattern}; see bench/README.md`);
    }
  }
  const named = (row) => patterns.some((pattern) => row.name === pattern);
  return allRows.filter(
    (row) =>
      named(row) || ((full || !row.onRequest) && patterns.some((pattern) => fits(row.name, pattern))),
  );
}

function positive(text, name) {
  const number = Number(text);
  if (!(number > 0)) throw new UsageError(`--${name}: give a number above 0, not ${text}`);
  return number;
}

/** @param {string[]} args */
function readOptions(args) {
  const string = { type: "string" };
  const flag = { type: "boolean", default: false };
  let values;
  try {
    ({ values } = parseArgs({
      args,
      options: {
        rows: string,
        runtime: string,
        peers: string,
        rounds: string,
        json: string,
        check: string,
        directory: string,
        quick: flag,
        full: flag,
        help: flag,
      },
    }));
  } catch (error) {
    throw new UsageError(error.message);
  }
  const chosen = chooseRows(values.rows, values.full);
  const rounds = values.rounds === undefined ? ROUNDS : positive(values.rounds, "rounds");
  if (!Number.isInteger(rounds)) throw new UsageError("--rounds: give a whole number");
  const part = values.rows ?? values.runtime ?? values.peers;
  return {
    help: values.help,
    rows: values.quick ? chosen.map(quick) : chosen,
    runtimes: choose(values.runtime, RUNTIMES, "runtime"),
    peers: choose(values.peers, PEERS, "implementation"),
    rounds,
    quick: values.quick,
    check: values.check === undefined ? undefined : positive(values.check, "check"),
    json: values.json && path.resolve(values.json),
    directory: values.directory && path.resolve(values.directory),
    /** Whether the results may stand for the package. */
    complete: part === undefined && values.full && !values.quick && rounds >= ROUNDS,
  };
}

module.exports = { readOptions, USAGE, UsageError };
