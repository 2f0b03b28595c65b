"use strict";
// examples/github-projection: what it prints, and that no delivery is lost or
// counted twice, however it ends.

const { test } = require("node:test");
const assert = require("node:assert/strict");
const { execFile, spawn } = require("node:child_process");
const { once } = require("node:events");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const { LMDBXRepository } = require("..");
const { readDeliveries } = require("../examples/github-projection/deliveries");
const { listTenants, readCursor, run } = require("../examples/github-projection/worker");

const MAIN = path.join(__dirname, "../examples/github-projection/main.js");
const DELIVERIES = 329;
const TIMEOUT = { timeout: 120_000 };

function temporaryDirectory() {
  return fs.mkdtempSync(path.join(os.tmpdir(), "lmdbx-demo-"));
}

/** Runs the worker as users do. */
function runMain(...args) {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], (error, stdout, stderr) =>
      resolve({ code: error ? error.code : 0, stdout, stderr }),
    );
  });
}

/** Deliveries per owner and per repository, counted from the package itself. */
function countInput() {
  const owners = {};
  const repositories = {};
  for (const { examples } of require("@octokit/webhooks-examples")) {
    for (const delivery of examples) {
      let owner = ".everybody";
      if (delivery.repository) owner = delivery.repository.owner.login;
      else if (delivery.organization) owner = delivery.organization.login;
      else if (delivery.installation?.account) owner = delivery.installation.account.login;
      else if (delivery.marketplace_purchase) owner = delivery.marketplace_purchase.account.login;
      else if (delivery.sponsorship) owner = delivery.sponsorship.sponsorable.login;
      else if (delivery.sender) owner = delivery.sender.login;
      owners[owner] = (owners[owner] ?? 0) + 1;
      if (delivery.repository) {
        const name = `${owner}/${delivery.repository.name}`;
        repositories[name] = (repositories[name] ?? 0) + 1;
      }
    }
  }
  return { owners, repositories };
}

/** The first two columns of the tables in what the worker printed. */
function readTables(stdout) {
  const rows = {};
  for (const line of stdout.split("\n")) {
    const row = /^(\S+) +([\d,]+) +█/.exec(line);
    if (row) rows[row[1]] = Number(row[2].replaceAll(",", ""));
  }
  return rows;
}

/** Every record of every tenant, as the worker left it. */
async function readAll(repository) {
  const records = {};
  for (const tenant of await listTenants(repository)) {
    for (const key of await repository.list(tenant)) {
      records[JSON.stringify([tenant, key])] = await repository.get(tenant, key);
    }
  }
  return records;
}

test("the demo counts every delivery once, and a second run continues", TIMEOUT, async () => {
  const data = temporaryDirectory();
  try {
    const { owners, repositories } = countInput();
    assert.equal(
      Object.values(owners).reduce((sum, count) => sum + count),
      DELIVERIES,
    );
    const top = Object.fromEntries(
      Object.entries(repositories)
        .sort(([, a], [, b]) => b - a)
        .slice(0, 10),
    );
    for (const round of [1, 2]) {
      const { code, stdout, stderr } = await runMain("--data", data);
      assert.equal(code, 0, stderr);
      const shown = readTables(stdout);
      for (const [owner, count] of Object.entries(owners)) {
        assert.equal(shown[owner], count * round, owner);
      }
      const shownCounts = Object.keys(shown).filter((name) => name.includes("/"));
      assert.equal(shownCounts.length, 10);
      assert.deepEqual(
        shownCounts.map((name) => shown[name]),
        Object.values(top).map((count) => count * round),
      );
      for (const name of shownCounts) assert.equal(shown[name], repositories[name] * round, name);
      assert.match(stdout, /^329 deliveries in \d+\.\d+ s: \d+ records read and \d+ written/m);
      assert.match(
        stdout,
        round === 1
          ? /^First run on this data: 329 deliveries in total\.$/m
          : /^Run 2, continued on the data of earlier runs: 658 deliveries in total\.$/m,
      );
    }
    assert.deepEqual(fs.readdirSync(data).sort(), ["data.mdb", "lock.mdb"]);
  } finally {
    fs.rmSync(data, { recursive: true, force: true });
  }
});

test("read models hold what the last delivery said", TIMEOUT, async () => {
  const data = temporaryDirectory();
  const repository = new LMDBXRepository({ path: data });
  try {
    await run(repository, readDeliveries().deliveries, { batchSize: 32 });
    const { repository: electron } = require("@octokit/webhooks-examples")
      .flatMap(({ examples }) => examples)
      .find((delivery) => delivery.repository?.full_name === "electron/electron");
    const record = await repository.get("electron", ["repository", "electron"]);
    assert.equal(record.stars, electron.stargazers_count);
    assert.equal(record.forks, electron.forks_count);
    assert.equal(record.openIssues, electron.open_issues_count);
    assert.ok(record.lastActivity instanceof Date);

    // The last delivery about the pull request says "unresolved", on a thread.
    const pull = await repository.get("Codertocat", ["pull_request", "Hello-World", 2]);
    assert.equal(pull.title, "Update the README with new information.");
    assert.equal(pull.state, "open");
    assert.equal(pull.events["pull_request_review_thread.unresolved"], 1);
    // A transferred issue has left its repository.
    assert.equal(await repository.has("octo-org", ["issue", "octo-repo", 1]), false);
  } finally {
    await repository.close();
    fs.rmSync(data, { recursive: true, force: true });
  }
});

test(
  "a worker that fails at any write and starts again gets the same records",
  TIMEOUT,
  async () => {
    const directory = temporaryDirectory();
    const { deliveries } = readDeliveries();
    const clean = new LMDBXRepository({ path: path.join(directory, "clean") });
    const broken = new LMDBXRepository({ path: path.join(directory, "broken") });
    try {
      await run(clean, deliveries, { batchSize: 32 });

      // Lets ever more writes through before one fails, and all after it.
      let failures = 0;
      for (let allowed = 0, finished = false; !finished; allowed += 7) {
        let left = allowed;
        const failing = {
          get: (...args) => broken.get(...args),
          put: async (...args) => {
            if (left-- <= 0) throw new Error("died here");
            await broken.put(...args);
          },
          delete: async (...args) => {
            if (left-- <= 0) throw new Error("died here");
            await broken.delete(...args);
          },
        };
        try {
          ({ finished } = await run(failing, deliveries, { batchSize: 16 + (allowed % 19) }));
        } catch (error) {
          assert.equal(error.message, "died here");
          failures += 1;
        }
      }
      assert.ok(failures >= 5, `failed ${failures} times`);
      assert.deepEqual(await readAll(broken), await readAll(clean));
      assert.deepEqual(await readCursor(broken), await readCursor(clean));
    } finally {
      await Promise.all([clean.close(), broken.close()]);
      fs.rmSync(directory, { recursive: true, force: true });
    }
  },
);

test("a worker that is killed loses and doubles nothing", TIMEOUT, async () => {
  const data = temporaryDirectory();
  try {
    for (let round = 0; round < 4; round++) {
      const child = spawn(process.execPath, [MAIN, "--data", data, "--batch", "1"], {
        stdio: ["ignore", "pipe", "ignore"],
      });
      const exited = once(child, "exit");
      await once(child.stdout, "data");
      // Any moment will do: what follows must hold for every one.
      setTimeout(() => child.kill("SIGKILL"), Math.random() * 150);
      await exited;
    }
    const { code, stdout, stderr } = await runMain("--data", data);
    assert.equal(code, 0, stderr);
    const runs = Number(/^Run (\d+)|^First run/m.exec(stdout)[1] ?? 1);
    assert.match(
      stdout,
      new RegExp(`${(runs * DELIVERIES).toLocaleString("en-US")} deliveries in total`),
    );
    const shown = readTables(stdout);
    for (const [owner, count] of Object.entries(countInput().owners)) {
      assert.equal(shown[owner], count * runs, owner);
    }
  } finally {
    fs.rmSync(data, { recursive: true, force: true });
  }
});

test("SIGTERM ends it between two batches, and the next run does the rest", TIMEOUT, async () => {
  const data = temporaryDirectory();
  try {
    const child = spawn(process.execPath, [MAIN, "--data", data, "--batch", "1"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const exited = once(child, "exit");
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (chunk) => {
      if (stdout === "") child.kill("SIGTERM");
      stdout += chunk;
    });
    assert.deepEqual(await exited, [0, null]);
    const stopped = /^Stopped after (\d+) of 329 deliveries/m.exec(stdout);
    assert.ok(stopped, stdout);

    const rest = await runMain("--data", data);
    assert.equal(rest.code, 0, rest.stderr);
    assert.match(
      rest.stdout,
      new RegExp(`^${DELIVERIES - Number(stopped[1])} deliveries in `, "m"),
    );
    assert.match(rest.stdout, /^First run on this data: 329 deliveries in total\./m);
  } finally {
    fs.rmSync(data, { recursive: true, force: true });
  }
});

test("mistakes are answered with a sentence", TIMEOUT, async () => {
  const directory = temporaryDirectory();
  try {
    const inTheWay = path.join(directory, "file");
    fs.writeFileSync(inTheWay, "not a directory");
    const cases = [
      [["--batch", "many"], /--batch must be a whole number/],
      [["--data", ""], /--data must name a directory/],
      [["--unknown"], /--unknown/],
      [["--data", inTheWay], new RegExp(inTheWay)],
    ];
    for (const [args, expected] of cases) {
      const { code, stderr } = await runMain(...args);
      assert.equal(code, 1);
      assert.match(stderr, expected);
      assert.doesNotMatch(stderr, /^ +at /m, "no stack");
    }
    assert.equal(fs.readFileSync(inTheWay, "utf8"), "not a directory");
    const help = await runMain("--help");
    assert.equal(help.code, 0);
    assert.match(help.stdout, /^Usage: /);
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
});
