"use strict";
// Values that UPGRADING.md names.

/** @param {number} levels */
function nested(levels) {
  let value = 1;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}

function cyclic() {
  const value = {};
  value.self = value;
  return value;
}

module.exports = { nested, cyclic };
