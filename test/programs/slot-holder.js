"use strict";
// Reads once, keeps its reader slot, and waits to be killed: { path }.

const { args, say, listen } = require("../support/child.js");
const { createLMDBXRepository } = require("../..");

const repository = createLMDBXRepository({ path: args.path, reads: "pool" });
repository.get("acme", 1).then(() => say("reading"));
// Refers to it, so that it is not collected, and its slot given back.
listen(() => say(repository.state));
