"use strict";
// bulkLoad: many records in chunks, in the order of their source.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const { Readable } = require("node:stream");

const { isLMDBXError } = require("..");
const { counters } = require("../lib/repository.js");
const { noRobustMutexes } = require("./support/emulated.js");
const { noProc } = require("./support/process.js");
const { runToEnd, startProgram } = require("./support/program.js");
const { chooseSeed, randomOf, scale } = require("./support/random.js");
const { longestPut } = require("./support/limits.js");
const { rejection, using } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

const TIMEOUT = { timeout: patient(scale(60_000, 600_000)) };
const KILLS = scale(6, 100);
/** More than one chunk has, and less than three. */
const CHUNKS_RECORDS = 20_000;
const PER_CHUNK = 8192;

const range = (length) => Array.from({ length }, (_, i) => i);
const keyOf = (i) => `key:${String(i).padStart(8, "0")}`;
const recordOf = (i) => ["t", keyOf(i), { number: i }];
const records = (length) => range(length).map(recordOf);

async function* later(items) {
  for (const item of items) yield item;
}

/** What a repository has: [key, value] in stored order. */
async function contents(repository, tenantId = "t") {
  const found = [];
  for await (const entry of repository.entries(tenantId)) found.push(entry);
  return found;
}

function check(statement, body, skip = false) {
  test(statement, { ...TIMEOUT, skip }, using(body));
}

describe("bulkLoad", () => {
  const sources = {
    "an array": (items) => items,
    "a Set": (items) => new Set(items),
    "a generator": (items) => items.values(),
    "an async generator": later,
    "a stream": (items) => Readable.from(items),
  };
  for (const [name, sourceOf] of Object.entries(sources)) {
    check(`loads all records of ${name} and says how many`, async (open) => {
      const repository = open();
      const items = records(CHUNKS_RECORDS);
      assert.equal(await repository.bulkLoad(sourceOf(items)), CHUNKS_RECORDS);
      assert.deepEqual(await contents(repository), items.map(([, key, value]) => [key, value]));
    });
  }

  for (const encoding of ["msgpack", "json", "string"]) {
    check(`stores what put stores, for any tenants and keys, as ${encoding}`, async (open) => {
      const values = ["text", "", "\u20ac".repeat(5000)];
      if (encoding !== "string") values.push({ a: [1, { b: null }] }, 0.1, false, []);
      if (encoding === "msgpack") values.push(5n, new Map([[1, new Date(5)]]), Buffer.from("x"));
      const loaded = open({ encoding, compression: true, name: "loaded" });
      const put = open({ encoding, compression: true, name: "put" });
      const keys = ["k", 5, { id: [1] }, null, "\ud800", 'a"\\b'];
      const items = ["a", "a:b", "\u00e9"].flatMap((tenantId) =>
        keys.flatMap((key) => values.map((value, i) => [tenantId, [key, i], value])),
      );
      assert.equal(await loaded.bulkLoad(items), items.length);
      await Promise.all(items.map((item) => put.put(...item)));
      for (const tenantId of await put.tenants()) {
        assert.deepEqual(await contents(loaded, tenantId), await contents(put, tenantId));
      }
    });
  }

  check("takes any order, replaces what is stored, and the last of equal keys wins", async (open) => {
    const random = randomOf(chooseSeed("bulk-load"));
    const repository = open();
    const model = new Map();
    for (let round = 0; round < 6; round++) {
      const sorted = round % 2 === 0;
      const items = range(5000).map((i) => ["t", keyOf(random(9000)), `${round}.${i}`]);
      if (sorted) items.sort(([, a], [, b]) => (a < b ? -1 : Number(a > b)));
      for (const [, key, value] of items) model.set(key, value);
      assert.equal(await repository.bulkLoad(items), items.length);
    }
    const expected = [...model].sort(([a], [b]) => (a < b ? -1 : 1));
    assert.deepEqual(await contents(repository), expected);
  });

  check("commits in chunks, and tells of each what is on disk", async (open) => {
    const repository = open();
    await repository.ready();
    const { commits } = counters(repository);
    const told = [];
    const counted = [];
    await repository.bulkLoad(records(CHUNKS_RECORDS), {
      onProgress(progress) {
        told.push(progress);
        counted.push(repository.count("t"));
      },
    });
    assert.deepEqual(told.map((progress) => progress.records), [PER_CHUNK, 2 * PER_CHUNK, CHUNKS_RECORDS]);
    const least = CHUNKS_RECORDS * 't:"key:00000000"'.length;
    assert.ok(told[2].bytes > least && told[2].bytes < 2 * least, `${told[2].bytes} bytes`);
    for (const [i, count] of (await Promise.all(counted)).entries()) assert.ok(count >= told[i].records);
    assert.equal(counters(repository).commits - commits, 3);
  });

  check("holds no records that it has stored, however many come from an async source", async (_open, path) => {
    const count = 300_000; // 175 MB, were they held
    const { code, stdout, stderr } = await runToEnd("load", { path, count });
    assert.equal(code, 0, stderr);
    const { loaded, grown } = JSON.parse(stdout);
    assert.equal(loaded, count);
    console.log(`bulkLoad: grew by ${Math.round(grown / 1024)} KiB`);
    if (process.env.LMDBX_SANITIZED) return;
    assert.ok(grown < 96 * 1024 * 1024, `${grown} bytes`);
  }, noProc);

  check("ends a chunk of large values early, so that memory is bounded", async (open) => {
    const repository = open();
    let most = 0;
    function* large() {
      for (let i = 0; i < 200; i++) {
        most = Math.max(most, counters(repository).queuedBytes);
        yield ["t", i, "x".repeat(100_000)];
      }
    }
    await repository.bulkLoad(large());
    assert.ok(most > 0 && most < 2_000_000, `${most} bytes were queued`);
    assert.equal(await repository.count("t"), 200);
  });

  for (const size of [20, 5000]) {
    check(`is not refused since others fill the queue, with values of ${size} bytes`, async (open) => {
      const maxQueuedBytes = 300_000;
      const count = Math.ceil(4_000_000 / (size + 80));
      const repository = open({ maxQueuedBytes });
      await repository.ready();
      let loading = true;
      let most = 0;
      const lane = async (name) => {
        let puts = 0;
        while (loading) {
          await repository.put("other", name, "x".repeat(1000)); // is not refused, either
          puts++;
        }
        return puts;
      };
      function* source() {
        for (let i = 0; i < count; i++) {
          most = Math.max(most, counters(repository).queuedBytes);
          yield ["t", i, "x".repeat(size)];
        }
      }
      const lanes = ["a", "b"].map(lane);
      assert.equal(await repository.bulkLoad(source()), count);
      loading = false;
      for (const puts of await Promise.all(lanes)) assert.ok(puts > 1);
      assert.ok(most > 100_000 && most < 200_000, `${most} bytes were queued`);
      assert.equal(await repository.count("t"), count);
    });
  }

  check("is let into a queue that is full", async (open) => {
    const repository = open({ maxQueuedBytes: 20_000 });
    await repository.ready();
    const puts = range(40).map((i) => repository.put("other", i, "x".repeat(1000)));
    const loading = repository.bulkLoad([["t", 1, "x".repeat(50_000)]]);
    const outcomes = await Promise.allSettled(puts);
    const refused = outcomes.filter(({ reason }) => reason?.code === "LMDBX_QUEUE_FULL");
    assert.ok(refused.length > 0 && refused.length < puts.length, `${refused.length} were refused`);
    assert.equal(await loading, 1);
    assert.equal(await repository.count("other"), puts.length - refused.length);
    assert.equal(counters(repository).queuedBytes, 0);
  });

  check("lets the loop turn between two chunks", async (open) => {
    const repository = open();
    await repository.ready();
    let turns = 0;
    let loading = true;
    const turn = () => {
      turns++;
      if (loading) setImmediate(turn);
    };
    setImmediate(turn);
    await repository.bulkLoad(records(5 * PER_CHUNK));
    loading = false;
    assert.ok(turns >= 4, `${turns} turns`);
  });

  check("loads nothing from an empty source, but stores the checkpoint", async (open) => {
    const repository = open();
    assert.equal(await repository.bulkLoad([]), 0);
    const checkpoint = { name: "c", position: 5n };
    assert.equal(await repository.bulkLoad(later([]), { checkpoint }), 0);
    assert.equal(await repository.getCheckpoint("c"), 5n);
  });
});

describe("the checkpoint of bulkLoad", () => {
  check("is committed with the last chunk, also where the records fill theirs", async (open) => {
    for (const count of [10, PER_CHUNK, 2 * PER_CHUNK + 1]) {
      const repository = open({ name: `n${count}` });
      await repository.ready();
      const { commits } = counters(repository);
      const seen = [];
      const checkpoint = { name: "c", position: count, expected: null };
      const onProgress = () => seen.push(repository.getCheckpoint("c"));
      await repository.bulkLoad(records(count), { checkpoint, onProgress });
      const positions = await Promise.all(seen);
      assert.equal(positions.length, Math.ceil(count / PER_CHUNK));
      assert.equal(positions.at(-1), count);
      for (const position of positions.slice(0, -1)) assert.equal(position, undefined);
      assert.equal(counters(repository).commits - commits, positions.length);
    }
  });

  check("fences another worker: from the first chunk on, and at every chunk", async (open) => {
    const repository = open();
    await repository.batch([], { checkpoint: { name: "c", position: 1 } });
    const refused = { checkpoint: { name: "c", position: 9, expected: null } };
    const error = await rejection(repository.bulkLoad(records(CHUNKS_RECORDS), refused));
    assert.equal(error.code, "LMDBX_CONFLICT");
    assert.deepEqual([error.checkpoint, error.expected, error.actual], ["c", null, 1]);
    assert.equal(await repository.count("t"), 0);
    let moved;
    const overtaken = repository.bulkLoad(records(CHUNKS_RECORDS), {
      checkpoint: { name: "c", position: 9, expected: 1 },
      onProgress: () => (moved ??= repository.batch([], { checkpoint: { name: "c", position: 2 } })),
    });
    const later = await rejection(overtaken);
    await moved;
    assert.equal(later.code, "LMDBX_CONFLICT");
    assert.equal(later.actual, 2);
    assert.match(later.message, /\d+ records were loaded/);
    assert.ok((await repository.count("t")) < CHUNKS_RECORDS);
    assert.equal(await repository.getCheckpoint("c"), 2);
  });

  check("stays untouched when the load fails", async (open) => {
    const repository = open();
    await repository.batch([], { checkpoint: { name: "c", position: 1 } });
    const bad = [...records(PER_CHUNK + 10), ["t", "bad", () => {}]];
    for (const expected of [undefined, 1]) {
      const checkpoint = { name: "c", position: 2, expected };
      await assert.rejects(repository.bulkLoad(bad, { checkpoint }), { code: "LMDBX_INVALID_VALUE" });
      assert.equal(await repository.getCheckpoint("c"), 1);
      assert.equal(await repository.count("t"), PER_CHUNK);
    }
  });
});

describe("what is wrong with bulkLoad", () => {
  check("in a record names it, and nothing of its chunk is written", async (open) => {
    const repository = open();
    const index = PER_CHUNK + 3;
    const bad = [
      [["t", "bad", Promise.resolve()], "LMDBX_INVALID_VALUE", "t", "bad"],
      [["", "bad", 1], "LMDBX_INVALID_ARGUMENT", "", "bad"],
      [["t", [NaN], 1], "LMDBX_INVALID_KEY", "t", [NaN]],
      [["t", "k".repeat(5000), 1], "LMDBX_KEY_TOO_LARGE", "t", "k".repeat(5000)],
      [["t", "two"], "LMDBX_INVALID_ARGUMENT", undefined, undefined],
      ["text", "LMDBX_INVALID_ARGUMENT", undefined, undefined],
    ];
    for (const [record, code, tenantId, key] of bad) {
      for (const sourceOf of [(items) => items, later]) {
        const items = [...records(index), record, ...records(10)];
        const error = await rejection(repository.bulkLoad(sourceOf(items)));
        assert.ok(isLMDBXError(error), String(error));
        assert.equal(error.code, code);
        assert.equal(error.index, index);
        assert.ok(error.message.startsWith(`record ${index}: `), error.message);
        assert.deepEqual([error.tenantId, error.key], [tenantId, key]);
        assert.equal(await repository.count("t"), PER_CHUNK);
      }
    }
  });

  check("in the commit names the record, too", async (open) => {
    const repository = open();
    const longest = await longestPut(repository);
    const key = "k".repeat(longest - 't:""'.length + 1);
    const items = [...records(PER_CHUNK + 3), ["t", key, 1], ...records(10)];
    const error = await rejection(repository.bulkLoad(items));
    assert.equal(error.code, "LMDBX_KEY_TOO_LARGE");
    assert.deepEqual([error.index, error.tenantId, error.key], [PER_CHUNK + 3, "t", key]);
    assert.ok(error.message.startsWith(`record ${PER_CHUNK + 3}: `), error.message);
  });

  check("in its arguments rejects before the source is asked", async (open) => {
    const repository = open();
    const untouched = { [Symbol.iterator]: () => assert.fail("asked") };
    const wrong = { code: "LMDBX_INVALID_ARGUMENT", name: "TypeError" };
    for (const source of [undefined, null, 5, "text", {}, () => {}]) {
      await assert.rejects(repository.bulkLoad(source), wrong);
    }
    const options = [null, 5, { onProgress: 5 }, { signal: {} }, { checkpoint: { name: "" } }];
    for (const given of options) await assert.rejects(repository.bulkLoad(untouched, given), wrong);
  });

  for (const [kind, wrap] of [["", (source) => source], ["async ", later]]) {
    check(`in its ${kind}source rejects with that very error; whole chunks stay`, async (open) => {
      const repository = open();
      const thrown = new Error("mine");
      function* failing() {
        yield* records(PER_CHUNK + 10);
        throw thrown;
      }
      assert.equal(await rejection(repository.bulkLoad(wrap(failing()))), thrown);
      assert.equal(await repository.count("t"), PER_CHUNK);
    });
  }

  check("ends the source", async (open) => {
    const repository = open();
    for (const wrap of [(source) => source, later]) {
      let ended = false;
      function* source() {
        try {
          for (;;) yield ["t", Symbol("no key"), 1];
        } finally {
          ended = true;
        }
      }
      await assert.rejects(repository.bulkLoad(wrap(source())), { code: "LMDBX_INVALID_KEY" });
      assert.ok(ended);
    }
  });

  check("in onProgress rejects with that; what was told of stays", async (open) => {
    const repository = open();
    const thrown = new Error("mine");
    const onProgress = () => {
      throw thrown;
    };
    assert.equal(await rejection(repository.bulkLoad(records(CHUNKS_RECORDS), { onProgress })), thrown);
    assert.equal(await repository.count("t"), PER_CHUNK);
  });

  check("with a full database leaves the first chunks", async (open) => {
    const repository = open({ mapSize: 4 * 1024 * 1024 });
    function* endless() {
      for (let i = 0; ; i++) yield ["t", keyOf(i), "x".repeat(1000)];
    }
    let told = 0;
    const checkpoint = { name: "c", position: 1 };
    const onProgress = (progress) => (told = progress.records);
    const loading = repository.bulkLoad(endless(), { checkpoint, onProgress });
    await assert.rejects(loading, { code: "LMDBX_MAP_FULL" });
    assert.ok(told > 0);
    const keys = await repository.list("t");
    assert.deepEqual(keys, range(told).map(keyOf));
    assert.equal(await repository.getCheckpoint("c"), undefined);
  });
});

describe("a bulkLoad that is ended", () => {
  check("by its signal rejects with the reason, and leaves whole chunks", async (open) => {
    const repository = open();
    const controller = new AbortController();
    const reason = new Error("enough");
    const options = { signal: controller.signal, onProgress: () => controller.abort(reason) };
    assert.equal(await rejection(repository.bulkLoad(records(5 * PER_CHUNK), options)), reason);
    const left = await repository.count("t");
    assert.ok(left > 0 && left < 5 * PER_CHUNK && left % PER_CHUNK === 0, `${left} records`);
    assert.equal(await rejection(repository.bulkLoad([], options)), reason);
  });

  check("by its signal does not wait for a source that gives nothing", async (open) => {
    const repository = open();
    const controller = new AbortController();
    let returned = false;
    const source = {
      [Symbol.asyncIterator]: () => ({
        next() {
          setImmediate(() => controller.abort());
          return new Promise(() => {});
        },
        return() {
          returned = true;
          return new Promise(() => {});
        },
      }),
    };
    const loading = repository.bulkLoad(source, { signal: controller.signal });
    assert.equal(await rejection(loading), controller.signal.reason);
    assert.ok(returned);
  });

  check("by close() does not wait for a source that gives nothing, either", async (open) => {
    const repository = open();
    let returned = false;
    const source = {
      [Symbol.asyncIterator]: () => ({
        next() {
          setImmediate(() => repository.close());
          return new Promise(() => {});
        },
        return() {
          returned = true;
          return new Promise(() => {});
        },
      }),
    };
    await assert.rejects(repository.bulkLoad(source), { code: "LMDBX_CLOSED" });
    assert.ok(returned);
  });

  check("by close() while a chunk is issued does not wait for such a source", async (open) => {
    const repository = open();
    const silence = new Promise(() => {});
    async function* source() {
      for (let i = 0; i <= 2 * PER_CHUNK; i++) yield ["t", i, i];
      await silence;
    }
    let closed;
    const onProgress = () => (closed ??= repository.close());
    await assert.rejects(repository.bulkLoad(source(), { onProgress }), { code: "LMDBX_CLOSED" });
    await closed;
    assert.equal(await open().count("t"), PER_CHUNK);
  });

  check("by a chunk that is refused does not wait for such a source", async (open) => {
    const repository = open();
    await repository.batch([], { checkpoint: { name: "loaded", position: 7 } });
    const silence = new Promise(() => {});
    async function* source() {
      for (let i = 0; i <= PER_CHUNK; i++) yield ["t", i, i];
      await silence;
    }
    const checkpoint = { name: "loaded", position: 9, expected: 1 };
    const loading = repository.bulkLoad(source(), { checkpoint });
    await assert.rejects(loading, { code: "LMDBX_CONFLICT" });
    assert.equal(await repository.count("t"), 0);
  });

  check("by close() rejects with LMDBX_CLOSED, and leaves whole chunks", async (open) => {
    const repository = open();
    let closed;
    const onProgress = () => (closed ??= repository.close());
    const loading = repository.bulkLoad(records(5 * PER_CHUNK), { onProgress });
    await assert.rejects(loading, { code: "LMDBX_CLOSED" });
    await closed;
    const left = await open().count("t");
    assert.ok(left > 0 && left < 5 * PER_CHUNK && left % PER_CHUNK === 0, `${left} records`);
    await assert.rejects(repository.bulkLoad([]), { code: "LMDBX_CLOSED" });
  });

  check(`by a kill, ${KILLS} times, leaves the first records and no checkpoint`, async (open, path) => {
    const count = 60_000;
    const repository = open();
    for (let kill = 0; kill < KILLS; kill++) {
      await repository.reset();
      await repository.batch([], { checkpoint: { name: "loaded", position: kill } });
      const loader = startProgram("bulk-loader", { path, count, expected: kill });
      let told = 0;
      for (let chunks = 0; chunks <= kill; chunks++) told = await loader.heard();
      loader.kill();
      const { signal, stderr } = await loader.ended;
      assert.equal(signal, "SIGKILL", stderr);
      told = loader.rest().at(-1) ?? told;
      await repository.put("other", "kill", kill); // LMDB shows a killed process's last commit then
      const values = (await contents(repository)).map(([, value]) => Number(value));
      values.sort((a, b) => a - b);
      assert.ok(values.length >= told && values.length < count, `${values.length} of ${told}`);
      assert.deepEqual(values, range(values.length));
      assert.equal(await repository.getCheckpoint("loaded"), kill);
    }
  }, noRobustMutexes);

  check("by a kill leaves the same where nothing was expected, and is made up for by another", async (open, path) => {
    const count = 60_000;
    const repository = open();
    for (const position of [undefined, 7]) {
      await repository.reset();
      if (position !== undefined) await repository.batch([], { checkpoint: { name: "loaded", position } });
      const loader = startProgram("bulk-loader", { path, count });
      await loader.heard();
      const told = await loader.heard();
      loader.kill();
      assert.equal((await loader.ended).signal, "SIGKILL");
      await repository.put("other", "kill", 1); // LMDB shows a killed process's last commit then
      const values = (await contents(repository)).map(([, value]) => Number(value));
      values.sort((a, b) => a - b);
      assert.ok(values.length >= told && values.length < count, `${values.length} of ${told}`);
      assert.deepEqual(values, range(values.length));
      assert.equal(await repository.getCheckpoint("loaded"), position);
      const { code, stderr } = await runToEnd("bulk-loader", { path, count });
      assert.equal(code, 0, stderr);
      assert.equal(await repository.count("t"), count);
      assert.equal(await repository.getCheckpoint("loaded"), "all");
    }
  }, noRobustMutexes);
});
