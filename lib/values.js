"use strict";
// Objects with a class of their own: telling them apart, reading and building Map, Set and buffers, for
// flatten.js, assemble.js and, handed to the addon when it is initialised, src/binding/value_*.c.
// Intrinsics are taken at load, so that later patches of the globals change nothing.

const { types } = require("node:util");

/** What an object is; the numbers are shared with enum object_class of value_objects.c. */
const FIELDS = 0;
const ARRAY = 1;
const DATE = 2;
const ARRAY_BUFFER = 3;
const MAP = 4;
const SET = 5;
const TO_JSON = 6;
/** Plus a code of enum lmdbx_typed_array, which is the index here. */
const TYPED_ARRAY = 16;
const TYPED_ARRAYS = [
  "Int8Array",
  "Uint8Array",
  "Uint8ClampedArray",
  "Int16Array",
  "Uint16Array",
  "Int32Array",
  "Uint32Array",
  "Float32Array",
  "Float64Array",
  "BigInt64Array",
  "BigUint64Array",
];
const BYTE_ARRAY = TYPED_ARRAY + TYPED_ARRAYS.indexOf("Uint8Array");
const DATA_VIEW = TYPED_ARRAY + TYPED_ARRAYS.length;

const { apply, getPrototypeOf } = Reflect;
const { isArray } = Array;
const typedArrayPrototype = getPrototypeOf(Uint8Array.prototype);
const { getOwnPropertyDescriptor } = Object;
const getterOf = (object, name) => getOwnPropertyDescriptor(object, name).get;
const typedArrayTag = getterOf(typedArrayPrototype, Symbol.toStringTag);
const typedArrayBuffer = getterOf(typedArrayPrototype, "buffer");
const typedArrayLength = getterOf(typedArrayPrototype, "length");
const typedArrayAt = typedArrayPrototype.at;
const typedArraySlice = typedArrayPrototype.slice;
const typedArraySet = typedArrayPrototype.set;
const typedArrayOffset = getterOf(typedArrayPrototype, "byteOffset");
const typedArrayBytes = getterOf(typedArrayPrototype, "byteLength");
const typedArrayClasses = [...TYPED_ARRAYS.map((name) => globalThis[name]), DataView];
const ByteArray = Uint8Array;
const { allocUnsafeSlow } = Buffer;
const dataViewBuffer = getterOf(DataView.prototype, "buffer");
const dataViewOffset = getterOf(DataView.prototype, "byteOffset");
const dataViewLength = getterOf(DataView.prototype, "byteLength");
const MapClass = Map;
const SetClass = Set;
const mapPrototype = Map.prototype;
const setPrototype = Set.prototype;
const { forEach: mapForEach, set: mapSet } = mapPrototype;
const { forEach: setForEach, add: setAdd } = setPrototype;
const mapSize = getterOf(mapPrototype, "size");
const setSize = getterOf(setPrototype, "size");
const objectToString = Object.prototype.toString;

const SHARED = "a SharedArrayBuffer, which other threads can change; copy it";
const DETACHED = "a detached or shrunken buffer";

/**
 * Calls what throws if a buffer is detached or a view out of its bounds.
 * @param {() => void} probe
 * @param {number} sound - the answer if it does not throw
 */
function probed(probe, sound) {
  try {
    probe();
    return sound;
  } catch {
    return DETACHED;
  }
}

/** @param {ArrayBufferView} view */
function classifyView(view) {
  if (types.isDataView(view)) {
    if (types.isSharedArrayBuffer(apply(dataViewBuffer, view, []))) return SHARED;
    return probed(() => apply(dataViewLength, view, []), DATA_VIEW);
  }
  const tag = apply(typedArrayTag, view, []);
  const code = TYPED_ARRAYS.indexOf(tag);
  if (code < 0) return `a ${tag}; use a Float32Array`;
  if (types.isSharedArrayBuffer(apply(typedArrayBuffer, view, []))) return SHARED;
  if (apply(typedArrayLength, view, []) > 0) return TYPED_ARRAY + code;
  return probed(() => apply(typedArrayAt, view, [0]), TYPED_ARRAY + code);
}

/**
 * What would lose its content without a word, and has no toJSON to speak for it.
 * @param {object} value
 * @returns {string | undefined}
 */
function refusal(value) {
  if (types.isPromise(value)) return "a Promise; did you forget await?";
  if (typeof value.then === "function") return "a thenable; did you forget await?";
  if (types.isNativeError(value) || value instanceof Error) {
    return "an Error; store its name, message and stack as strings";
  }
  if (types.isRegExp(value)) return "a RegExp; store its source and flags";
  if (types.isBoxedPrimitive(value)) return "a boxed primitive; store value.valueOf()";
  if (types.isWeakMap(value)) return "a WeakMap, which has no list of its entries";
  if (types.isWeakSet(value)) return "a WeakSet, which has no list of its members";
  if (types.isGeneratorObject(value)) return "a generator; store what it yields";
  if (types.isMapIterator(value) || types.isSetIterator(value)) {
    return "an iterator; store what it yields";
  }
  if (types.isExternal(value)) return "an external value of an addon";
  const tag = apply(objectToString, value, []);
  if (tag === "[object WeakRef]") return "a WeakRef; store what it refers to";
  return undefined;
}

/**
 * @param {object} value - neither an array nor, as far as its prototype tells, a plain object
 * @param {boolean} mayCall - whether a toJSON is to be called; not for what one returned
 * @returns {number | string} a class, or why the value is refused
 */
function classify(value, mayCall) {
  if (types.isDate(value)) return DATE;
  if (ArrayBuffer.isView(value)) return classifyView(value);
  if (types.isMap(value)) return MAP;
  if (types.isSet(value)) return SET;
  if (types.isSharedArrayBuffer(value)) return SHARED;
  if (types.isArrayBuffer(value)) return probed(() => new Uint8Array(value), ARRAY_BUFFER);
  if (mayCall && typeof value.toJSON === "function") return TO_JSON;
  if (isArray(value)) return ARRAY; /* a proxy of one */
  return refusal(value) ?? FIELDS;
}

/**
 * Members of a Set; keys and values of a Map in turn. A copy: what is read from it may change the
 * original meanwhile.
 * @param {Map<unknown, unknown> | Set<unknown>} value
 */
function itemsOf(value) {
  /** @type {unknown[]} */
  const items = [];
  if (types.isMap(value)) {
    apply(mapForEach, value, [(item, key) => items.push(key, item)]);
  } else {
    apply(setForEach, value, [(item) => items.push(item)]);
  }
  return items;
}

/**
 * @param {{ toJSON(key: string): unknown }} value
 * @param {string} key - under which its container holds it
 */
function callToJSON(value, key) {
  return value.toJSON(key);
}

/** Members of a Set; keys and values of a Map together. @param {number} code - MAP or SET */
function countItems(value, code) {
  return code === MAP ? apply(mapSize, value, []) * 2 : apply(setSize, value, []);
}

/**
 * Bytes of a buffer or view that classify has found sound.
 * @param {ArrayBuffer | ArrayBufferView} value
 * @param {number} code - what classify answered
 * @returns {Uint8Array} whose `length` may be anything: ask lengthOf
 */
function bytesOf(value, code) {
  if (code === BYTE_ARRAY) return value;
  if (code === ARRAY_BUFFER) return new ByteArray(value);
  if (code === DATA_VIEW) {
    const buffer = apply(dataViewBuffer, value, []);
    return new ByteArray(buffer, apply(dataViewOffset, value, []), apply(dataViewLength, value, []));
  }
  const buffer = apply(typedArrayBuffer, value, []);
  return new ByteArray(buffer, apply(typedArrayOffset, value, []), apply(typedArrayBytes, value, []));
}

/** @param {Uint8Array} bytes */
function lengthOf(bytes) {
  return apply(typedArrayLength, bytes, []);
}

/** Items from which on it pays to look whether a method may be called as it is. */
const MANY_ITEMS = 16;

/** Whether an object has this very method, not asking a getter. */
function hasMethod(object, name, method) {
  const descriptor = getOwnPropertyDescriptor(object, name);
  return descriptor !== undefined && descriptor.value === method;
}

/**
 * @param {unknown[]} items - key, value, key, value ... from `at` on
 * @param {number} at
 * @param {number} end
 */
function toMap(items, at = 0, end = items.length) {
  const map = new MapClass();
  // Bun calls a method three times as fast as apply calls it.
  if (end - at >= MANY_ITEMS && hasMethod(mapPrototype, "set", mapSet)) {
    for (let i = at; i < end; i += 2) map.set(items[i], items[i + 1]);
  } else {
    for (let i = at; i < end; i += 2) apply(mapSet, map, [items[i], items[i + 1]]);
  }
  return map;
}

/**
 * @param {unknown[]} items
 * @param {number} at
 * @param {number} end
 */
function toSet(items, at = 0, end = items.length) {
  const set = new SetClass();
  if (end - at >= MANY_ITEMS && hasMethod(setPrototype, "add", setAdd)) {
    for (let i = at; i < end; i++) set.add(items[i]);
  } else {
    for (let i = at; i < end; i++) apply(setAdd, set, [items[i]]);
  }
  return set;
}

/**
 * @param {Uint8Array} memory - all of its buffer
 * @param {number} at
 * @param {number} size
 */
function bufferOf(memory, at, size) {
  const buffer = allocUnsafeSlow(size);
  const part = new ByteArray(apply(typedArrayBuffer, memory, []), at, size);
  apply(typedArraySet, buffer, [part]);
  return buffer;
}

/**
 * @param {number} code - of enum lmdbx_typed_array
 * @param {Uint8Array} memory
 * @param {number} at
 * @param {number} size - in bytes
 */
function typedArrayOf(code, memory, at, size) {
  const { buffer } = apply(typedArraySlice, memory, [at, at + size]);
  return new typedArrayClasses[code](buffer);
}

/** Whether the engine makes the UTF-8 of a string in memory of its own before it copies it. */
const copiesText = process.versions.bun !== undefined;

/** @param {string} text */
function isWellFormed(text) {
  return text.isWellFormed();
}

module.exports = {
  FIELDS,
  ARRAY_BUFFER,
  MAP,
  SET,
  TYPED_ARRAY,
  BYTE_ARRAY,
  classify,
  bytesOf,
  lengthOf,
  countItems,
  itemsOf,
  callToJSON,
  toMap,
  toSet,
  bufferOf,
  typedArrayOf,
  isWellFormed,
  copiesText,
};
