"use strict";
// JSON Lines: written with regard to a slow reader, and read with the number of each line.

const fs = require("node:fs");
const { once } = require("node:events");
const { addAbortSignal } = require("node:stream");
const { strictText } = require("../strict-text.js");
const { write } = require("./output.js");

const LINE_FEED = 0x0a;

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
 * The lines of a stream, as bytes. Only a line feed ends one: node:readline also takes U+2028 for an
 * end, which JSON texts may hold.
 * @param {AsyncIterable<Buffer>} stream
 * @returns {AsyncGenerator<Buffer>}
 */
async function* splitLines(stream) {
  let parts = [];
  for await (const chunk of stream) {
    let start = 0;
    for (let end; (end = chunk.indexOf(LINE_FEED, start)) >= 0; start = end + 1) {
      parts.push(chunk.subarray(start, end));
      yield parts.length === 1 ? parts[0] : Buffer.concat(parts);
      parts = [];
    }
    parts.push(chunk.subarray(start));
  }
  const last = Buffer.concat(parts);
  if (last.length > 0) yield last;
}

/**
 * The lines of a file or of standard input that are not empty.
 * @param {string | undefined} file
 * @param {AbortSignal} signal - ends a wait for more, too
 * @returns {AsyncGenerator<{ line: number, text: string | undefined }>} undefined: it is not UTF-8
 */
async function* readLines(file, signal) {
  const input = file === undefined ? process.stdin : fs.createReadStream(file);
  addAbortSignal(signal, input);
  let line = 0;
  try {
    for await (const bytes of splitLines(input)) {
      line++;
      const text = strictText(bytes);
      if (text?.trim() !== "") yield { line, text };
    }
  } catch (error) {
    if (error?.syscall !== undefined) error.path ??= file; // reading names none
    throw error;
  }
}

module.exports = { LineWriter, readLines, splitLines };
