"use strict";
// Objects in msgpack: their fields, their depth, what is refused by the path of the field, and code
// of theirs that runs while they are encoded.

const { describe } = require("node:test");
const assert = require("node:assert/strict");
const vm = require("node:vm");

const { rejection } = require("./support/temporary.js");
const { check, checkSame, checkBecomes, checkRefused } = require("./support/values.js");

const MAX_DEPTH = 512;

describe("objects", () => {
  checkSame("plain ones, with undefined fields", [
    {},
    [],
    { "": 0, " ": 1, 'a"b': 2, é: 3 },
    { a: { b: { c: [{ d: undefined }] } } },
    Object.fromEntries(Array.from({ length: 3000 }, (_, n) => [`field ${n}`, { n }])),
  ]);
  check("the order of fields is kept", async (store) => {
    const value = { b: 1, a: 2, 10: 3, 9: 4, "-1": 5, "01": 6, 4294967294: 7, 4294967295: 8 };
    assert.deepStrictEqual(Object.keys(await store(value)), Object.keys(value));
  });
  check("names that JavaScript knows are fields like others", async (store) => {
    const text = '{"__proto__":{"x":1},"constructor":2,"toString":3,"hasOwnProperty":4}';
    const value = await store(JSON.parse(text));
    assert.equal(JSON.stringify(value), text);
    assert.equal(Object.getPrototypeOf(value), Object.prototype);
    assert.equal(value.x, undefined);
    const field = Object.getOwnPropertyDescriptor(value, "__proto__");
    assert.deepStrictEqual(field, {
      value: { x: 1 },
      writable: true,
      enumerable: true,
      configurable: true,
    });
  });
  check("fields are defined whatever somebody has given all objects", async (store) => {
    const given = () => ({ toString: 1, get: 2, set: { constructor: 3 }, value: 4, foo: 5 });
    for (const [name, pollution] of [
      ["get", { value: () => 1, configurable: true }],
      ["set", { value: () => 1, configurable: true }],
      ["value", { value: 1, configurable: true }],
      ["foo", { value: 1, writable: false, configurable: true }],
    ]) {
      Object.defineProperty(Object.prototype, name, pollution);
      let read;
      try {
        read = await store(given());
      } finally {
        delete Object.prototype[name];
      }
      assert.deepEqual(Object.entries(read), Object.entries(given()));
    }
  });

  check("fields are defined past setters on Object.prototype", async (store) => {
    Object.defineProperty(Object.prototype, "trap", { set: assert.fail, configurable: true });
    try {
      const value = await store(JSON.parse('{"trap":1}'));
      assert.deepStrictEqual(Object.entries(value), [["trap", 1]]);
    } finally {
      delete Object.prototype.trap;
    }
  });

  check("fields among many are defined past setters on Object.prototype", async (store) => {
    const others = Array.from({ length: 40 }, (_, i) => [`field ${i}`, i]);
    const isPrototypeOf = Object.getOwnPropertyDescriptor(Object.prototype, "isPrototypeOf");
    const last = Object.getOwnPropertyDescriptor(Object.prototype, "toLocaleString");
    for (const name of ["trap", "ü"]) {
      const fields = [...others, ["toString", 1], ["__proto__", 2], [name, 3]];
      const text = `{${fields.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(",")}}`;
      const expected = Object.entries(JSON.parse(text));
      const given = () => JSON.parse(text);
      assert.deepStrictEqual(Object.entries(await store(given())), expected);
      const before = given(); // made while nothing stands in the way
      Object.defineProperty(Object.prototype, name, { set: assert.fail, configurable: true });
      // The last name of those that all objects have is the last again, and there are as many.
      delete Object.prototype.toLocaleString;
      delete Object.prototype.isPrototypeOf;
      Object.defineProperty(Object.prototype, "toLocaleString", last);
      try {
        assert.deepStrictEqual(Object.entries(await store(before)), expected);
      } finally {
        delete Object.prototype[name];
        Object.defineProperty(Object.prototype, "isPrototypeOf", isPrototypeOf);
      }
    }
  });

  class Point {
    constructor() {
      this.x = 1;
      this.list = [2];
    }
    get sum() {
      return 3;
    }
  }
  class Itself {
    field = 1;
    toJSON() {
      return this;
    }
  }
  checkBecomes("instances are stored as their own enumerable string fields", [
    [new Point(), { x: 1, list: [2] }],
    [Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    [Object.defineProperty({ a: 1, [Symbol("s")]: 2 }, "hidden", { value: 3 }), { a: 1 }],
    [
      {
        get a() {
          return 5;
        },
      },
      { a: 5 },
    ],
    [new Proxy({ a: 1 }, {}), { a: 1 }],
    [new Proxy([1, 2], {}), [1, 2]],
  ]);
  checkBecomes("objects with toJSON are stored as what it returns", [
    [new URL("http://host/path"), "http://host/path"],
    [{ toJSON: (key) => [key] }, [""]],
    [
      { a: { toJSON: (key) => key }, b: [{ toJSON: (key) => key }] },
      { a: "a", b: ["0"] },
    ],
    [{ cache: new WeakMap(), toJSON: () => ({ at: new Date(1) }) }, { at: new Date(1) }],
    [{ a: { toJSON: () => undefined } }, { a: undefined }],
    [[new Itself()], [{ field: 1 }]],
    [Object.defineProperty({ a: 1 }, "toJSON", { value: () => 7 }), 7],
  ]);
  check("values of another realm are told by what they are", async (store) => {
    const value = vm.runInNewContext(
      "[new Date(5), new Map([[1, 2]]), new Uint8Array([1]), new Float32Array([1]), { a: [1] }]",
    );
    assert.deepStrictEqual(await store(value), [
      new Date(5),
      new Map([[1, 2]]),
      Buffer.from([1]),
      new Float32Array([1]),
      { a: [1] },
    ]);
  });
  check("one object in several places is no cycle", async (store) => {
    const shared = { x: [1] };
    assert.deepStrictEqual(await store([shared, { shared }, shared]), [
      { x: [1] },
      { shared: { x: [1] } },
      { x: [1] },
    ]);
  });
});

describe("nesting", () => {
  const wrappers = [(v) => [v], (v) => ({ a: v }), (v) => new Map([["k", v]]), (v) => new Set([v])];
  const nested = (depth) => {
    let value = 1;
    for (let level = 0; level < depth; level++) value = wrappers[level % wrappers.length](value);
    return value;
  };
  const depthOf = (value) => {
    let depth = 0;
    for (let inner = value; inner !== 1; depth++) {
      if (inner instanceof Map || inner instanceof Set) [inner] = inner.values();
      else [inner] = Object.values(inner);
    }
    return depth;
  };
  check(`${MAX_DEPTH} levels both ways`, async (store) => {
    assert.equal(depthOf(await store(nested(MAX_DEPTH))), MAX_DEPTH);
  });
  const circle = { a: { b: {} } };
  circle.a.b.back = circle.a;
  const list = [];
  list.push(1, list);
  const map = new Map();
  map.set("self", { map });
  checkRefused("more levels, and cycles", [
    [nested(MAX_DEPTH + 1), /nested too deep.*512/],
    [nested(100_000), /nested too deep/],
    [circle, /value\.a\.b\.back is a cycle/],
    [list, /value\[1\] is a cycle/],
    [map, /value\(value 0 of Map\)\.map is a cycle/],
  ]);
});

describe("refusals name the field", () => {
  class Thenable {
    then() {}
  }
  checkRefused("what would silently become {}", [
    [{ p: Promise.resolve(1) }, /value\.p is a Promise; did you forget await\?/],
    [new Thenable(), /value is a thenable; did you forget await\?/],
    [{ then() {} }, /did you forget await\?/],
    [{ e: new TypeError("x") }, /value\.e is an Error/],
    [vm.runInNewContext("new Error('x')"), /Error/],
    [/x/, /RegExp/],
    [new WeakMap(), /WeakMap/],
    [new WeakSet(), /WeakSet/],
    [new WeakRef({}), /WeakRef/],
    [[new String("x")], /value\[0\] is a boxed primitive/],
    [new Number(1), /boxed/],
    [new Boolean(true), /boxed/],
    [Object(1n), /boxed/],
    [(function* () {})(), /generator/],
    [new Map().entries(), /iterator/],
    [Object.setPrototypeOf(new WeakMap(), Object.prototype), /WeakMap/],
  ]);
  checkRefused("functions and symbols, wherever they are", [
    [() => 1, /^value is a function/],
    [Symbol("s"), /^value is a symbol/],
    [{ items: [0, 1, 2, { price: () => 1 }] }, /^value\.items\[3\]\.price is a function/],
    [
      { "a b": { "1x": { "": [Symbol.iterator] } } },
      /^value\["a b"\]\["1x"\]\[""\]\[0\] is a symbol/,
    ],
    [
      new Map([
        ["a", 1],
        [() => 1, 2],
      ]),
      /^value\(key 1 of Map\) is a function/,
    ],
    [{ s: new Set([1, () => 1]) }, /^value\.s\(member 1 of Set\) is a function/],
  ]);
  check("with a path of bounded length", async (store) => {
    let value = { bad() {} };
    for (let level = 0; level < 100; level++)
      value = { [`${"long name ".repeat(20)}${level}`]: value };
    const { message } = await rejection(store(value));
    assert.match(message, /^value\.\.\..*\.bad is a function/);
    assert.ok(message.length < 600);
  });
});

describe("code that runs while a value is encoded", () => {
  for (const [where, value] of Object.entries({
    "a getter": {
      get a() {
        throw new RangeError("mine");
      },
    },
    "a toJSON": {
      a: {
        toJSON() {
          throw new RangeError("mine");
        },
      },
    },
    "a proxy": [
      new Proxy(
        {},
        {
          ownKeys() {
            throw new RangeError("mine");
          },
        },
      ),
    ],
  })) {
    check(`${where} that throws rejects put with its own error`, async (store) => {
      const error = await rejection(store(value));
      assert.ok(error instanceof RangeError);
      assert.equal(error.message, "mine");
    });
  }

  const runners = {
    getter: (run) => ({
      get a() {
        run();
        return 1;
      },
    }),
    toJSON: (run) => ({
      a: {
        toJSON() {
          run();
          return 1;
        },
      },
    }),
    proxy: (run) => ({
      a: new Proxy(
        {},
        {
          ownKeys() {
            run();
            return [];
          },
        },
      ),
    }),
  };
  const expected = { getter: { a: 1 }, toJSON: { a: 1 }, proxy: { a: {} } };
  for (const [kind, make] of Object.entries(runners)) {
    check(`a ${kind} may put: both are stored`, async (store, repository) => {
      let inner;
      const value = make(() => {
        inner = repository.put("t", "inner", { text: "x".repeat(100_000) });
      });
      assert.deepStrictEqual(await store(value), expected[kind]);
      await inner;
      assert.equal((await repository.get("t", "inner")).text.length, 100_000);
    });
    check(`a ${kind} may close: the put is refused as closed`, async (store, repository) => {
      const error = await rejection(
        repository.put(
          "t",
          "k",
          make(() => void repository.close()),
        ),
      );
      assert.equal(error.code, "LMDBX_CLOSED");
    });
    check(`a ${kind} may detach a buffer: it is refused`, async (store) => {
      const bytes = new Uint8Array(64 * 1024);
      const detach = () => {
        if (bytes.byteLength > 0) structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
      };
      const error = await rejection(store([make(detach), bytes]));
      assert.equal(error.code, "LMDBX_INVALID_VALUE");
      assert.match(error.message, /value\[1\] is a detached/);
    });
  }
  check("containers that change keep the count they had; fields may be left out", async (store) => {
    const shrinking = [
      {
        get a() {
          shrinking.length = 1;
          return 1;
        },
      },
      2,
      3,
    ];
    assert.deepStrictEqual(await store(shrinking), [{ a: 1 }, undefined, undefined]);
    const growing = [
      {
        get a() {
          growing.push(9);
          return 1;
        },
      },
      2,
    ];
    assert.deepStrictEqual(await store(growing), [{ a: 1 }, 2]);
    const losing = {
      get a() {
        delete losing.b;
        return 1;
      },
      b: 2,
    };
    const { b, ...rest } = await store(losing);
    assert.equal(b, undefined);
    assert.deepStrictEqual(rest, { a: 1 });
    const map = new Map([
      [
        {
          get a() {
            map.clear();
            return 1;
          },
        },
        2,
      ],
      [3, 4],
    ]);
    assert.deepStrictEqual(
      await store(map),
      new Map([
        [{ a: 1 }, 2],
        [3, 4],
      ]),
    );
  });
});
