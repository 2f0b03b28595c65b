"use strict";
// Stored bytes that are damaged: they are refused with LMDBX_DECODE or read as another value, and
// everything else stays readable. Those made to do harm are in hostile.test.js.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const path = require("node:path");

const { createLMDBXRepository } = require("..");
const { seed, fc, readBack, value: anyValue } = require("./support/arbitrary.js");
const { assertAllRefused, assertDecodeError } = require("./support/decode.js");
const { stored } = require("./support/dump.js");
const { hex, inject } = require("./support/raw.js");
const { assertSame } = require("./support/same.js");
const { using } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

console.log(`seed of the arbitrary input: ${seed} (LMDBX_TEST_SEED repeats it)`);

const TIMEOUT = { timeout: patient(120_000) };

function check(statement, body) {
  test(statement, TIMEOUT, using(body));
}

/** A value with every kind of thing in it, some of which repeats. */
const RICH = {
  id: "order-1",
  items: Array.from({ length: 6 }, (_, i) => ({ sku: `article-${i}`, count: i, price: i * 1.25 })),
  numbers: [0, -1, 200, -200, 70_000, -70_000, 2 ** 40, NaN, -0],
  when: [new Date(0), new Date(1500), new Date(-1), new Date(NaN)],
  bytes: [Buffer.from("bytes"), new Uint16Array([1, 2]), new Float64Array([0.5])],
  others: [null, true, undefined, 1n, 2n ** 64n - 1n, new Map([[{ a: 1 }, new Set([1, "x"])]])],
  text: "tö".repeat(40),
};

/** How a value lies on disk. */
async function bytesOf(directory, value, options) {
  const apart = path.join(directory, "apart");
  const repository = createLMDBXRepository({ path: apart, ...options });
  await repository.put("t", 0, value);
  await repository.close();
  return stored(apart)[0][1];
}

const isFrame = (bytes) => bytes.toString("hex", 0, 4) === "04224d18";

describe("damaged values", () => {
  for (const compression of [false, true]) {
    const kind = compression ? "a compressed value" : "a value";

    check(`${kind} cut at any byte is refused`, async (open, directory) => {
      const whole = await bytesOf(directory, RICH, { compression });
      assert.equal(isFrame(whole), compression);
      const cuts = Array.from(whole.keys(), (length) => whole.subarray(0, length));
      // The first byte of a frame alone is the number 4.
      await assertAllRefused(
        open,
        directory,
        cuts.filter((cut) => !cut.equals(hex("04"))),
      );
    });

    check(`${kind} with bytes behind it is refused`, async (open, directory) => {
      const whole = await bytesOf(directory, RICH, { compression });
      const longer = Array.from({ length: 256 }, (_, byte) =>
        Buffer.concat([whole, Buffer.from([byte, 0])]),
      );
      await assertAllRefused(open, directory, longer);
    });
  }

  check("a flipped bit of a compressed value never makes it another", async (open, directory) => {
    const flips = allFlips(await bytesOf(directory, RICH, { compression: true }));
    inject(
      directory,
      flips.map((bytes, index) => [`t:${index}`, bytes]),
    );
    const repository = open();
    let same = 0;
    for (const [index, bytes] of flips.entries()) {
      const message = bytes.toString("hex");
      const value = await repository.get("t", index).catch(() => undefined);
      if (value === undefined) {
        await assertDecodeError(repository.get("t", index), index, bytes.length, message);
      } else {
        // A match may be copied from another place that holds the same.
        assertSame(value, RICH, message);
        same++;
      }
    }
    assert.ok(same < flips.length / 50, `${same} of ${flips.length} made no difference`);
  });

  check(
    "a flipped bit changes a value or makes it unreadable, and no more",
    async (open, directory) => {
      const flips = allFlips(await bytesOf(directory, RICH));
      await assertHarmless(open, directory, flips);
    },
  );

  check("arbitrary bytes are a value or unreadable, and no more", async (open, directory) => {
    const random = fc.tuple(fc.nat(255), fc.uint8Array({ maxLength: 40 }));
    const spliced = fc.tuple(anyValue, fc.nat(), fc.uint8Array({ maxLength: 4 }));
    const plain = fc
      .sample(random, { seed, numRuns: 3000 })
      .map(([first, rest]) => Buffer.from([first, ...rest]));
    const sound = fc
      .sample(spliced, { seed, numRuns: 600 })
      .filter(([value]) => value !== undefined);
    const repository = createLMDBXRepository({ path: path.join(directory, "apart") });
    await Promise.all(sound.map(([value], index) => repository.put("t", index, value)));
    await repository.close();
    const splices = stored(path.join(directory, "apart")).map(([key, bytes]) => {
      const [, place, insert] = sound[Number(key.slice(2))];
      const at = place % bytes.length;
      return Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + insert.length)]);
    });
    await assertHarmless(open, directory, [...plain, ...splices]);
  });

  check(
    "a damaged record can be listed, asked for, replaced and deleted",
    async (open, directory) => {
      inject(directory, [
        ["t:1", hex("c1")],
        ["t:2", hex("dd ff ff ff ff")],
      ]);
      const repository = open();
      assert.deepStrictEqual(await repository.list("t"), [1, 2]);
      assert.equal(await repository.has("t", 1), true);
      await repository.put("t", 1, "mended");
      assert.equal(await repository.get("t", 1), "mended");
      assert.equal(await repository.delete("t", 2), true);
      assert.deepStrictEqual(await repository.list("t"), [1]);
    },
  );
});

/** All that differ from the bytes in one bit. */
function allFlips(bytes) {
  return Array.from({ length: bytes.length * 8 }, (_, bit) => {
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3] ^= 1 << (bit & 7);
    return flipped;
  });
}

/** Each is refused or read; what is read is a value like others, and can be stored again. */
async function assertHarmless(open, directory, values) {
  inject(
    directory,
    values.map((bytes, index) => [`t:${index}`, bytes]),
  );
  for (const encoding of ["json", "string", "msgpack"]) {
    const repository = open({ encoding });
    let [read, refused] = [0, 0];
    await Promise.all(
      values.map(async (bytes, index) => {
        const outcome = await repository.get("t", index).then(
          (value) => ({ value }),
          () => undefined,
        );
        const message = bytes.toString("hex", 0, 200);
        if (outcome === undefined) {
          refused++;
          await assertDecodeError(repository.get("t", index), index, bytes.length, message);
        } else {
          read++;
          await repository.put("again", index, outcome.value);
          const again = await repository.get("again", index);
          if (encoding === "msgpack") assertSame(again, readBack(outcome.value), message);
        }
      }),
    );
    assert.ok(refused > 10, `${refused} refused, ${read} read`);
    if (encoding === "msgpack") assert.ok(read > 10, `${refused} refused, ${read} read`);
    await repository.close();
  }
}
