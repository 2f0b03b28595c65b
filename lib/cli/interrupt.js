"use strict";
// Ctrl-C and SIGTERM end what is under way in good order; a second one ends it at once.

/**
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} work
 * @returns {Promise<T>}
 */
async function interruptible(work) {
  const stop = new AbortController();
  const onSignal = () => {
    stop.abort();
    for (const name of ["SIGINT", "SIGTERM"]) process.removeListener(name, onSignal);
  };
  for (const name of ["SIGINT", "SIGTERM"]) process.on(name, onSignal);
  try {
    return await work(stop.signal);
  } catch (error) {
    if (stop.signal.aborted) error.interrupted = true;
    throw error;
  } finally {
    for (const name of ["SIGINT", "SIGTERM"]) process.removeListener(name, onSignal);
  }
}

module.exports = { interruptible };
