"use strict";
// What writers do to their keys, so that anybody can tell later whether a state is possible: the
// states of a key follow each other by number, and a writer records which number it has issued and
// which it knows to be on disk.

/** The value of a key in state `number`; undefined: it is not there. */
function stateOf(key, number) {
  if (number === 0 || number % 5 === 4) return undefined;
  return { key, number, fill: "x".repeat((number * 37) % 3000) };
}

/** Issues the change that brings a key into state `number`. */
function change(repository, tenant, key, number) {
  const value = stateOf(key, number);
  return value === undefined
    ? repository.delete(tenant, key)
    : repository.put(tenant, key, value);
}

/** The lanes of a writer: each has keys of its own, so that the states of a key have one order. */
const LANES = 4;

/**
 * Issues one to three changes of a key of a lane, and says each of them: ["issued", key, number], and
 * ["acknowledged", key, number] when it has been told that it is on disk.
 * @param {object} repository
 * @param {{ tenant: string, numbers: number[] }} args - numbers: the state last issued of each key
 * @param {number} lane
 * @param {(limit: number) => number} random
 * @param {(word: unknown[]) => void} say
 * @returns {{ key: number, acknowledged: Promise<unknown> }}
 */
function issueChanges(repository, { tenant, numbers }, lane, random, say) {
  const key = lane + LANES * random(numbers.length / LANES);
  const changes = [];
  for (let left = 1 + random(3); left > 0; left--) {
    const number = ++numbers[key];
    say(["issued", key, number]);
    const done = change(repository, tenant, key, number);
    changes.push(done.then(() => say(["acknowledged", key, number])));
  }
  return { key, acknowledged: Promise.all(changes) };
}

/** Whether two states are equal. */
function same(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}

/**
 * What is wrong with a key that was found as `value`, when the writer had been told that state
 * `acknowledged` is on disk and had issued states up to `issued`.
 * @returns {string | undefined}
 */
function mistake(key, value, acknowledged, issued) {
  for (let number = acknowledged; number <= issued; number++) {
    if (same(value, stateOf(key, number))) return undefined;
  }
  const found = value === undefined ? "absent" : JSON.stringify(value).slice(0, 100);
  return `key ${JSON.stringify(key)}: states ${acknowledged} to ${issued} are possible, found ${found}`;
}

module.exports = { LANES, stateOf, change, issueChanges, same, mistake };
