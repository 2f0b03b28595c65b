"use strict";
// What goes to the terminal: results to standard output, everything else to standard error.

const { inspect } = require("node:util");
const { DONE, FAILED } = require("./exit.js");

let finishes = false;
let lost = false;

/** From now on the command does more than to write results: it goes on where nothing takes them. */
function finishAnyway() {
  finishes = true;
}

/**
 * Ends the command where standard output takes no more. A reader that has seen enough (`| head`) is
 * no failure.
 * @param {any} error
 */
function endOutput(error) {
  if (error.code === "EPIPE") {
    if (finishes) return;
    process.exit(DONE);
  }
  if (!lost) note(`lmdbx: standard output: ${error.message}`);
  lost = true;
  process.exitCode = FAILED;
  if (!finishes) process.exit(FAILED);
}

/** Whether results were lost for another reason than that nobody reads them. */
function hasLostOutput() {
  return lost;
}

/** Bun 1.2 tells of a failure here alone, and emits no `error`. @param {any} error */
function onWritten(error) {
  if (error) endOutput(error);
}

/**
 * Like out; for those who write a lot.
 * @param {string} text
 * @returns {boolean} false: wait for "drain" before more
 */
function write(text) {
  try {
    return process.stdout.write(`${text}\n`, onWritten);
  } catch (error) {
    endOutput(error); // Node.js 20.0 throws, where it is a file
    return true;
  }
}

/** @param {string} text */
function out(text) {
  write(text);
}

/** @param {string} text */
function note(text) {
  process.stderr.write(`${text}\n`);
}

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** @param {number} count */
function bytes(count) {
  let unit = 0;
  let number = count;
  while (number >= 1000 && unit < UNITS.length - 1) {
    number /= 1000;
    unit++;
  }
  return `${unit === 0 ? number : number.toFixed(number < 10 ? 2 : 1)} ${UNITS[unit]}`;
}

/** @param {number} count */
function number(count) {
  return count.toLocaleString("en-US");
}

/** @param {number} milliseconds */
function duration(milliseconds) {
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  const minutes = Math.floor(milliseconds / 60_000);
  return `${minutes} min ${Math.round((milliseconds % 60_000) / 1000)} s`;
}

/**
 * So many of something: 1 tenant, 2 tenants.
 * @param {number} count
 * @param {string} noun
 */
function counted(count, noun, plural = `${noun}s`) {
  return `${number(count)} ${count === 1 ? noun : plural}`;
}

/** What a terminal obeys, and what makes text run the other way. */
const CONTROLS =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** Those of them that inspect does not escape; of the others, colours are made. */
const DIRECTIONS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** @param {string} character */
function escaped(character) {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/**
 * Text from a database, in one line and without control characters.
 * @param {string} text
 */
function plain(text) {
  return text.replace(CONTROLS, escaped);
}

/**
 * Tells that something was left out: to people on standard error, to programs as a result.
 * @param {boolean | undefined} json
 * @param {string} where - for people
 * @param {object} place - the same, for programs
 * @param {{ code?: string, message: string }} error
 */
function leftOut(json, where, place, { code, message }) {
  if (json) out(JSON.stringify({ type: "leftOut", ...place, code, reason: message }));
  else note(plain(`left out: ${where}: ${message}`));
}

/**
 * A value from a database, for people.
 * @param {unknown} value
 * @param {import("node:util").InspectOptions} style
 */
function inspected(value, style) {
  return inspect(value, { ...style, colors: hasColors() }).replace(DIRECTIONS, escaped);
}

/**
 * Whether it is a terminal that knows escape sequences.
 * @param {{ isTTY?: boolean }} stream
 */
function isScreen(stream, env = process.env) {
  return stream.isTTY === true && env.TERM !== "dumb";
}

/** Whether values are shown in colours; NO_COLOR is what no-color.org says. */
function hasColors() {
  return isScreen(process.stdout) && !process.env.NO_COLOR;
}

/** How wide the terminal is that results go to; Infinity: it is none. */
function columns() {
  if (!process.stdout.isTTY) return Infinity;
  return process.stdout.columns || Number(process.env.COLUMNS) || 80;
}

const ASCII = /^[ -~]*$/;
const COMBINING = /^[\p{M}\u200b-\u200d]/u;
/** East Asian characters and pictures, roughly: they take two columns. */
const WIDE =
  /^[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/** The columns that a text takes. @param {string} text */
function width(text) {
  if (ASCII.test(text)) return text.length;
  let sum = 0;
  for (const character of text) {
    if (!COMBINING.test(character)) sum += WIDE.test(character) ? 2 : 1;
  }
  return sum;
}

/** The beginning of a text that is wider than so many columns. */
function cut(text, most) {
  if (width(text) <= most) return text;
  let left = most - "...".length;
  let kept = "";
  for (const character of text) {
    left -= width(character);
    if (left < 0) break;
    kept += character;
  }
  return `${kept}...`;
}

const GAP = "  ";
/** So much is left of the first column of a table at least. */
const LEAST_COLUMN = 10;

/** The width of each column. */
function widthsOf(cells, most) {
  const widths = cells[0].map(() => 0);
  for (const row of cells) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column], width(cell));
    }
  }
  const total = widths.reduce((sum, each) => sum + each + GAP.length, -GAP.length);
  if (total > most) widths[0] = Math.max(widths[0] - (total - most), LEAST_COLUMN);
  return widths;
}

/**
 * Rows as aligned columns; numbers go to the right. Where a terminal is too narrow, the first column
 * is cut.
 * @param {string[]} head
 * @param {(string | number)[][]} rows
 */
function table(head, rows, most = columns()) {
  const isNumber = (cell) => typeof cell === "number" || cell === "";
  const isRight = head.map((title, column) => {
    return title !== "" && rows.length > 0 && rows.every((row) => isNumber(row[column]));
  });
  const cells = [
    head,
    ...rows.map((row) => row.map((cell) => (typeof cell === "number" ? number(cell) : cell))),
  ];
  const widths = widthsOf(cells, most);
  const aligned = (cell, column) => {
    const shown = cut(cell, widths[column]);
    const space = " ".repeat(widths[column] - width(shown));
    return isRight[column] ? space + shown : shown + space;
  };
  return cells.map((row) => row.map(aligned).join(GAP).trimEnd()).join("\n");
}

const BAR_WIDTH = 30;
const LEAST_BAR = 5;

/** @param {number} part - from 0 to 1; NaN, of nothing, is 0 */
function bar(part, size = BAR_WIDTH) {
  if (size < LEAST_BAR) return "";
  const full = Math.round(Math.min(Math.max(part || 0, 0), 1) * size);
  return `[${"#".repeat(full)}${"-".repeat(size - full)}]`;
}

/**
 * The size of a bar that has room beside something else in a line; 0: there is none.
 * @param {number} most
 * @param {number} beside - columns
 */
function barBeside(beside, most = BAR_WIDTH, all = columns()) {
  const room = Math.min(most, all - beside - "[]".length);
  return room < LEAST_BAR ? 0 : room;
}

module.exports = {
  ...{ endOutput, finishAnyway, hasLostOutput, write, out, note, bytes, number, duration, counted, plain, leftOut, inspected },
  ...{ width, table, bar, barBeside, columns, isScreen },
};
