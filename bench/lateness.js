"use strict";
// How late timers come: what else has the event loop.

/** Measures how late a 1 ms timer comes, in milliseconds, until stop() is called. */
function watchTimer() {
  const late = [];
  let due = performance.now() + 1;
  let timer = setTimeout(tick, 1);
  function tick() {
    const now = performance.now();
    late.push(Math.max(0, now - due));
    due = now + 1;
    timer = setTimeout(tick, 1);
  }
  return {
    stop() {
      clearTimeout(timer);
      // A timer that never came is late, too.
      late.push(Math.max(0, performance.now() - due));
      late.sort((a, b) => a - b);
      const p99 = late[Math.ceil(late.length * 0.99) - 1];
      return { max: late[late.length - 1], p99, ticks: late.length - 1 };
    },
  };
}

module.exports = { watchTimer };
