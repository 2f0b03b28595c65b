"use strict";
// The targets, and for each a compiler with its sysroot: headers and libraries of Debian 11, whose
// glibc 2.31 and musl 1.2.2 are the oldest that the binaries are promised to load on.
//
// Nothing of the build machine but the compiler itself takes part: no header, start file or library
// is found by search, so that none of a newer C library can slip in.

const fs = require("node:fs");
const path = require("node:path");
const { EXPORTS, NOTE_SECTION } = require("./inspect.js");
const { Stop, run, root, work } = require("./run.js");
const { unpackPackages } = require("./debian.js");

const ARCHITECTURES = {
  x64: { debian: "amd64", cpu: "x86_64", loader: "ld-linux-x86-64.so.2" },
  arm64: { debian: "arm64", cpu: "aarch64", loader: "ld-linux-aarch64.so.1" },
};

const WARNINGS = ["-Wall", "-Wextra", "-Werror"];
/** Of the machine that builds, nothing may show: not its paths, not its time. */
const REPRODUCIBLE = [`-ffile-prefix-map=${work}/=`, `-ffile-prefix-map=${root}/=`, "-Wdate-time"];
const COMPILE = [
  "-O2",
  "-fPIC",
  "-pthread",
  "-fvisibility=hidden",
  "-ffunction-sections",
  "-fdata-sections",
  "-fstack-protector-strong",
  // The calls of libgcc that choose atomic instructions at run time ask glibc for the processor.
  { arm64: ["-mno-outline-atomics"] },
];
const LINK = [
  "-Wl,--exclude-libs,ALL",
  "-Wl,--as-needed",
  "-Wl,--gc-sections",
  "-Wl,-z,now,-z,relro,-z,noexecstack,-z,text",
  "-Wl,--build-id=none",
];

class Target {
  constructor(name) {
    const [platform, arch, libc = "glibc"] = name.split("-");
    this.name = name;
    this.platform = platform;
    this.arch = arch;
    this.libc = libc;
    Object.assign(this, ARCHITECTURES[arch]);
    this.triple = `${this.cpu}-linux-gnu`;
    this.sysroot = path.join(work, "sysroot", name);
    this.objects = path.join(work, "obj", name);
    this.binary = path.join(root, "prebuilds", name, "lmdbx.node");
    /** What runs programs of another architecture: a command and its first arguments. */
    this.emulator = arch === process.arch ? [] : [`qemu-${this.cpu}`, "-L", this.sysroot];
    /** Programs for the JavaScript tests, where the machine's own will not do. */
    this.tools = [];
    /** What tests are told: that the binary is one of ours, and what cannot be tried. */
    this.testEnv = { LMDBX_TEST_PREBUILT: "1" };
    if (this.emulator.length > 0) this.testEnv.LMDBX_TEST_EMULATED = "1";
  }

  /** A program of binutils or gcc for this target. */
  tool(name) {
    return `${this.triple}-${name}`;
  }

  get libraries() {
    const triple = this.libc === "musl" ? `${this.cpu}-linux-musl` : this.triple;
    return ["lib", "usr/lib"].map((directory) => path.join(this.sysroot, directory, triple));
  }

  library(name) {
    const file = this.libraries.map((directory) => path.join(directory, name)).find(fs.existsSync);
    if (!file) throw new Stop(`${name} is missing in ${this.sysroot}`);
    return file;
  }

  gccFile(name) {
    return run(this.tool("gcc"), [`-print-file-name=${name}`]).trim();
  }

  /** Unpacks the sysroot. */
  prepare() {
    const libc = this.libc === "musl" ? ["musl", "musl-dev"] : ["libc6", "libc6-dev"];
    // What Node.js and Bun themselves need, to run them on this C library.
    const runtime = this.libc === "musl" ? [] : ["libgcc-s1", "libstdc++6"];
    unpackPackages([...libc, "linux-libc-dev", ...runtime], this.debian, this.sysroot);
    fs.rmSync(this.objects, { recursive: true, force: true });
    fs.mkdirSync(this.objects, { recursive: true });
  }

  includeFlags() {
    const include = path.join(this.sysroot, "usr/include");
    const own = this.libc === "musl" ? [path.join(include, `${this.cpu}-linux-musl`)] : [];
    const gcc = this.gccFile("include");
    const order = [...own, gcc, path.join(include, this.triple), include];
    return ["-nostdinc", ...order.flatMap((directory) => ["-isystem", directory])];
  }

  /** Compiles files of C; returns the object files. */
  compile(sources, flags, { warnings = false, into = "" } = {}) {
    const common = [...COMPILE.flatMap((flag) => flag[this.arch] ?? (flag.trim ? flag : []))];
    const fortify = this.libc === "musl" ? [] : ["-D_FORTIFY_SOURCE=2"];
    return sources.map((source) => {
      const name = `${path.relative(root, source).replace(/\W+/g, "_")}.o`;
      const object = path.join(this.objects, into, name);
      fs.mkdirSync(path.dirname(object), { recursive: true });
      run(this.tool("gcc"), [
        ...common,
        ...fortify,
        ...REPRODUCIBLE,
        ...(warnings ? WARNINGS : ["-w"]),
        ...flags,
        ...this.includeFlags(),
        ...["-c", "-o", object, source],
      ]);
      return object;
    });
  }

  archive(name, objects) {
    const file = path.join(this.objects, `lib${name}.a`);
    fs.rmSync(file, { force: true });
    run(this.tool("ar"), ["rcsD", file, ...objects]);
    return file;
  }

  /** The C library, and what of the compiler's own belongs to every program. */
  libcFiles() {
    const gcc = run(this.tool("gcc"), ["-print-libgcc-file-name"]).trim();
    // Found by search, it is needed by its name alone; by its path, with that: it has no soname.
    if (this.libc === "musl") {
      return [gcc, `-L${path.dirname(this.library("libc.so"))}`, "-l:libc.so", gcc];
    }
    const shared = ["libpthread.so.0", "libdl.so.2", "librt.so.1", "libm.so.6", "libc.so.6"];
    const files = shared.map((name) => this.library(name));
    // The loader has the stack protector's value on Arm.
    return [gcc, ...files, this.library("libc_nonshared.a"), this.library(this.loader), gcc];
  }

  linkAll(kind, start, flags, inputs, output) {
    const [first, last] = start;
    const end = [this.gccFile(last), this.library("crtn.o")];
    const begin = [this.library("crti.o"), this.gccFile(first)];
    if (kind === "-pie") begin.unshift(this.library("Scrt1.o"));
    run(this.tool("gcc"), [
      ...[kind, "-nostdlib", ...LINK, ...flags, "-o", output],
      ...[...begin, ...inputs, ...this.libcFiles(), ...end],
    ]);
  }

  /** Links and strips a shared object, and notes in a section of it what it was built from. */
  linkShared(inputs, output, note) {
    fs.mkdirSync(path.dirname(output), { recursive: true });
    const script = path.join(this.objects, "exports");
    fs.writeFileSync(script, `{ global: ${EXPORTS.join("; ")}; local: *; };\n`);
    const flags = [`-Wl,--version-script=${script}`];
    this.linkAll("-shared", ["crtbeginS.o", "crtendS.o"], flags, inputs, output);
    run(this.tool("strip"), ["--strip-all", output]);
    const file = path.join(this.objects, "note");
    fs.writeFileSync(file, `${note}\0`);
    run(this.tool("objcopy"), ["--add-section", `${NOTE_SECTION}=${file}`, output]);
  }

  /** A program that runs on the C library of the sysroot, whatever the machine's is. */
  linkProgram(inputs, output) {
    const loader = this.library(this.libc === "musl" ? "libc.so" : this.loader);
    // RPATH, which also holds for what these libraries and a loaded addon need.
    const search = `-Wl,--disable-new-dtags,-rpath,${this.libraries.join(":")}`;
    const flags = [`-Wl,--dynamic-linker=${loader}`, search];
    fs.mkdirSync(path.dirname(output), { recursive: true });
    this.linkAll("-pie", ["crtbeginS.o", "crtendS.o"], ["-rdynamic", ...flags], inputs, output);
  }
}

module.exports = { Target };
