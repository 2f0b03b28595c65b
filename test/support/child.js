"use strict";
// What the programs in test/programs share: they are started by support/program.js.

const fs = require("node:fs");

/** @type {any} */
const args = JSON.parse(process.argv[2] ?? "{}");

/** Says a value to the test, at once: also what is said just before a violent end arrives. */
function say(value) {
  let bytes = Buffer.from(`${JSON.stringify(value)}\n`);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(fs.writeSync(1, bytes));
    } catch (error) {
      if (error.code !== "EAGAIN") throw error; // a full pipe that the runtime made non-blocking
    }
  }
}

/** Calls back with each value that the test tells; keeps the process alive meanwhile. */
function listen(hear) {
  let partial = "";
  process.stdin.setEncoding("utf8").on("data", (text) => {
    const lines = (partial + text).split("\n");
    partial = lines.pop();
    for (const line of lines) hear(JSON.parse(line));
  });
}

/** Collects garbage, in either runtime. */
function collect() {
  if (process.versions.bun !== undefined) return globalThis.Bun.gc(true);
  require("node:v8").setFlagsFromString("--expose-gc");
  return require("node:vm").runInNewContext("gc")();
}

/** One turn of the loop, so that finalizers and pending callbacks come to run. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 1));

/** Collects garbage until a condition holds, or many times in vain. */
async function collectUntil(condition) {
  for (let tries = 0; tries < 200 && !condition(); tries++) {
    collect();
    await turn();
  }
  return condition();
}

module.exports = { args, say, listen, collect, collectUntil, turn };
