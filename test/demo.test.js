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
const { CHECKPOINT, readModels, run } = require("../examples/github-projection/worker");

const { patient } = require("./support/timeout.js");

const MAIN = path.join(__dirname, "../examples/github-projection/main.js");
const CRASH = path.join(__dirname, "../examples/github-projection/crash.js");
const DELIVERIES = 329;
const TIMEOUT = { timeout: patient(120_000) };

function temporaryDirectory() {
  return fs.mkdtempSync(path.join(os.tmpdir(), "lmdbx-demo-"));
}

/** Runs a program of the demo as users do. */
function runProgram(...args) {
  return new Promise((resolve) => {
    execFile(process.execPath, args, (error, stdout, stderr) =>
      resolve({ code: error ? error.code : 0, stdout, stderr }),
    );
  });
}
const runMain = (...args) => runProgram(MAIN, ...args);

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
      assert.match(stdout, /^329 deliveries in \d+\.\d+ s: \d+ records read and written in \d+/m);
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

test("a worker that fails before or after any commit gets the same records", TIMEOUT, async () => {
  const directory = temporaryDirectory();
  const { deliveries } = readDeliveries();
  const clean = new LMDBXRepository({ path: path.join(directory, "clean") });
  const broken = new LMDBXRepository({ path: path.join(directory, "broken") });
  try {
    await run(clean, deliveries, { batchSize: 32 });

    // Lets some commits through, then fails: before one, or right after it.
    let failures = 0;
    for (let round = 0, finished = false; !finished; round++) {
      let left = round % 4;
      const failing = {
        getCheckpoint: (name) => broken.getCheckpoint(name),
        transaction: async (...args) => {
          const last = left-- === 0;
          if (last && round % 2 === 0) throw new Error("died before it");
          const result = await broken.transaction(...args);
          if (last) throw new Error("died after it");
          return result;
        },
      };
      try {
        ({ finished } = await run(failing, deliveries, { batchSize: 7 + (round % 19) }));
      } catch (error) {
        assert.match(error.message, /^died (before|after) it$/);
        failures += 1;
      }
    }
    assert.ok(failures >= 5, `failed ${failures} times`);
    assert.deepEqual(await readModels(broken), await readModels(clean));
  } finally {
    await Promise.all([clean.close(), broken.close()]);
    fs.rmSync(directory, { recursive: true, force: true });
  }
});

test("a second worker on the same data is refused, and nothing is counted twice", TIMEOUT, async () => {
  const data = temporaryDirectory();
  const [repository, other] = [1, 2].map(() => new LMDBXRepository({ path: data }));
  try {
    const { deliveries } = readDeliveries();
    const workers = [repository, other].map((each) => run(each, deliveries, { batchSize: 16 }));
    const results = await Promise.allSettled(workers);
    const refused = results.filter(({ status }) => status === "rejected");
    assert.equal(refused.length, 1);
    assert.equal(refused[0].reason.code, "LMDBX_CONFLICT");
    assert.equal(await repository.getCheckpoint(CHECKPOINT), DELIVERIES);
    const account = await repository.get("Codertocat", ["account"]);
    assert.equal(account.deliveries, countInput().owners.Codertocat);
  } finally {
    await Promise.all([repository.close(), other.close()]);
    fs.rmSync(data, { recursive: true, force: true });
  }
});

test("a worker that is killed at random moments ends with the same read models", TIMEOUT, async (t) => {
  const { code, stdout, stderr } = await runProgram(CRASH, "--kills", "5");
  t.diagnostic?.(stdout);
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /--seed \d+/);
  const [, kills, amid] = /^Killed (\d+) times, (\d+) of them amid its deliveries\.$/m.exec(stdout);
  assert.ok(Number(amid) >= 1 && Number(kills) >= Number(amid), stdout);
  assert.match(stdout, /^After \d+ deliveries, all \d+ records are as if nobody had killed it\.$/m);
});

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
