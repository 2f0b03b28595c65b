"use strict";
// Runs steps on the replaced package, each the body of an async function that finds open(config),
// directory, fs and assertSame: { directory, steps: [source] }. Says what each returned.

const fs = require("node:fs");
const { inspect } = require("node:util");
const { args, say } = require("../support/child.js");
const { assertSame } = require("../support/same.js");
const { nested, cyclic } = require("../support/upgrading.js");
const { ReplacedRepository } = require("../../bench/peers/replaced.js");

const opened = [];
function open(config) {
  const repository = new ReplacedRepository(config, require("lmdb"));
  opened.push(repository);
  return repository;
}

const AsyncFunction = (async () => undefined).constructor;
const names = { open, directory: args.directory, fs, assertSame, nested, cyclic };

async function main() {
  for (const source of args.steps) {
    say("step");
    try {
      const value = await new AsyncFunction(...Object.keys(names), source)(...Object.values(names));
      say({ value: value ?? null, shown: inspect(value) });
    } catch (error) {
      say({ error: error.constructor.name, code: error.code ?? null, message: error.message });
    }
  }
  for (const repository of opened) await repository.close();
}

main();
