"use strict";
// What scripts/prebuild says of a binary: small ones that are right, and ones that are wrong in one
// respect, which is then the only objection.

const { after, describe, test } = require("node:test");
const assert = require("node:assert/strict");
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const inspect = require("../../scripts/prebuild/inspect.js");
const { makeBinary, makeLibrary } = require("../support/elf.js");

const { EXPORTS, TARGETS, builtFrom, problems, sourceNote, unknownToMusl } = inspect;
const root = path.resolve(__dirname, "../..");
const { version } = require("../../package.json");
const OURS = `linux-${process.arch}`;
const OURS_MUSL = `${OURS}-musl`;
const OTHER_ARCH = process.arch === "x64" ? "arm64" : "x64";

const temporary = fs.mkdtempSync(path.join(os.tmpdir(), "lmdbx-inspect-"));
after(() => fs.rmSync(temporary, { recursive: true }));
const note = sourceNote();
let made = 0;
const place = (name) => path.join(temporary, `${made++}-${name}`);

/** The objections to a binary that differs from a good one as the options say. */
function objections(options, target = OURS) {
  return [...problems(target, makeBinary(place("lmdbx.node"), { note, ...options }))];
}

const library = (soname, versions) => makeLibrary(place(soname), soname, versions);

describe("a binary is accepted", () => {
  for (const target of TARGETS) {
    test(`that is right for ${target}`, () => {
      assert.deepEqual(objections({ arch: target.split("-")[1] }, target), []);
    });
  }

  test("that needs Node-API, and of glibc what 2.31 has", () => {
    const libc = library("libc.so.6", { "GLIBC_2.2.5": ["oldest"], "GLIBC_2.31": ["old"] });
    const imports = ["napi_create_object", "node_api_post_finalizer", "oldest", "old"];
    assert.deepEqual(objections({ imports, libraries: [libc] }), []);
  });

  test("that needs what the start files of the compiler ask for", () => {
    const source = `extern int __gmon_start__(void) __attribute__((weak));
int (*p)(void) = __gmon_start__;`;
    for (const target of [OURS, OURS_MUSL]) assert.deepEqual(objections({ source }, target), []);
  });

  test("that needs of musl what is known to be in its oldest version", () => {
    const libc = library("libc.so", { "": ["memcpy", "pthread_create"] });
    const imports = ["memcpy", "pthread_create"];
    assert.deepEqual(objections({ imports, libraries: [libc] }, OURS_MUSL), []);
  });
});

describe("a binary is refused", () => {
  test("that is no binary", () => {
    const file = place("lmdbx.node");
    fs.writeFileSync(file, "version https://example.org/spec/v1\n");
    assert.deepEqual([...problems(OURS, file)], ["is not an ELF file"]);
  });

  test("that is for another processor", () => {
    const expected = [`is not made for ${process.arch}`];
    assert.deepEqual(objections({ arch: OTHER_ARCH }), expected);
    assert.deepEqual(objections({ arch: OTHER_ARCH }, OURS_MUSL), expected);
    assert.deepEqual(objections({}, `linux-${OTHER_ARCH}`), [`is not made for ${OTHER_ARCH}`]);
  });

  test("that is for 32 bits", () => {
    const file = makeBinary(place("lmdbx.node"), { note });
    const bytes = fs.readFileSync(file);
    bytes[4] = 1; // ELFCLASS32
    fs.writeFileSync(file, bytes);
    assert.deepEqual([...problems(OURS, file)], [`is not made for ${process.arch}`]);
  });

  test("that leaks a symbol", () => {
    const source = "int mdb_env_open(void) { return 0; }";
    assert.deepEqual(objections({ source, exports: [...EXPORTS, "mdb_env_open"] }), [
      "leaks the symbol mdb_env_open",
    ]);
  });

  for (const missing of EXPORTS) {
    test(`that does not export ${missing}`, () => {
      const exports = EXPORTS.filter((name) => name !== missing);
      assert.deepEqual(objections({ exports }), [`does not export ${missing}`]);
    });
  }

  for (const name of ["uv_run", "_Znwm", "__cxa_throw", "__gxx_personality_v0"]) {
    test(`that needs ${name}, of libuv or C++`, () => {
      const libc = library("libc.so.6", { "GLIBC_2.17": [name] });
      assert.deepEqual(objections({ imports: [name], libraries: [libc] }), [`needs ${name}`]);
    });
  }

  test("that needs a function which is in no version of glibc", () => {
    assert.deepEqual(objections({ imports: ["mdb_env_open"] }), [
      "needs mdb_env_open, which is not the C library's",
    ]);
  });

  for (const needed of ["GLIBC_2.32", "GLIBC_3.0", "GLIBC_PRIVATE", "GCC_3.0"]) {
    test(`that needs ${needed}`, () => {
      const libc = library("libc.so.6", { [needed]: ["newer"] });
      assert.deepEqual(objections({ imports: ["newer"], libraries: [libc] }), [
        `needs newer@${needed}; too new`,
      ]);
    });
  }

  test("that needs a function which the oldest musl is not known to have", () => {
    assert.deepEqual(objections({ imports: ["statx"] }, OURS_MUSL), [
      "needs statx: if the oldest musl has it, add it to scripts/prebuild/musl.json",
    ]);
  });

  test("for musl, that needs glibc", () => {
    const libc = library("libc.so.6", { "GLIBC_2.17": ["memcpy"] });
    assert.deepEqual(objections({ imports: ["memcpy"], libraries: [libc] }, OURS_MUSL), [
      "needs memcpy@GLIBC_2.17; musl has no versions",
      "depends on libc.so.6",
    ]);
  });

  test("that depends on a library beyond the C library", () => {
    const lmdb = library("liblmdb.so.0", { "GLIBC_2.17": ["memcpy"] });
    assert.deepEqual(objections({ imports: ["memcpy"], libraries: [lmdb] }), [
      "depends on liblmdb.so.0",
    ]);
    const musl = library("libgcc_s.so.1", { "": ["memcpy"] });
    assert.deepEqual(objections({ imports: ["memcpy"], libraries: [musl] }, OURS_MUSL), [
      "depends on libgcc_s.so.1",
    ]);
  });

  /** A pointer in the midst of the code, which has to be changed when it is loaded. */
  const inText = `__asm__(".text\\n.balign 8\\n.quad marker\\n.data\\nmarker: .quad 0\\n.text\\n");`;
  const where = `__attribute__((used)) static const char where[] = ${JSON.stringify(root)};`;
  const searches = "has a search path for libraries";
  const cases = [
    ["has a RUNPATH", { flags: ["-Wl,--enable-new-dtags,-rpath,/nowhere"] }, searches],
    ["has an RPATH", { flags: ["-Wl,--disable-new-dtags,-rpath,/nowhere"] }, searches],
    [
      "has pointers in its code",
      { source: inText, flags: ["-Wl,-z,notext"] },
      "has relocations in its text",
    ],
    ["binds lazily", { flags: ["-Wl,-z,lazy"] }, "binds its symbols late"],
    ["has no relro segment", { flags: ["-Wl,-z,norelro"] }, "leaves its relocations writable"],
    ["may execute its stack", { flags: ["-Wl,-z,execstack"] }, "has an executable stack"],
    ["has its symbols", { strip: false }, "is not stripped"],
    ["has debugging sections", { sections: [[".debug_info", "x"]] }, "is not stripped"],
    ["holds build paths", { source: where }, "holds paths of the machine that built it"],
  ];
  for (const [what, options, objection] of cases) {
    test(`that ${what}`, () => assert.deepEqual(objections(options), [objection]));
  }

  const [, sum] = note.split(" ");
  const other = `was built from version 0.0.1, this is ${version}`;
  const provenance = [
    ["does not say what it was built from", undefined, other.replace("0.0.1", "unknown")],
    ["was built from another version", `0.0.1 ${sum}`, other],
    ["was built from other sources", `${version} ${"0".repeat(64)}`, "was built from other sources"],
  ];
  for (const [what, said, objection] of provenance) {
    test(`that ${what}`, () => {
      assert.deepEqual(objections({ note: said }), [`${objection}; run scripts/prebuild`]);
    });
  }
});

describe("what a binary was built from", () => {
  /** A copy of what the sum is taken of; returns the note after `change` has edited a file. */
  function noteAfter(file, change) {
    const copy = fs.mkdtempSync(path.join(temporary, "tree-"));
    for (const part of ["src", "lib", "scripts", "package.json"]) {
      fs.cpSync(path.join(root, part), path.join(copy, part), { recursive: true });
    }
    const edited = path.join(copy, file);
    fs.writeFileSync(edited, change(fs.readFileSync(edited, "utf8")));
    const program = 'console.log(require("./scripts/prebuild/inspect.js").sourceNote())';
    const options = { cwd: copy, encoding: "utf8" };
    const { stdout, stderr } = spawnSync(process.execPath, ["-e", program], options);
    assert.equal(stderr, "");
    return stdout.trim();
  }
  const append = (text) => `${text}\n// changed\n`;

  test("is read back from it", () => {
    assert.equal(builtFrom(makeBinary(place("lmdbx.node"), { note })), note);
    assert.equal(builtFrom(makeBinary(place("lmdbx.node"))), undefined);
  });

  test("is the same in another directory, and whatever JavaScript changes", () => {
    assert.equal(noteAfter("lib/index.js", append), note);
  });

  const covered = [
    ["a C file", "src/base.c", append],
    ["a header", "src/lmdbx.h", append],
    ["how it is compiled", "scripts/prebuild/targets.js", append],
    ["which files of libraries", "scripts/prebuild/libraries.js", append],
    ["a pinned package", "scripts/prebuild/manifest.json", (text) => text.replace("0.9.31-1", "0.9.99-1")],
    ["the headers of Node-API", "package.json", (text) => text.replace(/("node-api-headers": ")/, "$19")],
    ["the version", "package.json", (text) => text.replace(`"version": "${version}"`, '"version": "9.9.9"')],
  ];
  for (const [what, file, change] of covered) {
    test(`is something else after a change of ${what}`, () => {
      const other = noteAfter(file, change);
      assert.match(other, /^\d+\.\d+\.\d+ [0-9a-f]{64}$/);
      assert.notEqual(other, note);
    });
  }
});

describe("musl.json", () => {
  test("is compared with a musl when binaries are made", () => {
    const names = require("../../scripts/prebuild/musl.json");
    const [first, ...others] = names;
    assert.deepEqual([...unknownToMusl(library("libc.so", { "": names }))], []);
    assert.deepEqual(
      [...unknownToMusl(library("libc.so", { "": others }))],
      [`may need ${first} as musl.json has it, but this musl has it not`],
    );
  });
});
