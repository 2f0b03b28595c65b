"use strict";
// Loads records, in an order that has none, until it is killed; says how many are on disk.

const { createLMDBXRepository } = require("../..");
const { args, say } = require("../support/child.js");

/** @type {{ path: string, count: number, expected: number }} */
const { path, count, expected } = args;
const repository = createLMDBXRepository({ path });

function* records() {
  for (let i = 0; i < count; i++) yield ["t", `${(i * 7919) % count}`, `${i}`.padEnd(1000)];
}

const checkpoint = { name: "loaded", position: "all", expected };
repository.bulkLoad(records(), { checkpoint, onProgress: (progress) => say(progress.records) });
