"use strict";
// The replaced package writes databases: { lmdb, databases: [{ path, name, encoding, compression,
// count, damaged }], odd, records, end }; damaged: stored keys whose compressed values become
// shorter, or refer to what lies far before them: { cut, astray }; records: what odd is to hold
// instead. Versions of lmdb do not get along in one process, so each has its own.

const { args, say, listen } = require("../support/child.js");
const { oldValues, KEYS, TENANTS } = require("../support/old-values.js");
const { ReplacedRepository } = require("../../bench/peers/replaced.js");
const lmdb = require(args.lmdb ?? "lmdb");

async function fill({ count, size = 0, encoding = "msgpack", ...config }) {
  const repository = new ReplacedRepository({ encoding, ...config }, lmdb);
  const text = encoding === "string";
  const puts = oldValues(encoding).map(([key, value]) => repository.put("values", key, value));
  for (const tenant of TENANTS) {
    for (const key of KEYS) puts.push(repository.put(tenant, key, text ? tenant : { tenant }));
  }
  await Promise.all(puts);
  let last;
  for (let n = 0; n < (count ?? 0); n++) {
    const value = { n, text: `record ${n}`.padEnd(size), tags: ["a", "b"], at: `t${n}` };
    last = repository.put("many", n, text ? `record ${n}` : value);
    if (n % 2_000 === 0) await last;
  }
  await last;
  return repository;
}

/** Records as raw keys, and values as they are: [[key, value]]. */
/** What the wrapper would never have written, or an import cannot carry over. */
async function writeOdd(path) {
  const db = lmdb.open({ path, structuredClone: true });
  const records = args.records ?? [
    ["acme:1", "carried over"],
    ["no tenant", 1],
    ['acme:{"x": 1}', 1],
    [":1", 1],
    ["acme:undefined", 1],
    [42, 1],
    [["acme", "key"], 1],
    [Symbol.for("name"), 1],
    [`acme:"${"k".repeat(600)}"`, 1],
    ['acme:"error"', new RangeError("broken")],
    ['acme:"regexp"', { at: [/a+/g] }],
    ['acme:"undefined"', undefined],
    ['acme:"deep"', JSON.parse("[".repeat(600) + "]".repeat(600))],
  ];
  for (const [key, value] of records) await db.put(key, value);
  if (args.records !== undefined) return db.close();
  // Not msgpack at all.
  const bytes = db.openDB(null, { encoding: "binary" });
  await bytes.put('acme:"garbage"', Buffer.from([0xc1]));
  await bytes.put('acme:"trailing"', Buffer.from([1, 1]));
  // A record that looks like a named database: 48 bytes of zeros.
  await bytes.put("acme:48", Buffer.alloc(48));
  return db.close();
}

/** The first distance in a block of LZ4, behind the header of 4 bytes, gets its highest bit. */
function leadAstray(stored) {
  let at = 5;
  let literals = stored[4] >> 4;
  if (literals === 15) {
    do literals += stored[at];
    while (stored[at++] === 255);
  }
  stored[at + literals + 1] |= 0x80;
  return stored;
}

async function damage(path, { cut = [], astray = [] }) {
  const db = lmdb.open({ path, encoding: "binary" });
  const stored = (key) => Buffer.from(db.getBinary(key));
  for (const key of cut) await db.put(key, stored(key).subarray(0, -20));
  for (const key of astray) await db.put(key, leadAstray(stored(key)));
  return db.close();
}

async function main() {
  if (args.odd !== undefined) await writeOdd(args.odd);
  for (const each of args.databases ?? []) {
    const repository = await fill(each);
    if (args.end !== "kill") await repository.close();
    if (each.damaged !== undefined) await damage(each.path, each.damaged);
  }
  say("written");
  if (args.end === "kill") process.kill(process.pid, "SIGKILL");
  if (args.end === "stay") {
    const { path, ...config } = args.databases[0];
    const repository = new ReplacedRepository({ path, ...config }, lmdb);
    let number = 0;
    listen(async (word) => {
      if (word === "write") await repository.put("later", number++, { number });
      if (word === "close") {
        await repository.close();
        process.exit(0);
      }
      say("done");
    });
  }
}

main();
