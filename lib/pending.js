"use strict";
// Promises of operations that are under way. Each has a slot, whose number the addon is told; it says
// what became of many of them in one call.

/** Outcomes that the addon hands over at once: slot, then what it resolves to. */
const outcomes = new Int32Array(new ArrayBuffer(2 * 4096 * 4));
/** What an outcome resolves to, by number. */
const RESULTS = [undefined, false, true];

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

/** Called by the addon: so many outcomes. */
function settleMany(count) {
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
