"use strict";
// One task in a process of its own: to measure a row, or to make a data set. The task comes as JSON
// in the first argument; the result is a line of JSON on standard output.

const fs = require("node:fs");
const data = require("./data.js");
const { watchTimer } = require("./lateness.js");
const workloads = require("./workloads.js");

/** Records that a data set takes at a time while it is made. */
const LOAD_BATCH = 5000;

/** Runs operations from..to as a row says: in lanes that each await, or in batches. */
async function drive(flow, from, to, operation) {
  if (flow.batch !== undefined) {
    for (let start = from; start < to; start += flow.batch) {
      const promises = new Array(Math.min(flow.batch, to - start));
      for (let i = 0; i < promises.length; i++) promises[i] = operation(start + i);
      await Promise.all(promises);
    }
  } else if (flow.lanes === 1) {
    for (let i = from; i < to; i++) await operation(i);
  } else {
    let next = from;
    const lane = async () => {
      while (next < to) await operation(next++);
    };
    await Promise.all(Array.from({ length: flow.lanes }, lane));
  }
}

/** The most memory that this process ever had, in bytes; of this program, unlike getrusage. */
function peakMemory() {
  try {
    const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(fs.readFileSync("/proc/self/status", "utf8"));
    return Number(kilobytes) * 1024;
  } catch {
    return process.resourceUsage().maxRSS * 1024;
  }
}

async function measure({ peer, row, directory, readOnly, verify }) {
  const { open } = require(`./peers/${peer}.js`);
  const { encoding, kind } = row.data;
  const options = { directory, encoding, kind, readOnly };
  const repo = open(options);
  await repo.ready?.();
  const { warm: first, count } = row;
  const workload = workloads[row.workload]({ repo, row, first, count });
  await drive(row.flow, 0, first, workload.operation);

  const timer = row.watch ? watchTimer() : undefined;
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  await drive(row.flow, first, first + count, workload.operation);
  const milliseconds = performance.now() - start;
  const cpu = process.cpuUsage(cpuBefore);
  const lateness = timer?.stop();
  const memory = peakMemory();
  await repo.close();

  if (verify) {
    const reopened = open(options);
    await workload.verify(reopened);
    await reopened.close();
  }
  const units = count * (row.unitsPerOperation ?? 1);
  return {
    microseconds: (milliseconds * 1000) / units,
    cpuMicroseconds: (cpu.user + cpu.system) / units,
    memory,
    lateness,
  };
}

async function prepare({ peer, dataSet: { kind, encoding, records }, directory }) {
  const { open } = require(`./peers/${peer}.js`);
  const repo = open({ directory, encoding, kind });
  const put = (tenant, keys, values) =>
    repo.load?.(tenant, keys, values) ??
    Promise.all(keys.map((key, i) => repo.put(tenant, key, values[i])));
  const batch = kind === "big" ? 50 : LOAD_BATCH;
  for (let start = 0; start < records; start += batch) {
    const indexes = Array.from({ length: Math.min(batch, records - start) }, (_, i) => start + i);
    const tenants = new Map();
    for (const i of indexes) {
      const tenant = kind === "tenants" ? data.smallTenant(i) : data.TENANT;
      if (!tenants.has(tenant)) tenants.set(tenant, []);
      tenants.get(tenant).push(i);
    }
    for (const [tenant, members] of tenants) {
      const values = members.map((i) => data.valueOf(kind, encoding, i));
      await put(tenant, members.map(data.keyOf), values);
    }
  }
  await repo.close();
  return {};
}

async function main() {
  const task = JSON.parse(process.argv[2]);
  const result = await (task.dataSet ? prepare(task) : measure(task));
  fs.writeSync(1, `${JSON.stringify(result)}\n`);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
