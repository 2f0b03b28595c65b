"use strict";
// The files of an old database: found and judged by their bytes, and shown to npm lmdb in a
// directory of ours. lmdb makes a lock file beside what it opens and, after a power failure, takes
// back commits that had not reached the disk: neither may happen to the old directory.
//
// A data file of 0.3.x begins, per meta page (page 0 at 0, page 1 at page size):
//
//   24 magic 0xBEEFC0DE u32    48 page size u32    144 last page u64   160 boot id i64
//   28 version 2        u32    52 flags     u16    152 transaction u64

const fs = require("node:fs");
const path = require("node:path");
const { described, failure, withFiles } = require("./failure.js");

const MAGIC = 0xbeefc0de;
const MAGIC_AT = 24;
const VERSION_AT = 28;
const OLD_VERSION = 2;
/** Where format 1, that of this package, has the magic. */
const NEW_MAGIC_AT = 16;
const PAGE_SIZE_AT = 48;
const FLAGS_AT = 52;
const LAST_PAGE_AT = 144;
const TRANSACTION_AT = 152;
const BOOT_AT = 160;
const META_SIZE = 168;
/** lmdb's MDB_OVERLAPPINGSYNC in a meta page: this commit may not have reached the disk. */
const UNSYNCED = 0x1000;
const PAGE_SIZES = [512, 65536];
/** More than lmdb's lock file needs for its default of readers. */
const LOCK_SIZE = 16_384;

/**
 * The data file of a path that was given to 0.3.x. With a file name's extension it made a file of
 * that name, without one a directory.
 * @param {string} from
 */
function locate(from) {
  if (!fs.statSync(from).isDirectory()) return from;
  const data = path.join(from, "data.mdb");
  if (fs.statSync(data, { throwIfNoEntry: false }) === undefined) {
    const message = `${from} is a directory without a data.mdb. Check the path`;
    throw failure("LMDBX_NOT_FOUND", message, from);
  }
  return data;
}

/** @param {number} file @param {number} position */
function readMeta(file, position) {
  const bytes = Buffer.alloc(META_SIZE);
  fs.readSync(file, bytes, 0, META_SIZE, position);
  return bytes;
}

/**
 * What the meta pages say: two readings that are alike mean that nothing was committed between.
 * @param {string} data
 */
function readMetas(data) {
  const file = fs.openSync(data, "r");
  try {
    const first = readMeta(file, 0);
    if (first.readUInt32LE(NEW_MAGIC_AT) === MAGIC) {
      const message = `${data} is no database of 0.3.x: a repository of this version opens it as it is`;
      throw failure("LMDBX_FORMAT", message, data);
    }
    const pageSize = first.readUInt32LE(PAGE_SIZE_AT);
    if (
      first.readUInt32LE(MAGIC_AT) !== MAGIC ||
      first.readUInt32LE(VERSION_AT) !== OLD_VERSION ||
      pageSize < PAGE_SIZES[0] ||
      pageSize > PAGE_SIZES[1]
    ) {
      throw failure("LMDBX_FORMAT", `${data} is no database of 0.3.x. Check the path`, data);
    }
    return [first, readMeta(file, pageSize)];
  } finally {
    fs.closeSync(file);
  }
}

/** @param {Buffer[]} metas */
function newest(metas) {
  const [first, second] = metas;
  return first.readBigUInt64LE(TRANSACTION_AT) >= second.readBigUInt64LE(TRANSACTION_AT)
    ? first
    : second;
}

/** This start of the system, as lmdb writes it into meta pages; undefined if it cannot be told. */
function bootId() {
  try {
    const text = fs.readFileSync("/proc/sys/kernel/random/boot_id", "latin1");
    return BigInt(`0x${/^[0-9a-f]+/.exec(text)[0]}`);
  } catch {
    return undefined;
  }
}

/**
 * Whether the newest commit was not known to be on disk when the system went down: then opening
 * for writing goes back to the last that was.
 * @param {Buffer[]} metas
 */
function needsRecovery(metas) {
  const meta = newest(metas);
  if ((meta.readUInt16LE(FLAGS_AT) & UNSYNCED) === 0) return false;
  return meta.readBigInt64LE(BOOT_AT) !== bootId();
}

/**
 * The process that has a lock file locked, as every user of an LMDB database does; undefined where
 * there is none, or the system does not tell.
 * @param {string} lock
 */
function userOf(lock) {
  let lines;
  let status;
  try {
    status = fs.statSync(lock, { bigint: true });
    lines = fs.readFileSync("/proc/locks", "latin1").split("\n");
  } catch {
    return undefined;
  }
  // As the C library's major() and minor() take a device number apart.
  const major = ((status.dev >> 8n) & 0xfffn) | ((status.dev >> 32n) & ~0xfffn);
  const minor = (status.dev & 0xffn) | ((status.dev >> 12n) & ~0xffn);
  for (const line of lines) {
    const [, pid, ...id] = /\s(\d+) ([0-9a-f]+):([0-9a-f]+):(\d+) /.exec(line) ?? [];
    if (pid === undefined || id[2] !== String(status.ino)) continue;
    if (BigInt(`0x${id[0]}`) === major && BigInt(`0x${id[1]}`) === minor) return Number(pid);
  }
  return undefined;
}

/** The lock files of those who have a data file open: its directory, or it as a single file. */
function locksOf(data) {
  return [data, fs.realpathSync(data)].flatMap((file) => {
    const asDirectory = path.join(path.dirname(file), "lock.mdb");
    return [`${file}-lock`, ...(path.basename(file) === "data.mdb" ? [asDirectory] : [])];
  });
}

/** Refuses an old database that somebody may write to. */
function checkUnused(data, from) {
  const pid = locksOf(data).map(userOf).find((each) => each !== undefined);
  if (pid === undefined) return;
  const who =
    pid === process.pid
      ? "this process has it open; close it"
      : `process ${pid} has it open; stop it`;
  const message = `${from} is in use: ${who}, so that the copy is complete, then import again`;
  throw failure("LMDBX_IN_USE", message, from);
}

/** What the files of an old database say; refuses what is none. @param {string} from */
function readOld(from) {
  return withFiles(from, () => {
    const data = locate(from);
    return { data, metas: readMetas(data) };
  });
}

/**
 * Makes `directory`, in which lmdb may open the data file: a copy of it, or a link to it.
 * @param {string} data
 * @param {string} directory - to be created
 * @param {boolean} copied
 */
async function show(data, directory, copied) {
  const shown = path.join(directory, "data.mdb");
  try {
    fs.mkdirSync(directory);
    // lmdb would only set the length of a new one, and crash at its first use on a full disk.
    fs.writeFileSync(path.join(directory, "lock.mdb"), Buffer.alloc(LOCK_SIZE));
    // A copy of gigabytes must not hold the program up, nor the beat of the workspace.
    if (copied) await fs.promises.copyFile(data, shown, fs.constants.COPYFILE_FICLONE);
    else fs.symlinkSync(fs.realpathSync(data), shown);
  } catch (error) {
    throw described(error, directory);
  }
}

/**
 * Takes an old database for reading: checks it, and makes `directory`, in which lmdb may open it.
 * @param {string} from
 * @param {string} directory - to be created
 */
async function takeOld(from, directory) {
  const { data, metas } = readOld(from);
  withFiles(from, () => checkUnused(data, from));
  const recover = needsRecovery(metas);
  await show(data, directory, recover);
  return {
    directory,
    /** Whether lmdb has to open it for writing, which then is a copy. */
    recover,
    lastPage: newest(metas).readBigUInt64LE(LAST_PAGE_AT),
    /** Fails if something was committed since the beginning: then pages that were read may have
     * been those of another moment. */
    checkUnchanged() {
      if (Buffer.concat(readOld(from).metas).equals(Buffer.concat(metas))) return;
      const message = `${from} was written to while it was read. Stop the program that uses it, then import again`;
      throw failure("LMDBX_IN_USE", message, from);
    },
  };
}

module.exports = { readOld, takeOld };
