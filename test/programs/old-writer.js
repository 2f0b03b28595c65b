"use strict";
// The replaced package writes a database: { lmdb, databases: [{ path, name, encoding, compression,
// count }], end }. Versions of lmdb do not get along in one process, so each has one of its own.

const { args, say, listen } = require("../support/child.js");
const { oldValues, KEYS, TENANTS } = require("../support/old-values.js");
const { ReplacedRepository } = require("../../bench/peers/replaced.js");
const lmdb = require(args.lmdb ?? "lmdb");

async function fill({ count, encoding = "msgpack", ...config }) {
  const repository = new ReplacedRepository({ encoding, ...config }, lmdb);
  for (const [key, value] of oldValues(encoding)) await repository.put("values", key, value);
  const text = encoding === "string";
  for (const tenant of TENANTS) {
    for (const key of KEYS) await repository.put(tenant, key, text ? tenant : { tenant });
  }
  let last;
  for (let n = 0; n < (count ?? 0); n++) {
    const value = { n, text: `record ${n}`, tags: ["a", "b"], at: `t${n}` };
    last = repository.put("many", n, text ? `record ${n}` : value);
    if (n % 2_000 === 0) await last;
  }
  await last;
  return repository;
}

/** Records as raw keys, and values as they are: [[key, value]]. */
async function raw({ path, name, encoding, records, options = {} }) {
  const db = lmdb.open({ path, name, encoding, ...options });
  for (const [key, value] of records) await db.put(key, value);
  await db.close();
}

async function main() {
  for (const each of args.raw ?? []) await raw(each);
  for (const each of args.databases ?? []) {
    const repository = await fill(each);
    if (args.end !== "kill") await repository.close();
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
