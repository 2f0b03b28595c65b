"use strict";
// Values that lie in the file and were not written by the package, or with another encoding.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");

const { hex, inject } = require("./support/raw.js");
const { using, rejection } = require("./support/temporary.js");

describe("stored bytes that the package did not write", () => {
  const key = (name) => `t:${JSON.stringify(name)}`;
  /** Opens a database with the given values, by name. */
  function withStored(statement, values, body) {
    test(
      statement,
      using(async (open, directory) => {
        inject(
          directory,
          Object.entries(values).map(([name, value]) => [key(name), value]),
        );
        await body(open());
      }),
    );
  }

  withStored(
    "repeated and numeric field names read as JSON.parse reads them",
    { repeated: hex("83 a161 01 a162 02 a161 03"), numeric: hex("83 a162 01 a131 02 a130 03") },
    async (repository) => {
      const repeated = await repository.get("t", "repeated");
      assert.equal(JSON.stringify(repeated), '{"a":3,"b":2}');
      const numeric = await repository.get("t", "numeric");
      assert.equal(JSON.stringify(numeric), JSON.stringify(JSON.parse('{"b":1,"1":2,"0":3}')));
    },
  );

  const readable = {
    "int 64": [hex("d3 0000000000000001"), 1n],
    "uint 64": [hex("cf 0000000000000001"), 1n],
    "float 32": [hex("ca 3f000000"), 0.5],
    "map with other keys": [
      hex("82 01 02 a161 c0"),
      new Map([
        [1, 2],
        ["a", null],
      ]),
    ],
    "timestamp with nanoseconds": [hex("d7 ff 003d08fc 00000001"), new Date(1000)],
    "Uint8Array as an extension": [hex("c7 03 74 01 0506"), new Uint8Array([5, 6])],
  };
  withStored(
    "forms that other writers use are understood",
    Object.fromEntries(Object.entries(readable).map(([name, [bytes]]) => [name, bytes])),
    async (repository) => {
      for (const [name, [, value]] of Object.entries(readable)) {
        assert.deepStrictEqual(await repository.get("t", name), value, name);
      }
    },
  );

  const damaged = {
    empty: hex(""),
    cut: hex("92 01"),
    trailing: hex("01 02"),
    "not UTF-8": hex("a2 c328"),
    "unknown extension": hex("d4 02 00"),
    "late date": hex("c7 0c ff 00000000 7fffffffffffffff"),
    "claims 4 GB of items": hex("dd ffffffff 01"),
    "claims 4 GB of fields": hex("df ffffffff a0"),
    "claims 4 GB of text": hex("db ffffffff 61"),
    "claims 4 GB of extension": hex("c9 ffffffff 73"),
    "claims 16M items in 5 bytes": hex("dd 00ffffff"),
    "nested 100k deep": Buffer.alloc(100_000, 0x91),
    "a frame that is none": hex("04224d18 00"),
  };
  withStored(
    "damaged and hostile values are refused; other records stay readable",
    { ...damaged, sound: hex("a2 6f6b") },
    async (repository) => {
      const before = process.memoryUsage().rss;
      for (const name of Object.keys(damaged)) {
        const error = await rejection(repository.get("t", name));
        assert.equal(error.code, "LMDBX_DECODE", name);
        assert.equal(error.tenantId, "t");
        assert.equal(error.key, name);
        assert.match(error.message, /at byte \d+ of \d+/);
        assert.equal(await repository.get("t", "sound"), "ok");
      }
      assert.ok(process.memoryUsage().rss - before < 64 * 1024 * 1024);
    },
  );

  const wrong = {
    json: ["json", { a: 1 }, /looks like JSON; was this written with encoding json\?/],
    string: [
      "string",
      "hello, world",
      /looks like plain text; was this written with encoding string\?/,
    ],
  };
  for (const [name, [encoding, value, message]] of Object.entries(wrong)) {
    test(
      `what was written with encoding ${name} is recognised`,
      using(async (open) => {
        const writer = open({ encoding });
        await writer.put("t", "k", value);
        await writer.close();
        const error = await rejection(open().get("t", "k"));
        assert.equal(error.code, "LMDBX_DECODE");
        assert.match(error.message, message);
      }),
    );
  }
});
