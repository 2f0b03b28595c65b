"use strict";
// Random operations of two tenants on two repositories of one path, compared with a plain Map.
//
// What one repository object is asked for, awaited or not, happens in the order of the asking. So in
// a round each of the two writes keys of its own, and what it reads of them is exactly known. Keys
// that the other one is writing just then may be found in any of their states of this round.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");

const { chooseSeed, randomOf, scale } = require("./support/random.js");
const { using } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

const OPERATIONS = scale(100_000, 2_000_000);
const TIMEOUT = { timeout: patient(scale(60_000, 900_000)) };
const TENANTS = ["a", "a:b"]; // records of the second lie among those of the first
const KEYS = 80;
const MOST_IN_A_ROUND = 200;

/** Keys of every kind that JSON has. */
const keyOf = (number) => [number, `key ${number}`, { number }, [number, null]][(number >> 1) % 4];

/** All key numbers in stored order. */
const ORDER = Array.from({ length: KEYS }, (_, number) => number).sort((a, b) =>
  Buffer.compare(Buffer.from(JSON.stringify(keyOf(a))), Buffer.from(JSON.stringify(keyOf(b)))),
);

function randomValue(random, count) {
  switch (random(6)) {
    case 0:
      return { count, list: [null, true, 1.5, "ü"], nested: { deep: [{ count }] } };
    case 1:
      return "x".repeat(random(3000));
    case 2:
      return "compressible ".repeat(random(300));
    case 3:
      return new Date(count);
    default:
      return { count };
  }
}

function isEqual(a, b) {
  try {
    assert.deepStrictEqual(a, b);
    return true;
  } catch {
    return false;
  }
}

/** Applies random operations to a map of "tenant key" to value, and to repositories. */
async function run(open, random, operations) {
  const name = random(2) ? "model" : undefined;
  const opened = () =>
    open({ name, compression: random(2) === 0, reads: random(2) ? "pool" : "adaptive" });
  const repositories = [opened(), opened()];
  const model = new Map();
  let count = 0;

  /** One round: operations of both repositories, none of them awaited. */
  async function round() {
    const owner = random(2); // of the even keys
    const states = new Map(); // of what is written in this round: all values it may have
    const outcomes = [];
    const later = [];

    const expect = (promise, expected, what) => {
      const number = count;
      outcomes.push(
        promise.then((found) =>
          assert.deepStrictEqual(found, expected, `operation ${number}: ${what}`),
        ),
      );
    };
    const write = (id, value) => {
      if (!states.has(id)) states.set(id, [model.get(id)]);
      states.get(id).push(value);
      if (value === undefined) model.delete(id);
      else model.set(id, value);
    };
    const list = (repository, tenant, isOwn) => {
      const expected = ORDER.filter((key) => isOwn(key) && model.has(`${tenant} ${key}`));
      const texts = new Set(ORDER.filter(isOwn).map((key) => JSON.stringify(keyOf(key))));
      const found = repository.list(TENANTS[tenant]);
      const own = found.then((keys) => keys.filter((key) => texts.has(JSON.stringify(key))));
      expect(own, expected.map(keyOf), `list ${tenant}`);
    };
    /** Of keys whose values fit on one page, so that a close() in this round does not cut them off. */
    const readMany = (source, tenant, isOwn, what) => {
      const keys = ORDER.filter((key) => isOwn(key) && random(4) === 0).slice(0, 12);
      const expected = keys.map((key) => model.get(`${tenant} ${key}`));
      expect(source.getMany(TENANTS[tenant], keys.map(keyOf)), expected, `${what} ${tenant}`);
    };
    const snap = (repository, tenant, isOwn) => {
      const snapshot = repository.snapshot();
      readMany(snapshot, tenant, isOwn, "getMany of a snapshot");
      list(snapshot, tenant, isOwn);
      if (random(2) === 0) later.push(async () => snapshot.close());
    };

    for (let left = 1 + random(MOST_IN_A_ROUND); left > 0; left--) {
      count++;
      const index = random(2);
      const isOwn = (key) => (key + owner) % 2 === index;
      const [tenant, key] = [random(TENANTS.length), random(KEYS)];
      const id = `${tenant} ${key}`;
      const view = random(2) === 0 ? repositories[index].tenant(TENANTS[tenant]) : undefined;
      const call = (method, ...rest) =>
        view === undefined
          ? repositories[index][method](TENANTS[tenant], keyOf(key), ...rest)
          : view[method](keyOf(key), ...rest);
      const what = random(100);
      if (what < 3) {
        list(repositories[index], tenant, isOwn);
      } else if (what < 5) {
        readMany(repositories[index], tenant, isOwn, "getMany");
      } else if (what < 6) {
        snap(repositories[index], tenant, isOwn);
      } else if (what < 40 && isOwn(key)) {
        const value = randomValue(random, count);
        write(id, value);
        expect(call("put", value), undefined, `put ${id}`);
      } else if (what < 55 && isOwn(key)) {
        const existed = model.has(id);
        write(id, undefined);
        expect(call("delete"), existed, `delete ${id}`);
      } else if (what < 65 && isOwn(key)) {
        expect(call("has"), model.has(id), `has ${id}`);
      } else if (isOwn(key)) {
        expect(call("get"), model.get(id), `get ${id}`);
      } else {
        const number = count;
        const atRest = model.get(id);
        const found = call("get");
        later.push(async () => {
          const possible = states.get(id) ?? [atRest];
          const value = await found;
          const message = `operation ${number}: get ${id} of the other repository`;
          assert.ok(possible.some((state) => isEqual(value, state)), message);
        });
      }
      if (random(300) === 0) {
        const closing = repositories[index].close();
        await closing; // what was issued before completes
        repositories[index] = opened();
      }
    }
    await Promise.all(outcomes);
    for (const check of later) await check();
  }

  /** At rest both repositories show the same, and all of it. */
  async function compare() {
    for (const repository of repositories) {
      for (const tenant of TENANTS.keys()) {
        const expected = ORDER.filter((key) => model.has(`${tenant} ${key}`)).map(keyOf);
        assert.deepStrictEqual(await repository.list(TENANTS[tenant]), expected);
        const values = await Promise.all(
          ORDER.map((key) => repository.get(TENANTS[tenant], keyOf(key))),
        );
        assert.deepStrictEqual(values, ORDER.map((key) => model.get(`${tenant} ${key}`)));
      }
    }
  }

  while (count < operations) {
    await round();
    if (random(20) === 0) await compare();
  }
  await Promise.all(repositories.map((repository) => repository.close()));
  repositories.splice(0, 2, opened(), opened());
  await compare();
}

describe("model", () => {
  test(
    `${OPERATIONS} random operations give what a Map gives`,
    TIMEOUT,
    using((open) => run(open, randomOf(chooseSeed("model")), OPERATIONS)),
  );
});
