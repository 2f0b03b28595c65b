"use strict";
// Debian packages, fetched by apt itself with a configuration, state and cache of its own, so that
// the machine's are only read; checked against the sums of the manifest; and unpacked.

const fs = require("node:fs");
const path = require("node:path");
const { Stop, run, sha256, work } = require("./run.js");

const manifest = require("./manifest.json");

const apt = path.join(work, "apt");
const downloads = path.join(work, "downloads");
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

const INDEX_FORMAT = "$(ORIGIN)|$(LABEL)|$(REPO_URI)";

/** The address that this machine has Debian's packages from, in what apt says of its indexes. */
function mirrorIn(lines) {
  const found = /^Debian\|Debian\|(\S+)$/m.exec(lines);
  if (!found) {
    throw new Stop(
      "apt has no package lists of Debian here: run apt-get update, or name a mirror in DEBIAN_MIRROR.",
    );
  }
  return found[1];
}

function mirror() {
  if (process.env.DEBIAN_MIRROR) return process.env.DEBIAN_MIRROR;
  return mirrorIn(run("apt-get", ["indextargets", "--format", INDEX_FORMAT, "Identifier: Packages"]));
}

/** How this machine reaches its mirrors (proxies, time-outs), without its hooks. */
function acquisitionIn(configuration) {
  const lines = configuration.split("\n");
  return lines.filter((line) => /^Acquire::(?!IndexTargets|Languages)/.test(line)).join("\n");
}

function configure({ sources, binaries }) {
  for (const directory of ["etc/parts", "etc/preferences.d", "state/lists/partial", "log"]) {
    fs.mkdirSync(path.join(apt, directory), { recursive: true });
  }
  fs.mkdirSync(path.join(apt, "cache/archives/partial"), { recursive: true });
  fs.writeFileSync(path.join(apt, "state/status"), "");
  const { architectures, suite: binarySuite } = binaries;
  const list = (names) => names.map((name) => `"${name}";`).join(" ");
  fs.writeFileSync(
    path.join(apt, "apt.conf"),
    `${acquisitionIn(run("apt-config", ["dump"]))}
Dir::Etc "${apt}/etc";
Dir::Etc::Parts "${apt}/etc/parts";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::TrustedParts "/etc/apt/trusted.gpg.d";
Dir::Etc::netrc "/etc/apt/auth.conf";
Dir::Etc::netrcparts "/etc/apt/auth.conf.d";
Dir::State "${apt}/state";
Dir::State::status "${apt}/state/status";
Dir::Cache "${apt}/cache";
Dir::Log "${apt}/log";
APT::Architecture "${architectures[0]}";
APT::Architectures { ${list(architectures)} };
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
`,
  );
  const site = mirror();
  const signed = fs.existsSync(KEYRING) ? `signed-by=${KEYRING}` : "";
  const suites = new Set(Object.values(sources).map((source) => source.suite));
  fs.writeFileSync(
    path.join(apt, "etc/sources.list"),
    [...suites].map((suite) => `deb-src [${signed}] ${site} ${suite} main\n`).join("") +
      `deb [${signed} arch=${architectures}] ${site} ${binarySuite} main\n`,
  );
}

function aptGet(...args) {
  const env = { ...process.env, APT_CONFIG: path.join(apt, "apt.conf") };
  return run("apt-get", ["-q", ...args], { cwd: downloads, env });
}

/** What has to be fetched, as { what, get, files: name -> sum }. */
function* wanted({ sources, binaries }) {
  for (const [name, { version, files }] of Object.entries(sources)) {
    const get = ["source", "--download-only", `${name}=${version}`];
    yield { what: `source package ${name} ${version}`, get, files };
  }
  for (const { name, version, files } of binaries.packages) {
    for (const [architecture, [file, sum]] of Object.entries(files)) {
      const get = ["download", `${name}:${architecture}=${version}`];
      yield { what: `package ${name} ${version} for ${architecture}`, get, files: { [file]: sum } };
    }
  }
}

function isThere(directory, { files }) {
  return Object.entries(files).every(([file, sum]) => {
    const local = path.join(directory, file);
    return fs.existsSync(local) && sha256(local) === sum;
  });
}

/** Has `download` get one package into a directory, and stops where a sum is not the manifest's. */
function obtain({ what, get, files }, directory, download) {
  for (const file of Object.keys(files)) fs.rmSync(path.join(directory, file), { force: true });
  try {
    download(...get);
  } catch (error) {
    throw new Stop(
      `the ${what} cannot be had. Debian may have replaced it: choose a version that is there, and correct manifest.json.\n${error.message}`,
    );
  }
  for (const [file, sum] of Object.entries(files)) {
    const local = path.join(directory, file);
    const actual = fs.existsSync(local) ? sha256(local) : "missing";
    if (actual === sum) continue;
    throw new Stop(`${file} of the ${what} is not the pinned one: ${actual} instead of ${sum}.`);
  }
}

/** Fetches what is not there yet. */
function fetch(log, pins = manifest) {
  fs.mkdirSync(downloads, { recursive: true });
  const missing = [...wanted(pins)].filter((one) => !isThere(downloads, one));
  if (missing.length === 0) return;
  log(`fetching ${missing.length} Debian packages`);
  configure(pins);
  aptGet("update");
  for (const one of missing) obtain(one, downloads, aptGet);
}

/** Unpacks a source package, with Debian's patches; returns where. */
function unpackSource(name) {
  const { files } = manifest.sources[name];
  const description = Object.keys(files).find((file) => file.endsWith(".dsc"));
  const directory = path.join(work, "src", name);
  fs.mkdirSync(path.dirname(directory), { recursive: true });
  fs.rmSync(directory, { recursive: true, force: true });
  // Without its check of signatures: the sums are ours.
  run("dpkg-source", ["--no-copy", "--no-check", "-x", path.join(downloads, description), directory]);
  return directory;
}

/** Makes absolute links of what lies below a directory stay in it. */
function keepLinksInside(directory) {
  for (const entry of fs.readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) continue;
    const link = path.join(entry.parentPath ?? entry.path, entry.name);
    const target = fs.readlinkSync(link);
    if (!path.isAbsolute(target)) continue;
    fs.unlinkSync(link);
    fs.symlinkSync(path.relative(path.dirname(link), path.join(directory, target)), link);
  }
}

/** Unpacks binary packages into a directory. */
function unpackPackages(names, architecture, directory, packages = manifest.binaries.packages) {
  fs.rmSync(directory, { recursive: true, force: true });
  fs.mkdirSync(directory, { recursive: true });
  for (const name of names) {
    const { files } = packages.find((entry) => entry.name === name);
    run("dpkg-deb", ["-x", path.join(downloads, files[architecture][0]), directory]);
  }
  keepLinksInside(directory);
}

module.exports = {
  acquisitionIn,
  fetch,
  isThere,
  keepLinksInside,
  mirrorIn,
  obtain,
  unpackPackages,
  unpackSource,
  wanted,
};
