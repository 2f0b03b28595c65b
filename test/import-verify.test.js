"use strict";
// An import reads both sides back: a copy that differs from the old database is no result.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { same } = require("../lib/import/compare.js");
const { withOld, everything, startProgram } = require("./support/old.js");

/** What somebody does to the copy after it was written, and what the comparison says. */
const CHANGES = {
  "another value": [
    (copy, value) => copy.put("many", 999, { ...value, n: "999" }),
    /a record reads back changed\. Nothing was imported.* \(tenant "many", key 999\)/,
  ],
  "its fields in another order": [
    (copy, { n, ...rest }) => copy.put("many", 999, { ...rest, n }),
    /a record reads back changed\. Nothing was imported.* \(tenant "many", key 999\)/,
  ],
  "no value": [
    (copy) => copy.delete("many", 999),
    /import: (\d+) records were written, but \d+ read back\. Nothing was imported/,
  ],
};

describe("a copy in which a record has", () => {
  for (const [what, [change, message]] of Object.entries(CHANGES)) {
    withOld(
      `${what} ends the import, and no new directory appears`,
      (path) => ({ databases: [{ path, count: 2_500 }] }),
      async ({ open, directory, from, to }) => {
        const before = everything(from);
        // Held after the first group of records: the changed one is of the last.
        const importer = startProgram("importer", { options: { from, to }, holdAt: ["verify", 1] });
        assert.equal(await importer.heard(), "holding");
        const work = fs.readdirSync(directory).find((name) => name.includes(".import-"));
        const copy = open({ path: path.join(directory, work, "new") });
        await change(copy, await copy.get("many", 999));
        await copy.close();
        importer.tell("go on");
        const { error } = await importer.heard();
        await importer.ended;
        assert.equal(error.code, "LMDBX_INTERNAL");
        assert.match(error.message, message);
        assert.deepEqual(fs.readdirSync(directory), ["old"]);
        assert.deepEqual(everything(from), before);
      },
    );
  }
});

describe("values are the same", () => {
  const bytes = [1, 2, 3, 4, 5, 6, 7, 8];
  const equal = [
    [NaN, NaN],
    [{ a: [1, { b: undefined }] }, { a: [1, { b: undefined }] }],
    [new Map([[{ k: 1 }, new Date(5)]]), new Map([[{ k: 1 }, new Date(5)]])],
    [new Date(NaN), new Date(NaN)],
    [new Set([1, "a"]), new Set([1, "a"])],
    [Buffer.from(bytes), Uint8Array.from(bytes)],
  ];
  const different = [
    [1, 1n],
    [0, -0],
    [1, "1"],
    [null, undefined],
    [null, {}],
    [{ a: undefined }, {}],
    [{ a: 1, b: 2 }, { b: 2, a: 1 }],
    [{ a: [1] }, { a: [1, 2] }],
    [[undefined], [null]],
    [[1], { 0: 1 }],
    [{}, new Map()],
    [new Map([[1, 2]]), new Map([[1, 3]])],
    [new Map([[1, 2], [3, 4]]), new Map([[3, 4], [1, 2]])],
    [new Set([1]), [1]],
    [new Date(5), new Date(6)],
    [new Date(5), 5],
    [Buffer.from(bytes), Buffer.from(bytes.slice(1))],
    [Uint8Array.from(bytes), new Float64Array(1)],
    [Int8Array.from(bytes), Uint8Array.from(bytes)],
  ];

  test("if types, bits, fields and order are", () => {
    for (const [a, b] of equal) assert.ok(same(a, b) && same(b, a), String(a));
    for (const [i, [a, b]] of different.entries()) assert.ok(!same(a, b) && !same(b, a), `pair ${i}`);
  });
});
