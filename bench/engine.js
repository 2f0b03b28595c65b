"use strict";
// node bench/engine.js, bun bench/engine.js: what some rows of the benchmark cost the runtime without
// any store. What is beyond it is the stores'.

const { Buffer } = require("node:buffer");
const fs = require("node:fs");
const { keysOf } = require("../lib/reads.js");
const { keyOf, valueOf } = require("./data.js");
const { watchTimer } = require("./lateness.js");
const { median } = require("./statistics.js");
const { timeOf } = require("./timing.js");

const ROUNDS = 9;
const LIST_KEYS = 100_000;
/** A page of list has 64 kB. */
const PAGE_KEYS = 3_855;
const LISTS = 20;
const TEXT_SIZE = 100_000;
const TEXTS_IN_MEMORY = 200;
const TEXTS = 20_000;
const JOBS = 500;
const BUSY_MS = 1;
const SECONDS = 4;

/** The median of some rounds, in microseconds for each of the things that a round does. */
async function medianOf(count, round) {
  const took = [];
  for (let i = 0; i < ROUNDS; i++) took.push(await timeOf(count, round));
  return median(took);
}

/** One key of the array that list makes out of the bytes of its pages. */
function timeOfKey() {
  const pages = [];
  for (let first = 0; first < LIST_KEYS; first += PAGE_KEYS) {
    const count = Math.min(PAGE_KEYS, LIST_KEYS - first);
    const keys = Array.from({ length: count }, (_, i) => keyOf(first + i));
    pages.push(Buffer.from(`${JSON.stringify(keys)} `));
  }
  // As joined of lib/reads.js, but without waiting.
  const list = () => {
    const pieces = pages.map((page) => keysOf(page.latin1Slice()));
    if (process.versions.bun === undefined) return [].concat(...pieces);
    const all = new Array(LIST_KEYS);
    let at = 0;
    for (const piece of pieces) for (const key of piece) all[at++] = key;
    return all;
  };
  // As one who awaits it, a list is kept until the next one is there. What nobody keeps costs half:
  // most of it has died before garbage is collected.
  let kept = list();
  return medianOf(LIST_KEYS * LISTS, () => {
    for (let i = 0; i < LISTS; i++) {
      if (kept.length !== LIST_KEYS) throw new Error("a list is not whole");
      kept = list();
    }
  });
}

/** One text of 100 kB out of bytes that are not in the processor's nearest cache. */
function timeOfText() {
  const bytes = Buffer.alloc(TEXT_SIZE * TEXTS_IN_MEMORY, "a");
  let length = 0;
  return medianOf(TEXTS, () => {
    for (let i = 0; i < TEXTS; i++) {
      const start = (i % TEXTS_IN_MEMORY) * TEXT_SIZE;
      length += bytes.latin1Slice(start, start + TEXT_SIZE).length;
    }
    if (length % TEXT_SIZE !== 0) throw new Error("a text is not whole");
  });
}

/** 10 kB of text in several languages: bytes out of it, and it out of bytes. */
async function timesOfLanguages() {
  const texts = Array.from({ length: TEXTS_IN_MEMORY }, (_, i) => valueOf("text", "msgpack", i).body);
  const stored = texts.map((text) => Buffer.from(text));
  const memory = Buffer.alloc(stored[0].length * 2);
  let sum = 0;
  const written = await medianOf(TEXTS, () => {
    for (let i = 0; i < TEXTS; i++) sum += memory.utf8Write(texts[i % TEXTS_IN_MEMORY], 0, memory.length);
  });
  const read = await medianOf(TEXTS, () => {
    for (let i = 0; i < TEXTS; i++) sum += stored[i % TEXTS_IN_MEMORY].utf8Slice().length;
  });
  if (sum < TEXTS * 10_000) throw new Error("a text is not whole");
  return { written, read };
}

/** One short job on a thread of the pool, and back. */
function timeOfJob() {
  return medianOf(JOBS, async () => {
    for (let i = 0; i < JOBS; i++) await new Promise((resolve) => fs.stat(__filename, resolve));
  });
}

/** How late a timer comes beside a loop that is busy for a millisecond in each turn. */
function lateness() {
  const timer = watchTimer();
  const end = performance.now() + SECONDS * 1000;
  return new Promise((resolve) => {
    const turn = () => {
      const began = performance.now();
      while (performance.now() - began < BUSY_MS);
      if (began < end) setImmediate(turn);
      else resolve(timer.stop());
    };
    turn();
  });
}

async function main() {
  const { max, p99, ticks } = await lateness();
  console.log(`${ticks} timers of 1 ms: the latest came ${max.toFixed(1)} ms late, 99 % within ${p99.toFixed(1)} ms`);
  console.log(`a key of a list: ${(await timeOfKey()).toFixed(2)} us`);
  console.log(`a text of 100 kB: ${(await timeOfText()).toFixed(1)} us`);
  const { written, read } = await timesOfLanguages();
  console.log(`10 kB of text in several languages: ${written.toFixed(1)} us to bytes, ${read.toFixed(1)} us out of them`);
  console.log(`a job of the pool: ${(await timeOfJob()).toFixed(0)} us`);
}

main();
