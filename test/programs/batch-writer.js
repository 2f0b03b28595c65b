"use strict";
// Writes one number after the other to all tenants, in one batch each with a checkpoint, until it is
// killed; says each number once it is on disk.

const { createLMDBXRepository } = require("../..");
const { args, say } = require("../support/child.js");

/** @type {{ path: string, tenants: string[], from: number }} */
const { path, tenants, from } = args;
const repository = createLMDBXRepository({ path });
const IN_FLIGHT = 4;

async function write(number) {
  const operations = tenants.map((tenantId) => ({ type: "put", tenantId, key: "number", value: number }));
  const expected = number === 1 ? null : number - 1;
  await repository.batch(operations, { checkpoint: { name: "numbers", position: number, expected } });
  say(number);
}

say("started");
(async () => {
  let number = from;
  const flying = [];
  for (;;) {
    flying.push(write(++number));
    if (flying.length === IN_FLIGHT) await flying.shift();
  }
})();
