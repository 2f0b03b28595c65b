"use strict";

const { createError } = require("../errors.js");
const { HOPELESS } = require("./arguments.js");
const { counted } = require("./output.js");

/**
 * Holds findings of values that cannot be read until one of the same database can be: then they are
 * damaged, and else it may be that they are of another encoding.
 */
class Encodings {
  #given;
  #tell;
  /** By database: undefined once a value was read. @type {Map<string | null, object[] | undefined>} */
  #held = new Map();

  /**
   * @param {{ encoding?: string, encodings: Record<string, string> }} given
   * @param {(event: object) => void} tell
   */
  constructor(given, tell) {
    this.#given = given;
    this.#tell = tell;
  }

  /** @param {string | null} database */
  #isGiven(database) {
    const { encoding, encodings } = this.#given;
    return encoding !== undefined || Object.hasOwn(encodings, database ?? "");
  }

  /** @param {{ type: string, what?: string, database: string | null, code?: string }} event */
  hear(event) {
    const { type, what, database, code } = event;
    if (type === "readable") return this.#release(database);
    if (what !== "unreadable" || code !== "LMDBX_DECODE" || this.#isGiven(database)) {
      return this.#tell(event);
    }
    if (!this.#held.has(database)) this.#held.set(database, []);
    const held = this.#held.get(database);
    if (held === undefined) return this.#tell(event);
    if (held.push(event) < HOPELESS) return undefined;
    this.#held.delete(database);
    throw hopeless(database);
  }

  #release(database) {
    const held = this.#held.get(database) ?? [];
    this.#held.set(database, undefined);
    held.forEach(this.#tell);
  }

  /** No more comes: so few may as well be damaged. */
  end() {
    for (const database of this.#held.keys()) this.#release(database);
  }
}

/** @param {string | null} database */
function hopeless(database) {
  const which = database === null ? "the main database" : `the database ${JSON.stringify(database)}`;
  return createError(
    "LMDBX_DECODE",
    `verify: none of ${counted(HOPELESS, "value")} of ${which} can be read as msgpack. Give ` +
      `--encoding ${JSON.stringify(`${database ?? ""}=E`)} with the encoding E in which they were written`,
  );
}

module.exports = { Encodings };
