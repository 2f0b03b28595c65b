"use strict";
// The parts of scripts/prebuild, without a network and without compiling anything large.

const { after, describe, test } = require("node:test");
const assert = require("node:assert/strict");
const { spawnSync } = require("node:child_process");
const { createHash } = require("node:crypto");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { load, runTests } = require("../../scripts/prebuild/c-tests.js");
const debian = require("../../scripts/prebuild/debian.js");
const { NOTE_SECTION, TARGETS } = require("../../scripts/prebuild/inspect.js");
const manifest = require("../../scripts/prebuild/manifest.json");
const musl = require("../../scripts/prebuild/musl-runtime.js");
const { Stop } = require("../../scripts/prebuild/run.js");
const { command, isFor, parse, runtimesOf } = require("../../scripts/prebuild/runtimes.js");
const { Target } = require("../../scripts/prebuild/targets.js");
const { makeBinary } = require("../support/elf.js");

const root = path.resolve(__dirname, "../..");
const temporary = fs.mkdtempSync(path.join(os.tmpdir(), "lmdbx-prebuild-"));
after(() => fs.rmSync(temporary, { recursive: true }));
const directory = () => fs.mkdtempSync(path.join(temporary, "d-"));
const sha256 = (text) => createHash("sha256").update(text).digest("hex");

/** The message with which a function stops. */
function stopped(body) {
  try {
    body();
  } catch (error) {
    assert.ok(error instanceof Stop, error.stack);
    return error.message;
  }
  throw new Error("was expected to stop");
}

describe("Debian packages", () => {
  const sum = sha256("as pinned");
  const files = { "x_1.0.deb": sum };
  const package_ = { what: "package x 1.0", get: ["download", "x=1.0"], files };
  const file = (where) => path.join(where, "x_1.0.deb");

  test("are taken with the pinned sum, and then are there", () => {
    const where = directory();
    assert.equal(debian.isThere(where, package_), false);
    const asked = [];
    debian.obtain(package_, where, (...get) => {
      asked.push(get);
      fs.writeFileSync(file(where), "as pinned");
    });
    assert.deepEqual(asked, [["download", "x=1.0"]]);
    assert.equal(debian.isThere(where, package_), true);
    fs.appendFileSync(file(where), "!");
    assert.equal(debian.isThere(where, package_), false);
  });

  test("are refused with another sum, which is named", () => {
    const where = directory();
    const message = stopped(() =>
      debian.obtain(package_, where, () => fs.writeFileSync(file(where), "changed")),
    );
    const sums = `${sha256("changed")} instead of ${sum}`;
    assert.equal(message, `x_1.0.deb of the package x 1.0 is not the pinned one: ${sums}.`);
  });

  test("are refused where a file did not come, and none of an earlier run takes its place", () => {
    const where = directory();
    fs.writeFileSync(file(where), "as pinned");
    const message = stopped(() => debian.obtain(package_, where, () => {}));
    assert.ok(message.endsWith(`is not the pinned one: missing instead of ${sum}.`), message);
  });

  test("that Debian has replaced stop with what to do", () => {
    const gone = () => {
      throw new Stop("E: Version '1.0' for 'x' was not found");
    };
    const message = stopped(() => debian.obtain(package_, directory(), gone));
    assert.match(message, /^the package x 1\.0 cannot be had\. Debian may have replaced it: choose/);
    assert.match(message, /correct manifest\.json\.\nE: Version '1\.0' for 'x' was not found$/);
  });

  test("are asked for in the pinned version, and the binary ones for each processor", () => {
    const lmdb = { "lmdb_1-1.dsc": "a", "lmdb_1.orig.tar.gz": "b" };
    const musl = { amd64: ["m.deb", "c"], arm64: ["n.deb", "d"] };
    const wanted = debian.wanted({
      sources: { lmdb: { version: "1-1", files: lmdb } },
      binaries: { packages: [{ name: "musl", version: "2", files: musl }] },
    });
    const [source, amd64, arm64, ...others] = wanted;
    assert.deepEqual(source, {
      what: "source package lmdb 1-1",
      get: ["source", "--download-only", "lmdb=1-1"],
      files: lmdb,
    });
    const of = (architecture) => ({
      what: `package musl 2 for ${architecture}`,
      get: ["download", `musl:${architecture}=2`],
    });
    assert.deepEqual(amd64, { ...of("amd64"), files: { "m.deb": "c" } });
    assert.deepEqual(arm64, { ...of("arm64"), files: { "n.deb": "d" } });
    assert.deepEqual(others, []);
  });

  test("are all pinned by SHA-256, in files of their version", () => {
    const ofMusl = debian.wanted({ sources: {}, binaries: manifest.muslRuntime });
    for (const { what, get, files } of [...debian.wanted(manifest), ...ofMusl]) {
      const version = get.at(-1).split("=")[1].replace(/-[^-]*$/, ""); // without Debian's revision
      for (const [name, pinned] of Object.entries(files)) {
        assert.match(pinned, /^[0-9a-f]{64}$/, what);
        assert.ok(name.includes(`_${version}`), `${what}: ${name}`);
      }
    }
  });

  test("come from the mirror that apt has Debian's lists from, or it says what to do", () => {
    const lines = "Other|Other|http://other.example/\nDebian|Debian|http://mirror.example/debian/\n";
    assert.equal(debian.mirrorIn(lines), "http://mirror.example/debian/");
    const backports = "Debian|Debian Backports|http://b.example/\n";
    assert.match(stopped(() => debian.mirrorIn(backports)), /apt-get update/);
  });

  test("are fetched as apt is configured to, but without its hooks", () => {
    const dump = `APT "";
Acquire::http::Proxy "http://proxy.example:3128";
Acquire::Languages "de";
Acquire::IndexTargets::deb::Packages "";
Acquire::Retries "3";
DPkg::Post-Invoke "x";`;
    assert.deepEqual(debian.acquisitionIn(dump).split("\n"), [
      'Acquire::http::Proxy "http://proxy.example:3128";',
      'Acquire::Retries "3";',
    ]);
  });

  test("have no links out of where they are unpacked", () => {
    const where = directory();
    fs.mkdirSync(path.join(where, "usr/lib"), { recursive: true });
    fs.mkdirSync(path.join(where, "lib"));
    fs.writeFileSync(path.join(where, "lib/libm.so.6"), "m");
    fs.symlinkSync("/lib/libm.so.6", path.join(where, "usr/lib/libm.so"));
    fs.symlinkSync("libm.so", path.join(where, "usr/lib/other.so"));
    debian.keepLinksInside(where);
    assert.equal(fs.readlinkSync(path.join(where, "usr/lib/libm.so")), "../../lib/libm.so.6");
    assert.equal(fs.readlinkSync(path.join(where, "usr/lib/other.so")), "libm.so");
    assert.equal(fs.readFileSync(path.join(where, "usr/lib/other.so"), "utf8"), "m");
  });
});

describe("a target", () => {
  const other = process.arch === "x64" ? "arm64" : "x64";

  test("is a processor and a C library", () => {
    const seen = TARGETS.map((name) => {
      const { arch, libc, debian: architecture, triple, binary } = new Target(name);
      return [arch, libc, architecture, triple, path.relative(root, binary)];
    });
    assert.deepEqual(seen, [
      ["x64", "glibc", "amd64", "x86_64-linux-gnu", "prebuilds/linux-x64/lmdbx.node"],
      ["arm64", "glibc", "arm64", "aarch64-linux-gnu", "prebuilds/linux-arm64/lmdbx.node"],
      ["x64", "musl", "amd64", "x86_64-linux-gnu", "prebuilds/linux-x64-musl/lmdbx.node"],
      ["arm64", "musl", "arm64", "aarch64-linux-gnu", "prebuilds/linux-arm64-musl/lmdbx.node"],
    ]);
  });

  test("of this processor runs as it is, and one of another in an emulator, which tests are told", () => {
    const native = new Target(`linux-${process.arch}`);
    assert.deepEqual(native.emulator, []);
    assert.deepEqual(native.testEnv, { LMDBX_TEST_PREBUILT: "1" });
    const emulated = new Target(`linux-${other}`);
    assert.deepEqual(emulated.emulator, [`qemu-${emulated.cpu}`, "-L", emulated.sysroot]);
    assert.deepEqual(emulated.testEnv, { LMDBX_TEST_PREBUILT: "1", LMDBX_TEST_EMULATED: "1" });
  });

  test("takes libraries from its own sysroot, that of its C library alone, or stops", () => {
    const triples = { "linux-x64": "x86_64-linux-gnu", "linux-arm64-musl": "aarch64-linux-musl" };
    for (const [name, triple] of Object.entries(triples)) {
      const target = new Target(name);
      target.sysroot = directory();
      assert.match(stopped(() => target.library("libc.so")), /^libc\.so is missing in .+/);
      for (const each of ["x86_64-linux-gnu", "aarch64-linux-gnu", "aarch64-linux-musl"]) {
        const where = path.join(target.sysroot, "usr/lib", each);
        fs.mkdirSync(where, { recursive: true });
        fs.writeFileSync(path.join(where, "libc.so"), "");
      }
      const expected = path.join(target.sysroot, "usr/lib", triple, "libc.so");
      assert.equal(target.library("libc.so"), expected);
    }
  });

  /** A target whose tools only note how they are called. */
  function noting(name) {
    const target = new Target(name);
    const where = directory();
    const notes = path.join(where, "notes");
    const program = path.join(where, "tool");
    fs.writeFileSync(program, `#!/bin/sh\nprintf '%s\\n' "$*" >>'${notes}'\n`, { mode: 0o755 });
    Object.assign(target, { sysroot: path.join(where, "sysroot"), objects: path.join(where, "obj") });
    target.tool = () => program;
    target.library = (file) => `/sysroot/${file}`;
    target.gccFile = (file) => `/gcc/${file}`;
    fs.mkdirSync(target.objects);
    return { target, calls: () => fs.readFileSync(notes, "utf8").trim().split("\n") };
  }

  test("finds no header by search, and shows nothing of the machine that builds", () => {
    for (const name of TARGETS) {
      const { target, calls } = noting(name);
      target.compile([path.join(root, "src/base.c")], ["-DX"], { warnings: true });
      const flags = calls()[0].split(" ");
      const wanted = ["-nostdinc", "-Werror", "-fvisibility=hidden", `-ffile-prefix-map=${root}/=`];
      for (const flag of wanted) assert.ok(flags.includes(flag), `${name}: ${flag}`);
      const musl = target.libc === "musl";
      assert.equal(flags.includes("-D_FORTIFY_SOURCE=2"), !musl);
      assert.equal(flags.includes("-mno-outline-atomics"), target.arch === "arm64");
      const own = path.join(target.sysroot, `usr/include/${target.cpu}-linux-musl`);
      assert.equal(flags.includes(own), musl);
      const searched = flags.filter((flag, index) => flags[index - 1] === "-isystem");
      assert.ok(searched.length >= 3);
      for (const each of searched) {
        assert.ok(each.startsWith("/gcc/") || each.startsWith(target.sysroot), each);
      }
    }
  });

  test("links with nothing of the machine, strips, and notes what it was made from", () => {
    for (const name of TARGETS) {
      const { target, calls } = noting(name);
      target.linkShared(["a.o"], path.join(temporary, name, "lmdbx.node"), "1.2.3 abc");
      const [libgcc, link, strip, note] = calls();
      assert.equal(libgcc, "-print-libgcc-file-name");
      const flags = link.split(" ");
      const hardened = "-Wl,-z,now,-z,relro,-z,noexecstack,-z,text";
      for (const flag of ["-shared", "-nostdlib", "-Wl,--exclude-libs,ALL", hardened]) {
        assert.ok(flags.includes(flag), `${name}: ${flag}`);
      }
      assert.equal(flags.includes("-l:libc.so"), target.libc === "musl");
      assert.equal(flags.includes("/sysroot/libc.so.6"), target.libc === "glibc");
      assert.match(strip, /^--strip-all .*lmdbx\.node$/);
      assert.ok(note.startsWith(`--add-section ${NOTE_SECTION}=`), note);
      assert.equal(fs.readFileSync(path.join(target.objects, "note"), "utf8"), "1.2.3 abc\0");
    }
  });

  test("that does not exist is refused by name", () => {
    const args = ["scripts/prebuild", "--targets", "linux-x64,linux-riscv64"];
    const { status, stderr } = spawnSync("node", args, { cwd: root, encoding: "utf8" });
    assert.deepEqual([status, stderr], [1, "prebuild: no such target: linux-riscv64\n"]);
  });
});

describe("runtimes", () => {
  test("are those of the manifest for glibc, and the newest Bun for musl on x64", () => {
    for (const arch of ["x64", "arm64"]) {
      const titles = runtimesOf({ arch, libc: "glibc" }).map(({ title }) => title);
      const { node, bun } = manifest.runtimes;
      const expected = [...node[arch].map((v) => `Node.js ${v}`), ...bun[arch].map((v) => `Bun ${v}`)];
      assert.deepEqual(titles, expected);
      const onMusl = runtimesOf({ arch, libc: "musl" }).map(({ title }) => title);
      assert.deepEqual(onMusl, arch === "x64" ? [`Bun ${bun.x64.at(-1)}`] : []);
    }
  });

  test("are of every version that package.json promises, and of Node.js the very oldest", () => {
    const { engines } = require("../../package.json");
    const { node, bun } = manifest.runtimes;
    assert.equal(engines.node, ">=20");
    assert.equal(node.x64[0], "20.0.0");
    for (const major of ["20.", "22.", "24."]) {
      assert.ok(node.x64.slice(1).some((v) => v.startsWith(major)), major);
    }
    assert.equal(engines.bun, ">=1.2");
    for (const minor of ["1.2.", "1.3."]) {
      assert.ok(bun.x64.some((v) => v.startsWith(minor)), minor);
    }
  });

  test("under emulation run no test whose databases npm lmdb writes, and all others", () => {
    const files = fs.readdirSync(path.join(root, "test"));
    const on = (emulator) => files.filter((file) => isFor({ emulator }, root, file));
    const [native, emulated] = [on([]), on(["qemu-aarch64"])];
    const text = (file) => fs.readFileSync(path.join(root, "test", file), "utf8");
    const left = native.filter((file) => !emulated.includes(file));
    for (const file of ["import-verify.test.js", "command-old.test.js", "upgrading.test.js"]) {
      assert.ok(left.includes(file), file);
    }
    for (const file of emulated) assert.doesNotMatch(text(file), /\bold-\w+"|"lmdb(-oldest)?"/, file);
    assert.ok(emulated.includes("repository.test.js") && !native.includes("tooling.test.js"));
  });

  test("run a file so that it says how it went", () => {
    const args = (kind, version) => command({ kind, version }, 10, "test/a.test.js");
    assert.deepEqual(args("node", "20.0.0"), ["--test", "--test-reporter=tap", "test/a.test.js"]);
    assert.deepEqual(args("bun", "1.3.14"), ["test", "--timeout=1200000", "./test/a.test.js"]);
    // node:test of Bun 1.2 does not wait for what a test returns.
    assert.match(args("bun", "1.2.0").at(-2), /^--preload=.*awaiting\.cjs$/);
  });

  test("are understood: TAP of Node.js", () => {
    const output = `TAP version 13
# Subtest: a
    not ok 1 - inner
    ok 2 - skipped # SKIP
not ok 1 - a
# tests 6
# pass 3
# fail 1
# cancelled 1
# skipped 1
# todo 2
`;
    const expected = { passed: 3, skipped: 3, failed: ["inner", "a"], counted: 2 };
    assert.deepEqual(parse("node", output), expected);
  });

  test("are understood: what Bun prints", () => {
    const output = `
(pass) a > works [1.00ms]
(fail) a > fails [12.34ms]
(fail) a > fails at once

 4 pass
 1 skip
 2 todo
 2 fail
Ran 9 tests across 1 files.
`;
    const failed = ["a > fails", "a > fails at once"];
    assert.deepEqual(parse("bun", output), { passed: 4, skipped: 3, failed, counted: 2 });
    const nothing = { passed: 0, skipped: 0, failed: [], counted: 0 };
    assert.deepEqual(parse("bun", "Segmentation fault"), nothing);
  });
});

describe("Bun on musl", () => {
  const gcc = musl.pinnedGcc();
  const obtained = () => {};

  /** Why it cannot be run with tools that say they are of this version, where all comes from Debian. */
  function obstacle({ version = `${gcc}.2.0`, tools = ["gcc", "g++"], obtain = obtained, ...target }) {
    const where = directory();
    const name = path.basename(where);
    for (const tool of tools) {
      const file = path.join(where, `${name}-${tool}`);
      fs.writeFileSync(file, `#!/bin/sh\necho ${version}\n`, { mode: 0o755 });
    }
    const { PATH } = process.env;
    process.env.PATH = `${where}:${PATH}`;
    try {
      const tool = (which) => `${name}-${which}`;
      const found = musl.obstacle({ arch: "x64", emulator: [], tool, ...target }, () => {}, obtain);
      return found?.replaceAll(`${name}-`, "");
    } finally {
      process.env.PATH = PATH;
    }
  }

  test("can be run with the gcc whose libstdc++ it gets", () => {
    let pins;
    const obtain = (log, wanted) => (pins = wanted);
    assert.equal(obstacle({ obtain }), undefined);
    const [source, ...others] = debian.wanted(pins);
    assert.equal(source.get[0], "download");
    assert.ok(source.get[1].startsWith(`gcc-${gcc}-source:amd64=`), source.get[1]);
    assert.equal(others.length, 1);
  });

  test("is left out, with the reason, where it cannot be run", () => {
    assert.equal(obstacle({ emulator: ["qemu-x86_64"] }), "this machine's processor is not x64");
    assert.equal(obstacle({ tools: ["gcc"] }), "missing: g++");
    const other = `libstdc++ of gcc ${gcc} needs that gcc, this is 99`;
    assert.equal(obstacle({ version: "99" }), other);
    const gone = () => {
      throw new Stop("the package cannot be had. Debian may have replaced it");
    };
    assert.equal(obstacle({ obtain: gone }), "the package cannot be had. Debian may have replaced it");
    const broken = () => {
      throw new TypeError("a mistake");
    };
    assert.throws(() => obstacle({ obtain: broken }), /^TypeError: a mistake$/);
  });

  test("has a libgcc of objects whose hidden symbols are made visible, and no others changed", () => {
    const file = path.join(directory(), "a.o");
    const source = `static int local(void) { return 1; }
int shown(void) { return local(); }
__attribute__((visibility("hidden"))) int hidden(void) { return 2; }
__attribute__((visibility("hidden"), weak)) int weak(void) { return 3; }
`;
    const options = { input: source, encoding: "utf8" };
    const compiled = spawnSync("cc", ["-x", "c", "-O0", "-c", "-o", file, "-"], options);
    assert.equal(compiled.status, 0, compiled.stderr);
    const table = () => spawnSync("readelf", ["-sW", file], { encoding: "utf8" }).stdout;
    const before = table();
    assert.match(before, /GLOBAL HIDDEN +\d+ hidden\n/);
    fs.writeFileSync(file, musl.madeVisible(fs.readFileSync(file)));
    const expected = before.replace(/(GLOBAL|WEAK  ) HIDDEN ( +\d+ (hidden|weak)\n)/g, "$1 DEFAULT$2");
    assert.equal(table(), expected);
    assert.doesNotMatch(expected, /HIDDEN/);
  });

  test("is linked with the musl of the sysroot, and nothing of the machine's C library", () => {
    const target = new Target("linux-x64-musl");
    target.library = (name) => path.join(target.sysroot, name);
    const text = musl.specs(target);
    for (const name of ["libc.so", "Scrt1.o", "crti.o", "crtn.o"]) {
      assert.ok(text.includes(path.join(target.sysroot, name)), name);
    }
    const parts = text.matchAll(/^\*(\w+):\n(.+)\n\n/gm);
    assert.deepEqual([...parts].map(([, name]) => name).sort(), [
      ...["endfile", "libgcc", "link", "link_libgcc", "startfile"],
    ]);
    for (const [, searched] of text.matchAll(/-L(\S+)/g)) assert.ok(searched.startsWith(root), searched);
  });
});

describe("C tests", () => {
  const native = { emulator: [], testEnv: { LMDBX_TEST_PREBUILT: "1" } };
  function script(name, text) {
    const file = path.join(directory(), name);
    fs.writeFileSync(file, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    return file;
  }

  test("are counted over all programs, with the names of what was skipped and what failed", async () => {
    const good = script("good_test", "echo '[       OK ] a'; echo \"[       OK ] $LMDBX_TEST_PREBUILT\"");
    const mixed = script(
      "mixed_test",
      "echo '[       OK ] a'; echo '[  SKIPPED ] b'; echo '[  FAILED  ] c' >&2; echo '[  FAILED  ] c'; exit 1",
    );
    assert.deepEqual(await runTests(native, [good, mixed]), { passed: 3, skipped: ["b"], failed: ["c"] });
  });

  test("that crash, or fail without a name, are failures of the program", async () => {
    const crash = script("crash_test", "kill -SEGV $$");
    const leak = script("leak_test", "echo '[       OK ] a'; exit 9");
    const { passed, failed } = await runTests(native, [crash, leak, "/nowhere/absent_test"]);
    assert.equal(passed, 1);
    assert.deepEqual(failed.slice(0, 2), ["crash_test (SIGSEGV)", "leak_test (exit code 9)"]);
    assert.match(failed[2], /^absent_test \(.*ENOENT/);
  });

  test("a binary is loaded with all its symbols, and asked for its version", async () => {
    const where = directory();
    const call = (program, args) => {
      const { status, stderr } = spawnSync(program, args, { encoding: "utf8" });
      assert.equal(status, 0, stderr);
    };
    const target = {
      ...native,
      objects: where,
      binary: path.join(where, "lmdbx.node"),
      compile: ([source], flags) => {
        call("cc", ["-c", ...flags, "-o", `${source}.o`, source]);
        return [`${source}.o`];
      },
      linkProgram: (objects, program) => call("cc", ["-rdynamic", "-o", program, ...objects, "-ldl"]),
    };
    makeBinary(target.binary, { imports: ["napi_create_object"] });
    assert.equal(await load(target), undefined);
    makeBinary(target.binary, { imports: ["napi_create_object", "not_to_be_had"] });
    assert.match(await load(target), /undefined symbol: not_to_be_had/);
    makeBinary(target.binary, { exports: ["node_api_module_get_api_version_v1"] });
    assert.equal(await load(target), "no entry point");
  });
});
