"use strict";
// A worker thread that works on a database until it is terminated, in lanes with a repository each.
// It records in shared memory which states of its keys it has issued, and which it knows to be on
// disk.

const { parentPort, workerData } = require("node:worker_threads");

const { createLMDBXRepository } = require("../..");
const { change, same, stateOf } = require("../support/ledger.js");
const { randomOf } = require("../support/random.js");

const { path, tenant, seed, lanes, keys, issued, acknowledged, patient } = workerData;

let said = false;

/** Says that it works: a patient worker when the first change is on disk. */
function say() {
  if (!said) parentPort.postMessage("working");
  said = true;
}

function fail(what, key, found, number) {
  throw new Error(`${what} of ${key} in state ${number}: ${JSON.stringify(found)?.slice(0, 100)}`);
}

async function lane(index) {
  const random = randomOf(seed + index);
  const open = () => createLMDBXRepository({ path, name: index % 2 ? "odd" : undefined });
  const laneTenant = `${tenant}-${index}`;
  let repository = open();
  for (;;) {
    const key = random(keys);
    const slot = index * keys + key;
    const changes = [];
    for (let left = 1 + random(3); left > 0; left--) {
      const number = Atomics.add(issued, slot, 1) + 1;
      changes.push(
        change(repository, laneTenant, key, number).then(() => {
          Atomics.store(acknowledged, slot, number);
          say();
        }),
      );
    }
    const number = Atomics.load(issued, slot);
    const expected = stateOf(key, number);
    const reads = [
      repository.get(laneTenant, key).then((found) => {
        if (!same(found, expected)) fail("get", key, found, number);
      }),
      repository.has(laneTenant, key).then((found) => {
        if (found !== (expected !== undefined)) fail("has", key, found, number);
      }),
    ];
    const closes = random(20) === 0;
    const list = (ofTenant, check) =>
      repository.list(ofTenant).then(check, (error) => {
        if (!closes || error.code !== "LMDBX_CLOSED") throw error; // close() ends long ones
      });
    if (random(5) === 0) {
      const check = (found) => {
        if (found.includes(key) !== (expected !== undefined)) fail("list", key, found, number);
      };
      reads.push(list(laneTenant, check));
    }
    if (random(10) === 0) reads.push(list("long", () => {}));
    if (random(4) === 0) {
      const snapshot = repository.snapshot(); // some are closed, others collected, or cut off
      reads.push(
        snapshot.get(laneTenant, key).then((found) => {
          if (!same(found, expected)) fail("get of a snapshot", key, found, number);
        }),
        snapshot.entries("long").next(),
        repository.getMany(laneTenant, [key]).then(([found]) => {
          if (!same(found, expected)) fail("getMany", key, found, number);
        }),
      );
      if (random(2) === 0) snapshot.close();
    }
    await Promise.all([...changes, ...reads, closes ? repository.close() : undefined]);
    if (closes || random(20) === 0) {
      await repository.close();
      repository = open();
    }
  }
}

if (!patient) say();
for (let index = 0; index < lanes; index++) {
  lane(index).catch((error) =>
    setImmediate(() => {
      throw error;
    }),
  );
}
