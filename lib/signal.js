"use strict";
// AbortSignals around what the addon does.

const { typeError } = require("./errors.js");

/**
 * @param {unknown} signal
 * @returns {signal is AbortSignal}
 */
function isSignal(signal) {
  const { aborted, addEventListener } = /** @type {any} */ (signal ?? {});
  return typeof aborted === "boolean" && typeof addEventListener === "function";
}

/**
 * @param {string} call - what is being asked for
 * @param {unknown} signal
 */
function checkSignal(call, signal) {
  if (signal === undefined || isSignal(signal)) return;
  throw typeError("LMDBX_INVALID_ARGUMENT", `${call}: signal: give an AbortSignal`);
}

/** @param {AbortSignal | undefined} signal */
function throwIfAborted(signal) {
  if (signal?.aborted) throw signal.reason;
}

/**
 * What is asked for, unless the signal aborts first. What comes later is undone.
 * @template T
 * @param {Promise<T>} asked
 * @param {AbortSignal | undefined} signal
 * @param {(outcome: T) => unknown} undo
 * @returns {Promise<T>}
 */
function unlessAborted(asked, signal, undo) {
  if (signal === undefined) return asked;
  return new Promise((resolve, reject) => {
    const abort = () => {
      reject(signal.reason);
      asked.then(undo).catch(() => {});
    };
    signal.addEventListener("abort", abort, { once: true });
    asked.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

module.exports = { isSignal, checkSignal, throwIfAborted, unlessAborted };
