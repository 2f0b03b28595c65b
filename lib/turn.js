"use strict";
// What comes later, whatever a test has put in place of the global timers.

const timers = require("node:timers");

/** @type {(call: (...args: any[]) => void, ...args: any[]) => unknown} When the loop has turned. */
const afterTurn = timers.setImmediate;

const done = Promise.resolve();

/** As queueMicrotask does. @param {() => void} call - must not throw */
function afterCode(call) {
  done.then(call);
}

/** One turn of the event loop. A completion is no sign that timers ran: under Bun many may come first. */
const turn = () => new Promise((resolve) => afterTurn(resolve));

/** How long work that is there at once goes on before the event loop has its turn. */
const LONGEST_TURN_MS = 3;

/** Keeps such work from holding timers up. */
class Pace {
  #began = performance.now();

  isLong() {
    return performance.now() - this.#began > LONGEST_TURN_MS;
  }

  async turn() {
    await turn();
    this.#began = performance.now();
  }
}

module.exports = { Pace, afterCode, afterTurn, turn };
