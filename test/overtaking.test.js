"use strict";
// A position never overtakes what was lost: also where that takes its place among the writes long
// after it was asked for, as transactions and loads do.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");

const { rejection, using } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

const TIMEOUT = { timeout: patient(60_000) };
const put = (tenantId, key, value) => ({ type: "put", tenantId, key, value });
const at = (position, expected) => ({ checkpoint: { name: "p", position, expected } });
const codeOf = (promise) => promise.then(() => undefined, (error) => error.code ?? error.message);
const codes = (promises) => Promise.all(promises.map(codeOf));

function check(statement, body) {
  test(statement, TIMEOUT, using(body));
}

describe("what was lost with a checkpoint", () => {
  /** What may fail with a checkpoint. */
  const failures = {
    "a batch": (repository) => repository.batch([put("t", "lost", () => 1)], at(10)),
    "a transaction that throws at once": (repository) =>
      repository.transaction(() => {
        throw new Error("mine");
      }, at(10)),
    "a transaction that throws later": (repository, turns) =>
      repository.transaction(async () => {
        await turns(2);
        throw new Error("mine");
      }, at(10)),
    "a transaction that conflicts": (repository) =>
      repository.transaction((tx) => tx.put("t", "lost", 1), at(10, "other")),
    "a load of a bad record": (repository) => repository.bulkLoad([["t", "lost", () => 1]], at(10)),
    "a load whose source fails": (repository) => repository.bulkLoad(failingSource(), at(10)),
  };
  async function* failingSource() {
    yield ["t", "lost", 1];
    throw new Error("mine");
  }
  async function turns(count) {
    for (let i = 0; i < count; i++) await new Promise(setImmediate);
  }
  /** What takes its place long after it was asked for, when it is released. */
  const slow = {
    "a transaction": (repository, released) =>
      repository.transaction(async (tx) => {
        await released;
        tx.put("t", "behind", 1);
      }, at(20)),
    "a transaction that has to run again": (repository, released) => {
      let runs = 0;
      return repository.transaction(async (tx) => {
        assert.ok(++runs <= 1, "runs no more");
        await tx.get("t", "changes");
        await repository.put("t", "changes", 1);
        await released;
      }, at(20));
    },
    "a load": (repository, released) => {
      async function* source() {
        await released;
        yield ["t", "behind", 1];
      }
      return repository.bulkLoad(source(), at(20));
    },
  };
  for (const [what, fail] of Object.entries(failures)) {
    for (const [who, issue] of Object.entries(slow)) {
      check(`by ${what} is not overtaken by ${who} that ends after it was told`, async (open) => {
        const repository = open();
        await repository.ready();
        let release;
        const released = new Promise((resolve) => (release = resolve));
        const lost = rejection(fail(repository, turns));
        const behind = rejection(issue(repository, released));
        assert.notEqual((await lost).code, "LMDBX_ABORTED");
        await turns(3);
        await repository.batch([put("t", "again", 1)], at(10)); // begins again, and is let
        release();
        assert.equal((await behind).code, "LMDBX_ABORTED");
        assert.equal(await repository.getCheckpoint("p"), 10);
        await repository.batch([], at(11)); // nor does that failure fail those who had begun again
        assert.deepEqual((await repository.list("t")).filter((key) => key !== "changes"), ["again"]);
      });
    }
  }

  check("by a load at its first record is overtaken by no batch of then", async (open) => {
    const repository = open();
    await repository.ready();
    const lost = repository.bulkLoad([["t", "lost", () => 1]], at(10));
    const behind = repository.batch([], at(20));
    assert.deepEqual(await codes([lost, behind]), ["LMDBX_INVALID_VALUE", "LMDBX_ABORTED"]);
    await repository.batch([], at(30));
    assert.equal(await repository.getCheckpoint("p"), 30);
  });

  check("by a load stays lost until the load has ended its source, and says so", async (open) => {
    const repository = open();
    let closing;
    const begun = new Promise((resolve) => (closing = resolve));
    let close;
    const closed = new Promise((resolve) => (close = resolve));
    async function* source() {
      try {
        yield ["t", "lost", () => 1];
      } finally {
        closing();
        await closed;
      }
    }
    let told = false;
    const lost = rejection(repository.bulkLoad(source(), at(10))).then(() => (told = true));
    await begun;
    const behind = await rejection(repository.batch([], at(20)));
    assert.deepEqual([behind.code, told], ["LMDBX_ABORTED", false]);
    close();
    await lost;
    await repository.batch([], at(30));
  });

  check("does not fail one whose function ended before", async (open) => {
    const repository = open();
    await repository.ready();
    const first = repository.transaction((tx) => tx.put("t", "first", 1), at(1));
    await turns(1);
    const lost = repository.batch([], at(2, "other"));
    assert.deepEqual(await codes([first, lost]), [undefined, "LMDBX_CONFLICT"]);
    assert.equal(await repository.getCheckpoint("p"), 1);
  });

  check("leaves a batch alone that was given to it while a transaction ran: see expected", async (open) => {
    const repository = open();
    const at20 = { checkpoint: { name: "p", position: 20 } };
    const fenced = { checkpoint: { name: "p", position: 20, expected: 10 } };
    const failing = (during) =>
      rejection(
        repository.transaction(async () => {
          await during();
          throw new Error("mine");
        }, at(10)),
      );
    let behind;
    assert.equal((await failing(async () => (behind = await codes([repository.batch([], fenced)])))).message, "mine");
    assert.deepEqual(behind, ["LMDBX_CONFLICT"]);
    assert.equal(await repository.getCheckpoint("p"), undefined);
    await failing(() => repository.batch([], at20));
    assert.equal(await repository.getCheckpoint("p"), 20);
  });
});
