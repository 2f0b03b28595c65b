"use strict";
// Finds and loads the native addon: what the install script compiled, if it had reason to, or else
// the prebuilt binary for this platform.

const fs = require("node:fs");
const { name } = require("../package.json");

/**
 * What a machine needs to compile the addon, and the packages that bring it: of Debian and Ubuntu, of
 * Alpine, of Fedora and RHEL, of Homebrew. "": Apple's command line tools have it.
 */
const NEEDS = {
  "pkg-config": ["pkg-config", "pkgconf", "pkgconf-pkg-config", "pkgconf"],
  make: ["make", "make", "make", ""],
  "a C compiler": ["gcc libc6-dev", "gcc musl-dev", "gcc", ""],
  "Python 3": ["python3", "python3", "python3", ""],
  liblmdb: ["liblmdb-dev", "lmdb-dev", "lmdb-devel", "lmdb"],
  "msgpack-c": ["libmsgpack-dev", "msgpack-c-dev", "msgpack-devel", "msgpack"],
  cJSON: ["libcjson-dev", "cjson-dev", "cjson-devel", "cjson"],
  LZ4: ["liblz4-dev", "lz4-dev", "lz4-devel", "lz4"],
};

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

/** What this distribution calls itself, and what it is like: "ubuntu debian". */
function distribution() {
  const text = read("/etc/os-release", "utf8") || read("/usr/lib/os-release", "utf8");
  const names = [/^ID=(.*)$/m, /^ID_LIKE=(.*)$/m].map((line) => line.exec(text)?.[1] ?? "");
  return names.join(" ").replace(/["']/g, "");
}

/**
 * The command that installs what compiling needs.
 * @param {string[]} [needs] - keys of NEEDS
 * @param {string} [platform]
 * @param {string} [like] - names of distributions
 */
function installCommand(
  needs = Object.keys(NEEDS),
  platform = process.platform,
  like = distribution(),
) {
  const packages = (column) => needs.map((need) => NEEDS[need][column]).filter(Boolean).join(" ");
  if (platform === "darwin") {
    const formulae = packages(3);
    const tools = needs.some((need) => NEEDS[need][3] === "") ? ["xcode-select --install"] : [];
    return tools.concat(formulae ? `brew install ${formulae}` : []).join(", then ");
  }
  const is = (...names) => names.some((name) => like.split(" ").includes(name));
  if (is("debian", "ubuntu")) return `sudo apt-get install ${packages(0)}`;
  if (is("alpine")) return `apk add ${packages(1)}`;
  if (is("fedora", "rhel", "centos")) {
    const repositories = is("rhel", "centos") ? " (with the repositories EPEL and CRB)" : "";
    return `sudo dnf install ${packages(2)}${repositories}`;
  }
  return `the package manager, which has what Debian calls ${packages(0)}`;
}

/** @returns {Error & { code: string }} */
function missing(why, cause) {
  const advice = `
Its install script compiles it; what that needs is installed with: ${installCommand()}
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

module.exports = { NEEDS, hasPrebuilt, installCommand, load };
