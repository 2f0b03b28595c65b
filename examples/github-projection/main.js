"use strict";
// A projection worker over real webhook deliveries. See README.md beside this file.

const fs = require("node:fs");
const path = require("node:path");
const { parseArgs } = require("node:util");

const USAGE = `Usage: main.js [--data <directory>] [--batch <deliveries>]

Folds the webhook deliveries of @octokit/webhooks-examples into read models.
  --data <directory>   where the records are kept (default: data, beside main.js)
  --batch <number>     deliveries per batch, 1 to 10000 (default: 32)
  --help               print this`;

const MOST_ACTIVE = 10;

/** A mistake of the caller, told in one sentence. */
class UsageError extends Error {}

function readArguments(args) {
  let values;
  try {
    ({ values } = parseArgs({
      args,
      options: {
        data: { type: "string", default: path.join(__dirname, "data") },
        batch: { type: "string", default: "32" },
        help: { type: "boolean", default: false },
      },
    }));
  } catch (error) {
    throw new UsageError(`${error.message}. Try --help.`);
  }
  const batchSize = Number(values.batch);
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > 10000) {
    throw new UsageError(`--batch must be a whole number from 1 to 10000, not "${values.batch}".`);
  }
  if (values.data === "") throw new UsageError("--data must name a directory.");
  return { data: path.resolve(values.data), batchSize, help: values.help };
}

function readInput() {
  const { readDeliveries } = require("./deliveries");
  try {
    return readDeliveries();
  } catch (error) {
    if (error.code !== "MODULE_NOT_FOUND") throw error;
    throw new UsageError(
      "The deliveries come from the npm package @octokit/webhooks-examples, which is not " +
        'installed. Run "npm install" in the root of the project.',
    );
  }
}

/** A line on the terminal that is overwritten; elsewhere a line every two seconds. */
function progressReporter(total) {
  const { stderr } = process;
  let last = performance.now();
  return {
    show(done) {
      if (stderr.isTTY) {
        stderr.write(`\r${done} of ${total} deliveries`);
      } else if (performance.now() - last > 2000) {
        last = performance.now();
        stderr.write(`${done} of ${total} deliveries\n`);
      }
    },
    clear() {
      if (stderr.isTTY) stderr.write("\r\x1b[K");
    },
  };
}

async function printTables(repository, tenants) {
  const { bar, table } = require("./table");
  const accounts = [];
  const repositories = [];
  for (const login of tenants) {
    // A view can only name its own tenant's keys.
    const view = repository.tenant(login);
    const [account, keys] = await Promise.all([view.get(["account"]), view.list()]);
    const count = (kind) => keys.filter((key) => key[0] === kind).length;
    accounts.push({
      login,
      deliveries: account.deliveries,
      kinds: Object.keys(account.events).length,
      repositories: count("repository"),
      issues: count("issue"),
      pullRequests: count("pull_request"),
    });
    const names = keys.filter((key) => key[0] === "repository").map((key) => key[1]);
    const records = names.map(async (name) => ({
      fullName: `${login}/${name}`,
      ...(await view.get(["repository", name])),
    }));
    repositories.push(...(await Promise.all(records)));
  }
  const byDeliveries = (a, b) => b.deliveries - a.deliveries;
  accounts.sort(byDeliveries);
  repositories.sort(byDeliveries);
  const top = repositories.slice(0, MOST_ACTIVE);

  const busiest = accounts[0].deliveries;
  console.log(`Tenants (${accounts.length})\n`);
  console.log(
    table(
      ["tenant", "deliveries", "", "kinds", "repositories", "issues", "pull requests"],
      accounts.map((each) => [
        each.login,
        each.deliveries,
        bar(each.deliveries, busiest),
        each.kinds,
        each.repositories,
        each.issues,
        each.pullRequests,
      ]),
    ),
  );
  console.log(`\nMost active repositories (${top.length} of ${repositories.length})\n`);
  console.log(
    table(
      [
        "repository",
        "deliveries",
        "",
        "language",
        "stars",
        "forks",
        "open issues",
        "last activity",
      ],
      top.map((each) => [
        each.fullName,
        each.deliveries,
        bar(each.deliveries, top[0].deliveries),
        each.language ?? "-",
        each.stars,
        each.forks,
        each.openIssues,
        each.lastActivity?.toISOString().slice(0, 10) ?? "-",
      ]),
    ),
  );
}

function describeRun({ progress, deliveries, startedAt, finished }, total) {
  const number = (value) => value.toLocaleString("en-US");
  const sum = `${number(progress.processed)} deliveries in total`;
  if (!finished) {
    const done = `${number(progress.next)} of ${number(total)} deliveries`;
    return `Stopped after ${done} (${sum}); the next run goes on from there.`;
  }
  const first = progress.runs === 1;
  const which = first ? "First run on" : `Run ${number(progress.runs)}, continued on`;
  const sentences = [`${which} ${first ? "this data" : "the data of earlier runs"}: ${sum}.`];
  if (startedAt > 0) {
    sentences.push(
      `The run before had stopped after ${number(startedAt)} deliveries;`,
      `this one did the other ${number(deliveries)}.`,
    );
  }
  return sentences.join(" ");
}

function describeWork({ deliveries, records, batches }, seconds) {
  const work = `${records} records read and written in ${batches} transactions`;
  return `${deliveries} deliveries in ${seconds.toFixed(3)} s: ${work}, each on disk before the next.`;
}

async function main() {
  const { data, batchSize, help } = readArguments(process.argv.slice(2));
  if (help) {
    console.log(USAGE);
    return;
  }
  const { LMDBXRepository } = require("@aurora/runtime-storage-lmdbx");
  const { run } = require("./worker");
  const { deliveries, kinds, version } = readInput();
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  process.once("SIGTERM", () => stop.abort());

  const repository = new LMDBXRepository({ path: data });
  try {
    console.log(
      `Folding ${deliveries.length} webhook deliveries of ${kinds} kinds`,
      `(@octokit/webhooks-examples ${version})\n`,
    );
    const progress = progressReporter(deliveries.length);
    const begin = performance.now();
    const result = await run(repository, deliveries, {
      batchSize,
      signal: stop.signal,
      onProgress: progress.show,
    });
    const seconds = (performance.now() - begin) / 1000;
    progress.clear();

    const tenants = await repository.tenants();
    if (tenants.length > 0) await printTables(repository, tenants);
    console.log(`\n${describeWork(result, seconds)}`);
    console.log(describeRun(result, deliveries.length));
    const kilobytes = Math.ceil(fs.statSync(path.join(data, "data.mdb")).size / 1024);
    const near = path.relative(process.cwd(), data);
    const where = near.startsWith("..") ? data : near || ".";
    console.log(`The data lies in ${where} (${kilobytes.toLocaleString("en-US")} KiB).`);
  } finally {
    await repository.close();
  }
}

main().catch((error) => {
  // Errors of ours and of the repository say what to do; others are defects.
  const expected = error instanceof UsageError || String(error?.code).startsWith("LMDBX_");
  console.error(expected ? error.message : error);
  process.exitCode = 1;
});
