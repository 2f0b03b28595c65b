"use strict";
// Runs the measurements: each in a process of its own, the implementations in turn.

const { execFileSync, spawn } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const { encode } = require("@msgpack/msgpack");
const { valueOf } = require("./data.js");

/** A measurement that takes longer has hung; making a data set of 10 million takes longer. */
const MEASURE_LIMIT = 10 * 60_000;
const PREPARE_LIMIT = 60 * 60_000;

const measureScript = path.join(__dirname, "measure.js");

/** Runs a program; resolves to its output, rejects with what it said. */
function run(command, args, { limit = MEASURE_LIMIT, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
    let output = "";
    let errors = "";
    const timer = setTimeout(() => child.kill("SIGKILL"), limit);
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (errors += chunk));
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(output);
      else reject(new Error(`${signal ?? `status ${code}`}: ${errors.trim().slice(-2000)}`));
    });
  });
}

function programOf(runtime) {
  if (runtime === "node") return process.versions.bun ? "node" : process.execPath;
  return path.join(__dirname, "../node_modules/.bin/bun");
}

/** Runs measure.js under a runtime. */
async function runTask(runtime, task, options) {
  const output = await run(programOf(runtime), [measureScript, JSON.stringify(task)], options);
  return JSON.parse(output.trim().split("\n").pop());
}

function filesOf(directory) {
  return fs.readdirSync(directory).map((name) => path.join(directory, name));
}

/** On disk, so that a measurement does not pay for what was written before it. */
function syncFiles(directory) {
  for (const file of filesOf(directory)) {
    const descriptor = fs.openSync(file, "r");
    fs.fsyncSync(descriptor);
    fs.closeSync(descriptor);
  }
}

/**
 * The row as an implementation runs it. Every operation of level is a job of the pool, and every write
 * a flush of its own, so that a tenth of them say the same in a tenth of the time.
 */
function rowFor(peer, { floor, ...row }) {
  if (peer !== "level" || row.cold || row.unitsPerOperation !== undefined) return row;
  const size = row.flow.batch ?? row.flow.lanes;
  const tenth = (count) => Math.ceil(count / 10 / size) * size;
  return { ...row, count: tenth(row.count), warm: tenth(row.warm) };
}

class Runner {
  /**
   * @param {object} options
   * @param {string} options.directory - for databases; emptied
   * @param {{ floor: string, drop: string }} options.tools
   * @param {(text: string) => void} options.progress
   */
  constructor({ directory, tools, progress }) {
    this.directory = directory;
    this.tools = tools;
    this.progress = progress;
    fs.rmSync(directory, { recursive: true, force: true });
    fs.mkdirSync(directory, { recursive: true });
  }

  /** The directory of a data set in the form of an implementation, made when first asked for. */
  async dataSet(peer, { kind, encoding, records }) {
    const name = `${peer}-${kind}-${encoding}-${records}`;
    const directory = path.join(this.directory, name);
    if (fs.existsSync(directory)) return directory;
    this.progress(`making ${records} records of kind ${kind} for ${peer}`);
    // No dot: npm lmdb takes a name with an extension for a file.
    const making = path.join(this.directory, `making-${name}`);
    fs.rmSync(making, { recursive: true, force: true });
    fs.mkdirSync(making);
    const task = { peer, dataSet: { kind, encoding, records }, directory: making };
    await runTask("node", task, { limit: PREPARE_LIMIT });
    syncFiles(making);
    // Another user reads it in some rows, for which LMDB's lock file must be writable.
    for (const file of filesOf(making)) fs.chmodSync(file, 0o666);
    fs.renameSync(making, directory);
    return directory;
  }

  /** The directory for one measurement; the caller removes it unless it is shared. */
  async directoryFor(peer, row) {
    if (row.fresh === undefined) return { directory: await this.dataSet(peer, row.data) };
    const directory = path.join(this.directory, "fresh");
    fs.rmSync(directory, { recursive: true, force: true });
    if (row.fresh === "empty") {
      fs.mkdirSync(directory);
    } else {
      // Each process makes a lock file of its own.
      const filter = (file) => path.basename(file) !== "lock.mdb";
      fs.cpSync(await this.dataSet(peer, row.data), directory, { recursive: true, filter });
      syncFiles(directory);
    }
    return { directory, temporary: true };
  }

  async inDirectory(peer, row, use) {
    const { directory, temporary } = await this.directoryFor(peer, row);
    try {
      if (row.cold) execFileSync(this.tools.drop, filesOf(directory), { stdio: "pipe" });
      return await use(directory);
    } finally {
      if (temporary) fs.rmSync(directory, { recursive: true, force: true });
    }
  }

  /** One measurement of an implementation. */
  measure(runtime, peer, row, verify) {
    return this.inDirectory(peer, row, (directory) => {
      const task = { peer, row: rowFor(peer, row), directory, readOnly: row.readOnly, verify };
      const options = row.user === undefined ? {} : { uid: row.user, gid: row.user };
      return runTask(runtime, task, options);
    });
  }

  /** One measurement of bare liblmdb, on the bytes that this package stores. */
  measureFloor(row) {
    return this.inDirectory("ours", row, async (directory) => {
      const { encoding, kind } = row.data;
      const value = valueOf(kind, encoding, 1);
      const bytes =
        encoding === "msgpack"
          ? encode(value).length
          : Buffer.byteLength(encoding === "json" ? JSON.stringify(value) : value);
      const [name, ...numbers] = row.floor(row, bytes);
      const args = [name, directory, ...numbers.map((number) => String(Math.round(number)))];
      const nanoseconds = Number(await run(this.tools.floor, args));
      return { microseconds: nanoseconds / 1000 / (row.unitsPerOperation ?? 1) };
    });
  }

  /**
   * All rounds of a row.
   * @returns {Promise<{ floor: object[], runtimes: object, failures: string[] }>}
   */
  async runRow(row, { runtimes, rounds, peersOf }) {
    const result = { floor: [], runtimes: {}, failures: [] };
    const failed = new Set();
    const attempt = async (name, list, measure) => {
      if (failed.has(name)) return;
      try {
        list.push(await measure());
        const { microseconds } = list[list.length - 1];
        this.progress(`${name} ${microseconds.toFixed(2)} us/${row.unit ?? "op"}`);
      } catch (error) {
        failed.add(name);
        list.length = 0; // what failed once has no result
        result.failures.push(`${row.name} ${name}: ${error.message}`);
        this.progress(`${name} failed`);
      }
    };
    for (let round = 0; round < rounds; round++) {
      if (row.floor) await attempt("floor", result.floor, () => this.measureFloor(row));
      for (const runtime of runtimes) {
        const lists = (result.runtimes[runtime] ??= {});
        for (const peer of peersOf(row, runtime)) {
          const list = (lists[peer] ??= []);
          const measure = () => this.measure(runtime, peer, row, round === 0);
          await attempt(`${runtime} ${peer}`, list, measure);
        }
      }
    }
    return result;
  }

  close() {
    fs.rmSync(this.directory, { recursive: true, force: true });
  }
}

module.exports = { Runner };
