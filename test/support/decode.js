"use strict";
// Stored bytes that must be refused.

const assert = require("node:assert/strict");

const { hex, inject } = require("./raw.js");
const { rejection } = require("./temporary.js");

/** Asserts that a read rejects as documented. */
async function assertDecodeError(promise, key, size, message) {
  const error = await rejection(promise);
  assert.equal(error.code, "LMDBX_DECODE", `${message}: ${error.stack}`);
  assert.equal(error.tenantId, "t", message);
  assert.deepStrictEqual(error.key, key, message);
  const [, position] = /\bat byte (\d+)/.exec(error.message) ?? [];
  assert.ok(Number(position) <= size, `${message}: ${error.message}`);
  return error;
}

/** Reads values from raw bytes next to a sound record. All must be refused. */
async function assertAllRefused(open, directory, values, options) {
  inject(directory, [
    ...values.map((bytes, index) => [`t:${index}`, bytes]),
    ['t:"sound"', hex("a1 78")],
  ]);
  const repository = open(options);
  await Promise.all(
    values.map((bytes, index) =>
      assertDecodeError(
        repository.get("t", index),
        index,
        bytes.length,
        bytes.toString("hex", 0, 99),
      ),
    ),
  );
  assert.equal(await repository.get("t", "sound"), "x");
}

module.exports = { assertAllRefused, assertDecodeError };
