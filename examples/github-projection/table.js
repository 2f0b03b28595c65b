"use strict";
// Tables for the terminal: text columns to the left, numbers to the right, and
// bars.

const BAR_WIDTH = 14;

/** @param {number} part @param {number} whole */
function bar(part, whole, width = BAR_WIDTH) {
  if (whole <= 0) return "";
  return "█".repeat(Math.max(part > 0 ? 1 : 0, Math.round((part / whole) * width)));
}

/** @param {unknown} cell */
function text(cell) {
  return typeof cell === "number" ? cell.toLocaleString("en-US") : String(cell ?? "");
}

/**
 * @param {string[]} headings
 * @param {unknown[][]} rows numbers are set flush right, all else flush left
 * @returns {string}
 */
function table(headings, rows) {
  const columns = headings.map((heading, index) => ({
    width: Math.max(heading.length, ...rows.map((row) => text(row[index]).length)),
    right: rows.length > 0 && rows.every((row) => typeof row[index] === "number"),
  }));
  const line = (cells) =>
    cells
      .map((cell, index) => {
        const { width, right } = columns[index];
        return right ? text(cell).padStart(width) : text(cell).padEnd(width);
      })
      .join("  ")
      .trimEnd();
  const rule = columns.map(({ width }) => "─".repeat(width)).join("  ");
  return [line(headings), rule, ...rows.map(line)].join("\n");
}

module.exports = { bar, table };
