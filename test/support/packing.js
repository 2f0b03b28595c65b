"use strict";
// The package as users get it: packed from a copy of the tree, and installed in empty projects.

const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const assert = require("node:assert/strict");

const root = path.resolve(__dirname, "../..");
const { name } = require("../../package.json");
const bun = path.join(root, "node_modules/.bin/bun");
const libc = process.report.getReport().header.glibcVersionRuntime ? "" : "-musl";
/** The binary that fits here. */
const binary = `prebuilds/${process.platform}-${process.arch}${libc}/lmdbx.node`;

/**
 * One directory for all that a file of tests makes, with a home of its own: no setting of this
 * machine's user helps.
 * @param {string} title
 */
function workshop(title) {
  const temporary = fs.mkdtempSync(path.join(os.tmpdir(), `lmdbx-${title}-`));
  const environment = Object.fromEntries(
    Object.entries(process.env).filter(([variable]) => !/^(npm|bun|node)_/i.test(variable)),
  );
  environment.HOME = path.join(temporary, "home");
  fs.mkdirSync(environment.HOME);

  /** Runs a program to its end. */
  function run(cwd, program, args, env = {}) {
    const options = { cwd, encoding: "utf8", env: { ...environment, ...env } };
    const { status, stdout, stderr, error } = spawnSync(program, args, options);
    if (error) throw error;
    return { status, stdout, stderr, output: stdout + stderr };
  }

  /** The same, and fails the test where the program does. */
  function succeed(...args) {
    const result = run(...args);
    assert.equal(result.status, 0, result.output);
    return result;
  }

  /** An empty project, with a program that uses the package in CommonJS and in ESM. */
  function makeProject(project, { importedAs = name, manifest = {} } = {}) {
    const directory = path.join(temporary, project);
    fs.mkdirSync(directory);
    const content = JSON.stringify({ name: project, ...manifest });
    fs.writeFileSync(path.join(directory, "package.json"), content);
    const use = `
    const repository = createLMDBXRepository({ path: process.argv[2] });
    await repository.put("acme", "user:123", { name: "Alice" });
    console.log(JSON.stringify(await repository.get("acme", "user:123")));
    await repository.close();
    const temporary = createTemporaryRepository();
    await temporary.put("acme", 1, temporary instanceof LMDBXRepository);
    console.log(await temporary.get("acme", 1));
    await temporary.close();`;
    const names = "{ createLMDBXRepository, LMDBXRepository }";
    fs.writeFileSync(
      path.join(directory, "program.cjs"),
      `const ${names} = require("${importedAs}");
const { createTemporaryRepository } = require("${importedAs}/testing");
(async () => {${use}\n})();\n`,
    );
    fs.writeFileSync(
      path.join(directory, "program.mjs"),
      `import ${names} from "${importedAs}";
import { createTemporaryRepository } from "${importedAs}/testing";${use}\n`,
    );
    return directory;
  }

  function assertWorks(project, runtime) {
    for (const program of ["program.cjs", "program.mjs"]) {
      const { stdout } = succeed(project, runtime, [program, path.join(project, "data", program)]);
      assert.equal(stdout.trim(), '{"name":"Alice"}\ntrue');
    }
  }

  /** Packs a directory; returns the tarball in it. */
  function packDirectory(directory) {
    const args = ["pack", "--pack-destination", directory, "--silent"];
    const { stdout } = succeed(directory, "npm", args);
    return path.join(directory, stdout.trim());
  }

  /**
   * Packs a copy of the tree that has no binary but, if so asked, a stand-in for the one that fits
   * here: what this checkout has compiled.
   */
  function pack(copyName, withBinary) {
    const copy = path.join(temporary, copyName);
    const left = new Set(["build", "node_modules", "prebuilds", ".git"]);
    for (const entry of fs.readdirSync(root)) {
      if (left.has(entry)) continue;
      fs.cpSync(path.join(root, entry), path.join(copy, entry), { recursive: true });
    }
    if (withBinary) {
      fs.mkdirSync(path.join(copy, path.dirname(binary)), { recursive: true });
      fs.copyFileSync(path.join(root, "build/Release/lmdbx.node"), path.join(copy, binary));
      fs.writeFileSync(path.join(copy, "THIRD_PARTY_LICENSES"), "as generated\n");
    } else {
      fs.rmSync(path.join(copy, "THIRD_PARTY_LICENSES"), { force: true });
    }
    return packDirectory(copy);
  }

  /** A database of npm lmdb with one record, as 0.3.x stored it. */
  function makeOld(directory) {
    const make = `const { open } = require(${JSON.stringify(path.join(root, "node_modules/lmdb"))});
      const db = open({ path: ${JSON.stringify(directory)} });
      db.put('acme:"user:123"', { name: "Alice" }).then(() => db.close());`;
    succeed(temporary, "node", ["-e", make]);
  }

  /** Gives a directory the npm lmdb of this checkout, as if it were installed there. */
  function linkLmdb(directory) {
    const modules = path.join(directory, "node_modules");
    fs.mkdirSync(modules, { recursive: true });
    fs.symlinkSync(path.join(root, "node_modules/lmdb"), path.join(modules, "lmdb"));
  }

  const remove = () => fs.rmSync(temporary, { recursive: true });
  const tools = { run, succeed, makeProject, assertWorks, pack, packDirectory, makeOld, linkLmdb };
  return { temporary, environment, remove, ...tools };
}

module.exports = { root, bun, binary, workshop };
