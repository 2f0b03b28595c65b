"use strict";
// The gate before publishing: what it says of facts, each wrong in one respect; and that it gathers
// these facts, in a copy of the tree with small binaries that pass for those of scripts/prebuild.

const { after, before, describe, test } = require("node:test");
const assert = require("node:assert/strict");
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { ALLOWED, hasToHaveRun, judge, oneOfHasToHaveRun } = require("../../scripts/check-package.js");
const { TARGETS, problems, sourceNote } = require("../../scripts/prebuild/inspect.js");
const manifest = require("../../scripts/prebuild/manifest.json");
const table = require("../../scripts/prebuild/table.js");
const { makeBinary } = require("../support/elf.js");

const root = path.resolve(__dirname, "../..");
const { version } = require("../../package.json");
const AGAIN = "run make prebuild PREBUILD=--record";

const temporary = fs.mkdtempSync(path.join(os.tmpdir(), "lmdbx-gate-"));
after(() => fs.rmSync(temporary, { recursive: true }));

/** THIRD_PARTY_LICENSES, without the licences. */
const LICENCES = Object.entries(manifest.sources)
  .filter(([, { use }]) => use !== "tests")
  .map(([name, source]) => `from the Debian source package ${name} ${source.version}\n`);

/** A table in which all ran that has to, with binaries of these sources. */
const rowsOf = (note) =>
  TARGETS.flatMap((target) =>
    [...hasToHaveRun(target), ...oneOfHasToHaveRun(target).slice(-1)].map((what) => {
      const built = table.builtLabel(note);
      return { target, what, built, emulated: false, passed: 7, skipped: 1, failed: [] };
    }),
  );

describe("the gate", () => {
  const NOTE = `1.2.3 ${"a".repeat(64)}`;
  /** Facts to which there is no objection. */
  const good = () => ({
    description: { version: "1.2.3", main: "./lib/index.js", bin: { lmdbx: "bin/lmdbx.js" } },
    files: [
      ...["CHANGELOG.md", "LICENSE", "README.md", "THIRD_PARTY_LICENSES", "binding.gyp", "index.d.ts"],
      ...["bin/lmdbx.js", "docs/compatibility.md", "lib/index.js", "package.json", "src/base.c"],
      ...["scripts/install.js", ...TARGETS.map((target) => `prebuilds/${target}/lmdbx.node`)],
    ],
    own: ["lib/index.js", "src/base.c"],
    changeLog: "# Changelog\n\n## [1.2.3]\n\n## [1.2.2]\n",
    lock: { version: "1.2.3", packages: { "": { version: "1.2.3" } } },
    licences: LICENCES.join("\n"),
    rows: rowsOf(NOTE),
    binaries: Object.fromEntries(TARGETS.map((target) => [target, { wrong: [], note: NOTE }])),
  });
  const objections = (change) => {
    const facts = good();
    change(facts);
    return [...judge(facts)];
  };
  const without = (facts, file) => (facts.files = facts.files.filter((each) => each !== file));

  test("accepts what is as it should be", () => {
    assert.deepEqual([...judge(good())], []);
  });

  for (const target of TARGETS) {
    test(`refuses a tarball without ${target}`, () => {
      const expected = [`the binary for ${target} is missing; run scripts/prebuild`];
      const change = (facts) => {
        without(facts, `prebuilds/${target}/lmdbx.node`);
        delete facts.binaries[target];
      };
      assert.deepEqual(objections(change), expected);
    });

    test(`passes on what is wrong with the binary for ${target}`, () => {
      const change = (facts) => facts.binaries[target].wrong.push("is not stripped", "leaks the symbol f");
      const expected = ["is not stripped", "leaks the symbol f"];
      assert.deepEqual(objections(change), expected.map((text) => `the binary for ${target} ${text}`));
    });
  }

  for (const file of good().files.filter((each) => !/^prebuilds|^package\.json/.test(each))) {
    test(`refuses a tarball without ${file}`, () => {
      assert.deepEqual(objections((facts) => without(facts, file)), [`${file} is missing`]);
    });
  }

  for (const file of ["lib/types.d.ts", "scripts/check-package.js", "test/a.test.js", ".npmrc"].concat(
    ["prebuilds/linux-x64/other.node", "prebuilds/darwin-x64/lmdbx.node", "bench/results/results.json"],
  )) {
    test(`refuses ${file} as superfluous`, () => {
      assert.deepEqual(objections(({ files }) => files.push(file)), [`${file} is superfluous`]);
      assert.ok(!ALLOWED.some((pattern) => pattern.test(file)));
    });
  }

  test("refuses versions that disagree", () => {
    assert.deepEqual(
      objections((facts) => (facts.changeLog = "## [1.2.2]\n## [1.2.3]\n")),
      ["CHANGELOG.md begins with 1.2.2, package.json says 1.2.3"],
    );
    assert.deepEqual(objections((facts) => (facts.lock.version = "1.2.2")), [
      "package-lock.json says 1.2.2, package.json 1.2.3",
    ]);
    assert.deepEqual(objections((facts) => (facts.lock.packages[""].version = "1.2.1")), [
      "package-lock.json says 1.2.1, package.json 1.2.3",
    ]);
  });

  test("refuses licences without a library, or with another version of it; test tools need none", () => {
    for (const [index, licence] of LICENCES.entries()) {
      const [, name, used] = /package (\S+) (\S+)/.exec(licence);
      const expected = [`THIRD_PARTY_LICENSES lacks ${name} ${used}`];
      const others = LICENCES.filter((_, other) => other !== index).join("\n");
      assert.deepEqual(objections((facts) => (facts.licences = others)), expected);
      const other = LICENCES.join("\n").replace(licence, licence.replace("\n", ".1\n"));
      assert.deepEqual(objections((facts) => (facts.licences = other)), expected);
    }
    assert.ok(!LICENCES.join("").includes("cmocka"));
  });
});

describe("the gate, of the table of what ran", () => {
  const note = `1.2.3 ${"b".repeat(64)}`;
  /** The objections to one row that was changed; or that is left out, where nothing is returned. */
  function objections(target, what, change) {
    const rows = rowsOf(note).flatMap((row) => {
      if (row.target !== target || row.what !== what) return [row];
      return change(row) ?? [];
    });
    const binaries = Object.fromEntries(TARGETS.map((each) => [each, { wrong: [], note }]));
    const facts = {
      description: { version: "1.2.3" },
      lock: { version: "1.2.3", packages: { "": { version: "1.2.3" } } },
      ...{ files: [], own: [], rows, binaries },
    };
    const of = "docs/compatibility.md: ";
    const said = [...judge(facts)].filter((text) => text.startsWith(of));
    return said.map((text) => text.slice(of.length));
  }
  const wanted = TARGETS.flatMap((target) => hasToHaveRun(target).map((what) => [target, what]));

  test("wants the C tests of all targets, and on linux-x64 all runtimes of the manifest", () => {
    for (const target of TARGETS) assert.equal(hasToHaveRun(target)[0], "C tests");
    const { node, bun } = manifest.runtimes;
    const runtimes = [...node.x64.map((v) => `Node.js ${v}`), ...bun.x64.map((v) => `Bun ${v}`)];
    assert.deepEqual(hasToHaveRun("linux-x64").slice(1).sort(), runtimes.sort());
  });

  for (const [target, what] of wanted) {
    test(`refuses it if ${what} on ${target} did not run, or with another binary, or failed`, () => {
      const which = `${what} on ${target}`;
      assert.deepEqual(objections(target, what, (row) => row), []);
      assert.deepEqual(objections(target, what, () => undefined), [`${which}: not in the table; ${AGAIN}`]);
      for (const built of ["1.2.3, 01234567", "1.2.2, bbbbbbbb"]) {
        assert.deepEqual(objections(target, what, (row) => ({ ...row, built })), [
          `${which}: ran with a binary of ${built}, the tarball's is of 1.2.3, bbbbbbbb; ${AGAIN}`,
        ]);
      }
      assert.deepEqual(objections(target, what, (row) => ({ ...row, passed: 0 })), [
        `${which}: no test passed; ${AGAIN}`,
      ]);
      assert.deepEqual(objections(target, what, (row) => ({ ...row, failed: ["a", "b"] })), [
        `${which}: 2 failed; mend that, and ${AGAIN}`,
      ]);
    });
  }

  test("wants the whole suite on linux-arm64 with one runtime at least", () => {
    const [one, other] = oneOfHasToHaveRun("linux-arm64").slice(-2).reverse();
    const said = `the whole suite of linux-arm64 ran with no runtime and a binary of 1.2.3, bbbbbbbb; ${AGAIN}`;
    const becomes = (change) => objections("linux-arm64", one, (row) => ({ ...row, ...change }));
    assert.deepEqual(becomes({ what: other }), []);
    for (const change of [{ what: `${one}: values` }, { built: "1.2.3, 01234567" }, { passed: 0 }]) {
      assert.deepEqual(becomes(change), [said]);
    }
  });

  test("lets what ran besides be of an earlier binary, but not fail", () => {
    const besides = { target: "linux-arm64", what: "Bun 1.4.5", built: "1.2.3, 01234567", emulated: true };
    const withBesides = (failed) =>
      objections("linux-x64", "C tests", (row) => [row, { ...besides, passed: 1, skipped: 0, failed }]);
    assert.deepEqual(withBesides([]), []);
    assert.deepEqual(withBesides(["x"]), [`Bun 1.4.5 on linux-arm64: 1 failed; mend that, and ${AGAIN}`]);
  });
});

describe("make check-package", () => {
  const inCopy = (file) => path.join(temporary, "tree", file);
  const left = new Set(["build", "node_modules", ".git", "prebuilds", "THIRD_PARTY_LICENSES"]);

  /** A copy of the tree, with small binaries, licences and a table that are of its sources. */
  before(() => {
    const filter = (source) => !left.has(path.basename(source));
    for (const entry of fs.readdirSync(root).filter(filter)) {
      fs.cpSync(path.join(root, entry), inCopy(entry), { recursive: true, filter });
    }
    const note = sourceNote();
    for (const target of TARGETS) {
      fs.mkdirSync(inCopy(`prebuilds/${target}`), { recursive: true });
      makeBinary(path.join(temporary, "lmdbx.node"), { note, arch: target.split("-")[1] });
      fs.copyFileSync(path.join(temporary, "lmdbx.node"), inCopy(`prebuilds/${target}/lmdbx.node`));
    }
    fs.writeFileSync(inCopy("THIRD_PARTY_LICENSES"), LICENCES.join("\n"));
    change("docs/compatibility.md", (text) => table.rewritten(text, rowsOf(note)));
  });

  const change = (file, edit) => {
    const text = fs.readFileSync(inCopy(file), "utf8");
    const changed = edit(text);
    assert.notEqual(changed, text);
    fs.writeFileSync(inCopy(file), changed);
    return () => fs.writeFileSync(inCopy(file), text);
  };

  /** Runs the gate in the copy; returns its exit code and the lines of its objections. */
  function check(...args) {
    // As inside of `npm publish --dry-run --json`, which hands its options down.
    const env = { ...process.env, npm_config_dry_run: "true", npm_config_json: "true" };
    const script = inCopy("scripts/check-package.js");
    const { status, stdout, stderr } = spawnSync("node", [script, ...args], { encoding: "utf8", env });
    const objections = stderr.split("\n").filter(Boolean);
    for (const line of objections) assert.ok(line.startsWith("check-package: "), stderr);
    return { status, stdout, objections: objections.map((line) => line.slice("check-package: ".length)) };
  }

  /** Asserts what it says where one file is changed. */
  function assertRefused(file, edit, expected, ...args) {
    const restore = change(file, edit);
    try {
      const { status, stdout, objections } = check(...args);
      assert.deepEqual(objections.sort(), [...expected].sort());
      assert.deepEqual([status, stdout], [1, ""]);
    } finally {
      restore();
    }
  }

  test("accepts the tree as it is, with binaries of its sources", () => {
    const { status, stdout, objections } = check();
    assert.deepEqual(objections, []);
    assert.equal(status, 0);
    const expected = `check-package: aurora-runtime-storage-lmdbx-${version}.tgz is as it should be: `;
    assert.ok(stdout.startsWith(expected), stdout);
  });

  test("refuses a tarball without what scripts/prebuild makes", () => {
    const missing = ["prebuilds", "THIRD_PARTY_LICENSES"];
    for (const file of missing) fs.renameSync(inCopy(file), inCopy(`../${file}`));
    const { status, objections } = check();
    for (const file of missing) fs.renameSync(inCopy(`../${file}`), inCopy(file));
    assert.equal(status, 1);
    assert.deepEqual(objections, [
      ...TARGETS.map((target) => `the binary for ${target} is missing; run scripts/prebuild`),
      "THIRD_PARTY_LICENSES is missing",
    ]);
  });

  test("refuses binaries of other sources", () => {
    const expected = TARGETS.map(
      (target) => `the binary for ${target} was built from other sources; run scripts/prebuild`,
    );
    assertRefused("src/base.c", (text) => `${text}/* changed */\n`, expected);
  });

  test("refuses a binary that was compiled against the libraries of a system", () => {
    const target = `linux-${process.arch}`;
    const [binary, aside] = [inCopy(`prebuilds/${target}/lmdbx.node`), inCopy("../aside.node")];
    fs.renameSync(binary, aside);
    fs.copyFileSync(path.join(root, "build/Release/lmdbx.node"), binary);
    const { status, objections } = check();
    fs.renameSync(aside, binary);
    assert.equal(status, 1);
    for (const problem of ["depends on liblmdb.so.0", "needs mdb_env_open, which is not the C library's"]) {
      assert.ok(objections.includes(`the binary for ${target} ${problem}`), objections.join("\n"));
    }
  });

  test("refuses a table of other binaries, unless that is not asked for", () => {
    const built = table.builtLabel(sourceNote());
    const row = `| linux-x64-musl | ${built} | C tests |`;
    const edit = (text) => text.replace(row, row.replace(built, `${version}, 01234567`));
    assertRefused("docs/compatibility.md", edit, [
      `docs/compatibility.md: C tests on linux-x64-musl: ran with a binary of ${version}, 01234567, ` +
        `the tarball's is of ${built}; ${AGAIN}`,
    ]);
    const restore = change("docs/compatibility.md", edit);
    const { status, objections } = check("--no-table");
    restore();
    assert.deepEqual([status, objections], [0, []]);
  });

  test("refuses a document without the table", () => {
    const restore = change("docs/compatibility.md", (text) => text.replace("<!-- what ran", "<!-- what"));
    const { status, objections } = check();
    restore();
    assert.deepEqual([status, objections.length], [1, 1]);
    assert.match(objections[0], /^docs\/compatibility\.md has no place for the table/);
  });

  test("refuses a tarball that holds more than it should, or less", () => {
    const files = (added) => (text) => text.replace('"files": [', `"files": [${added},`);
    assertRefused("package.json", files('"scripts/check-layers.js"'), [
      "scripts/check-layers.js is superfluous",
    ]);
    assertRefused("package.json", (text) => text.replace('"docs/*.md",', ""), [
      "docs/compatibility.md is missing",
    ]);
  });
});

const made = TARGETS.every((t) => fs.existsSync(path.join(root, "prebuilds", t, "lmdbx.node")));
describe("what scripts/prebuild has made here", { skip: !made && "needs all of prebuilds/" }, () => {
  for (const target of TARGETS) {
    test(`is right for ${target}, if perhaps of earlier sources`, () => {
      const wrong = [...problems(target, path.join(root, "prebuilds", target, "lmdbx.node"))];
      assert.deepEqual(wrong.filter((problem) => !/built from/.test(problem)), []);
    });
  }

  test("has the licences that the gate looks for", () => {
    const licences = fs.readFileSync(path.join(root, "THIRD_PARTY_LICENSES"), "utf8");
    for (const licence of LICENCES) assert.ok(licences.includes(licence), licence);
  });
});
