"use strict";
// The moment that a dump shows, and whether it has met all that there is then: LMDB passes over
// records on some damaged pages without a word.

const path = require("node:path");
const { newestMeta } = require("./meta.js");
const { walkNames } = require("./names.js");

/** How often a moment is sought in which nothing is written. */
const MOST_TRIES = 10;

/** Those of one database; undefined, where one of them cannot be read. */
async function countCheckpoints(repository) {
  try {
    return (await repository.checkpoints()).length;
  } catch {
    return undefined; // it is verify that tells of it
  }
}

/**
 * The entries of a tree that are no checkpoints, as the tree itself has counted them, and of which
 * commit: statistics of a small main database count what they meet.
 * @param {import("../repository.js").LMDBXRepository} repository
 * @param {{ directory: string, name?: string }} place
 */
async function countEntries(repository, { directory, name }) {
  const { lastTxnId, entries } = await repository.stats();
  if (name !== undefined) return { commit: lastTxnId, entries };
  const meta = newestMeta(path.join(directory, "data.mdb"));
  const checkpoints = await countCheckpoints(repository);
  if (meta === undefined || checkpoints === undefined) return { commit: lastTxnId };
  return { commit: Number(meta.transaction), entries: meta.main.entries - checkpoints };
}

/**
 * A snapshot, and how many entries there are at its moment; undefined, where there were commits
 * whenever it looked.
 * @param {import("../repository.js").LMDBXRepository} repository
 * @param {{ directory: string, name?: string }} place
 */
async function takeMoment(repository, place) {
  for (let tries = 1; ; tries++) {
    const before = (await repository.stats()).lastTxnId;
    const moment = repository.snapshot();
    const { commit, entries } = await countEntries(repository, place);
    const after = (await repository.stats()).lastTxnId;
    if (before === commit && after === commit) return { moment, entries };
    if (tries === MOST_TRIES) return { moment, entries: undefined };
    moment.close();
  }
}

/**
 * The same, with the tenants around that moment: those without records in it are no harm.
 * @param {import("../repository.js").LMDBXRepository} repository
 * @param {{ directory: string, name?: string }} place
 */
async function readMoment(repository, place) {
  const before = await repository.tenants();
  const taken = await takeMoment(repository, place);
  const after = await repository.tenants();
  return { ...taken, tenants: [...new Set([...before, ...after])].sort() };
}

/** How many named databases there are, which are entries of the main one. */
function countNames(directory) {
  let count = 0;
  for (const names of walkNames(path.join(directory, "data.mdb"))) count += names.length;
  return count;
}

/**
 * What was not met of all records of a database: damaged ones, and those of other programs.
 * @param {number} met
 * @param {number | undefined} entries - at the moment, if that is known
 * @param {{ directory: string, name?: string }} place
 */
function countMissing(met, entries, { directory, name }) {
  let missing = (entries ?? met) - met;
  // Names are sought only where something may be missing: it reads every leaf.
  if (missing > 0 && name === undefined) missing -= countNames(directory);
  return Math.max(missing, 0);
}

module.exports = { countMissing, readMoment };
