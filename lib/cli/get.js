"use strict";

const buffer = require("node:buffer");
const { name } = require("../../package.json");
const { DATABASE, DATABASE_HELP, KEY_HELP, readKey, withRepository } = require("./arguments.js");
const { INCOMPLETE } = require("./exit.js");
const { inspected, note, out, plain } = require("./output.js");
const { TAGS_HELP, toLine } = require("./tagged.js");

const help = `Shows the value of one record.

${KEY_HELP}
--json prints {"tenant":...,"key":...,"value":...}. ${TAGS_HELP}

${DATABASE_HELP}

Exit code 1: there is no such record.

Examples:
  npx ${name} get ./data/users acme user:123
  npx ${name} get ./data/shop acme '["order",17]' --name orders --json`;

const WHOLE = { depth: Infinity, maxArrayLength: Infinity, maxStringLength: Infinity };

async function run([path, tenant, given], values) {
  const key = readKey(given);
  const value = await withRepository(path, values, (repository) => repository.get(tenant, key));
  if (value === undefined) {
    note(
      plain(
        `lmdbx: there is no record of tenant ${JSON.stringify(tenant)} with the key ${JSON.stringify(key)}`,
      ),
    );
    return INCOMPLETE;
  }
  if (values.json) out(toLine({ tenant, key, value }));
  else {
    buffer.INSPECT_MAX_BYTES = Infinity;
    out(inspected(value, WHOLE));
  }
  return undefined;
}

module.exports = {
  name: "get",
  summary: "show the value of one record",
  usage: "<path> <tenant> <key> [options]",
  positionals: [3, 3],
  options: DATABASE,
  help,
  run,
};
