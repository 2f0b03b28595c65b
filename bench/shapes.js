"use strict";
// node bench/shapes.js [SHAPE...], bun bench/shapes.js [SHAPE...]: puts and gets of values of many shapes,
// here and with the replaced package, in turn in processes of their own. For finding what the rows do
// not show.

const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { TENANT, keyOf, random, valueOf } = require("./data.js");
const { median } = require("./statistics.js");
const { markdown } = require("./table.js");
const { timeOf } = require("./timing.js");

const PEERS = ["ours", "replaced"];
/** Of the two in turn. */
const PROCESSES = 3;
/** In each process. */
const ROUNDS = 7;
const RECORDS = 500;
/** How often a round reads each record. */
const READS = 8;

const many = (count, make) => Array.from({ length: count }, (_, n) => make(n));
const fields = (count, name, value) => Object.fromEntries(many(count, (n) => [name(n), value]));
const next = random(3);
/** A name that never comes again. */
const fresh = () => next().toString(36) + next().toString(36);

const SHAPES = {
  number: (i) => i,
  boolean: (i) => i % 2 === 0,
  "short text": (i) => `value ${i}`,
  "2 kB of text": (i) => `${"x".repeat(2000)}${i}`,
  "2 kB of text, not Latin-1": (i) => `${"x".repeat(2000)}€${i}`,
  "100 kB of text": (i) => `${"x".repeat(100_000)}${i}`,
  "20 texts of 1 kB": (i) => many(20, (n) => `${"x".repeat(1000)}${n + i}`),
  "200 short texts": (i) => many(200, (n) => `item ${n + i}`),
  "1,000 integers": (i) => many(1000, (n) => n * i),
  "1,000 fractions": (i) => many(1000, (n) => n * 0.37 + i),
  order: (i) => valueOf("order", "msgpack", i),
  "100 orders": (i) => many(100, (n) => valueOf("order", "msgpack", n + i)),
  "order with optional fields": (i) => ({ id: i, ...(i % 2 && { a: 1 }), ...(i % 3 && { b: 2 }), ...(i % 5 && { c: 3 }) }),
  "null and its like": (i) => ({ a: null, b: undefined, c: true, d: false, e: i, f: "", g: [], h: {} }),
  "20 deep": (i) => many(20, (n) => n).reduce((child, n) => ({ child, n }), { leaf: i }),
  "300 fields": (i) => fields(300, (n) => `field${n}`, i),
  "5 fresh names": (i) => ({ id: i, items: fields(5, fresh, { quantity: i }) }),
  "50 fresh names": (i) => fields(50, fresh, i),
  "names beyond ASCII": (i) => ({ größe: i, straße: "Löwenstraße", nummer: i }),
  dates: (i) => ({ id: i, createdAt: new Date(1.7e12 + i), updatedAt: new Date(1.8e12 + i) }),
  BigInt: (i) => ({ id: i, amount: 12345678901234567890n + BigInt(i) }),
  "Map of 50": (i) => new Map(many(50, (n) => [`key${n}`, i])),
  "Buffer of 10 kB": (i) => Buffer.alloc(10_000, i),
  "typed array of 32": (i) => ({ id: i, hash: new Uint8Array(32).fill(i) }),
};

const keys = many(RECORDS, keyOf);

async function round(repository, values) {
  const put = await timeOf(RECORDS, () => Promise.all(keys.map((key, i) => repository.put(TENANT, key, values[i]))));
  const get = await timeOf(RECORDS * READS, async () => {
    for (let n = 0; n < READS; n++) for (const key of keys) await repository.get(TENANT, key);
  });
  return { put, get };
}

const medians = (list) => ({ put: median(list.map(({ put }) => put)), get: median(list.map(({ get }) => get)) });

/** In this process: what a shape takes one of the two. */
async function measure(shape, peer) {
  const values = many(RECORDS, SHAPES[shape]);
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "lmdbx-shapes-"));
  try {
    const repository = require(`./peers/${peer}.js`).open({ directory, encoding: "msgpack" });
    const rounds = [];
    for (let n = 0; n < ROUNDS; n++) rounds.push(await round(repository, values));
    await repository.close();
    return medians(rounds);
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
}

/** In processes of their own: what a shape takes both. */
function compare(shape) {
  const measured = PEERS.map(() => []);
  for (let n = 0; n < PROCESSES; n++) {
    for (const [at, peer] of PEERS.entries()) {
      measured[at].push(JSON.parse(execFileSync(process.execPath, [__filename, "--one", shape, peer])));
    }
  }
  return measured.map(medians);
}

function main(chosen) {
  const unknown = chosen.find((name) => !(name in SHAPES));
  if (unknown !== undefined) throw new Error(`there is no shape "${unknown}": ${Object.keys(SHAPES).join("; ")}`);
  const lines = [];
  for (const name of chosen) {
    const [ours, replaced] = compare(name);
    const cells = ["put", "get"].flatMap((operation) => [
      ours[operation].toFixed(1),
      replaced[operation].toFixed(1),
      (replaced[operation] / ours[operation]).toFixed(2),
    ]);
    lines.push([name, process.versions.bun ? "Bun" : "Node.js", ...cells]);
    console.error(lines.at(-1).join("  "));
  }
  console.log(markdown(["shape", "runtime", "put", "replaced", "ratio", "get", "replaced", "ratio"], lines));
}

const given = process.argv.slice(2);
if (given[0] === "--one") {
  measure(given[1], given[2]).then((result) => console.log(JSON.stringify(result)));
} else {
  main(given.length > 0 ? given : Object.keys(SHAPES));
}
