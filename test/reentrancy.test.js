"use strict";
// Code of the user's that runs while a value or a key is being encoded - getters, proxies, toJSON -
// and does what it likes with the repository and with the value.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");

const { noResizing } = require("./support/emulated.js");
const { assertSame } = require("./support/same.js");
const { using, rejection } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

const TIMEOUT = { timeout: patient(60_000) };

function check(statement, body) {
  test(statement, TIMEOUT, using(body));
}

/** Ways in which encoding a value calls `run`, and what the value is then read back as. */
const WAYS = {
  "a getter": (run) => [
    {
      before: 1,
      get field() {
        return run();
      },
      after: 2,
    },
    { before: 1, field: "made", after: 2 },
  ],
  "a getter of an item": (run) => [
    Object.defineProperty([1, 2, 3], 1, { get: run }),
    [1, "made", 3],
  ],
  "a proxy of an object": (run) => [
    new Proxy(
      { before: 1, field: 0, after: 2 },
      { get: (target, name) => (name === "field" ? run() : target[name]) },
    ),
    { before: 1, field: "made", after: 2 },
  ],
  "a proxy of an array": (run) => [
    new Proxy([1, 2, 3], { get: (target, name) => (name === "1" ? run() : target[name]) }),
    [1, "made", 3],
  ],
  "toJSON of an object": (run) => [
    { before: 1, field: { toJSON: run } },
    { before: 1, field: "made" },
  ],
  "toJSON of an instance": (run) => {
    class Instance {
      toJSON() {
        return run();
      }
    }
    return [
      [new Instance(), 1],
      ["made", 1],
    ];
  },
};

/** The same, inside what only msgpack takes. */
const MSGPACK_WAYS = {
  "a getter in a Map": (run) => {
    const [value, read] = WAYS["a getter"](run);
    return [
      new Map([
        [1, value],
        [2, "x"],
      ]),
      new Map([
        [1, read],
        [2, "x"],
      ]),
    ];
  },
  "a getter in a Set": (run) => {
    const [value, read] = WAYS["a getter"](run);
    return [new Set([value, "x"]), new Set([read, "x"])];
  },
  "the list of own keys of a proxy": (run) => [
    new Proxy({ a: 1 }, { ownKeys: (target) => [run(), ...Reflect.ownKeys(target)].slice(1) }),
    { a: 1 },
  ],
  "the prototype of a proxy": (run) => [
    new Proxy({ a: 1 }, { getPrototypeOf: (target) => run() && Reflect.getPrototypeOf(target) }),
    { a: 1 },
  ],
  "a getter called then": (run) => [
    new (class Instance {
      a = 1;
      get then() {
        run();
        return undefined;
      }
    })(),
    { a: 1 },
  ],
};

const byEncoding = { msgpack: { ...WAYS, ...MSGPACK_WAYS }, json: WAYS };

for (const [encoding, ways] of Object.entries(byEncoding)) {
  for (const [way, make] of Object.entries(ways)) {
    describe(`encoding ${encoding}, ${way}`, () => {
      check("may close the repository: the put is refused, and nothing written", async (open) => {
        const repository = open({ encoding });
        await repository.put("t", "earlier", 1);
        let closing;
        const [value] = make(() => {
          closing = repository.close();
          return "made";
        });
        const error = await rejection(repository.put("t", "key", value));
        assert.equal(error.code, "LMDBX_CLOSED");
        await closing;
        assert.deepStrictEqual(await open({ encoding }).list("t"), ["earlier"]);
      });

      check("may put, delete and get meanwhile, in the order of the calls", async (open) => {
        const repository = open({ encoding });
        const other = open({ encoding, name: "other" });
        await repository.put("t", "doomed", 1);
        const inner = [];
        const [value, read] = make(() => {
          inner.push(
            repository.put("t", "key", "inner, then replaced"),
            repository.put("u", { key: "of another tenant" }, { large: "x".repeat(100_000) }),
            other.put("t", "key", [1, 2, 3]),
            repository.delete("t", "doomed"),
            repository.get("t", "key"),
            repository.list("t"),
          );
          return "made";
        });
        await repository.put("t", "key", value);
        const results = await Promise.all(inner);
        assertSame(await repository.get("t", "key"), read);
        assert.equal(results[3], true);
        assert.equal(results[4], "inner, then replaced", "the outer put was issued later");
        assert.deepStrictEqual(results[5], ["key"]);
        assert.deepStrictEqual(await repository.list("u"), [{ key: "of another tenant" }]);
        assert.deepStrictEqual(await other.get("t", "key"), [1, 2, 3]);
      });

      check("may put values that do the same, to some depth", async (open) => {
        const repository = open({ encoding });
        const inner = [];
        const nested = (level) =>
          make(() => {
            if (level > 0) inner.push(repository.put("t", level, nested(level - 1)[0]));
            return "made";
          });
        const [value, read] = nested(20);
        await repository.put("t", "outer", value);
        await Promise.all(inner);
        assert.ok(inner.length >= 20);
        for (const key of await repository.list("t"))
          assertSame(await repository.get("t", key), read);
      });

      check("may throw: the put is refused with that error, and nothing written", async (open) => {
        const repository = open({ encoding });
        const thrown = new RangeError("of the user");
        const [value] = make(() => {
          throw thrown;
        });
        const error = await rejection(repository.put("t", "key", value));
        assert.ok(error === thrown || error.cause === thrown, String(error));
        assert.deepStrictEqual(await repository.list("t"), []);
        await repository.put("t", "key", 1);
        assert.equal(await repository.get("t", "key"), 1);
      });
    });
  }
}

describe("a value that changes while it is encoded", () => {
  check("buffers detached before their turn are refused, those after it are kept", async (open) => {
    const repository = open();
    const views = {
      ArrayBuffer: (buffer) => buffer,
      Buffer: (buffer) => Buffer.from(buffer),
      Uint8Array: (buffer) => new Uint8Array(buffer),
      Float64Array: (buffer) => new Float64Array(buffer, 8, 2),
      DataView: (buffer) => new DataView(buffer, 8),
    };
    for (const [name, view] of Object.entries(views)) {
      const make = () => {
        const buffer = new ArrayBuffer(32);
        new Uint8Array(buffer).fill(7);
        return { buffer, seen: view(buffer), detach: { toJSON: () => transfer(buffer) } };
      };
      const early = make();
      const error = await rejection(repository.put("t", name, [early.detach, early.seen]));
      assert.equal(error.code, "LMDBX_INVALID_VALUE", name);
      assert.match(error.message, /value\[1\].*detached/, name);
      assert.equal(await repository.has("t", name), false);

      const late = make();
      const size = late.seen.byteLength;
      await repository.put("t", name, [late.seen, late.detach]);
      const [read] = await repository.get("t", name);
      assert.equal(late.buffer.byteLength, 0, "detached by now");
      const bytes = Buffer.from(read.buffer, read.byteOffset, read.byteLength);
      assert.ok(bytes.equals(Buffer.alloc(size, 7)), name);
    }
  });

  /** Detaches a buffer. */
  function transfer(buffer) {
    structuredClone(buffer, { transfer: [buffer] });
    return "detached";
  }

  test(
    "a resizable buffer that shrinks under a view is refused, not read",
    { ...TIMEOUT, skip: noResizing },
    using(async (open) => {
      const repository = open();
      const buffer = new ArrayBuffer(1024, { maxByteLength: 4096 });
      const fixed = new Uint8Array(buffer, 512, 512);
      const shrink = { toJSON: () => buffer.resize(16) ?? "shrunk" };
      const error = await rejection(repository.put("t", "fixed", [shrink, fixed]));
      assert.equal(error.code, "LMDBX_INVALID_VALUE");
      buffer.resize(1024);
      const tracking = new Uint8Array(buffer);
      await repository.put("t", "tracking", [shrink, tracking]);
      assert.deepStrictEqual(await repository.get("t", "tracking"), ["shrunk", Buffer.alloc(16)]);
    }),
  );

  check("an array that shrinks or grows keeps the length that was seen first", async (open) => {
    const repository = open();
    const shrinking = [{ toJSON: () => (shrinking.length = 1) && "x" }, 2, 3];
    await repository.put("t", "shrinking", shrinking);
    assertSame(await repository.get("t", "shrinking"), ["x", undefined, undefined]);
    const growing = [{ toJSON: () => growing.push(4) && "x" }, 2, 3];
    await repository.put("t", "growing", growing);
    assertSame(await repository.get("t", "growing"), ["x", 2, 3]);
  });

  check("fields that vanish are left out or undefined, fields that come are not seen", async (open) => {
    const repository = open();
    const changing = {
      get first() {
        delete changing.second;
        changing.third = 3;
        return 1;
      },
      second: 2,
    };
    await repository.put("t", 1, changing);
    const { second, ...rest } = await repository.get("t", 1);
    assert.equal(second, undefined);
    assertSame(rest, { first: 1 });
  });

  check("Maps and Sets are stored as they were when their turn came", async (open) => {
    const repository = open();
    const map = new Map([
      ["a", { toJSON: () => map.clear() ?? "x" }],
      ["b", 2],
    ]);
    await repository.put("t", "map", map);
    assertSame(
      await repository.get("t", "map"),
      new Map([
        ["a", "x"],
        ["b", 2],
      ]),
    );
    const set = new Set([{ toJSON: () => set.add("more") && "x" }, "b"]);
    await repository.put("t", "set", set);
    assertSame(await repository.get("t", "set"), new Set(["x", "b"]));
  });

  check(
    "a getter that answers with its own object is a cycle, not an endless one",
    async (open) => {
      const repository = open();
      const endless = {
        get self() {
          return endless;
        },
      };
      const deeper = () => ({
        get next() {
          return deeper();
        },
      });
      for (const value of [endless, deeper()]) {
        const error = await rejection(repository.put("t", 1, value));
        assert.equal(error.code, "LMDBX_INVALID_VALUE");
      }
      assert.deepStrictEqual(await repository.list("t"), []);
    },
  );

  check(
    "a proxy that lies about its length or its keys is refused or cut, and no more",
    async (open) => {
      const repository = open();
      const lengths = [2 ** 32 - 1, 2 ** 53, -1, NaN, "4294967295", 1e300];
      for (const length of lengths) {
        const liar = new Proxy([1], {
          get: (target, name) => (name === "length" ? length : target[name]),
        });
        const outcome = await repository.put("t", "liar", liar).then(
          () => repository.get("t", "liar"),
          (error) => error.code ?? error.name,
        );
        const isKnown = Array.isArray(outcome) || typeof outcome === "string";
        assert.ok(isKnown, `${length}: ${outcome}`);
      }
      const ghosts = new Proxy(
        {},
        {
          ownKeys: () => ["ghost"],
          getOwnPropertyDescriptor: () => ({ value: 1, enumerable: true, configurable: true }),
        },
      );
      await repository.put("t", "ghosts", ghosts);
      assertSame(await repository.get("t", "ghosts"), { ghost: undefined });
    },
  );

  check("a revoked proxy is refused with the engine's error", async (open) => {
    const repository = open();
    for (const target of [{}, []]) {
      const { proxy, revoke } = Proxy.revocable(target, {});
      revoke();
      const error = await rejection(repository.put("t", 1, { proxy }));
      assert.ok(error instanceof TypeError, String(error));
    }
    assert.deepStrictEqual(await repository.list("t"), []);
  });
});

describe("keys", () => {
  check("a toJSON may close the repository before the call is made", async (open) => {
    for (const call of ["put", "get", "has", "delete"]) {
      const repository = open();
      await repository.put("t", "made", 1);
      let closing;
      const key = {
        toJSON() {
          closing = repository.close();
          return "made";
        },
      };
      const error = await rejection(repository[call]("t", key, 2));
      assert.equal(error.code, "LMDBX_CLOSED", call);
      await closing;
    }
    assert.equal(await open().get("t", "made"), 1);
  });

  check("a toJSON may put, get and list with keys that do the same", async (open) => {
    const repository = open();
    const inner = [];
    const keyOf = (level) => ({
      get level() {
        if (level > 0) {
          inner.push(repository.put("t", keyOf(level - 1), level - 1));
          inner.push(repository.get("t", keyOf(0)), repository.list("t"));
        }
        return level;
      },
    });
    await repository.put("t", keyOf(10), 10);
    await Promise.all(inner);
    for (let level = 0; level <= 10; level++) {
      assert.equal(await repository.get("t", { level }), level);
    }
    assert.equal((await repository.list("t")).length, 11);
  });

  check("a toJSON that throws rejects the call, with the error as its cause", async (open) => {
    const repository = open();
    const thrown = new Error("of the user");
    const key = {
      toJSON() {
        throw thrown;
      },
    };
    for (const call of ["put", "get", "has", "delete"]) {
      const error = await rejection(repository[call]("t", key, 1));
      assert.equal(error.code, "LMDBX_INVALID_KEY");
      assert.equal(error.cause, thrown);
    }
  });

  check("the value is encoded for the key as it was when the call was made", async (open) => {
    const repository = open();
    const key = { id: 1 };
    const value = {
      get field() {
        key.id = 2;
        return "x";
      },
    };
    await repository.put("t", key, value);
    assert.deepStrictEqual(await repository.list("t"), [{ id: 1 }]);
  });
});
