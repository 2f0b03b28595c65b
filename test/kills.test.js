"use strict";
// What update and transaction leave behind when processes are killed at any moment: two at a time,
// which share their records.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");

const { noRobustMutexes } = require("./support/emulated.js");
const { folded } = require("./support/events.js");
const { startProgram } = require("./support/program.js");
const { chooseSeed, randomOf, scale } = require("./support/random.js");
const { using } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

const TIMEOUT = { timeout: patient(scale(60_000, 600_000)), skip: noRobustMutexes };
const KILLS = scale(6, 200);
const LONGEST_LIFE_MS = 150;

const range = (length) => Array.from({ length }, (_, i) => i);
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function check(statement, body) {
  test(statement, TIMEOUT, using(body));
}

/**
 * Lets two processes live for a while, and kills each at a moment of its own.
 * @returns what each has said since it was ready
 */
async function liveAndDie(random, program, argsOf) {
  const life = async (i) => {
    const writer = startProgram(program, argsOf(i), TIMEOUT);
    assert.equal(await writer.heard(), "ready");
    await pause(random(LONGEST_LIFE_MS));
    writer.kill();
    const { signal, stderr } = await writer.ended;
    assert.equal(signal, "SIGKILL", stderr);
    return writer.rest();
  };
  return Promise.all([0, 1].map(life));
}

describe("processes that are killed", () => {
  check(`in ${KILLS} rounds lose no update that was acknowledged, and make none up`, async (open, path) => {
    const COUNTERS = 3;
    const random = randomOf(chooseSeed("kills of update"));
    const repository = open();
    await repository.ready();
    const issued = range(COUNTERS).map(() => 0);
    const acknowledged = range(COUNTERS).map(() => new Set());
    for (let kill = 0; kill < KILLS; kill++) {
      const said = await liveAndDie(random, "update-writer", (i) => {
        const config = { reads: i === 0 ? "adaptive" : "pool", compression: kill % 2 === 1 };
        return { path, counters: COUNTERS, lanes: 16, seed: random(2 ** 32), config };
      });
      for (const [what, counter, value] of said.flat()) {
        if (what === "issued") {
          issued[counter]++;
          continue;
        }
        assert.ok(!acknowledged[counter].has(value), `${value} was given to two updates`);
        acknowledged[counter].add(value);
      }
      // To those who have it open, LMDB shows the very last commit of a killed process once
      // somebody writes.
      await repository.put("other", "kill", kill);
      for (const counter of range(COUNTERS)) {
        const stored = (await repository.get("t", counter)) ?? 0;
        const least = Math.max(acknowledged[counter].size, ...acknowledged[counter]);
        assert.ok(least <= stored, `${stored} is stored, ${least} was acknowledged`);
        assert.ok(stored <= issued[counter], `${stored} is stored, ${issued[counter]} were issued`);
      }
    }
    assert.ok(acknowledged.every(({ size }) => size > 0));
    console.log(`kills: ${acknowledged.map(({ size }) => size)} updates acknowledged`);
  });

  check(`in ${KILLS} rounds leave each event applied once, in both databases`, async (open, path) => {
    const random = randomOf(chooseSeed("kills of transaction"));
    const accounts = open();
    const journal = open({ name: "journal", encoding: "json" });
    await Promise.all([accounts.ready(), journal.ready()]);
    let before = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const said = await liveAndDie(random, "transaction-writer", () => ({ path, seed: random(2 ** 32) }));
      const positions = said.flat();
      assert.equal(new Set(positions).size, positions.length, "a position was reached twice");
      await accounts.put("other", "kill", kill);
      const position = (await accounts.getCheckpoint("events")) ?? 0;
      assert.ok(position >= Math.max(before, ...positions), `${position} is stored: ${positions}`);
      const expected = folded(position);
      for (const [repository, records] of [
        [accounts, expected.accounts],
        [journal, expected.journals],
      ]) {
        const found = new Map();
        for await (const [key, value] of repository.entries("t")) found.set(key, value);
        assert.deepEqual(found, records);
      }
      before = position;
    }
    assert.ok(before > 0);
    console.log(`kills: ${before} events applied`);
  });
});
