"use strict";
// Kills the worker again and again, at random moments, and starts it anew; then compares what it has
// come to with a worker that nobody disturbed.

const { spawn } = require("node:child_process");
const { randomInt } = require("node:crypto");
const { once } = require("node:events");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { isDeepStrictEqual, parseArgs } = require("node:util");

const { LMDBXRepository } = require("@aurora/runtime-storage-lmdbx");
const { readDeliveries } = require("./deliveries");
const { readModels, run } = require("./worker");

const MAIN = path.join(__dirname, "main.js");

/** Random numbers from 0 to 1 that a seed repeats (mulberry32). */
function randomNumbers(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Starts the worker; it is killed that long after it has begun, or else lives to its end.
 * @returns {Promise<{ killed: boolean, lived: number }>} lived: in ms, from its first word on
 */
async function work(data, life) {
  const worker = spawn(process.execPath, [MAIN, "--data", data, "--batch", "1"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(worker, "exit");
  let begun = performance.now();
  worker.stdout.once("data", () => {
    begun = performance.now();
    if (life !== undefined) setTimeout(() => worker.kill("SIGKILL"), life);
  });
  const [code, signal] = await ended;
  if (code !== 0 && signal !== "SIGKILL") throw new Error(`the worker ended with ${code ?? signal}`);
  return { killed: signal === "SIGKILL", lived: performance.now() - begun };
}

async function modelsOf(data) {
  const repository = new LMDBXRepository({ path: data });
  try {
    return await readModels(repository);
  } finally {
    await repository.close();
  }
}

async function undisturbed(data, deliveries, processed) {
  const repository = new LMDBXRepository({ path: data });
  try {
    for (let runs = processed / deliveries.length; runs > 0; runs--) {
      await run(repository, deliveries, { batchSize: 32 });
    }
  } finally {
    await repository.close();
  }
  return modelsOf(data);
}

async function main() {
  const { values } = parseArgs({
    options: { kills: { type: "string", default: "12" }, seed: { type: "string" } },
  });
  const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
  const random = randomNumbers(seed);
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "lmdbx-crash-"));
  try {
    const { deliveries } = readDeliveries();
    const { lived: whole } = await work(path.join(directory, "measured"));
    console.log(
      `A worker that nobody disturbs takes ${Math.round(whole)} ms. Starting ${values.kills} that are ` +
        `killed within that time (--seed ${seed} repeats the moments, as parts of it)`,
    );
    const data = path.join(directory, "disturbed");
    let kills = 0;
    let amid = 0;
    for (let number = 1; number <= Number(values.kills); number++) {
      const life = Math.floor(random() * whole);
      const { killed } = await work(data, life);
      const { processed } = await modelsOf(data);
      if (killed) kills++;
      if (killed && processed % deliveries.length !== 0) amid++;
      const fate = killed ? `killed after ${life} ms` : `done before its ${life} ms were over`;
      console.log(`  ${number}: ${fate}, with ${processed} deliveries on disk`);
    }
    console.log(`Killed ${kills} times, ${amid} of them amid its deliveries.`);
    if (amid === 0) {
      console.log("That proves nothing: run it again, with more --kills.");
      process.exitCode = 1;
    }
    await work(data);
    const models = await modelsOf(data);
    const expected = await undisturbed(path.join(directory, "clean"), deliveries, models.processed);
    const same = isDeepStrictEqual(models, expected);
    const records = (Object.keys(models).length - 1).toLocaleString("en-US");
    console.log(
      same
        ? `After ${models.processed} deliveries, all ${records} records are as if nobody had killed it.`
        : "The records differ from those of a worker that nobody has killed.",
    );
    if (!same) process.exitCode = 1;
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

main();
