"use strict";
// File systems of a size of their own, which are gone with the command that they are made for.

const { spawnSync } = require("node:child_process");

/**
 * Runs a command of a shell, with a new and small file system on "$1".
 * @param {string} directory
 * @param {string} size - as in 256k
 * @param {string} command
 */
function inSmall(directory, size, command) {
  const mount = `mount -t tmpfs -o size=${size} tmpfs "$1" && ${command}`;
  const root = process.getuid() === 0 ? [] : ["--map-root-user"];
  return spawnSync("unshare", ["--mount", ...root, "sh", "-c", mount, "sh", directory], { encoding: "utf8" });
}

/** Why that is left out; false: it is not. */
const cannotMount =
  inSmall(__dirname, "64k", "true").status !== 0 && "this machine does not let us mount";

module.exports = { inSmall, cannotMount };
