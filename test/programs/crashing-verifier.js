"use strict";
// Looks at ten records as verify-child.js does, and dies at some of them: { crashes, skip,
// oneByOne, pagesOnly }.

const fs = require("node:fs");
const { say } = require("../support/child.js");

const { crashes, skip, oneByOne, pagesOnly } = JSON.parse(process.argv[2]);
/** In the midst of a line. */
function die() {
  fs.writeSync(1, '{"type":"fin');
  process.kill(process.pid, "SIGSEGV");
}

say({ type: "finding", what: "damaged", page: 2 });
if (!pagesOnly) {
  say({ type: "opening", database: null });
  if (crashes === "opening") die();
  say({ type: "opened" });
}
for (let record = skip + 1; record <= 10; record++) {
  if (oneByOne) say({ type: "at", record, database: null, storedKey: `t:${record}` });
  if (!pagesOnly && crashes.includes(record)) die();
  if (!oneByOne && record % 4 === 0) say({ type: "at", record });
}
say({ type: "end", sound: true, records: 10 });
