"use strict";
// Small shared objects that pass for binaries of the package, or fail in one respect: compiled for this
// machine in a moment, and labelled as for another processor where that is asked for.

const assert = require("node:assert/strict");
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const { EXPORTS, NOTE_SECTION } = require("../../scripts/prebuild/inspect.js");

/** e_machine of the ELF header, and where it stands. */
const MACHINES = { x64: 62, arm64: 183 };
const MACHINE_OFFSET = 18;

const SHARED = ["-shared", "-fPIC", "-nostdlib", "-fno-builtin", "-w", "-Wl,--build-id=none"];

function succeed(program, args, input) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { input, encoding: "utf8" });
  assert.equal(status, 0, `${program} ${args.join(" ")}\n${error ?? ""}${stdout}${stderr}`);
}

/** Adds sections, each as [name, text]. */
function addSections(file, sections) {
  for (const [name, text] of sections) {
    fs.writeFileSync(`${file}.section`, text);
    succeed("objcopy", ["--add-section", `${name}=${file}.section`, file]);
  }
}

/**
 * Compiles a binary that depends on nothing.
 * @param {string} file
 * @param {{ note?: string, source?: string, imports?: string[], exports?: string[],
 *   flags?: string[], libraries?: string[], sections?: [string, string][], strip?: boolean,
 *   arch?: string }} [options]  note: what it says it was built from; imports: functions it needs
 */
function makeBinary(file, options = {}) {
  const { note, source = "", imports = [], exports = EXPORTS, flags = [], libraries = [] } = options;
  const { sections = [], strip = true, arch = process.arch } = options;
  const script = `${file}.exports`;
  fs.writeFileSync(script, `{ global: ${exports.join("; ")}; local: *; };\n`);
  const needs = imports.map((name, index) => `extern int ${name}(void);
int (*import_${index})(void) = ${name};`);
  const text = `int ${EXPORTS[0]}(void) { return 0; }
int ${EXPORTS[1]}(void) { return 8; }
${needs.join("\n")}
${source}
`;
  const link = ["-Wl,-z,now,-z,relro,-z,noexecstack", `-Wl,--version-script=${script}`, ...flags];
  const input = ["-x", "c", "-", "-x", "none", ...libraries];
  succeed("cc", [...SHARED, ...(strip ? ["-s"] : []), ...link, "-o", file, ...input], text);
  addSections(file, note === undefined ? sections : [...sections, [NOTE_SECTION, `${note}\0`]]);
  if (arch !== process.arch) {
    const bytes = fs.readFileSync(file);
    bytes.writeUInt16LE(MACHINES[arch], MACHINE_OFFSET);
    fs.writeFileSync(file, bytes);
  }
  return file;
}

/**
 * Compiles a library to link with.
 * @param {string} file
 * @param {string} soname - what depends on it names it so
 * @param {Record<string, string[]>} versions - functions by version; those of "" have none
 */
function makeLibrary(file, soname, versions) {
  const script = `${file}.versions`;
  const named = Object.entries(versions).filter(([version]) => version !== "");
  const nodes = named.map(([version, names]) => `${version} { global: ${names.join("; ")}; };\n`);
  fs.writeFileSync(script, nodes.join(""));
  const text = Object.values(versions).flat().map((name) => `int ${name}(void) { return 0; }\n`);
  const flags = [`-Wl,-soname,${soname}`, ...(nodes.length > 0 ? [`-Wl,--version-script=${script}`] : [])];
  succeed("cc", [...SHARED, ...flags, "-o", file, "-x", "c", "-"], text.join(""));
  return file;
}

module.exports = { makeBinary, makeLibrary };
