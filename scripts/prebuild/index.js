"use strict";
// Makes the binaries of the package, judges them, and runs the tests against them:
// `node scripts/prebuild --help`.

const fs = require("node:fs");
const path = require("node:path");
const { parseArgs } = require("node:util");
const { fetch } = require("./debian.js");
const { TARGETS, problems, unknownToMusl } = require("./inspect.js");
const { Stop, isOnPath, root, work } = require("./run.js");
const { compileCmocka, compileLibraries, unpackAll, writeLicences } = require("./libraries.js");
const { compileAddon, compileTests, compileTools } = require("./compile.js");
const { Target } = require("./targets.js");
const { load, runTests } = require("./c-tests.js");
const musl = require("./musl-runtime.js");
const { copyTree, runSuite, runtimesOf } = require("./runtimes.js");
const table = require("./table.js");

const HELP = `Makes prebuilds/ and THIRD_PARTY_LICENSES: the binaries that the package carries.

  node scripts/prebuild [options]

  --targets NAMES    some of ${TARGETS.join(",")} (default: all)
  --no-tests         only compile, judge and load
  --no-c, --no-js    not the C tests, not the JavaScript suite
  --runtimes NAMES   only these, for example node-20,bun-1.3 (default: all of the manifest)
  --files NAMES      only these tests, for example errors,exit: a row of its own in the table
  --timeout SECONDS  for one test file (default: 300, under emulation 1200)
  --record           write what ran into docs/compatibility.md

TMPDIR in a small file system (tmpfs of some gigabytes) makes the tests on Arm many times faster: a
database maps twice the size of its file system, and qemu keeps a record of each page of that.

Needs, on Debian: gcc, gcc-aarch64-linux-gnu, dpkg-dev, npm, and qemu-user for the tests on Arm. The
JavaScript tests on musl need g++ and make, and gcc ${musl.pinnedGcc()}, or are left out.
Downloads are kept in ${path.relative(root, work)}.`;

const OPTIONS = {
  targets: { type: "string" },
  "no-tests": { type: "boolean" },
  "no-c": { type: "boolean" },
  "no-js": { type: "boolean" },
  runtimes: { type: "string" },
  files: { type: "string" },
  timeout: { type: "string" },
  record: { type: "boolean" },
  help: { type: "boolean" },
};

const log = (text) => console.log(text);

/** The targets that were asked for. */
function chosen(names) {
  const list = names === undefined ? TARGETS : names.split(",");
  const unknown = list.filter((name) => !TARGETS.includes(name));
  if (unknown.length > 0) throw new Stop(`no such target: ${unknown.join(", ")}`);
  return list.map((name) => new Target(name));
}

function checkTools(targets) {
  const tools = ["apt-get", "dpkg-deb", "dpkg-source", "objdump", "readelf", "npm", "tar"];
  for (const target of targets) tools.push(target.tool("gcc"), ...target.emulator.slice(0, 1));
  const missing = [...new Set(tools)].filter((tool) => !isOnPath(tool));
  if (missing.length > 0) {
    throw new Stop(
      `missing: ${missing.join(", ")}. On Debian: apt-get install gcc gcc-aarch64-linux-gnu dpkg-dev qemu-user`,
    );
  }
}

/** The program mdb_stat: tests on musl need all of LMDB's programs of their C library. */
function compileStat(target, unpacked, libraries) {
  const source = path.join(unpacked.lmdb, "libraries/liblmdb/mdb_stat.c");
  const program = path.join(target.objects, "tools/mdb_stat");
  target.linkProgram([...target.compile([source], libraries.cflags), ...libraries.archives], program);
  return program;
}

/** Compiles, judges and loads the binary of a target; returns its C tests, compiled if wanted. */
async function build(target, unpacked, withTests) {
  log(`${target.name}: compiling`);
  target.prepare();
  const libraries = compileLibraries(target, unpacked);
  const core = compileAddon(target, libraries);
  const isMusl = target.libc === "musl";
  if (isMusl || target.emulator.length > 0) target.tools = compileTools(target, unpacked, libraries);
  if (isMusl) target.tools.push(compileStat(target, unpacked, libraries));
  const wrong = [...problems(target.name, target.binary)];
  if (isMusl) wrong.push(...unknownToMusl(target.library("libc.so")));
  const unloadable = await load(target);
  if (unloadable) wrong.push(`does not load: ${unloadable}`);
  if (wrong.length > 0) {
    throw new Stop(wrong.map((text) => `the binary for ${target.name} ${text}`).join("\n"));
  }
  const { size } = fs.statSync(target.binary);
  log(`${target.name}: ${path.relative(root, target.binary)}, ${size} bytes, loads`);
  return withTests ? compileTests(target, libraries, compileCmocka(target, unpacked), core) : [];
}

function isWanted(runtime, names) {
  const matches = (name) => `${runtime.kind}-${runtime.version}.`.startsWith(`${name}.`);
  return names === undefined || names.split(",").some(matches);
}

async function test(target, programs, values) {
  const emulated = target.emulator.length > 0;
  const add = (what, result) => {
    const row = { target: target.name, what, emulated, ...result };
    table.keep({ ...row, binary: target.binary });
    log(table.line(row));
    if (row.failed.length > 0) process.exitCode = 1;
  };
  if (!values["no-c"]) add("C tests", await runTests(target, programs));
  if (values["no-js"]) return;
  const tree = copyTree(target);
  const names = values.files?.split(",");
  const timeout = Number(values.timeout ?? (emulated ? 1200 : 300)) * 1000;
  for (const runtime of runtimesOf(target)) {
    if (!isWanted(runtime, values.runtimes)) continue;
    const why = target.libc === "musl" ? musl.obstacle(target, log) : undefined;
    if (why) {
      log(`${target.name}: ${runtime.title}: the suite is not run: ${why}`);
      continue;
    }
    const title = runtime.title + (names === undefined ? "" : `: ${names.join(", ")}`);
    add(title, await runSuite(target, runtime, tree, { timeout, log, names }));
  }
}

async function main() {
  const { values } = parseArgs({ options: OPTIONS });
  if (values.help) return log(HELP);
  const targets = chosen(values.targets);
  checkTools(targets);
  fetch(log);
  const unpacked = unpackAll();
  writeLicences(unpacked);
  const programs = [];
  for (const target of targets) programs.push(await build(target, unpacked, !values["no-tests"]));
  if (!values["no-tests"]) {
    for (const [index, target] of targets.entries()) await test(target, programs[index], values);
  }
  log(`\n${table.render()}`);
  if (values.record) table.record();
  return undefined;
}

main().catch((error) => {
  console.error(error instanceof Stop ? `prebuild: ${error.message}` : error);
  process.exitCode = 1;
});
