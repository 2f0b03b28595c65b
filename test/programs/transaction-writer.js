"use strict";
// Applies events in transactions over two databases, a few in each, until it is killed; goes on from
// the checkpoint. Says "ready", and each position once it is told that it is on disk. Another such
// process may be at work: the checkpoint decides.

const { createLMDBXRepository } = require("../..");
const { args, say } = require("../support/child.js");
const { eventOf, fold } = require("../support/events.js");
const { randomOf } = require("../support/random.js");

/** @type {{ path: string, seed: number }} */
const { path, seed } = args;
const accounts = createLMDBXRepository({ path });
const journal = createLMDBXRepository({ path, name: "journal", encoding: "json" });
const random = randomOf(seed);

async function apply(from, to) {
  const expected = from === 0 ? null : from;
  await accounts.transaction(
    async (tx) => {
      const entries = tx.with(journal);
      for (let number = from + 1; number <= to; number++) {
        const event = eventOf(number);
        tx.put("t", event.account, fold(await tx.get("t", event.account), event));
        entries.put("t", event.journal, fold(await entries.get("t", event.journal), event));
      }
    },
    { checkpoint: { name: "events", position: to, expected } },
  );
  say(to);
}

(async () => {
  await Promise.all([accounts.ready(), journal.ready()]);
  say("ready");
  for (;;) {
    const from = (await accounts.getCheckpoint("events")) ?? 0;
    try {
      await apply(from, from + 1 + random(5));
    } catch (error) {
      if (error.code !== "LMDBX_CONFLICT") throw error; // the other one was faster
    }
  }
})();
