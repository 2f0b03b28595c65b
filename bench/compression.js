"use strict";
// node bench/compression.js: what `compression: true` saves and costs, for typical values.

const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const webhooks = require("@octokit/webhooks-examples");
const { createLMDBXRepository } = require("..");
const { TENANT, picks, shuffled, valueOf } = require("./data.js");
const { markdown } = require("./table.js");
const { timeOf } = require("./timing.js");

const ROUNDS = 9;
const IN_FLIGHT = 256;
/** Bytes of values that a round writes and reads, so that it takes a fraction of a second. */
const ROUND_BYTES = 24e6;
const MOST_RECORDS = 20_000;
const TEXT_SIZE = 100_000;

/** What people and programs wrote: the files of this repository that are mostly text. */
function proseAndCode() {
  const root = path.join(__dirname, "..");
  const named = (directory, ending) =>
    fs
      .readdirSync(path.join(root, directory))
      .filter((name) => name.endsWith(ending))
      .map((name) => path.join(directory, name));
  const files = [...named(".", ".md"), ...named("docs", ".md"), ...named("src/store", ".c")];
  return files.map((file) => fs.readFileSync(path.join(root, file), "utf8")).join("\n");
}

function makers() {
  const text = proseAndCode();
  const events = (webhooks.default ?? webhooks).flatMap(({ examples }) => examples);
  const textAt = (i) => {
    const start = (i * 997) % Math.max(1, text.length - TEXT_SIZE);
    return text.slice(start, start + TEXT_SIZE);
  };
  return {
    "order of 6 fields": (i) => valueOf("order", "msgpack", i),
    "webhook event": (i) => events[i % events.length],
    "order of 50 lines": (i) => valueOf("lines", "msgpack", i),
    "100 kB of prose and code": textAt,
    "100 kB of random bytes": (i) => Buffer.from(picks(TEXT_SIZE / 4, 2 ** 32, i).buffer),
  };
}

/** Runs an operation for every index, so many at a time; resolves to microseconds for each. */
function timed(indexes, operation) {
  return timeOf(indexes.length, async () => {
    for (let at = 0; at < indexes.length; at += IN_FLIGHT) {
      await Promise.all(Array.from(indexes.subarray(at, at + IN_FLIGHT), operation));
    }
  });
}

async function round(values, compression, seed) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "lmdbx-compression-"));
  const repository = createLMDBXRepository({ path: directory, compression });
  await repository.ready();
  const indexes = shuffled(values.length, seed);
  const put = await timed(indexes, (i) => repository.put(TENANT, i, values[i]));
  await timed(indexes, (i) => repository.get(TENANT, i));
  const get = await timed(indexes, (i) => repository.get(TENANT, i));
  await repository.close();
  const { size } = fs.statSync(path.join(directory, "data.mdb"));
  fs.rmSync(directory, { recursive: true });
  return { put, get, size };
}

/** The bytes of one stored value, without what the database adds. */
async function storedSize(values, compression) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "lmdbx-compression-"));
  const repository = createLMDBXRepository({ path: directory, compression });
  await Promise.all(values.map((value, i) => repository.put(TENANT, i, value)));
  await repository.close();
  const dump = execFileSync("mdb_dump", [directory], { encoding: "latin1", maxBuffer: 2 ** 30 });
  fs.rmSync(directory, { recursive: true });
  const lines = dump
    .slice(dump.indexOf("HEADER=END"))
    .split("\n")
    .filter((line) => line[0] === " ");
  const bytes = lines.filter((_, i) => i % 2 === 1).map((line) => (line.length - 1) / 2);
  return bytes.reduce((sum, size) => sum + size, 0) / bytes.length;
}

function amount(bytes) {
  return bytes < 10_000 ? `${Math.round(bytes)} B` : `${(bytes / 1000).toFixed(1)} kB`;
}

async function measure(make) {
  const sample = Array.from({ length: 100 }, (_, i) => make(i));
  const plain = await storedSize(sample, false);
  const framed = await storedSize(sample, true);
  const count = Math.min(MOST_RECORDS, Math.ceil(ROUND_BYTES / plain));
  const values = Array.from({ length: count }, (_, i) => make(i));
  const rounds = { false: [], true: [] };
  await round(values, false, 0);
  for (let number = 1; number <= ROUNDS; number++) {
    for (const compression of [false, true]) {
      rounds[compression].push(await round(values, compression, number));
    }
  }
  const ratio = (what) => {
    const [without, with_] = [false, true].map((compression) =>
      Math.min(...rounds[compression].map((measured) => measured[what])),
    );
    return { without, ratio: with_ / without };
  };
  return { plain, framed, put: ratio("put"), get: ratio("get"), size: ratio("size") };
}

async function main() {
  const header = ["value", "plain", "framed", "file", "put", "with compression", "get", "with it"];
  const lines = [];
  for (const [name, make] of Object.entries(makers())) {
    const { plain, framed, put, get, size } = await measure(make);
    const time = ({ without }) => `${without.toFixed(1)} us`;
    const change = ({ ratio }) => `x ${ratio.toFixed(2)}`;
    lines.push([
      ...[name, amount(plain), `${amount(framed)} (${((framed / plain) * 100).toFixed(0)} %)`],
      ...[change(size), time(put), change(put), time(get), change(get)],
    ]);
  }
  const runtime = process.versions.bun
    ? `Bun ${process.versions.bun}`
    : `Node.js ${process.version}`;
  console.log(`${runtime}; ${IN_FLIGHT} operations in flight, hot; the best of ${ROUNDS} rounds\n`);
  console.log(markdown(header, lines));
}

main();
