"use strict";
// A directory beside the new one, in which an import works until it is complete:
//
//   data/
//   ├── users/                     appears by one rename, complete
//   └── .users.import-<random>/    removed at the end; a later import removes what a kill left
//       ├── owner.json             who works here; its time says that he still does
//       ├── old/                   how npm lmdb sees the old database
//       └── new/                   the new database

const crypto = require("node:crypto");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { failure, withFiles } = require("./failure.js");

const OWNER = "owner.json";
/** The random part of the name, in bytes, which are two digits each. */
const RANDOM_SIZE = 6;
const RANDOM = new RegExp(`^[0-9a-f]{${RANDOM_SIZE * 2}}$`);
const BEAT_MILLISECONDS = 5_000;
/** An owner that we cannot ask whether it lives counts as dead after so long without a beat. */
const SILENCE_MILLISECONDS = 60_000;

/** What tells whether the process ids of two owners are those of one system. */
function systemId() {
  let namespace = "";
  try {
    namespace = fs.readlinkSync("/proc/self/ns/pid");
  } catch {
    // not Linux: there is one
  }
  return `${os.hostname()} ${namespace}`;
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** @param {string} directory */
function syncDirectory(directory) {
  const descriptor = fs.openSync(directory, "r");
  try {
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}

/**
 * The owner of a work directory, if it is still at work.
 * @param {string} directory
 * @returns {{ pid: number, isOurs: boolean, seconds: number } | undefined}  seconds: since it was heard of
 */
function liveOwner(directory) {
  const file = path.join(directory, OWNER);
  let age;
  let owner;
  try {
    age = Date.now() - fs.statSync(fs.existsSync(file) ? file : directory).mtimeMs;
    owner = JSON.parse(fs.readFileSync(file, "utf8"));
  } catch {
    owner = undefined; // killed, or still about to write it
  }
  if (age === undefined || age > SILENCE_MILLISECONDS) return undefined;
  const isOurs = owner?.system === systemId();
  if (isOurs && !isAlive(owner.pid)) return undefined;
  return { pid: owner?.pid ?? 0, isOurs, seconds: Math.max(0, Math.round(age / 1_000)) };
}

/** Who that is, and what to do. @param {NonNullable<ReturnType<typeof liveOwner>>} owner */
function describe({ pid, isOurs, seconds }) {
  if (isOurs) return ` (process ${pid}). Wait for it, or stop it`;
  const who = pid > 0 ? `process ${pid} of another container or machine` : "a process that is unknown";
  const silence = SILENCE_MILLISECONDS / 1_000;
  return (
    ` (${who}, heard of ${seconds} s ago). Wait for it, or stop it; if it was killed, ` +
    `try again when ${silence} s have passed`
  );
}

/** What the names of work directories begin with. @param {string} to */
const prefixOf = (to) => `.${path.basename(to)}.import-`;

/**
 * The work directories of imports to a place.
 * @param {string} to
 */
function workDirectories(to) {
  const parent = path.dirname(to);
  const prefix = prefixOf(to);
  return fs
    .readdirSync(parent, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name.startsWith(prefix))
    .filter(({ name }) => RANDOM.test(name.slice(prefix.length))) // else somebody else's
    .map(({ name }) => path.join(parent, name));
}

/**
 * Removes what killed imports to the same place left, and refuses where one is at work.
 * @param {string} to
 */
function clearLeftovers(to) {
  for (const directory of workDirectories(to)) {
    const owner = liveOwner(directory);
    if (owner !== undefined) {
      const message = `another import to ${to} is under way${describe(owner)}`;
      throw failure("LMDBX_IN_USE", message, to);
    }
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

/**
 * What imports to a place left that do not live any more.
 * @param {string} to
 */
function deadDirectories(to) {
  return workDirectories(to).filter((directory) => liveOwner(directory) === undefined);
}

/** @param {string} to */
function checkFree(to) {
  if (fs.lstatSync(to, { throwIfNoEntry: false }) === undefined) return;
  const message = `${to} exists already. Give a path that does not exist yet`;
  throw failure("LMDBX_EXISTS", message, to);
}

/** The outermost directory that is to be made for one to exist; undefined: it exists. */
function firstMissing(directory) {
  let missing;
  for (let each = directory; !fs.existsSync(each); each = path.dirname(each)) missing = each;
  return missing;
}

/**
 * Removes directories that are empty, from one up to another above it.
 * @param {string} directory
 * @param {string} last
 */
function removeEmpty(directory, last) {
  for (let each = directory; each.startsWith(last); each = path.dirname(each)) {
    try {
      fs.rmdirSync(each);
    } catch {
      // it was not made, or something else is in it by now
    }
  }
}

class Workspace {
  #to;
  #parent;
  /** The outermost of the parents that are made for it. */
  #made;
  #directory;
  #beat;
  #published = false;

  /** @param {string} to - the directory that is to appear */
  constructor(to) {
    this.#to = to;
    this.#parent = path.dirname(to);
  }

  /** Whatever it has made when it fails, remove() removes. */
  create() {
    withFiles(this.#to, () => {
      this.#made = firstMissing(this.#parent);
      fs.mkdirSync(this.#parent, { recursive: true });
      clearLeftovers(this.#to);
      checkFree(this.#to);
      const name = `${prefixOf(this.#to)}${crypto.randomBytes(RANDOM_SIZE).toString("hex")}`;
      const directory = path.join(this.#parent, name);
      fs.mkdirSync(directory);
      this.#directory = directory;
      const owner = path.join(directory, OWNER);
      fs.writeFileSync(owner, JSON.stringify({ pid: process.pid, system: systemId() }));
      this.#beat = setInterval(() => {
        const now = new Date();
        // If somebody removed it, writing fails soon enough.
        fs.utimes(owner, now, now, () => undefined);
      }, BEAT_MILLISECONDS).unref();
    });
  }

  get old() {
    return path.join(this.#directory, "old");
  }

  get new() {
    return path.join(this.#directory, "new");
  }

  /** Gives the new database its name. Everything in it is on disk, and it is closed. */
  publish() {
    withFiles(this.#to, () => {
      fs.rmSync(path.join(this.new, "lock.mdb"), { force: true }); // of no value once closed
      syncDirectory(this.new);
      checkFree(this.#to);
      fs.renameSync(this.new, this.#to);
      this.#published = true;
      syncDirectory(this.#parent);
    });
  }

  remove() {
    clearInterval(this.#beat);
    if (this.#directory !== undefined) {
      fs.rmSync(this.#directory, { recursive: true, force: true });
    }
    if (this.#made !== undefined && !this.#published) removeEmpty(this.#parent, this.#made);
  }
}

module.exports = { Workspace, deadDirectories };
