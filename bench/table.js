"use strict";
// The results as Markdown tables.

const { growth } = require("./statistics.js");

const RUNTIMES = { node: "Node.js", bun: "Bun" };

function microseconds(value) {
  if (value === undefined) return "";
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function megabytes(bytes) {
  return bytes === undefined ? "" : (bytes / 1e6).toFixed(0);
}

/** Columns as wide as their widest cell, so that it reads as plain text, too. */
function markdown(header, lines) {
  const all = [header, ...lines];
  const widths = header.map((_, i) => Math.max(3, ...all.map((cells) => cells[i].length)));
  const pad = (text, i) => (i < 2 ? text.padEnd(widths[i]) : text.padStart(widths[i]));
  const format = (cells) => `| ${cells.map(pad).join(" | ")} |`;
  const rule = widths.map((width, i) => (i < 2 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  return [format(header), `| ${rule.join(" | ")} |`, ...lines.map(format)].join("\n");
}

const mainHeader = [
  "row",
  "runtime",
  "ours",
  "replaced",
  "level",
  "sqlite",
  "C floor",
  "ratio",
  "of rounds",
  "below goal",
];

function mainLine({ row, runtime, ours, replaced, others, floor, ratio, ratioMin, ratioMax, missed }) {
  return [
    row.name,
    RUNTIMES[runtime],
    microseconds(ours?.median),
    microseconds(replaced?.median),
    microseconds(others.level?.median),
    microseconds(others.sqlite?.median),
    microseconds(floor?.median),
    ratio === undefined ? "" : ratio.toFixed(2),
    ratio === undefined ? "" : `${ratioMin.toFixed(2)}-${ratioMax.toFixed(2)}`,
    missed.join(", "),
  ];
}

const latenessHeader = ["row", "runtime", "ours: max", "p99", "replaced: max", "p99", "at most"];

function latenessLine({ row, runtime, ours, replaced }) {
  const late = (of) => [of?.lateness?.max, of?.lateness?.p99].map((ms) => (ms ?? NaN).toFixed(1));
  return [row.name, RUNTIMES[runtime], ...late(ours), ...late(replaced), String(row.lateMost)];
}

const memoryHeader = ["row", "runtime", "ours", "replaced", "level", "sqlite"];

function memoryLine({ row, runtime, ours, replaced, others }) {
  const peaks = [ours, replaced, others.level, others.sqlite].map((of) => megabytes(of?.memory));
  return [row.name, RUNTIMES[runtime], ...peaks];
}

/** How much more a get costs in a large database than in a small one. */
function growthLines(evaluations) {
  return Object.entries(RUNTIMES).flatMap(([runtime, title]) => {
    const grown = growth(evaluations.filter((each) => each.runtime === runtime));
    if (!grown) return [];
    const { from, to, microseconds: more, most, met } = grown;
    const verdict = met ? "" : `, more than ${most}`;
    return [`${title}: from ${from} to ${to} records a get costs ${more.toFixed(2)} us more${verdict}.`];
  });
}

/** @param {object[]} evaluations - of statistics.js, each with its row and runtime */
function tables(evaluations) {
  const late = evaluations.filter(({ row }) => row.watch);
  const memory = evaluations.filter(({ row }) => row.rss);
  const parts = [
    "Microseconds for each operation (list: each key), medians; ratio: replaced / ours.",
    markdown(mainHeader, evaluations.map(mainLine)),
    ...growthLines(evaluations),
  ];
  if (late.length > 0) {
    parts.push("How late a 1 ms timer came meanwhile, in milliseconds.");
    parts.push(markdown(latenessHeader, late.map(latenessLine)));
  }
  if (memory.length > 0) {
    parts.push("Peak memory of the process, in MB; level does a tenth of the puts.");
    parts.push(markdown(memoryHeader, memory.map(memoryLine)));
  }
  return parts.join("\n\n");
}

module.exports = { tables, mainHeader, mainLine, markdown, microseconds, RUNTIMES };
