"use strict";
// The documents against the sources: what they list is all there is, and their
// links lead somewhere.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { microseconds } = require("../bench/table.js");
const { deadLinks } = require("./support/links.js");

const ROOT = path.join(__dirname, "..");
const DOCUMENTS = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "UPGRADING.md",
  "docs/architecture.md",
  "docs/compatibility.md",
  "docs/format.md",
  "examples/github-projection/README.md",
];

const read = (file) => fs.readFileSync(path.join(ROOT, file), "utf8");

/** The first cells, in backquotes, of the rows of a section's table. */
function firstCells(markdown, heading) {
  const [, behind] = markdown.split(`\n## ${heading}\n`);
  const [section] = behind.split("\n## ");
  return [...section.matchAll(/^\| `(\w+)`/gm)].map(([, cell]) => cell);
}

describe("documents", () => {
  for (const document of DOCUMENTS) {
    test(`the links of ${document} lead somewhere`, () => {
      assert.deepEqual(deadLinks(ROOT, document), []);
    });
  }

  test("README.md lists every error code, and no other", () => {
    const [, table] = read("src/lmdbx.h").split("#define LMDBX_ERROR_MAP(XX)");
    const [rows] = table.split("enum lmdbx_code");
    const codes = [...rows.matchAll(/XX\((\w+), /g)].map(([, name]) => `LMDBX_${name}`);
    assert.ok(codes.length > 30);
    assert.deepEqual(firstCells(read("README.md"), "Errors").sort(), codes.sort());
  });

  test("README.md's figures about speed are those of the benchmark's last complete run", () => {
    const { rows, machine } = JSON.parse(read("bench/results/results.json"));
    const [, behind] = read("README.md").split("<!-- figures of bench/results/results.json -->\n");
    const [, , ...lines] = behind.split("\n\n")[0].split("\n");
    const figuresOf = (name, runtime) => {
      const row = rows.find((each) => each.row === name && each.runtime === runtime);
      return row && [microseconds(row.ours.median), row.ratio.toFixed(2)];
    };
    assert.ok(lines.length > 10);
    for (const line of lines) {
      const [name, , ...figures] = line.slice(2, -2).split(" | ");
      const row = name.replaceAll("`", "");
      assert.deepEqual(figures, [figuresOf(row, "node"), figuresOf(row, "bun")].flat(), row);
    }
    const [system] = machine.system.split("-");
    for (const each of [machine.processor, `${machine.cores} cores`, system, machine.node, machine.bun]) {
      assert.ok(read("README.md").includes(each), each);
    }
  });

  test("README.md lists every option, and no other", () => {
    const [, behind] = read("index.d.ts").split("export interface LMDBXConfig {");
    const [body] = behind.split("\n}");
    const options = [...body.matchAll(/^ {2}(\w+)\??:/gm)].map(([, name]) => name);
    assert.deepEqual(firstCells(read("README.md"), "Configuration").sort(), options.sort());
  });

  test("README.md has a metric for every field of stats(), or says why not, and no other", () => {
    const [, types] = read("index.d.ts").split("export interface LMDBXStats {");
    const [body] = types.split("\n}");
    const fields = [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, name]) => name);
    assert.ok(fields.length > 20);
    const [, behind] = read("README.md").split("\n### Metrics\n");
    const [section] = behind.split("\n### ");
    const rows = [...section.matchAll(/^\| (`[^|]*`) \|/gm)].map(([, cell]) => cell);
    const [leftOut] = /^Left out are [^.]*\./m.exec(section);
    const names = [...rows, leftOut].flatMap((text) =>
      [...text.matchAll(/`(\w+)`/g)].map(([, name]) => name),
    );
    assert.deepEqual(names.sort(), fields.sort());
  });

  test("CHANGELOG.md has an entry for this version", () => {
    assert.ok(read("CHANGELOG.md").includes(`\n## [${require("../package.json").version}]`));
  });
});
