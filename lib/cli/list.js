"use strict";

const { inspect } = require("node:util");
const { name } = require("../../package.json");
const { DATABASE, DATABASE_HELP, KEY_HELP, readKey, withRepository } = require("./arguments.js");
const { UsageError } = require("./exit.js");
const { out, plain } = require("./output.js");
const { TAGS_HELP, toTagged } = require("./tagged.js");

const help = `Lists the keys of a tenant in stored order, that of the bytes of their JSON: a key a line.

${KEY_HELP}
--json prints {"key":...} a line, with --values {"key":...,"value":...}. ${TAGS_HELP}

  --gt K, --gte K  only keys after K, or from K on
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

async function run([path, tenant], values) {
  const range = readRange(values);
  await withRepository(path, values, async (repository) => {
    if (!values.values) {
      for await (const key of repository.keys(tenant, range)) {
        out(values.json ? JSON.stringify({ key }) : plain(JSON.stringify(key)));
      }
      return;
    }
    for await (const [key, value] of repository.entries(tenant, range)) {
      if (values.json) out(JSON.stringify({ key, value: toTagged(value) }));
      else
        out(
          `${plain(JSON.stringify(key))}  ${inspect(value, { depth: 6, breakLength: Infinity, colors: process.stdout.isTTY })}`,
        );
    }
  });
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
