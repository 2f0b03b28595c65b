"use strict";
// The package as users get it: packed, installed in empty projects by npm and by Bun, and used
// under both runtimes; once without binaries, as where none fits, and once with one. Needs no network:
// the package has no dependencies.

const { after, before, describe, test } = require("node:test");
const assert = require("node:assert/strict");
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const root = path.resolve(__dirname, "../..");
const { name, version } = require("../../package.json");
const bun = path.join(root, "node_modules/.bin/bun");
const LIBRARIES = ["liblmdb-dev", "libmsgpack-dev", "libcjson-dev", "liblz4-dev"];

/** One directory for all of it, with a home of its own: no setting of this machine's user helps. */
const temporary = fs.mkdtempSync(path.join(os.tmpdir(), "lmdbx-package-"));
after(() => fs.rmSync(temporary, { recursive: true }));
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([variable]) => !/^(npm|bun|node)_/i.test(variable)),
);
environment.HOME = path.join(temporary, "home");

/** Without the system libraries, and without any pkg-config file. */
const none = { PKG_CONFIG_LIBDIR: path.join(temporary, "home"), PKG_CONFIG_PATH: "" };

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
function makeProject(title) {
  const project = path.join(temporary, title);
  fs.mkdirSync(project);
  fs.writeFileSync(path.join(project, "package.json"), JSON.stringify({ name: title }));
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
    path.join(project, "program.cjs"),
    `const ${names} = require("${name}");
const { createTemporaryRepository } = require("${name}/testing");\n(async () => {${use}\n})();\n`,
  );
  fs.writeFileSync(
    path.join(project, "program.mjs"),
    `import ${names} from "${name}";
import { createTemporaryRepository } from "${name}/testing";${use}\n`,
  );
  return project;
}

function assertWorks(project, runtime) {
  for (const program of ["program.cjs", "program.mjs"]) {
    const { stdout } = succeed(project, runtime, [program, path.join(project, "data", program)]);
    assert.equal(stdout.trim(), '{"name":"Alice"}\ntrue');
  }
}

function addonOf(project) {
  return path.join(project, "node_modules", name, "build/Release/lmdbx.node");
}

/** Asserts that a text holds the one sentence that names what to install, and nothing beside it. */
function assertOneSentence(lines) {
  assert.equal(lines.length, 1, lines.join("\n"));
  for (const library of LIBRARIES) assert.ok(lines[0].includes(library), lines[0]);
}

const libc = process.report.getReport().header.glibcVersionRuntime ? "" : "-musl";
const binary = `prebuilds/${process.platform}-${process.arch}${libc}/lmdbx.node`;

/**
 * Packs a copy of the tree that has no binary but, if so asked, a stand-in for the one that fits
 * here: what this checkout has compiled.
 */
function pack(title, withBinary) {
  const copy = path.join(temporary, title);
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
  const { stdout } = succeed(copy, "npm", ["pack", "--pack-destination", copy, "--silent"]);
  return path.join(copy, stdout.trim());
}

let tarball;
let tarballWithBinary;
before(() => {
  fs.mkdirSync(environment.HOME);
  tarball = pack("without-binary", false);
  tarballWithBinary = pack("with-binary", true);
});

describe("the tarball", () => {
  test("holds what is needed, and nothing else", () => {
    const packed = succeed(temporary, "tar", ["-tzf", tarballWithBinary]).stdout.trim().split("\n");
    const sources = fs
      .readdirSync(path.join(root, "src"), { recursive: true })
      .filter((file) => /\.[ch]$/.test(file))
      .map((file) => `src/${file}`);
    const library = fs
      .readdirSync(path.join(root, "lib"), { recursive: true })
      .filter((file) => file.endsWith(".js"))
      .map((file) => `lib/${file}`);
    const others = [
      "CHANGELOG.md",
      "LICENSE",
      "README.md",
      "THIRD_PARTY_LICENSES",
      binary,
      "UPGRADING.md",
      "bin/lmdbx.js",
      "binding.gyp",
      "docs/compatibility.md",
      "docs/format.md",
      "import.d.ts",
      "index.d.ts",
      "package.json",
      "scripts/install.js",
      "testing.d.ts",
    ];
    const expected = [...others, ...library, ...sources].map((file) => `package/${file}`);
    assert.deepEqual(packed.sort(), expected.sort());
  });

  test("is named after the package and its version", () => {
    assert.equal(path.basename(tarball), `aurora-runtime-storage-lmdbx-${version}.tgz`);
  });
});

describe("with a binary that fits", () => {
  const built = (project) => fs.existsSync(addonOf(project));

  test("works as npm installs it, and nothing is compiled", () => {
    const project = makeProject("npm-binary");
    // Not even with what compiling would need.
    succeed(project, "npm", ["install", tarballWithBinary], none);
    assert.ok(!built(project));
    assertWorks(project, "node");
    assertWorks(project, bun);
  });

  test("works without its install script, so that nothing has to be approved", () => {
    const project = makeProject("npm-no-scripts");
    succeed(project, "npm", ["install", "--ignore-scripts", tarballWithBinary]);
    assertWorks(project, "node");
    assertWorks(project, bun);
  });

  test("works as Bun adds it, untrusted", () => {
    const project = makeProject("bun-binary");
    succeed(project, bun, ["add", tarballWithBinary]);
    assert.ok(!built(project));
    assertWorks(project, bun);
    assertWorks(project, "node");
  });

  test("is compiled all the same where npm_config_build_from_source asks for it, and that is used", () => {
    const project = makeProject("npm-source");
    fs.writeFileSync(
      path.join(project, "package.json"),
      JSON.stringify({ name: "npm-source", allowScripts: { [`file:${tarballWithBinary}`]: true } }),
    );
    const env = { npm_config_build_from_source: "true" };
    succeed(project, "npm", ["install", tarballWithBinary], env);
    assert.ok(built(project));
    fs.rmSync(path.join(project, "node_modules", name, "prebuilds"), { recursive: true });
    assertWorks(project, "node");
    assertWorks(project, bun);
  });

  test("is not compiled where npm_config_build_from_source asks for that of others, or for none", () => {
    const project = makeProject("npm-others");
    succeed(project, "npm", ["install", "--ignore-scripts", tarballWithBinary]);
    const directory = path.join(project, "node_modules", name);
    for (const asked of ["false", "sqlite3", ""]) {
      succeed(directory, "node", ["scripts/install.js"], { npm_config_build_from_source: asked });
      assert.ok(!built(project), asked);
    }
  });

  test("installs on Windows, where nothing is compiled, and says that it is not supported", () => {
    const project = makeProject("npm-windows");
    succeed(project, "npm", ["install", "--ignore-scripts", tarball]);
    const script = `Object.defineProperty(process, "platform", { value: "win32" });
      require("./node_modules/${name}/scripts/install.js");`;
    const { stderr } = succeed(project, "node", ["-e", script]);
    assert.match(stderr, /Windows is not supported; use Linux/);
    assert.ok(!built(project));
  });

  test("compiles where the binary does not load, as on an older C library", () => {
    const project = makeProject("npm-unfit");
    succeed(project, "npm", ["install", "--ignore-scripts", tarballWithBinary]);
    const directory = path.join(project, "node_modules", name);
    fs.writeFileSync(path.join(directory, binary), "not a shared object");
    const script = `try { require("${name}") } catch (e) { console.log(e.code, e.message) }`;
    for (const runtime of ["node", bun]) {
      const { stdout } = succeed(project, runtime, ["-e", script]);
      assert.match(stdout, /^LMDBX_NATIVE_MISSING .*cannot be loaded: .+/);
    }
    succeed(directory, "node", ["scripts/install.js"]);
    assertWorks(project, "node");
    assertWorks(project, bun);
  });
});

describe("installed by npm", () => {
  let project;
  before(() => {
    project = makeProject("npm-project");
    succeed(project, "npm", ["install", tarball]);
    // As the README says: from version 12 on, npm runs the script only once it is approved.
    if (run(project, "npm", ["install-scripts", "--help"]).status === 0) {
      succeed(project, "npm", ["install-scripts", "approve", name]);
      succeed(project, "npm", ["rebuild", name]);
    }
  });

  test("has a built addon", () => assert.ok(fs.existsSync(addonOf(project))));
  test("works under Node.js, required and imported", () => assertWorks(project, "node"));
  test("works under Bun, required and imported", () => assertWorks(project, bun));

  test("brings its command, for npx and bunx", () => {
    assert.equal(succeed(project, "npx", ["--no-install", name, "--version"]).stdout.trim(), version);
    assert.equal(succeed(project, bun, ["x", "--no-install", name, "--version"]).stdout.trim(), version);
  });

  test("imports with the project's npm lmdb, and asks for it where there is none", () => {
    const old = path.join(project, "old");
    const make = `const { open } = require(${JSON.stringify(path.join(root, "node_modules/lmdb"))});
      const db = open({ path: ${JSON.stringify(old)} });
      db.put('acme:"user:123"', { name: "Alice" }).then(() => db.close());`;
    succeed(project, "node", ["-e", make]);
    const args = ["--no-install", name, "import", "old", "new"];
    const { status, stderr } = run(project, "npx", args);
    assert.equal(status, 3);
    assert.match(stderr, /takes the npm package lmdb, which is not installed\. Install it .*npm install lmdb@3/);
    assert.ok(!fs.existsSync(path.join(project, "new")));
    fs.symlinkSync(path.join(root, "node_modules/lmdb"), path.join(project, "node_modules/lmdb"));
    assert.match(succeed(project, "npx", args).stdout, /1 of 1 records .* carried over/);
    const use = `import { importDirectory } from "${name}/import";
      console.log((await importDirectory({ from: "old", to: process.argv[2] })).carried);`;
    fs.writeFileSync(path.join(project, "import.mjs"), use);
    for (const runtime of ["node", bun]) {
      const { stdout } = succeed(project, runtime, ["import.mjs", `new-${path.basename(runtime)}`]);
      assert.equal(stdout.trim(), "1");
    }
  });

  test("lets programs read its package.json", () => {
    const script = `console.log(require("${name}/package.json").version)`;
    assert.equal(succeed(project, "node", ["-e", script]).stdout.trim(), version);
  });
});

describe("installed by Bun", () => {
  let project;
  before(() => {
    project = makeProject("bun-project");
    succeed(project, bun, ["add", tarball]);
  });

  test("has no addon before it is trusted; loading says what to do, in both runtimes", () => {
    assert.ok(!fs.existsSync(addonOf(project)));
    const script = `try { require("${name}") } catch (e) { console.log(e.code, e.message) }`;
    for (const runtime of ["node", bun]) {
      const { stdout } = succeed(project, runtime, ["-e", script]);
      assert.match(stdout, /^LMDBX_NATIVE_MISSING /);
      assert.ok(stdout.includes(`bun pm trust ${name}`), stdout);
      assert.ok(stdout.includes(`npm rebuild ${name}`), stdout);
      for (const library of LIBRARIES) assert.ok(stdout.includes(library), stdout);
    }
  });

  test("is built once it is trusted, and works in both runtimes", () => {
    succeed(project, bun, ["pm", "trust", name]);
    assertWorks(project, bun);
    assertWorks(project, "node");
  });

  test("says what is wrong where the addon cannot be loaded", () => {
    const addon = addonOf(project);
    fs.writeFileSync(addon, "not a shared object");
    const script = `try { require("${name}") } catch (e) { console.log(e.code, e.cause.message) }`;
    for (const runtime of ["node", bun]) {
      assert.match(succeed(project, runtime, ["-e", script]).stdout, /^LMDBX_NATIVE_MISSING .+/);
    }
  });
});

describe("without the system libraries", () => {
  test("the install script stops with one sentence", () => {
    const copy = path.dirname(tarball);
    const { status, stdout, stderr } = run(copy, "node", ["scripts/install.js"], none);
    assert.equal(status, 1);
    assert.equal(stdout, "");
    assertOneSentence(stderr.trimEnd().split("\n"));
  });

  test("npm install fails and shows it", () => {
    const project = makeProject("npm-bare");
    fs.writeFileSync(
      path.join(project, "package.json"),
      JSON.stringify({ name: "npm-bare", allowScripts: { [`file:${tarball}`]: true } }),
    );
    const { status, stderr } = run(project, "npm", ["install", tarball], none);
    assert.notEqual(status, 0);
    assertOneSentence(stderr.split("\n").filter((line) => line.includes("apt-get install")));
  });

  test("bun add fails and shows it, where the package is trusted", () => {
    const project = makeProject("bun-bare");
    fs.writeFileSync(
      path.join(project, "package.json"),
      JSON.stringify({ name: "bun-bare", trustedDependencies: [name] }),
    );
    const { status, stderr } = run(project, bun, ["add", tarball], none);
    assert.notEqual(status, 0);
    assertOneSentence(stderr.split("\n").filter((line) => line.includes("apt-get install")));
  });
});
