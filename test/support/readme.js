"use strict";
// Code blocks of a Markdown file, made runnable.
//
// In a block, `console.log(x); // -> y` promises that x is printed and equals the
// JavaScript expression y. A comment on the line before a block directs it:
//   <!-- not run: reason -->     shown, but not executed
//   <!-- run: bun test -->       a test file for `bun test`
//   <!-- run: SIGTERM -->        gets that signal once it has printed something

const fs = require("node:fs");
const path = require("node:path");
const { pathToFileURL } = require("node:url");
const ts = require("typescript-oldest");

const ROOT = path.join(__dirname, "../..");
const { name: PACKAGE } = require("../../package.json");
const PRINTED = path.join(__dirname, "printed.js");

/**
 * @param {string} markdown
 * @returns {{ line: number, language: string, code: string, run: string, reason?: string }[]}
 *   run is "program", "bun test", "SIGTERM" or "not"
 */
function extractBlocks(markdown) {
  const blocks = [];
  const pattern = /(?:<!-- (not run|run): (.*?) -->\n)?^```(js|ts)\n([\s\S]*?)^```$/gm;
  for (const match of markdown.matchAll(pattern)) {
    const [whole, directive, detail, language, code] = match;
    const opening = match.index + whole.indexOf("```");
    blocks.push({
      line: markdown.slice(0, opening).split("\n").length + 1,
      language,
      code,
      run: directive === "not run" ? "not" : (detail ?? "program"),
      reason: directive === "not run" ? detail : undefined,
    });
  }
  return blocks;
}

/** Turns `console.log(x); // -> y` into a check; says which lines have one. */
function addChecks(block) {
  const checked = [];
  const code = block.code
    .split("\n")
    .map((text, index) => {
      const match = /^(\s*)console\.log\((.*)\); \/\/ -> (.+)$/.exec(text);
      if (!match) return text;
      const [, indent, actual, expected] = match;
      const line = block.line + index;
      checked.push(line);
      return `${indent}globalThis.printed(${line}, ${actual}, () => (${expected}));`;
    })
    .join("\n");
  return { code, checked };
}

/**
 * Writes a block as a program into a directory. It refers to this checkout
 * instead of the installed package; its data goes where it runs.
 * @returns {string} the file to run
 */
function writeProgram(block, directory, runtimeReadsTypeScript) {
  const { code, checked } = addChecks(block);
  const isModule = !/\brequire\(/.test(code);
  const at = (file) => JSON.stringify(isModule ? pathToFileURL(file).href : file);
  const local = (text) =>
    text
      .replaceAll(`"${PACKAGE}"`, at(path.join(ROOT, "lib/index.js")))
      .replaceAll(`"${PACKAGE}/testing"`, at(path.join(ROOT, "lib/testing.js")));
  const load = isModule
    ? `import ${JSON.stringify(pathToFileURL(PRINTED).href)};`
    : `require(${JSON.stringify(PRINTED)});`;
  let text = `${load} globalThis.printed.expect(${JSON.stringify(checked)});\n${local(code)}`;
  let extension = isModule ? ".mjs" : ".cjs";
  if (block.language === "ts" && runtimeReadsTypeScript) {
    extension = ".ts";
  } else if (block.language === "ts") {
    text = ts.transpileModule(text, {
      compilerOptions: {
        module: ts.ModuleKind.ESNext,
        target: ts.ScriptTarget.ES2022,
        verbatimModuleSyntax: false,
      },
    }).outputText;
  }
  const suffix = block.run === "bun test" ? `.test${extension}` : extension;
  const file = path.join(directory, `line-${block.line}${suffix}`);
  fs.writeFileSync(file, text);
  return file;
}

/** What the compiler has to say about the TypeScript blocks, as lines of text. */
function checkTypes(blocks, directory) {
  const files = blocks.map((block) => {
    const file = path.join(directory, `types-${block.line}.ts`);
    // A block is a module of its own, also if it imports nothing.
    fs.writeFileSync(file, `${block.code}\nexport {};\n`);
    return file;
  });
  const program = ts.createProgram(files, {
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    types: [],
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.es2022.d.ts", "lib.dom.d.ts", "lib.esnext.disposable.d.ts"],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    paths: {
      [PACKAGE]: [path.join(ROOT, "index.d.ts")],
      [`${PACKAGE}/testing`]: [path.join(ROOT, "testing.d.ts")],
    },
    baseUrl: directory,
  });
  return ts.getPreEmitDiagnostics(program).map((diagnostic) => {
    const { file, start = 0 } = diagnostic;
    const where = file
      ? `${path.basename(file.fileName)}:${file.getLineAndCharacterOfPosition(start).line + 1}: `
      : "";
    return where + ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n");
  });
}

module.exports = { PACKAGE, ROOT, checkTypes, extractBlocks, writeProgram };
