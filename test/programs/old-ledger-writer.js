"use strict";
// Changes the keys of a tenant through the replaced package until it is killed. Before it issues a
// change it says so, and again when it has been told that the change is committed: ["issued" |
// "acknowledged", key, number].

const { args, say } = require("../support/child.js");
const { LANES, issueChanges } = require("../support/ledger.js");
const { randomOf } = require("../support/random.js");
const { ReplacedRepository } = require("../../bench/peers/replaced.js");

/** @type {{ lmdb: string, config: object, tenant: string, seed: number, numbers: number[] }} */
const { lmdb, config, seed } = args;
const repository = new ReplacedRepository(config, require(lmdb));

async function lane(index) {
  const random = randomOf(seed + index);
  for (;;) await issueChanges(repository, args, index, random, say).acknowledged;
}

for (let index = 0; index < LANES; index++) lane(index);
