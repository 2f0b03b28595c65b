"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { name } = require("../../package.json");
const { withRepository } = require("./arguments.js");
const { interruptible } = require("./interrupt.js");
const { bytes, duration, finishAnyway, out } = require("./output.js");
const { Progress } = require("./progress.js");

const help = `Copies a database, with all its named ones, to a new directory, as it is at one moment. It
may be in use: readers and writers go on meanwhile, and the file grows, since what they replace
cannot be used again before the end. The copy appears when it is complete.

  --compact        leave free pages out: smaller, but slower

Examples:
  npx ${name} copy ./data/users ./backup/users-2024-01-01
  npx ${name} copy ./data/users ./data/users-smaller --compact`;

const options = { compact: { type: "boolean" } };

/** What a backup works in, beside the target. */
function leftovers([, target]) {
  const { dir, base } = path.parse(path.resolve(target));
  return (pid) => {
    const begin = `${base}.partial.${pid}.`;
    const found = fs.readdirSync(dir).filter((each) => each.startsWith(begin));
    return found.map((each) => path.join(dir, each));
  };
}

async function run([directory, target], values) {
  const started = Date.now();
  const progress = new Progress({ unit: "bytes" });
  let size = 0;
  finishAnyway();
  await interruptible((signal) =>
    withRepository(directory, {}, (repository) =>
      repository.backup(target, {
        compact: values.compact ?? false,
        signal,
        onProgress: ({ bytes: done, total }) => {
          size = done;
          progress.show("copying", done, total);
        },
      }),
    ),
  ).finally(() => progress.clear());
  const milliseconds = Date.now() - started;
  if (values.json) out(JSON.stringify({ type: "report", path: target, bytes: size, milliseconds }));
  else out(`${bytes(size)} copied to ${target} in ${duration(milliseconds)}`);
}

module.exports = {
  ...{ leftovers },
  name: "copy",
  summary: "copy a database, which may be in use, to a new directory",
  usage: "<path> <new> [options]",
  positionals: [2, 2],
  options,
  help,
  run,
};
