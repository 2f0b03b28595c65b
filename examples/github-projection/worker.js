"use strict";
// The worker: takes deliveries in batches, and folds each batch in one transaction.
//
// A delivery is neither lost nor counted twice, whenever the process dies: the records
// that a batch changes and the checkpoint, which says how many deliveries are done, are
// written in one commit, all or nothing. `expected` keeps a second worker from doing the
// same work: its first commit is refused.

const { touched } = require("./projection");

/** The name of the checkpoint; its position is the number of deliveries done in all runs. */
const CHECKPOINT = "github";

/**
 * @typedef {object} Progress
 * @property {number} processed deliveries in all runs
 * @property {number} runs how often the whole input has been worked through
 * @property {number} next the index in the input of the next delivery of this run
 */

/** @returns {Progress} */
function progressAt(processed, total) {
  return { processed, runs: Math.floor(processed / total), next: processed % total };
}

/** @returns {Promise<number>} deliveries done in all runs */
async function readProcessed(repository) {
  return (await repository.getCheckpoint(CHECKPOINT)) ?? 0;
}

/** Every record of every tenant, and the checkpoint: what a run comes to. */
async function readModels(repository) {
  const models = { processed: await readProcessed(repository) };
  for (const tenant of await repository.tenants()) {
    for (const key of await repository.list(tenant)) {
      models[JSON.stringify([tenant, key])] = await repository.get(tenant, key);
    }
  }
  return models;
}

/** Reads what a batch touches, folds, and writes it back. */
async function fold(tx, batch) {
  const slots = new Map();
  const slotOf = (tenant, key) => {
    const name = JSON.stringify([tenant, key]);
    if (!slots.has(name)) slots.set(name, { tenant, key, record: undefined });
    return slots.get(name);
  };
  const steps = batch.flatMap((delivery) =>
    touched(delivery).map(({ key, fold: change }) => ({
      delivery,
      slot: slotOf(delivery.tenant, key),
      change,
    })),
  );
  await Promise.all(
    [...slots.values()].map(async (slot) => {
      slot.record = await tx.get(slot.tenant, slot.key);
    }),
  );
  for (const { delivery, slot, change } of steps) slot.record = change(slot.record, delivery);
  for (const { tenant, key, record } of slots.values()) {
    if (record === undefined) tx.delete(tenant, key);
    else tx.put(tenant, key, record);
  }
  return slots.size;
}

/**
 * Works from the checkpoint to the end of the input.
 * @param {import("@aurora/runtime-storage-lmdbx").LMDBXRepository<any, any>} repository
 * @param {any[]} deliveries
 * @param {{ batchSize: number, signal?: AbortSignal, onProgress?: (done: number) => void }} options
 */
async function run(repository, deliveries, { batchSize, signal, onProgress }) {
  let processed = await readProcessed(repository);
  const startedAt = progressAt(processed, deliveries.length).next;
  const result = { startedAt, deliveries: 0, records: 0, batches: 0, finished: false };
  while (!result.finished && !signal?.aborted) {
    const { next } = progressAt(processed, deliveries.length);
    const batch = deliveries.slice(next, next + batchSize);
    const checkpoint = {
      name: CHECKPOINT,
      position: processed + batch.length,
      expected: processed === 0 ? null : processed,
    };
    result.records += await repository.transaction((tx) => fold(tx, batch), { checkpoint });
    processed = checkpoint.position;
    result.deliveries += batch.length;
    result.batches += 1;
    result.finished = processed % deliveries.length === 0;
    onProgress?.(next + batch.length);
  }
  return { ...result, progress: progressAt(processed, deliveries.length) };
}

module.exports = { CHECKPOINT, readModels, run };
