"use strict";
// The commands and the package.json of UPGRADING.md, as they stand there, in projects that install
// from a registry which has 0.3.x and this version.

const { after, before, describe, test } = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { root, bun, workshop } = require("../support/packing.js");
const { startProgram } = require("../support/program.js");

const manifest = require("../../package.json");
const { name, version } = manifest;
const ALIAS = "@aurora/runtime-projection-state";
const document = fs.readFileSync(path.join(root, "UPGRADING.md"), "utf8");

const { temporary, remove, run, succeed, makeProject, assertWorks, pack, packDirectory, ...tools } =
  workshop("upgrading");
after(remove);

/** Stands for 0.3.x, of which npm and Bun see a version without a command. */
const OLD = { name, version: "0.3.9", main: "index.js" };

function packOld() {
  const directory = path.join(temporary, "old-package");
  fs.mkdirSync(directory);
  fs.writeFileSync(path.join(directory, "package.json"), JSON.stringify(OLD));
  fs.writeFileSync(path.join(directory, "index.js"), "");
  return packDirectory(directory);
}

let registry;
/** Settings with which npm and Bun ask that registry, and keep what they get to this test. */
let settings;
before(async () => {
  const packages = [
    { manifest: OLD, tarball: packOld() },
    { manifest, tarball: pack("with-binary", true) },
  ];
  registry = startProgram("registry", { packages }, { timeout: 600_000 });
  const address = await registry.heard();
  const scratch = path.join(temporary, "tmp"); // where bunx installs
  fs.mkdirSync(scratch);
  settings = {
    npm_config_registry: address,
    npm_config_audit: "false",
    npm_config_fund: "false",
    npm_config_update_notifier: "false",
    TMPDIR: scratch,
  };
});
after(async () => {
  registry?.kill();
  await registry?.ended;
});

/** The words of a command in the document. */
function commandOf(pattern) {
  const [, command] = pattern.exec(document) ?? assert.fail(`${pattern} is not in UPGRADING.md`);
  return command.split(" ");
}

const installed = (project, as = name) =>
  JSON.parse(fs.readFileSync(path.join(project, "node_modules", as, "package.json"), "utf8"));

describe("in a project that has 0.3.x", () => {
  const [npx, ...words] = commandOf(/^ +(npx \S+@0\.4 import \S+ \S+)/m);
  const runners = { npx: ["npx"], bunx: [bun, "x"] };

  for (const [runner, [program, ...first]] of Object.entries(runners)) {
    test(`${runner} runs the import of this version, and the project is left as it was until step 3`, () => {
      assert.equal(npx, "npx");
      const project = makeProject(`${runner}-project`);
      succeed(project, "npm", ["install", `${name}@0.3`], settings);
      assert.equal(installed(project).version, OLD.version);
      tools.linkLmdb(project);
      const lock = fs.readFileSync(path.join(project, "package-lock.json"), "utf8");
      const [from, to] = words.slice(2).map((place) => path.join(project, place));
      fs.mkdirSync(path.dirname(from));
      tools.makeOld(from);

      const { stdout } = succeed(project, program, [...first, ...words], settings);
      assert.match(stdout, /\n1 of 1 records .* carried over to /);
      assert.equal(installed(project).version, OLD.version);
      assert.equal(fs.readFileSync(path.join(project, "package-lock.json"), "utf8"), lock);

      succeed(project, "npm", ["install", `${name}@0.4`], settings);
      assert.equal(installed(project).version, version);
      const read = `const { createLMDBXRepository } = require("${name}");
        const users = createLMDBXRepository({ path: ${JSON.stringify(to)} });
        users.get("acme", "user:123").then((value) => console.log(value.name));`;
      assert.equal(succeed(project, "node", ["-e", read]).stdout, "Alice\n");
    });
  }

  test("npx without a version takes the installed one, which has no such command", () => {
    const project = makeProject("npx-unversioned");
    succeed(project, "npm", ["install", `${name}@0.3`], settings);
    const args = [name, "import", "old", "new"];
    assert.notEqual(run(project, "npx", args, settings).status, 0);
    assert.equal(installed(project).version, OLD.version);
  });
});

describe(`installed as ${ALIAS}`, () => {
  const [, json] = /^```json\n([^`]+)^```/m.exec(document);
  const ways = {
    npm: (project) => {
      const [npm, ...args] = commandOf(/`(npm install @aurora\/runtime-projection-state@npm:[^`]+)`/);
      succeed(project, npm, args, settings);
    },
    Bun: (project) => {
      fs.writeFileSync(path.join(project, "package.json"), json);
      succeed(project, bun, ["install"], settings);
    },
  };

  for (const [who, install] of Object.entries(ways)) {
    test(`by ${who}, works in both runtimes, required and imported, with its subpaths`, () => {
      const project = makeProject(`alias-${who}`, { importedAs: ALIAS });
      install(project);
      const found = installed(project, ALIAS);
      assert.deepEqual([found.name, found.version], [name, version]);
      assert.ok(!fs.existsSync(path.join(project, "node_modules", name)));
      const told = `importDirectory({ from: "none", to: "new" }).catch(({ code }) => console.log(code));`;
      const required = `const { importDirectory } = require("${ALIAS}/import");
        console.log(require("${ALIAS}/package.json").version);\n${told}`;
      const imported = `import { importDirectory } from "${ALIAS}/import";\n${told}`;
      fs.writeFileSync(path.join(project, "import.cjs"), required);
      fs.writeFileSync(path.join(project, "import.mjs"), imported);
      for (const runtime of ["node", bun]) {
        assertWorks(project, runtime);
        const said = succeed(project, runtime, ["import.cjs"]).stdout;
        assert.equal(said, `${version}\nLMDBX_NOT_FOUND\n`);
        assert.equal(succeed(project, runtime, ["import.mjs"]).stdout, "LMDBX_NOT_FOUND\n");
      }
    });
  }
});
