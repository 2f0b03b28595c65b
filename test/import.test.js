"use strict";
// What an import refuses, reports and leaves behind.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { importDirectory } = require("../lib/import/index.js");
const { runToEnd } = require("./support/program.js");
const { longestPut } = require("./support/limits.js");
const { using, rejection } = require("./support/temporary.js");
const { noLocks } = require("./support/turn.js");
const { writeOld, withOld, everything, assertNoLeftovers, startProgram } = require("./support/old.js");

const many = (count) => (path) => ({ databases: [{ path, count }] });
const odd = (path) => ({ odd: path });

describe("what is not carried over", () => {
  withOld("is listed with the reason, and everything else is there", odd, async (places) => {
    const { open, directory, from, to } = places;
    const told = [];
    const report = await importDirectory({ from, to, onNotCarried: (entry) => told.push(entry) });
    assert.deepEqual(report.notCarried, told);
    const seen = told.map(({ tenantId, key, storedKey, code }) => [storedKey ?? [tenantId, key], code]);
    const long = "k".repeat(600);
    const fits = (await longestPut(open({ path: path.join(directory, "limit") }))) > long.length;
    const expected = [
      ["no tenant", "LMDBX_INVALID_KEY"],
      ['acme:{"x": 1}', "LMDBX_INVALID_KEY"],
      [":1", "LMDBX_INVALID_KEY"],
      ["acme:undefined", "LMDBX_INVALID_KEY"],
      ["\u0014\u0004P\u0000", "LMDBX_INVALID_KEY"],
      ["acme\0key", "LMDBX_INVALID_KEY"],
      ["\u0002name", "LMDBX_INVALID_KEY"],
      ...(fits ? [] : [[["acme", long], "LMDBX_KEY_TOO_LARGE"]]),
      [["acme", "error"], "LMDBX_INVALID_VALUE"],
      [["acme", "regexp"], "LMDBX_INVALID_VALUE"],
      [["acme", "undefined"], "LMDBX_INVALID_VALUE"],
      [["acme", "deep"], "LMDBX_INVALID_VALUE"],
      [["acme", "garbage"], "LMDBX_DECODE"],
      [["acme", "trailing"], "LMDBX_DECODE"],
      [["acme", 48], "LMDBX_DECODE"],
    ];
    const sorted = (list) => list.map((each) => JSON.stringify(each)).sort();
    assert.deepEqual(sorted(seen), sorted(expected));
    for (const { reason, records } of told) {
      assert.equal(records, 1);
      assert.ok(reason.length > 10 && !reason.includes(".import-"), reason);
    }
    const { records, carried, notCarriedCount } = report;
    const left = expected.length;
    assert.deepEqual({ records, carried, notCarriedCount }, { records: 16, carried: 16 - left, notCarriedCount: left });
    const repository = open({ path: to });
    assert.deepEqual(await repository.list("acme"), fits ? [long, 1] : [1]);
    assert.equal(await repository.get("acme", 1), "carried over");
  });

  withOld(
    "is everything if the encoding is another, and then there is no new directory",
    (path) => ({ databases: [{ path, encoding: "json" }] }),
    async ({ directory, from, to }) => {
      const error = await rejection(importDirectory({ from, to }));
      assert.equal(error.code, "LMDBX_DECODE");
      assert.match(error.message, /Give the encoding/);
      assert.deepEqual(fs.readdirSync(directory), ["old"]);
      const report = await importDirectory({ from, to, encoding: "json" });
      assert.equal(report.notCarriedCount, 0);
    },
  );

  withOld(
    "is also everything where values may be numbers of msgpack or digits of JSON, until told which",
    (path) => {
      const digits = Array.from({ length: 10 }, (_, n) => [`acme:${n}`, 0x30 + n]);
      return { odd: path, records: [...digits, ["no tenant", 1]] };
    },
    async ({ open, directory, from, to }) => {
      const error = await rejection(importDirectory({ from, to }));
      assert.equal(error.code, "LMDBX_DECODE");
      assert.match(error.message, /Give the encoding .*--encoding/);
      assert.deepEqual(fs.readdirSync(directory), ["old"]);
      for (const [encoding, expected] of [["json", 7], ["msgpack", 0x37], ["string", "7"]]) {
        const options = encoding === "json" ? { encodings: { "": encoding } } : { encoding };
        const report = await importDirectory({ from, to: `${to} ${encoding}`, ...options });
        assert.equal(report.carried, 10);
        assert.equal(await open({ path: `${to} ${encoding}`, encoding }).get("acme", 7), expected);
      }
    },
  );

  withOld(
    "is not guessed where numbers of msgpack may be a few letters",
    (path) => {
      const letters = [-108, -99, 0x35, 0x91ce9231].map((number, n) => [`acme:${n}`, number]); // "Д", "Н", ...
      return { odd: path, records: letters };
    },
    async ({ open, from, to }) => {
      assert.equal((await rejection(importDirectory({ from, to }))).code, "LMDBX_DECODE");
      await importDirectory({ from, to, encoding: "string" });
      const repository = open({ path: to, encoding: "string" });
      const texts = await repository.getMany("acme", [0, 1, 2, 3]);
      assert.deepEqual(texts, ["\u0414", "\u041d", "5", "\u0391\u03921"]);
    },
  );

  withOld(
    "is only what is of another encoding, where the encoding is given",
    (path) => {
      const records = Array.from({ length: 20 }, (_, n) => [`objects:${n}`, { n }]);
      return { odd: path, records, databases: [{ path, encoding: "string", count: 30 }] };
    },
    async ({ open, from, to }) => {
      const reports = [];
      for (const encoding of ["msgpack", "string"]) {
        reports.push(await importDirectory({ from, to: `${to}-${encoding}`, encoding }));
      }
      const [objects, texts] = reports;
      assert.deepEqual([objects.carried, texts.notCarriedCount], [20, 20]);
      assert.ok(objects.notCarriedCount > 30 && objects.notCarriedCount === texts.carried);
      assert.deepEqual(await open({ path: `${to}-msgpack` }).get("objects", 7), { n: 7 });
      assert.equal(await open({ path: `${to}-string`, encoding: "string" }).get("many", 7), "record 7");
    },
  );

  withOld(
    "is everything where most is none of the encoding that is given, and the rest may be of another",
    (path) => {
      const records = Array.from({ length: 100 }, (_, n) => [`acme:${n}`, n < 40 ? n + 30 : { n }]);
      return { odd: path, records };
    },
    async ({ directory, from, to }) => {
      for (const encoding of ["string", "json"]) {
        const error = await rejection(importDirectory({ from, to, encoding }));
        assert.equal(error.code, "LMDBX_DECODE");
      }
      assert.deepEqual(fs.readdirSync(directory), ["old"]);
    },
  );

  withOld(
    "includes compressed values that are damaged, of which npm lmdb makes another record's",
    (path) => {
      const damaged = { cut: ["many:5"], astray: ["many:7"] };
      return { databases: [{ path, count: 20, size: 3_000, compression: true, damaged }] };
    },
    async ({ open, from, to }) => {
      const report = await importDirectory({ from, to });
      assert.deepEqual(report.notCarried.map(({ tenantId, key }) => [tenantId, key]), [["many", 5], ["many", 7]]);
      for (const { code, reason } of report.notCarried) {
        assert.equal(code, "LMDBX_CORRUPT");
        assert.match(reason, /cannot be unpacked/);
      }
      const repository = open({ path: to });
      assert.equal((await repository.list("many")).length, 18);
      assert.equal((await repository.get("many", 6)).n, 6);
    },
  );

  withOld("includes what JSON cannot hold, if the new encoding is json", many(3), async (places) => {
    const { open, from, to } = places;
    const report = await importDirectory({ from, to, targetEncoding: "json" });
    const keys = report.notCarried.map(({ key }) => key);
    for (const key of ["date", "map", "bigint", "buffer", "NaN"]) assert.ok(keys.includes(key), key);
    for (const { code } of report.notCarried) assert.equal(code, "LMDBX_INVALID_VALUE");
    const repository = open({ path: to, encoding: "json" });
    assert.equal((await repository.list("many")).length, 3);
    assert.equal((await repository.get("values", "order")).total, 99.95);
    assert.equal(await repository.has("values", "date"), false);
  });

  withOld(
    "includes a named database whose name a new one cannot have",
    (path) => ({ databases: [{ path }, { path, name: "acme:1" }] }),
    async ({ open, from, to }) => {
      const report = await importDirectory({ from, to });
      assert.equal(report.notCarried.length, 1);
      const [{ database, records, code }] = report.notCarried;
      assert.deepEqual([database, code], ["acme:1", "LMDBX_INVALID_CONFIG"]);
      assert.equal(records, report.databases[0].records);
      assert.equal(report.notCarriedCount, records);
      const repository = open({ path: to });
      assert.equal(await repository.has("acme", 1), true);
    },
  );
});

describe("names", () => {
  const three = (path) => ({
    databases: [{ path, count: 1 }, { path, name: "orders" }, { path, name: "pages", encoding: "json" }],
  });
  withOld("given are those that are taken over", three, async ({ open, from, to }) => {
    const report = await importDirectory({ from, to, names: ["pages", ""], encodings: { pages: "json" } });
    assert.deepEqual(report.databases.map(({ name }) => name), [undefined, "pages"]);
    const error = await rejection(open({ path: to, name: "orders", readOnly: true }).ready());
    assert.equal(error.code, "LMDBX_NOT_FOUND");
  });

  withOld("that do not exist are an error that says which do", three, async ({ directory, from, to }) => {
    for (const options of [{ names: ["order"] }, { encodings: { order: "json" } }]) {
      const error = await rejection(importDirectory({ from, to, ...options }));
      assert.equal(error.code, "LMDBX_NOT_FOUND");
      assert.match(error.message, /"orders", "pages"/);
    }
    assert.deepEqual(fs.readdirSync(directory), ["old"]);
  });
});

describe("an old database in use", () => {
  const staying = async (from, body) => {
    const writer = startProgram("old-writer", { databases: [{ path: from, count: 10 }], end: "stay" });
    await writer.heard();
    writer.tell("write");
    await writer.heard();
    try {
      await body(writer);
    } finally {
      writer.tell("close");
      await writer.ended;
    }
  };

  withOld("is refused, naming the process", () => undefined, async ({ directory, from, to }) => {
    await staying(from, async (writer) => {
      const error = await rejection(importDirectory({ from, to }));
      assert.equal(error.code, "LMDBX_IN_USE");
      assert.ok(error.message.includes(String(writer.pid)), error.message);
      const itsFile = await rejection(importDirectory({ from: path.join(from, "data.mdb"), to }));
      assert.equal(itsFile.code, "LMDBX_IN_USE");
    });
    assert.deepEqual(fs.readdirSync(directory), ["old"]);
    assert.equal((await importDirectory({ from, to })).notCarriedCount, 0);
  }, noLocks);

  withOld("is refused, also a single file by a link to it", () => undefined, async ({ directory, to }) => {
    const [file, link] = [path.join(directory, "old.lmdb"), path.join(directory, "link.lmdb")];
    fs.symlinkSync(file, link);
    await staying(file, async () => {
      const error = await rejection(importDirectory({ from: link, to }));
      assert.equal(error.code, "LMDBX_IN_USE");
    });
    assert.equal((await importDirectory({ from: link, to })).notCarriedCount, 0);
  }, noLocks);

  withOld("that is written to meanwhile ends the import", many(3_000), async (places) => {
    const { directory, from, to } = places;
    const importer = startProgram("importer", { options: { from, to }, holdAt: ["verify", 1] });
    assert.equal(await importer.heard(), "holding");
    await writeOld({ databases: [{ path: from, count: 1 }] });
    importer.tell("go on");
    const { error } = await importer.heard();
    assert.equal(error.code, "LMDBX_IN_USE");
    assert.match(error.message, /was written to/);
    await importer.ended;
    assert.deepEqual(fs.readdirSync(directory), ["old"]);
  });
});

describe("an import that ends early", () => {
  withOld("takes away what a killed one left, and nothing that is only called alike", many(1), async (places) => {
    const { directory, from, to } = places;
    const hour = new Date(Date.now() - 3_600_000);
    const [left, notes] = [".new.import-0123456789ab", ".new.import-notes"].map((each) => path.join(directory, each));
    for (const each of [left, notes]) {
      fs.mkdirSync(each);
      fs.utimesSync(each, hour, hour);
    }
    await importDirectory({ from, to });
    assert.deepEqual([fs.existsSync(left), fs.existsSync(notes)], [false, true]);
  });

  withOld("where another container was at work lately, says until when to wait", many(1), async ({ directory, from, to }) => {
    const left = path.join(directory, ".new.import-0123456789ab");
    fs.mkdirSync(left);
    const owner = path.join(left, "owner.json");
    fs.writeFileSync(owner, JSON.stringify({ pid: 1, system: "another" }));
    const error = await rejection(importDirectory({ from, to }));
    assert.equal(error.code, "LMDBX_IN_USE");
    assert.match(error.message, /process 1 of another container.*if it was killed, try again when 60 s have passed/);
    const before = new Date(Date.now() - 61_000);
    fs.utimesSync(owner, before, before);
    await importDirectory({ from, to });
    assert.ok(!fs.existsSync(left));
  });

  for (const at of ["copy", "verify"]) {
    withOld(`killed in ${at}, leaves nothing that looks finished, and can be run again`, many(4_000), async (places) => {
      const { open, directory, from, to } = places;
      const before = everything(from);
      const end = await runToEnd("importer", { options: { from, to }, dieAt: [at, 2_000] });
      assert.equal(end.signal, "SIGKILL");
      assert.ok(!fs.existsSync(to));
      assert.equal(fs.readdirSync(directory).length, 2, "the old one and what was under way");
      const report = await importDirectory({ from, to });
      assert.equal(report.notCarriedCount, 0);
      assertNoLeftovers(directory);
      assert.deepEqual(everything(from), before);
      assert.equal((await open({ path: to }).list("many")).length, 4_000);
    });
  }

  withOld("does not give way to another to the same place", many(3_000), async (places) => {
    const { open, directory, from, to } = places;
    const importer = startProgram("importer", { options: { from, to }, holdAt: ["copy", 1] });
    assert.equal(await importer.heard(), "holding");
    const error = await rejection(importDirectory({ from, to }));
    assert.equal(error.code, "LMDBX_IN_USE");
    assert.ok(error.message.includes(String(importer.pid)), error.message);
    importer.tell("go on");
    const { report } = await importer.heard();
    await importer.ended;
    assert.equal(report.notCarriedCount, 0);
    assertNoLeftovers(directory);
    assert.equal((await open({ path: to }).list("many")).length, 3_000);
  });

  withOld("stops when its signal says so, and cleans up", many(5_000), async ({ directory, from, to }) => {
    for (const phase of ["copy", "verify"]) {
      const stop = new AbortController();
      const options = {
        from,
        to,
        signal: stop.signal,
        onProgress: (progress) => progress.phase === phase && stop.abort(),
      };
      const error = await rejection(importDirectory(options));
      assert.equal(error.code, "LMDBX_ABORTED");
      assert.deepEqual(fs.readdirSync(directory), ["old"]);
    }
    const error = await rejection(importDirectory({ from, to, signal: AbortSignal.abort() }));
    assert.equal(error.code, "LMDBX_ABORTED");
    assert.deepEqual(fs.readdirSync(directory), ["old"]);
  });
});

describe("the report", () => {
  withOld("says which mapSize the new directory needs", many(2_000), async ({ open, directory, from }) => {
    const to = path.join(directory, "small");
    const small = await importDirectory({ from, to, mapSize: 100_000 });
    assert.equal(small.mapSizeSuffices, false);
    const tight = open({ path: to, mapSize: 100_000 });
    assert.equal((await rejection(tight.put("t", 1, Buffer.alloc(500_000)))).code, "LMDBX_MAP_FULL");
    await tight.close();
    const roomy = open({ path: to, mapSize: small.neededMapSize });
    await roomy.put("t", 1, Buffer.alloc(500_000));
    await roomy.close();
    const again = path.join(directory, "again");
    const large = await importDirectory({ from, to: again, mapSize: 2 ** 30 });
    assert.equal(large.mapSizeSuffices, true);
  });

  const three = (path) => ({ databases: [{ path, count: 3, size: 5_000_000 }] });
  withOld("names a mapSize in which every record can be written anew, again and again", three, async (places) => {
    const { open, from, to } = places;
    const { neededMapSize } = await importDirectory({ from, to });
    const repository = open({ path: to, mapSize: neededMapSize });
    for (let round = 0; round < 3; round++) {
      for (const key of await repository.list("many")) {
        await repository.put("many", key, await repository.get("many", key));
      }
    }
  });

  withOld("of an empty database is one of nothing", () => undefined, async ({ open, from, to }) => {
    const { stderr } = await runToEnd("old-calls", { config: { path: from }, calls: [["list", "t"]] });
    assert.equal(stderr, "");
    const report = await importDirectory({ from, to });
    assert.deepEqual([report.records, report.carried, report.notCarriedCount], [0, 0, 0]);
    assert.deepEqual(await open({ path: to, readOnly: true }).list("t"), []);
  });

  withOld("progress goes through both phases to the end", many(3_000), async ({ from, to }) => {
    const seen = [];
    const report = await importDirectory({ from, to, onProgress: (each) => seen.push({ ...each }) });
    const last = { copy: 0, verify: 0 };
    for (const { phase, records, total } of seen) {
      assert.equal(total, report.records);
      assert.ok(records > last[phase]);
      last[phase] = records;
    }
    assert.deepEqual(last, { copy: report.records, verify: report.records });
  });
});

describe("after a power failure", () => {
  withOld("the import goes back to the last commit on disk, as 0.3.x did, but in a copy", many(500), async (places) => {
    const { open, directory, from, to } = places;
    // As if the newest commit had not been synced when another start of the system ended.
    const file = fs.openSync(path.join(from, "data.mdb"), "r+");
    const metas = [0, 4096].map((at) => {
      const bytes = Buffer.alloc(168);
      fs.readSync(file, bytes, 0, bytes.length, at);
      return { at, bytes, txn: bytes.readBigUInt64LE(152) };
    });
    const newest = metas[0].txn > metas[1].txn ? metas[0] : metas[1];
    for (const { at, bytes } of [...metas, { at: 2048, bytes: Buffer.from(newest.bytes) }]) {
      bytes.writeBigInt64LE(0x1234n, 160);
      if (at === newest.at) bytes.writeUInt16LE(bytes.readUInt16LE(52) | 0x1000, 52);
      if (at !== 2048) fs.writeSync(file, bytes, 0, bytes.length, at);
    }
    fs.closeSync(file);
    const before = everything(from);
    const report = await importDirectory({ from, to });
    assert.deepEqual(everything(from), before);
    const copy = path.join(directory, "copy");
    fs.cpSync(from, copy, { recursive: true });
    const { stdout } = await runToEnd("old-calls", { config: { path: copy }, calls: [["list", "many"]] });
    const expected = JSON.parse(stdout).value;
    assert.ok(expected.length > 0);
    assert.deepEqual([report.recovered, report.notCarriedCount], [true, 0]);
    assert.deepEqual(await open({ path: to }).list("many"), expected);
  });
});
