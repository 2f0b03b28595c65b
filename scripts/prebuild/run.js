"use strict";
// What the parts of this command share: directories, programs, sums.

const { spawnSync } = require("node:child_process");
const { createHash } = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");

const root = path.resolve(__dirname, "../..");
/** Everything that is downloaded, unpacked or compiled on the way; `make clean` removes it. */
const work = path.join(root, "build/prebuild");

/** An error whose message is all that the caller needs to see. */
class Stop extends Error {}

/** Runs a program to its end and returns what it printed; stops where it fails. */
function run(program, args, options = {}) {
  const { status, signal, stdout, stderr, error } = spawnSync(program, args, {
    encoding: "utf8",
    maxBuffer: 2 ** 30,
    ...options,
  });
  if (error) throw new Stop(`${program} cannot be run: ${error.message}`);
  if (status !== 0) {
    const command = [path.basename(program), ...args].join(" ").slice(0, 300);
    throw new Stop(`${command} failed (${signal ?? `exit code ${status}`})\n${stdout}${stderr}`);
  }
  return stdout;
}

/** Whether there is such a program. */
function isOnPath(program) {
  const directories = (process.env.PATH ?? "").split(":");
  return directories.some((directory) => fs.existsSync(path.join(directory, program)));
}

function sha256(file) {
  return createHash("sha256").update(fs.readFileSync(file)).digest("hex");
}

/** All files below a directory, relative to it, sorted. */
function filesBelow(directory) {
  return fs
    .readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(directory, path.join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

module.exports = { Stop, filesBelow, isOnPath, root, run, sha256, work };
