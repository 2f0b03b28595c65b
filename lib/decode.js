"use strict";
// What the addon answers for a value, decoded: of encoding json, and of pages, whose values are
// taken off the tape one by one as the addon writes them there.

const { assemble } = require("./assemble.js");

/** Text of encoding json that is none: what it means is said where it is known where it lies. */
class NotJSON {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
  }
}

/**
 * The value of a text, or NotJSON.
 * @param {string} text
 */
function parseJSON(text) {
  try {
    return JSON.parse(text);
  } catch {
    return new NotJSON(text);
  }
}

/**
 * Called by the addon: what it answers for one record of a page.
 * @param {unknown[]} values - of the page, so far
 * @param {string | string[] | { value: any } | undefined} answer - as get has it; undefined: absent
 * @param {boolean} isJSON
 */
function addValue(values, answer, isJSON) {
  if (answer === undefined) values.push(undefined);
  else if (typeof answer === "string" || Array.isArray(answer)) values.push(assemble(answer));
  else values.push(isJSON ? parseJSON(answer.value) : answer.value);
}

module.exports = { NotJSON, parseJSON, addValue };
