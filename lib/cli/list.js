"use strict";

const { name } = require("../../package.json");
const { DATABASE, DATABASE_HELP, KEY_HELP, readKey, withRepository } = require("./arguments.js");
const { UsageError } = require("./exit.js");
const { interruptible } = require("./interrupt.js");
const { LineWriter } = require("./lines.js");
const { inspected, note, plain } = require("./output.js");
const { TAGS_HELP, toLine } = require("./tagged.js");

const help = `Lists the keys of a tenant in stored order, that of the bytes of their JSON: a key a line.

${KEY_HELP}
--json prints {"key":...} a line, with --values {"key":...,"value":...}. ${TAGS_HELP}
No keys are no failure; that the tenant has no records at all is said on standard error.

  --gt K, --gte K  only keys after K, or from K on; a K that begins with a minus sign: --gt=-5
  --lt K, --lte K  only keys before K, or up to K
  --prefix P       only string keys that begin with P, or array keys that begin with P's elements
  --reverse        from the last to the first
  --limit N        at most so many
  --values         the values, too
${DATABASE_HELP}

Examples:
  npx ${name} list ./data/users acme --limit 10
  npx ${name} list ./data/metrics acme --prefix '["cpu"]' --reverse --values
  npx ${name} list ./data/users acme --gte user:100 --lt user:200 --json`;

const options = {
  ...DATABASE,
  gt: { type: "string" },
  gte: { type: "string" },
  lt: { type: "string" },
  lte: { type: "string" },
  prefix: { type: "string" },
  reverse: { type: "boolean" },
  limit: { type: "string" },
  values: { type: "boolean" },
};

function readRange(values) {
  const range = {};
  for (const bound of ["gt", "gte", "lt", "lte", "prefix"]) {
    if (values[bound] !== undefined) range[bound] = readKey(values[bound]);
  }
  if (values.reverse) range.reverse = true;
  if (values.limit !== undefined) {
    if (!/^\d+$/.test(values.limit))
      throw new UsageError(`--limit: ${JSON.stringify(values.limit)} is no number`);
    range.limit = Number(values.limit);
  }
  return range;
}

/** Lines for keys, and for records. */
function linesFor({ json }) {
  if (json) {
    return {
      ofKey: (key) => JSON.stringify({ key }),
      ofRecord: ([key, value]) => toLine({ key, value }),
    };
  }
  const style = { depth: 6, breakLength: Infinity };
  const ofKey = (key) => plain(JSON.stringify(key));
  return { ofKey, ofRecord: ([key, value]) => `${ofKey(key)}  ${inspected(value, style)}` };
}

async function run([path, tenant], values) {
  const { ofKey, ofRecord } = linesFor(values);
  const given = readRange(values);
  const work = (signal) =>
    withRepository(path, values, async (repository) => {
      const writer = new LineWriter(undefined, signal);
      const range = { ...given, signal };
      const found = values.values
        ? repository.entries(tenant, range)
        : repository.keys(tenant, range);
      const toText = values.values ? ofRecord : ofKey;
      let isEmpty = true;
      for await (const each of found) {
        isEmpty = false;
        await writer.write(toText(each));
      }
      if (isEmpty && (await repository.list(tenant, { limit: 1, signal })).length === 0) {
        note(plain(`tenant ${JSON.stringify(tenant)} has no records`));
      }
    });
  await interruptible(work);
}

module.exports = {
  name: "list",
  summary: "list the keys of a tenant, or a range of them",
  usage: "<path> <tenant> [options]",
  positionals: [2, 2],
  options,
  help,
  run,
};
