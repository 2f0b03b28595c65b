"use strict";
// What users of this package have been promised from the start about files,
// durability and processes. See documented.test.js.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");

const { runProgram, using } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

const TIMEOUT = { timeout: patient(60_000) };

/** A statement with its proof. */
function check(statement, body) {
  test(statement, TIMEOUT, using(body));
}

/** Runs the body of an async function in another process, with `repo` open there. */
async function runElsewhere(directory, body, ...args) {
  const result = await runProgram(
    `const repo = lmdbx.createLMDBXRepository({ path: args[0] });
     (async () => { ${body}; await repo.close(); })();`,
    [directory, ...args],
  );
  assert.deepEqual({ code: result.code, stderr: result.stderr }, { code: 0, stderr: "" });
  return result.stdout;
}

describe("storage layout", () => {
  check("data.mdb and lock.mdb lie in the database directory", async (open, directory) => {
    const users = path.join(directory, "data", "users");
    await open({ path: users }).put("tenant1", "key", 1);
    assert.deepEqual(fs.readdirSync(users).sort(), ["data.mdb", "lock.mdb"]);
    assert.deepEqual(fs.readdirSync(path.dirname(users)), ["users"]);
  });
});

describe("writes with ACID guarantees", () => {
  check("durable: what was acknowledged survives kill -9", async (open, directory) => {
    const killed = await runProgram(
      `const repo = lmdbx.createLMDBXRepository({ path: args[0] });
       (async () => {
         for (let number = 0; number < 20; number++) {
           await repo.put("tenant1", number, { number });
           require("node:fs").writeSync(1, number + "\\n");
         }
         for (let number = 20; number < 200; number++) repo.put("tenant1", number, { number });
         process.kill(process.pid, "SIGKILL");
       })();`,
      [directory],
    );
    assert.equal(killed.signal, "SIGKILL");
    assert.equal(killed.stdout.trim().split("\n").length, 20);
    const repo = open();
    for (let number = 0; number < 20; number++) {
      assert.deepEqual(await repo.get("tenant1", number), { number });
    }
    // What was under way is there as a whole or not at all.
    for (const number of await repo.list("tenant1")) {
      assert.deepEqual(await repo.get("tenant1", number), { number });
    }
  });

  check("durable: a process need not close to keep what it wrote", async (open, directory) => {
    const { code } = await runProgram(
      `const repo = lmdbx.createLMDBXRepository({ path: args[0] });
       repo.put("tenant1", "key", "kept").then(() => process.exit(0));`,
      [directory],
    );
    assert.equal(code, 0);
    assert.equal(await open().get("tenant1", "key"), "kept");
  });

  check(
    "isolated: a record that another process writes is never seen half",
    async (open, directory) => {
      const repo = open();
      await repo.put("tenant1", "record", { number: 0, text: "0".repeat(20_000) });
      let running = true;
      const writing = runElsewhere(
        directory,
        `for (let number = 1; number <= 50; number++) {
         await repo.put("tenant1", "record", { number, text: String(number % 10).repeat(20000) });
       }`,
      ).finally(() => (running = false));
      let last = 0;
      while (running) {
        const { number, text } = await repo.get("tenant1", "record");
        assert.equal(text, String(number % 10).repeat(20_000));
        assert.ok(number >= last, "never back in time");
        last = number;
      }
      await writing;
      assert.equal((await repo.get("tenant1", "record")).number, 50);
    },
  );
});

describe("concurrency: multiple readers, single writer", () => {
  check("other processes read what this one has open", async (open, directory) => {
    const repo = open();
    await repo.put("tenant1", "key", { from: "the parent" });
    const read = () =>
      runElsewhere(
        directory,
        `process.stdout.write(JSON.stringify(await repo.get("tenant1", "key")))`,
      );
    for (const answer of await Promise.all([read(), read(), read()])) {
      assert.equal(answer, '{"from":"the parent"}');
    }
    await repo.put("tenant1", "key", { from: "the parent", again: true });
    assert.equal(await read(), '{"from":"the parent","again":true}');
  });

  check("this process reads what another one writes", async (open, directory) => {
    const repo = open();
    assert.equal(await repo.get("tenant1", "key"), undefined);
    await runElsewhere(directory, `await repo.put("tenant1", "key", "from the child")`);
    assert.equal(await repo.get("tenant1", "key"), "from the child");
  });

  check("processes that write at once take turns, and lose nothing", async (open, directory) => {
    const repo = open();
    const write = async (name) => {
      for (let number = 0; number < 100; number++) await repo.put(name, number, number);
    };
    const program = `
      for (let number = 0; number < 100; number++) await repo.put(args[1], number, number);`;
    await Promise.all([
      write("here"),
      runElsewhere(directory, program, "one"),
      runElsewhere(directory, program, "two"),
    ]);
    for (const writer of ["here", "one", "two"]) {
      assert.equal((await repo.list(writer)).length, 100, writer);
    }
  });

  check("readers do not wait for a writer", async (open) => {
    const repo = open();
    await repo.put("tenant1", "key", "before");
    const other = open();
    await other.ready();
    const order = [];
    const write = repo
      .put("tenant1", "large", Buffer.alloc(32 * 1024 * 1024))
      .then(() => order.push("write"));
    const read = other.get("tenant1", "key").then(() => order.push("read"));
    await Promise.all([write, read]);
    assert.deepEqual(order, ["read", "write"]);
  });
});

describe("sizes", () => {
  check("values over 1 MB work, too", async (open) => {
    const repo = open();
    const value = { bytes: Buffer.alloc(8 * 1024 * 1024, 1), text: "ü".repeat(1024 * 1024) };
    await repo.put("tenant1", "large", value);
    assert.deepEqual(await repo.get("tenant1", "large"), value);
  });

  check("the database grows by itself", async (open, directory) => {
    const repo = open();
    const value = Buffer.alloc(1024 * 1024, 7);
    await Promise.all(Array.from({ length: 24 }, (_, number) => repo.put("t", number, value)));
    assert.equal((await repo.list("t")).length, 24);
    assert.ok(fs.statSync(path.join(directory, "data.mdb")).size > 24 * value.length);
  });

  check("mapSize is the maximum size of the database", async (open) => {
    const repo = open({ mapSize: 1024 * 1024 });
    const value = "x".repeat(100_000);
    await assert.rejects(
      async () => {
        for (let number = 0; number < 100; number++) await repo.put("tenant1", number, value);
      },
      { code: "LMDBX_MAP_FULL" },
    );
    assert.equal(await repo.get("tenant1", 0), value, "what was acknowledged stays");
    assert.equal(await repo.delete("tenant1", 0), true);
  });
});
