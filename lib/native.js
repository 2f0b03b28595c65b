"use strict";
// Finds and loads the native addon: what the install script compiled, if it had reason to, or else
// the prebuilt binary for this platform.

const fs = require("node:fs");
const { name } = require("../package.json");

/** What a machine needs to compile the addon, by platform. */
const packages =
  "pkg-config make gcc libc6-dev python3 liblmdb-dev libmsgpack-dev libcjson-dev liblz4-dev";
const formulae = "pkg-config lmdb msgpack cjson lz4";

const read = (file, encoding) => {
  try {
    return fs.readFileSync(file, encoding);
  } catch {
    return ""; // no /proc, or not ours to read
  }
};

/** The first bytes of a file: where an executable names its loader. */
function head(file) {
  const bytes = Buffer.alloc(4096);
  try {
    const descriptor = fs.openSync(file, "r");
    try {
      fs.readSync(descriptor, bytes, 0, bytes.length, 0);
    } finally {
      fs.closeSync(descriptor);
    }
  } catch {
    // The next one, then.
  }
  return bytes;
}

/**
 * Whether this process runs on musl. Its executable says so; where that names no loader, because it
 * was changed or is the loader itself, what is mapped does. Nothing is executed, and nothing of a
 * distribution is asked for: both work in the smallest container.
 */
function isMusl() {
  for (const file of ["/proc/self/exe", process.execPath]) {
    const bytes = head(file);
    if (bytes.includes("/ld-musl-")) return true;
    if (bytes.includes("/ld-linux")) return false;
  }
  return /\/ld-musl-|-musl\/libc\.so/.test(read("/proc/self/maps", "latin1"));
}

/** The name of this platform, as the directories in prebuilds have it. */
function platform() {
  const libc = process.platform === "linux" && isMusl() ? "-musl" : "";
  return `${process.platform}-${process.arch}${libc}`;
}

/**
 * Loads one of the binaries, all named literally, and inside of `try`, so that bundlers see them and
 * do without those that are not there.
 * @param {string} which
 * @returns {{ addon?: any, error?: Error }} neither where there is no such binary
 */
function attempt(which) {
  try {
    let addon;
    switch (which) {
      case "compiled":
        addon = require("../build/Release/lmdbx.node");
        break;
      case "linux-x64":
        addon = require("../prebuilds/linux-x64/lmdbx.node");
        break;
      case "linux-arm64":
        addon = require("../prebuilds/linux-arm64/lmdbx.node");
        break;
      case "linux-x64-musl":
        addon = require("../prebuilds/linux-x64-musl/lmdbx.node");
        break;
      case "linux-arm64-musl":
        addon = require("../prebuilds/linux-arm64-musl/lmdbx.node");
        break;
      default:
        return {};
    }
    // A bundler that treats .node as a plain file leaves where it is.
    return { addon: typeof addon === "string" ? require(addon) : addon };
  } catch (error) {
    const missing = /MODULE_NOT_FOUND/.test(error.code) || /Cannot find module/.test(error.message);
    return missing ? {} : { error };
  }
}

/** Whether the package carries a binary that loads here. */
function hasPrebuilt() {
  return attempt(platform()).addon !== undefined;
}

/** @returns {Error & { code: string }} */
function missing(why, cause) {
  const install =
    process.platform === "darwin" ? `brew install ${formulae}` : `sudo apt-get install ${packages}`;
  const advice = `
Its install script compiles it, which needs: ${install}
With Bun:  bun pm trust ${name}
With npm:  npm install-scripts approve ${name}  (npm 11.19 and later)
           npm rebuild ${name}`;
  const message =
    process.platform === "win32"
      ? `${name} does not support Windows; use Linux, for example in WSL or a container.`
      : `${why}.${advice}`;
  return Object.assign(new Error(message, { cause }), { code: "LMDBX_NATIVE_MISSING" });
}

/** Loads the addon, or throws an Error with the code LMDBX_NATIVE_MISSING that says what to do. */
function load() {
  const target = platform();
  let cause;
  for (const which of ["compiled", target]) {
    const { addon, error } = attempt(which);
    if (addon !== undefined) return addon;
    cause ??= error;
  }
  if (cause) throw missing(`The native addon of ${name} cannot be loaded: ${cause.message}`, cause);
  throw missing(`${name} has no binary for ${target}, and none was compiled`);
}

module.exports = { hasPrebuilt, load };
