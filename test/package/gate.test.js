"use strict";
// The gate before publishing refuses what it should, and accepts what scripts/prebuild has made.

const { after, before, describe, test } = require("node:test");
const assert = require("node:assert/strict");
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const root = path.resolve(__dirname, "../..");
const { version } = require("../../package.json");
const TARGETS = ["linux-x64", "linux-arm64", "linux-x64-musl", "linux-arm64-musl"];
const OURS = `linux-${process.arch}`;

const temporary = fs.mkdtempSync(path.join(os.tmpdir(), "lmdbx-gate-"));
after(() => fs.rmSync(temporary, { recursive: true }));
const inCopy = (file) => path.join(temporary, "tree", file);
const left = new Set(["build", "node_modules", ".git"]);
const made = TARGETS.every((t) => fs.existsSync(path.join(root, "prebuilds", t, "lmdbx.node")));

/** A fresh copy of the tree, with the binaries or without. */
function copyTree(withBinaries) {
  fs.rmSync(inCopy("."), { recursive: true, force: true });
  for (const entry of fs.readdirSync(root)) {
    if (left.has(entry)) continue;
    if (!withBinaries && /^(prebuilds|THIRD_PARTY_LICENSES)$/.test(entry)) continue;
    fs.cpSync(path.join(root, entry), inCopy(entry), { recursive: true });
  }
}

/** Runs the gate in the copy; returns its exit code and the lines of its objections. */
function check() {
  const script = inCopy("scripts/check-package.js");
  // As inside of `npm publish --dry-run --json`, which hands its options down.
  const env = { ...process.env, npm_config_dry_run: "true", npm_config_json: "true" };
  const { status, stdout, stderr } = spawnSync("node", [script], { encoding: "utf8", env });
  const objections = stderr.split("\n").filter(Boolean);
  for (const line of objections) assert.ok(line.startsWith("check-package: "), stderr);
  return { status, stdout, objections: objections.map((line) => line.slice("check-package: ".length)) };
}

/** Puts a binary into the copy as if it were ours. */
function place(file, target = OURS) {
  fs.mkdirSync(inCopy(`prebuilds/${target}`), { recursive: true });
  fs.copyFileSync(file, inCopy(`prebuilds/${target}/lmdbx.node`));
}

/** A small shared object with the entry points of Node-API, and what is added. */
function compile(source, ...options) {
  const file = path.join(temporary, "made.node");
  const text = `int napi_register_module_v1(void) { return 0; }
    int node_api_module_get_api_version_v1(void) { return 9; }
    ${source}`;
  const args = ["-shared", "-fPIC", "-s", "-Wl,-z,now,-z,relro", ...options, "-o", file, "-x", "c", "-"];
  const { status, stderr } = spawnSync("cc", args, { input: text, encoding: "utf8" });
  assert.equal(status, 0, stderr);
  return file;
}

describe("a tarball without binaries", () => {
  before(() => copyTree(false));

  test("is refused, and every missing target named", () => {
    const { status, objections } = check();
    assert.equal(status, 1);
    for (const target of TARGETS) {
      const expected = `the binary for ${target} is missing; run scripts/prebuild`;
      assert.ok(objections.includes(expected), objections.join("\n"));
    }
    assert.ok(objections.includes("THIRD_PARTY_LICENSES is missing"));
    assert.equal(objections.length, TARGETS.length + 1, objections.join("\n"));
  });
});

describe("a binary is refused", () => {
  before(() => copyTree(false));

  /** The objections to the binary of this machine. */
  const objectionsTo = (file) => {
    place(file);
    const { status, objections } = check();
    assert.equal(status, 1);
    const begin = `the binary for ${OURS} `;
    return objections.filter((line) => line.startsWith(begin)).map((line) => line.slice(begin.length));
  };

  test("that was compiled against the libraries of a system", () => {
    const objections = objectionsTo(path.join(root, "build/Release/lmdbx.node"));
    assert.ok(objections.includes("depends on liblmdb.so.0"), objections.join("\n"));
    assert.ok(objections.includes("needs mdb_env_open, which is not the C library's"));
  });

  test("that leaks a symbol", () => {
    const objections = objectionsTo(compile("int mdb_env_open(void) { return 0; }"));
    assert.ok(objections.includes("leaks the symbol mdb_env_open"), objections.join("\n"));
  });

  test("that needs a symbol of libuv", () => {
    const objections = objectionsTo(
      compile(`extern int uv_run(void);
        int (*hidden_)(void) __attribute__((visibility("hidden"))) = uv_run;`),
    );
    assert.ok(objections.includes("needs uv_run"), objections.join("\n"));
  });

  const glibc = Number(process.report.getReport().header.glibcVersionRuntime?.split(".")[1] ?? 0);
  test("that needs a newer glibc", { skip: glibc < 34 && "this glibc is not newer" }, () => {
    const objections = objectionsTo(
      compile(`extern int pthread_create(void);
        int (*hidden_)(void) __attribute__((visibility("hidden"))) = pthread_create;`),
    );
    assert.ok(
      objections.includes("needs pthread_create@GLIBC_2.34; too new"),
      objections.join("\n"),
    );
  });

  test("that has a search path, or binds late", () => {
    const file = compile("", "-Wl,-rpath,/nowhere", "-Wl,-z,lazy");
    const objections = objectionsTo(file);
    assert.ok(objections.includes("has a search path for libraries"), objections.join("\n"));
    assert.ok(objections.includes("binds its symbols late"), objections.join("\n"));
  });

  test("that is for another processor", () => {
    const other = process.arch === "x64" ? "linux-arm64" : "linux-x64";
    place(compile(""), other);
    const { objections } = check();
    const expected = `the binary for ${other} is not made for ${other.slice("linux-".length)}`;
    assert.ok(objections.includes(expected), objections.join("\n"));
  });

  test("that does not say what it was built from", () => {
    const objections = objectionsTo(compile(""));
    assert.ok(
      objections.includes(`was built from version unknown, this is ${version}; run scripts/prebuild`),
      objections.join("\n"),
    );
  });
});

describe("a tarball is refused", () => {
  before(() => copyTree(false));

  const change = (file, edit) => {
    const text = fs.readFileSync(inCopy(file), "utf8");
    fs.writeFileSync(inCopy(file), edit(text));
  };

  test("that holds more than it should", () => {
    change("package.json", (text) => text.replace('"files": [', '"files": ["scripts/check-layers.js",'));
    assert.ok(check().objections.includes("scripts/check-layers.js is superfluous"));
  });

  test("that lacks what package.json promises", () => {
    change("package.json", (text) => text.replace('"./lib/index.js"', '"./lib/other.js"'));
    assert.ok(check().objections.includes("lib/other.js is missing"));
  });

  test("whose change log begins with another version", () => {
    change("CHANGELOG.md", (text) => text.replace(`## [${version}]`, "## [9.9.9]"));
    const expected = `CHANGELOG.md begins with 9.9.9, package.json says ${version}`;
    assert.ok(check().objections.includes(expected));
  });
});

describe("what scripts/prebuild has made", { skip: !made && "needs all of prebuilds/" }, () => {
  before(() => copyTree(true));

  test("says from which sources: after a change, it is refused", () => {
    const before = check().objections.filter((line) => !/built from/.test(line));
    assert.deepEqual(before, []);
    fs.appendFileSync(inCopy("src/base.c"), "/* changed */\n");
    const { status, objections } = check();
    assert.equal(status, 1);
    assert.deepEqual(
      objections.sort(),
      TARGETS.map((t) => `the binary for ${t} was built from other sources; run scripts/prebuild`).sort(),
    );
  });
});
