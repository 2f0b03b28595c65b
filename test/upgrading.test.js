"use strict";
// UPGRADING.md is true: every row of its tables, for both packages.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { runToEnd } = require("./support/program.js");
const { using, rejection, runProgram } = require("./support/temporary.js");
const { assertSame } = require("./support/same.js");
const { nested, cyclic } = require("./support/upgrading.js");

const document = fs.readFileSync(path.join(__dirname, "../UPGRADING.md"), "utf8");

/** The rows of a table that is marked as tested. */
function rowsOf(title) {
  const table = document.split(`<!-- tested: ${title} -->\n`)[1].split("\n\n")[0];
  const [, , ...rows] = table.trimEnd().split("\n");
  return rows.map((row) => row.slice(2, -2).split(" | "));
}

/** Runs steps on the replaced package, and says what came of the last. */
async function before(directory, ...steps) {
  const end = await runToEnd("old-steps", { directory, steps });
  const said = end.stdout.trim().split("\n").map((line) => JSON.parse(line));
  return { ...said.at(-1), signal: end.signal, code: end.code };
}

describe("values", () => {
  const evaluate = (source) => new Function("nested", "cyclic", `return (${source});`)(nested, cyclic);
  const code = (cell) => /^`([^`]+)`/.exec(cell)?.[1];

  async function assertBefore(directory, expression, cell) {
    const put = `const repo = open({ path: directory }); await repo.put("t", "k", ${expression});`;
    const got = `const got = await repo.get("t", "k");`;
    if (cell === "a `RangeError`") {
      return assert.equal((await before(directory, put)).error, "RangeError");
    }
    if (cell === "a `Buffer` of other bytes") {
      // Elements cut to a byte each, then what the memory held: only a second element surely differs.
      const compare = `return Buffer.isBuffer(got) && !got.equals(Buffer.from((${expression}).buffer));`;
      return assert.equal((await before(directory, put + got + compare)).value, true);
    }
    const has = cell.endsWith(", though `has` says true");
    assert.ok(has || cell === `\`${code(cell)}\``, cell);
    const compare = `assertSame(got, ${code(cell)}); return await repo.has("t", "k");`;
    const result = await before(directory, put + got + compare);
    assert.equal(result.value, true, JSON.stringify(result));
  }

  async function assertAfter(repository, expression, cell) {
    const promise = repository.put("t", "k", evaluate(expression));
    if (/^`LMDBX_\w+`$/.test(cell)) {
      assert.equal((await rejection(promise)).code, code(cell));
      assert.equal(await repository.has("t", "k"), false);
    } else {
      await promise;
      assertSame(await repository.get("t", "k"), evaluate(code(cell)));
    }
  }

  for (const [value, old, now] of rowsOf("values")) {
    test(
      `${value}: ${old}; ${now}`,
      using(async (open, directory) => {
        await assertBefore(path.join(directory, "old"), code(value), old);
        await assertAfter(open({ path: path.join(directory, "new") }), code(value), now);
      }),
    );
  }
});

const OPEN = "const repo = open({ path: directory });";
/** The handler of Bun 1.2 ends with the latter. */
const CRASH = /^SIG(SEGV|ILL)$/;
const valueOf = async (...args) => {
  const result = await before(...args);
  assert.equal(result.error, undefined, JSON.stringify(result));
  return result.value;
};

/**
 * What the second table says, by its first column: [what 0.3.x does, how that shows, what this
 * version does, how that shows]. `old` is given an empty directory, `now` a function that opens in
 * one, and the directory.
 */
const BEHAVIOUR = {
  "`path` with an extension, `./users.lmdb`": [
    "a single file of that name",
    async (directory) => {
      const step = `const repo = open({ path: directory + "/users.lmdb" }); await repo.put("t", 1, 1);
        return fs.statSync(directory + "/users.lmdb").isFile();`;
      assert.equal(await valueOf(directory, step), true);
    },
    "a directory, as any other path",
    async (open, directory) => {
      await open({ path: path.join(directory, "users.lmdb") }).put("t", 1, 1);
      assert.ok(fs.statSync(path.join(directory, "users.lmdb")).isDirectory());
    },
  ],
  "`path` left out": [
    "a temporary database, deleted at `close`",
    async (directory) => {
      const step = `const repo = open({}); await repo.put("t", 1, 1);
        const { path } = repo.db; const existed = fs.existsSync(path); await repo.close();
        return [existed, fs.existsSync(path)];`;
      assert.deepEqual(await valueOf(directory, step), [true, false]);
    },
    "the constructor throws `LMDBX_INVALID_CONFIG`",
    (open) => assert.throws(() => open({ path: undefined }), { code: "LMDBX_INVALID_CONFIG" }),
  ],
  "a file where the directory should be": [
    "the constructor throws",
    async (directory) => {
      fs.writeFileSync(path.join(directory, "file"), "text");
      const { error } = await before(directory, `open({ path: directory + "/file" });`);
      assert.equal(error, "Error");
    },
    "calls reject with `LMDBX_NOT_A_DIRECTORY`",
    async (open, directory) => {
      const file = path.join(directory, "file");
      fs.writeFileSync(file, "text");
      const { code } = await rejection(open({ path: file }).get("t", 1));
      assert.equal(code, "LMDBX_NOT_A_DIRECTORY");
    },
  ],
  "a database of 0.3.x": [
    "opens",
    async (directory) => {
      const write = `${OPEN} await repo.put("t", 1, 1); await repo.close();`;
      assert.equal(await valueOf(directory, write, `${OPEN} return repo.get("t", 1);`), 1);
    },
    "calls reject with `LMDBX_FORMAT`, which names the command",
    async (open, directory) => {
      await valueOf(directory, `${OPEN} await repo.put("t", 1, 1);`);
      const { code, message } = await rejection(open().get("t", 1));
      assert.equal(code, "LMDBX_FORMAT");
      assert.match(message, /npx @aurora\/runtime-storage-lmdbx import /);
    },
  ],
  "a single file of 0.3.x": [
    "opens",
    async (directory) => {
      const open = `const repo = open({ path: directory + "/users.lmdb" });`;
      const write = `${open} await repo.put("t", 1, 1); await repo.close();`;
      assert.equal(await valueOf(directory, write, `${open} return repo.get("t", 1);`), 1);
    },
    "calls reject with `LMDBX_FORMAT`, which names the command",
    async (open, directory) => {
      const file = path.join(directory, "users.lmdb");
      await valueOf(file, `${OPEN} await repo.put("t", 1, 1);`);
      const { code, message } = await rejection(open({ path: file }).get("t", 1));
      assert.equal(code, "LMDBX_FORMAT");
      assert.match(message, /npx @aurora\/runtime-storage-lmdbx import /);
    },
  ],
  "a database of 0.4": [
    "the process crashes",
    async (directory) => {
      const program = `(async () => {
        const repository = lmdbx.createLMDBXRepository({ path: args[0] });
        await repository.put("t", 1, 1);
        await repository.close();
      })();`;
      assert.equal((await runProgram(program, [directory])).code, 0);
      assert.match((await before(directory, OPEN)).signal, CRASH);
    },
    "opens",
    async (open) => {
      const repository = open();
      await repository.put("t", 1, 1);
      await repository.close();
      assert.equal(await open().get("t", 1), 1);
    },
  ],
  "a `data.mdb` that is not LMDB's": [
    "the process crashes",
    async (directory) => {
      fs.writeFileSync(path.join(directory, "data.mdb"), "x".repeat(9_000));
      assert.match((await before(directory, OPEN)).signal, CRASH);
    },
    "calls reject with `LMDBX_CORRUPT`",
    async (open, directory) => {
      fs.writeFileSync(path.join(directory, "data.mdb"), "x".repeat(9_000));
      assert.equal((await rejection(open().get("t", 1))).code, "LMDBX_CORRUPT");
    },
  ],
  "a `data.mdb` of 0 bytes": [
    "becomes an empty database",
    async (directory) => {
      fs.writeFileSync(path.join(directory, "data.mdb"), "");
      assert.deepEqual(await valueOf(directory, `${OPEN} return repo.list("t");`), []);
    },
    "calls reject with `LMDBX_CORRUPT`",
    async (open, directory) => {
      fs.writeFileSync(path.join(directory, "data.mdb"), "");
      assert.equal((await rejection(open().get("t", 1))).code, "LMDBX_CORRUPT");
    },
  ],
  "an `encoding` that does not exist": [
    "`put` of an object throws, strings are stored",
    async (directory) => {
      const open = `const repo = open({ path: directory, encoding: "mspack" });`;
      const { error } = await before(directory, `${open} await repo.put("t", 1, {});`);
      assert.equal(error, "Error");
      const step = `${open} await repo.put("t", 1, "text"); return repo.get("t", 1);`;
      assert.equal(await valueOf(directory, step), "text");
    },
    "the constructor throws `LMDBX_INVALID_CONFIG`",
    (open) => assert.throws(() => open({ encoding: "mspack" }), { code: "LMDBX_INVALID_CONFIG" }),
  ],
  "an option that does not exist": [
    "ignored",
    async (directory) => {
      const step = `const repo = open({ path: directory, mapsize: 1 }); await repo.put("t", 1, 1);
        return repo.get("t", 1);`;
      assert.equal(await valueOf(directory, step), 1);
    },
    "ignored, with a warning",
    async (open, directory) => {
      const program = `process.on("warning", (warning) => console.log(warning.code));
        lmdbx.createLMDBXRepository({ path: args[0], mapsize: 1 }).close();`;
      const { stdout } = await runProgram(program, [directory]);
      assert.equal(stdout.trim(), "LMDBX_UNKNOWN_OPTION");
    },
  ],
  "data past `mapSize`": [
    "the file grows past it",
    async (directory) => {
      const step = `const repo = open({ path: directory, mapSize: 100_000 });
        for (let n = 0; n < 20; n++) await repo.put("t", n, Buffer.alloc(20_000));
        return fs.statSync(directory + "/data.mdb").size > 300_000;`;
      assert.equal(await valueOf(directory, step), true);
    },
    "`put` rejects with `LMDBX_MAP_FULL`",
    async (open) => {
      const put = open({ mapSize: 100_000 }).put("t", 1, Buffer.alloc(200_000));
      assert.equal((await rejection(put)).code, "LMDBX_MAP_FULL");
    },
  ],
  "stored keys over 511 bytes": [
    "stored, up to 1,978",
    async (directory) => {
      const step = `${OPEN} for (const size of [511, 512, 1978]) {
          await repo.put("t", "k".repeat(size - 4), size);
          if ((await repo.get("t", "k".repeat(size - 4))) !== size) return size;
        }
        return repo.put("t", "k".repeat(1979 - 4), 1);`;
      const { error, message } = await before(directory, step);
      assert.equal(error, "Error");
      assert.match(message, /maximum key size \(1978\)/);
    },
    "stored up to 1,980 with a prebuilt addon, refused with `LMDBX_KEY_TOO_LARGE` by one on the system's liblmdb",
    async (open) => {
      const repository = open();
      const put = (size) => repository.put("t", "k".repeat(size - 4), size);
      await put(511);
      const limit = await put(512).then(() => 1_980, ({ code }) => {
        assert.equal(code, "LMDBX_KEY_TOO_LARGE");
        return 511;
      });
      await put(limit);
      assert.equal(await repository.get("t", "k".repeat(limit - 4)), limit);
      assert.equal((await rejection(put(limit + 1))).code, "LMDBX_KEY_TOO_LARGE");
    },
  ],
  "a key that JSON does not hold, such as `NaN`": [
    "stored as `null`",
    async (directory) => {
      const step = `${OPEN} await repo.put("t", NaN, 1); return repo.list("t");`;
      assert.deepEqual(await valueOf(directory, step), [null]);
    },
    "`LMDBX_INVALID_KEY`",
    async (open) => assert.equal((await rejection(open().put("t", NaN, 1))).code, "LMDBX_INVALID_KEY"),
  ],
  "the key `undefined`": [
    "stored, and breaks `list`",
    async (directory) => {
      const put = `${OPEN} await repo.put("t", undefined, 1); return repo.get("t", undefined);`;
      assert.equal(await valueOf(directory, put), 1);
      assert.equal((await before(directory, `${OPEN} return repo.list("t");`)).error, "SyntaxError");
    },
    "`LMDBX_INVALID_KEY`",
    async (open) => {
      assert.equal((await rejection(open().put("t", undefined, 1))).code, "LMDBX_INVALID_KEY");
    },
  ],
  "a tenant id that is empty, or no string": [
    "stored",
    async (directory) => {
      const step = `${OPEN} await repo.put("", 1, 1); await repo.put(undefined, 1, 1);
        return [await repo.get("", 1), await repo.get("undefined", 1)];`;
      assert.deepEqual(await valueOf(directory, step), [1, 1]);
    },
    "`LMDBX_INVALID_ARGUMENT`",
    async (open) => {
      for (const tenant of ["", undefined]) {
        assert.equal((await rejection(open().put(tenant, 1, 1))).code, "LMDBX_INVALID_ARGUMENT");
      }
    },
  ],
  "tenants `a` and `a:b` in one database": [
    '`list("a")` throws',
    async (directory) => {
      const step = `${OPEN} await repo.put("a", 1, 1); await repo.put("a:b", 2, 2); return repo.list("a");`;
      assert.equal((await before(directory, step)).error, "SyntaxError");
    },
    "each lists its own keys",
    async (open) => {
      const repository = open();
      await repository.put("a", 1, 1);
      await repository.put("a:b", 2, 2);
      assert.deepEqual([await repository.list("a"), await repository.list("a:b")], [[1], [2]]);
    },
  ],
  "a `name` such as `t:1`": [
    '`list("t")` shows the key 1',
    async (directory) => {
      const step = `${OPEN} open({ path: directory, name: "t:1" }); return repo.list("t");`;
      assert.deepEqual(await valueOf(directory, step), [1]);
    },
    "the constructor throws `LMDBX_INVALID_CONFIG`",
    (open) => assert.throws(() => open({ name: "t:1" }), { code: "LMDBX_INVALID_CONFIG" }),
  ],
  "`get` after a `put` that was not awaited": [
    "what was there before",
    async (directory) => {
      const step = `${OPEN} await repo.put("t", 1, "before"); const put = repo.put("t", 1, "after");
        const got = await repo.get("t", 1); await put; return got;`;
      assert.equal(await valueOf(directory, step), "before");
    },
    "the value that was put",
    async (open) => {
      const repository = open();
      await repository.put("t", 1, "before");
      const put = repository.put("t", 1, "after");
      assert.equal(await repository.get("t", 1), "after");
      await put;
    },
  ],
  "`get` after a `delete` that was not awaited": [
    "what was there before",
    async (directory) => {
      const step = `${OPEN} await repo.put("t", 1, "before"); const gone = repo.delete("t", 1);
        const got = await repo.get("t", 1); await gone; return got;`;
      assert.equal(await valueOf(directory, step), "before");
    },
    "`undefined`",
    async (open) => {
      const repository = open();
      await repository.put("t", 1, "before");
      const gone = repository.delete("t", 1);
      assert.equal(await repository.get("t", 1), undefined);
      await gone;
    },
  ],
  "`delete`": [
    "resolves to `undefined`",
    async (directory) => {
      const step = `${OPEN} await repo.put("t", 1, 1);
        return [await repo.delete("t", 1), await repo.delete("t", 1)].every((each) => each === undefined);`;
      assert.equal(await valueOf(directory, step), true);
    },
    "resolves to whether there was a record",
    async (open) => {
      const repository = open();
      await repository.put("t", 1, 1);
      const results = [await repository.delete("t", 1), await repository.delete("t", 1)];
      assert.deepEqual(results, [true, false]);
    },
  ],
  "`compression` switched off again": [
    "`get` throws",
    async (directory) => {
      const write = `const repo = open({ path: directory, compression: true });
        await repo.put("t", 1, "x".repeat(5_000)); await repo.close();`;
      assert.equal((await before(directory, write, `${OPEN} return repo.get("t", 1);`)).error, "Error");
    },
    "`get` gives the value",
    async (open) => {
      await open({ compression: true }).put("t", 1, "x".repeat(5_000));
      assert.equal(await open().get("t", 1), "x".repeat(5_000));
    },
  ],
  "a value of another encoding": [
    "`get` throws an error without a code",
    async (directory) => {
      const write = `const repo = open({ path: directory, encoding: "json" });
        await repo.put("t", 1, { a: 1 }); await repo.close();`;
      const { error, code } = await before(directory, write, `${OPEN} return repo.get("t", 1);`);
      assert.ok(error !== undefined && code !== "LMDBX_DECODE");
    },
    "`get` rejects with `LMDBX_DECODE`",
    async (open) => {
      await open({ encoding: "json" }).put("t", 1, { a: 1 });
      assert.equal((await rejection(open().get("t", 1))).code, "LMDBX_DECODE");
    },
  ],
  "a call after `close`": [
    "throws an error without a code",
    async (directory) => {
      const step = `${OPEN} await repo.put("t", 1, 1); await repo.close(); return repo.get("t", 1);`;
      const { error, message } = await before(directory, step);
      assert.equal(error, "Error");
      assert.match(message, /closed database/);
    },
    "rejects with `LMDBX_CLOSED`",
    async (open) => {
      const repository = open();
      await repository.close();
      assert.equal((await rejection(repository.get("t", 1))).code, "LMDBX_CLOSED");
    },
  ],
  "`put(undefined)` under `json`": [
    "throws a `TypeError` without a code",
    async (directory) => {
      const open = `const repo = open({ path: directory, encoding: "json" });`;
      assert.equal((await before(directory, `${open} await repo.put("t", 1, undefined);`)).error, "TypeError");
    },
    "`LMDBX_INVALID_VALUE`",
    async (open) => {
      const put = open({ encoding: "json" }).put("t", 1, undefined);
      assert.equal((await rejection(put)).code, "LMDBX_INVALID_VALUE");
    },
  ],
  "`put` of a `Buffer` under `string`": [
    "stores its text",
    async (directory) => {
      const step = `const repo = open({ path: directory, encoding: "string" });
        await repo.put("t", 1, Buffer.from("text")); return repo.get("t", 1);`;
      assert.equal(await valueOf(directory, step), "text");
    },
    "`LMDBX_INVALID_VALUE`",
    async (open) => {
      const put = open({ encoding: "string" }).put("t", 1, Buffer.from("text"));
      assert.equal((await rejection(put)).code, "LMDBX_INVALID_VALUE");
    },
  ],
  "two repositories of one path, with a `mapSize` each": [
    "the second opens",
    async (directory) => {
      const step = `const first = open({ path: directory, mapSize: 2 ** 20 });
        await first.put("t", 1, 1);
        const second = open({ path: directory, mapSize: 2 ** 21 }); return second.get("t", 1);`;
      assert.equal(await valueOf(directory, step), 1);
    },
    "calls of the second reject with `LMDBX_CONFIG_CONFLICT`",
    async (open) => {
      await open({ mapSize: 2 ** 20 }).ready();
      const get = open({ mapSize: 2 ** 21 }).get("t", 1);
      assert.equal((await rejection(get)).code, "LMDBX_CONFIG_CONFLICT");
    },
  ],
};

describe("behaviour", () => {
  const rows = rowsOf("behaviour");

  test("is tested row by row", () => {
    assert.deepEqual(rows.map(([what]) => what), Object.keys(BEHAVIOUR));
    for (const [what, old, now] of rows) {
      assert.deepEqual([old, now], [BEHAVIOUR[what][0], BEHAVIOUR[what][2]]);
    }
  });

  for (const [what, [old, showOld, now, showNow]] of Object.entries(BEHAVIOUR)) {
    test(`${what}, 0.3.x: ${old}`, using((open, directory) => showOld(directory)));
    test(`${what}, now: ${now}`, using((open, directory) => showNow(open, directory)));
  }
});
