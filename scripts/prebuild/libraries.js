"use strict";
// The libraries that are linked in, from Debian's source packages: which files of theirs, built how,
// under which licence. And cmocka, for the C tests.

const fs = require("node:fs");
const path = require("node:path");
const { root } = require("./run.js");
const { unpackSource } = require("./debian.js");

const manifest = require("./manifest.json");

/**
 * The headers that msgpack-c's own build would generate. All targets are little endian.
 * @param {string} directory
 */
function configureMsgpack(directory) {
  for (const name of ["pack_template.h", "sysdep.h"]) {
    const template = fs.readFileSync(path.join(directory, "cmake", `${name}.in`), "utf8");
    const text = template
      .replaceAll("@MSGPACK_ENDIAN_BIG_BYTE@", "0")
      .replaceAll("@MSGPACK_ENDIAN_LITTLE_BYTE@", "1");
    fs.writeFileSync(path.join(directory, "include/msgpack", name), text);
  }
}

const LIBRARIES = {
  lmdb: {
    title: "LMDB",
    directory: "libraries/liblmdb",
    sources: ["mdb.c", "midl.c"],
    // Keys up to what a page can hold, instead of 511 bytes.
    flags: ["-DMDB_MAXKEYSIZE=0"],
    include: ".",
    licences: ["libraries/liblmdb/COPYRIGHT", "libraries/liblmdb/LICENSE"],
  },
  "msgpack-c": {
    title: "msgpack-c",
    directory: ".",
    configure: configureMsgpack,
    sources: ["objectc.c", "unpack.c", "version.c", "vrefbuffer.c", "zone.c"].map((f) => `src/${f}`),
    flags: [],
    include: "include",
    licences: ["COPYING", "LICENSE_1_0.txt"],
  },
  cjson: {
    title: "cJSON",
    directory: ".",
    sources: ["cJSON.c"],
    flags: [],
    include: ".",
    licences: ["LICENSE"],
  },
  lz4: {
    title: "LZ4, with its copy of xxHash",
    directory: "lib",
    sources: ["lz4.c", "lz4hc.c", "lz4frame.c", "xxhash.c"],
    flags: ["-DXXH_NAMESPACE=LZ4_"],
    include: ".",
    licences: ["lib/LICENSE"],
  },
};

const CMOCKA_FLAGS = ["-DHAVE_GCC_THREAD_LOCAL_STORAGE", "-DHAVE_SIGNAL_H", "-DHAVE_STRINGS_H"].concat(
  ["-D_UINTPTR_T_DEFINED", "-DHAVE_STRUCT_TIMESPEC", "-DHAVE_CLOCK_GETTIME", "-DHAVE_CLOCK_REALTIME", "-DHAVE_MALLOC_H"],
  ["-DHAVE_INTTYPES_H", "-DHAVE_STDINT_H", "-DHAVE_UNISTD_H", "-DHAVE_SETJMP_H", "-DHAVE_TIME_H"],
);

/** Unpacks all sources; returns where each lies. */
function unpackAll() {
  const sources = {};
  for (const name of Object.keys(manifest.sources)) {
    sources[name] = unpackSource(name);
    LIBRARIES[name]?.configure?.(sources[name]);
  }
  return sources;
}

/** Compiles the libraries for a target; returns flags that find their headers, and the archives. */
function compileLibraries(target, unpacked) {
  const cflags = [];
  const archives = [];
  for (const [name, { directory, sources, flags, include }] of Object.entries(LIBRARIES)) {
    const base = path.join(unpacked[name], directory);
    const headers = [`-I${path.join(base, include)}`];
    const files = sources.map((file) => path.join(base, file));
    archives.push(target.archive(name, target.compile(files, [...flags, ...headers])));
    cflags.push(...headers);
  }
  return { cflags, archives };
}

function compileCmocka(target, unpacked) {
  const include = `-I${path.join(unpacked.cmocka, "include")}`;
  const files = [path.join(unpacked.cmocka, "src/cmocka.c")];
  const objects = target.compile(files, ["-std=gnu99", "-D_GNU_SOURCE", ...CMOCKA_FLAGS, include]);
  return { cflags: [include, "-D_UINTPTR_T_DEFINED"], archives: [target.archive("cmocka", objects)] };
}

/** THIRD_PARTY_LICENSES: what is linked into the binaries, as its authors license it. */
function writeLicences(unpacked) {
  const parts = Object.entries(LIBRARIES).map(([name, { title, licences }]) => {
    const { version } = manifest.sources[name];
    const texts = licences.map((file) => fs.readFileSync(path.join(unpacked[name], file), "utf8"));
    const heading = `${title}\nfrom the Debian source package ${name} ${version}`;
    return `${heading}\n${"-".repeat(72)}\n\n${texts.map((text) => text.trim()).join("\n\n")}\n`;
  });
  const rule = `\n${"=".repeat(72)}\n\n`;
  const head = "The prebuilt binaries of this package contain these libraries.\n";
  fs.writeFileSync(path.join(root, "THIRD_PARTY_LICENSES"), [head, ...parts].join(rule));
}

module.exports = { LIBRARIES, compileCmocka, compileLibraries, unpackAll, writeLicences };
