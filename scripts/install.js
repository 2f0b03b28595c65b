"use strict";
// Compiles the native addon where the package carries no binary that loads, or where
// npm_config_build_from_source asks for it; otherwise it ends at once. Runs at `npm install`, at a
// trusted `bun install`, and as `npm run build`. Stops with one sentence when something that it needs
// is missing.

const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const { NEEDS, hasPrebuilt, installCommand } = require("../lib/native.js");

const root = path.resolve(__dirname, "..");
const { name } = require("../package.json");

/** Whether each of NEEDS is there. */
const checks = {
  "pkg-config": () => runs("pkg-config"),
  make: () => runs(process.env.MAKE || "make"),
  "a C compiler": compiles,
  "Python 3": hasPython,
  liblmdb: () => hasLibrary("lmdb"),
  "msgpack-c": () => hasLibrary("msgpack-c") || hasLibrary("msgpack"), // by its version
  cJSON: () => hasLibrary("libcjson"),
  LZ4: () => hasLibrary("liblz4"),
};

function hasLibrary(module) {
  return spawnSync("pkg-config", ["--exists", module]).status === 0;
}

function runs(program) {
  return spawnSync(program, ["--version"]).status === 0;
}

/** Whether there is a C compiler that finds the headers of the C library. */
function compiles() {
  const [program, ...args] = (process.env.CC || "cc").trim().split(/\s+/);
  const input = "#include <stdint.h>\n";
  return spawnSync(program, [...args, "-fsyntax-only", "-x", "c", "-"], { input }).status === 0;
}

/** node-gyp looks for Python in these places, too. */
function hasPython() {
  const { npm_config_python: configured, PYTHON, NODE_GYP_FORCE_PYTHON } = process.env;
  const candidates = [NODE_GYP_FORCE_PYTHON, configured, PYTHON, "python3", "python"];
  return candidates.some((python) => python && runs(python));
}

/** Ends with one sentence. */
function stop(sentence) {
  console.error(`${name}: ${sentence}`);
  process.exit(1);
}

/** As npm has it: "true" for all packages, or the names of some. */
function isToCompile() {
  const asked = (process.env.npm_config_build_from_source ?? "").split(",").map((part) => part.trim());
  return asked.some((part) => part === "true" || part === "1" || part === name);
}

function checkNeeds() {
  const missing = Object.keys(NEEDS).filter((need) => !checks[need]());
  if (missing.length === 0) return;
  stop(
    `the native addon cannot be built without ${missing.join(", ")}; ` +
      `install with: ${installCommand(missing)}`,
  );
}

/** The first directory of PATH that has the program, with symbolic links resolved. */
function which(program) {
  for (const directory of (process.env.PATH || "").split(path.delimiter)) {
    const file = path.join(directory, program);
    try {
      fs.accessSync(file, fs.constants.X_OK);
      return fs.realpathSync(file);
    } catch {
      // Not in this one.
    }
  }
  return undefined;
}

/** Directories that installations of Node.js have as their prefix, the running one first. */
function nodePrefixes() {
  const nodes = [fs.realpathSync(process.execPath), which("node")].filter(Boolean);
  return [...nodes.map((node) => path.resolve(node, "../..")), "/usr/local", "/usr"];
}

/**
 * Node-API is stable, so that the headers of any Node.js on this machine will do. Without any,
 * node-gyp downloads them.
 */
function nodeDirectory() {
  if (process.env.npm_config_nodedir) return undefined; // node-gyp reads it
  const hasHeaders = (prefix) => fs.existsSync(path.join(prefix, "include/node/node_api.h"));
  return nodePrefixes().find(hasHeaders);
}

/** The command line of node-gyp: npm says where its own is; else look for npm's, then in PATH. */
function nodeGyp() {
  const npm = which("npm"); // .../npm/bin/npm-cli.js
  const candidates = [
    process.env.npm_config_node_gyp,
    npm && path.resolve(npm, "../../node_modules/node-gyp/bin/node-gyp.js"),
    ...nodePrefixes().map((prefix) =>
      path.join(prefix, "lib/node_modules/npm/node_modules/node-gyp/bin/node-gyp.js"),
    ),
  ];
  const script = candidates.find((file) => file && fs.existsSync(file));
  if (script) return [process.execPath, script];
  if (which("node-gyp")) return ["node-gyp"];
  return stop("node-gyp was not found; install npm, which brings it.");
}

function main() {
  if (process.platform === "win32") {
    // Not the failure of an install: a project may be installed there and run elsewhere.
    console.error(`${name}: Windows is not supported; use Linux, for example in WSL or a container.`);
    return;
  }
  if (!isToCompile() && hasPrebuilt()) return;
  checkNeeds();
  const [program, ...args] = nodeGyp();
  const nodedir = nodeDirectory();
  args.push("configure", "build", "--loglevel=warn");
  if (nodedir) args.push(`--nodedir=${nodedir}`);
  const { status, error } = spawnSync(program, args, {
    cwd: root,
    stdio: "inherit",
    env: { JOBS: "max", ...process.env },
  });
  if (error || status !== 0) {
    stop(`building the native addon failed${error ? ` (${error.message})` : ""}; see above.`);
  }
}

main();
