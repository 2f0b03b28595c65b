"use strict";
// The npm package `lmdb`, which reads what 0.3.x wrote. An optional peer dependency: only this file
// requires it, so that no bundler of the package's main entry meets it.

const { createError } = require("../errors.js");

/** Versions that read databases of 0.3.x: ^3.2.2, as 0.3.x itself asked for. */
const MAJOR = 3;
const LEAST_MINOR = 2;
const LEAST_PATCH = 2;

const advice =
  "Install it in the directory where this runs (npm install lmdb@3, or bun add lmdb@3), then import again; " +
  "it can be removed afterwards";

/** @param {string} why */
function missing(why) {
  return createError(
    "LMDBX_PEER_MISSING",
    `Reading a database of 0.3.x takes the npm package lmdb, ${why}. ${advice}.`,
  );
}

/** @param {string} version */
function fits(version) {
  const [major, minor, patch] = version.split(".").map((part) => Number.parseInt(part, 10));
  if (major !== MAJOR) return false;
  return minor > LEAST_MINOR || (minor === LEAST_MINOR && patch >= LEAST_PATCH);
}

/** Where `lmdb` is installed: for the user's project first, then for this package. */
function locate(request) {
  for (const options of [{ paths: [process.cwd()] }, undefined]) {
    try {
      return require.resolve(request, options);
    } catch (error) {
      if (error.code !== "MODULE_NOT_FOUND" && error.code !== "ERR_PACKAGE_PATH_NOT_EXPORTED") {
        throw error;
      }
    }
  }
  return undefined;
}

/**
 * Loads `lmdb`.
 * @returns {{ open: Function }}
 */
function loadPeer() {
  const file = locate("lmdb");
  if (file === undefined) throw missing("which is not installed");
  let peer;
  try {
    peer = require(file);
  } catch (cause) {
    throw Object.assign(missing(`which cannot be loaded (${cause.message})`), { cause });
  }
  return checkPeer(peer, versionOf(file));
}

/** The version in the package.json above a file of the package, or undefined. */
function versionOf(file) {
  const root = /^.*[\\/]node_modules[\\/]lmdb(?=[\\/])/.exec(file)?.[0];
  if (root === undefined) return undefined;
  try {
    return require(`${root}/package.json`).version;
  } catch {
    return undefined;
  }
}

/**
 * @param {any} peer - what was loaded, or what the caller gave
 * @param {string} [version]
 */
function checkPeer(peer, version) {
  if (version !== undefined && !fits(version)) {
    throw missing(`of version 3.2.2 or a later 3.x; found is ${version}`);
  }
  const open = peer?.open ?? peer?.default?.open;
  if (typeof open !== "function") throw missing("and what was found under that name has no open()");
  return { open };
}

module.exports = { loadPeer, checkPeer };
