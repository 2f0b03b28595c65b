"use strict";
// The package inside of what bundlers make, run where there is no node_modules.

const { after, before, describe, test } = require("node:test");
const assert = require("node:assert/strict");
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const root = path.resolve(__dirname, "../..");
const { name } = require("../../package.json");
const bun = path.join(root, "node_modules/.bin/bun");
const esbuild = path.join(root, "node_modules/.bin/esbuild");
const libc = process.report.getReport().header.glibcVersionRuntime ? "" : "-musl";
const target = `${process.platform}-${process.arch}${libc}`;

/** What ES modules need for the `require` in CommonJS that they carry. */
const BANNER =
  'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';

const temporary = fs.mkdtempSync(path.join(os.tmpdir(), "lmdbx-bundles-"));
after(() => fs.rmSync(temporary, { recursive: true }));
const project = path.join(temporary, "project");
const installed = path.join(project, "node_modules", name);

function succeed(cwd, program, args) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, encoding: "utf8" });
  assert.equal(status, 0, `${error ?? ""}${stdout}${stderr}`);
  return stdout;
}

/** A project that has the package as it is installed: one binary of four, and none compiled. */
before(() => {
  for (const part of ["package.json", "lib"]) {
    fs.cpSync(path.join(root, part), path.join(installed, part), { recursive: true });
  }
  const binary = path.join(installed, "prebuilds", target, "lmdbx.node");
  fs.mkdirSync(path.dirname(binary), { recursive: true });
  const prebuilt = path.join(root, "prebuilds", target, "lmdbx.node");
  const compiled = path.join(root, "build/Release/lmdbx.node");
  fs.copyFileSync(fs.existsSync(prebuilt) ? prebuilt : compiled, binary);
  fs.writeFileSync(
    path.join(project, "app.ts"),
    `import { createLMDBXRepository } from "${name}";
async function main() {
  const users = createLMDBXRepository<string, unknown>({ path: process.argv[2]! });
  await users.put("acme", "user:1", { name: "Alice" });
  console.log(JSON.stringify(await users.get("acme", "user:1")));
  await users.close();
}
main();
`,
  );
});

/** Moves what a bundler made to where no other file of the package is. */
function moveAway(made) {
  const elsewhere = fs.mkdtempSync(path.join(temporary, "elsewhere-"));
  const directory = path.join(elsewhere, "dist");
  fs.renameSync(path.join(project, made), directory);
  return { elsewhere, directory };
}

/** Runs what a bundler made where no other file of the package is. */
function assertWorks(made, commands) {
  const { elsewhere, directory } = moveAway(made);
  for (const [program, ...args] of commands) {
    const command = program === "./app" ? path.join(directory, "app") : program;
    const data = fs.mkdtempSync(path.join(elsewhere, "data-"));
    const files = args.map((file) => path.join(directory, file));
    assert.equal(succeed(elsewhere, command, [...files, data]), '{"name":"Alice"}\n');
  }
}

describe("bundled by esbuild", () => {
  const bundle = (...options) =>
    succeed(project, esbuild, ["app.ts", "--bundle", "--platform=node", "--log-level=error"].concat(options));

  for (const loader of ["copy", "file"]) {
    test(`with the ${loader} loader for .node, as CommonJS`, () => {
      bundle(`--loader:.node=${loader}`, "--outfile=out/app.js");
      assertWorks("out", [
        ["node", "app.js"],
        [bun, "app.js"],
      ]);
    });

    test(`with the ${loader} loader for .node, as an ES module that has a require`, () => {
      bundle(`--loader:.node=${loader}`, "--format=esm", `--banner:js=${BANNER}`, "--outfile=out/app.mjs");
      assertWorks("out", [
        ["node", "app.mjs"],
        [bun, "app.mjs"],
      ]);
    });
  }

  test("carries nothing of the import, and requires no npm lmdb", () => {
    bundle("--loader:.node=copy", "--outfile=out/app.js", "--metafile=out/meta.json");
    const { inputs, outputs } = JSON.parse(fs.readFileSync(path.join(project, "out/meta.json"), "utf8"));
    const files = Object.keys(inputs);
    assert.ok(files.some((file) => file.endsWith("lib/repository.js")));
    assert.deepEqual(files.filter((file) => /lib\/(import|cli)\/|node_modules\/lmdb/.test(file)), []);
    const imports = Object.values(outputs).flatMap((output) => output.imports);
    const foreign = imports.filter(({ path: file, external }) => external && !/^node:|\.node$/.test(file));
    assert.deepEqual(foreign, []);
    const code = fs.readFileSync(path.join(project, "out/app.js"), "utf8");
    assert.doesNotMatch(code, /\b(require|resolve|import)\(["'`]lmdb["'`/]/);
    fs.rmSync(path.join(project, "out"), { recursive: true });
  });

  test("with .node external, and the binaries beside the bundle's directory", () => {
    bundle("--external:*.node", "--outfile=out/app.js");
    fs.mkdirSync(path.join(project, "both"));
    fs.renameSync(path.join(project, "out"), path.join(project, "both/out"));
    fs.cpSync(path.join(installed, "prebuilds"), path.join(project, "both/prebuilds"), {
      recursive: true,
    });
    assertWorks("both", [
      ["node", "out/app.js"],
      [bun, "out/app.js"],
    ]);
  });
});

describe("bundled by Bun", () => {
  for (const [to, program] of Object.entries({ bun, node: "node" })) {
    test(`for ${to}`, () => {
      succeed(project, bun, ["build", "app.ts", `--target=${to}`, "--outdir=out"]);
      assertWorks("out", [[program, "app.js"]]);
    });
  }

  test("compiled into one executable", () => {
    fs.mkdirSync(path.join(project, "out"));
    succeed(project, bun, ["build", "--compile", "app.ts", "--outfile=out/app"]);
    assertWorks("out", [["./app"]]);
  });
});

describe("the import, bundled where npm lmdb is not installed", () => {
  const old = path.join(temporary, "old");
  before(() => {
    fs.writeFileSync(
      path.join(project, "move.ts"),
      `import { importDirectory } from "${name}/import";
importDirectory({ from: process.argv[2]!, to: process.argv[3]! }).then(
  (report) => console.log(report.carried),
  (error) => console.log(error.code, error.message),
);
`,
    );
    const make = `const db = require(${JSON.stringify(path.join(root, "node_modules/lmdb"))})
      .open({ path: ${JSON.stringify(old)} });
      db.put('acme:"user:123"', { name: "Alice" }).then(() => db.close());`;
    succeed(temporary, "node", ["-e", make]);
  });

  /** Asks for npm lmdb where there is none, and takes the one that is installed where it runs. */
  function assertImports(runtimes, file) {
    const { elsewhere, directory } = moveAway("out");
    const run = (runtime, to) => succeed(elsewhere, runtime, [path.join(directory, file), old, to]);
    fs.mkdirSync(path.join(elsewhere, "node_modules")); // else Bun installs what is asked for
    for (const runtime of runtimes) {
      const asked = run(runtime, "new");
      assert.match(asked, /^LMDBX_PEER_MISSING .* npm package lmdb, which is not installed\. /);
      assert.match(asked, / Install it .*npm install lmdb@3/);
    }
    assert.ok(!fs.existsSync(path.join(elsewhere, "new")));
    fs.symlinkSync(path.join(root, "node_modules/lmdb"), path.join(elsewhere, "node_modules/lmdb"));
    for (const runtime of runtimes) assert.equal(run(runtime, `new-${path.basename(runtime)}`), "1\n");
  }

  const options = ["--bundle", "--platform=node", "--loader:.node=copy", "--log-level=warning"];

  test("by esbuild, as CommonJS, without a warning", () => {
    const args = ["move.ts", ...options, "--outfile=out/move.js"];
    const { status, stderr } = spawnSync(esbuild, args, { cwd: project, encoding: "utf8" });
    assert.deepEqual([status, stderr], [0, ""]);
    assertImports(["node", bun], "move.js");
  });

  test("by esbuild, as an ES module that has a require", () => {
    const form = ["--format=esm", `--banner:js=${BANNER}`, "--outfile=out/move.mjs"];
    succeed(project, esbuild, ["move.ts", ...options, ...form]);
    assertImports(["node", bun], "move.mjs");
  });

  for (const [to, program] of Object.entries({ bun, node: "node" })) {
    test(`by Bun, for ${to}`, () => {
      succeed(project, bun, ["build", "move.ts", `--target=${to}`, "--outdir=out"]);
      assertImports([program], "move.js");
    });
  }
});
