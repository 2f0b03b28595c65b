"use strict";
// Writes one number after the other to all tenants, in one batch each with a checkpoint, until it is
// killed; goes on from the checkpoint, says where that is, and each number once it is on disk.

const { createLMDBXRepository } = require("../..");
const { args, say } = require("../support/child.js");

/** @type {{ path: string, tenants: string[] }} */
const { path, tenants } = args;
const repository = createLMDBXRepository({ path });
const IN_FLIGHT = 4;

async function write(number) {
  const operations = tenants.map((tenantId) => ({ type: "put", tenantId, key: "number", value: number }));
  const expected = number === 1 ? null : number - 1;
  await repository.batch(operations, { checkpoint: { name: "numbers", position: number, expected } });
  say(number);
}

(async () => {
  let number = (await repository.getCheckpoint("numbers")) ?? 0;
  say({ from: number });
  const flying = [];
  for (;;) {
    flying.push(write(++number));
    if (flying.length === IN_FLIGHT) await flying.shift();
  }
})();
