"use strict";
// backup(): a copy of one moment, that is there whole or not at all, and that nobody has to wait for.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { pathToFileURL } = require("node:url");

const { runToEnd } = require("./support/program.js");
const { rejection, using } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

const TIMEOUT = { timeout: patient(60_000) };
const MIB = 1024 * 1024;
/** Much longer than a part of a backup takes, also on a slow disk. */
const SOON = { timeout: patient(30_000) };

/** Fills a database so that a backup of it takes several parts. */
async function fill(repository, megabytes = 48) {
  const puts = Array.from({ length: megabytes }, (_, i) =>
    repository.put("large", i, Buffer.alloc(MIB, i)),
  );
  await Promise.all(puts);
}

const counter = (i) => `counter-${String(i * 1000).padStart(6, "0")}`;

/** What lies in a directory under names of unfinished backups. */
const partials = (directory) => fs.readdirSync(directory).filter((name) => name.includes(".partial."));

describe("a backup", () => {
  test(
    "is a database of this package with all that was there, in every named database",
    using(async (open, directory) => {
      const main = open({ path: path.join(directory, "data") });
      const orders = open({ path: path.join(directory, "data"), name: "orders", encoding: "json" });
      await Promise.all([main.put("t", 1, new Date(5)), orders.put("t", 2, { total: 30 })]);
      const target = path.join(directory, "backups", "monday");
      assert.equal(await main.backup(target), undefined);
      assert.deepEqual(fs.readdirSync(target), ["data.mdb"]);
      assert.deepEqual(partials(path.dirname(target)), []);
      const copy = open({ path: target });
      const copiedOrders = open({ path: target, name: "orders", encoding: "json" });
      assert.deepEqual(await copy.get("t", 1), new Date(5));
      assert.deepEqual(await copy.list("t"), [1]);
      assert.deepEqual(await copiedOrders.get("t", 2), { total: 30 });
      await copy.put("t", 3, "written");
      assert.equal(await main.get("t", 3), undefined, "the copy is a database of its own");
      const { entries, fileSize } = await copy.stats();
      assert.equal(entries, 2);
      assert.ok(fileSize > 0);
    }),
  );

  test(
    "holds all that was asked for before it, awaited or not, also while opening",
    using(async (open, directory) => {
      const repository = open({ path: path.join(directory, "data") });
      for (let i = 0; i < 100; i++) repository.put("t", i, i);
      await repository.backup(path.join(directory, "copy"));
      assert.equal((await open({ path: path.join(directory, "copy") }).list("t")).length, 100);
    }),
  );

  for (const compact of [false, true]) {
    test(
      `is of one moment while writing goes on, with compact: ${compact}`,
      TIMEOUT,
      using(async (open, directory) => {
        const COUNTERS = 20;
        const data = path.join(directory, "data");
        const repository = open({ path: data });
        const rest = Array.from({ length: 20_000 }, (_, i) =>
          repository.put("t", `counter-${String(i).padStart(6, "0")}`, 0),
        );
        await Promise.all([...rest, fill(repository, 20)]);
        let writing = true;
        const write = async () => {
          for (let n = 1; writing; n++) {
            for (let i = 0; i < COUNTERS; i++) await repository.put("t", counter(i), n);
          }
        };
        const writer = write();
        for (let round = 0; round < 3; round++) {
          const target = path.join(directory, `copy-${round}`);
          await repository.backup(target, { compact });
          const copy = open({ path: target });
          const keys = Array.from({ length: COUNTERS }, (_, i) => counter(i));
          const values = await Promise.all(keys.map((key) => copy.get("t", key)));
          const [first, last] = [values[0], values[COUNTERS - 1]];
          assert.ok(first - last === 0 || first - last === 1, `of several moments: ${values}`);
          values.forEach((value, i) => assert.ok(i === 0 || value <= values[i - 1], `${values}`));
          assert.equal((await copy.list("t")).length, 20_000);
          assert.deepEqual(await copy.get("large", 7), Buffer.alloc(MIB, 7));
        }
        writing = false;
        await writer;
      }),
    );
  }

  test(
    "cuts no batch in two, and takes checkpoints along",
    TIMEOUT,
    using(async (open, directory) => {
      const repository = open({ path: path.join(directory, "data") });
      await fill(repository, 20);
      let writing = true;
      const write = async () => {
        for (let n = 1; writing; n++) {
          const put = (key) => ({ type: "put", tenantId: "t", key, value: n });
          const checkpoint = { name: "worker", position: n };
          await repository.batch([put("first"), put("zweiter")], { checkpoint });
        }
      };
      const writer = write();
      for (const compact of [false, true]) {
        const target = path.join(directory, `copy-${compact}`);
        await repository.backup(target, { compact });
        const copy = open({ path: target });
        const first = await copy.get("t", "first");
        assert.equal(await copy.get("t", "zweiter"), first);
        assert.equal(await copy.getCheckpoint("worker"), first);
      }
      writing = false;
      await writer;
    }),
  );

  test(
    "is smaller with compact where pages are free",
    using(async (open, directory) => {
      const repository = open({ path: path.join(directory, "data") });
      await fill(repository, 10);
      await Promise.all(Array.from({ length: 9 }, (_, i) => repository.delete("large", i)));
      await repository.backup(path.join(directory, "plain"));
      await repository.backup(path.join(directory, "compact"), { compact: true });
      const size = (name) => fs.statSync(path.join(directory, name, "data.mdb")).size;
      assert.ok(size("plain") > 10 * MIB);
      assert.ok(size("compact") < 2 * MIB);
      const copy = open({ path: path.join(directory, "compact") });
      assert.deepEqual(await copy.get("large", 9), Buffer.alloc(MIB, 9));
      assert.equal((await copy.stats()).freeSize, 0);
    }),
  );

  test(
    "of an empty database is one",
    using(async (open, directory) => {
      for (const compact of [false, true]) {
        const target = path.join(directory, `copy-${compact}`);
        await open({ path: path.join(directory, "data") }).backup(target, { compact });
        assert.deepEqual(await open({ path: target }).list("t"), []);
      }
    }),
  );

  test(
    "can be taken by a repository that only reads, of what others write, several at once",
    using(async (open, directory) => {
      const data = path.join(directory, "data");
      await fill(open({ path: data }), 20);
      const reading = open({ path: data, readOnly: true });
      const targets = ["a", "b", "c"].map((name) => path.join(directory, name));
      await Promise.all(targets.map((target) => reading.backup(target)));
      for (const target of targets) {
        assert.deepEqual(await open({ path: target }).get("large", 19), Buffer.alloc(MIB, 19));
      }
    }),
  );

  test(
    "tells its progress",
    using(async (open, directory) => {
      const repository = open({ path: path.join(directory, "data") });
      await fill(repository);
      const target = path.join(directory, "copy");
      const seen = [];
      await repository.backup(target, { onProgress: (progress) => seen.push(progress) });
      assert.ok(seen.length >= 3, `${seen.length} times`);
      seen.forEach(({ bytes }, i) => assert.ok(i === 0 || bytes >= seen[i - 1].bytes));
      const { size } = fs.statSync(path.join(target, "data.mdb"));
      assert.deepEqual(seen.at(-1), { bytes: size, total: size });
      assert.ok(seen[0].total >= size);
      const compact = [];
      const onProgress = (progress) => compact.push(progress);
      await repository.backup(path.join(directory, "compact"), { compact: true, onProgress });
      assert.ok(compact.length >= 3);
      assert.deepEqual(Object.keys(compact[0]), ["bytes"], "how much it will be is not known");
      assert.equal(compact.at(-1).total, compact.at(-1).bytes);
      seen.slice(0, -1).forEach(({ bytes, total }) => assert.ok(bytes <= total));
    }),
  );
});

describe("a backup that cannot be", () => {
  const obstacles = {
    "an empty directory": (target) => fs.mkdirSync(target),
    "a file": (target) => fs.writeFileSync(target, "mine"),
    "a link that leads nowhere": (target) => fs.symlinkSync("nowhere", target),
  };
  for (const [what, make] of Object.entries(obstacles)) {
    test(
      `is refused where ${what} is, which stays`,
      using(async (open, directory) => {
        const repository = open({ path: path.join(directory, "data") });
        const target = path.join(directory, "copy");
        make(target);
        const before = fs.lstatSync(target).ino;
        const error = await rejection(repository.backup(target));
        assert.equal(error.code, "LMDBX_EXISTS");
        assert.ok(error.message.includes(target), error.message);
        assert.equal(fs.lstatSync(target).ino, before);
        assert.deepEqual(partials(directory), []);
      }),
    );
  }

  test(
    "is refused where the database itself lies",
    using(async (open, directory) => {
      const repository = open();
      await assert.rejects(repository.backup(directory), { code: "LMDBX_EXISTS" });
    }),
  );

  test(
    "is refused where a file is in the way of its parents",
    using(async (open, directory) => {
      const repository = open({ path: path.join(directory, "data") });
      fs.writeFileSync(path.join(directory, "file"), "");
      const target = path.join(directory, "file", "copy");
      await assert.rejects(repository.backup(target), { code: "LMDBX_NOT_A_DIRECTORY" });
    }),
  );

  test(
    "takes a file: URL, and refuses what is no path or option",
    using(async (open, directory) => {
      const repository = open({ path: path.join(directory, "data") });
      await repository.backup(pathToFileURL(path.join(directory, "copy")));
      assert.ok(fs.existsSync(path.join(directory, "copy", "data.mdb")));
      const target = path.join(directory, "other");
      const wrong = [
        [undefined],
        [""],
        ["a\0b"],
        [new URL("http://example.org")],
        [target, null],
        [target, { compact: "yes" }],
        [target, { onProgress: 1 }],
        [target, { signal: {} }],
      ];
      for (const args of wrong) {
        const refused = { name: "TypeError", code: "LMDBX_INVALID_ARGUMENT" };
        await assert.rejects(repository.backup(...args), refused, JSON.stringify(args));
      }
      assert.ok(!fs.existsSync(target));
    }),
  );

  test(
    "rejects where the repository is closed or could not be opened",
    using(async (open, directory) => {
      const closed = open({ path: path.join(directory, "data") });
      await closed.close();
      const failed = open({ path: path.join(directory, "none"), readOnly: true });
      const target = path.join(directory, "copy");
      await assert.rejects(closed.backup(target), { code: "LMDBX_CLOSED" });
      await assert.rejects(failed.backup(target), { code: "LMDBX_NOT_FOUND" });
      assert.ok(!fs.existsSync(target));
    }),
  );
});

describe("a backup that is given up", () => {
  /** Runs `body(repository, target)` on a large database, and sees that nothing is left. */
  const leavesNothing = (body) =>
    using(async (open, directory) => {
      const repository = open({ path: path.join(directory, "data") });
      await fill(repository);
      const target = path.join(directory, "copy");
      await body(repository, target, open);
      assert.deepEqual(fs.readdirSync(directory), ["data"]);
    });

  test(
    "by a signal in the middle leaves nothing, and the repository goes on",
    leavesNothing(async (repository, target) => {
      const controller = new AbortController();
      let parts = 0;
      const onProgress = () => {
        parts++;
        controller.abort();
      };
      const error = await rejection(
        repository.backup(target, { onProgress, signal: controller.signal }),
      );
      assert.equal(error, controller.signal.reason);
      assert.equal(parts, 1);
      await repository.put("t", 1, 1);
    }),
  );

  test(
    "by a signal at any other time leaves nothing",
    leavesNothing(async (repository, target) => {
      const reason = new Error("not now");
      const before = AbortSignal.abort(reason);
      assert.equal(await rejection(repository.backup(target, { signal: before })), reason);
      const controller = new AbortController();
      const backup = repository.backup(target, { signal: controller.signal });
      controller.abort(reason);
      assert.equal(await rejection(backup), reason);
      await repository.close(); // what was begun meanwhile has been undone
    }),
  );

  for (const compact of [false, true]) {
    for (const what of ["an exception", "a signal", "close()"]) {
      test(
        `by ${what} in the last call of onProgress leaves nothing, with compact: ${compact}`,
        leavesNothing(async (repository, target) => {
          const reason = new Error("on purpose");
          const controller = new AbortController();
          let closing;
          const ways = {
            "an exception": () => {
              throw reason;
            },
            "a signal": () => controller.abort(reason),
            "close()": () => (closing = repository.close()),
          };
          let lastCalls = 0;
          const onProgress = ({ bytes, total }) => {
            if (bytes !== total) return;
            lastCalls++;
            assert.ok(!fs.existsSync(target));
            ways[what]();
          };
          const { signal } = controller;
          const error = await rejection(repository.backup(target, { compact, onProgress, signal }));
          if (closing === undefined) assert.equal(error, reason);
          else assert.equal(error.code, "LMDBX_CLOSED");
          assert.equal(lastCalls, 1);
          await closing;
        }),
      );
    }
  }

  test(
    "too late, when it has got its name, is taken all the same",
    using(async (open, directory) => {
      const repository = open({ path: path.join(directory, "data") });
      const target = path.join(directory, "copy");
      const controller = new AbortController();
      const onProgress = ({ bytes, total }) => {
        if (bytes === total) setImmediate(() => controller.abort());
      };
      await repository.backup(target, { onProgress, signal: controller.signal });
      assert.ok(fs.existsSync(path.join(target, "data.mdb")));
    }),
  );

  test(
    "by an exception of onProgress leaves nothing, and rejects with it",
    leavesNothing(async (repository, target) => {
      const reason = new Error("on purpose");
      const onProgress = () => {
        throw reason;
      };
      assert.equal(await rejection(repository.backup(target, { onProgress })), reason);
    }),
  );

  for (const compact of [false, true]) {
    test(
      `by close() leaves nothing, with compact: ${compact}`,
      leavesNothing(async (repository, target, open) => {
        let closing;
        const onProgress = () => (closing ??= repository.close());
        await assert.rejects(repository.backup(target, { compact, onProgress }), {
          code: "LMDBX_CLOSED",
        });
        await closing;
        const again = open({ path: path.join(path.dirname(target), "data") });
        assert.deepEqual(await again.get("large", 3), Buffer.alloc(MIB, 3));
      }),
    );
  }

  test(
    "by close() at once leaves nothing",
    leavesNothing(async (repository, target) => {
      const backup = rejection(repository.backup(target));
      await repository.close();
      assert.equal((await backup).code, "LMDBX_CLOSED");
    }),
  );

  const ends = {
    "process.exit": { code: 3, signal: null, late: false },
    "an uncaught exception": { code: 1, signal: null, late: false },
    "worker.terminate": { code: 0, signal: null, late: false },
  };
  /** Runs a program that ends in the middle of a backup: what lies there afterwards. */
  const endIn = async (open, directory, expected, args) => {
    const data = path.join(directory, "data");
    const repository = open({ path: data });
    await fill(repository);
    await repository.close();
    const target = path.join(directory, "copy");
    const { stdout, stderr, ...end } = await runToEnd(
      "backing-up",
      { path: data, target, ...args },
      SOON,
    );
    assert.deepEqual(end, expected, stderr);
    assert.equal(stdout, '"under way"\n');
    const left = fs.readdirSync(directory);
    await open({ path: data }).backup(target);
    assert.deepEqual(await open({ path: target }).get("large", 5), Buffer.alloc(MIB, 5));
    return left;
  };
  for (const [way, expected] of Object.entries(ends)) {
    for (const compact of [false, true]) {
      for (const inPart of [false, true]) {
        const when = inPart ? "while a part is under way" : "between two parts";
        test(
          `by ${way} ${when} ends soon and leaves nothing, with compact: ${compact}`,
          TIMEOUT,
          using(async (open, directory) => {
            const left = await endIn(open, directory, expected, { way, compact, inPart });
            assert.deepEqual(left, ["data"]);
          }),
        );
      }
    }
  }

  test(
    "by SIGKILL leaves no target",
    TIMEOUT,
    using(async (open, directory) => {
      const expected = { code: null, signal: "SIGKILL", late: false };
      const left = await endIn(open, directory, expected, { way: "SIGKILL", compact: false });
      for (const name of left) assert.match(name, /^data$|^copy\.partial\./);
    }),
  );
});

describe("what a killed backup left", () => {
  test(
    "is removed ten minutes on by the next backup to the same target, and nothing else is",
    using(async (open, directory) => {
      const repository = open({ path: path.join(directory, "data") });
      const old = new Date(Date.now() - 11 * 60 * 1000);
      const make = (name, time) => {
        const partial = path.join(directory, name);
        fs.mkdirSync(partial);
        fs.writeFileSync(path.join(partial, "data.mdb"), "half");
        fs.utimesSync(path.join(partial, "data.mdb"), time, time);
      };
      make("copy.partial.1.1", old);
      make("copy.partial.1.2", new Date());
      make("other.partial.1.1", old);
      make("copy.part", old);
      fs.mkdirSync(path.join(directory, "copy.partial.1.3"));
      fs.utimesSync(path.join(directory, "copy.partial.1.3"), old, old);
      make("elsewhere", old);
      const link = path.join(directory, "copy.partial.1.4");
      fs.symlinkSync(path.join(directory, "elsewhere"), link);
      fs.lutimesSync(link, old, old);
      const others = ["copy.partial.2024", "copy.partial.1.2x", "copy.partial.1.", "copy.partial..1"];
      for (const name of others) make(name, old);
      await repository.backup(path.join(directory, "copy"));
      assert.deepEqual(fs.readdirSync(directory).sort(), [
        "copy",
        "copy.part",
        "copy.partial..1",
        "copy.partial.1.",
        "copy.partial.1.2",
        "copy.partial.1.2x",
        "copy.partial.1.4",
        "copy.partial.2024",
        "data",
        "elsewhere",
        "other.partial.1.1",
      ]);
      for (const name of [...others, "elsewhere"]) {
        assert.equal(fs.readFileSync(path.join(directory, name, "data.mdb"), "utf8"), "half");
      }
    }),
  );
});
