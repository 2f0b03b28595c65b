"use strict";
// What the rows do. Each workload takes { repo, row, first, count } and gives
//   operation(i)   the measured call, a promise; i runs from 0 (warming up) to first + count
//   verify(repo)   checks, not measured, what the store gave and holds; repo has been opened anew
// Keys and values are made before, so that the time is the store's.

const assert = require("node:assert/strict");
const data = require("./data.js");

const { TENANT } = data;
/** How many records a verification looks at. */
const SAMPLE = 200;
/** Values that puts take in turn. */
const VALUES = 2000;

function valueOf(row, i) {
  return data.valueOf(row.data.kind, row.data.encoding, i);
}

/** Up to SAMPLE of the numbers below a limit, spread evenly. */
function sample(limit) {
  const step = Math.max(1, Math.floor(limit / SAMPLE));
  return Array.from({ length: Math.min(limit, SAMPLE) }, (_, i) => i * step);
}

function get({ repo, row, first, count }) {
  const indexes = data.picks(first + count, row.data.records);
  const keys = Array.from(indexes, data.keyOf);
  return {
    operation: (i) => repo.get(TENANT, keys[i]),
    async verify(reopened) {
      for (const i of sample(keys.length)) {
        assert.deepEqual(await reopened.get(TENANT, keys[i]), valueOf(row, indexes[i]));
      }
    },
  };
}

function miss({ repo, row, first, count }) {
  const keys = Array.from(data.picks(first + count, row.data.records), data.absentKeyOf);
  return {
    operation: (i) => repo.get(TENANT, keys[i]),
    async verify(reopened) {
      for (const i of sample(keys.length)) {
        assert.equal(await reopened.get(TENANT, keys[i]), undefined);
      }
    },
  };
}

function has({ repo, row, first, count }) {
  const indexes = data.picks(first + count, row.data.records);
  const keyOf = (index, i) => (i % 2 === 0 ? data.keyOf(index) : data.absentKeyOf(index));
  const keys = Array.from(indexes, keyOf);
  return {
    operation: (i) => repo.has(TENANT, keys[i]),
    async verify(reopened) {
      for (const i of sample(keys.length)) {
        assert.equal(await reopened.has(TENANT, keys[i]), i % 2 === 0);
        assert.equal(await reopened.has(TENANT, keys[i ^ 1]), i % 2 !== 0);
      }
    },
  };
}

function put({ repo, row, first, count }) {
  const keys = Array.from({ length: first + count }, (_, i) => data.keyOf(i));
  const values = Array.from({ length: Math.min(VALUES, keys.length) }, (_, i) => valueOf(row, i));
  return {
    operation: (i) => repo.put(TENANT, keys[i], values[i % VALUES]),
    async verify(reopened) {
      assert.equal((await reopened.list(TENANT)).length, keys.length);
      for (const i of sample(keys.length)) {
        assert.deepEqual(await reopened.get(TENANT, keys[i]), values[i % VALUES]);
      }
    },
  };
}

function remove({ repo, row, first, count }) {
  const keys = Array.from({ length: first + count }, (_, i) => data.keyOf(i));
  return {
    operation: (i) => repo.delete(TENANT, keys[i]),
    async verify(reopened) {
      assert.equal((await reopened.list(TENANT)).length, row.data.records - keys.length);
      for (const i of sample(keys.length)) {
        assert.equal(await reopened.has(TENANT, keys[i]), false);
      }
    },
  };
}

function list({ repo, row }) {
  return {
    operation: () => repo.list(TENANT),
    async verify(reopened) {
      const keys = await reopened.list(TENANT);
      assert.equal(keys.length, row.data.records);
      for (const i of sample(keys.length)) assert.equal(keys[i], data.keyOf(i));
    },
  };
}

function listSmall({ repo, row, first, count }) {
  const indexes = data.picks(first + count, data.SMALL_TENANTS);
  const tenants = Array.from(indexes, data.smallTenant);
  return {
    operation: (i) => repo.list(tenants[i]),
    async verify(reopened) {
      for (const i of sample(tenants.length)) {
        const expected = [];
        for (let record = indexes[i]; record < row.data.records; record += data.SMALL_TENANTS) {
          expected.push(data.keyOf(record));
        }
        assert.deepEqual(await reopened.list(tenants[i]), expected);
      }
    },
  };
}

/** Gets with a put in every tenth place. */
function mixed({ repo, row, first, count }) {
  const indexes = data.picks(first + count, row.data.records);
  const keys = Array.from(indexes, data.keyOf);
  const values = Array.from({ length: VALUES }, (_, i) => valueOf(row, i));
  const putAt = (i) => i % 10 === 9;
  return {
    operation(i) {
      if (putAt(i)) return repo.put(TENANT, keys[i], values[indexes[i] % VALUES]);
      return repo.get(TENANT, keys[i]);
    },
    async verify(reopened) {
      const written = new Set(indexes.filter((_, i) => putAt(i)));
      for (const i of sample(keys.length)) {
        const from = written.has(indexes[i]) ? indexes[i] % VALUES : indexes[i];
        assert.deepEqual(await reopened.get(TENANT, keys[i]), valueOf(row, from));
      }
    },
  };
}

/** Each record is modified at most once, so that lanes do not overwrite each other. */
function modify({ repo, row, first, count }) {
  const indexes = data.shuffled(row.data.records).subarray(0, first + count);
  const keys = Array.from(indexes, data.keyOf);
  return {
    async operation(i) {
      const value = await repo.get(TENANT, keys[i]);
      await repo.put(TENANT, keys[i], { ...value, status: "shipped", total: value.total + 1 });
    },
    async verify(reopened) {
      assert.equal(keys.length, first + count);
      for (const i of sample(keys.length)) {
        const before = valueOf(row, indexes[i]);
        const after = { ...before, status: "shipped", total: before.total + 1 };
        assert.deepEqual(await reopened.get(TENANT, keys[i]), after);
      }
    },
  };
}

/** Puts over records that are there, at random. */
function update({ repo, row, first, count }) {
  const indexes = data.picks(first + count, row.data.records);
  const keys = Array.from(indexes, data.keyOf);
  const values = Array.from({ length: VALUES }, (_, i) => valueOf(row, i));
  return {
    operation: (i) => repo.put(TENANT, keys[i], values[indexes[i] % VALUES]),
    async verify(reopened) {
      for (const i of sample(keys.length)) {
        assert.deepEqual(await reopened.get(TENANT, keys[i]), values[indexes[i] % VALUES]);
      }
    },
  };
}

module.exports = { get, miss, has, put, remove, list, listSmall, mixed, modify, update };
