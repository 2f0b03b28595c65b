"use strict";
// What users of this package have been promised from the start, statement by
// statement. Each test is named after its statement. Those about files, durability
// and processes are in documented-architecture.test.js.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const { LMDBXRepository, createLMDBXRepository } = require("..");
const { dump, stored } = require("./support/dump.js");
const { using } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

const TIMEOUT = { timeout: patient(60_000) };

/** A statement with its proof. */
function check(statement, body) {
  test(statement, TIMEOUT, using(body));
}

describe("basic use", () => {
  check(
    "a repository is created by a function or by its class, at once",
    async (open, directory) => {
      const made = createLMDBXRepository({ path: path.join(directory, "function") });
      const built = new LMDBXRepository({ path: path.join(directory, "class") });
      assert.ok(made instanceof LMDBXRepository);
      assert.ok(built instanceof LMDBXRepository);
      assert.equal(made.then, undefined, "not a promise");
      await Promise.all([made.close(), built.close()]);
    },
  );

  check("put, get, delete, has and list do what the basic example says", async (open) => {
    const repo = open({ encoding: "msgpack" });
    const alice = { name: "Alice", email: "alice@example.com" };
    assert.equal(await repo.put("tenant1", "user:123", alice), undefined);
    assert.deepEqual(await repo.get("tenant1", "user:123"), alice);
    await repo.delete("tenant1", "user:123");
    assert.equal(await repo.has("tenant1", "user:123"), false);
    await repo.put("tenant1", "user:789", alice);
    await repo.put("tenant1", "user:456", alice);
    assert.deepEqual(await repo.list("tenant1"), ["user:456", "user:789"]);
    assert.equal(await repo.close(), undefined);
  });

  check("get of a missing key is undefined", async (open) => {
    assert.equal(await open().get("tenant1", "nobody"), undefined);
  });

  check("delete says whether there was a record", async (open) => {
    const repo = open();
    await repo.put("tenant1", "key", 1);
    assert.equal(await repo.delete("tenant1", "key"), true);
    assert.equal(await repo.delete("tenant1", "key"), false);
  });

  check("put replaces what was there", async (open) => {
    const repo = open();
    await repo.put("tenant1", "key", { version: 1, more: true });
    await repo.put("tenant1", "key", { version: 2 });
    assert.deepEqual(await repo.get("tenant1", "key"), { version: 2 });
    assert.deepEqual(await repo.list("tenant1"), ["key"]);
  });
});

describe("configuration", () => {
  check("path is a directory, created with its parents", async (open, directory) => {
    const deep = path.join(directory, "data", "deeper", "users");
    const repo = open({ path: deep });
    await repo.put("tenant1", "key", 1);
    assert.ok(fs.statSync(deep).isDirectory());
  });

  check("name: several databases in the same environment", async (open, directory) => {
    const [users, orders, main] = [open({ name: "users" }), open({ name: "orders" }), open()];
    await Promise.all([
      users.put("tenant1", "key", "a user"),
      orders.put("tenant1", "key", "an order"),
      main.put("tenant1", "main", "neither"),
    ]);
    assert.equal(await users.get("tenant1", "key"), "a user");
    assert.equal(await orders.get("tenant1", "key"), "an order");
    assert.deepEqual(await main.list("tenant1"), ["main"]);
    assert.deepEqual(fs.readdirSync(directory).sort(), ["data.mdb", "lock.mdb"]);
    assert.deepEqual(
      stored(directory, "-s", "orders").map(([key]) => key),
      ['tenant1:"key"'],
    );
  });

  check("compression is off by default", async (open, directory) => {
    const value = "again and ".repeat(500);
    await open().put("tenant1", "key", value);
    const [[, bytes]] = stored(directory);
    assert.equal(bytes.toString("hex", 0, 3), "da1388", "msgpack: a string of 0x1388 bytes");
    assert.equal(bytes.toString("latin1", 3), value);
  });

  check(
    "compression makes what repeats itself smaller, and is read back equal",
    async (open, directory) => {
      const value = { text: "again and ".repeat(500), list: Array(200).fill("the same") };
      const repo = open({ compression: true });
      await repo.put("tenant1", "key", value);
      await open().put("tenant2", "key", value);
      assert.deepEqual(await repo.get("tenant1", "key"), value);
      const [[, bytes], [, uncompressed]] = stored(directory);
      assert.ok(bytes.length < 1000, `${bytes.length} bytes`);
      assert.equal(bytes.toString("hex", 0, 4), "04224d18", "a standard LZ4 frame");
      const plain = execFileSync("lz4", ["-d", "-c"], {
        input: bytes,
        stdio: ["pipe", "pipe", "ignore"],
      });
      assert.ok(plain.equals(uncompressed));
    },
  );

  check("msgpack is the default encoding, binary and compact", async (open, directory) => {
    const value = { name: "Alice", email: "alice@example.com" };
    await open().put("acme", "user:123", value);
    const [[key, bytes]] = stored(directory);
    assert.equal(key, 'acme:"user:123"');
    const expected = Buffer.concat([
      Buffer.from([0x82, 0xa4]),
      Buffer.from("name"),
      Buffer.from([0xa5]),
      Buffer.from("Alice"),
      Buffer.from([0xa5]),
      Buffer.from("email"),
      Buffer.from([0xb1]),
      Buffer.from("alice@example.com"),
    ]);
    assert.equal(bytes.toString("hex"), expected.toString("hex"), "msgpack, and nothing else");
    assert.ok(bytes.length < JSON.stringify(value).length);
  });

  check("encoding json: human-readable, larger", async (open, directory) => {
    const value = { name: "Ünal", list: [1, null, true] };
    const repo = open({ encoding: "json" });
    await repo.put("acme", "user:123", value);
    assert.deepEqual(await repo.get("acme", "user:123"), value);
    const [[, bytes]] = stored(directory);
    assert.equal(bytes.toString(), JSON.stringify(value));
  });

  check("encoding string: for string-only values", async (open, directory) => {
    const repo = open({ encoding: "string" });
    await repo.put("acme", "greeting", "Grüße 🌍");
    await repo.put("acme", "nothing", "");
    assert.equal(await repo.get("acme", "greeting"), "Grüße 🌍");
    assert.equal(await repo.get("acme", "nothing"), "");
    assert.deepEqual(
      stored(directory).map(([, bytes]) => bytes.toString()),
      ["Grüße 🌍", ""],
    );
    await assert.rejects(repo.put("acme", "number", 1), { code: "LMDBX_INVALID_VALUE" });
  });
});

describe("tenants and keys", () => {
  check("keys are automatically scoped by tenant ID", async (open) => {
    const repo = open();
    await repo.put("tenant1", "counter", { value: 10 });
    await repo.put("tenant2", "counter", { value: 20 });
    assert.deepEqual(await repo.get("tenant1", "counter"), { value: 10 });
    assert.deepEqual(await repo.get("tenant2", "counter"), { value: 20 });
    await repo.delete("tenant1", "counter");
    assert.equal(await repo.has("tenant1", "counter"), false);
    assert.equal(await repo.has("tenant2", "counter"), true);
    assert.deepEqual(await repo.list("tenant1"), []);
    assert.deepEqual(await repo.list("tenant2"), ["counter"]);
  });

  check("a tenant whose name continues another's with a colon is another tenant", async (open) => {
    const repo = open();
    const tenants = ["a", "a:", "a:b", 'a:"x"', "a:1", 'a:"x":"y"', "b"];
    for (const tenant of tenants) await repo.put(tenant, ["of", tenant], tenant);
    for (const tenant of tenants) {
      assert.deepEqual(await repo.list(tenant), [["of", tenant]]);
      assert.equal(await repo.get(tenant, ["of", tenant]), tenant);
    }
  });

  check("keys can be any JSON-serializable type", async (open) => {
    const repo = open();
    const keys = [
      "text",
      'with "quotes", \u0000, \n and 🌍',
      "",
      42,
      -1.5e-7,
      true,
      false,
      null,
      ["array", 1, [null]],
      { userId: "user123", timestamp: 1704067200000 },
      { nested: { deeper: [{ a: 1 }] } },
    ];
    await Promise.all(keys.map((key, number) => repo.put("tenant1", key, number)));
    assert.deepEqual(
      await Promise.all(keys.map((key) => repo.get("tenant1", key))),
      keys.map((_, number) => number),
    );
    const listed = await repo.list("tenant1");
    const byText = (a, b) =>
      Buffer.compare(Buffer.from(JSON.stringify(a)), Buffer.from(JSON.stringify(b)));
    assert.deepEqual(listed, [...keys].sort(byText), "in the order of their bytes");
  });

  check("complex keys: the record of a user at a time", async (open) => {
    const repo = open();
    const key = { userId: "user123", timestamp: Date.now() };
    await repo.put("tenant1", key, { value: 42, tags: ["cpu"] });
    assert.deepEqual(await repo.get("tenant1", { ...key }), { value: 42, tags: ["cpu"] });
    assert.deepEqual(await repo.list("tenant1"), [key]);
  });

  check("keys are encoded as tenantId:JSON(key)", async (open, directory) => {
    const repo = open();
    await repo.put("acme", { userId: "u", at: [1, null] }, 1);
    await repo.put("acme", "user:123", 2);
    assert.deepEqual(
      stored(directory).map(([key]) => key),
      ['acme:"user:123"', 'acme:{"userId":"u","at":[1,null]}'],
    );
  });

  check('tenantId="acme", key="user:123" is stored as acme:"user:123"', async (open, directory) => {
    await open().put("acme", "user:123", { name: "Alice" });
    // As people would look at it.
    assert.deepEqual(dump(directory, "-p"), [['acme:"user:123"', "\\81\\a4name\\a5Alice"]]);
  });
});

describe("integration", () => {
  check("the repository works as the store of a projection worker", async (open) => {
    const ordersRepo = open({ encoding: "msgpack" });
    const updateProjection = async (event) => {
      const order = { id: event.payload.orderId, status: "pending", createdAt: event.timestamp };
      await ordersRepo.put(event.payload.tenantId, event.payload.orderId, order);
    };
    const timestamp = new Date();
    await updateProjection({ timestamp, payload: { tenantId: "acme", orderId: "o-1" } });
    assert.deepEqual(await ordersRepo.get("acme", "o-1"), {
      id: "o-1",
      status: "pending",
      createdAt: timestamp,
    });
  });

  test("a temporary directory per test can be removed after close", TIMEOUT, async () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "lmdbx-documented-"));
    for (let round = 0; round < 3; round++) {
      const repo = createLMDBXRepository({ path: directory });
      await repo.put("tenant1", "key", round);
      await repo.close();
    }
    fs.rmSync(directory, { recursive: true });
    assert.equal(fs.existsSync(directory), false);
  });

  test("the package is MIT-licensed and depends on nothing of the same scope", () => {
    const manifest = require("../package.json");
    assert.equal(manifest.license, "MIT");
    const names = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
    assert.deepEqual(
      names.filter((name) => name.startsWith("@aurora/")),
      [],
    );
  });
});
