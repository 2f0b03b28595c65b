"use strict";
// What a process holds, as Linux shows it in /proc. What says that it cannot be seen is a reason to
// skip a test.

const fs = require("node:fs");
const path = require("node:path");

const { emulated } = require("./emulated.js");

const noProc = !fs.existsSync("/proc/self/maps") && "this system does not show processes in /proc";

/** glibc's, by the file that is mapped: of old releases it has the version in its name. */
const GLIBC = /\/libc(\.so\.6|-2\.\d+\.so)$/m;
const hasHeap = () => GLIBC.test(fs.readFileSync("/proc/self/maps", "utf8"));
const noHeap =
  noProc ||
  (emulated && "qemu's memory cannot be told from the program's") ||
  (!hasHeap() && "this C library's memory cannot be told from other memory");

/** Files that a process has open, as paths. */
function openFiles(pid = "self") {
  return fs.readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [fs.readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      return []; // closed meanwhile
    }
  });
}

/** How often a process has mapped the data file of a database. */
function mappings(directory, pid = "self") {
  const data = path.join(fs.realpathSync(directory), "data.mdb");
  const maps = fs.readFileSync(`/proc/${pid}/maps`, "utf8").split("\n");
  return maps.filter((line) => line.endsWith(` ${data}`)).length;
}

/** The descriptors that a process has of the files of a database. */
function descriptors(directory, pid = "self") {
  const real = fs.realpathSync(directory);
  return openFiles(pid).filter((file) => path.dirname(file) === real).length;
}

/** What a process uses: bytes of memory that is its own, descriptors, threads. */
function usage(pid = "self") {
  const status = fs.readFileSync(`/proc/${pid}/status`, "utf8");
  const number = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]);
  return {
    memory: number("RssAnon") * 1024,
    descriptors: fs.readdirSync(`/proc/${pid}/fd`).length,
    threads: number("Threads"),
  };
}

/** Bytes that malloc holds in a process with MALLOC_ARENA_MAX=1, but for very large pieces, unless
 * noHeap. The engines keep the objects of JavaScript elsewhere. */
function allocated(pid = "self") {
  const smaps = fs.readFileSync(`/proc/${pid}/smaps`, "utf8");
  const heap = /\[heap\]\n(?:.*\n)*?Rss: +(\d+) kB/.exec(smaps);
  return Number(heap?.[1] ?? 0) * 1024;
}

module.exports = { allocated, descriptors, mappings, noHeap, noProc, openFiles, usage };
