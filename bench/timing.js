"use strict";
// How long something takes.

/** Microseconds for each of the things that some work does. */
async function timeOf(count, work) {
  const start = performance.now();
  await work();
  return ((performance.now() - start) * 1000) / count;
}

module.exports = { timeOf };
