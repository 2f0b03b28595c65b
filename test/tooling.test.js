"use strict";
// The checks themselves: that they pass, and that they fail when they should.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const root = path.resolve(__dirname, "..");
const read = (file) => fs.readFileSync(path.join(root, file), "utf8");

/** Runs the layer check on a copy of the tree that `change` may alter first. */
function checkLayers(change) {
  const copy = fs.mkdtempSync(path.join(os.tmpdir(), "lmdbx-layers-"));
  try {
    for (const directory of ["src", "lib", "scripts"]) {
      fs.cpSync(path.join(root, directory), path.join(copy, directory), { recursive: true });
    }
    change((file, text) => fs.appendFileSync(path.join(copy, file), text));
    const script = path.join(copy, "scripts/check-layers.js");
    const { status, stderr } = spawnSync("node", [script], { encoding: "utf8" });
    return { status, stderr };
  } finally {
    fs.rmSync(copy, { recursive: true });
  }
}

describe("make layers", () => {
  test("passes on the tree as it is, comments aside", () => {
    const { status, stderr } = checkLayers((append) =>
      append("src/codec/key.c", '/* #include <lmdb.h> and uv_run */\n// #include "store/store.h"\n'),
    );
    assert.equal(stderr, "");
    assert.equal(status, 0);
  });

  const forbidden = [
    ["codec includes liblmdb", "src/codec/key.c", "#include <lmdb.h>", "lmdb.h"],
    ["codec includes store", "src/codec/key.c", '#include "store/store.h"', "store/store.h"],
    ["codec includes a thread", "src/codec/key.h", "# include <pthread.h>", "pthread.h"],
    ["store includes codec", "src/store/txn.c", '#include "codec/key.h"', "codec/key.h"],
    ["store includes msgpack-c", "src/store/store.h", "#include <msgpack.h>", "msgpack.h"],
    ["queue includes liblmdb", "src/queue/host.c", "#include <lmdb.h>", "lmdb.h"],
    ["queue includes Node-API", "src/queue/host.c", "#include <node_api.h>", "node_api.h"],
    ["binding includes store", "src/binding/addon.c", '#include "store/store.h"', "store/store.h"],
    ["the base includes a layer", "src/base.c", '#include "codec/key.h"', "codec/key.h"],
    ["a header is not known", "src/store/txn.c", "#include <uv.h>", "uv.h"],
    ["an include cannot be followed", "src/store/txn.c", "#include HEADER", "HEADER"],
    ["a path leaves src", "src/codec/key.c", '#include "../store/store.h"', "../store/store.h"],
    ["a libuv symbol is used", "src/binding/addon.c", "void f(void) { uv_run(0, 0); }", "uv_run"],
    ["lib reads files", "lib/errors.js", 'require("node:fs");', "node:fs"],
    ["lib requires a package", "lib/errors.js", 'require("lmdb");', "lmdb"],
    ["the repository loads a tool", "lib/keys.js", 'require("./import/index.js");', "./import/"],
    ["a tool requires a package", "lib/import/index.js", 'require("lmdb");', "lmdb"],
    ["lib leaves lib", "lib/import/index.js", 'require("../../bench/main.js");', "bench"],
    ["lib requires what is computed", "lib/errors.js", "require(process.env.X);", "process.env.X"],
  ];
  for (const [name, file, text, what] of forbidden) {
    test(`fails where ${name}`, () => {
      const { status, stderr } = checkLayers((append) => append(file, `\n${text}\n`));
      assert.equal(status, 1);
      const lines = stderr.trimEnd().split("\n");
      assert.equal(lines.length, 1, stderr);
      assert.ok(lines[0].startsWith(`${file}:`) && lines[0].includes(what), stderr);
    });
  }
});

describe("the addon", () => {
  const addon = path.join(root, "build/Release/lmdbx.node");
  const names = (...options) => {
    const { status, stdout, stderr } = spawnSync("nm", [...options, addon], { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    return stdout.match(/\S+$/gm) ?? [];
  };

  test("exports the entry points of Node-API and nothing else", () => {
    const exported = names("-D", "--defined-only");
    assert.deepEqual(exported.sort(), [
      "napi_register_module_v1",
      "node_api_module_get_api_version_v1",
    ]);
  });

  test("needs no symbol of libuv, of V8 or of C++", () => {
    const needed = names("-D", "--undefined-only");
    assert.ok(needed.some((name) => name.startsWith("napi_")));
    assert.deepEqual(
      // _Z: mangled names of C++; __cxa_finalize alone is the C library's.
      needed.filter((name) => /^(uv_|_Z|__cxa_(?!finalize)|__gxx_)/.test(name)),
      [],
    );
  });

  test("is linked with the C library and the four it stands on, so also without C++", () => {
    const { stdout } = spawnSync("readelf", ["-d", addon], { encoding: "utf8" });
    const libraries = [...stdout.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name]) => name);
    assert.ok(libraries.some((name) => name.startsWith("liblmdb.so")), stdout);
    assert.deepEqual(
      libraries.filter((name) => !/^lib(lmdb|cjson|lz4|msgpack-?c|c|m|pthread)\.so/.test(name)),
      [],
    );
  });
});

describe("the binding", () => {
  test("makes no external buffers, which some hosts refuse", () => {
    const files = fs.readdirSync(path.join(root, "src"), { recursive: true });
    const sources = files.filter((file) => file.endsWith(".c")).map((file) => read(`src/${file}`));
    assert.ok(sources.some((text) => text.includes("napi_create_buffer_copy")));
    for (const text of sources) {
      assert.doesNotMatch(text, /\b\w*create_external_(?:buffer|arraybuffer|string\w*|sharedarraybuffer)/);
    }
  });
});

describe("the loader", () => {
  /** Loads the package in a process that was changed first; returns what it prints. */
  const load = (change) => {
    const script = `${change}
      try { require(${JSON.stringify(root)}); console.log("loaded") }
      catch (error) { console.log(error.code, error.message) }`;
    return spawnSync(process.execPath, ["-e", script], { encoding: "utf8" }).stdout;
  };
  const set = (name, value) =>
    `Object.defineProperty(process, ${JSON.stringify(name)}, { value: ${JSON.stringify(value)} });`;
  /** In place of what the checkout has compiled. */
  const withoutCompiled = `const { _resolveFilename } = require("node:module");
    require("node:module")._resolveFilename = function (request, ...rest) {
      if (request.endsWith("/Release/lmdbx.node")) throw Object.assign(new Error("none"), { code: "MODULE_NOT_FOUND" });
      return _resolveFilename.call(this, request, ...rest);
    };`;

  test("says that Windows is not supported", () => {
    const output = load(set("platform", "win32") + withoutCompiled);
    assert.match(output, /^LMDBX_NATIVE_MISSING .*does not support Windows/);
  });

  test("names the platform for which there is no binary, and what to do there", () => {
    const output = load(set("arch", "riscv64") + withoutCompiled);
    assert.match(output, /^LMDBX_NATIVE_MISSING .* no binary for linux-riscv64\b/);
    assert.match(output, /sudo apt-get install/);
    const mac = load(set("platform", "darwin") + set("arch", "arm64") + withoutCompiled);
    assert.match(mac, /^LMDBX_NATIVE_MISSING .* no binary for darwin-arm64\b/);
    assert.match(mac, /brew install/);
  });

  /** A process in which the executable and the mappings show what they would on another system. */
  const shows = (executable, maps) => `const real = require("node:fs");
    const files = { "/proc/self/exe": ${JSON.stringify(executable)}, [process.execPath]: ${JSON.stringify(executable)} };
    const { openSync, readSync, closeSync, readFileSync } = real;
    real.openSync = (file, ...rest) => (file in files ? file : openSync(file, ...rest));
    real.readSync = (file, buffer, ...rest) =>
      file in files ? buffer.write(files[file], 600, "latin1") : readSync(file, buffer, ...rest);
    real.closeSync = (file) => (file in files ? undefined : closeSync(file));
    real.readFileSync = (file, ...rest) =>
      file === "/proc/self/maps" ? ${JSON.stringify(maps)} : readFileSync(file, ...rest);`;
  const cases = [
    ["musl, as the executable says", "/lib/ld-musl-riscv64.so.1", "", "linux-riscv64-musl"],
    ["glibc, as the executable says", "/lib/ld-linux-riscv64.so.1", "ld-musl-", "linux-riscv64"],
    ["musl, as the mappings say", "", "7f00 r-xp /lib/ld-musl-riscv64.so.1\n", "linux-riscv64-musl"],
    ["musl of Debian", "", "7f00 r-xp /usr/lib/riscv64-linux-musl/libc.so\n", "linux-riscv64-musl"],
    ["glibc, as the mappings say", "", "7f00 r-xp /lib/libc.so.6\n", "linux-riscv64"],
  ];
  for (const [what, executable, maps, target] of cases) {
    test(`knows ${what}, without starting a program`, { skip: process.versions.bun && "fs cannot be replaced in Bun" }, () => {
      const noPrograms = `for (const way of ["spawn", "spawnSync", "exec", "execSync", "execFile", "execFileSync"])
        require("node:child_process")[way] = () => { throw new Error("a program"); };`;
      const output = load(set("arch", "riscv64") + withoutCompiled + noPrograms + shows(executable, maps));
      assert.ok(output.includes(` no binary for ${target},`), output);
    });
  }
});

describe("lists that must agree", () => {
  test("targets: the loader and the gate", () => {
    const { TARGETS } = require("../scripts/prebuild/inspect.js");
    const loaded = [...read("lib/native.js").matchAll(/"\.\.\/prebuilds\/([\w-]+)\/lmdbx\.node"/g)];
    assert.deepEqual(loaded.map(([, target]) => target), TARGETS);
  });


  test("error codes: the core and index.d.ts", () => {
    const map = read("src/lmdbx.h").match(/#define LMDBX_ERROR_MAP\(XX\)[^]*?\n\n/)[0];
    const core = [...map.matchAll(/\bXX\((\w+), /g)].map(([, name]) => `LMDBX_${name}`);
    const union = read("index.d.ts").match(/type LMDBXErrorCode =[^;]*;/)[0];
    const typed = [...union.matchAll(/\| "(\w+)"/g)].map(([, name]) => name);
    assert.ok(core.length > 20);
    assert.deepEqual(typed, core);
  });

  test("exports: lib/index.js and index.d.ts", () => {
    const declared = [...read("index.d.ts").matchAll(/^export (?:class|function) (\w+)/gm)];
    assert.deepEqual(Object.keys(require("..")).sort(), declared.map(([, name]) => name).sort());
  });

  test("methods and properties: the class and index.d.ts", () => {
    const declaration = read("index.d.ts").match(/export class LMDBXRepository[^]*?\n}\n/)[0];
    const names = declaration.matchAll(/^ {2}(?:readonly )?(?:(\w+)|\[Symbol\.(\w+)\])[(<:]/gm);
    const declared = new Set([...names].map(([, name, symbol]) => name ?? Symbol[symbol]));
    const { prototype } = require("..").LMDBXRepository;
    assert.deepEqual(new Set(Reflect.ownKeys(prototype)), declared);
  });

  test("Debian packages: what the install script names, the loader and the set-up", () => {
    const named = [...read("scripts/install.js").matchAll(/debian: "([\w -]+)"|"(lib[\w-]+-dev)"/g)];
    const packages = named.flatMap(([, tool, library]) => (tool ?? library).split(" ")).sort();
    const advice = read("lib/native.js").match(/packages =\s*"([^"]*)"/)[1];
    assert.deepEqual(advice.split(" ").sort(), packages);
    const setup = [...read("scripts/setup.sh").matchAll(/need "?([\w -]+)"? \w+/g)];
    const installed = setup.flatMap(([, names]) => names.split(" "));
    for (const name of packages) assert.ok(installed.includes(name), name);
  });

  test("versions: package.json and its lock file", () => {
    const { version, name } = require("../package.json");
    const lock = JSON.parse(read("package-lock.json"));
    assert.deepEqual([lock.name, lock.version], [name, version]);
    assert.equal(read("package-lock.json").includes('"resolved"'), false);
  });
});
