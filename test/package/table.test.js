"use strict";
// The table of what ran: how rows come into it, stay there, and are read back.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { Stop } = require("../../scripts/prebuild/run.js");
const table = require("../../scripts/prebuild/table.js");

const document = fs.readFileSync(path.resolve(__dirname, "../../docs/compatibility.md"), "utf8");

const row = (target, what, others = {}) => ({
  ...{ target, what, built: "1.2.3, 01234567", emulated: false, passed: 10, skipped: 0, failed: [] },
  ...others,
});

describe("rows", () => {
  test("are in the order of targets; C tests first, then Node.js and Bun, the newest first", () => {
    const order = [
      ...["C tests", "Node.js 26.1.0", "Node.js 24.22.3", "Node.js 20.20.2", "Node.js 20.0.0"],
      ...["Bun 1.4.5", "Bun 1.3.14", "Bun 1.2.23", "Bun 1.2.0"],
    ].map((what) => row("linux-x64", what));
    order.push(row("linux-arm64", "C tests"), row("linux-x64-musl", "C tests"));
    const shuffled = [...order.slice(6), ...order.slice(0, 6).reverse()];
    assert.deepEqual(shuffled.reduce(table.withRow, []), order);
  });

  test("take the place of what ran before of the same, and nothing else's", () => {
    const [c, node] = [row("linux-x64", "C tests"), row("linux-x64", "Node.js 24.22.3")];
    const arm = row("linux-arm64", "C tests");
    const newer = row("linux-x64", "C tests", { built: "1.2.3, 76543210", failed: ["x"] });
    assert.deepEqual(table.withRow([c, node, arm], newer), [newer, node, arm]);
    const part = row("linux-x64", "Node.js 24.22.3: errors");
    assert.equal(table.withRow([c, node, arm], part).length, 4);
  });

  test("say what they were built from in few characters", () => {
    assert.equal(table.builtLabel(`1.2.3 0123456789abcdef`), "1.2.3, 01234567");
  });

  test("are a line each while they run, with the names of what failed", () => {
    const skipped = ["a", "b"];
    assert.equal(
      table.line(row("linux-x64", "C tests", { skipped, failed: ["x", "y"] })),
      "linux-x64: C tests: 10 passed, 2 skipped, 2 failed\n  failed: x\n  failed: y",
    );
  });
});

describe("the document", () => {
  const rows = [
    row("linux-x64", "C tests", { skipped: 3 }),
    row("linux-x64", "Node.js 24.22.3", { failed: ["errors.test.js: 1 (names | all codes)"] }),
    row("linux-x64", "Node.js 24.22.3: errors", { failed: ["of the part alone"] }),
    row("linux-arm64", "C tests", { emulated: true, passed: 0, failed: ["a", "b"] }),
  ];

  test("has the rows, and the names of what failed", () => {
    const text = table.render(rows);
    assert.ok(text.includes("\n| linux-x64 | 1.2.3, 01234567 | C tests | native | 10 | 3 | 0 |\n"), text);
    assert.ok(text.includes("\n| linux-arm64 | 1.2.3, 01234567 | C tests | emulated | 0 | 0 | 2 |\n"), text);
    assert.ok(text.includes("\nWhat failed:\n\n- linux-x64, Node.js 24.22.3: `errors.test.js: 1"), text);
    assert.match(table.render(rows.slice(0, 1)), /\n\nNothing failed\.\n$/);
  });

  test("gives back the rows that were written into it, and keeps all else", () => {
    const text = table.rewritten(document, rows);
    assert.deepEqual(table.parse(text), rows);
    const around = (each) => each.split(/<!-- what ran[^]*<!-- end of what ran -->/);
    assert.deepEqual(around(text), around(document));
    assert.equal(table.rewritten(text, table.parse(text)), text);
    assert.equal(table.rewritten(document, table.parse(document)), document);
  });

  test("has what was skipped as a number", () => {
    const text = table.rewritten(document, [row("linux-x64", "C tests", { skipped: ["a", "b"] })]);
    assert.equal(table.parse(text)[0].skipped, 2);
  });

  test("loses no failure whose name is gone", () => {
    const text = table.rewritten(document, rows).replace("- linux-arm64, C tests: `a`\n", "");
    assert.deepEqual(table.parse(text).at(-1).failed, ["b", "not named"]);
  });

  test("without a place for the table stops", () => {
    for (const text of ["# Where it runs\n", document.replace("<!-- end of what ran -->", "")]) {
      assert.throws(() => table.parse(text), Stop);
      assert.throws(() => table.rewritten(text, rows), /has no place for the table/);
    }
  });
});
