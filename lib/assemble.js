"use strict";
// Values from the tape that the addon has written: a machine with a stack. Runs no code but its own:
// intrinsics are taken at load, fields are defined and never set through a setter.

const { CONSTANTS, building } = require("./tape.js");
const values = require("./values.js");

const { ops, numbers, bytes } = building;
/** The word of op CHUNK. */
const CHUNK = 10;
const bigints = new BigInt64Array(numbers.buffer);
const biguints = new BigUint64Array(numbers.buffer);
const { defineProperty, getOwnPropertyNames } = Object;
const ArrayClass = Array;
const DateClass = Date;
const objectPrototype = Object.prototype;

/** The functions that make objects of known shapes, by number: see defineShape. */
const factories = [];
const widths = [];

/**
 * Has a function compiled that makes objects of a shape from what lies on the stack.
 * @param {number} number - of the shape; one that had it before is forgotten
 * @param {string[]} names - of the fields
 * @returns {boolean} false where the host forbids code from strings
 */
function defineShape(number, names) {
  // In a literal, "__proto__" sets the prototype unless it is computed.
  const field = (name) => (name === "__proto__" ? '["__proto__"]' : JSON.stringify(name));
  const fields = names.map((name, at) => `${field(name)}: stack[at + ${at}]`);
  try {
    factories[number] = new Function("stack", "at", `return { ${fields.join(", ")} };`);
  } catch {
    return false;
  }
  widths[number] = names.length;
  return true;
}

/** A field as others are; what somebody has given all objects is no part of it. */
function descriptorOf(value) {
  return { __proto__: null, value, writable: true, enumerable: true, configurable: true };
}

/** The names that all objects have, and the units that they begin with: all but an empty one. */
const inherited = getOwnPropertyNames(objectPrototype);
const beginnings = new Uint8Array(0x10000);
for (const name of inherited) beginnings[name.charCodeAt(0)] = 1;

/** Whether all objects have these names and no others, as when this was loaded. */
function areInherited() {
  const names = getOwnPropertyNames(objectPrototype);
  if (names.length !== inherited.length) return false;
  for (let i = 0; i < names.length; i++) if (names[i] !== inherited[i]) return false;
  return true;
}

/** From so many fields on it pays to ask; under Bun never. */
const MANY_FIELDS = process.versions.bun === undefined ? 16 : Infinity;

/** An object of `count` values, and behind them their names. A repeated name keeps its place. */
function fromFields(stack, at, count) {
  const object = {};
  const trusted = count >= MANY_FIELDS && areInherited();
  for (let i = at; i < at + count; i++) {
    const name = stack[i + count];
    const suspect = !trusted || name === "" || beginnings[name.charCodeAt(0)] === 1;
    if (suspect && name in objectPrototype) {
      defineProperty(object, name, descriptorOf(stack[i]));
    } else {
      object[name] = stack[i];
    }
  }
  return object;
}

/** Where the next value on the tape begins. */
let texts = "";
let nextText = "";
let nextPiece = 0;
let nextCut = 0;
let nextWord = 0;
let nextNumber = 0;
let nextByte = 0;

/**
 * Begins with the values on the tape.
 * @param {string | string[]} given - their text, in one piece or several
 */
function begin(given) {
  texts = given;
  nextText = typeof given === "string" ? given : "";
  nextPiece = nextCut = nextWord = nextNumber = nextByte = 0;
}

/** The next value on the tape. */
function next() {
  const stack = [];
  let text = nextText;
  let cut = nextCut;
  let word = nextWord;
  let number = nextNumber;
  let byte = nextByte;
  let top = 0;
  for (;;) {
    const op = ops[word++];
    const argument = op >> 5;
    switch (op & 31) {
      case 0:
        nextText = text;
        nextCut = cut;
        nextWord = word;
        nextNumber = number;
        nextByte = byte;
        return stack[0];
      case 1:
        stack[top++] = CONSTANTS[argument];
        break;
      case 2:
        stack[top++] = argument;
        break;
      case 3:
        stack[top++] = ops[word++];
        break;
      case 4:
        stack[top++] = numbers[number++];
        break;
      case 5:
        stack[top++] = new DateClass(numbers[number++]);
        break;
      case 6:
        stack[top++] = bigints[number++];
        break;
      case 7:
        stack[top++] = biguints[number++];
        break;
      case 8: {
        const end = cut + argument;
        stack[top++] = text.substring(cut, end);
        cut = end;
        break;
      }
      case 10:
        if (typeof texts !== "string") text = texts[nextPiece++];
        cut = 0;
        break;
      case 11:
        stack[top++] = values.bufferOf(bytes, byte, argument);
        byte += argument;
        break;
      case 12:
        stack[top++] = values.typedArrayOf(ops[word++], bytes, byte, argument);
        byte += argument;
        break;
      case 14:
        top -= argument;
        stack[top] = stack.slice(top, top + argument);
        top++;
        break;
      case 15:
        top -= widths[argument];
        stack[top] = factories[argument](stack, top);
        top++;
        break;
      case 16:
        top -= argument * 2;
        stack[top] = fromFields(stack, top, argument);
        top++;
        break;
      case 17:
        top -= argument * 2;
        stack[top] = values.toMap(stack, top, top + argument * 2);
        top++;
        break;
      case 18:
        top -= argument;
        stack[top] = values.toSet(stack, top, top + argument);
        top++;
        break;
      case 19: {
        // In an array of their own, so that engines keep them as numbers.
        const list = new ArrayClass(argument);
        for (let i = 0; i < argument; i++) {
          const item = ops[word++];
          const kind = item & 31;
          list[i] = kind === 2 ? item >> 5 : kind === 4 ? numbers[number++] : ops[word++];
        }
        stack[top++] = list;
        break;
      }
      case 20: {
        const list = new ArrayClass(argument);
        for (let i = 0; i < argument; i++) {
          if (ops[word] === CHUNK) {
            if (typeof texts !== "string") text = texts[nextPiece++];
            cut = 0;
            word++;
          }
          const end = cut + (ops[word++] >> 5);
          list[i] = text.substring(cut, end);
          cut = end;
        }
        stack[top++] = list;
        break;
      }
      default:
        throw new Error("the addon wrote a word that is not known here");
    }
  }
}

/**
 * The value on the tape, where it is alone.
 * @param {string | string[]} text
 */
function assemble(text) {
  begin(text);
  const value = next();
  texts = nextText = ""; // keeps no text alive
  return value;
}

/**
 * So many values on the tape, one after the other.
 * @param {string | string[]} text
 * @param {number} count
 */
function assembleMany(text, count) {
  const list = [];
  begin(text);
  for (let i = 0; i < count; i++) list.push(next());
  texts = nextText = "";
  return list;
}

module.exports = { assemble, assembleMany, defineShape };
