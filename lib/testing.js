"use strict";
// For tests of programs that use the package: a repository whose directory goes with it.

const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { typeError } = require("./errors.js");
const { LMDBXRepository } = require("./repository.js");

/** Directories of repositories that have not been closed. */
const kept = new Set();

const REMOVAL = { recursive: true, force: true };

// The addon has a listener before this one: from then on it begins nothing. What it is about to do,
// such as opening, finds nothing under the old name and adds nothing under the new one.
process.on("exit", () => {
  for (const directory of kept) {
    if (!fs.existsSync(directory)) continue;
    try {
      const removed = `${directory}-removed`;
      fs.renameSync(directory, removed);
      fs.rmSync(removed, REMOVAL);
      fs.rmSync(directory, REMOVAL);
    } catch {
      // One that cannot be removed must not keep the others.
    }
  }
});

class TemporaryRepository extends LMDBXRepository {
  /** @type {Promise<void> | undefined} */
  #closing;

  /** @param {import("../index.d.ts").LMDBXConfig & { path: string }} config */
  constructor(config) {
    super(config);
    Object.defineProperty(this, "path", { value: config.path, enumerable: true });
  }

  close() {
    this.#closing ??= this.#remove();
    return this.#closing;
  }

  async #remove() {
    await super.close();
    await fs.promises.rm(this.path, REMOVAL);
    kept.delete(this.path);
  }
}

/** @param {import("../testing.d.ts").TemporaryConfig} [config] */
function createTemporaryRepository(config = {}) {
  if (config.path !== undefined) {
    throw typeError("LMDBX_INVALID_CONFIG", "path: a temporary repository has a directory of its own");
  }
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "lmdbx-"));
  kept.add(directory);
  try {
    return new TemporaryRepository({ ...config, path: directory });
  } catch (error) {
    kept.delete(directory);
    fs.rmdirSync(directory);
    throw error;
  }
}

module.exports = { createTemporaryRepository };
