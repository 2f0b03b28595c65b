"use strict";
// update through several repositories of one thread: their chains take turns.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");

const { chooseSeed, randomOf, scale } = require("./support/random.js");
const { using } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

const TIMEOUT = { timeout: patient(scale(60_000, 600_000)) };

const range = (length) => Array.from({ length }, (_, i) => i);
const increment = (current = 0) => current + 1;

function check(statement, body) {
  test(statement, TIMEOUT, using(body));
}

describe("updates through several repositories of one thread", () => {
  const REPOSITORIES = 32;
  const ROUNDS = scale(10, 200);

  check("take turns: no function runs in vain, in whatever rhythm they are asked", async (open) => {
    const random = randomOf(chooseSeed("update-turns"));
    const repositories = range(REPOSITORIES).map((i) => open({ reads: i % 2 ? "pool" : "adaptive" }));
    await Promise.all(repositories.map((repository) => repository.ready()));
    let calls = 0;
    const results = [];
    const lane = async (repository) => {
      for (let round = 0; round < ROUNDS; round++) {
        const updates = range(1 + random(3)).map(() =>
          repository.update("t", 1, (current = 0) => {
            calls++;
            return current + 1;
          }),
        );
        results.push(...(await Promise.all(updates)));
        if (random(4) === 0) await new Promise(setImmediate);
      }
    };
    await Promise.all(repositories.map(lane));
    results.sort((a, b) => a - b);
    assert.deepEqual(results, range(results.length).map((i) => i + 1));
    assert.equal(calls, results.length);
  });

  check("count right together with those that store otherwise, or elsewhere", async (open) => {
    const kinds = [{}, { compression: true }, { reads: "pool" }, { name: "n" }];
    const repositories = [...kinds, ...kinds].map((kind) => open(kind));
    const add = (current = "") => `${current}${"x".repeat(200)}`;
    const each = repositories.map((repository) => repository.update("t", "text", add));
    const lengths = (await Promise.all(each)).map((text) => text.length);
    const named = [lengths[3], lengths[7]].sort((a, b) => a - b);
    const main = lengths.filter((_, i) => i % 4 !== 3).sort((a, b) => a - b);
    assert.deepEqual([named, main], [[200, 400], [200, 400, 600, 800, 1000, 1200]]);
  });

  check("close independently: those that stay finish", async (open) => {
    const random = randomOf(chooseSeed("update-closes"));
    const reader = open();
    let closed = 0;
    let expected = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const repositories = range(8).map(() => open());
      if (round % 2 === 0) await Promise.all(repositories.map((repository) => repository.ready()));
      const asked = [];
      const closing = new Set();
      for (const step of range(40)) {
        const i = random(repositories.length);
        if (!closing.has(i)) {
          const update = repositories[i].update("t", 1, increment);
          asked.push(update.then((value) => ({ i, value }), (error) => ({ i, error })));
        }
        if (random(10) === 0) closing.add(i);
        if (closing.has(i)) void repositories[i].close();
        if (step % 7 === 0) await new Promise(setImmediate);
      }
      for (const { i, value, error } of await Promise.all(asked)) {
        if (error === undefined) {
          expected++;
          continue;
        }
        assert.equal(error.code, "LMDBX_CLOSED");
        assert.ok(closing.has(i), "rejected only where it was closed");
        closed++;
      }
      assert.equal(await reader.get("t", 1), expected);
      await Promise.all(repositories.map((repository) => repository.close()));
    }
    assert.ok(closed > 0, "closing came in between");
  });

  check("pass on where one of them is refused", async (open) => {
    const writer = open();
    await writer.put("t", 1, 0);
    const reader = open({ readOnly: true });
    await reader.ready();
    const updates = range(20).map((i) => (i % 2 ? writer : reader).update("t", 1, increment));
    const outcomes = await Promise.allSettled(updates);
    outcomes.forEach(({ value, reason }, i) => {
      if (i % 2) assert.equal(value, (i + 1) / 2);
      else assert.equal(reason.code, "LMDBX_READ_ONLY");
    });
  });
});
