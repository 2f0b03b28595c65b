"use strict";
// Finds and loads the native addon: a prebuilt binary where there is one, else what the install
// script built.

const fs = require("node:fs");
const path = require("node:path");
const { name } = require("../package.json");

const root = path.resolve(__dirname, "..");

/** Whether this process runs on musl: its loader is named near the start of the executable. */
function isMusl() {
  const head = Buffer.alloc(4096);
  const file = fs.openSync(process.execPath, "r");
  try {
    fs.readSync(file, head, 0, head.length, 0);
  } finally {
    fs.closeSync(file);
  }
  return head.includes("/ld-musl-");
}

/**
 * The prebuilt binary for this platform, if the package carries one.
 * @returns {string | undefined}
 */
function findPrebuilt() {
  const libc = process.platform === "linux" && isMusl() ? "-musl" : "";
  const target = `${process.platform}-${process.arch}${libc}`;
  const file = path.join(root, "prebuilds", target, "lmdbx.node");
  return fs.existsSync(file) ? file : undefined;
}

const packages =
  "pkg-config make gcc libc6-dev python3 liblmdb-dev libmsgpack-dev libcjson-dev liblz4-dev";
const advice = `
Its install script has to run once. It needs: sudo apt-get install ${packages}
With Bun:  bun pm trust ${name}
With npm:  npm install-scripts approve ${name}  (npm 11.19 and later)
           npm rebuild ${name}`;

/** @returns {Error & { code: string }} */
function missing(why, cause) {
  const message =
    process.platform === "win32"
      ? `${name} does not support Windows; use Linux, for example in WSL or a container.`
      : `The native addon of ${name} ${why}.${advice}`;
  return Object.assign(new Error(message, { cause }), { code: "LMDBX_NATIVE_MISSING" });
}

/** Loads the addon, or throws an Error with the code LMDBX_NATIVE_MISSING that says what to do. */
function load() {
  const built = path.join(root, "build", "Release", "lmdbx.node");
  const file = findPrebuilt() ?? (fs.existsSync(built) ? built : undefined);
  if (file === undefined) throw missing("is not built");
  try {
    return require(file);
  } catch (cause) {
    throw missing(`cannot be loaded: ${cause.message}`, cause);
  }
}

module.exports = { findPrebuilt, load };
