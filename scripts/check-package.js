"use strict";
// The gate before publishing: packs the package as npm would publish it, and refuses a tarball in
// which something is missing, superfluous, wrong or out of step. Runs as `prepublishOnly`.

const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { parseArgs } = require("node:util");
const { TARGETS, builtFrom, problems } = require("./prebuild/inspect.js");
const { Stop, filesBelow, root, run } = require("./prebuild/run.js");
const { runtimesOf } = require("./prebuild/runtimes.js");
const table = require("./prebuild/table.js");

const manifest = require("./prebuild/manifest.json");

/** All that may be in the tarball. */
const ALLOWED = [
  /^(CHANGELOG|README|UPGRADING)\.md$/,
  /^(LICENSE|THIRD_PARTY_LICENSES|binding\.gyp|package\.json|scripts\/install\.js)$/,
  /^docs\/[a-z-]+\.md$/,
  /^bench\/results\/(ratios\.svg|table\.md)$/,
  /^[a-z-]+\.d\.ts$/,
  /^(bin|lib)\/([a-z-]+\/)*[a-z-]+\.js$/,
  /^src\/([a-z]+\/)?[a-z0-9_]+\.[ch]$/,
  new RegExp(`^prebuilds/(${TARGETS.join("|")})/lmdbx\\.node$`),
];

const DOCUMENT = "docs/compatibility.md";
/** And what must be, besides lib, src and what package.json points to. */
const REQUIRED = [
  ...["CHANGELOG.md", "LICENSE", "README.md", "THIRD_PARTY_LICENSES", "binding.gyp", "index.d.ts"],
  ...[DOCUMENT, "scripts/install.js"],
];

/** What makes binaries, and a table of what ran with them. */
const AGAIN = "run make prebuild PREBUILD=--record";

/** The files that package.json promises: entry points, types, commands. */
function promised(value) {
  if (typeof value === "string") return [path.normalize(value)];
  return Object.values(value ?? {}).flatMap(promised);
}

function* judgeFiles({ files, own, description: { main, types, exports, bin } }) {
  for (const target of TARGETS) {
    const file = `prebuilds/${target}/lmdbx.node`;
    if (!files.includes(file)) yield `the binary for ${target} is missing; run scripts/prebuild`;
  }
  for (const file of new Set([...REQUIRED, ...own, ...promised([main, types, exports, bin])])) {
    if (!files.includes(file)) yield `${file} is missing`;
  }
  for (const file of files) {
    if (!ALLOWED.some((pattern) => pattern.test(file))) yield `${file} is superfluous`;
  }
}

function* judgeVersions({ changeLog, lock, description: { version } }) {
  const newest = /^## \[(.*?)\]/m.exec(changeLog ?? `## [${version}]`)?.[1];
  if (newest !== version) yield `CHANGELOG.md begins with ${newest}, package.json says ${version}`;
  for (const locked of new Set([lock.version, lock.packages[""].version])) {
    if (locked !== version) yield `package-lock.json says ${locked}, package.json ${version}`;
  }
}

function* judgeLicences({ licences }) {
  if (licences === undefined) return; // missing, which is said already
  for (const [name, source] of Object.entries(manifest.sources)) {
    if (source.use === "tests") continue;
    const heading = `Debian source package ${name} ${source.version}\n`;
    if (!licences.includes(heading)) yield `THIRD_PARTY_LICENSES lacks ${name} ${source.version}`;
  }
}

/** What has to have run with a binary: its C tests; and where no emulator is needed, the whole. */
function hasToHaveRun(target) {
  if (target !== "linux-x64") return ["C tests"];
  return ["C tests", ...runtimesOf({ arch: "x64", libc: "glibc" }).map(({ title }) => title)];
}

/** Of these one at least has to have run: under an emulator a suite takes most of an hour. */
function oneOfHasToHaveRun(target) {
  if (target !== "linux-arm64") return [];
  return runtimesOf({ arch: "arm64", libc: "glibc" }).map(({ title }) => title);
}

/** Whether the table of what ran is of the binaries in the tarball, and of success. */
function* judgeTable({ rows, binaries }) {
  for (const [target, { note }] of Object.entries(binaries)) {
    if (note === undefined) continue; // which is said of the binary
    const built = table.builtLabel(note);
    const ofTarget = rows.filter((row) => row.target === target);
    for (const what of hasToHaveRun(target)) {
      const row = ofTarget.find((each) => each.what === what);
      const which = `${DOCUMENT}: ${what} on ${target}`;
      if (row === undefined) yield `${which}: not in the table; ${AGAIN}`;
      else if (row.built !== built) {
        yield `${which}: ran with a binary of ${row.built}, the tarball's is of ${built}; ${AGAIN}`;
      } else if (!(row.passed > 0)) yield `${which}: no test passed; ${AGAIN}`;
    }
    const suites = oneOfHasToHaveRun(target);
    const isWhole = (row) => suites.includes(row.what) && row.built === built && row.passed > 0;
    if (suites.length > 0 && !ofTarget.some(isWhole)) {
      yield `${DOCUMENT}: the whole suite of ${target} ran with no runtime and a binary of ${built}; ${AGAIN}`;
    }
    for (const { what, failed } of ofTarget.filter((row) => row.failed.length > 0)) {
      yield `${DOCUMENT}: ${what} on ${target}: ${failed.length} failed; mend that, and ${AGAIN}`;
    }
  }
}

/** All objections to what gather() has found. */
function* judge(facts) {
  yield* judgeFiles(facts);
  yield* judgeVersions(facts);
  yield* judgeLicences(facts);
  for (const [target, { wrong }] of Object.entries(facts.binaries)) {
    for (const problem of wrong) yield `the binary for ${target} ${problem}`;
  }
  if (facts.rows) yield* judgeTable(facts);
}

/** What is in an unpacked tarball, and what of the tree it is compared with. */
function gather(directory, { withTable = true } = {}) {
  const files = filesBelow(directory);
  const text = (file) =>
    files.includes(file) ? fs.readFileSync(path.join(directory, file), "utf8") : undefined;
  const binaries = {};
  for (const target of TARGETS) {
    const file = path.join(directory, "prebuilds", target, "lmdbx.node");
    if (!fs.existsSync(file)) continue;
    const wrong = [...problems(target, file)];
    const isElf = !wrong.includes("is not an ELF file");
    binaries[target] = { wrong, note: isElf ? builtFrom(file) : undefined };
  }
  const document = withTable ? text(DOCUMENT) : undefined;
  const below = (part) => filesBelow(path.join(root, part)).map((file) => `${part}/${file}`);
  return {
    files,
    description: JSON.parse(text("package.json")),
    own: ["lib", "src"].flatMap(below),
    changeLog: text("CHANGELOG.md"),
    lock: JSON.parse(fs.readFileSync(path.join(root, "package-lock.json"), "utf8")),
    licences: text("THIRD_PARTY_LICENSES"),
    rows: document === undefined ? undefined : table.parse(document),
    binaries,
  };
}

function main() {
  const { values } = parseArgs({ options: { "no-table": { type: "boolean" } } });
  const temporary = fs.mkdtempSync(path.join(os.tmpdir(), "lmdbx-pack-"));
  try {
    // The last two against what npm hands down from a `npm publish --dry-run --json`.
    const options = ["--ignore-scripts", "--silent", "--pack-destination", temporary].concat(
      ["--dry-run=false", "--json=false"],
    );
    const tarball = run("npm", ["pack", ...options], { cwd: root }).trim();
    run("tar", ["-xzf", tarball], { cwd: temporary });
    const facts = gather(path.join(temporary, "package"), { withTable: !values["no-table"] });
    const wrong = [...judge(facts)];
    for (const problem of wrong) console.error(`check-package: ${problem}`);
    if (wrong.length > 0) process.exitCode = 1;
    else {
      const { size } = fs.statSync(path.join(temporary, tarball));
      console.log(
        `check-package: ${tarball} is as it should be: ${facts.files.length} files, ${size} bytes`,
      );
    }
  } finally {
    fs.rmSync(temporary, { recursive: true });
  }
}

if (require.main === module) {
  try {
    main();
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    console.error(`check-package: ${error.message}`);
    process.exitCode = 1;
  }
}

module.exports = { ALLOWED, hasToHaveRun, judge, oneOfHasToHaveRun };
