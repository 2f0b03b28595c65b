"use strict";
// What bad input and bad surroundings get: a typed error that says what to do, and nothing lost.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");

const { LMDBXError, LMDBXRepository, createLMDBXRepository, isLMDBXError } = require("..");
const { longestPut } = require("./support/limits.js");
const { using, rejection, runProgram } = require("./support/temporary.js");

describe("configuration", () => {
  const refused = {
    "no configuration": [undefined, TypeError, /config/],
    null: [null, TypeError, /config/],
    "a string": ["/tmp/x", TypeError, /config/],
    "a missing path": [{}, TypeError, /path/],
    "an empty path": [{ path: "" }, TypeError, /path/],
    "a path that is no string": [{ path: 5 }, TypeError, /path/],
    "a path with NUL": [{ path: "a\0b" }, TypeError, /path.*NUL/],
    "a URL that is no file": [{ path: new URL("http://localhost/x") }, TypeError, /path/],
    "an unknown encoding": [{ path: "x", encoding: "xml" }, TypeError, /encoding.*"xml"/],
    "compression that is no boolean": [{ path: "x", compression: 1 }, TypeError, /compression/],
    "an empty name": [{ path: "x", name: "" }, TypeError, /name/],
    "a name that is no string": [{ path: "x", name: 1 }, TypeError, /name/],
    "a name that reads as a key": [{ path: "x", name: 'a:"b"' }, TypeError, /name/],
    "a name with a lone surrogate": [{ path: "x", name: "\ud800" }, TypeError, /name/],
    "mapSize as text": [{ path: "x", mapSize: "1" }, TypeError, /mapSize/],
    "a negative mapSize": [{ path: "x", mapSize: -1 }, RangeError, /mapSize/],
    "a fractional mapSize": [{ path: "x", mapSize: 1.5 }, RangeError, /mapSize/],
    "a mapSize that is not safe": [{ path: "x", mapSize: 2 ** 53 }, RangeError, /mapSize/],
    "mapSize NaN": [{ path: "x", mapSize: NaN }, RangeError, /mapSize/],
    "readOnly as text": [{ path: "x", readOnly: "yes" }, TypeError, /readOnly/],
    "reads of another kind": [{ path: "x", reads: "fast" }, TypeError, /reads.*"fast"/],
    "maxReaders 0": [{ path: "x", maxReaders: 0 }, RangeError, /maxReaders/],
    "maxReaders beyond all reason": [{ path: "x", maxReaders: 1e9 }, TypeError, /maxReaders/],
    "maxQueuedBytes as text": [{ path: "x", maxQueuedBytes: "1" }, TypeError, /maxQueuedBytes/],
    "a negative maxQueuedBytes": [{ path: "x", maxQueuedBytes: -1 }, RangeError, /maxQueuedBytes/],
  };
  for (const [what, [config, type, message]] of Object.entries(refused)) {
    test(`${what} is refused by the constructor, naming the field`, () => {
      for (const open of [createLMDBXRepository, (given) => new LMDBXRepository(given)]) {
        assert.throws(
          () => open(config),
          (error) => {
            assert.ok(error instanceof type);
            assert.equal(error.code, "LMDBX_INVALID_CONFIG");
            assert.match(error.message, message);
            assert.ok(isLMDBXError(error));
            return true;
          },
        );
      }
      assert.ok(!fs.existsSync("x"));
    });
  }

  test(
    "undefined counts as left out, and so does mapSize 0",
    using(async (open) => {
      const repository = open({
        name: undefined,
        compression: undefined,
        encoding: undefined,
        mapSize: undefined,
      });
      await repository.put("t", 1, new Date(0));
      assert.deepStrictEqual(await open({ mapSize: 0 }).get("t", 1), new Date(0));
    }),
  );

  test(
    "an unknown option warns once, with the nearest known name",
    using(async (_open, directory) => {
      const program = `
        const warnings = [];
        process.on("warning", (warning) => warnings.push(warning.message));
        const options = { path: args[0], mapsize: 1, colour: "red" };
        const first = lmdbx.createLMDBXRepository(options);
        const second = lmdbx.createLMDBXRepository(options);
        Promise.all([first.close(), second.close()])
          .then(() => new Promise(setImmediate))
          .then(() => console.log(JSON.stringify(warnings)));`;
      const { stdout, code } = await runProgram(program, [directory]);
      assert.equal(code, 0);
      assert.deepStrictEqual(JSON.parse(stdout), [
        'unknown option "mapsize" is ignored; did you mean mapSize?',
        'unknown option "colour" is ignored',
      ]);
    }),
  );
});

describe("arguments", () => {
  const calls = {
    get: (repository, tenant, key) => repository.get(tenant, key),
    has: (repository, tenant, key) => repository.has(tenant, key),
    delete: (repository, tenant, key) => repository.delete(tenant, key),
    put: (repository, tenant, key) => repository.put(tenant, key, 1),
  };

  for (const [name, call] of Object.entries(calls)) {
    test(
      `${name} rejects a tenant that is no non-empty, well-formed string`,
      using(async (open) => {
        const repository = open();
        for (const tenant of [undefined, null, "", 1, {}, ["t"], "\ud800", "a\udc00b"]) {
          const error = await rejection(call(repository, tenant, "k"));
          assert.equal(error.code, "LMDBX_INVALID_ARGUMENT");
          assert.ok(error instanceof TypeError);
          assert.match(error.message, /tenantId/);
        }
        assert.deepStrictEqual(await repository.list("t"), []);
      }),
    );

    test(
      `${name} rejects a key that JSON does not hold exactly`,
      using(async (open) => {
        const repository = open();
        const cycle = {};
        cycle.self = cycle;
        const keys = [
          ...[undefined, NaN, Infinity, 10n, Symbol("s"), () => 1, new Map(), new Set(), cycle],
          ...[new Error("e"), /r/, new Uint8Array(1), new ArrayBuffer(1), Promise.resolve()],
          ...[{ a: NaN }, [[-Infinity]], [undefined], { a: [() => 1] }, { a: Symbol("s") }],
        ];
        for (const key of keys) {
          const error = await rejection(call(repository, "t", key));
          assert.equal(error.code, "LMDBX_INVALID_KEY", String(error));
          assert.ok(error instanceof TypeError);
        }
      }),
    );

    test(
      `${name} rejects a key that is too long once stored, with its length and the limit`,
      using(async (open) => {
        const repository = open();
        const limit = name === "put" ? await longestPut(repository) : 1980;
        const longest = "x".repeat(limit - 't:""'.length);
        await call(repository, "t", longest);
        const error = await rejection(call(repository, "t", `${longest}x`));
        assert.equal(error.code, "LMDBX_KEY_TOO_LARGE");
        assert.ok(error instanceof RangeError);
        assert.match(error.message, new RegExp(`${limit + 1}.*${limit}`));
        assert.equal(error.tenantId, "t");
        assert.equal(error.key, `${longest}x`);
        assert.ok(!error.message.includes("x".repeat(65)), "a message shows little of a key");
      }),
    );
  }

  test(
    "list rejects a tenant that is no non-empty, well-formed string",
    using(async (open) => {
      for (const tenant of [undefined, "", 1, "\ud800"]) {
        const error = await rejection(open().list(tenant));
        assert.equal(error.code, "LMDBX_INVALID_ARGUMENT");
      }
    }),
  );

  test(
    "encoding string stores strings alone",
    using(async (open) => {
      const repository = open({ encoding: "string" });
      for (const value of [1, null, undefined, {}, Buffer.from("x"), "\ud800"]) {
        const error = await rejection(repository.put("t", 1, value));
        assert.equal(error.code, "LMDBX_INVALID_VALUE");
        assert.ok(error instanceof TypeError);
      }
      assert.equal(await repository.has("t", 1), false);
    }),
  );

  test(
    "encoding json refuses what has no JSON text",
    using(async (open) => {
      const repository = open({ encoding: "json" });
      for (const value of [undefined, () => 1, Symbol("s"), 10n]) {
        assert.equal((await rejection(repository.put("t", 1, value))).code, "LMDBX_INVALID_VALUE");
      }
      assert.equal(await repository.has("t", 1), false);
    }),
  );
});

describe("stored values that do not decode", () => {
  const written = { json: { a: 1 }, string: "plain text", msgpack: { a: [1, 2, 3], b: "\u00ff" } };
  for (const [from, value] of Object.entries(written)) {
    for (const to of Object.keys(written)) {
      if (to === from || (from === "json" && to === "string")) continue;
      test(
        `a value written with ${from} and read with ${to} rejects with LMDBX_DECODE`,
        using(async (open, directory) => {
          await open({ encoding: from }).put("acme", "k", value);
          const reader = open({ encoding: to });
          const error = await rejection(reader.get("acme", "k"));
          assert.equal(error.code, "LMDBX_DECODE");
          assert.ok(error instanceof LMDBXError);
          assert.equal(error.path, directory);
          assert.equal(error.tenantId, "acme");
          assert.equal(error.key, "k");
          assert.match(error.message, /byte \d+/);
          assert.match(error.message, /written with/);
          assert.equal(await reader.has("acme", "k"), true);
        }),
      );
    }
  }
});

/** Everything in a directory, by name, with its bytes and times of change. */
function contents(directory) {
  return fs
    .readdirSync(directory)
    .sort()
    .map((name) => {
      const file = path.join(directory, name);
      const stat = fs.statSync(file);
      return [name, stat.isFile() ? fs.readFileSync(file, "latin1") : "", stat.mtimeMs];
    });
}

describe("paths that cannot be opened", () => {
  /** The first bytes of a data file as 0.3.x wrote it. */
  const replaced = Buffer.alloc(8192);
  replaced.writeUInt32LE(0xbeefc0de, 24);
  replaced.writeUInt32LE(2, 28);

  const cases = {
    "an empty data.mdb": ["LMDBX_CORRUPT", Buffer.alloc(0), /empty/i],
    "a file that is no LMDB file": ["LMDBX_CORRUPT", Buffer.from("x".repeat(9000)), /LMDB/],
    "a file of the replaced package": ["LMDBX_FORMAT", replaced, /0\.3/],
    "a file cut inside its first page": ["LMDBX_CORRUPT", Buffer.alloc(100), /./],
  };
  for (const [what, [code, bytes, message]] of Object.entries(cases)) {
    test(
      `${what} rejects every operation with ${code} and is left as it was`,
      using(async (open, directory) => {
        fs.writeFileSync(path.join(directory, "data.mdb"), bytes);
        const before = contents(directory);
        const repository = open();
        const operations = [
          repository.put("t", 1, 1),
          repository.get("t", 1),
          repository.has("t", 1),
          repository.delete("t", 1),
          repository.list("t"),
          repository.ready(),
        ];
        for (const operation of operations) {
          const error = await rejection(operation);
          assert.equal(error.code, code);
          assert.equal(error.path, directory);
          assert.match(error.message, message);
        }
        assert.equal((await rejection(repository.get("t", 1))).code, code);
        await repository.close();
        assert.deepStrictEqual(contents(directory), before);
      }),
    );
  }

  test(
    "a file in the way of the directory rejects with LMDBX_NOT_A_DIRECTORY",
    using(async (open, directory) => {
      const file = path.join(directory, "file");
      fs.writeFileSync(file, "precious");
      for (const inTheWay of [file, path.join(file, "below")]) {
        const error = await rejection(open({ path: inTheWay }).get("t", 1));
        assert.equal(error.code, "LMDBX_NOT_A_DIRECTORY");
        assert.ok(error.message.includes(inTheWay));
      }
      assert.equal(fs.readFileSync(file, "utf8"), "precious");
    }),
  );

  test(
    "a directory without permission rejects with LMDBX_ACCESS",
    using(async (open, directory) => {
      const locked = path.join(directory, "locked");
      fs.mkdirSync(locked, { mode: 0o500 });
      if (process.getuid() !== 0) {
        const error = await rejection(open({ path: path.join(locked, "db") }).get("t", 1));
        assert.equal(error.code, "LMDBX_ACCESS");
        return;
      }
      // root may do everything, so a process of another user has to try.
      fs.chmodSync(directory, 0o755);
      const program = `
        process.setegid(65534);
        process.seteuid(65534);
        const repository = lmdbx.createLMDBXRepository({ path: args[0] });
        repository.get("t", 1).catch((error) => console.log(error.code));`;
      const { stdout, stderr } = await runProgram(program, [path.join(locked, "db")]);
      assert.match(stdout, /^LMDBX_ACCESS/, stderr);
    }),
  );

  test(
    "a failed opening raises no unhandled rejection by itself, and close works",
    using(async (_open, directory) => {
      fs.writeFileSync(path.join(directory, "data.mdb"), "");
      const program = `
        process.on("unhandledRejection", (error) => console.log("unhandled", error));
        const repository = lmdbx.createLMDBXRepository({ path: args[0] });
        const second = lmdbx.createLMDBXRepository({ path: args[0] });
        second.ready().catch(async () => {
          await new Promise(setImmediate);
          await repository.close();
          console.log("closed");
        });`;
      const { stdout, code } = await runProgram(program, [directory]);
      assert.equal(stdout, "closed\n");
      assert.equal(code, 0);
    }),
  );
});
