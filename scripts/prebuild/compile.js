"use strict";
// The addon and the C tests of a target.

const fs = require("node:fs");
const path = require("node:path");
const { sourceNote } = require("./inspect.js");
const { filesBelow, root } = require("./run.js");

const FLAGS = [
  "-std=c11",
  `-I${path.join(root, "src")}`,
  "-D_GNU_SOURCE",
  "-D_FILE_OFFSET_BITS=64",
];

const cFiles = (directory) =>
  filesBelow(path.join(root, directory))
    .filter((file) => file.endsWith(".c"))
    .map((file) => path.join(root, directory, file));

/** Compiles and links the addon with all that it needs; returns the archive of the core. */
function compileAddon(target, libraries) {
  const headers = path.join(root, "node_modules/node-api-headers/include");
  const binding = path.join("src", "binding");
  const core = cFiles("src").filter((file) => !path.relative(root, file).startsWith(binding));
  const options = { warnings: true };
  const coreArchive = target.archive(
    "lmdbx_core",
    target.compile(core, [...FLAGS, ...libraries.cflags], options),
  );
  const addon = ["-DNAPI_VERSION=8", `-I${headers}`, ...FLAGS, ...libraries.cflags];
  const objects = target.compile(cFiles(binding), addon, options);
  const inputs = [...objects, coreArchive, ...libraries.archives];
  target.linkShared(inputs, target.binary, sourceNote());
  return coreArchive;
}

/** Compiles the C tests; returns the programs. */
function compileTests(target, libraries, cmocka, core) {
  const directory = path.join(root, "test/c");
  const flags = [...FLAGS, ...libraries.cflags, ...cmocka.cflags];
  const options = { warnings: true, into: "test" };
  const files = fs.readdirSync(directory).filter((file) => file.endsWith(".c"));
  const compile = (file) => target.compile([path.join(directory, file)], flags, options)[0];
  const isTest = (file) => file.endsWith("_test.c");
  const support = files.filter((file) => !isTest(file)).map(compile);
  if (target.libc === "musl" && target.emulator.length > 0) {
    support.push(...target.compile([path.join(__dirname, "emulated.c")], ["-fvisibility=default"]));
  }
  return files.filter(isTest).map((file) => {
    const program = path.join(target.objects, "test", path.basename(file, ".c"));
    const inputs = [compile(file), ...support, core, ...cmocka.archives, ...libraries.archives];
    target.linkProgram(inputs, program);
    return program;
  });
}

/**
 * Compiles the programs that the JavaScript tests look at databases with, which have to come from the
 * architecture of the database; returns them.
 */
function compileTools(target, unpacked, libraries) {
  const directory = path.join(unpacked.lmdb, "libraries/liblmdb");
  return ["mdb_dump", "mdb_load"].map((name) => {
    const program = path.join(target.objects, "tools", name);
    const objects = target.compile([path.join(directory, `${name}.c`)], libraries.cflags);
    target.linkProgram([...objects, ...libraries.archives], program);
    return program;
  });
}

module.exports = { compileAddon, compileTests, compileTools };
