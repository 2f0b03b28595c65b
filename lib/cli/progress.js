"use strict";
// How far something is: a bar that is drawn in place on a terminal, now and then a line elsewhere.

const { bar, duration, isScreen, number } = require("./output.js");

const BAR_MILLISECONDS = 100;
const LINE_MILLISECONDS = 10_000;
const CLEAR = "\r\x1b[K";
/** What there is on a narrow terminal, so that the numbers behind it are seen. */
const NARROW_COLUMNS = 60;
const NARROW_BAR = 10;

class Progress {
  #stream;
  #unit;
  #every;
  #isScreen;
  #shown = 0;
  #drawn = false;
  #started;
  #now;

  /**
   * @param {{ unit: string, stream?: NodeJS.WriteStream, now?: () => number, env?: object }} options
   *   unit: what is counted; the others are for tests
   */
  constructor({ unit, stream = process.stderr, now = Date.now, env = process.env }) {
    this.#unit = unit;
    this.#stream = stream;
    this.#isScreen = isScreen(stream, env);
    this.#every = this.#isScreen ? BAR_MILLISECONDS : LINE_MILLISECONDS;
    this.#now = now;
    this.#started = now();
  }

  /**
   * @param {string} what - is being done
   * @param {number} done
   * @param {number} [total]
   */
  show(what, done, total) {
    const now = this.#now();
    if (now - Math.max(this.#shown, this.#started) < this.#every) return;
    this.#shown = now;
    const text = this.#text(what, done, total, now - this.#started);
    if (!this.#isScreen) {
      this.#stream.write(`${text}\n`);
      return;
    }
    this.#stream.write(`${CLEAR}${text.slice(0, this.#columns() - 1)}`);
    this.#drawn = true;
  }

  /** A pseudo-terminal to which nobody gave a size says that it has 0. */
  #columns() {
    return this.#stream.columns || 80;
  }

  #text(what, done, total, passed) {
    const count = `${number(done)}${total === undefined ? "" : ` of ${number(total)}`} ${this.#unit}`;
    if (total === undefined || done === 0) return `${what}  ${count}`;
    const left = (passed / done) * Math.max(total - done, 0);
    const part = done / total;
    const drawn = this.#columns() < NARROW_COLUMNS ? bar(part, NARROW_BAR) : bar(part);
    return `${what}  ${drawn} ${Math.floor(part * 100)} %  ${count}, ${duration(left)} left`;
  }

  /** Takes the bar away, so that something else can be written; the next one draws it anew. */
  clear() {
    if (this.#drawn) this.#stream.write(CLEAR);
    this.#drawn = false;
  }
}

/** Takes away the bar that another process may have left on the terminal. */
function clearLine() {
  if (isScreen(process.stderr)) process.stderr.write(CLEAR);
}

module.exports = { Progress, clearLine };
