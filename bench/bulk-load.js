"use strict";
// node bench/bulk-load.js [--records 200000] [--rounds 7]: what `bulkLoad` gains over puts, for keys
// that come sorted and for keys that do not, into an empty database.

const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { parseArgs } = require("node:util");

const { createLMDBXRepository } = require("..");
const { TENANT, keyOf, shuffled, valueOf } = require("./data.js");
const { median } = require("./statistics.js");
const { markdown } = require("./table.js");

const IN_FLIGHT = 1000;

function* inOrder(records) {
  yield* records;
}

function load(repository, records) {
  return repository.bulkLoad(inOrder(records));
}

async function put(repository, records) {
  for (let at = 0; at < records.length; at += IN_FLIGHT) {
    const batch = records.slice(at, at + IN_FLIGHT);
    await Promise.all(batch.map((record) => repository.put(...record)));
  }
}

const WAYS = [
  { name: "bulkLoad", order: "sorted", run: load },
  { name: "bulkLoad", order: "unsorted", run: load },
  { name: `puts, ${IN_FLIGHT.toLocaleString("en-US")} in flight`, order: "sorted", run: put },
  { name: `puts, ${IN_FLIGHT.toLocaleString("en-US")} in flight`, order: "unsorted", run: put },
];

/** Records a second, of one way into a new database, which must hold all of them then. */
async function measure(run, records) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "lmdbx-bulk-load-"));
  const repository = createLMDBXRepository({ path: directory });
  try {
    await repository.ready();
    const start = performance.now();
    await run(repository, records);
    const seconds = (performance.now() - start) / 1000;
    const count = await repository.count(TENANT);
    if (count !== records.length) throw new Error(`${count} of ${records.length} records are there`);
    return records.length / seconds;
  } finally {
    await repository.close();
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

/** A whole number of 1 or more. */
function positive(name, text) {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) {
    console.error(`--${name} must be a whole number of 1 or more, not "${text}".`);
    process.exit(2);
  }
  return number;
}

async function main() {
  const { values } = parseArgs({
    options: {
      records: { type: "string", default: "200000" },
      rounds: { type: "string", default: "7" },
    },
  });
  const count = positive("records", values.records);
  const rounds = positive("rounds", values.rounds);
  const recordOf = (i) => [TENANT, keyOf(i), valueOf("order", "msgpack", i)];
  const sorted = Array.from({ length: count }, (_, i) => recordOf(i));
  const records = { sorted, unsorted: Array.from(shuffled(count), (i) => sorted[i]) };

  for (const { run } of WAYS) await measure(run, sorted.slice(0, Math.ceil(count / 10))); // warms up
  const measured = WAYS.map(() => []);
  for (let round = 0; round < rounds; round++) {
    // Each begins a round in its turn, so that none has always the same one before it.
    for (let step = 0; step < WAYS.length; step++) {
      const way = (round + step) % WAYS.length;
      measured[way].push(await measure(WAYS[way].run, records[WAYS[way].order]));
    }
  }

  const number = (value) => Math.round(value).toLocaleString("en-US");
  const puts = (order) => measured[WAYS.findIndex((way) => way.run === put && way.order === order)];
  const lines = WAYS.map(({ name, order }, way) => {
    const of = measured[way];
    const ratio = median(of) / median(puts(order));
    return [
      ...[name, order, number(median(of))],
      ...[`${number(Math.min(...of))} to ${number(Math.max(...of))}`, `x ${ratio.toFixed(2)}`],
    ];
  });
  const runtime = process.versions.bun
    ? `Bun ${process.versions.bun}`
    : `Node.js ${process.version}`;
  console.log(
    `${runtime}; ${number(count)} orders of 6 fields into an empty database, on disk at the end; ` +
      `medians of ${rounds} rounds, in turn\n`,
  );
  console.log(markdown(["way", "keys come", "records/s", "of rounds", "to such puts"], lines));
}

main();
