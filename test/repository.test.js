"use strict";
// The documented calls: what they do and what they return.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const { pathToFileURL } = require("node:url");
const path = require("node:path");

const lmdbx = require("..");
const { using, rejection } = require("./support/temporary.js");

const ENCODINGS = { msgpack: { a: [1, "x", null] }, json: { a: [1, "x", null] }, string: "text" };

describe("point operations", () => {
  for (const [encoding, value] of Object.entries(ENCODINGS)) {
    for (const compression of [false, true]) {
      test(
        `put, get, has and delete work with encoding ${encoding}, compression ${compression}`,
        using(async (open) => {
          const repository = open({ encoding, compression });
          assert.equal(await repository.get("t", "k"), undefined);
          assert.equal(await repository.has("t", "k"), false);
          assert.equal(await repository.put("t", "k", value), undefined);
          assert.deepStrictEqual(await repository.get("t", "k"), value);
          assert.equal(await repository.has("t", "k"), true);
          assert.equal(await repository.delete("t", "k"), true);
          assert.equal(await repository.delete("t", "k"), false);
          assert.equal(await repository.has("t", "k"), false);
        }),
      );
    }
  }

  test(
    "put replaces the value of a key",
    using(async (open) => {
      const repository = open();
      await repository.put("t", "k", { large: "x".repeat(10_000) });
      await repository.put("t", "k", 1);
      assert.equal(await repository.get("t", "k"), 1);
      assert.deepStrictEqual(await repository.list("t"), ["k"]);
    }),
  );

  test(
    "values survive closing and opening again",
    using(async (open) => {
      const first = open();
      await first.put("t", { b: 1, a: [true, null] }, { n: 1.5 });
      await first.close();
      const second = open();
      assert.deepStrictEqual(await second.get("t", { b: 1, a: [true, null] }), { n: 1.5 });
      assert.deepStrictEqual(await second.list("t"), [{ b: 1, a: [true, null] }]);
    }),
  );

  test(
    "compressed values are read whatever the option says, and the other way round",
    using(async (open) => {
      const value = "compressible ".repeat(1000);
      const packing = open({ compression: true });
      await packing.put("t", 1, value);
      const plain = open({ compression: false });
      await plain.put("t", 2, value);
      assert.equal(await plain.get("t", 1), value);
      assert.equal(await packing.get("t", 2), value);
    }),
  );
});

describe("list", () => {
  test(
    "gives the keys of one tenant in the order of their JSON text",
    using(async (open) => {
      const repository = open();
      const keys = [10, 9, "b", "a", [2], [1, 2], { x: 1 }, null, true, "ü", ""];
      await Promise.all(keys.map((key) => repository.put("t", key, 0)));
      await repository.put("other", "z", 0);
      const text = (key) => Buffer.from(JSON.stringify(key));
      const expected = [...keys].sort((a, b) => Buffer.compare(text(a), text(b)));
      assert.deepStrictEqual(await repository.list("t"), expected);
      assert.deepStrictEqual(await repository.list("nobody"), []);
    }),
  );

  test(
    "gives every key of a long list once, as of one moment",
    using(async (open) => {
      const repository = open();
      const count = 60_000;
      const key = (i) => `key-${String(i).padStart(8, "0")}`;
      await Promise.all(Array.from({ length: count }, (_, i) => repository.put("t", key(i), i)));
      const listing = repository.list("t");
      const later = Array.from({ length: 100 }, (_, i) => repository.put("t", `late-${i}`, i));
      const keys = await listing;
      assert.equal(keys.length, count);
      keys.forEach((found, i) => assert.equal(found, key(i)));
      await Promise.all(later);
      assert.equal((await repository.list("t")).length, count + 100);
    }),
  );
});

describe("tenants and names", () => {
  test(
    "the same key of two tenants is two records",
    using(async (open) => {
      const repository = open();
      await repository.put("a", "k", 1);
      await repository.put("a:b", "k", 2);
      await repository.delete("a", "k");
      assert.equal(await repository.get("a:b", "k"), 2);
      assert.deepStrictEqual(await repository.list("a"), []);
    }),
  );

  test(
    "a tenant view has the same calls without the tenant argument",
    using(async (open) => {
      const repository = open();
      const acme = repository.tenant("acme");
      await acme.put("k", { v: 1 });
      assert.deepStrictEqual(await acme.get("k"), { v: 1 });
      assert.equal(await acme.has("k"), true);
      assert.deepStrictEqual(await acme.list(), ["k"]);
      assert.deepStrictEqual(await repository.get("acme", "k"), { v: 1 });
      assert.equal(await repository.has("globex", "k"), false);
      assert.equal(await acme.delete("k"), true);
      assert.equal(JSON.stringify(acme), "{}");
      assert.throws(() => repository.tenant(""), { code: "LMDBX_INVALID_ARGUMENT" });
    }),
  );

  test(
    "names keep databases of one directory apart, and list shows no names",
    using(async (open) => {
      const main = open();
      const orders = open({ name: "orders" });
      const users = open({ name: "users" });
      await Promise.all([main.put("t", 1, "m"), orders.put("t", 1, "o"), users.put("t", 1, "u")]);
      assert.equal(await main.get("t", 1), "m");
      assert.equal(await orders.get("t", 1), "o");
      assert.equal(await users.get("t", 1), "u");
      assert.deepStrictEqual(await main.list("t"), [1]);
      await orders.delete("t", 1);
      assert.equal(await users.get("t", 1), "u");
    }),
  );

  test(
    "repositories with the same path and name share their records",
    using(async (open, directory) => {
      const one = open({ name: "n" });
      const two = open({ name: "n", path: path.join(directory, "..", path.basename(directory)) });
      await one.put("t", 1, "x");
      assert.equal(await two.get("t", 1), "x");
    }),
  );
});

describe("the life of a repository", () => {
  test(
    "path may be a file URL, and a directory that does not exist yet",
    using(async (open, directory) => {
      const url = pathToFileURL(path.join(directory, "a", "b c"));
      await open({ path: url }).put("t", 1, "x");
      assert.equal(await open({ path: path.join(directory, "a", "b c") }).get("t", 1), "x");
    }),
  );

  test(
    "ready resolves once the repository is open",
    using(async (open) => {
      const repository = open();
      assert.equal(await repository.ready(), undefined);
      assert.equal(await repository.ready(), undefined);
    }),
  );

  test(
    "operations issued before close complete, later ones reject with LMDBX_CLOSED",
    using(async (open) => {
      const repository = open();
      const puts = Array.from({ length: 100 }, (_, i) => repository.put("t", i, i));
      const get = repository.get("t", 99);
      const closing = repository.close();
      const late = [
        repository.get("t", 1),
        repository.put("t", 1, 1),
        repository.delete("t", 1),
        repository.has("t", 1),
        repository.list("t"),
        repository.ready(),
        repository.tenant("t").get(1),
      ];
      for (const promise of late) {
        const error = await rejection(promise);
        assert.equal(error.code, "LMDBX_CLOSED");
        assert.ok(error instanceof lmdbx.LMDBXError);
      }
      await Promise.all(puts);
      assert.equal(await get, 99);
      await closing;
      assert.equal((await open().list("t")).length, 100);
    }),
  );

  test(
    "close ends a long list that is under way, and lets the operations beside it finish",
    using(async (open) => {
      const repository = open();
      const count = 10_000; // of 100 characters: several pages
      const key = (i) => `${i}`.padStart(100, "0");
      await Promise.all(Array.from({ length: count }, (_, i) => repository.put("long", key(i), i)));
      const lists = [repository.list("long"), repository.list("long")];
      const beside = [repository.put("t", 1, "x"), repository.get("t", 1), repository.has("t", 1)];
      const closing = repository.close();
      const ends = await Promise.all(lists.map(rejection)); // in any order: both are waited for
      for (const end of ends) assert.equal(end.code, "LMDBX_CLOSED");
      assert.deepStrictEqual(await Promise.all(beside), [undefined, "x", true]);
      await closing;
      const again = open();
      assert.equal(await again.get("t", 1), "x");
      assert.equal((await again.list("long")).length, count);
    }),
  );

  test(
    "close is fine twice, at once, and as asyncDispose",
    using(async (open) => {
      const repository = open();
      await Promise.all([repository.close(), repository.close()]);
      await repository.close();
      const other = open();
      await other.put("t", 1, 1);
      await other[Symbol.asyncDispose]();
      assert.equal((await rejection(other.get("t", 1))).code, "LMDBX_CLOSED");
    }),
  );

  test("the package exports what it documents, to require and to import", async () => {
    const names = ["LMDBXError", "LMDBXRepository", "createLMDBXRepository", "isLMDBXError"];
    assert.deepStrictEqual(Object.keys(lmdbx).sort(), names);
    const imported = await import("../lib/index.js");
    for (const name of names) assert.equal(imported[name], lmdbx[name]);
  });
});
