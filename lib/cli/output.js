"use strict";
// What goes to the terminal: results to standard output, everything else to standard error.

/** @param {string} text */
function out(text) {
  process.stdout.write(`${text}\n`);
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
 * Text from a database, in one line and without control characters: a terminal obeys those.
 * @param {string} text
 */
function plain(text) {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/**
 * Rows as aligned columns; numbers go to the right.
 * @param {string[]} head
 * @param {(string | number)[][]} rows
 */
function table(head, rows) {
  const cells = [
    head,
    ...rows.map((row) => row.map((cell) => (typeof cell === "number" ? number(cell) : cell))),
  ];
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  const isRight = head.map(
    (_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === "number"),
  );
  return cells
    .map((row) =>
      row
        .map((cell, column) =>
          isRight[column] ? cell.padStart(widths[column]) : cell.padEnd(widths[column]),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

const BAR_WIDTH = 30;

/** @param {number} part - from 0 to 1 */
function bar(part, width = BAR_WIDTH) {
  const full = Math.round(Math.min(Math.max(part, 0), 1) * width);
  return `[${"#".repeat(full)}${"-".repeat(width - full)}]`;
}

module.exports = { out, note, bytes, number, duration, plain, table, bar };
