"use strict";
// Checks index.d.ts: with the oldest supported and the newest TypeScript, under every
// test/types/tsconfig*.json, and, as it will be published, with attw.

const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const root = path.resolve(__dirname, "..");
const types = path.join(root, "test/types");
const configs = fs.readdirSync(types).filter((file) => /^tsconfig.*\.json$/.test(file));

let failed = 0;
function run(title, script, ...args) {
  const { status } = spawnSync(process.execPath, [script, ...args], { cwd: root, stdio: "inherit" });
  console.log(`${status === 0 ? "ok    " : "FAILED"}  ${title}`);
  if (status !== 0) failed++;
}

for (const compiler of ["typescript-oldest", "typescript"]) {
  const directory = path.join(root, "node_modules", compiler);
  const { version } = require(path.join(directory, "package.json"));
  for (const config of configs) {
    const tsc = path.join(directory, "bin/tsc");
    run(`TypeScript ${version}, ${config}`, tsc, "--project", path.join(types, config));
  }
}
const attw = path.join(root, "node_modules/@arethetypeswrong/cli/dist/index.js");
run("attw --pack", attw, "--pack", root, "--no-emoji", "--format", "ascii");

process.exitCode = failed === 0 ? 0 : 1;
