"use strict";
// The rows of the benchmark.
//
//   workload, flow   what is done (workloads.js), in lanes that each await or in batches
//   warm, count      operations before and within the measured time
//   data             the data set; fresh: "empty" or "copy" for rows that write
//   floor            the arguments of floor.c, given the size of a stored value
//   goal             least ratio of the replaced package's time to this one's

const TENANTS_RECORDS = 4000;

const seq = { lanes: 1 };
const lanes = { lanes: 64 };
const pipe = { batch: 1000 };

const data = (kind, records, encoding = "msgpack") => ({ kind, records, encoding });
const orders = (records, encoding) => data("order", records, encoding);

/** Groups of gets, or of puts and commits, as the flow allows: see floor.c. */
const flowSize = (flow) => flow.batch ?? flow.lanes;
const floorOf = {
  get: ({ flow, count }) => ["mix", count / flowSize(flow), flowSize(flow), 0, 0],
  has: ({ flow, count }) => ["has", count / flowSize(flow), flowSize(flow)],
  miss: ({ flow, count }) => ["miss", count / flowSize(flow), flowSize(flow)],
  put: ({ flow, count }, bytes) => ["insert", count / flowSize(flow), flowSize(flow), bytes],
  update: ({ flow, count }, bytes) => ["mix", count / flowSize(flow), 0, flowSize(flow), bytes],
  remove: ({ flow, count }) => ["delete", count / flowSize(flow), flowSize(flow)],
  list: ({ count }) => ["scan", count],
  listSmall: ({ count }) => ["scan", count],
  // With every lane waiting for a put, a commit holds 64 of them.
  mixed: ({ count }, bytes) => ["mix", count / 640, 576, 64, bytes],
  modify: ({ count }, bytes) => ["modify", count / 64, 64, 64, bytes],
  cold: ({ count }) => ["cold", count, 4],
};

const FRESH = { put: "empty", remove: "copy", mixed: "copy", modify: "copy", update: "copy" };

function row(name, what, workload, flow, dataSet, count, more = {}) {
  const warm = more.warm ?? Math.ceil(count / 5 / flowSize(flow)) * flowSize(flow);
  const fresh = FRESH[workload];
  const defined = { name, what, workload, flow, data: dataSet, count, warm, fresh, goal: 2 };
  return { ...defined, floor: floorOf[workload], ...more };
}

function readRows() {
  const hot = orders(100_000);
  return [
    row("get-seq", "hot get at random, one by one", "get", seq, hot, 100_000),
    row("get-pipe", "hot get, 1,000 in flight", "get", pipe, hot, 200_000),
    row("get-miss-seq", "get of absent keys, one by one", "miss", seq, hot, 100_000),
    row("has-seq", "has, one by one, every second present", "has", seq, hot, 100_000),
  ];
}

function writeRows() {
  const into = orders(0);
  return [
    row("put-pipe", "put of new records, 1,000 in flight", "put", pipe, into, 100_000, { rss: true }),
    row("put-lanes", "put of new records, 64 lanes", "put", lanes, into, 32_000),
    row("put-seq", "put of new records, one by one", "put", seq, into, 1_000, {
      goal: 1.3,
      withinFloor: true,
      mayTrail: ["sqlite"],
    }),
    row("delete-pipe", "delete, 1,000 in flight", "remove", pipe, orders(100_000), 60_000),
  ];
}

function otherRows() {
  const hot = orders(100_000);
  const small = data("tenants", TENANTS_RECORDS);
  const perKey = { unitsPerOperation: 100_000, unit: "key", warm: 6, goal: 4, rss: true };
  return [
    row("list", "list of 100,000 keys", "list", seq, hot, 20, perKey),
    row("list-small", "list of 20 keys of 200 tenants", "listSmall", seq, small, 20_000),
    row("mixed-lanes", "9 gets to 1 put, 64 lanes", "mixed", lanes, hot, 64_000),
    row("rmw-lanes", "get, modify, put, 64 lanes", "modify", lanes, hot, 16_000),
  ];
}

function shapeRows() {
  const tens = { batch: 100 };
  return [
    row("wide-get", "get of 40 fields, one by one", "get", seq, data("wide", 10_000), 30_000),
    row("wide-put", "put of 40 fields, 1,000 in flight", "put", pipe, data("wide", 0), 20_000),
    row("lines-get", "get of 50 x 4 nested fields, one by one", "get", seq, data("lines", 5_000), 10_000),
    row("lines-put", "put of 50 x 4 nested fields, 1,000 in flight", "put", pipe, data("lines", 0), 10_000),
    row("text-get", "get of 10 kB in several languages, one by one", "get", seq, data("text", 5_000), 20_000),
    row("text-put", "put of 10 kB in several languages, 1,000 in flight", "put", pipe, data("text", 0), 5_000),
    row("big-get", "get of 100 kB of text, one by one", "get", seq, data("big", 200), 20_000),
    row("big-put", "put of 100 kB of text, 100 in flight", "put", tens, data("big", 0), 1_000),
  ];
}

function encodingRows() {
  return ["json", "string"].flatMap((encoding) => {
    const hot = orders(100_000, encoding);
    const title = `encoding "${encoding}"`;
    return [
      row(`${encoding}-get-seq`, `get-seq, ${title}`, "get", seq, hot, 100_000),
      row(`${encoding}-get-pipe`, `get-pipe, ${title}`, "get", pipe, hot, 200_000),
      row(`${encoding}-put-pipe`, `put-pipe, ${title}`, "put", pipe, orders(0, encoding), 100_000),
    ];
  });
}

function coldRows() {
  const onDisk = data("cold", 300_000);
  const more = { cold: true, warm: 0, goal: 5, floor: floorOf.cold };
  const other = { ...more, readOnly: true, user: 65534, peers: ["ours", "replaced"] };
  return [
    row("cold", "get off the disk, 64 lanes", "get", lanes, onDisk, 1_200, more),
    row("cold-read-only", "cold, opened read-only by another user", "get", lanes, onDisk, 1_200, other),
  ];
}

/** Rows in which a 1 ms timer runs beside; lateMost: how many milliseconds late it may be. */
function aliveRows() {
  const hot = orders(100_000);
  const more = { watch: true, goal: undefined, lateMost: 5 };
  const cold = { ...more, cold: true, warm: 0, floor: floorOf.cold };
  const million = { ...more, lateMost: 10, warm: 1, unitsPerOperation: 1e6, unit: "key" };
  return [
    row("alive-seq", "get-seq beside a 1 ms timer", "get", seq, hot, 200_000, more),
    row("alive-lanes", "get in 64 lanes beside a 1 ms timer", "get", lanes, hot, 200_000, more),
    row("alive-pipe", "get-pipe beside a 1 ms timer", "get", pipe, hot, 200_000, more),
    row("alive-cold", "cold beside a 1 ms timer", "get", lanes, data("cold", 300_000), 1_200, cold),
    row("alive-list", "list of 1,000,000 keys beside a 1 ms timer", "list", seq, orders(1e6), 2, million),
  ];
}

function scaleRows() {
  const sizes = [
    ["10k", 10_000],
    ["100k", 100_000],
    ["1m", 1_000_000],
    ["10m", 10_000_000],
  ];
  return sizes.flatMap(([size, records]) => {
    const more = { onRequest: records > 1_000_000 };
    const of = `among ${records.toLocaleString("en-US")} records`;
    const set = orders(records);
    return [
      row(`scale-get-${size}`, `get-seq ${of}`, "get", seq, set, 100_000, { ...more, scaleOf: size }),
      row(`scale-put-${size}`, `put at random ${of}, 64 lanes`, "update", lanes, set, 16_000, more),
    ];
  });
}

const rows = [
  ...readRows(),
  ...writeRows(),
  ...otherRows(),
  ...shapeRows(),
  ...encodingRows(),
  ...coldRows(),
  ...aliveRows(),
  ...scaleRows(),
];

/** A fifth of the operations, and a smaller file for what reads off the disk. */
function quick(full) {
  const size = flowSize(full.flow);
  const fifth = (count) => Math.max(1, Math.ceil(count / 5 / size)) * size;
  const short = { ...full, count: fifth(full.count), warm: full.warm && fifth(full.warm) };
  // A commit a group of mixed holds 640 operations.
  if (full.workload === "mixed") short.count = 12_800;
  if (full.cold) short.data = { ...full.data, records: 60_000 };
  return short;
}

module.exports = { rows, quick };
