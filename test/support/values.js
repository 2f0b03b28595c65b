"use strict";
// Tests of what becomes of values, each with a repository of its own.

const { test } = require("node:test");
const assert = require("node:assert/strict");

const { using, rejection } = require("./temporary.js");

/** A test with one open repository, and `store`, which puts a value and gets it. */
function check(statement, body) {
  test(
    statement,
    using(async (open) => {
      const repository = open();
      const store = async (value) => {
        await repository.put("t", "k", value);
        return repository.get("t", "k");
      };
      await body(store, repository);
    }),
  );
}

/** Values that must come back the same, strictly. */
function checkSame(statement, values) {
  check(statement, async (store) => {
    for (const value of values) {
      assert.deepStrictEqual(await store([value]), [value]);
      assert.deepStrictEqual(await store(value), value);
    }
  });
}

/** Values that must come back as others do. */
function checkBecomes(statement, pairs) {
  check(statement, async (store) => {
    for (const [value, expected] of pairs) assert.deepStrictEqual(await store(value), expected);
  });
}

/** Values that must be refused with a message, and leave what was there. */
function checkRefused(statement, cases) {
  check(statement, async (store, repository) => {
    await repository.put("t", "k", "before");
    for (const [value, message] of cases) {
      const error = await rejection(repository.put("t", "k", value));
      assert.equal(error.code, "LMDBX_INVALID_VALUE", error.stack);
      assert.ok(error instanceof TypeError);
      assert.match(error.message, message);
    }
    assert.equal(await repository.get("t", "k"), "before");
  });
}

module.exports = { check, checkSame, checkBecomes, checkRefused };
