"use strict";
// Ctrl-C, SIGTERM and a terminal that goes away end what is under way in good order; a second signal
// ends it at once.

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} work
 * @returns {Promise<T>}
 */
async function interruptible(work) {
  const stop = new AbortController();
  const onSignal = () => {
    stop.abort();
    for (const name of SIGNALS) process.removeListener(name, onSignal);
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  try {
    return await work(stop.signal);
  } catch (error) {
    if (stop.signal.aborted) error.interrupted = true;
    throw error;
  } finally {
    for (const name of SIGNALS) process.removeListener(name, onSignal);
  }
}

module.exports = { interruptible };
