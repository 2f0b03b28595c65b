"use strict";
// Random numbers that a seed repeats. LMDBX_TEST_SEED sets it; every user prints it.

/** @returns {number} the seed of this run, printed with the name of what uses it */
function chooseSeed(what) {
  const given = Number.parseInt(process.env.LMDBX_TEST_SEED ?? "", 10);
  const seed = Number.isInteger(given) ? given >>> 0 : (Math.random() * 2 ** 32) >>> 0;
  console.log(`${what}: LMDBX_TEST_SEED=${seed}`);
  return seed;
}

/** mulberry32: a number below `below` on each call. */
function randomOf(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** How much of a test to do: a little in `make test`, much in `make torture`. */
const scale = (short, torture) => (process.env.LMDBX_TORTURE ? torture : short);

module.exports = { chooseSeed, randomOf, scale };
