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
const { installCommand } = require("../lib/native.js");

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
  const skip = process.platform !== "linux" && "this system's binaries have another format";
  const addon = path.join(root, "build/Release/lmdbx.node");
  const names = (...options) => {
    const { status, stdout, stderr } = spawnSync("nm", [...options, addon], { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    return stdout.match(/\S+$/gm) ?? [];
  };

  test("exports the entry points of Node-API and nothing else", { skip }, () => {
    const exported = names("-D", "--defined-only");
    assert.deepEqual(exported.sort(), [
      "napi_register_module_v1",
      "node_api_module_get_api_version_v1",
    ]);
  });

  test("needs no symbol of libuv, of V8 or of C++", { skip }, () => {
    const needed = names("-D", "--undefined-only");
    assert.ok(needed.some((name) => name.startsWith("napi_")));
    assert.deepEqual(
      // _Z: mangled names of C++; __cxa_finalize alone is the C library's.
      needed.filter((name) => /^(uv_|_Z|__cxa_(?!finalize)|__gxx_)/.test(name)),
      [],
    );
  });

  test("is linked with the C library and the four it stands on, so also without C++", { skip }, () => {
    const { stdout } = spawnSync("readelf", ["-d", addon], { encoding: "utf8" });
    const libraries = [...stdout.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name]) => name);
    assert.ok(libraries.some((name) => name.startsWith("liblmdb.so")), stdout);
    assert.deepEqual(
      libraries.filter((name) => !/^lib(lmdb|cjson|lz4|msgpack-?c|c|c\.musl-\w+|m|pthread)\.so/.test(name)),
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
    const output = load(set("platform", "linux") + set("arch", "riscv64") + withoutCompiled);
    assert.match(output, /^LMDBX_NATIVE_MISSING .* no binary for linux-riscv64\b/);
    assert.ok(output.includes(installCommand(undefined, "linux")), output);
    const mac = load(set("platform", "darwin") + set("arch", "arm64") + withoutCompiled);
    assert.match(mac, /^LMDBX_NATIVE_MISSING .* no binary for darwin-arm64\b/);
    assert.match(mac, /brew install/);
  });

  const families = [
    ["debian", "sudo apt-get install make liblmdb-dev"],
    ["linuxmint ubuntu debian", "sudo apt-get install make liblmdb-dev"],
    ["alpine", "apk add make lmdb-dev"],
    ["fedora", "sudo dnf install make lmdb-devel"],
    ["rocky rhel centos fedora", "sudo dnf install make lmdb-devel (with the repositories EPEL and CRB)"],
    ["rhel fedora", "sudo dnf install make lmdb-devel (with the repositories EPEL and CRB)"],
    ["arch", "the package manager, which has what Debian calls make liblmdb-dev"],
    [" ", "the package manager, which has what Debian calls make liblmdb-dev"],
  ];
  for (const [like, command] of families) {
    test(`names the packages of a distribution that says ${JSON.stringify(like)}`, () => {
      assert.equal(installCommand(["make", "liblmdb"], "linux", like), command);
    });
  }

  test("names Apple's tools and Homebrew's libraries on macOS, only what is missing", () => {
    const command = (...needs) => installCommand(needs, "darwin");
    assert.equal(command("make", "a C compiler"), "xcode-select --install");
    assert.equal(command("liblmdb", "LZ4"), "brew install lmdb lz4");
    assert.equal(command("make", "cJSON"), "xcode-select --install, then brew install cjson");
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
      const system = set("platform", "linux") + set("arch", "riscv64");
      const output = load(system + withoutCompiled + noPrograms + shows(executable, maps));
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

  test("packages to compile with: the loader, the install script, the set-up and the README", () => {
    const { NEEDS } = require("../lib/native.js");
    const checked = read("scripts/install.js").match(/const checks = \{\n([^]*?)\n\};/)[1];
    const names = [...checked.matchAll(/^ {2}"?([\w -]+?)"?: /gm)].map(([, name]) => name);
    assert.deepEqual(names, Object.keys(NEEDS));
    const setup = [...read("scripts/setup.sh").matchAll(/need "?([\w -]+)"? \w+/g)];
    const installed = setup.flatMap(([, names]) => names.split(" "));
    for (const [debian] of Object.values(NEEDS)) {
      for (const name of debian.split(" ")) assert.ok(installed.includes(name), name);
    }
    const libraries = Object.keys(NEEDS).filter((need) => NEEDS[need][3] !== "");
    const commands = ["debian", "alpine", "fedora"].map((like) => installCommand(undefined, "linux", like));
    for (const command of [...commands, installCommand(libraries, "darwin")]) {
      assert.ok(read("README.md").includes(`\n${command}\n`), command);
    }
  });

  test("versions: package.json and its lock file", () => {
    const { version, name } = require("../package.json");
    const lock = JSON.parse(read("package-lock.json"));
    assert.deepEqual([lock.name, lock.version], [name, version]);
    assert.equal(read("package-lock.json").includes('"resolved"'), false);
  });
});
