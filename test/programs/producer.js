"use strict";
// Issues puts and never waits for one. Says what became of them, and what they cost meanwhile.

const { createLMDBXRepository } = require("../..");
const { counters } = require("../../lib/repository.js");
const { args, collect, say } = require("../support/child.js");
const { allocated, noHeap } = require("../support/process.js");

const { path, count, size, maxQueuedBytes } = args;

/** Bytes that malloc holds, where that can be told. Not the memory of the process: compilers of some engines take tens of
 * megabytes of their own once the loop below is hot, whatever it does. */
function nativeMemory() {
  collect();
  return noHeap ? 0 : allocated();
}

async function main() {
  Error.stackTraceLimit = 0; // the engine's memory for stacks is not what is measured
  const repository = createLMDBXRepository({ path, maxQueuedBytes });
  const bystander = createLMDBXRepository({ path, name: "bystander" });
  await Promise.all([repository.ready(), bystander.ready()]);
  const value = "x".repeat(size);
  const outcomes = { written: 0 };
  const note = (outcome) => (outcomes[outcome] = (outcomes[outcome] ?? 0) + 1);
  let writtenAtFirstRefusal;
  const refused = ({ code }) => {
    writtenAtFirstRefusal ??= outcomes.written;
    note(code);
  };
  const before = nativeMemory();
  let full; // memory when the queue has just become full
  for (let i = 0, queuedBytes = -1; i < count; i++) {
    repository.put("tenant", `key-${i}`, value).then(() => note("written"), refused);
    if (full !== undefined || i % 1000 > 0) continue;
    if (counters(repository).queuedBytes === queuedBytes) full = nativeMemory() - before;
    queuedBytes = counters(repository).queuedBytes;
  }
  const memory = { full, end: nativeMemory() - before };
  const { queuedBytes } = counters(repository);
  await bystander.put("t", "k", "not affected");
  const other = await bystander.get("t", "k");
  await repository.close();
  const again = createLMDBXRepository({ path });
  await again.put("tenant", "key-0", value); // accepted again
  const stored = (await again.list("tenant")).length;
  say({ outcomes, writtenAtFirstRefusal, queuedBytes, memory, other, stored });
  await Promise.all([again.close(), bystander.close()]);
}

main();
