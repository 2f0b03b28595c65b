"use strict";
// Promises of operations that are under way. Each has a slot, whose number the addon is told; it says
// what became of many of them in one call.

const { assembleMany } = require("./assemble.js");

/** Outcomes that the addon hands over at once: slot, then what it resolves to. */
const outcomes = new Int32Array(new ArrayBuffer(2 * 4096 * 4));
/** What an outcome resolves to, by number: src/binding/settle.c has the same. */
const RESULTS = [undefined, false, true];
/** And this one to the next value on the tape. */
const VALUE = 3;

const resolvers = [];
const rejecters = [];
const free = [];
/** How the answer of a get becomes its value, by slot: see lib/repository.js. */
const decoders = [];

/** @param {unknown} answer */
const asIs = (answer) => answer;

let resolveOne;
let rejectOne;
function executor(resolve, reject) {
  resolveOne = resolve;
  rejectOne = reject;
}

/** The slot that the next promise will have, if nothing else happens meanwhile. */
function nextSlot() {
  return free.length > 0 ? free[free.length - 1] : resolvers.length;
}

/** The same, for as long as it takes: given back with giveSlot, or used with pendIn. */
function takeSlot() {
  return free.length > 0 ? free.pop() : resolvers.push(undefined) - 1;
}

function giveSlot(slot) {
  free.push(slot);
}

/** A promise in a slot of one's own. */
function pendIn(slot) {
  const promise = new Promise(executor);
  resolvers[slot] = resolveOne;
  rejecters[slot] = rejectOne;
  return promise;
}

/**
 * A promise in the slot that nextSlot gave.
 * @param {((answer: unknown) => unknown) | undefined} decode - for a get
 */
function pend(decode) {
  const slot = takeSlot();
  if (decode !== undefined) decoders[slot] = decode;
  return pendIn(slot);
}

/**
 * Has functions called in a slot of one's own, while the addon tells outcomes: before anyone that
 * awaits one of them goes on. They must not throw, nor run code of others.
 * @param {number} slot
 * @param {(result: any) => void} done
 * @param {(error: unknown) => void} failed
 */
function listenIn(slot, done, failed) {
  resolvers[slot] = done;
  rejecters[slot] = failed;
  decoders[slot] = asIs;
}

/**
 * Called by the addon: so many outcomes, with values among them. A promise that resolves to an object
 * looks for its `then`, which may be code of the user's: all values are read off the tape before.
 * @param {number} count
 * @param {string | string[]} text - of the values
 */
function settleValues(count, text) {
  const slots = [];
  const found = [];
  let values = 0;
  for (let i = 0; i < count * 2; i += 2) {
    slots.push(outcomes[i]);
    found.push(outcomes[i + 1]);
    if (outcomes[i + 1] === VALUE) values++;
  }
  const list = assembleMany(text, values);
  let at = 0;
  for (let i = 0; i < count; i++) {
    const slot = slots[i];
    const result = found[i] === VALUE ? list[at++] : RESULTS[found[i]];
    decoders[slot] = undefined;
    free.push(slot);
    (0, resolvers[slot])(result);
  }
}

/** Called by the addon: so many outcomes. */
function settleMany(count, text) {
  if (text !== undefined) return settleValues(count, text);
  for (let i = 0; i < count * 2; i += 2) {
    const slot = outcomes[i];
    free.push(slot);
    (0, resolvers[slot])(RESULTS[outcomes[i + 1]]);
  }
}

/** Called by the addon: one answer, as of a get. */
function settleOne(slot, answer) {
  const decode = decoders[slot];
  decoders[slot] = undefined;
  free.push(slot);
  try {
    (0, resolvers[slot])(decode(answer));
  } catch (error) {
    (0, rejecters[slot])(error);
  }
}

function failOne(slot, error) {
  free.push(slot);
  (0, rejecters[slot])(error);
}

module.exports = {
  outcomes,
  nextSlot,
  takeSlot,
  giveSlot,
  pend,
  pendIn,
  listenIn,
  settleMany,
  settleOne,
  failOne,
};
