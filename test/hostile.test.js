"use strict";
// Stored bytes made to do harm: each read of them rejects with LMDBX_DECODE, says where, and costs
// no more memory than its size allows.

const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const path = require("node:path");

const { assertAllRefused, assertDecodeError } = require("./support/decode.js");
const { hex, inject } = require("./support/raw.js");
const { assertSame } = require("./support/same.js");
const { using, rejection, runProgram } = require("./support/temporary.js");
const { patient } = require("./support/timeout.js");

const TIMEOUT = { timeout: patient(120_000) };
const MIB = 2 ** 20;
/** LMDBX_MAX_ITEMS. */
const MOST_ITEMS = 4 * 1024 * 1024;

function check(statement, body) {
  test(statement, TIMEOUT, using(body));
}

const repeated = (digits, count) => Buffer.alloc(hex(digits).length * count, hex(digits));

/** Sets in Sets, properly closed: each level adds a header around the one before. */
function nestedSets(levels) {
  let bytes = hex("90");
  for (let level = 0; level < levels; level++) {
    const header = hex("c9 00 00 00 00 73 91");
    header.writeUInt32BE(bytes.length + 1, 1);
    bytes = Buffer.concat([header, bytes]);
  }
  return bytes;
}

const HOSTILE = {
  "no bytes": hex(""),
  "the byte that begins no value": hex("c1"),
  "a string that claims 4 GB": hex("db ff ff ff ff 61"),
  "bytes that claim 4 GB": hex("c6 ff ff ff ff 00"),
  "an array that claims 4 G items": hex("dd ff ff ff ff c0"),
  "an array that claims 16 M items": hex("dd 01 00 00 00"),
  "a map that claims 4 G pairs": hex("df ff ff ff ff a0 c0"),
  "a map that claims 2 G pairs, whose product overflows": hex("df 80 00 00 00 a0 c0"),
  "an extension that claims 4 GB": hex("c9 ff ff ff ff 4d 90"),
  "a Map that claims 4 G items inside": hex("c7 05 4d dd ff ff ff ff"),
  "a Set that claims 16 M items inside": hex("c7 05 73 dd 01 00 00 00"),
  "a Map with half a pair": hex("d5 4d 91 c0"),
  "a Set that is no array": hex("d4 73 80"),
  "a Set whose array ends early": hex("c7 03 73 91 c0 c0"),
  "a Set whose array ends late": hex("d5 73 92 c0 c0"),
  "a typed array with half an element": hex("d5 74 08 00"),
  "a typed array of an unknown type": hex("d5 74 63 00"),
  "a typed array without type": hex("c7 00 74"),
  "a timestamp of five bytes": hex("c7 05 ff 00 00 00 00 00"),
  "a timestamp with too many nanoseconds": hex("d7 ff ff ff ff ff 00 00 00 00"),
  "a timestamp beyond all Dates": hex("c7 0c ff 00 00 00 00 7f ff ff ff ff ff ff ff"),
  "an unknown extension": hex("d4 2a 00"),
  "a string that is not UTF-8": hex("a2 c3 28"),
  "a string with a surrogate": hex("a3 ed a0 80"),
  "a name that is not UTF-8": hex("81 a1 ff c0"),
  "arrays in arrays that each claim all the rest": repeated("dd 00 00 09 c0", 500),
  "maps in maps that each claim all the rest": repeated("df 00 00 04 00 a0", 500),
  "100,000 arrays in each other": repeated("91", 100_000),
  "100,000 maps in each other": repeated("81 a0", 100_000),
  "100,000 maps as each other's keys": repeated("81", 100_000),
  "513 arrays in each other": Buffer.concat([repeated("91", 512), hex("90")]),
  "513 Sets in each other": nestedSets(512),
  "20,000 Sets in each other": nestedSets(20_000),
  "20,000 Sets in each other, cut short": nestedSets(20_000).subarray(0, -1),
};

/**
 * Frames with a header of ours. Its checksum byte is one of 256: all are made, so one is right.
 * @param {number} flags - of the descriptor, without the version
 */
function framesOf(flags, fields, blocks) {
  const descriptor = [hex("04 22 4d 18"), Buffer.from([0x40 | flags, 0x40]), fields];
  return Array.from({ length: 256 }, (_, checksum) =>
    Buffer.concat([...descriptor, Buffer.from([checksum]), blocks]),
  );
}

const CONTENT_SIZE = 0x08;
const DICTIONARY = 0x01;
const INDEPENDENT = 0x20;

function sizeField(size) {
  const field = Buffer.alloc(8);
  field.writeBigUInt64LE(size);
  return field;
}

/** One stored block that holds the number 1, and the end mark. */
const ONE = hex("01 00 00 80 01  00 00 00 00");

const HOSTILE_FRAMES = {
  "frames that claim 16 EB": framesOf(INDEPENDENT | CONTENT_SIZE, sizeField(2n ** 64n - 1n), ONE),
  "frames that claim 1 TB": framesOf(INDEPENDENT | CONTENT_SIZE, sizeField(2n ** 40n), ONE),
  "frames that claim 256 MiB": framesOf(INDEPENDENT | CONTENT_SIZE, sizeField(2n ** 28n), ONE),
  "frames that claim nothing": framesOf(INDEPENDENT | CONTENT_SIZE, sizeField(2n), ONE),
  "frames that need a dictionary": framesOf(INDEPENDENT | DICTIONARY, hex("01 02 03 04"), ONE),
  "frames with a block of 2 GB": framesOf(INDEPENDENT, hex(""), hex("ff ff ff ff 01")),
};

describe("hostile values", () => {
  check("each is refused, and says where and whose it is", async (open, directory) => {
    const entries = Object.entries(HOSTILE);
    inject(
      directory,
      entries.map(([name, bytes]) => [`t:${JSON.stringify(name)}`, bytes]),
    );
    const repository = open();
    for (const [name, bytes] of entries) {
      await assertDecodeError(repository.get("t", name), name, bytes.length, name);
    }
  });

  check("512 levels are read, of arrays, maps and Sets alike", async (open, directory) => {
    inject(directory, [
      ["t:1", Buffer.concat([repeated("91", 511), hex("90")])],
      ["t:2", Buffer.concat([repeated("81 a0", 511), hex("80")])],
      ["t:3", nestedSets(511)],
    ]);
    const repository = open();
    for (const key of [1, 2, 3]) {
      const value = await repository.get("t", key);
      await repository.put("t", "copy", value);
      assertSame(await repository.get("t", "copy"), value);
    }
  });

  check("frames whose headers lie are refused", async (open, directory) => {
    // A frame like these, but honest, is read: the test tests what it says.
    const honest = framesOf(INDEPENDENT | CONTENT_SIZE, sizeField(1n), ONE);
    await assertAllRefused(open, directory, [
      ...Object.values(HOSTILE_FRAMES).flat(),
      hex("04 22 4d 18"),
    ]);
    const apart = path.join(directory, "honest");
    inject(
      apart,
      honest.map((bytes, index) => [`t:${index}`, bytes]),
    );
    const repository = open({ path: apart });
    const outcomes = await Promise.allSettled(honest.map((_, index) => repository.get("t", index)));
    assert.deepStrictEqual(
      outcomes.filter(({ status }) => status === "fulfilled").map(({ value }) => value),
      [1],
    );
  });

  /** How far a process grows that reads these records, all of which must be refused. */
  async function growth(directory, records) {
    inject(directory, [
      ...records.map(([, bytes], index) => [`t:${index}`, bytes]),
      ["t:true", hex("01")],
    ]);
    const program = `
      // Not of resourceUsage, which on Linux begins with the peak of the parent.
      const status = () => require("node:fs").readFileSync("/proc/self/status", "latin1");
      const peak = process.platform === "linux"
        ? () => Number(/^VmHWM:\\s*(\\d+) kB/m.exec(status())[1]) * 1024
        : () => process.resourceUsage().maxRSS * 1024;
      const repository = lmdbx.createLMDBXRepository({ path: args[0] });
      async function run() {
        await repository.get("t", true);
        const before = peak();
        const codes = {};
        for (let key = 0; key < ${records.length}; key++) {
          const code = await repository.get("t", key).then(() => "none", (error) => error.code);
          codes[code] = (codes[code] ?? 0) + 1;
        }
        console.log(JSON.stringify({ grown: peak() - before, codes }));
        await repository.close();
      }
      run();`;
    const { code, signal, stdout, stderr } = await runProgram(program, [directory]);
    assert.equal(code, 0, `${signal} ${stderr}`);
    const { grown, codes } = JSON.parse(stdout);
    assert.deepStrictEqual(codes, { LMDBX_DECODE: records.length });
    return process.env.LMDBX_SANITIZED ? 0 : grown; // sanitizers keep what was freed
  }

  check("hostile headers cost little memory", async (_open, directory) => {
    const frames = Object.entries(HOSTILE_FRAMES).flatMap(([name, all]) =>
      all.map((bytes) => [name, bytes]),
    );
    const grown = await growth(directory, [...Object.entries(HOSTILE), ...frames]);
    console.log(`grown by ${(grown / MIB).toFixed(1)} MiB`);
    assert.ok(grown < 32 * MIB, `grown by ${grown} bytes`);
  });

  check(
    "small frames of much content cost no more than the size limit",
    async (_open, directory) => {
      const bombs = {
        "more zeros than a value may have bytes": Buffer.alloc(320 * MIB),
        "an array of 250 M items": Buffer.concat([
          hex("dd 0e e6 b2 80"),
          Buffer.alloc(250e6, 0x80),
        ]),
      };
      const records = Object.entries(bombs).map(([name, input]) => [name, lz4(input)]);
      for (const [name, bytes] of records) assert.ok(bytes.length < 2 * MIB, name);
      const grown = await growth(directory, records);
      console.log(`grown by ${(grown / MIB).toFixed(1)} MiB`);
      assert.ok(grown < 400 * MIB, `grown by ${grown} bytes`);
    },
  );

  for (const encoding of ["msgpack", "json"]) {
    check(
      `more items than the limit are refused both ways, encoding ${encoding}`,
      async (open, directory) => {
        const items = new Array(MOST_ITEMS).fill(0);
        const apart = path.join(directory, "apart");
        const over = {
          msgpack: Buffer.concat([hex("dd 00 40 00 01"), Buffer.alloc(MOST_ITEMS + 1)]),
          json: Buffer.from(JSON.stringify([...items, 0])),
        };
        inject(apart, [["t:1", lz4(over[encoding])]]);
        const injected = open({ path: apart, encoding });
        const error = await rejection(injected.get("t", 1));
        assert.equal(error.code, "LMDBX_DECODE");
        assert.match(error.message, /more than 4194304 items/);

        const repository = open({ encoding, compression: true });
        await repository.put("t", "most", items);
        const read = await repository.get("t", "most");
        assert.equal(read.length, MOST_ITEMS);
        assert.ok(read.every((item) => item === 0));
        const half = items.slice(MOST_ITEMS / 2);
        for (const value of [
          [...items, 0],
          [half, half],
        ]) {
          const refusal = await rejection(repository.put("t", "over", value));
          assert.equal(refusal.code, "LMDBX_VALUE_TOO_LARGE");
          assert.match(refusal.message, /more than 4194304 items/);
        }
        assert.equal(await repository.has("t", "over"), false);
      },
    );
  }

  check("a long text of commas is no list of items", async (open) => {
    const repository = open({ encoding: "json", compression: true });
    const value = { text: ',"\\'.repeat(3 * 1024 * 1024) };
    await repository.put("t", 1, value);
    assert.ok((await repository.get("t", 1)).text === value.text); // no diff of 9 MB
  });
});

function lz4(input) {
  const options = { input, maxBuffer: 64 * MIB, stdio: ["pipe", "pipe", "ignore"] };
  return execFileSync("lz4", ["-c"], options);
}
