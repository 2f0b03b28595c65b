"use strict";
// Moves money between accounts of two databases in transactions, from many lanes, and says how many
// went through and how often a function ran.

const { createLMDBXRepository } = require("../..");
const { args, say } = require("../support/child.js");
const { randomOf } = require("../support/random.js");

/** @type {{ path: string, lanes: number, count: number, accounts: number, seed: number, reads: any }} */
const { path, lanes, count, accounts, seed, reads } = args;
const euros = createLMDBXRepository({ path, reads });
const dollars = createLMDBXRepository({ path, name: "dollars", encoding: "json", reads });
const random = randomOf(seed);
let left = count;
let calls = 0;
let moved = 0;

async function lane() {
  while (left-- > 0) {
    const from = random(accounts);
    const to = random(accounts);
    const amount = 1 + random(10);
    await euros.transaction(
      async (tx) => {
        calls++;
        const other = tx.with(dollars);
        const balance = (await tx.get("t", from)).balance;
        if (balance < amount) return;
        tx.put("t", from, { balance: balance - amount });
        other.put("t", to, { balance: (await other.get("t", to)).balance + amount });
      },
      { maxAttempts: 1000 },
    );
    moved++;
    // And back, so that neither runs dry.
    await dollars.transaction(
      async (tx) => {
        calls++;
        const balance = (await tx.get("t", to)).balance;
        if (balance < amount) return;
        const other = tx.with(euros);
        tx.put("t", to, { balance: balance - amount });
        other.put("t", from, { balance: (await other.get("t", from)).balance + amount });
      },
      { maxAttempts: 1000 },
    );
    moved++;
  }
}

(async () => {
  await Promise.all(Array.from({ length: lanes }, lane));
  await Promise.all([euros.close(), dollars.close()]);
  say({ moved, calls });
})();
