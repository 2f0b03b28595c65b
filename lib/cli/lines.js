"use strict";
// JSON Lines: written with regard to a slow reader, and read with the number of each line.

const fs = require("node:fs");
const { once } = require("node:events");
const { addAbortSignal } = require("node:stream");
const { write } = require("./output.js");

/** A file, which is synced and closed in the end, or standard output. */
class LineWriter {
  #stream = process.stdout;
  #file;
  #failure;
  #signal;

  /**
   * @param {string | undefined} file - is not to exist; undefined: standard output
   * @param {AbortSignal} [signal] - ends a wait for a reader
   */
  constructor(file, signal) {
    this.#signal = signal;
    if (file === undefined) return;
    this.#stream = fs.createWriteStream(file, { fd: fs.openSync(file, "wx"), flush: true });
    this.#stream.on("error", (error) => (this.#failure = error));
    this.#file = file;
  }

  /** @param {string} line */
  async write(line) {
    if (this.#failure) throw this.#failure;
    const goesOn = this.#file === undefined ? write(line) : this.#stream.write(`${line}\n`);
    if (!goesOn) await once(this.#stream, "drain", { signal: this.#signal });
  }

  async end() {
    if (this.#file === undefined) return;
    this.#stream.end();
    await once(this.#stream, "close");
    if (this.#failure) throw this.#failure;
  }

  /** Instead of the end, where it will not come: nobody is to take a part for the whole. */
  abandon() {
    if (this.#file === undefined) return;
    this.#stream.destroy();
    fs.rmSync(this.#file, { force: true });
  }
}

/**
 * The lines of a stream. Only a line feed ends one: node:readline also takes U+2028 for an end,
 * which JSON texts may hold.
 * @param {NodeJS.ReadableStream} stream
 * @returns {AsyncGenerator<string>}
 */
async function* splitLines(stream) {
  stream.setEncoding("utf8");
  let parts = [];
  for await (const text of stream) {
    const [first, ...rest] = text.split("\n");
    parts.push(first);
    if (rest.length === 0) continue;
    yield parts.join("");
    parts = [rest.pop()];
    yield* rest;
  }
  const last = parts.join("");
  if (last !== "") yield last;
}

/**
 * The lines of a file or of standard input that are not empty.
 * @param {string | undefined} file
 * @param {AbortSignal} signal - ends a wait for more, too
 * @returns {AsyncGenerator<{ line: number, text: string }>}
 */
async function* readLines(file, signal) {
  const input = file === undefined ? process.stdin : fs.createReadStream(file);
  addAbortSignal(signal, input);
  let line = 0;
  for await (const text of splitLines(input)) {
    line++;
    if (text.trim() !== "") yield { line, text };
  }
}

module.exports = { LineWriter, readLines, splitLines };
