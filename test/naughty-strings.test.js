"use strict";
// The Big List of Naughty Strings: as tenants, as keys and as values.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");

const list = require("big-list-of-naughty-strings/blns.json");
const { assertSame } = require("./support/same.js");
const { using } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

const TIMEOUT = { timeout: patient(60_000) };
const naughty = [...new Set(list)];
/** Among them some whose names go on where the stored keys of others do. */
const tenants = naughty
  .flatMap((text, index) => (index % 4 === 0 ? [text, `${text}:`, `${text}:"x"`] : [text]))
  .filter((text) => text !== "");

assert.ok(naughty.length > 400, "the list is not the list");

function check(statement, body) {
  test(statement, TIMEOUT, using(body));
}

const inStoredOrder = (keys) =>
  [...keys].sort((a, b) =>
    Buffer.compare(Buffer.from(JSON.stringify(a)), Buffer.from(JSON.stringify(b))),
  );

describe("naughty strings", () => {
  check("as tenants, all in one database, they see exactly their own records", async (open) => {
    const repository = open();
    const keysOf = (tenant) => [tenant, [tenant.length], { [tenant]: null }];
    const isShort = (tenant) => Buffer.byteLength(tenant + JSON.stringify(keysOf(tenant))) < 500;
    const some = tenants.filter(isShort);
    assert.ok(some.length > 600, `${some.length} tenants`);
    await Promise.all(
      some.flatMap((tenant) => keysOf(tenant).map((key) => repository.put(tenant, key, [tenant]))),
    );
    const assertAll = async (expected) => {
      await Promise.all(
        some.map(async (tenant) => {
          const keys = expected(tenant);
          assertSame(await repository.list(tenant), inStoredOrder(keys), JSON.stringify(tenant));
          for (const key of keysOf(tenant)) {
            const given = keys.some((other) => JSON.stringify(other) === JSON.stringify(key));
            assert.equal(await repository.has(tenant, key), given);
            assert.deepStrictEqual(await repository.get(tenant, key), given ? [tenant] : undefined);
          }
        }),
      );
    };
    await assertAll(keysOf);
    const isEmptied = new Set(some.filter((_, index) => index % 2 === 0));
    for (const tenant of isEmptied) {
      const deleted = keysOf(tenant).map((key) => repository.delete(tenant, key));
      assert.deepStrictEqual(await Promise.all(deleted), [true, true, true]);
    }
    await assertAll((tenant) => (isEmptied.has(tenant) ? [] : keysOf(tenant)));
  });

  check("as keys, each is a record of its own", async (open) => {
    const repository = open();
    const shapes = [(text) => text, (text) => [text, 1], (text) => ({ [text]: text.slice(0, 20) })];
    const keys = shapes
      .flatMap((shape) => naughty.map(shape))
      .filter((key) => Buffer.byteLength(JSON.stringify(key)) < 500);
    assert.ok(keys.length > 1300, `${keys.length} keys`);
    await Promise.all(keys.map((key, index) => repository.put("tenant", key, index)));
    assertSame(await repository.list("tenant"), inStoredOrder(keys));
    const values = await Promise.all(keys.map((key) => repository.get("tenant", key)));
    assert.deepStrictEqual(values, [...keys.keys()]);
  });

  for (const encoding of ["msgpack", "json", "string"]) {
    for (const compression of [false, true]) {
      check(
        `as values they read back the same, encoding ${encoding}, compression ${compression}`,
        async (open) => {
          const repository = open({ encoding, compression });
          const all = list.join("\n");
          const structured = [list, Object.fromEntries(list.map((text) => [text, text]))];
          const values = [...naughty, all, ...(encoding === "string" ? [] : structured)];
          await Promise.all(values.map((value, index) => repository.put("t", index, value)));
          const read = await Promise.all(values.map((_, index) => repository.get("t", index)));
          read.forEach((value, index) => assertSame(value, values[index], `value ${index}`));
        },
      );
    }
  }
});
