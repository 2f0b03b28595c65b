"use strict";
// Arguments that several commands take, and repositories opened as they say.

const fs = require("node:fs");
const path = require("node:path");
const { UsageError } = require("./exit.js");
const { plain } = require("./output.js");

const ENCODINGS = ["msgpack", "json", "string"];
const FACTORS = {
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** After so many values that cannot be read, and none that can, it is the encoding, if none was given. */
const HOPELESS = 100;

/** Options of commands that read or write one database. */
const DATABASE = {
  name: { type: "string" },
  encoding: { type: "string" },
};

const DATABASE_HELP = `  --name N         the named database; without it, the main one
  --encoding E     how its values are written: msgpack (the default), json or string`;

/**
 * A number of bytes: 1000000, 1M, 512Mi.
 * @param {string} option
 * @param {string} text
 */
function readSize(option, text) {
  const [, digits, unit] = /^(\d+)([kMGT]?|[KMGT]i)B?$/.exec(text) ?? [];
  const size = Number(digits) * FACTORS[unit];
  if (Number.isSafeInteger(size) && size > 0) return size;
  throw new UsageError(
    `${option}: ${JSON.stringify(text)} is no number of bytes, such as 1000000 or 512M`,
  );
}

/** The option of commands that are told the mapSize of those who use the database. */
const MAP_SIZE = { "map-size": { type: "string" } };

/** @param {{ "map-size"?: string }} values */
function readMapSize(values) {
  const given = values["map-size"];
  return given === undefined ? undefined : readSize("--map-size", given);
}

/** @param {string} given */
function readEncoding(given) {
  if (ENCODINGS.includes(given)) return given;
  throw new UsageError(`the encoding ${JSON.stringify(given)} is none of ${ENCODINGS.join(", ")}`);
}

/** What stands before and behind the last equals sign: a name may hold others. */
function splitName(text) {
  const at = text.lastIndexOf("=");
  return at < 0 ? undefined : [text.slice(0, at), text.slice(at + 1)];
}

/** --encoding E, and N=E for one named database. */
function readEncodings(given = []) {
  let encoding;
  const encodings = Object.create(null);
  for (const each of given) {
    const named = splitName(each);
    if (named) encodings[named[0]] = readEncoding(named[1]);
    else encoding = readEncoding(each);
  }
  return { encoding, encodings };
}

/** --rename OLD=NEW. */
function readRenames(given = []) {
  const renames = Object.create(null);
  for (const each of given) {
    const names = splitName(each);
    if (!names) throw new UsageError(`--rename: ${JSON.stringify(each)} has not the form OLD=NEW`);
    renames[names[0]] = names[1];
  }
  return renames;
}

/** A key: as JSON, or a string as it stands where it is no JSON. */
function readKey(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const KEY_HELP = `A key is given as JSON; what is no JSON is a string as it stands: user:123 and '"user:123"'
are the same key, 123 is a number, and '"123"' a string. A key that begins
with a minus sign stands behind two of them, as in: -- -5.`;

/** Says which named database is missing, where the directory has others. */
function nameMissing(error, directory, name) {
  if (name === undefined || error.code !== "LMDBX_NOT_FOUND") return;
  if (!fs.existsSync(path.join(directory, "data.mdb"))) return;
  error.message = plain(
    `there is no database ${JSON.stringify(name)} in ${directory}. Check --name: stat lists those that there are`,
  );
}

/**
 * Runs something on a repository, which is closed in the end. It is never created unless
 * `create` says so.
 * @template T
 * @param {string} directory
 * @param {{ name?: string, encoding?: string }} values - of the options above
 * @param {(repository: import("../repository.js").LMDBXRepository) => Promise<T>} work
 * @param {object} [config]
 * @returns {Promise<T>}
 */
async function withRepository(directory, { name, encoding }, work, config = { readOnly: true }) {
  const { LMDBXRepository } = require("../repository.js"); // loads the addon
  const given = encoding === undefined ? {} : { encoding: readEncoding(encoding) };
  const repository = new LMDBXRepository({ path: directory, name, ...given, ...config });
  try {
    await repository.ready().catch((error) => {
      nameMissing(error, directory, name);
      throw error;
    });
    return await work(repository);
  } finally {
    await repository.close();
  }
}

module.exports = {
  ...{ DATABASE, DATABASE_HELP, HOPELESS, KEY_HELP, MAP_SIZE },
  ...{ readMapSize, readEncoding, readEncodings, readKey, readRenames, withRepository },
};
