"use strict";
// What a binary must and must not be, judged from the file alone.

const { createHash } = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const { filesBelow, root, run } = require("./run.js");

const manifest = require("./manifest.json");
/** The functions of musl that the binaries may need, all of them in the oldest musl that is promised:
 * its symbols have no versions that would tell. */
const MUSL = require("./musl.json");

/** Names as lib/native.js looks for them. */
const TARGETS = ["linux-x64", "linux-arm64", "linux-x64-musl", "linux-arm64-musl"];

const ELF = Buffer.from("\x7fELF");
const MACHINES = { x64: "X86-64", arm64: "AArch64" };
const EXPORTS = ["napi_register_module_v1", "node_api_module_get_api_version_v1"];
/** The oldest glibc that the binaries load on: that of Debian 11 and Ubuntu 20.04. */
const GLIBC = [2, 31];
/** Parts of the C library alone; on Arm, the loader has the value of the stack protector. */
const LIBC = {
  glibc: ["libc.so.6", "libpthread.so.0", "libm.so.6", "ld-linux-aarch64.so.1"],
  musl: ["libc.so"],
};
/** A section that is not loaded, and holds what the binary was built from. */
const NOTE_SECTION = ".lmdbx.source";

/**
 * The version of the package, and a sum over all that a binary is made of: our C, the pinned
 * packages of the libraries and of the C library, the headers of Node-API, and how they are put
 * together. Not the compiler, so that any machine can tell whether a binary is of its sources.
 */
function sourceNote() {
  const description = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8"));
  const sum = createHash("sha256");
  const recipe = ["compile.js", "libraries.js", "targets.js"];
  const files = [
    ...filesBelow(path.join(root, "src")).map((file) => path.join("src", file)),
    ...recipe.map((file) => path.join("scripts/prebuild", file)),
  ];
  for (const file of files) {
    const text = fs.readFileSync(path.join(root, file));
    sum.update(`${file}\0${text.length}\0`).update(text);
  }
  const { sources, binaries } = manifest;
  const headers = description.devDependencies["node-api-headers"];
  sum.update(JSON.stringify({ sources, binaries, headers, exports: EXPORTS }));
  return `${description.version} ${sum.digest("hex")}`;
}

/** What a binary says it was built from, as sourceNote() has it. */
function builtFrom(file) {
  return /\]\s+(.*?)\s*$/m.exec(run("readelf", ["-p", NOTE_SECTION, file]))?.[1];
}

/** The dynamic symbols: { name, version, defined }. */
function symbols(file) {
  const lines = run("objdump", ["-T", file]).split("\n");
  return lines.flatMap((line) => {
    const match = /^[0-9a-f]+ (.{7}) (\S+)\s+[0-9a-f]+\s+(?:\(?([A-Z]\S*?)\)?\s+)?(\S+)$/.exec(line);
    if (!match) return [];
    const [, flags, section, version, name] = match;
    if (flags[0] === "l") return [];
    return [{ name, version: version === "Base" ? undefined : version, defined: section !== "*UND*" }];
  });
}

function isTooNew(version) {
  const [, major, minor] = /^GLIBC_(\d+)\.(\d+)/.exec(version) ?? [];
  if (major === undefined) return true; // GLIBC_PRIVATE, GCC_..., or something unknown
  return Number(major) > GLIBC[0] || (Number(major) === GLIBC[0] && Number(minor) > GLIBC[1]);
}

/** What is wrong with the symbols. */
function* judgeSymbols(libc, table) {
  const exported = table.filter((symbol) => symbol.defined).map((symbol) => symbol.name);
  for (const name of exported) if (!EXPORTS.includes(name)) yield `leaks the symbol ${name}`;
  for (const name of EXPORTS) if (!exported.includes(name)) yield `does not export ${name}`;
  for (const { name, version } of table.filter((symbol) => !symbol.defined)) {
    if (/^(napi|node_api)_/.test(name)) continue;
    if (/^(uv_|_Z|__cxa_(?!finalize)|__gxx_)/.test(name)) yield `needs ${name}`;
    if (version === undefined) {
      // What the compiler's start files ask for is weak; everything else of glibc has a version.
      if (/^(__gmon_start__|_ITM_\w+|__cxa_finalize)$/.test(name)) continue;
      if (libc === "glibc") yield `needs ${name}, which is not the C library's`;
      else if (!MUSL.includes(name)) {
        yield `needs ${name}: if the oldest musl has it, add it to scripts/prebuild/musl.json`;
      }
    } else if (libc === "musl" || isTooNew(version)) {
      yield `needs ${name}@${version}; ${libc === "musl" ? "musl has no versions" : "too new"}`;
    }
  }
}

/** What is wrong with the dynamic section and the segments. */
function* judgeLoading(libc, dynamic, segments) {
  for (const [, name] of dynamic.matchAll(/\(NEEDED\).*\[(.*)\]/g)) {
    if (!LIBC[libc].includes(name)) yield `depends on ${name}`;
  }
  if (/\((RPATH|RUNPATH)\)/.test(dynamic)) yield "has a search path for libraries";
  if (/TEXTREL/.test(dynamic)) yield "has relocations in its text";
  if (!/BIND_NOW|\bNOW\b/.test(dynamic)) yield "binds its symbols late";
  if (!/GNU_RELRO/.test(segments)) yield "leaves its relocations writable";
  if (!/GNU_STACK.* RW /.test(segments)) yield "has an executable stack";
}

/** What stands in musl.json and is not in this libc.so, as sentences without a subject. */
function* unknownToMusl(library) {
  const defined = new Set(symbols(library).filter((s) => s.defined).map((symbol) => symbol.name));
  for (const name of MUSL) {
    if (!defined.has(name)) yield `may need ${name} as musl.json has it, but this musl has it not`;
  }
}

/** What is wrong with a binary, as sentences without a subject. */
function* problems(target, file) {
  const [, arch, libc = "glibc"] = target.split("-");
  const bytes = fs.readFileSync(file);
  if (!bytes.subarray(0, 4).equals(ELF)) {
    yield "is not an ELF file";
    return;
  }
  const header = run("readelf", ["-h", file]);
  if (!header.includes("ELF64") || !header.includes(MACHINES[arch])) {
    yield `is not made for ${arch}`;
    return;
  }
  yield* judgeSymbols(libc, symbols(file));
  const dynamic = run("readelf", ["-dW", file]);
  const segments = run("readelf", ["-lW", file]);
  yield* judgeLoading(libc, dynamic, segments);
  const sections = run("readelf", ["-SW", file]);
  if (/ \.(symtab|debug_\w+) /.test(sections)) yield "is not stripped";
  // Where it was built must show nowhere.
  if (bytes.includes(root)) yield "holds paths of the machine that built it";
  const note = builtFrom(file);
  const expected = sourceNote();
  if (note !== expected) {
    const [built, wanted] = [note, expected].map((text = "unknown") => text.split(" ")[0]);
    yield built === wanted
      ? "was built from other sources; run scripts/prebuild"
      : `was built from version ${built}, this is ${wanted}; run scripts/prebuild`;
  }
}

module.exports = {
  EXPORTS,
  NOTE_SECTION,
  TARGETS,
  builtFrom,
  problems,
  sourceNote,
  symbols,
  unknownToMusl,
};
