"use strict";
// What ran, on what, with which outcome. Results are kept from run to run, so that a part can be run
// again alone.

const fs = require("node:fs");
const path = require("node:path");
const { TARGETS, builtFrom } = require("./inspect.js");
const { Stop, root, work } = require("./run.js");

const file = path.join(work, "results.json");
const document = path.join(root, "docs/compatibility.md");
const BEGIN = "<!-- what ran: written by scripts/prebuild -->\n";
const END = "<!-- end of what ran -->\n";

/** The rows as the document has them. Of what failed it has the names; of what was skipped a number. */
function recorded() {
  const text = fs.readFileSync(document, "utf8");
  const table = text.slice(text.indexOf(BEGIN), text.indexOf(END));
  return [...table.matchAll(/^\| (linux-\S+) \|(.*)\|$/gm)].map(([, target, rest]) => {
    const [built, what, how, passed, skipped] = rest.split("|").map((cell) => cell.trim());
    const note = `- ${target}, ${what}: `;
    const notes = table.split("\n").filter((line) => line.startsWith(note));
    const failed = notes.map((line) => line.slice(note.length).replaceAll("`", ""));
    const emulated = how === "emulated";
    return { target, what, built, emulated, passed: Number(passed), skipped: Number(skipped), failed };
  });
}

function all() {
  return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, "utf8")) : recorded();
}

/** Keeps a row in the place of an earlier one. */
function keep({ binary, ...result }) {
  const [version, sum] = builtFrom(binary).split(" ");
  const row = { ...result, built: `${version}, ${sum.slice(0, 8)}` };
  const others = all().filter(({ target, what }) => target !== row.target || what !== row.what);
  const order = ({ target, what }) => [TARGETS.indexOf(target), what.startsWith("C ") ? 0 : 1];
  const rows = [...others, row].sort((a, b) => {
    const [x, y] = [order(a), order(b)];
    return x[0] - y[0] || x[1] - y[1] || b.what.localeCompare(a.what, "en", { numeric: true });
  });
  fs.writeFileSync(file, `${JSON.stringify(rows, null, 2)}\n`);
}

const number = (value) => (Array.isArray(value) ? value.length : value);

function line(row) {
  const failures = row.failed.map((failure) => `\n  failed: ${failure}`).join("");
  const { target, what, passed, skipped } = row;
  return `${target}: ${what}: ${passed} passed, ${number(skipped)} skipped, ${row.failed.length} failed${failures}`;
}

function render() {
  const rows = all();
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

/** Writes the table into docs/compatibility.md. */
function record() {
  const text = fs.readFileSync(document, "utf8");
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Stop("docs/compatibility.md has no place for the table");
  const head = text.slice(0, begin + BEGIN.length);
  fs.writeFileSync(document, `${head}\n${render()}\n${text.slice(end)}`);
}

module.exports = { keep, line, record, render };
