// What the types promise, checked by the compiler alone: nothing here runs.
import {
  LMDBXError,
  LMDBXRepository,
  createLMDBXRepository,
  isLMDBXError,
  type Checkpoint,
  type CheckpointPosition,
  type Encoding,
  type LMDBXConfig,
  type LMDBXErrorCode,
  type Operation,
  type RangeOptions,
  type Repository,
  type Snapshot,
  type TenantRepository,
  type TenantSnapshot,
  type Transaction,
} from "@aurora/runtime-storage-lmdbx";

/** Compiles only if the two types are the same. */
type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
function same<A, B>(..._: Same<A, B> extends true ? [] : ["the types differ"]): void {}

interface Order {
  id: string;
  lines: readonly { sku: string; count: number }[];
  note?: string;
}
declare const path: string;
declare const order: Order;

// ------------------------------------------------------------- construction

// Type arguments are inferred from what is asked for.
const orders: Repository<string, Order> = new LMDBXRepository({ path });
const made: Repository<string, Order> = createLMDBXRepository({ path });
const exact: LMDBXRepository<string, Order> = new LMDBXRepository({ path });
function asArgument(repository: Repository<number, Order>): void {
  void repository;
}
asArgument(new LMDBXRepository({ path }));

// They may be given, and are unknown by default.
const given = createLMDBXRepository<string, Order>({ path });
same<typeof given, LMDBXRepository<string, Order>>();
const unknowns = createLMDBXRepository({ path });
same<typeof unknowns, LMDBXRepository<unknown, unknown>>();
same<LMDBXRepository, LMDBXRepository<unknown, unknown>>();

// Nothing is asked of keys and values: interfaces, readonly arrays, tuples, unions.
interface SeriesKey {
  userId: string;
  timestamp: number;
}
new LMDBXRepository<SeriesKey, readonly number[]>({ path });
const pairs = new LMDBXRepository<readonly [string, number], readonly string[]>({ path });
await pairs.put("acme", ["a", 1] as const, ["x", "y"] as const);
new LMDBXRepository<string | null, undefined | bigint | Date | Map<string, Set<number>>>({ path });

// -------------------------------------------------------------------- options

const everything: LMDBXConfig = {
  path,
  name: "orders",
  compression: true,
  encoding: "msgpack",
  mapSize: 2 ** 30,
  readOnly: true,
  maxReaders: 64,
  maxQueuedBytes: 2 ** 20,
};
new LMDBXRepository(everything);
// Explicit undefined counts as left out, also under exactOptionalPropertyTypes.
new LMDBXRepository({
  path,
  name: undefined,
  compression: undefined,
  encoding: undefined,
  mapSize: undefined,
  readOnly: undefined,
  maxReaders: undefined,
  maxQueuedBytes: undefined,
});
declare const maybe: { name?: string; encoding?: Encoding };
new LMDBXRepository({ path, ...maybe });
const frozen = { path: "data", encoding: "json" } as const;
new LMDBXRepository(frozen);
same<Encoding, "msgpack" | "json" | "string">();

// @ts-expect-error path is required
new LMDBXRepository({});
// @ts-expect-error there must be a configuration
new LMDBXRepository();
// @ts-expect-error path is not optional
new LMDBXRepository({ path: undefined });
// @ts-expect-error not a path
new LMDBXRepository({ path: 1 });
// @ts-expect-error not an encoding
new LMDBXRepository({ path, encoding: "cbor" });
// @ts-expect-error not a number
new LMDBXRepository({ path, mapSize: "1 GB" });
// @ts-expect-error no such option
new LMDBXRepository({ path, compresion: true });

// ---------------------------------------------------------------------- calls

same<Awaited<ReturnType<typeof exact.get>>, Order | undefined>();
same<Awaited<ReturnType<typeof exact.list>>, string[]>();
const put: Promise<void> = exact.put("acme", "1", order);
const existed: Promise<boolean> = exact.delete("acme", "1");
const has: Promise<boolean> = exact.has("acme", "1");
const closed: Promise<void> = exact.close();
const ready: Promise<void> = exact.ready();
// The first overload is what a call without a wish gets.
same<typeof inferred, boolean>();
const inferred = await exact.delete("acme", "1");

// @ts-expect-error a key of another type
void exact.get("acme", 1);
// @ts-expect-error a value of another type
void exact.put("acme", "1", { id: 1 });
// @ts-expect-error the tenant is missing
void exact.get("1");
// @ts-expect-error a tenant is a string
void exact.list(7);

const acme: TenantRepository<string, Order> = exact.tenant("acme");
await acme.put("1", order);
same<Awaited<ReturnType<typeof acme.get>>, Order | undefined>();
same<Awaited<ReturnType<typeof acme.list>>, string[]>();
const acmeExisted: boolean = await acme.delete("1");
const acmeHas: boolean = await acme.has("1");
// @ts-expect-error a view cannot name another tenant
void acme.get("globex", "1");
// @ts-expect-error nor be closed
void acme.close();

async function disposes(): Promise<void> {
  await using repository = createLMDBXRepository<string, Order>({ path });
  const disposed: Promise<void> = repository[Symbol.asyncDispose]();
  await disposed;
}

// ----------------------------------------- interfaces that others may have

/** Whatever a program already has as its repository interface, ours satisfies it. */
interface DeleteSaysWhether<K, V> {
  get(tenantId: string, key: K): Promise<V | undefined>;
  delete(tenantId: string, key: K): Promise<boolean>;
}
interface DeleteSaysNothing<K, V> {
  get(tenantId: string, key: K): Promise<V | undefined>;
  delete(tenantId: string, key: K): Promise<void>;
}
interface ListIsReadonly<K, V> {
  put(tenantId: string, key: K, value: V): Promise<void>;
  list(tenantId: string): Promise<readonly K[]>;
}
interface ListTakesPrefix<K> {
  list(tenantId: string, prefix?: string): Promise<K[]>;
}
interface ListTakesOptions<K> {
  list(tenantId: string, options?: { limit?: number }): Promise<readonly K[]>;
}
interface Closes {
  close(): Promise<void>;
}
interface AsProperties<K, V> {
  readonly get: (tenantId: string, key: K) => Promise<V | undefined>;
  readonly put: (tenantId: string, key: K, value: V) => Promise<void>;
  readonly delete: (tenantId: string, key: K) => Promise<void>;
  readonly has: (tenantId: string, key: K) => Promise<boolean>;
  readonly list: (tenantId: string) => Promise<K[]>;
}
const guess1: DeleteSaysWhether<string, Order> = new LMDBXRepository({ path });
const guess2: DeleteSaysNothing<string, Order> = new LMDBXRepository({ path });
const guess3: ListIsReadonly<string, Order> = new LMDBXRepository({ path });
const guess4: ListTakesPrefix<string> = exact;
const guess5: ListTakesOptions<string> = exact;
const guess6: Repository<string, Order> & Closes = new LMDBXRepository({ path });
const guess7: AsProperties<string, Order> = new LMDBXRepository({ path });
const guess8: AsyncDisposable = exact;

/** A double for tests needs no more than the interface. */
class InMemory<K, V> implements Repository<K, V> {
  async put(_tenantId: string, _key: K, _value: V): Promise<void> {}
  async get(_tenantId: string, _key: K): Promise<V | undefined> {
    return undefined;
  }
  async delete(_tenantId: string, _key: K): Promise<void> {}
  async has(_tenantId: string, _key: K): Promise<boolean> {
    return false;
  }
  async list(_tenantId: string): Promise<K[]> {
    return [];
  }
}
const double: Repository<string, Order> = new InMemory();

// --------------------------------------------------------------------- errors

declare const caught: unknown;
if (isLMDBXError(caught)) {
  same<typeof caught, LMDBXError>();
  const error: Error = caught;
  const key: unknown = caught.key;
  const where: string | undefined = caught.path ?? caught.tenantId;
  const errno: number | undefined = caught.errno;
  switch (caught.code) {
    case "LMDBX_MAP_FULL":
    case "LMDBX_CLOSED":
      break;
    // @ts-expect-error no such code
    case "LMDBX_MAPFULL":
      break;
  }
  // @ts-expect-error not to be changed
  caught.code = "LMDBX_CLOSED";
  void [error, key, where, errno];
}
if (caught instanceof LMDBXError) {
  const code: LMDBXErrorCode = caught.code;
  void code;
}
// @ts-expect-error only this package makes them
new LMDBXError();

void [orders, made, put, existed, has, closed, ready, inferred, acmeExisted, acmeHas];
void [guess1, guess2, guess3, guess4, guess5, guess6, guess7, guess8, double, disposes];

// ----------------------------------------------------- batches and checkpoints

const checkpoint: Checkpoint = { name: "events", position: 5n, expected: null };
const operations: readonly Operation<string, Order>[] = [
  { type: "put", tenantId: "acme", key: "o-1", value: order },
  { type: "delete", tenantId: "acme", key: "o-2" },
];
same<ReturnType<typeof exact.batch>, Promise<void>>();
await exact.batch(operations);
await exact.batch([], { checkpoint });
await exact.batch([], { checkpoint: { name: "events", position: null, expected: undefined } });
await exact.batch([], { checkpoint: undefined });
const position: CheckpointPosition | undefined = await exact.getCheckpoint("events");
for (const { name, position } of await exact.checkpoints()) {
  same<typeof name, string>();
  same<typeof position, CheckpointPosition>();
}
void position;
// @ts-expect-error: a put has a value
await exact.batch([{ type: "put", tenantId: "acme", key: "o-1" }]);
// @ts-expect-error: the value is an Order
await exact.batch([{ type: "put", tenantId: "acme", key: "o-1", value: 5 }]);
// @ts-expect-error: a checkpoint has a position
await exact.batch([], { checkpoint: { name: "events" } });
// @ts-expect-error: a position is no object
await exact.batch([], { checkpoint: { name: "events", position: {} } });

// ------------------------------------------------------ updates, transactions

same<Awaited<ReturnType<typeof exact.update>>, Order | undefined>();
await exact.update("acme", "o-1", (current) => current && { ...current, note: "changed" });
await exact.update("acme", "o-1", () => undefined);
await exact.tenant("acme").update("o-1", () => order);
// @ts-expect-error: not asynchronous
await exact.update("acme", "o-1", async () => order);
// @ts-expect-error: an Order, or nothing
await exact.update("acme", "o-1", () => 5);

const counters = new LMDBXRepository<readonly [string, number], number>({ path, name: "counters" });
const sum = await exact.transaction(
  async (tx) => {
    same<typeof tx, Transaction<string, Order>>();
    const found: Order | undefined = await tx.get("acme", "o-1");
    const there: boolean = await tx.has("acme", "o-2");
    tx.put("acme", "o-3", order);
    tx.delete("acme", "o-4");
    const other = tx.with(counters);
    same<typeof other, Transaction<readonly [string, number], number>>();
    other.put("acme", ["a", 1], 5);
    // @ts-expect-error: the other repository's keys
    other.put("acme", "a", 5);
    return found === undefined && !there ? 1 : 2;
  },
  { checkpoint, maxAttempts: 3 },
);
same<typeof sum, 1 | 2>();
const text: string = await exact.transaction(() => "synchronous");
void text;
await exact.transaction(() => {}, { checkpoint: undefined, maxAttempts: undefined });
const removed: number = await exact.clearTenant("acme");
void ((await exact.tenant("acme").clear()) + removed);
same<ReturnType<typeof exact.reset>, Promise<void>>();

// ------------------------------------------------- ranges, iterators, snapshots

same<ReturnType<typeof given.list>, Promise<string[]>>();
same<ReturnType<typeof given.getMany>, Promise<(Order | undefined)[]>>();
same<ReturnType<typeof given.count>, Promise<number>>();
same<ReturnType<typeof given.tenants>, Promise<string[]>>();
same<ReturnType<typeof given.keys>, AsyncIterableIterator<string>>();
same<ReturnType<typeof given.values>, AsyncIterableIterator<Order>>();
same<ReturnType<typeof given.entries>, AsyncIterableIterator<[string, Order]>>();
same<ReturnType<typeof given.snapshot>, Snapshot<string, Order>>();
same<RangeOptions, RangeOptions<unknown>>();

type Signal = typeof globalThis extends { AbortSignal: { prototype: infer S } } ? S : never;
same<RangeOptions["signal"], Signal | undefined>();
declare const signal: Signal;
const range: RangeOptions<string> = {
  gt: "a",
  lte: "b",
  prefix: "a",
  reverse: true,
  limit: 10,
  signal,
};
await given.list("acme", range);
await given.getMany("acme", ["a", "b"] as const);
await pairs.list("acme", { gte: ["a", 1], prefix: ["a"] as const });
declare const last: string | undefined;
await given.list("acme", { gt: last, limit: 100, signal: undefined });
// @ts-expect-error bounds are keys
await given.list("acme", { gt: 1 });
// @ts-expect-error prefixes are strings or arrays
await given.list("acme", { prefix: 1 });
// @ts-expect-error there is no such option
await given.list("acme", { start: "a" });
// @ts-expect-error keys have a type
await given.getMany("acme", [1]);

const tenantView: TenantRepository<string, Order> = given.tenant("acme");
same<ReturnType<typeof tenantView.entries>, AsyncIterableIterator<[string, Order]>>();
await tenantView.list(range);
await tenantView.getMany(["a"]);
for await (const [key, value] of tenantView.entries(range)) {
  same<typeof key, string>();
  same<typeof value, Order>();
}
{
  using snapshot = given.snapshot();
  same<Awaited<ReturnType<typeof snapshot.get>>, Order | undefined>();
  const view: TenantSnapshot<string, Order> = snapshot.tenant("acme");
  for await (const value of view.values({ limit: 1 })) same<typeof value, Order>();
  snapshot.close();
  // @ts-expect-error a snapshot only reads
  snapshot.put("acme", "a", order);
}
