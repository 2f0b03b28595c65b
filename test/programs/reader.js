"use strict";
// Opens a database, says what it found, and holds it open, with a reader slot, until it is told to
// end or killed. On its way it answers what it is asked: { get: key } or { put: key, value }.

const { createLMDBXRepository } = require("../..");
const { counters } = require("../../lib/repository.js");
const { args, listen, say } = require("../support/child.js");

const { options = {} } = args;
const repository = createLMDBXRepository({ path: args.path, ...options });

async function answer({ get, put, value, count, end }) {
  if (end) {
    await repository.close();
    process.exit(0);
  }
  if (get !== undefined) return (await repository.get("t", get)) ?? null;
  if (count !== undefined) return (await repository.list("t")).length;
  return (await repository.put("t", put, value)) ?? null;
}

const outcome = (promise) =>
  promise.then(
    (result) => say({ result }),
    (error) => say({ error: error.code, message: error.message }),
  );

listen((asked) => outcome(answer(asked)));
outcome(repository.has("t", "any").then(() => counters(repository).readers));
