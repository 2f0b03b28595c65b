"use strict";
// The package as users get it: packed, installed in empty projects by npm and by Bun, and used
// under both runtimes; once without binaries, as where none fits, and once with one. Needs no network:
// the package has no dependencies.

const { after, before, describe, test } = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { root, bun, binary, workshop } = require("../support/packing.js");
const { deadLinks } = require("../support/links.js");

const { name, version } = require("../../package.json");
const LIBRARIES = ["liblmdb-dev", "libmsgpack-dev", "libcjson-dev", "liblz4-dev"];

const { temporary, remove, run, succeed, makeProject, assertWorks, pack, makeOld, linkLmdb } =
  workshop("package");
after(remove);

/** Without the system libraries, and without any pkg-config file. */
const none = { PKG_CONFIG_LIBDIR: path.join(temporary, "home"), PKG_CONFIG_PATH: "" };

function addonOf(project) {
  return path.join(project, "node_modules", name, "build/Release/lmdbx.node");
}

/** Asserts that a text holds the one sentence that names what to install, and nothing beside it. */
function assertOneSentence(lines) {
  assert.equal(lines.length, 1, lines.join("\n"));
  for (const library of LIBRARIES) assert.ok(lines[0].includes(library), lines[0]);
}

let tarball;
let tarballWithBinary;
before(() => {
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
      "bench/results/ratios.svg",
      "bench/results/table.md",
      "bin/lmdbx.js",
      "binding.gyp",
      "docs/architecture.md",
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

  test("has documents whose links lead somewhere in it", () => {
    const unpacked = path.join(temporary, "unpacked");
    fs.mkdirSync(unpacked);
    succeed(unpacked, "tar", ["-xzf", tarballWithBinary]);
    const installed = path.join(unpacked, "package");
    const documents = fs
      .readdirSync(installed, { recursive: true })
      .filter((file) => file.endsWith(".md"));
    for (const document of ["README.md", "UPGRADING.md", "CHANGELOG.md", "docs/format.md"]) {
      assert.ok(documents.includes(document), document);
    }
    for (const document of documents) {
      assert.deepEqual(deadLinks(installed, document), [], document);
    }
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
    const manifest = { allowScripts: { [`file:${tarballWithBinary}`]: true } };
    const project = makeProject("npm-source", { manifest });
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
    makeOld(path.join(project, "old"));
    const args = ["--no-install", name, "import", "old", "new"];
    const { status, stderr } = run(project, "npx", args);
    assert.equal(status, 3);
    assert.match(stderr, /takes the npm package lmdb, which is not installed\. Install it .*npm install lmdb@3/);
    assert.ok(!fs.existsSync(path.join(project, "new")));
    linkLmdb(project);
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
    const manifest = { allowScripts: { [`file:${tarball}`]: true } };
    const project = makeProject("npm-bare", { manifest });
    const { status, stderr } = run(project, "npm", ["install", tarball], none);
    assert.notEqual(status, 0);
    assertOneSentence(stderr.split("\n").filter((line) => line.includes("apt-get install")));
  });

  test("bun add fails and shows it, where the package is trusted", () => {
    const project = makeProject("bun-bare", { manifest: { trustedDependencies: [name] } });
    const { status, stderr } = run(project, bun, ["add", tarball], none);
    assert.notEqual(status, 0);
    assertOneSentence(stderr.split("\n").filter((line) => line.includes("apt-get install")));
  });
});
