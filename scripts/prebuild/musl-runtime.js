"use strict";
// Bun on musl. npm has it, but it needs a libstdc++ for musl, which no Debian package has: that is
// compiled from Debian's source of gcc, and libgcc_s.so.1 put together from what the machine's gcc
// links into programs. It runs on the musl of the sysroot, the oldest that is promised.

const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { createHash } = require("node:crypto");
const { fetch, unpackPackages } = require("./debian.js");
const { symbols } = require("./inspect.js");
const { Stop, isOnPath, run, work } = require("./run.js");

const manifest = require("./manifest.json");
const pins = manifest.muslRuntime;

const place = path.join(work, "musl-runtime");
const lib = path.join(place, "lib");
const packages = path.join(place, "packages");
const patchelf = path.join(packages, "usr/bin/patchelf");
const stamp = path.join(place, "made-of");

const FIND_OBJECT = path.join(__dirname, "find-object.c");
const LIBGCC = "libgcc_s.so.1";
const LIBSTDCXX = "libstdc++.so.6";
/** What libstdc++ calls besides the unwinder. */
const ARITHMETIC = ["_popcountsi2.o", "_popcount_tab.o", "_udivdi3.o", "_umoddi3.o"];
/** What of gcc's source its libstdc++ is configured and compiled with. */
const PARTS = ["libstdc++-v3", "libgcc", "libiberty", "include", "config", "*.m4", "gcc/BASE-VER"].concat(
  ["config.guess", "config.sub", "config.rpath", "config-ml.in", "compile", "depcomp", "install-sh"],
  ["ltmain.sh", "missing", "mkinstalldirs", "move-if-change", "gcc/DATESTAMP", "gcc/DEV-PHASE"],
);

/** The release of gcc whose source is pinned. */
function pinnedGcc() {
  return /^gcc-(\d+)-source$/.exec(pins.packages[0].name)[1];
}

/** Why Bun cannot be run on musl here, or undefined; fetches what it needs. */
function obstacle(target, log, obtain = fetch) {
  if (target.emulator.length > 0) return `this machine's processor is not ${target.arch}`;
  const missing = [target.tool("g++"), "make"].filter((tool) => !isOnPath(tool));
  if (missing.length > 0) return `missing: ${missing.join(", ")}`;
  const [major] = run(target.tool("gcc"), ["-dumpversion"]).trim().split(".");
  if (major !== pinnedGcc()) return `libstdc++ of gcc ${pinnedGcc()} needs that gcc, this is ${major}`;
  try {
    obtain(log, { sources: {}, binaries: pins });
  } catch (error) {
    if (error instanceof Stop) return error.message;
    throw error;
  }
  return undefined;
}

/** What the libraries are made of, so that they are made anew when that changes. */
function ingredients(target) {
  const sum = createHash("sha256");
  for (const file of [__filename, FIND_OBJECT]) sum.update(fs.readFileSync(file));
  sum.update(JSON.stringify([pins, manifest.binaries, place]));
  return sum.update(run(target.tool("gcc"), ["--version"])).digest("hex");
}

/** A relocatable ELF object of 64 bits, little endian, whose hidden symbols are visible. */
function madeVisible(object) {
  const bytes = Buffer.from(object);
  const SYMTAB = 2;
  const [size, count] = [bytes.readUInt16LE(0x3a), bytes.readUInt16LE(0x3c)];
  const sections = Number(bytes.readBigUInt64LE(0x28));
  for (let at = sections; at < sections + count * size; at += size) {
    if (bytes.readUInt32LE(at + 4) !== SYMTAB) continue;
    const begin = Number(bytes.readBigUInt64LE(at + 0x18));
    const end = begin + Number(bytes.readBigUInt64LE(at + 0x20));
    for (let symbol = begin; symbol < end; symbol += 24) {
      const isLocal = bytes[symbol + 4] >> 4 === 0;
      if (!isLocal) bytes[symbol + 5] &= ~3;
    }
  }
  return bytes;
}

function makeLibgcc(target) {
  const directory = path.join(place, "libgcc-objects");
  fs.mkdirSync(directory);
  const options = { cwd: directory };
  run(target.tool("ar"), ["x", target.gccFile("libgcc_eh.a")], options);
  run(target.tool("ar"), ["x", target.gccFile("libgcc.a"), ...ARITHMETIC], options);
  const objects = fs.readdirSync(directory).map((name) => path.join(directory, name));
  for (const file of objects) fs.writeFileSync(file, madeVisible(fs.readFileSync(file)));
  objects.push(...target.compile([FIND_OBJECT], ["-std=c11", "-D_GNU_SOURCE"]));
  const ends = ["crtbeginS.o", "crtendS.o"];
  target.linkAll("-shared", ends, [`-Wl,-soname,${LIBGCC}`], objects, path.join(lib, LIBGCC));
}

/** How gcc links for musl, in the language of its specs. */
function specs(target) {
  const search = [lib, ...target.libraries].map((directory) => `-L${directory}`).join(" ");
  const parts = {
    link: `-dynamic-linker ${target.library("libc.so")} -nostdlib %{shared:-shared} %{rdynamic:-export-dynamic}`,
    link_libgcc: search,
    libgcc: `${path.join(lib, LIBGCC)} libgcc.a%s`,
    startfile: `%{!shared:${target.library("Scrt1.o")}} ${target.library("crti.o")} crtbeginS.o%s`,
    endfile: `crtendS.o%s ${target.library("crtn.o")}`,
  };
  return Object.entries(parts).map(([name, text]) => `*${name}:\n${text}\n\n`).join("");
}

/** gcc and g++ for musl; returns where. */
function makeCompilers(target) {
  const directory = path.join(place, "bin");
  const file = path.join(directory, "specs");
  fs.mkdirSync(directory);
  fs.writeFileSync(file, specs(target));
  for (const name of ["gcc", "g++"]) {
    const command = [target.tool(name), ...target.includeFlags(), `-specs=${file}`].join(" ");
    fs.writeFileSync(path.join(directory, name), `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
  }
  return directory;
}

function unpackGcc() {
  const directory = path.join(packages, "usr/src", `gcc-${pinnedGcc()}`);
  const archive = fs.readdirSync(directory).find((name) => /^gcc-[\d.]+.*\.tar\./.test(name));
  if (!archive) throw new Stop(`${pins.packages[0].name} has no archive of gcc's source`);
  const source = path.join(place, "src");
  fs.mkdirSync(source);
  const chosen = ["--wildcards", "--no-wildcards-match-slash", ...PARTS.map((part) => `gcc-*/${part}`)];
  const options = ["--strip-components=1", "--exclude=gcc-*/libstdc++-v3/testsuite/*/*"];
  run("tar", ["-xf", path.join(directory, archive), "-C", source, ...options, ...chosen]);
  return source;
}

function makeLibstdcxx(target) {
  const source = unpackGcc();
  const compilers = makeCompilers(target);
  const objects = path.join(place, "obj");
  // Where the whole of gcc, which is not compiled, would have it.
  const threads = path.join(place, "libgcc/gthr-default.h");
  for (const directory of [objects, path.dirname(threads)]) fs.mkdirSync(directory);
  fs.copyFileSync(path.join(source, "libgcc/gthr-posix.h"), threads);
  // Weak references to functions of threads are glibc's way; musl has them all in one.
  const weak = "-DGTHREAD_USE_WEAK=0";
  const features = ["--disable-multilib", "--disable-nls", "--disable-static", "--enable-shared"].concat(
    ["--disable-libstdcxx-pch", "--disable-libstdcxx-filesystem-ts", "--enable-libstdcxx-time=yes"],
    ["--with-gnu-ld"],
  );
  const options = { cwd: objects, env: { ...process.env, MAKEFLAGS: "" } };
  run(path.join(source, "libstdc++-v3/configure"), [
    ...[`--build=${target.triple}`, `--host=${target.cpu}-linux-musl`, `--prefix=${place}/out`],
    ...features,
    ...[`CC=${compilers}/gcc`, `CXX=${compilers}/g++`, `CPPFLAGS=${weak}`],
    ...[`CFLAGS=-O1 ${weak}`, `CXXFLAGS=-O1 ${weak}`],
    ...["ar", "ranlib", "nm"].map((name) => `${name.toUpperCase()}=${target.tool(name)}`),
  ], options);
  run("make", [`-j${os.availableParallelism?.() ?? os.cpus().length}`], options);
  const library = path.join(lib, LIBSTDCXX);
  fs.copyFileSync(path.join(objects, "src/.libs", LIBSTDCXX), library);
  run(patchelf, ["--add-needed", LIBGCC, library]);
}

function makeLibraries(target) {
  fs.rmSync(place, { recursive: true, force: true });
  fs.mkdirSync(lib, { recursive: true });
  unpackPackages(pins.packages.map(({ name }) => name), target.debian, packages, pins.packages);
  makeLibgcc(target);
  makeLibstdcxx(target);
  for (const name of [LIBGCC, LIBSTDCXX]) {
    const foreign = symbols(path.join(lib, name)).find((s) => s.version?.startsWith("GLIBC_"));
    if (foreign) throw new Stop(`${name} needs ${foreign.name}@${foreign.version}, which is glibc's`);
  }
  for (const left of ["src", "obj", "libgcc", "libgcc-objects", "packages/usr/src"]) {
    fs.rmSync(path.join(place, left), { recursive: true });
  }
}

/** Makes what is not there yet, and a copy of Bun that uses it; returns that. */
function prepare(target, bun, log) {
  const wanted = ingredients(target);
  if (!fs.existsSync(stamp) || fs.readFileSync(stamp, "utf8") !== wanted) {
    log(`${target.name}: compiling libstdc++ (some minutes)`);
    try {
      makeLibraries(target);
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
      const [what] = error.message.split("\n");
      const end = error.message.slice(what.length).slice(-3000);
      throw new Stop(
        `libstdc++ for musl cannot be made: ${what}${end}\n--no-js leaves out the tests that need it.`,
      );
    }
    fs.writeFileSync(stamp, wanted);
  }
  const executable = path.join(place, "bin/bun");
  fs.copyFileSync(bun, executable);
  run(patchelf, ["--set-interpreter", target.library("libc.so"), "--set-rpath", lib, executable]);
  return executable;
}

module.exports = { madeVisible, obstacle, pinnedGcc, prepare, specs };
