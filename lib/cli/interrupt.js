"use strict";
// Ctrl-C, SIGTERM and a terminal that goes away end what is under way in good order; a second signal
// ends it at once.

const { EventEmitter } = require("node:events");

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

/** Who tells of signals. @type {EventEmitter} */
let source = process;

/**
 * From now on another process hands signals on, and those that this one gets itself do not count.
 * @returns {(message: { signal: string }) => void} what its messages go to
 */
function handedOn() {
  const handed = new EventEmitter();
  source = handed;
  const ignore = () => undefined;
  for (const name of SIGNALS) process.on(name, ignore);
  return ({ signal }) => {
    if (handed.emit(signal)) return;
    // Nothing is under way that could end in good order.
    process.removeListener(signal, ignore);
    process.kill(process.pid, signal);
  };
}

/**
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} work
 * @returns {Promise<T>}
 */
async function interruptible(work) {
  const stop = new AbortController();
  const onSignal = () => {
    stop.abort();
    for (const name of SIGNALS) source.removeListener(name, onSignal);
  };
  for (const name of SIGNALS) source.on(name, onSignal);
  try {
    return await work(stop.signal);
  } catch (error) {
    if (stop.signal.aborted) error.interrupted = true;
    throw error;
  } finally {
    for (const name of SIGNALS) source.removeListener(name, onSignal);
  }
}

module.exports = { SIGNALS, handedOn, interruptible };
