"use strict";
// The tables of docs/format.md against the bytes on disk.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const vm = require("node:vm");

const { stored } = require("./support/dump.js");
const { using } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

const markdown = fs.readFileSync(path.join(__dirname, "../docs/format.md"), "utf8");
const TIMEOUT = { timeout: patient(60_000) };

/** The rows of the table behind a comment `<!-- tested: ... -->`, as its cells in backquotes. */
function testedRows() {
  const [, behind] = markdown.split("<!-- tested: value, bytes -->\n");
  const [table] = behind.split("\n\n");
  return table
    .split("\n")
    .slice(2)
    .map((row) => /^\| `(.+)` \| `([0-9a-f ]+)` \|$/.exec(row))
    .map(([, expression, bytes]) => ({ expression, bytes: bytes.replaceAll(" ", "") }));
}

/** Evaluates in this realm, so that prototypes are those the addon makes. */
const evaluate = (expression) => vm.runInThisContext(`(${expression})`);

/** Equal, also where both are invalid dates, which Node.js 20 takes for different. */
function assertSame(actual, expected, message) {
  const invalid = (value) => value instanceof Date && Number.isNaN(value.getTime());
  if (invalid(expected)) assert.ok(invalid(actual), message);
  else assert.deepEqual(actual, expected, message);
}

function check(statement, body) {
  test(statement, TIMEOUT, using(body));
}

describe("docs/format.md", () => {
  check("every value in the table lies on disk as it says", async (open, directory) => {
    const rows = testedRows();
    assert.ok(rows.length >= 20);
    const repository = open();
    await Promise.all(
      rows.map(({ expression }) => repository.put("t", expression, evaluate(expression))),
    );
    const records = new Map(stored(directory));
    for (const { expression, bytes } of rows) {
      const value = records.get(`t:${JSON.stringify(expression)}`);
      assert.equal(value.toString("hex"), bytes, expression);
      assertSame(await repository.get("t", expression), evaluate(expression), expression);
    }
  });

  check("keys belong to whom the table says", async (open) => {
    const repository = open();
    const rows = [...markdown.matchAll(/^\| `(a:.+?)` \| `(.+?)` \| `(.+?)`/gm)];
    assert.equal(rows.length, 4);
    for (const [, whole, tenant, key] of rows) {
      assert.equal(whole, `${tenant}:${key}`);
      await repository.put(tenant, JSON.parse(key), whole);
    }
    for (const tenant of new Set(rows.map(([, , name]) => name))) {
      const own = rows.filter(([, , name]) => name === tenant).map((row) => JSON.parse(row[3]));
      assert.deepEqual(await repository.list(tenant), own);
    }
  });
});
