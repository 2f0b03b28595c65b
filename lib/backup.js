"use strict";
// A backup, part by part: between two parts come progress and abort. The last part does no more than
// give the copy its name, so that both come before that.

const addon = require("./addon.js");
const { resolvePath } = require("./config.js");
const { typeError } = require("./errors.js");
const { checkSignal, throwIfAborted, unlessAborted } = require("./signal.js");

/** @param {string} message */
const wrongType = (message) => typeError("LMDBX_INVALID_ARGUMENT", `backup: ${message}`);

/** @param {unknown} options */
function readOptions(options) {
  if (typeof options !== "object" || options === null) throw wrongType("give options as an object");
  const { compact = false, onProgress, signal } = /** @type {any} */ (options);
  if (typeof compact !== "boolean") throw wrongType("compact: give true or false");
  if (onProgress !== undefined && typeof onProgress !== "function") {
    throw wrongType("onProgress: give a function");
  }
  checkSignal("backup", signal);
  return { compact, onProgress, signal };
}

/** Gives a backup up, and removes what there is of it. */
const abandon = ([, , handle]) => (handle === undefined ? undefined : addon.backupNext(handle, true));

/**
 * @param {unknown} repository - the addon's
 * @param {unknown} target
 * @param {unknown} options
 */
async function backup(repository, target, options) {
  const { compact, onProgress, signal } = readOptions(options);
  const directory = resolvePath(target, "LMDBX_INVALID_ARGUMENT");
  throwIfAborted(signal);
  let part = await unlessAborted(addon.backup(repository, directory, compact), signal, abandon);
  for (;;) {
    part = await addon.backupNext(part[2], false);
    if (part[2] === undefined) return; // it has its name
    try {
      const [bytes, total] = part;
      onProgress?.(total > 0 ? { bytes, total } : { bytes });
      throwIfAborted(signal);
    } catch (error) {
      await abandon(part);
      throw error;
    }
  }
}

module.exports = { backup };
