"use strict";
// What ran, on what, with which outcome. Results are kept from run to run, so that a part can be run
// again alone.

const fs = require("node:fs");
const path = require("node:path");
const { TARGETS, builtFrom } = require("./inspect.js");
const { Stop, root, work } = require("./run.js");

/**
 * @typedef {{ target: string, what: string, built: string, emulated: boolean, passed: number,
 *   skipped: number | string[], failed: string[] }} Row  built: see builtLabel()
 */

const file = path.join(work, "results.json");
const document = path.join(root, "docs/compatibility.md");
const BEGIN = "<!-- what ran: written by scripts/prebuild -->\n";
const END = "<!-- end of what ran -->\n";

/** Where the table lies in the text of the document. */
function place(text) {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) {
    const between = `${BEGIN.trim()} and ${END.trim()}`;
    throw new Stop(`docs/compatibility.md has no place for the table; put back ${between}.`);
  }
  return [begin + BEGIN.length, end];
}

/** What a binary says that it was built from, as short as the table has it. */
function builtLabel(note) {
  const [version, sum] = note.split(" ");
  return `${version}, ${sum.slice(0, 8)}`;
}

/**
 * The rows as the document has them. Of what failed it has the names; of what was skipped a number.
 * @returns {Row[]}
 */
function parse(text) {
  const table = text.slice(...place(text));
  return [...table.matchAll(/^\| (linux-\S+) \|(.*)\|$/gm)].map(([, target, rest]) => {
    const [built, what, how, passed, skipped, count] = rest.split("|").map((cell) => cell.trim());
    const note = `- ${target}, ${what}: \``;
    const notes = table.split("\n").filter((line) => line.startsWith(note));
    const failed = notes.map((line) => line.slice(note.length).replaceAll("`", ""));
    while (failed.length < Number(count)) failed.push("not named");
    const emulated = how === "emulated";
    return { target, what, built, emulated, passed: Number(passed), skipped: Number(skipped), failed };
  });
}

/** The rows in their order, with a new one in the place of an earlier one of its kind. */
function withRow(rows, row) {
  const others = rows.filter(({ target, what }) => target !== row.target || what !== row.what);
  const order = ({ target, what }) => [TARGETS.indexOf(target), what.startsWith("C ") ? 0 : 1];
  return [...others, row].sort((a, b) => {
    const [x, y] = [order(a), order(b)];
    return x[0] - y[0] || x[1] - y[1] || b.what.localeCompare(a.what, "en", { numeric: true });
  });
}

function all() {
  if (fs.existsSync(file)) return JSON.parse(fs.readFileSync(file, "utf8"));
  return parse(fs.readFileSync(document, "utf8"));
}

/** Keeps a row, in the place of an earlier one. */
function keep({ binary, ...result }) {
  const rows = withRow(all(), { ...result, built: builtLabel(builtFrom(binary)) });
  fs.writeFileSync(file, `${JSON.stringify(rows, null, 2)}\n`);
}

const number = (value) => (Array.isArray(value) ? value.length : value);

function line(row) {
  const failures = row.failed.map((failure) => `\n  failed: ${failure}`).join("");
  const { target, what, passed, skipped } = row;
  return `${target}: ${what}: ${passed} passed, ${number(skipped)} skipped, ${row.failed.length} failed${failures}`;
}

/** @param {Row[]} rows */
function render(rows = all()) {
  const lines = rows.map((row) => {
    const where = row.emulated ? "emulated" : "native";
    return `| ${row.target} | ${row.built} | ${row.what} | ${where} | ${row.passed} | ${number(row.skipped)} | ${row.failed.length} |`;
  });
  const notes = rows.flatMap(({ target, what, failed }) =>
    failed.map((failure) => `- ${target}, ${what}: \`${failure}\``),
  );
  const failed = notes.length > 0 ? `\nWhat failed:\n\n${notes.join("\n")}\n` : "\nNothing failed.\n";
  return `| target | built from | what ran | how | passed | skipped | failed |
|---|---|---|---|---|---|---|
${lines.join("\n")}
${failed}`;
}

/** The text of the document with these rows in its table. */
function rewritten(text, rows) {
  const [begin, end] = place(text);
  return `${text.slice(0, begin)}\n${render(rows)}\n${text.slice(end)}`;
}

/** Writes the table into docs/compatibility.md. */
function record() {
  fs.writeFileSync(document, rewritten(fs.readFileSync(document, "utf8"), all()));
}

module.exports = { builtLabel, keep, line, parse, record, render, rewritten, withRow };
