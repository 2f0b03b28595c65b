"use strict";
// The gate before publishing: packs the package as npm would publish it, and refuses a tarball in
// which something is missing, superfluous, wrong or out of step. Runs as `prepublishOnly`.

const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { TARGETS, problems } = require("./prebuild/inspect.js");
const { Stop, filesBelow, root, run } = require("./prebuild/run.js");

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

/** And what must be, besides lib, src and what package.json points to. */
const REQUIRED = [
  ...["CHANGELOG.md", "LICENSE", "README.md", "THIRD_PARTY_LICENSES", "binding.gyp", "index.d.ts"],
  "scripts/install.js",
];

const read = (directory, file) => fs.readFileSync(path.join(directory, file), "utf8");

/** The files that package.json promises: entry points, types, commands. */
function promised(value) {
  if (typeof value === "string") return [path.normalize(value)];
  return Object.values(value ?? {}).flatMap(promised);
}

function* judgeFiles(files, { main, types, exports, bin }) {
  for (const target of TARGETS) {
    const file = `prebuilds/${target}/lmdbx.node`;
    if (!files.includes(file)) yield `the binary for ${target} is missing; run scripts/prebuild`;
  }
  const own = ["lib", "src"].flatMap((directory) =>
    filesBelow(path.join(root, directory)).map((file) => `${directory}/${file}`),
  );
  for (const file of new Set([...REQUIRED, ...own, ...promised([main, types, exports, bin])])) {
    if (!files.includes(file)) yield `${file} is missing`;
  }
  for (const file of files) {
    if (!ALLOWED.some((pattern) => pattern.test(file))) yield `${file} is superfluous`;
  }
}

function* judgeVersions(directory, { version }) {
  const newest = /^## \[(.*?)\]/m.exec(read(directory, "CHANGELOG.md"))?.[1];
  if (newest !== version) yield `CHANGELOG.md begins with ${newest}, package.json says ${version}`;
  const lock = JSON.parse(read(root, "package-lock.json"));
  for (const locked of [lock.version, lock.packages[""].version]) {
    if (locked !== version) yield `package-lock.json says ${locked}, package.json ${version}`;
  }
}

function* judgeLicences(text) {
  for (const [name, source] of Object.entries(manifest.sources)) {
    if (source.use === "tests") continue;
    const heading = `Debian source package ${name} ${source.version}\n`;
    if (!text.includes(heading)) yield `THIRD_PARTY_LICENSES lacks ${name} ${source.version}`;
  }
}

function* judge(directory) {
  const description = JSON.parse(read(directory, "package.json"));
  const files = filesBelow(directory);
  yield* judgeFiles(files, description);
  if (files.includes("CHANGELOG.md")) yield* judgeVersions(directory, description);
  if (files.includes("THIRD_PARTY_LICENSES")) {
    yield* judgeLicences(read(directory, "THIRD_PARTY_LICENSES"));
  }
  for (const target of TARGETS) {
    const file = path.join(directory, "prebuilds", target, "lmdbx.node");
    if (!fs.existsSync(file)) continue;
    for (const problem of problems(target, file)) yield `the binary for ${target} ${problem}`;
  }
}

function main() {
  const temporary = fs.mkdtempSync(path.join(os.tmpdir(), "lmdbx-pack-"));
  try {
    // The last two against what npm hands down from a `npm publish --dry-run --json`.
    const options = ["--ignore-scripts", "--silent", "--pack-destination", temporary].concat(
      ["--dry-run=false", "--json=false"],
    );
    const tarball = run("npm", ["pack", ...options], { cwd: root }).trim();
    run("tar", ["-xzf", tarball], { cwd: temporary });
    const wrong = [...judge(path.join(temporary, "package"))];
    for (const problem of wrong) console.error(`check-package: ${problem}`);
    if (wrong.length > 0) process.exitCode = 1;
    else {
      const { size } = fs.statSync(path.join(temporary, tarball));
      const files = filesBelow(path.join(temporary, "package")).length;
      console.log(`check-package: ${tarball} is as it should be: ${files} files, ${size} bytes`);
    }
  } finally {
    fs.rmSync(temporary, { recursive: true });
  }
}

try {
  main();
} catch (error) {
  if (!(error instanceof Stop)) throw error;
  console.error(`check-package: ${error.message}`);
  process.exitCode = 1;
}
