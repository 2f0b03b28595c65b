"use strict";

const { name } = require("../../package.json");
const { DATABASE, DATABASE_HELP, withRepository } = require("./arguments.js");
const { interruptible } = require("./interrupt.js");
const { bar, columns, counted, out, plain, table } = require("./output.js");

/** How wide bars are, and on a narrow terminal. */
const [BAR, NARROW_BAR] = [20, 8];
const NARROW_COLUMNS = 60;

const help = `Lists the tenants, with the number of their records.

${DATABASE_HELP}

Examples:
  npx ${name} tenants ./data/users
  npx ${name} tenants ./data/shop --name orders --json`;

/**
 * The tenants, in stored order.
 * @param {import("../repository.js").LMDBXRepository} repository
 * @param {AbortSignal} signal
 */
async function countTenants(repository, signal) {
  const rows = [];
  for (const tenant of await repository.tenants()) {
    rows.push({ tenant, records: await repository.count(tenant, { signal }) });
  }
  return rows;
}

/** @param {{ tenant: string, records: number }[]} rows */
function tenantTable(rows) {
  const most = rows.reduce((soFar, { records }) => Math.max(soFar, records), 0);
  const size = columns() < NARROW_COLUMNS ? NARROW_BAR : BAR;
  const cells = rows.map(({ tenant, records }) => {
    return [plain(tenant), records, bar(records / most, size)];
  });
  return table(["tenant", "records", ""], cells);
}

async function run([path], values) {
  const rows = await interruptible((signal) =>
    withRepository(path, values, (repository) => countTenants(repository, signal)),
  );
  if (values.json) {
    for (const row of rows) out(JSON.stringify(row));
    return;
  }
  if (rows.length > 0) out(`${tenantTable(rows)}\n`);
  const total = rows.reduce((sum, { records }) => sum + records, 0);
  out(`${counted(rows.length, "tenant")}, ${counted(total, "record")}`);
}

module.exports = {
  ...{ countTenants, tenantTable },
  name: "tenants",
  summary: "list the tenants, with the number of their records",
  usage: "<path> [options]",
  positionals: [1, 1],
  options: DATABASE,
  help,
  run,
};
