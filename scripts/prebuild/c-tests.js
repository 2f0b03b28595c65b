"use strict";
// What needs no JavaScript runtime: the C tests against the very libraries that are linked in, and
// whether the binary loads at all.

const { execFile } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { EXPORTS, symbols } = require("./inspect.js");
const { root } = require("./run.js");

const TIMEOUT = 300_000;
// qemu notes each page of a map: a process that opens an automatic map takes seconds for it.
const EMULATED_TIMEOUT = 1_200_000;

/** Runs a program of the target to its end, however it ends. */
function execute(target, program, args = []) {
  const [command, ...rest] = [...target.emulator, program, ...args];
  // In the repository's root: names of source files in messages are relative to it.
  const env = { ...process.env, ...target.testEnv };
  const timeout = target.emulator.length > 0 ? EMULATED_TIMEOUT : TIMEOUT;
  const options = { cwd: root, encoding: "utf8", timeout, env, maxBuffer: 2 ** 30 };
  return new Promise((resolve) => {
    execFile(command, rest, options, (error, stdout, stderr) => {
      const status = error ? error.code : 0;
      const ended = error?.killed ? `no end within ${timeout / 1000} s` : (error?.signal ?? undefined);
      const isStarted = status === null || typeof status === "number";
      resolve({ status, output: `${stdout}${stderr}`, ended: isStarted ? ended : error.message });
    });
  });
}

/** Runs the C tests, several programs at once; returns { passed, skipped, failed: [names] }. */
async function runTests(target, programs) {
  const result = { passed: 0, skipped: [], failed: [] };
  const ends = [];
  const left = programs.entries();
  const lane = async () => {
    for (const [at, program] of left) ends[at] = await execute(target, program);
  };
  await Promise.all(Array.from({ length: os.cpus().length }, lane));
  for (const [at, { status, output, ended }] of ends.entries()) {
    const program = programs[at];
    const names = (word) => {
      const lines = output.matchAll(new RegExp(`^\\[ +${word} +\\] (\\w+)$`, "gm"));
      return [...new Set([...lines].map(([, name]) => name))];
    };
    result.passed += (output.match(/^\[ +OK \] /gm) ?? []).length;
    result.skipped.push(...names("SKIPPED"));
    const failed = names("FAILED");
    if (ended || (status !== 0 && failed.length === 0)) {
      failed.push(`${path.basename(program)} (${ended ?? `exit code ${status}`})`);
    }
    result.failed.push(...failed);
  }
  return result;
}

/**
 * Loads the binary with all symbols bound at once, on the C library of the target, in a program that
 * stands in for the functions of Node-API. Returns what is wrong, or undefined.
 */
async function load(target) {
  const needed = symbols(target.binary).filter((symbol) => !symbol.defined);
  const stubs = needed
    .filter(({ name }) => name.startsWith("napi_"))
    .map(({ name }) => `__attribute__((visibility("default"))) int ${name}(void) { return 1; }`);
  const source = path.join(target.objects, "load.c");
  fs.writeFileSync(
    source,
    `#include <dlfcn.h>
#include <stdio.h>
#include <stdint.h>
${stubs.join("\n")}
int main(int argc, char **argv) {
  void *addon = argc == 2 ? dlopen(argv[1], RTLD_NOW) : NULL;
  if (addon == NULL) { puts(argc == 2 ? dlerror() : "usage"); return 1; }
  int32_t (*version)(void) = (int32_t (*)(void))dlsym(addon, "${EXPORTS[1]}");
  if (version == NULL || dlsym(addon, "${EXPORTS[0]}") == NULL) { puts("no entry point"); return 1; }
  printf("Node-API %d\\n", (int)version());
  return 0;
}
`,
  );
  const program = path.join(target.objects, "load");
  target.linkProgram(target.compile([source], ["-D_GNU_SOURCE"]), program);
  const { status, output, ended } = await execute(target, program, [target.binary]);
  return status === 0 && output === "Node-API 8\n" ? undefined : `${output}${ended ?? ""}`.trim();
}

module.exports = { load, runTests };
