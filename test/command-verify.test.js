"use strict";
// The command: verify finds what is damaged, page by page and value by value, and survives it.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const { noSpawnError } = require("./support/emulated.js");
const { startProgram } = require("./support/program.js");
const { using, rejection } = require("./support/temporary.js");
const { PAGE, makeCrashing, overwrite } = require("./support/damaged.js");
const { inject } = require("./support/raw.js");
const { chooseSeed, randomOf, scale } = require("./support/random.js");
const { lmdbx, lines } = require("./support/command.js");
const { newestMeta } = require("../lib/cli/meta.js");
const { verify } = require("../lib/cli/verify.js");
const { walkPages } = require("../lib/cli/pages.js");

const RECORDS = 600;

/** A database with trees of two levels, named databases, large values and free pages. */
async function makeDatabase(open) {
  const [main, orders] = [open(), open({ name: "orders" })];
  for (let round = 0; round < 3; round++) {
    const puts = Array.from({ length: RECORDS }, (_, n) => [
      main.put(`t${n % 3}`, n, { n, text: "x".repeat(n % 50 === 0 ? 9_000 : 60) }),
      orders.put("t", n, { n }),
    ]);
    await Promise.all(puts.flat());
  }
  await Promise.all(Array.from({ length: 100 }, (_, n) => main.delete(`t${n % 3}`, n)));
  await Promise.all([main.close(), orders.close()]);
}

/** Runs a walk to its end. */
function walk(directory) {
  const findings = [];
  const events = { damaged: (finding) => findings.push(finding) };
  const records = [];
  const pages = walkPages(path.join(directory, "data.mdb"), events);
  let next = pages.next();
  for (; !next.done; next = pages.next()) records.push(next.value.key.toString());
  return { findings, records, end: next.value };
}

/** Pages of a kind that are in use: those whose damage is found. */
function pagesInUse(directory, flag) {
  const data = path.join(directory, "data.mdb");
  const bytes = fs.readFileSync(data);
  const found = [];
  for (let page = 2; page < bytes.length / PAGE; page++) {
    if (bytes.readUInt16LE(page * PAGE + 10) !== flag) continue;
    const damaged = Buffer.from(bytes);
    damaged.fill(0xff, page * PAGE, page * PAGE + 8);
    fs.writeFileSync(data, damaged);
    if (walk(directory).findings.length > 0) found.push(page);
  }
  fs.writeFileSync(data, bytes);
  return found;
}

/** A leaf that is in use and holds but records: what names another database would hide all of that. */
function leafOfRecords(directory) {
  const bytes = fs.readFileSync(path.join(directory, "data.mdb"));
  const names = (page) => bytes.subarray(page * PAGE, (page + 1) * PAGE).includes("orders");
  return pagesInUse(directory, 0x02).find((page) => !names(page));
}

/** The meta page that counts. */
function newest(directory) {
  return newestMeta(path.join(directory, "data.mdb"));
}

describe("verify", () => {
  test(
    "finds nothing in a sound database, also while it is written to",
    using(async (open, directory) => {
      await makeDatabase(open);
      const repository = open();
      let writing = true;
      const writer = (async () => {
        for (let n = 0; writing; n++) await repository.put("later", n % 500, { n });
      })();
      const { code, stdout, stderr } = await lmdbx(["verify", directory]);
      writing = false;
      await writer;
      assert.deepEqual([code, stderr], [0, ""], stdout);
      assert.match(stdout, /\norders +600 /);
      assert.match(stdout, /\nNo damage found.\n$/);
    }),
  );

  test(
    "agrees with LMDB on what there is",
    using(async (open, directory) => {
      await makeDatabase(open);
      const { code, stdout } = await lmdbx(["verify", directory, "--json"]);
      assert.equal(code, 0);
      const [report] = lines(stdout);
      const { execFileSync } = require("node:child_process");
      const stat = execFileSync("mdb_stat", ["-e", "-f", "-a", directory], { encoding: "utf8" });
      const number = (name, from = stat) => Number(new RegExp(`${name}: (\\d+)`).exec(from)[1]);
      assert.equal(report.pages, number("Number of pages used"));
      assert.equal(report.freePages, number("Free pages"));
      assert.equal(report.lostPages, 0);
      const [main, orders] = stat.split("Status of ").slice(1);
      const entries = report.databases.map(({ records }) => records);
      assert.deepEqual(entries, [number("Entries", main) - 1, number("Entries", orders)]);
      assert.equal(report.values, report.records);
      assert.deepEqual(report.databases.map(({ name }) => name), [null, "orders"]);
    }),
  );

  test(
    "names a damaged leaf and the keys it held, and reads all others",
    using(async (open, directory) => {
      await makeDatabase(open);
      const sound = walk(directory);
      const leaf = leafOfRecords(directory);
      overwrite(directory, leaf * PAGE + 12, Buffer.alloc(20, 0xff));
      const { code, stdout } = await lmdbx(["verify", directory, "--json"]);
      assert.equal(code, 1);
      const said = lines(stdout);
      const [finding] = said.filter(({ page }) => page === leaf);
      assert.equal(finding.what, "damaged");
      assert.ok(finding.from !== undefined || finding.to !== undefined);
      const report = said.at(-1);
      assert.equal(report.type, "report");
      assert.equal(report.values, walk(directory).records.length);
      assert.ok(report.values > sound.records.length / 2);
      const human = await lmdbx(["verify", directory]);
      assert.match(human.stdout, /page \d+.*: has impossible bounds; concerns the stored keys/);
    }),
  );

  test(
    "finds the page that hides records, of which dump says how many there are",
    using(async (open, directory) => {
      await makeDatabase(open);
      inject(directory, [["nobody", "another program's"]]);
      const main = open();
      await main.batch([], { checkpoint: { name: "c", position: 1 } });
      await main.close();
      for (const database of [[], ["--name", "orders"]]) {
        const dump = (...args) => lmdbx(["dump", directory, ...database, ...args]);
        const { code, stdout, stderr } = await dump();
        assert.deepEqual([code, stderr], [0, ""], "names, checkpoints and foreign records are no matter");
        const data = path.join(directory, "data.mdb");
        const sound = fs.readFileSync(data);
        let left = 0;
        for (const leaf of pagesInUse(directory, 0x02)) {
          overwrite(directory, leaf * PAGE + 12, Buffer.from([16 + 2 * 2, 0])); // two nodes are left
          const hidden = await dump();
          left = lines(stdout).length - lines(hidden.stdout).length;
          if (left > 0) {
            assert.equal(hidden.code, 1);
            assert.equal(hidden.stderr, `damaged pages hide ${left} entries of the database: see verify\n`);
            assert.equal((await lmdbx(["verify", directory])).code, 1);
          }
          fs.writeFileSync(data, sound);
          if (left > 0) break; // else the leaf was of the other database
        }
        assert.ok(left > 0);
      }
    }),
  );

  test(
    "and dump agree that a database is sound while others write to it",
    using(async (open, directory) => {
      await open({ name: "orders" }).put("t", 1, 1);
      const writer = startProgram("writer", { path: directory });
      try {
        assert.equal(await writer.heard(), "writing");
        for (let n = 0; n < 5; n++) {
          for (const database of [[], ["--name", "orders"]]) {
            const { code, stderr } = await lmdbx(["dump", directory, ...database]);
            assert.deepEqual([code, stderr], [0, ""]);
          }
        }
      } finally {
        writer.kill();
        await writer.ended;
      }
    }),
  );

  test(
    "lists values that cannot be decoded, and keys that are none of ours",
    using(async (open, directory) => {
      inject(directory, [
        ["acme:1", Buffer.from([1])],
        ["acme:2", Buffer.from([0xc1])],
        ["notes", Buffer.from([1])],
      ]);
      const { code, stdout } = await lmdbx(["verify", directory, "--json"]);
      assert.equal(code, 1);
      const said = lines(stdout);
      assert.deepEqual(said.slice(0, -1).map(({ what, key, storedKey }) => [what, key ?? storedKey]).sort(), [
        ["foreign", "notes"],
        ["unreadable", 2],
      ]);
      const wrong = lines((await lmdbx(["verify", directory, "--json", "--encoding", "json"])).stdout);
      assert.equal(wrong.filter(({ what }) => what === "unreadable").length, 2);
    }),
  );

  test(
    "decodes checkpoints, too",
    using(async (open, directory) => {
      const repository = open();
      for (const name of ["sound", "b\u00f6se"]) {
        const put = { type: "put", tenantId: "acme", key: name, value: 1 };
        await repository.batch([put], { checkpoint: { name, position: 1 } });
      }
      inject(directory, [
        [Buffer.concat([Buffer.from([0xff]), Buffer.from("checkpoint:b\u00f6se")]), Buffer.from([0xc1])],
        [Buffer.concat([Buffer.from([0xff]), Buffer.from("other:x")]), Buffer.from([1])],
      ]);
      const { code, stdout } = await lmdbx(["verify", directory, "--json"]);
      assert.equal(code, 1);
      const said = lines(stdout);
      const { records, values, findings } = said.pop();
      assert.deepEqual({ records, values, findings }, { records: 5, values: 3, findings: 2 });
      assert.deepEqual(said.map(({ what, checkpoint, storedKey }) => [what, checkpoint ?? storedKey]).sort(), [
        ["foreign", "\u00ffother:x"],
        ["unreadable", "b\u00f6se"],
      ]);
      const people = await lmdbx(["verify", directory]);
      assert.match(people.stdout, /^checkpoint "b\u00f6se": cannot be read: /m);
    }),
  );

  test(
    "reads databases that are called like what every object has, such as constructor",
    using(async (open, directory) => {
      for (const name of ["constructor", "toString"]) await open({ name }).put("t", 1, { name });
      await open({ name: "__proto__", encoding: "json" }).put("t", 1, { n: 1 });
      const args = ["verify", directory, "--encoding", "__proto__=json", "--json"];
      const { code, stdout, stderr } = await lmdbx(args);
      assert.deepEqual([code, stderr], [0, ""], stdout);
      assert.equal(lines(stdout)[0].values, 3);
    }),
  );

  test(
    "fails behind its report where there is no database that an encoding was given for",
    using(async (open, directory) => {
      await open({ name: "pages", encoding: "json" }).put("t", 1, { n: 1 });
      for (const [given, code] of [["pages=json", 0], ["page=json", 3]]) {
        const args = ["verify", directory, "--encoding", "=msgpack", "--encoding", given];
        const people = await lmdbx(args);
        assert.equal(people.code, code, people.stdout);
        assert.match(people.stdout, /\npages +1 /);
        const programs = await lmdbx([...args, "--json"]);
        assert.equal(programs.code, code);
        const said = lines(programs.stdout);
        assert.ok(said.some(({ type }) => type === "report"));
        if (code === 0) continue;
        assert.match(people.stderr, /^lmdbx: verify: found no database "page" .* \[LMDBX_NOT_FOUND\]\n$/);
        assert.deepEqual([said.at(-1).type, said.at(-1).code], ["error", "LMDBX_NOT_FOUND"]);
      }
    }),
  );

  test(
    "says of a database that damage hides that it may, and that something is damaged",
    using(async (open, directory) => {
      const main = open();
      await main.put("t", 1, 1);
      await open({ name: "pages", encoding: "json" }).put("t", 1, { n: 1 });
      await main.close();
      overwrite(directory, Number(newest(directory).main.root) * PAGE + 12, Buffer.from([16, 0])); // no node is left
      const { code, stdout, stderr } = await lmdbx(["verify", directory, "--encoding", "pages=json"]);
      assert.equal(code, 1, stdout);
      assert.match(stdout, /has too few nodes/);
      assert.match(stderr, /^lmdbx: verify: found no database "pages" in .*\. The damage may hide it\n$/);
    }),
  );

  test(
    "asks for the encoding where none was given and no value can be read",
    using(async (open, directory) => {
      const pages = open({ name: "pages", encoding: "json" });
      const verified = (...args) => lmdbx(["verify", directory, "--json", ...args]);
      const unreadable = (stdout) => lines(stdout).filter(({ what }) => what === "unreadable").length;
      for (let n = 0; n < 99; n++) pages.put("t", n, { n });
      await pages.put("t", 99, { n: 99 });
      const many = await verified();
      assert.equal(many.code, 3, "not even listed");
      assert.deepEqual(lines(many.stdout).map(({ type, code }) => [type, code]), [["error", "LMDBX_DECODE"]]);
      assert.match(many.stderr, /none of 100 values of the database "pages" can .* Give --encoding "pages=E"/);
      for (const given of ["pages=json", "json"]) {
        const sound = await verified("--encoding", given);
        assert.deepEqual([sound.code, lines(sound.stdout).length], [0, 1], sound.stdout);
      }
      const insisted = await verified("--encoding", "pages=msgpack");
      assert.deepEqual([insisted.code, unreadable(insisted.stdout)], [1, 100]);
      await pages.delete("t", 99);
      const few = await verified();
      assert.deepEqual([few.code, unreadable(few.stdout)], [1, 99], "so few may be damaged");
    }),
  );

  test(
    "lists however many values are damaged where another of the database can be read",
    using(async (open, directory) => {
      await open().put("t", 299, "sound"); // the last in stored order, and among those looked at together
      const damaged = Array.from({ length: 199 }, (_, n) => [`t:${100 + n}`, Buffer.from([0xc1])]);
      inject(directory, damaged);
      const { code, stdout } = await lmdbx(["verify", directory, "--json"]);
      assert.equal(code, 1);
      assert.deepEqual(
        lines(stdout).slice(0, -1).map(({ what, key }) => [what, key]).sort(([, a], [, b]) => a - b),
        damaged.map((_, n) => ["unreadable", 100 + n]),
      );
    }),
  );

  test(
    "names a meta page as such",
    using(async (open, directory) => {
      await open().put("t", 1, 1);
      const older = 1 - Number(newest(directory).transaction % 2n); // LMDB writes them in turn
      overwrite(directory, older * PAGE + 16, Buffer.alloc(4));
      const findings = lines((await lmdbx(["verify", directory, "--json"])).stdout).slice(0, -1);
      const damaged = { type: "finding", what: "damaged", page: older, reason: "is no meta page" };
      assert.deepEqual(findings.filter(({ what }) => what !== "unopened"), [damaged]);
    }),
  );

  test(
    "takes few reader slots",
    using(async (open, directory) => {
      const orders = open({ name: "orders", maxReaders: 12 });
      await Promise.all(Array.from({ length: 1_000 }, (_, n) => orders.put("t", n, n)));
      const { code, stdout } = await lmdbx(["verify", directory]);
      assert.equal(code, 0, stdout);
    }),
  );

  test(
    "fails, and finds nothing, where reader slots are full",
    using(async (open, directory) => {
      // Held by this process: too few are left to begin with, or for the threads of the child.
      for (const maxReaders of [2, 3]) {
        const repository = open({ maxReaders });
        await repository.put("t", 1, 1);
        const held = [repository.snapshot(), repository.snapshot()];
        for (const each of held) await each.get("t", 1);
        const { code, stdout, stderr } = await lmdbx(["verify", directory]);
        assert.deepEqual([code, stdout], [3, ""]);
        assert.match(stderr, /^lmdbx: .*all reader slots are in use.* \[LMDBX_READERS_FULL\]\n$/);
        for (const each of held) each.close();
        await repository.close();
      }
    }),
  );

  test(
    "fails, and finds nothing, where its process cannot be started",
    { skip: noSpawnError },
    using(async (open, directory) => {
      await open().put("t", 1, 1);
      const { execPath } = process;
      process.execPath = path.join(directory, "none");
      try {
        const error = await rejection(verify({ directory, encodings: {} }, assert.fail));
        assert.equal(error.code, "LMDBX_IO");
        assert.match(error.message, /cannot be started .*ENOENT.*\. Allow more processes/);
      } finally {
        process.execPath = execPath;
      }
    }),
  );

  test(
    "fails, and finds nothing, where there is no addon",
    using(async (open, directory) => {
      await open().put("t", 1, 1);
      const copy = path.join(directory, "package");
      for (const part of ["bin", "lib", "package.json"]) {
        fs.cpSync(path.join(__dirname, "..", part), path.join(copy, part), { recursive: true });
      }
      const lmdbxOfCopy = [path.join(copy, "bin/lmdbx.js"), "verify", directory];
      const { status, stdout, stderr } = spawnSync(process.execPath, lmdbxOfCopy, { encoding: "utf8" });
      assert.deepEqual([status, stdout], [3, ""]);
      assert.match(stderr, /\[LMDBX_NATIVE_MISSING\]\n$/);
    }),
  );

  const program = path.join(__dirname, "programs/crashing-verifier.js");

  test("finds the records at which its process crashes, and goes on behind them", async () => {
    for (const crashes of [[], [1], [4], [5, 6], [3, 7, 10]]) {
      const found = [];
      const end = await verify({ crashes }, (event) => found.push(event), { program });
      assert.deepEqual(end, { type: "end", sound: true, records: 10 });
      assert.deepEqual(found[0], { type: "finding", what: "damaged", page: 2 }, "told once");
      const crashed = found.slice(1);
      assert.deepEqual(crashed.map(({ storedKey }) => storedKey), crashes.map((record) => `t:${record}`));
      for (const { what, reason } of crashed) {
        assert.equal(what, "crash");
        assert.match(reason, /SIG(SEGV|ILL)/); // the handler of Bun 1.2 ends with the latter
      }
    }
  });

  test("says that opening crashes its process", async () => {
    const found = [];
    const end = await verify({ crashes: "opening" }, (event) => found.push(event), { program });
    assert.equal(end.sound, true, "of the pages alone");
    assert.deepEqual(found.map(({ what }) => what), ["damaged", "crash"]);
    assert.equal(found[1].database, null);
  });

  test(
    "reports a crash of LMDB as a finding",
    using(async (open, directory) => {
      const root = await makeCrashing(open(), directory);
      const { code, signal, stdout } = await lmdbx(["verify", directory, "--json"]);
      assert.deepEqual([code, signal], [1, null]);
      const findings = lines(stdout).slice(0, -1);
      const crash = findings.find(({ what }) => what === "crash");
      assert.match(crash.reason, /crashes the process \(SIG/);
      const damaged = findings.find(({ what }) => what === "damaged");
      assert.deepEqual([damaged.page, damaged.reason], [root, "has a node outside of itself"]);
    }),
  );

  test(
    "survives random damage of any page",
    using(async (open, directory) => {
      const random = randomOf(chooseSeed("random damage"));
      await makeDatabase(open);
      const data = path.join(directory, "data.mdb");
      const bytes = fs.readFileSync(data);
      for (let round = 0; round < scale(200, 5_000); round++) {
        const damaged = Buffer.from(bytes);
        const page = random(bytes.length / PAGE);
        for (let n = 0; n < 8; n++) damaged[page * PAGE + random(128)] = random(256);
        fs.writeFileSync(data, random(10) === 0 ? damaged.subarray(0, page * PAGE) : damaged);
        walk(directory); // throws nothing, and ends
      }
      // The whole command on a few.
      for (let round = 0; round < scale(2, 50); round++) {
        const damaged = Buffer.from(bytes);
        for (let n = 0; n < 400; n++) damaged[random(bytes.length)] ^= 0xff;
        fs.writeFileSync(data, damaged);
        const { code, signal, stderr } = await lmdbx(["verify", directory]);
        assert.deepEqual([code, signal, stderr], [1, null, ""]);
      }
    }),
  );
});
