"use strict";

const { name } = require("../../package.json");
const { DATABASE, DATABASE_HELP, withRepository } = require("./arguments.js");
const { bar, number, out, plain, table } = require("./output.js");

const help = `Lists the tenants, with the number of their records.

${DATABASE_HELP}

Examples:
  npx ${name} tenants ./data/users
  npx ${name} tenants ./data/shop --name orders --json`;

async function run([path], values) {
  const rows = await withRepository(path, values, async (repository) => {
    const counted = [];
    for (const tenant of await repository.tenants()) {
      counted.push({ tenant, records: await repository.count(tenant) });
    }
    return counted;
  });
  if (values.json) {
    for (const row of rows) out(JSON.stringify(row));
    return;
  }
  const most = Math.max(...rows.map(({ records }) => records));
  const cells = rows.map(({ tenant, records }) => [
    plain(tenant),
    records,
    bar(records / most, 20),
  ]);
  if (rows.length > 0) out(`${table(["tenant", "records", ""], cells)}\n`);
  const total = rows.reduce((sum, { records }) => sum + records, 0);
  out(`${number(rows.length)} tenants, ${number(total)} records`);
}

module.exports = {
  name: "tenants",
  summary: "list the tenants, with the number of their records",
  usage: "<path> [options]",
  positionals: [1, 1],
  options: DATABASE,
  help,
  run,
};
