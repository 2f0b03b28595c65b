"use strict";
const { fetch } = require("./debian.js");
const { compileCmocka, compileLibraries, unpackAll, writeLicences } = require("./libraries.js");
const { compileAddon, compileTests } = require("./compile.js");
const { Target, TARGETS } = require("./targets.js");
fetch(console.log);
const unpacked = unpackAll();
writeLicences(unpacked);
for (const name of process.argv.slice(2).length ? process.argv.slice(2) : TARGETS) {
  const target = new Target(name);
  target.prepare();
  const libraries = compileLibraries(target, unpacked);
  const core = compileAddon(target, libraries);
  console.log(target.binary);
  const cm = compileCmocka(target, unpacked);
  console.log(compileTests(target, libraries, cm, core));
}
