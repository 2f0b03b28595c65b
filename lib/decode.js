"use strict";
// Values of pages, taken off the tape one by one as the addon writes them there.

const { assemble } = require("./assemble.js");

/** Text of encoding json that is none: what it means is said when somebody asks for it. */
class NotParsed {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
  }
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return new NotParsed(text);
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
  else values.push(isJSON ? parsed(answer.value) : answer.value);
}

module.exports = { NotParsed, addValue };
