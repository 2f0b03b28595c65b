"use strict";
// The ratios as an SVG bar chart.

const { RUNTIMES } = require("./table.js");

const LABELS = 150;
const PLOT = 560;
const RIGHT = 60;
const TOP = 78;
const BAR = 11;
const GROUP = 32;
/** Longer bars are cut; their number says how long they are. */
const MOST = 8;
const COLOURS = { node: "#3c873a", bun: "#d9822b" };
const x = (ratio) => LABELS + (Math.min(ratio, MOST) / MOST) * PLOT;

function escape(text) {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function text(content, left, top, attributes = "") {
  return `<text x="${left}" y="${top}" ${attributes}>${escape(content)}</text>`;
}

function axis(bottom) {
  const marks = [];
  for (let ratio = 0; ratio <= MOST; ratio++) {
    const strong = ratio === 1 || ratio === 2;
    const colour = ratio === 1 ? "#b03030" : ratio === 2 ? "#2c5aa0" : "#dddddd";
    const line = `x1="${x(ratio)}" x2="${x(ratio)}" y1="${TOP - 6}" y2="${bottom}"`;
    marks.push(`<line ${line} stroke="${colour}" stroke-width="${strong ? 1.5 : 1}"/>`);
    const weight = strong ? ` font-weight="bold" fill="${colour}"` : ` fill="#555555"`;
    marks.push(text(`${ratio}`, x(ratio), TOP - 12, `text-anchor="middle"${weight}`));
  }
  return marks;
}

function bar(evaluation, top) {
  const { ratio, runtime } = evaluation;
  const width = x(ratio) - LABELS;
  const parts = [
    `<rect x="${LABELS}" y="${top}" width="${width.toFixed(1)}" height="${BAR}" fill="${COLOURS[runtime]}"/>`,
  ];
  if (ratio > MOST) {
    const at = x(MOST) - 14;
    const points = `${at},${top + BAR} ${at + 4},${top} ${at + 8},${top} ${at + 4},${top + BAR}`;
    parts.push(`<polygon points="${points}" fill="white"/>`);
  }
  // On a patch of white, so that a line of the axis does not cross the number.
  const label = ratio.toFixed(1);
  const left = x(ratio) + 3;
  const patch = `x="${left}" y="${top}" width="${label.length * 6.5 + 2}" height="${BAR}"`;
  parts.push(`<rect ${patch} fill="white"/>`);
  parts.push(text(label, left + 1, top + BAR - 1.5, `font-size="11"`));
  return parts;
}

function legend(runtimes) {
  return runtimes.flatMap((runtime, i) => {
    const left = LABELS + i * 90;
    const square = `x="${left}" y="34" width="${BAR}" height="${BAR}"`;
    return [`<rect ${square} fill="${COLOURS[runtime]}"/>`, text(RUNTIMES[runtime], left + 16, 44)];
  });
}

/** @param {object[]} evaluations - of statistics.js, each with its row and runtime */
function chart(evaluations) {
  const shown = evaluations.filter(({ row, ratio }) => ratio !== undefined && !row.watch);
  const names = [...new Set(shown.map(({ row }) => row.name))];
  const runtimes = [...new Set(shown.map(({ runtime }) => runtime))];
  const bottom = TOP + names.length * GROUP;
  const width = LABELS + PLOT + RIGHT;
  const height = bottom + 14;
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="Helvetica, Arial, sans-serif" font-size="12" fill="#222222">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    text("How many times as fast as the replaced package", LABELS, 22, `font-size="15" font-weight="bold"`),
    ...legend(runtimes),
    ...axis(bottom),
  ];
  names.forEach((name, i) => {
    const top = TOP + i * GROUP + (GROUP - BAR * runtimes.length - 2) / 2;
    const middle = TOP + i * GROUP + GROUP / 2 + 4;
    lines.push(text(name, LABELS - 10, middle, `text-anchor="end"`));
    runtimes.forEach((runtime, j) => {
      const found = shown.find((each) => each.row.name === name && each.runtime === runtime);
      if (found) lines.push(...bar(found, top + j * (BAR + 2)));
    });
  });
  lines.push("</svg>");
  return `${lines.join("\n")}\n`;
}

module.exports = { chart };
