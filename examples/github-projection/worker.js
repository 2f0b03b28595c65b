"use strict";
// The worker: takes deliveries in batches, reads the records they touch, folds,
// writes them back, then moves its cursor.
//
// A delivery is neither lost nor counted twice, whenever the process dies:
//  - put and delete resolve once the change is on disk, and the cursor moves only
//    after that; so what is behind the cursor is safe;
//  - deliveries before the cursor whose records were already written come again;
//    each record holds the position of the last delivery folded into it, and one
//    that is not ahead of it is skipped.

const { touched } = require("./projection");

/** The worker's own records are kept like a tenant's. No login holds a dot. */
const WORKER = ".worker";
const CURSOR = ["cursor"];

/**
 * @typedef {object} Cursor
 * @property {number} runs how often the whole input has been worked through
 * @property {number} next the index in the input of the next delivery of this run
 * @property {number} processed deliveries in all runs
 */

/** @returns {Promise<Cursor>} */
async function readCursor(repository) {
  return (await repository.get(WORKER, CURSOR)) ?? { runs: 0, next: 0, processed: 0 };
}

/** The tenants that have records, in stored order. */
async function listTenants(repository) {
  const keys = await repository.list(WORKER);
  return keys.filter(([kind]) => kind === "tenant").map(([, login]) => login);
}

/** Reads, folds and writes back what a batch touches. Reads of one turn travel
 *  together, and so do writes: a batch costs about one commit, not one a record. */
async function applyBatch(repository, batch) {
  const slots = new Map();
  const slotOf = (tenant, key) => {
    const name = JSON.stringify([tenant, key]);
    if (!slots.has(name)) slots.set(name, { tenant, key, record: undefined, changed: false });
    return slots.get(name);
  };
  const steps = batch.flatMap((delivery) => [
    { delivery, slot: slotOf(WORKER, ["tenant", delivery.tenant]), fold: foldTenant },
    ...touched(delivery).map(({ key, fold }) => ({
      delivery,
      slot: slotOf(delivery.tenant, key),
      fold,
    })),
  ]);

  await Promise.all(
    [...slots.values()].map(async (slot) => {
      slot.record = await repository.get(slot.tenant, slot.key);
    }),
  );
  for (const { delivery, slot, fold } of steps) {
    if (slot.record !== undefined && slot.record.position >= delivery.position) continue;
    slot.record = fold(slot.record, delivery);
    slot.changed = true;
  }
  const changed = [...slots.values()].filter((slot) => slot.changed);
  await Promise.all(
    changed.map(({ tenant, key, record }) =>
      record === undefined ? repository.delete(tenant, key) : repository.put(tenant, key, record),
    ),
  );
  return { reads: slots.size, writes: changed.length };
}

/** The entry that says a tenant has records. */
function foldTenant(record, delivery) {
  return { since: record?.since ?? delivery.position, position: delivery.position };
}

/**
 * Works from the cursor to the end of the input.
 * @param {import("@aurora/runtime-storage-lmdbx").Repository<any, any>} repository
 * @param {any[]} deliveries
 * @param {{ batchSize: number, signal?: AbortSignal, onProgress?: (done: number) => void }} options
 */
async function run(repository, deliveries, { batchSize, signal, onProgress }) {
  const cursor = await readCursor(repository);
  const result = { cursor, startedAt: cursor.next, deliveries: 0, reads: 0, writes: 0, batches: 0 };
  let finished = false;
  while (!finished && !signal?.aborted) {
    const batch = deliveries
      .slice(cursor.next, cursor.next + batchSize)
      .map((delivery, index) => ({ ...delivery, position: cursor.processed + index + 1 }));
    const { reads, writes } = await applyBatch(repository, batch);
    result.deliveries += batch.length;
    result.reads += reads;
    result.writes += writes;
    result.batches += 1;

    cursor.processed += batch.length;
    cursor.next += batch.length;
    onProgress?.(cursor.next);
    finished = cursor.next >= deliveries.length;
    if (finished) {
      cursor.runs += 1;
      cursor.next = 0;
    }
    await repository.put(WORKER, CURSOR, cursor);
  }
  return { ...result, finished };
}

module.exports = { listTenants, readCursor, run };
