"use strict";
// Commands with a file system of their own, which is gone when they have ended.

const { spawnSync } = require("node:child_process");

/** What runs a command with something mounted before. @param {string} mount - for a shell */
function mounted(mount) {
  const root = process.getuid() === 0 ? [] : ["--map-root-user"];
  return ["unshare", "--mount", ...root, "sh", "-c", `${mount} && exec "$@"`, "sh"];
}

/** What runs a command with a directory mounted read-only. @param {string} directory */
function mountedReadOnly(directory) {
  return mounted(
    `mount --bind "${directory}" "${directory}" && mount -o remount,ro,bind "${directory}"`,
  );
}

/**
 * Runs a command of a shell with a directory on a new and small file system.
 * @param {string} directory - "$1" of the command
 * @param {string} size - as in 256k
 * @param {string} command
 */
function inSmall(directory, size, command) {
  const [unshare, ...options] = mounted(`mount -t tmpfs -o size=${size} tmpfs "${directory}"`);
  return spawnSync(unshare, [...options, "sh", "-c", command, "sh", directory], { encoding: "utf8" });
}

/** Why that is left out where a way to run a command does not work; false: it does. */
function cannotMount([program, ...options]) {
  return spawnSync(program, [...options, "true"]).status !== 0 && "this machine does not let us mount";
}

module.exports = {
  ...{ mountedReadOnly, inSmall },
  noReadOnlyMounts: cannotMount(mountedReadOnly(__dirname)),
  noSmallMounts: cannotMount(mounted(`mount -t tmpfs -o size=64k tmpfs "${__dirname}"`)),
};
