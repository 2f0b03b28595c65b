"use strict";
// Rounds of worker threads that work on one database and are terminated at random, and a check of
// what they leave behind. Says a summary, or fails.

const assert = require("node:assert/strict");
const path = require("node:path");
const { Worker } = require("node:worker_threads");

const { createLMDBXRepository } = require("../..");
const { counters } = require("../../lib/repository.js");
const { args, say } = require("../support/child.js");
const { mistake } = require("../support/ledger.js");
const { mappings, noProc } = require("../support/process.js");
const { randomOf } = require("../support/random.js");

const WORKERS = 8;
const LANES = 4;
const KEYS = 8;
/** A worker lives so long, counted from its creation (it may not even come to load) or from when it
 * began to work. */
const LONGEST_LIFE_MS = 100;
const LONG_LIST = 30_000;

const random = randomOf(args.seed);
const shared = () => new Int32Array(new SharedArrayBuffer(LANES * KEYS * 4));

/** Lets a worker work for a while and terminates it; returns what it has recorded. */
function work(round, index) {
  const tenant = `${round}-${index}`;
  const record = { tenant, issued: shared(), acknowledged: shared() };
  const data = {
    ...record,
    path: args.path,
    seed: random(2 ** 31),
    lanes: LANES,
    keys: KEYS,
    patient: index % 2 === 0,
  };
  const worker = new Worker(path.join(__dirname, "worker-load.js"), { workerData: data });
  const life = random(LONGEST_LIFE_MS);
  const terminate = () => setTimeout(() => worker.terminate(), life);
  return new Promise((resolve, reject) => {
    worker.once("error", reject);
    worker.once("exit", () => resolve(record));
    if (random(4) === 0) terminate();
    else worker.once("message", terminate);
  });
}

/** Compares the database with the records; returns how many changes were acknowledged. */
async function verify(repositories, records) {
  let total = 0;
  for (const { tenant, issued, acknowledged } of records) {
    for (let slot = 0; slot < issued.length; slot++) {
      const lane = Math.floor(slot / KEYS);
      const key = slot % KEYS;
      const value = await repositories[lane % 2].get(`${tenant}-${lane}`, key);
      const wrong = mistake(key, value, acknowledged[slot], issued[slot]);
      if (wrong !== undefined) throw new Error(`tenant ${tenant}-${lane}: ${wrong}`);
      total += acknowledged[slot];
    }
  }
  return total;
}

async function main() {
  // Bun before 1.3.14 counts a worker that is told to end as no reason to stay alive.
  const alive = setInterval(() => {}, 1000);
  const open = () =>
    ["", "odd"].map((name) => createLMDBXRepository({ path: args.path, name: name || undefined }));
  let repositories = open();
  await Promise.all(
    Array.from({ length: LONG_LIST }, (_, i) => repositories[0].put("long", `key-${i}`, i)),
  );
  const records = [];
  const readers = [];
  for (let round = 0; round < args.rounds; round++) {
    const workers = Array.from({ length: WORKERS }, (_, index) => work(round, index));
    const own = Promise.all(
      Array.from({ length: 100 }, (_, i) => repositories[0].put("main", i, round)),
    );
    const fresh = await Promise.all(workers);
    await own;
    assert.deepStrictEqual(await repositories[0].get("main", 99), round);
    await verify(repositories, fresh);
    records.push(...fresh);
    readers.push(counters(repositories[0]).readers);
  }
  await Promise.all(repositories.map((repository) => repository.close()));
  repositories = open();
  const acknowledged = await verify(repositories, records);
  assert.equal((await repositories[0].list("long")).length, LONG_LIST);
  await Promise.all(repositories.map((repository) => repository.close()));
  const mapped = !noProc && mappings(args.path) > 0;
  say({ acknowledged, mapped, readers: Math.max(...readers) });
  clearInterval(alive);
}

main();
