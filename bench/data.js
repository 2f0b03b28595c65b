"use strict";
// The records: what lies under which key. Everything follows from an index, so that each process
// can say what a record must hold.

const TENANT = "acme";
const SMALL_TENANTS = 200;

/** A small generator of random 32-bit numbers (mulberry32), the same in every process. */
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

/** A string that is one piece of memory, as one that came from outside is. */
function flat(text) {
  return Buffer.from(text, "latin1").toString("latin1");
}

function order(i) {
  return {
    id: `order-${i}`,
    customer: { id: `customer-${i % 1000}`, name: "Alice Example" },
    status: i % 3 === 0 ? "paid" : "pending",
    total: (i % 10000) + 0.25,
    createdAt: 1700000000000 + i,
    tags: ["web", "priority"],
  };
}

function wide(i) {
  const value = {};
  for (let field = 0; field < 40; field++) {
    const name = `field${field}`;
    if (field % 4 === 0) value[name] = `text ${field} of record ${i}`;
    else if (field % 4 === 1) value[name] = i + field;
    else if (field % 4 === 2) value[name] = i / 8 + field;
    else value[name] = (i + field) % 2 === 0;
  }
  return value;
}

function lines(i) {
  const line = (_, n) => ({ sku: `sku-${(i + n) % 5000}`, name: "A thing", quantity: n, price: n + 0.5 });
  return { id: `order-${i}`, lines: Array.from({ length: 50 }, line) };
}

function big(i) {
  return flat(`${i}:`.padEnd(100_000, "All work and no play makes Jack a dull boy. "));
}

const SENTENCES = [
  "The order was shipped to Zürich — €49.90, “as agreed”. ",
  "Die Lieferung nach Königsberg verzögert sich um höchstens fünf Tage. ",
  "Le reçu a été envoyé à l’adresse de l’élève. ",
  "Заказ отправлен и будет доставлен завтра. ",
  "ご注文ありがとうございます。",
];

/** Some 10 kB in several languages. */
function text(i) {
  const body = Array.from({ length: 170 }, (_, n) => SENTENCES[(i + n) % SENTENCES.length]).join("");
  return { id: i, title: `Größe ${i}`, body: Buffer.from(body).toString() };
}

/** Some 1.9 kB that hardly compress: two of them fill a page. */
function cold(i) {
  const next = random(i);
  let payload = "";
  while (payload.length < 1800) payload += next().toString(36);
  return { id: i, payload };
}

const makers = { order, wide, lines, big, text, cold, tenants: order };

/** What a record holds in an encoding: the string encoding has the JSON text. */
function valueOf(kind, encoding, i) {
  const value = makers[kind](i);
  return encoding === "string" && typeof value !== "string" ? flat(JSON.stringify(value)) : value;
}

/** Padded, so that keys sort by their index. */
function keyOf(i) {
  return flat(`order:${String(i).padStart(8, "0")}`);
}

function absentKeyOf(i) {
  return flat(`order:${String(i).padStart(8, "0")}x`);
}

function smallTenant(i) {
  return flat(`tenant-${String(i % SMALL_TENANTS).padStart(3, "0")}`);
}

/** @returns {Uint32Array} indexes of records at random */
function picks(count, records, seed = 1) {
  const next = random(seed);
  return Uint32Array.from({ length: count }, () => next() % records);
}

/** @returns {Uint32Array} every index once, in random order */
function shuffled(records, seed = 2) {
  const next = random(seed);
  const indexes = Uint32Array.from({ length: records }, (_, i) => i);
  for (let i = records - 1; i > 0; i--) {
    const other = next() % (i + 1);
    [indexes[i], indexes[other]] = [indexes[other], indexes[i]];
  }
  return indexes;
}

module.exports = {
  TENANT,
  SMALL_TENANTS,
  random,
  valueOf,
  keyOf,
  absentKeyOf,
  smallTenant,
  picks,
  shuffled,
};
