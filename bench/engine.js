"use strict";
// node bench/engine.js, bun bench/engine.js: what rows of the benchmark cost the engine without any
// store. What is beyond it is the stores'.

const { Buffer } = require("node:buffer");
const { keyOf } = require("./data.js");
const { watchTimer } = require("./lateness.js");

const ROUNDS = 9;
const KEYS = 100_000;
const KEYS_OF_A_PAGE = 2_500;
const LISTS = 10;
const TEXT_SIZE = 100_000;
const TEXTS = 20_000;
const SLICE_MS = 1;
const SECONDS = 4;

/** The median of some rounds, in microseconds for each of `count` things that a round does. */
function measure(count, round) {
  const took = Array.from({ length: ROUNDS }, () => {
    const start = performance.now();
    round();
    return ((performance.now() - start) * 1000) / count;
  });
  return took.sort((a, b) => a - b)[(ROUNDS - 1) / 2];
}

/** Strings out of a page of JSON: cut, which Bun does sooner than it parses. */
function cut(page) {
  const keys = [];
  for (let at = 2; at < page.length; ) {
    const end = page.indexOf('"', at);
    keys.push(page.substring(at, end));
    at = end + 3;
  }
  return keys;
}

/** An array of keys from pages of text, as list has to make. */
function keys(read) {
  const pages = [];
  for (let first = 0; first < KEYS; first += KEYS_OF_A_PAGE) {
    const page = Array.from({ length: KEYS_OF_A_PAGE }, (_, i) => keyOf(first + i));
    pages.push(JSON.stringify(page));
  }
  return measure(KEYS * LISTS, () => {
    for (let i = 0; i < LISTS; i++) [].concat(...pages.map(read));
  });
}

/** Strings of 100 kB from bytes in turn, as big-get has to make. */
function texts() {
  const bytes = Buffer.alloc(TEXT_SIZE * 200, "a");
  let length = 0;
  return measure(TEXTS, () => {
    for (let i = 0; i < TEXTS; i++) {
      const start = (i % 200) * TEXT_SIZE;
      length += bytes.latin1Slice(start, start + TEXT_SIZE).length;
    }
    if (length % TEXT_SIZE !== 0) throw new Error("a text is not whole");
  });
}

/** How late a timer comes beside a loop that turns every millisecond and does nothing else. */
function timers() {
  const timer = watchTimer();
  const end = performance.now() + SECONDS * 1000;
  return new Promise((resolve) => {
    const turn = () => {
      const began = performance.now();
      while (performance.now() - began < SLICE_MS);
      if (began < end) setImmediate(turn);
      else resolve(timer.stop());
    };
    turn();
  });
}

async function main() {
  const { max, p99, ticks } = await timers();
  console.log(`${ticks} timers of 1 ms, nothing else: ${max.toFixed(1)} ms late, 99 % ${p99.toFixed(1)} ms`);
  console.log(`a list of keys, parsed: ${keys(JSON.parse).toFixed(2)} us a key; cut: ${keys(cut).toFixed(2)} us`);
  console.log(`a text of 100 kB: ${texts().toFixed(1)} us`);
}

main();
