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

module.exports = { afterCode, afterTurn, turn };
