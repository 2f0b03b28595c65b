"use strict";
// What the benchmark needs beyond the package: the other stores, and its C programs.

const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const root = path.resolve(__dirname, "..");
const buildDirectory = path.join(root, "build/bench");

function stop(sentence) {
  console.error(`bench: ${sentence}`);
  process.exit(1);
}

function isOlder(file, than) {
  return !fs.existsSync(file) || fs.statSync(file).mtimeMs < fs.statSync(than).mtimeMs;
}

function which(program) {
  const places = (process.env.PATH ?? "").split(path.delimiter);
  return places.map((place) => path.join(place, program)).find((file) => fs.existsSync(file));
}

/** Compiles NAME.c beside this file; returns the program. */
function compile(name, libraries) {
  const source = path.join(__dirname, `${name}.c`);
  const program = path.join(buildDirectory, name);
  if (!isOlder(program, source)) return program;
  fs.mkdirSync(buildDirectory, { recursive: true });
  const flags = ["-std=c11", "-O2", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-pthread"];
  const { status } = spawnSync(
    process.env.CC || "cc",
    [...flags, "-o", program, source, ...libraries],
    { stdio: "inherit" },
  );
  if (status !== 0) stop(`${source} could not be compiled; see above.`);
  return program;
}

function installPackages() {
  const lock = path.join(__dirname, "package-lock.json");
  const installed = path.join(__dirname, "node_modules/.setup-lock.json");
  if (fs.existsSync(installed) && fs.readFileSync(installed).equals(fs.readFileSync(lock))) return;
  console.error("bench: installing the stores to compare with");
  const { status } = spawnSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: __dirname,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (status !== 0) stop("npm ci in bench/ failed; see above.");
  fs.copyFileSync(lock, installed);
}

/** Builds better-sqlite3 from its sources; without it, SQLite is left out in Node.js. */
function buildSQLite() {
  const directory = path.join(__dirname, "node_modules/better-sqlite3");
  if (fs.existsSync(path.join(directory, "build/Release/better_sqlite3.node"))) return true;
  console.error("bench: compiling better-sqlite3, which takes some minutes");
  const npm = which("npm");
  const gyp = npm && path.resolve(fs.realpathSync(npm), "../../node_modules/node-gyp/bin/node-gyp.js");
  const [program, ...args] = gyp && fs.existsSync(gyp) ? [process.execPath, gyp] : ["node-gyp"];
  const prefix = path.resolve(fs.realpathSync(process.execPath), "../..");
  const hasHeaders = fs.existsSync(path.join(prefix, "include/node/node_api.h"));
  args.push("rebuild", "--release", "--loglevel=error");
  if (hasHeaders) args.push(`--nodedir=${prefix}`);
  const { status } = spawnSync(program, args, {
    cwd: directory,
    stdio: ["ignore", "ignore", "inherit"],
    env: { JOBS: "max", ...process.env },
  });
  if (status !== 0) console.error("bench: better-sqlite3 was not built; Node.js goes without SQLite");
  return status === 0;
}

/** @returns what is there: the C programs, and whether Node.js has SQLite */
function setUp() {
  if (process.platform !== "linux") stop("it needs Linux, for /proc and to drop cached pages.");
  if (!fs.existsSync(path.join(root, "build/Release/lmdbx.node"))) {
    stop("the addon is not built; run `make bench`, or `make build` first.");
  }
  installPackages();
  return {
    nodeHasSQLite: buildSQLite(),
    tools: { floor: compile("floor", ["-llmdb"]), drop: compile("drop", []) },
  };
}

module.exports = { setUp, buildDirectory };
