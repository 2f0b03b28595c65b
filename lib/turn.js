"use strict";

/** One turn of the event loop. A completion is no sign that timers ran: under Bun many may come first. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

module.exports = { turn };
