"use strict";
// `make layers`: who may include whom. See the layers in CONTRIBUTING.md.

const fs = require("node:fs");
const path = require("node:path");

const root = path.resolve(__dirname, "..");

/**
 * For each layer of src (base: the files of src itself) the layers and foreign headers that it may
 * include, besides itself, lmdbx.h and the headers of C and POSIX.
 */
const LAYERS = {
  base: { layers: [], foreign: [] },
  store: { layers: [], foreign: ["lmdb.h", "pthread.h"] },
  codec: { layers: [], foreign: ["msgpack.h", "msgpack/", "cJSON.h", "cjson/", "lz4"] },
  queue: { layers: ["store", "codec"], foreign: ["pthread.h"] },
  binding: { layers: ["queue", "codec"], foreign: ["node_api.h"] },
};

/** Headers of C and POSIX that every layer may include. */
const SYSTEM = new Set(
  (
    "assert ctype dirent endian errno fcntl float inttypes libgen limits math poll sched signal " +
    "stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string strings " +
    "time unistd sys/file sys/mman sys/mount sys/param sys/resource sys/stat sys/statfs sys/statvfs " +
    "sys/time sys/sysmacros sys/types sys/uio sys/vfs linux/magic"
  )
    .split(" ")
    .map((header) => `${header}.h`),
);

/** Modules that few files may use: the loader of the addon, the tools, which the repository does not
 * load, and for its directories, what is for tests. The rest of lib stores nothing itself. */
const FILE_MODULES = ["node:fs", "node:fs/promises"];
const SYSTEM_MODULES = new Set([...FILE_MODULES, "node:child_process", "node:module"]);
const LOADER = "lib/native.js";
const TESTING = "lib/testing.js";
const TOOLS = ["lib/import/", "lib/cli/"];
/** The one file that loads the optional npm package lmdb, from where the user has it. */
const PEER = "lib/import/peer.js";

/** All files below a directory, relative to the root. */
function filesBelow(directory) {
  return fs
    .readdirSync(path.join(root, directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

/** Blanks comments out, keeping line numbers. Good enough for strings without comment signs. */
function withoutComments(text) {
  return text.replace(/\/\*[^]*?\*\/|\/\/.*/g, (comment) => comment.replace(/[^\n]/g, " "));
}

/** What is wrong with one #include, or undefined. */
function judgeInclude(layer, include) {
  const parsed = /^(?:"([^"]+)"|<([^>]+)>)/.exec(include);
  if (!parsed) return `includes ${include}, which this check cannot follow`;
  const [, own, system] = parsed;
  const { layers, foreign } = LAYERS[layer];
  if (own !== undefined) {
    if (own === "lmdbx.h") return undefined;
    const target = path.dirname(own);
    if (!fs.existsSync(path.join(root, "src", own))) return `includes "${own}", not a path in src`;
    if (target === layer || layers.includes(target)) return undefined;
    return `includes "${own}": ${layer} may include ${[...layers, layer].join(", ")} only`;
  }
  if (SYSTEM.has(system)) return undefined;
  if (foreign.some((header) => system.startsWith(header))) return undefined;
  const owners = Object.keys(LAYERS).filter((name) =>
    LAYERS[name].foreign.some((header) => system.startsWith(header)),
  );
  if (owners.length > 0) return `includes <${system}>, which belongs to ${owners.join(" and ")}`;
  return `includes <${system}>, which scripts/check-layers.js does not know`;
}

function* checkC(file) {
  const parts = file.split(path.sep);
  const layer = parts.length === 2 ? "base" : parts[1];
  if (!(layer in LAYERS)) {
    yield [1, `lies in ${layer}, which is no layer`];
    return;
  }
  const lines = withoutComments(fs.readFileSync(path.join(root, file), "utf8")).split("\n");
  for (const [index, line] of lines.entries()) {
    const include = /^\s*#\s*include\s+(.*)/.exec(line);
    const wrong = include && judgeInclude(layer, include[1]);
    if (wrong) yield [index + 1, wrong];
    const uv = /\buv_\w+/.exec(line);
    if (uv) yield [index + 1, `uses ${uv[0]}: libuv's symbols abort the process under Bun`];
  }
}

/** What is wrong with requiring a module, or undefined. */
function judgeRequire(file, name) {
  const isTool = TOOLS.some((folder) => file.startsWith(folder));
  if (SYSTEM_MODULES.has(name)) {
    const may = file === LOADER || isTool || (file === TESTING && FILE_MODULES.includes(name));
    return may
      ? undefined
      : `requires ${name}: only ${LOADER} and the tools in ${TOOLS.join(", ")} may`;
  }
  if (name.startsWith("node:")) return undefined;
  if (file === LOADER && name.endsWith(".node")) return undefined; /* what it is there for */
  if (!/^\.\.?\//.test(name)) return `requires ${name}: lib may require the addon and node: modules only`;
  const target = path.join(path.dirname(file), name);
  if (target === "package.json") return undefined;
  if (!target.startsWith("lib/")) return `requires ${name}, which is not in lib`;
  const folder = TOOLS.find((each) => target.startsWith(each));
  if (folder !== undefined && !isTool) return `requires ${name}: the repository loads no tools`;
  return undefined;
}

function* checkJavaScript(file) {
  const lines = withoutComments(fs.readFileSync(path.join(root, file), "utf8")).split("\n");
  for (const [index, line] of lines.entries()) {
    for (const [, argument] of line.matchAll(/\b(?:require|import)\s*\(([^)]*)\)/g)) {
      const name = /^\s*"([^"]+)"\s*$/.exec(argument)?.[1];
      if (name === undefined) {
        if (file === LOADER || file === PEER) continue;
        yield [index + 1, `requires ${argument}, which this check cannot follow`];
        continue;
      }
      const wrong = judgeRequire(file, name);
      if (wrong) yield [index + 1, wrong];
    }
  }
}

const cFiles = filesBelow("src");
const jsFiles = filesBelow("lib");
let problems = 0;
function check(files, rule) {
  for (const file of files) {
    for (const [line, what] of rule(file)) {
      console.error(`${file}:${line}: ${what}`);
      problems++;
    }
  }
}
check(
  cFiles.filter((file) => /\.[ch]$/.test(file)),
  checkC,
);
check(
  jsFiles.filter((file) => file.endsWith(".js")),
  checkJavaScript,
);
for (const file of cFiles.filter((name) => !/\.[ch]$/.test(name))) {
  console.error(`${file}:1: is neither .c nor .h`);
  problems++;
}

if (problems === 0) console.log(`layers: ${cFiles.length + jsFiles.length} files keep to theirs`);
process.exitCode = problems === 0 ? 0 : 1;
