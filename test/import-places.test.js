"use strict";
// From where an import reads, where it writes, and what the system may have against it.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { importDirectory } = require("../lib/import/index.js");
const { shellCommand } = require("./support/command.js");
const { inSmall, noSmallMounts } = require("./support/mounts.js");
const { using, rejection } = require("./support/temporary.js");
const { withOld, everything } = require("./support/old.js");

const many = (count) => (path) => ({ databases: [{ path, count }] });

describe("places", () => {
  test(
    "an old place without an old database is refused, and nothing appears",
    using(async (open, directory) => {
      const repository = open({ path: path.join(directory, "ours") });
      await repository.put("t", 1, 1);
      await repository.close();
      fs.mkdirSync(path.join(directory, "empty"));
      fs.writeFileSync(path.join(directory, "file"), "text");
      const cases = { none: "NOT_FOUND", empty: "NOT_FOUND", file: "FORMAT", ours: "FORMAT" };
      const before = everything(directory);
      for (const [name, code] of Object.entries(cases)) {
        const options = { from: path.join(directory, name), to: path.join(directory, "new") };
        const error = await rejection(importDirectory(options));
        assert.equal(error.code, `LMDBX_${code}`, error.message);
        assert.ok(error.message.includes(path.join(directory, name)), error.message);
      }
      assert.deepEqual(everything(directory), before);
    }),
  );

  withOld("a new place where something is, is refused and left alone", many(1), async (places) => {
    const { directory, from, to } = places;
    fs.mkdirSync(to);
    const dangling = path.join(directory, "link");
    fs.symlinkSync(path.join(directory, "nowhere"), dangling);
    const before = everything(directory);
    for (const taken of [to, from, dangling]) {
      const error = await rejection(importDirectory({ from, to: taken }));
      assert.equal(error.code, "LMDBX_EXISTS", error.message);
    }
    assert.deepEqual(everything(directory), before);
  });

  withOld("file: URLs and relative paths are taken", many(1), async ({ directory, from }) => {
    const { pathToFileURL } = require("node:url");
    const report = await importDirectory({
      from: pathToFileURL(from),
      to: path.relative("", path.join(directory, "new")),
    });
    assert.equal(report.to, path.join(directory, "new"));
  });

  withOld("nothing is made in the old directory, by whatever name", many(1), async ({ directory, from }) => {
    const link = path.join(directory, "link");
    fs.symlinkSync(from, link);
    const before = everything(directory);
    const error = await rejection(importDirectory({ from, to: path.join(link, "deep", "new") }));
    assert.equal(error.code, "LMDBX_INVALID_CONFIG");
    assert.deepEqual(everything(directory), before);
  });

  test("options that are wrong are TypeErrors, before anything is looked at", async () => {
    const given = { from: "old", to: "new" };
    const wrong = [
      undefined,
      { to: "new" },
      { from: "old" },
      { ...given, encoding: "cbor" },
      { ...given, encodings: { a: "cbor" } },
      { ...given, targetEncoding: "cbor" },
      { ...given, rename: { a: "" } },
      { ...given, rename: { a: "c", b: "c" } },
      { ...given, names: "orders" },
      { ...given, compression: "yes" },
      { ...given, mapSize: -1 },
      { ...given, onProgress: true },
      { ...given, signal: {} },
      { ...given, name: "orders" },
      { ...given, to: "old/new" },
    ];
    for (const options of wrong) {
      const error = await rejection(importDirectory(options));
      assert.ok(error instanceof TypeError, JSON.stringify(options));
      assert.equal(error.code, "LMDBX_INVALID_CONFIG");
    }
  });
});

describe("failures of the system", () => {
  const unreadable = path.join("data.mdb", "data.mdb");
  const cases = {
    "the old data file is a directory": { old: unreadable, to: "new", code: "LMDBX_FORMAT", says: /EISDIR/ },
    "the old path leads through a file": { from: "file/old", to: "new", code: "LMDBX_NOT_A_DIRECTORY", says: /ENOTDIR/ },
    "the new path leads through a file": { to: "file/new", code: "LMDBX_NOT_A_DIRECTORY", says: /EEXIST|ENOTDIR/ },
  };
  for (const [name, { old, from: through, to: place, code, says }] of Object.entries(cases)) {
    withOld(`${name}: a code, the path, and what to do`, many(1), async ({ directory, from, to }) => {
      fs.writeFileSync(path.join(directory, "file"), "");
      if (old !== undefined) fs.mkdirSync(path.join(directory, "odd", old), { recursive: true });
      const options = {
        from: through ? path.join(directory, through) : old ? path.join(directory, "odd") : from,
        to: path.join(path.dirname(to), place),
      };
      const before = everything(directory);
      const error = await rejection(importDirectory(options));
      assert.equal(error.code, code, error.message);
      assert.ok(error.message.includes(directory), error.message);
      assert.match(error.message, /\. Check the path/);
      assert.match(error.message, says);
      assert.ok(error.cause instanceof Error);
      assert.deepEqual(everything(directory), before);
    });
  }

  withOld("what fails takes the parents away that it has made, and no others", many(1), async (places) => {
    const { directory, from } = places;
    fs.mkdirSync(path.join(directory, "there"));
    const long = path.join(directory, "there", "deep", "x".repeat(300), "new");
    const tooLong = await rejection(importDirectory({ from, to: long }));
    assert.match(tooLong.message, /a name in the path is too long/);
    assert.deepEqual(fs.readdirSync(path.join(directory, "there")), []);
    const to = path.join(directory, "there", "deep", "deeper", "new");
    const error = await rejection(importDirectory({ from, to, names: ["none"] }));
    assert.equal(error.code, "LMDBX_NOT_FOUND");
    assert.deepEqual(fs.readdirSync(path.join(directory, "there")), []);
    await importDirectory({ from, to });
    assert.ok(fs.existsSync(path.join(to, "data.mdb")));
  });

  withOld(
    "a full disk is told of, and nothing is left on it",
    many(2_000),
    async ({ directory, from }) => {
      for (const size of ["4k", "256k"]) {
        const place = path.join(directory, `of-${size}`);
        fs.mkdirSync(place);
        const command = shellCommand(["import", from, path.join(place, "new")]);
        const { stdout, stderr } = inSmall(place, size, `${command}; echo "code $?"; ls -A "$1"`);
        assert.equal(stdout, "code 3\n", stderr);
        assert.match(stderr, /\[LMDBX_NO_SPACE\]\n$/);
      }
    },
    noSmallMounts,
  );
});
