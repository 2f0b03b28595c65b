"use strict";
// npm run bench: measures this package beside others. README.md says how to read the results.

const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { chart } = require("./chart.js");
const { readOptions, USAGE, UsageError } = require("./options.js");
const { setUp, buildDirectory } = require("./setup.js");
const { evaluate } = require("./statistics.js");
const { tables, mainHeader, mainLine, markdown } = require("./table.js");

/** How much of a committed ratio a check demands at most: machines are noisy. */
const CHECK_PART = 0.8;

function output(program, ...args) {
  try {
    return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "unknown";
  }
}

function versionOf(name) {
  return JSON.parse(fs.readFileSync(path.join(__dirname, "node_modules", name, "package.json"))).version;
}

/** What the results depend on. */
function machine(directory) {
  return {
    processor: os.cpus()[0]?.model ?? "unknown",
    cores: os.cpus().length,
    memoryGB: Math.round(os.totalmem() / 1e9),
    system: `${os.type()} ${os.release()}`,
    fileSystem: output("df", "--output=fstype", directory).split("\n").at(-1),
    load: os.loadavg().map((load) => Number(load.toFixed(2))),
    node: output(process.versions.bun ? "node" : process.execPath, "--version").replace(/^v/, ""),
    bun: output(path.join(__dirname, "../node_modules/.bin/bun"), "--version"),
    liblmdb: output("pkg-config", "--modversion", "lmdb"),
    lmdb: versionOf("lmdb"),
    "classic-level": versionOf("classic-level"),
    "better-sqlite3": versionOf("better-sqlite3"),
  };
}

function describe({ processor, cores, memoryGB, system, fileSystem, load, ...versions }) {
  const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return (
    `${processor}, ${cores} cores, ${memoryGB} GB, ${system}, ${fileSystem}; ` +
    `load at the start ${load[0]}; ${list.join(", ")}`
  );
}

/** Says what is under way: in place on a terminal, as lines of a log elsewhere. */
function progressTo(stream) {
  return (text) => {
    if (stream.isTTY) stream.write(`\r\x1b[K${text.slice(0, stream.columns - 1)}`);
    else stream.write(`  ${text}\n`);
  };
}

function minutes(milliseconds) {
  return `${(milliseconds / 60_000).toFixed(1)} min`;
}

async function runRows(runner, options, peersOf, keep) {
  const start = Date.now();
  const evaluations = [];
  for (const [i, row] of options.rows.entries()) {
    const passed = Date.now() - start;
    const left = i === 0 ? "" : `, some ${minutes((passed / i) * (options.rows.length - i))} left`;
    runner.progress(`row ${i + 1} of ${options.rows.length}: ${row.name}${left}`);
    const result = await runner.runRow(row, { ...options, peersOf });
    for (const [runtime, rounds] of Object.entries(result.runtimes)) {
      const all = { ...rounds, floor: result.floor };
      evaluations.push({ row, runtime, ...evaluate(row, rounds, result.floor), rounds: all });
    }
    if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
    for (const failure of result.failures) console.error(`bench: ${failure}`);
    console.error(markdown(mainHeader, evaluations.slice(-options.runtimes.length).map(mainLine)));
    keep(evaluations);
  }
  return evaluations;
}

/** What the measurements of all rounds have of a property, by implementation; those that have it. */
function ofRounds(rounds, property) {
  const lists = Object.entries(rounds).map(([peer, list = []]) => [
    peer,
    list.map((each) => each[property]).filter((value) => value !== undefined),
  ]);
  return Object.fromEntries(lists.filter(([, list]) => list.length > 0));
}

/** Writes the results that there are: where those of complete runs lie, if this was one. */
function write(evaluations, about, { complete, json }) {
  const directory = complete ? path.join(__dirname, "results") : path.join(buildDirectory, "results");
  fs.mkdirSync(directory, { recursive: true });
  const plain = evaluations.map(({ row, rounds, ...rest }) => {
    const { name, what, count, data, goal, lateMost } = row;
    const each = { rounds: ofRounds(rounds, "microseconds"), memoryOfRounds: ofRounds(rounds, "memory") };
    if (lateMost !== undefined) each.latenessOfRounds = ofRounds(rounds, "lateness");
    return { row: name, what, count, data, goal, lateMost, ...rest, ...each };
  });
  const short = (_, value) => (typeof value === "number" ? Number(value.toPrecision(9)) : value);
  const lines = plain.map((each) => JSON.stringify(each, short));
  const head = JSON.stringify(about, null, 1).replace(/\n}$/, "");
  const text = `${head},\n "rows": [\n${lines.join(",\n")}\n]}\n`;
  const files = {
    json: json ?? path.join(directory, "results.json"),
    table: path.join(directory, "table.md"),
    chart: path.join(directory, "ratios.svg"),
  };
  fs.writeFileSync(files.json, text);
  fs.writeFileSync(files.table, `${describe(about.machine)}\n\n${tables(evaluations)}\n`);
  fs.writeFileSync(files.chart, chart(evaluations));
  return files;
}

/**
 * What a ratio must be: as asked for, or most of what the committed results have, whichever is less.
 * @param {number} check
 * @param {{ row: string, runtime: string, ratio?: number }[]} committed
 */
function leastRatio(check, committed, row, runtime) {
  const had = committed.find((each) => each.row === row.name && each.runtime === runtime)?.ratio;
  return had === undefined ? check : Math.min(check, had * CHECK_PART);
}

function nothingFailed(evaluations) {
  return evaluations.every(({ ours }) => ours !== undefined);
}

/** @returns {boolean} whether nothing failed and, if asked, no ratio is too low */
function judge(evaluations, check) {
  if (check === undefined) return nothingFailed(evaluations);
  const file = path.join(__dirname, "results", "results.json");
  const { rows: committed } = JSON.parse(fs.readFileSync(file, "utf8"));
  let low = 0;
  console.log("");
  for (const { row, runtime, ratio } of evaluations) {
    const least = leastRatio(check, committed, row, runtime);
    const met = ratio >= least;
    if (!met) low++;
    const verdict = met ? "is at least" : "is below";
    const said = `${row.name} in ${runtime}: ratio ${ratio?.toFixed(2) ?? "unknown"} ${verdict} ${least.toFixed(2)}`;
    if (met) console.log(said);
    else console.error(`bench: ${said}`);
  }
  return low === 0;
}

async function main() {
  const options = readOptions(process.argv.slice(2));
  if (options.help) return console.log(USAGE);
  const { nodeHasSQLite, tools } = setUp();
  const { Runner } = require("./runner.js");
  const directory = options.directory
    ? fs.mkdtempSync(path.join(options.directory, "bench-"))
    : path.join(buildDirectory, "data");
  const runner = new Runner({ directory, tools, progress: progressTo(process.stderr) });
  const peersOf = (row, runtime) =>
    options.peers.filter(
      (peer) =>
        (row.peers ?? options.peers).includes(peer) &&
        (peer !== "sqlite" || runtime !== "node" || nodeHasSQLite),
    );
  const { rounds, quick } = options;
  const about = { date: new Date().toISOString(), rounds, quick, machine: machine(directory) };
  process.once("SIGINT", () => {
    runner.close();
    process.exit(130);
  });
  try {
    // So that a run cut short has not been for nothing.
    const keep = (soFar) => write(soFar, about, { ...options, complete: false });
    const evaluations = await runRows(runner, options, peersOf, keep);
    const complete = options.complete && nothingFailed(evaluations);
    const files = write(evaluations, about, { ...options, complete });
    console.log(`\n${describe(about.machine)}\n\n${tables(evaluations)}`);
    if (!judge(evaluations, options.check)) process.exitCode = 1;
    console.log(`\n${Object.values(files).map((file) => path.relative("", file)).join(", ")}`);
  } finally {
    runner.close();
  }
}

main().catch((error) => {
  console.error(error instanceof UsageError ? `bench: ${error.message}\n\n${USAGE}` : error);
  process.exitCode = 1;
});
