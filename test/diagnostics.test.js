"use strict";
// The diagnostics channels: what subscribers are told, and that others notice nothing of it.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const { channel, tracingChannel } = require("node:diagnostics_channel");
const path = require("node:path");
const { Worker } = require("node:worker_threads");

const { LMDBXRepository } = require("..");
const addon = require("../lib/addon.js");
const { longestPut } = require("./support/limits.js");
const { rejection, using } = require("./support/temporary.js");

const COMMIT = "aurora:lmdbx:commit";
const OPERATION = "aurora:lmdbx:operation";
const EVENTS = ["start", "end", "asyncStart", "asyncEnd", "error"];

/** Runs a body while somebody listens; returns the commits that were told. */
async function commitsOf(body) {
  const told = [];
  const listen = (message, name) => {
    assert.equal(name, COMMIT);
    told.push(message);
  };
  channel(COMMIT).subscribe(listen);
  try {
    await body(told);
  } finally {
    channel(COMMIT).unsubscribe(listen);
  }
  return told;
}

/** The same for operations: [event, context] each. */
async function eventsOf(body, events = EVENTS) {
  const told = [];
  const handlers = Object.fromEntries(
    events.map((event) => [event, (context) => told.push([event, context])]),
  );
  tracingChannel(OPERATION).subscribe(handlers);
  try {
    await body();
  } finally {
    tracingChannel(OPERATION).unsubscribe(handlers);
  }
  return told;
}

/** Notes the calls of an object's methods, as [name, ...arguments], while a body runs. */
async function callsOf(object, names, body) {
  const calls = [];
  const before = names.map((name) => Object.getOwnPropertyDescriptor(object, name));
  for (const name of names) {
    // A channel has other methods once somebody has subscribed: those of its prototype then.
    const original = Object.hasOwn(object, name) ? object[name] : undefined;
    object[name] = function (...args) {
      calls.push([name, ...args]);
      return (original ?? Object.getPrototypeOf(object)[name]).apply(this, args);
    };
  }
  try {
    await body(calls);
  } finally {
    for (const [at, name] of names.entries()) {
      delete object[name];
      if (before[at] !== undefined) Object.defineProperty(object, name, before[at]);
    }
  }
  return calls;
}

describe("the commit channel", () => {
  test(
    "tells of each group of writes, with what was in it",
    using(async (open, directory) => {
      const repository = open();
      await repository.ready();
      const before = (await repository.stats()).commits;
      const told = await commitsOf(async () => {
        await repository.put("t", "a", "x".repeat(1000));
        await repository.delete("t", "a");
      });
      assert.equal(told.length, 2);
      for (const { path: where, operations, transactions, duration, ...rest } of told) {
        assert.equal(where, directory);
        assert.deepEqual({ operations, transactions }, { operations: 1, transactions: 1 });
        assert.ok(duration > 0 && duration < 60_000);
        assert.deepEqual(Object.keys(rest), ["bytes"]);
      }
      assert.deepEqual(
        told.map(({ bytes }) => bytes),
        ['t:"a"'.length + 1003, 't:"a"'.length],
      );
      assert.equal((await repository.stats()).commits, before + 2);
    }),
  );

  test(
    "counts writes that succeeded: no reads, and no failures",
    using(async (open) => {
      const repository = open();
      const tooLong = "x".repeat(await longestPut(repository));
      const told = await commitsOf(() =>
        Promise.allSettled([
          repository.put("t", 1, 1),
          repository.get("t", 1),
          repository.put("t", tooLong, 1),
          repository.put("t", 2, 1),
        ]),
      );
      const sum = (field) => told.reduce((total, message) => total + message[field], 0);
      assert.equal(sum("operations"), 2);
    }),
  );

  test(
    "counts what a batch writes, and what clearing removes",
    using(async (open) => {
      const repository = open();
      await repository.ready();
      const told = await commitsOf(async () => {
        const put = (key) => ({ type: "put", tenantId: "t", key, value: "x" });
        await repository.batch([put(1), put(2), put(3)]);
        await repository.clearTenant("t");
      });
      assert.deepEqual(told.map(({ operations }) => operations), [3, 3]);
      assert.equal(told[0].bytes, 3 * ("t:1".length + 2));
    }),
  );

  test(
    "tells each thread of its own writes, and one whose repositories share a commit once",
    using(async (open) => {
      const main = open();
      const named = open({ name: "orders" });
      await Promise.all([main.ready(), named.ready()]);
      const told = await commitsOf(async () => {
        await Promise.all(
          Array.from({ length: 100 }, (_, i) => (i % 2 ? main : named).put("t", i, i)),
        );
      });
      const operations = told.map((message) => message.operations);
      assert.equal(operations.reduce((a, b) => a + b, 0), 100);
      assert.ok(told.length <= 5, `${told.length} messages`);
    }),
  );

  test(
    "is published to only while somebody has subscribed, and the addon tells of commits only then",
    using(async (open) => {
      const repository = open();
      await repository.put("t", 0, 0); // ends what a test before this one may have left
      const silent = await callsOf(channel(COMMIT), ["publish"], async (published) => {
        const watched = await callsOf(addon, ["watch"], async (calls) => {
          await repository.put("t", 1, 1);
          assert.deepEqual(calls, [], "nobody has subscribed yet");
          const told = await commitsOf(() => repository.put("t", 1, 1));
          assert.equal(told.length, 1);
          assert.deepEqual(published.splice(0), [["publish", told[0]]]);
          await repository.put("t", 2, 2);
          await repository.put("t", 3, 3);
        });
        assert.deepEqual(watched.map(([, tell]) => typeof tell), ["function", "undefined"]);
      });
      assert.deepEqual(silent, []);
    }),
  );

  test(
    "survives a subscriber that closes the repository",
    using(async (open) => {
      const repository = open();
      await repository.ready();
      let closing;
      const close = () => (closing ??= repository.close());
      channel(COMMIT).subscribe(close);
      try {
        await repository.put("t", 1, 1);
        await closing;
        assert.equal(repository.state, "closed");
      } finally {
        channel(COMMIT).unsubscribe(close);
      }
    }),
  );

  test(
    "can be watched in worker threads that end at once",
    using(async (_open, directory) => {
      const program = `
        const { workerData, parentPort } = require("node:worker_threads");
        require("node:diagnostics_channel").channel("${COMMIT}").subscribe(() => {
          parentPort.postMessage("told");
        });
        const { LMDBXRepository } = require(${JSON.stringify(path.join(__dirname, ".."))});
        const repository = new LMDBXRepository({ path: workerData });
        for (let i = 0; ; i++) await repository.put("t", i % 100, i);`;
      const source = `(async () => {${program}})()`;
      for (let round = 0; round < 3; round++) {
        const worker = new Worker(source, { eval: true, workerData: directory });
        await new Promise((resolve, reject) => {
          worker.once("message", resolve);
          worker.once("error", reject);
        });
        await worker.terminate();
      }
    }),
  );
});

describe("the operation channel", () => {
  test(
    "traces operations with what they are about",
    using(async (open, directory) => {
      const orders = open({ name: "orders" });
      const told = await eventsOf(async () => {
        await orders.put("acme", ["a", 1], { total: 1 });
        assert.deepEqual(await orders.get("acme", ["a", 1]), { total: 1 });
        assert.deepEqual(await orders.list("acme"), [["a", 1]]);
        await orders.close();
      });
      const about = { path: directory, database: "orders" };
      const ends = told.filter(([event]) => event === "asyncEnd").map(([, context]) => context);
      assert.deepEqual(ends, [
        { operation: "put", ...about, tenantId: "acme", key: ["a", 1], result: undefined },
        { operation: "get", ...about, tenantId: "acme", key: ["a", 1], result: { total: 1 } },
        { operation: "list", ...about, tenantId: "acme", result: [["a", 1]] },
        { operation: "close", ...about, result: undefined },
      ]);
      const puts = told.filter(([, context]) => context === ends[0]).map(([event]) => event);
      assert.deepEqual(puts, ["start", "end", "asyncStart", "asyncEnd"]);
    }),
  );

  test(
    "traces failures, which reject as ever",
    using(async (open) => {
      const repository = open();
      let error;
      const told = await eventsOf(async () => {
        error = await rejection(repository.put("acme", NaN, 1));
      });
      assert.equal(error.code, "LMDBX_INVALID_KEY");
      const [[, context]] = told.filter(([event]) => event === "error");
      assert.equal(context.error, error);
      assert.equal(context.operation, "put");
    }),
  );

  for (const event of EVENTS) {
    test(
      `works for who listens to ${event} alone`,
      using(async (open) => {
        const repository = open();
        const told = await eventsOf(() => rejection(repository.put("acme", NaN, 1)), [event]);
        assert.deepEqual(told.map(([each]) => each), [event]);
      }),
    );
  }

  test(
    "traces what a view of a tenant asks for",
    using(async (open) => {
      const acme = open().tenant("acme");
      const told = await eventsOf(() => acme.put("k", 1), ["start"]);
      assert.deepEqual(told.map(([, { tenantId, key }]) => [tenantId, key]), [["acme", "k"]]);
    }),
  );

  test(
    "is published to only while somebody listens",
    using(async (open) => {
      const repository = open();
      for (const event of EVENTS) {
        const one = channel(`tracing:${OPERATION}:${event}`);
        await callsOf(one, ["publish", "runStores"], async (calls) => {
          const told = await eventsOf(() => rejection(repository.put("t", NaN, 1)), [event]);
          assert.equal(told.length, 1);
          assert.ok(calls.length > 0, `${event} is seen`);
          calls.length = 0;
          const traced = Object.getPrototypeOf(tracingChannel(OPERATION));
          const asked = await callsOf(traced, ["tracePromise"], async () => {
            await repository.put("t", 2, 2);
            await rejection(repository.put("t", NaN, 1));
          });
          assert.deepEqual(calls, [], event);
          assert.deepEqual(asked, [], "nor is a context made");
        });
      }
    }),
  );

  test(
    "leaves the methods as they were",
    using(async () => {
      const methods = { put: 3, get: 2, delete: 2, has: 2, close: 0, ready: 0 };
      for (const [name, count] of Object.entries(methods)) {
        const { value, enumerable, writable } = Object.getOwnPropertyDescriptor(
          LMDBXRepository.prototype,
          name,
        );
        assert.deepEqual([value.name, value.length], [name, count]);
        assert.deepEqual({ enumerable, writable }, { enumerable: false, writable: true });
      }
      assert.throws(() => LMDBXRepository.prototype.close.call({}), TypeError);
    }),
  );
});
