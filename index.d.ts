/// <reference lib="esnext.disposable" />

export {};

/**
 * `URL` as this program's types have it, from the DOM, Node.js or Bun. Programs without any of
 * them are not asked to have it.
 */
type URLObject = typeof globalThis extends { URL: new (...args: any[]) => infer U } ? U : never;

/** `AbortSignal` as this program's types have it, in the same way. */
type AbortSignalObject = typeof globalThis extends { AbortSignal: { prototype: infer S } } ? S : never;

/**
 * How values are written.
 *
 * - `"msgpack"`: everything JSON holds, exactly, and `undefined`, `Date`, 64-bit `BigInt`, `NaN`,
 *   infinities, `-0`, bytes (read back as `Buffer`), typed arrays, `Map` and `Set`.
 * - `"json"`: what `JSON.parse(JSON.stringify(value))` gives.
 * - `"string"`: strings alone.
 */
export type Encoding = "msgpack" | "json" | "string";

export interface LMDBXConfig {
  /**
   * The directory that holds the database, as a path or a `file:` URL. It is created with its
   * parents, and `data.mdb` and `lock.mdb` lie in it.
   */
  path: string | URLObject;

  /**
   * The named database inside the directory, so that several share one file and its transactions.
   *
   * Default: the main database.
   */
  name?: string | undefined;

  /**
   * Whether values are compressed, as standard LZ4 frames, where that makes them smaller. Values
   * can be read whatever this says, so it may be switched at any time.
   *
   * Default: `false`.
   */
  compression?: boolean | undefined;

  /**
   * How values are written. Values must be read with the encoding that they were written with.
   *
   * Default: `"msgpack"`.
   */
  encoding?: Encoding | undefined;

  /**
   * The largest size of the database in bytes. A `put` past it rejects with `LMDBX_MAP_FULL`;
   * deletes go on working, and a larger value may be given at any later opening.
   *
   * Default: automatic (as `0`): the database grows as long as the disk has space.
   */
  mapSize?: number | undefined;

  /**
   * Opens without write access: the database must exist, writes reject with `LMDBX_READ_ONLY`, and
   * a directory that this process may not write to can be read as far as LMDB allows it.
   *
   * Default: `false`.
   */
  readOnly?: boolean | undefined;

  /**
   * Where reads happen. `"adaptive"`: small reads of data that is in memory are answered on the
   * calling thread, for a millisecond in each turn of the event loop; a few later ones are told of in
   * the next turn, and all others happen on the thread pool. `"pool"`: all on the thread pool.
   *
   * Default: `"adaptive"`.
   */
  reads?: "adaptive" | "pool" | undefined;

  /**
   * Reader slots of the environment, shared by all processes that use it. The process that opens
   * it first decides.
   *
   * Default: `1024`.
   */
  maxReaders?: number | undefined;

  /**
   * How many bytes of operations may wait in this repository. Past it an operation rejects at once
   * with `LMDBX_QUEUE_FULL`, and nothing else is affected: await earlier operations first. What is
   * being committed has its pages in memory besides: up to some 16 MiB. A {@link
   * LMDBXRepository.bulkLoad} is not refused: one chunk of each may wait besides.
   *
   * Default: `268435456` (256 MiB).
   */
  maxQueuedBytes?: number | undefined;
}

/**
 * A store of records by tenant and key: what a program should ask for that does not depend on this
 * package. {@link LMDBXRepository} is one.
 */
export interface Repository<K = unknown, V = unknown> {
  put(tenantId: string, key: K, value: V): Promise<void>;
  get(tenantId: string, key: K): Promise<V | undefined>;
  delete(tenantId: string, key: K): Promise<void>;
  has(tenantId: string, key: K): Promise<boolean>;
  list(tenantId: string): Promise<K[]>;
}

/** How far a worker has come: whatever orders its events. `5` and `5n` differ. */
export type CheckpointPosition = string | number | bigint;

/** A checkpoint that is written in the same commit as the operations it belongs to. */
export interface Checkpoint {
  /** Names it within its (named) database: 1 to 256 bytes of UTF-8. */
  name: string;

  /**
   * The new position: a string of up to 1,021 bytes of UTF-8, a finite number other than `-0`, or a
   * `BigInt` of 64 bits. `null` removes the checkpoint.
   */
  position: CheckpointPosition | null;

  /**
   * The position that must be stored before, its type included; `null`: there must be none. If it
   * is another one, nothing is written, and the call rejects with `LMDBX_CONFLICT`.
   *
   * Give it always. It alone keeps a second worker, or this one before a restart, from applying an
   * event twice, and a batch from coming before a transaction or load that was given earlier: those
   * take their place among the writes only when their function, or source, has ended.
   *
   * Default: not checked.
   */
  expected?: CheckpointPosition | null | undefined;
}

/** One operation of a {@link LMDBXRepository.batch}. */
export type Operation<K = unknown, V = unknown> =
  | { type: "put"; tenantId: string; key: K; value: V }
  | { type: "delete"; tenantId: string; key: K };

export interface BatchOptions {
  /** Written in the same commit. */
  checkpoint?: Checkpoint | undefined;
}

/** How far a bulk load has come: what is on disk. */
export interface BulkLoadProgress {
  /** Records so far: the first ones of the source. */
  readonly records: number;
  /** Bytes of their keys and values, before compression. */
  readonly bytes: number;
}

export interface BulkLoadOptions {
  /**
   * Written in the commit of the last chunk. With `expected`, every chunk is refused with
   * `LMDBX_CONFLICT` once another position is stored.
   */
  checkpoint?: Checkpoint | undefined;
  /** Called whenever a chunk is on disk. What it throws ends the load, which rejects with that. */
  onProgress?: ((progress: BulkLoadProgress) => void) | undefined;
  /** Ends the load between two chunks, which then rejects with the reason of the signal. */
  signal?: AbortSignalObject | undefined;
}

export interface TransactionOptions {
  /**
   * Written in the same commit. If its position is not the `expected` one, the transaction rejects
   * with `LMDBX_CONFLICT` and is not tried again.
   */
  checkpoint?: Checkpoint | undefined;

  /**
   * How often the function runs at most, until what it has read is still so when it commits.
   *
   * Default: `16`.
   */
  maxAttempts?: number | undefined;
}

/**
 * One run of the function of a {@link LMDBXRepository.transaction}. It is of no use behind its end:
 * then all of its calls are refused. Only what is read through it is compared in the commit: record
 * by record, so nothing guards against new keys in a range.
 */
export interface Transaction<K = unknown, V = unknown> {
  /**
   * The value of a record: what this transaction has written, or else what was stored when it first
   * looked, which is compared when it commits.
   */
  get(tenantId: string, key: K): Promise<V | undefined>;

  /** Whether there is a record; for the rest, as {@link get}. */
  has(tenantId: string, key: K): Promise<boolean>;

  /**
   * Writes a value, when the transaction commits. It is encoded at once; what cannot be stored is
   * thrown by this very call.
   */
  put(tenantId: string, key: K, value: V): void;

  /** Removes a record, if there is one, when the transaction commits. */
  delete(tenantId: string, key: K): void;

  /**
   * The same transaction on another repository of the same path, whatever its `name` and
   * `encoding`: in the same commit.
   *
   * @throws `LMDBX_INVALID_ARGUMENT` if it is on another path.
   */
  with<K2, V2>(other: LMDBXRepository<K2, V2>): Transaction<K2, V2>;
}

/** The records of one tenant: the calls of {@link LMDBXRepository} without the tenant argument. */
export interface TenantRepository<K = unknown, V = unknown> {
  /** See {@link LMDBXRepository.put}. */
  put(key: K, value: V): Promise<void>;
  /** See {@link LMDBXRepository.get}. */
  get(key: K): Promise<V | undefined>;
  /** See {@link LMDBXRepository.delete}. */
  delete(key: K): Promise<boolean>;
  delete(key: K): Promise<void>;
  /** See {@link LMDBXRepository.has}. */
  has(key: K): Promise<boolean>;
  /** See {@link LMDBXRepository.getMany}. */
  getMany(keys: readonly K[]): Promise<(V | undefined)[]>;
  /** See {@link LMDBXRepository.list}. */
  list(range?: RangeOptions<K>): Promise<K[]>;
  /** See {@link LMDBXRepository.count}. */
  count(range?: RangeOptions<K>): Promise<number>;
  /** See {@link LMDBXRepository.keys}. */
  keys(range?: RangeOptions<K>): AsyncIterableIterator<K>;
  /** See {@link LMDBXRepository.values}. */
  values(range?: RangeOptions<K>): AsyncIterableIterator<V>;
  /** See {@link LMDBXRepository.entries}. */
  entries(range?: RangeOptions<K>): AsyncIterableIterator<[K, V]>;
  /** See {@link LMDBXRepository.snapshot}. */
  snapshot(): TenantSnapshot<K, V>;
  /** See {@link LMDBXRepository.update}. */
  update(key: K, fn: (current: V | undefined) => V | undefined): Promise<V | undefined>;
  /** See {@link LMDBXRepository.clearTenant}. */
  clear(): Promise<number>;
}

/**
 * Where a repository stands.
 *
 * - `"opening"`: from the constructor until opening has succeeded or failed.
 * - `"open"`: at work.
 * - `"failed"`: it could not be opened; or an I/O error ended the database, and opening it again in
 *   place, which every operation tries, has not succeeded yet.
 * - `"closed"`: from the call of `close()` on.
 */
export type LMDBXState = "opening" | "open" | "failed" | "closed";

/**
 * What a repository is and does, see {@link LMDBXRepository.stats}. Sizes are in bytes. Fields that
 * may be missing are there while the repository is open and its file can be read.
 */
export interface LMDBXStats {
  /** See {@link LMDBXRepository.state}. */
  readonly state: LMDBXState;
  /** Why it is `"failed"`, or why its file could not be read just now. */
  readonly error?: LMDBXError;

  /**
   * Records of this (named) database, over all tenants, as committed. Exact, but in a main database
   * of more than 65,536 records: there, the names of at most 256 named databases count as records
   * until a repository of this process has opened them.
   */
  readonly entries?: number;
  /** Levels of the tree of this database; 0 while it is empty. */
  readonly depth?: number;
  /** Pages of this database that lead to others. */
  readonly branchPages?: number;
  /** Pages of this database that hold records. */
  readonly leafPages?: number;
  /** Further pages of this database, for values that do not fit in a leaf. */
  readonly overflowPages?: number;

  /** Bytes of one page. */
  readonly pageSize?: number;
  /** Address space that this process has reserved for the file: `mapSize`, or what it chose. */
  readonly mapSize?: number;
  /** Bytes of `data.mdb` up to its last page, for all databases in it. The file never shrinks. */
  readonly fileSize?: number;
  /** Of these, bytes in pages that hold something. */
  readonly usedSize?: number;
  /** And bytes in pages that can be used again, once no reader needs them any more. */
  readonly freeSize?: number;
  /** The longest stored key (tenant, colon, JSON text, in UTF-8) that `put` accepts, in bytes. */
  readonly maxKeySize?: number;
  /** Number of the last commit of any process; each adds 1. */
  readonly lastTxnId?: number;
  /** Reader slots in use, by all processes. */
  readonly readers?: number;
  /** Reader slots there are, see `maxReaders`. */
  readonly maxReaders?: number;

  /**
   * Age in milliseconds of the oldest snapshot, or list or count that takes several pages, of this
   * process; 0: there is none. As long as it lasts, freed pages cannot be used again.
   */
  readonly oldestSnapshotMs?: number;

  /** Commits of this process to this file since it was opened, for all repositories on it. */
  readonly commits?: number;
  /** Operations that travelled with them. */
  readonly operations?: number;
  /** `operations` by `commits`: how well writes share an `fsync`. */
  readonly operationsPerCommit?: number;
  /** Milliseconds that this process's writers have waited for other processes to finish writing. */
  readonly writerWaitMs?: number;

  /** Operations of this repository that have not settled yet. */
  readonly queuedOperations: number;
  /** Their bytes, of which `maxQueuedBytes` is the limit. */
  readonly queuedBytes: number;
  /** Reads of this repository that were answered on the calling thread. */
  readonly inlineReads: number;
  /** Reads of this repository that were answered by the thread pool. Each page of a long list is one. */
  readonly poolReads: number;
  /** Jobs in which reads of this thread travelled, over all its repositories. */
  readonly readJobs: number;
}

/**
 * What the diagnostics channel `aurora:lmdbx:commit` publishes, for each commit of this process in
 * which writes of this thread were.
 */
export interface LMDBXCommit {
  /** The directory of a repository of this thread whose writes were in it. */
  readonly path: string;
  /** Writes that are on disk now, of all threads. */
  readonly operations: number;
  /** Bytes of their keys and values, as stored. */
  readonly bytes: number;
  /** Milliseconds from the first page to the last. */
  readonly duration: number;
  /** Transactions it took: more than 1 where writes that failed had to be told from others. */
  readonly transactions: number;
}

/**
 * The context of the `tracingChannel` `aurora:lmdbx:operation`, around each call of a repository that
 * returns a promise. Subscribers may add to it.
 */
export interface LMDBXOperation {
  /** The method: `"put"`. */
  readonly operation: string;
  /** The directory of the repository. */
  readonly path: string;
  /** The `name` of the repository; `undefined`: the main database. */
  readonly database: string | undefined;
  /** The tenant, where the call has one. */
  readonly tenantId?: string;
  /** The key, where the call has one. */
  readonly key?: unknown;
}

/** How far a backup has come. */
export interface BackupProgress {
  /** Bytes copied so far, and on disk soon. */
  readonly bytes: number;
  /** Bytes it will be in all. For a compact backup not known before the last call. */
  readonly total?: number;
}

export interface BackupOptions {
  /**
   * Leaves free pages out and lays the others in order: a smaller file, for more work. Default:
   * `false`.
   */
  compact?: boolean | undefined;
  /**
   * Called as the backup proceeds, every 50 ms or 16 MB, and a last time, with `bytes` equal to
   * `total`, when all is copied and the directory does not have its name yet. If it throws, the
   * backup is given up: `backup` rejects with that, and nothing is left.
   */
  onProgress?: ((progress: BackupProgress) => void) | undefined;
  /**
   * Gives the backup up, which then rejects with the signal's reason, and nothing is left. Once the
   * directory is being given its name, it is too late, and the backup resolves.
   */
  signal?: AbortSignalObject | undefined;
}

/**
 * Which records, and in which order. Stored order is that of the UTF-8 bytes of the keys' JSON
 * texts: `10 < 9`, and `"John Smith" < "John"`, since a closing quote sorts after a space.
 *
 * An option that is `undefined` counts as left out. What makes no sense is refused with
 * `LMDBX_INVALID_ARGUMENT`: two bounds on one side, a lower one above the upper one, a bound that
 * leaves nothing of the prefix without having it, an option that does not exist.
 */
export interface RangeOptions<K = unknown> {
  /** Only keys behind this one, which need not exist. With `limit`: the next part of a list. */
  gt?: K | undefined;
  /** Only this key and those behind it. */
  gte?: K | undefined;
  /** Only keys before this one. */
  lt?: K | undefined;
  /** Only this key and those before it. */
  lte?: K | undefined;

  /**
   * A string: only string keys that begin with it. An array: only array keys whose first elements
   * are these, of which the array itself is one. Bounds narrow it down.
   */
  prefix?: string | readonly unknown[] | undefined;

  /**
   * From the last to the first.
   *
   * Default: `false`.
   */
  reverse?: boolean | undefined;

  /**
   * The most records: an integer of 0 or more.
   *
   * Default: all.
   */
  limit?: number | undefined;

  /** When it aborts, reading ends, and rejects with its reason. */
  signal?: AbortSignalObject | undefined;
}

/**
 * The records as they were at one moment, whatever is written meanwhile. Its calls are those of
 * {@link LMDBXRepository}; they are answered one after another, on the thread pool.
 *
 * Close it when it is no longer needed: as long as it is open, space that other records leave
 * cannot be used again, and the file grows. One that is dropped is closed when it is collected.
 *
 * It expires, and its calls reject with `LMDBX_SNAPSHOT_EXPIRED`, when its repository is closed,
 * and when the database has to end all read transactions: to follow another process that has made
 * it larger, to open the reserve behind a full `mapSize` for deletes, or to open the file again
 * after an I/O error.
 */
export interface Snapshot<K = unknown, V = unknown> {
  /** See {@link LMDBXRepository.get}. */
  get(tenantId: string, key: K): Promise<V | undefined>;
  /** See {@link LMDBXRepository.has}. */
  has(tenantId: string, key: K): Promise<boolean>;
  /** See {@link LMDBXRepository.getMany}. */
  getMany(tenantId: string, keys: readonly K[]): Promise<(V | undefined)[]>;
  /** See {@link LMDBXRepository.list}. */
  list(tenantId: string, range?: RangeOptions<K>): Promise<K[]>;
  /** See {@link LMDBXRepository.count}. */
  count(tenantId: string, range?: RangeOptions<K>): Promise<number>;
  /** See {@link LMDBXRepository.keys}. All of it is of the snapshot's moment. */
  keys(tenantId: string, range?: RangeOptions<K>): AsyncIterableIterator<K>;
  /** See {@link LMDBXRepository.values}. All of it is of the snapshot's moment. */
  values(tenantId: string, range?: RangeOptions<K>): AsyncIterableIterator<V>;
  /** See {@link LMDBXRepository.entries}. All of it is of the snapshot's moment. */
  entries(tenantId: string, range?: RangeOptions<K>): AsyncIterableIterator<[K, V]>;

  /** One tenant's part of it. Closing either closes both. */
  tenant(tenantId: string): TenantSnapshot<K, V>;

  /**
   * Ends the snapshot, once what was asked of it before is answered. Calls made afterwards reject
   * with `LMDBX_CLOSED`. Closing twice is fine.
   */
  close(): void;

  /** {@link close}, for `using`. */
  [Symbol.dispose](): void;
}

/** One tenant's part of a snapshot: its calls without the tenant argument. */
export interface TenantSnapshot<K = unknown, V = unknown> {
  /** See {@link LMDBXRepository.get}. */
  get(key: K): Promise<V | undefined>;
  /** See {@link LMDBXRepository.has}. */
  has(key: K): Promise<boolean>;
  /** See {@link LMDBXRepository.getMany}. */
  getMany(keys: readonly K[]): Promise<(V | undefined)[]>;
  /** See {@link LMDBXRepository.list}. */
  list(range?: RangeOptions<K>): Promise<K[]>;
  /** See {@link LMDBXRepository.count}. */
  count(range?: RangeOptions<K>): Promise<number>;
  /** See {@link Snapshot.keys}. */
  keys(range?: RangeOptions<K>): AsyncIterableIterator<K>;
  /** See {@link Snapshot.values}. */
  values(range?: RangeOptions<K>): AsyncIterableIterator<V>;
  /** See {@link Snapshot.entries}. */
  entries(range?: RangeOptions<K>): AsyncIterableIterator<[K, V]>;
  /** See {@link Snapshot.close}. */
  close(): void;
  /** See {@link Snapshot.close}. */
  [Symbol.dispose](): void;
}

/**
 * An embedded, multi-tenant key-value repository in one directory.
 *
 * Keys are any values that JSON holds. A read issued after a write of the same repository sees it,
 * whether or not the write was awaited. Every rejection is an {@link LMDBXError}, or a `TypeError`
 * or `RangeError` with the same properties: see {@link isLMDBXError}.
 *
 * @typeParam K - What keys are.
 * @typeParam V - What values are.
 */
export class LMDBXRepository<K = unknown, V = unknown> implements Repository<K, V> {
  /**
   * Opens the repository. Returns at once: calls made meanwhile wait until it is open, and reject
   * with the same error as {@link ready} if it cannot be opened.
   *
   * @throws A `TypeError` or `RangeError` with code `LMDBX_INVALID_CONFIG`, naming the field.
   */
  constructor(config: LMDBXConfig);

  /** Resolves once the repository is open, and rejects if it cannot be opened. */
  ready(): Promise<void>;

  /** Stores a value. Durable on disk when it resolves. `undefined` is refused: use `delete`. */
  put(tenantId: string, key: K, value: V): Promise<void>;

  /** The value stored under a key, or `undefined`. */
  get(tenantId: string, key: K): Promise<V | undefined>;

  /** Removes a record, and says whether there was one. Durable on disk when it resolves. */
  delete(tenantId: string, key: K): Promise<boolean>;
  /** The same, for interfaces whose `delete` resolves to nothing. */
  delete(tenantId: string, key: K): Promise<void>;

  /** Whether there is a record under a key. */
  has(tenantId: string, key: K): Promise<boolean>;

  /**
   * The values stored under some keys, each in the place of its key and `undefined` where there is
   * none, all as of one moment. Of thousands of keys, the event loop has its turn in between; all the
   * same the keys, and objects among them, may be changed as soon as the call has returned.
   */
  getMany(tenantId: string, keys: readonly K[]): Promise<(V | undefined)[]>;

  /**
   * The keys of a tenant as of one moment, in stored order: that of the bytes of their JSON text.
   * All of them, or those of a range.
   */
  list(tenantId: string, range?: RangeOptions<K>): Promise<K[]>;
  /** The same, for interfaces whose `list` takes something else besides. */
  list(tenantId: string): Promise<K[]>;

  /** How many records a tenant has as of one moment, or has in a range. */
  count(tenantId: string, range?: RangeOptions<K>): Promise<number>;

  /**
   * Iterates over the keys of a tenant, or those of a range, in stored order.
   *
   * Reads a page when the one before it is used up, each in a read transaction of its own, and
   * holds none in between. A page sees what this repository was asked to write before the page was
   * asked for, the first one when `next()` is called for the first time. So a record that stays is
   * given exactly once, and one that comes, changes or goes meanwhile as the page met it; for one
   * moment throughout use {@link snapshot}.
   *
   * Ends with the loop (`break`, an exception), with `LMDBX_CLOSED` when the repository is closed,
   * and with the signal's reason. Wrong arguments reject the first `next()`.
   */
  keys(tenantId: string, range?: RangeOptions<K>): AsyncIterableIterator<K>;
  /** Iterates over values as {@link keys} does over keys. */
  values(tenantId: string, range?: RangeOptions<K>): AsyncIterableIterator<V>;
  /** Iterates over keys with their values as {@link keys} does over keys. */
  entries(tenantId: string, range?: RangeOptions<K>): AsyncIterableIterator<[K, V]>;

  /**
   * The ids of all tenants that have records, as of one moment, sorted as `Array.prototype.sort`
   * does. Sees what this repository was asked to write before, awaited or not. Looks at every key of
   * the database.
   */
  tenants(): Promise<string[]>;

  /**
   * The records as they are now: with all that this repository was asked to write before, awaited
   * or not, and nothing that it is asked to write later. It has no checkpoints, see
   * {@link getCheckpoint}.
   *
   * @throws An {@link LMDBXError} if the repository is closed or could not be opened.
   */
  snapshot(): Snapshot<K, V>;

  /**
   * Carries several operations out in order and in one commit, for any tenants: all of them, with
   * the checkpoint, or none. Durable on disk when it resolves. Up to 262,144 operations and 512 MiB.
   *
   * An error of one operation names it and refuses the whole batch. Once a batch, transaction or
   * load with a checkpoint has failed, those with a checkpoint of the same name that this repository
   * object was given before it could tell, and that are not committed yet, reject with
   * `LMDBX_ABORTED`: a position cannot overtake what was lost. A batch takes its place among the
   * writes when it is given, a {@link transaction} when its function has ended, a {@link bulkLoad}
   * with its last chunk: a batch that is given while one of those runs comes before it, and stays
   * if it then fails. Where that must not be, give `expected`, or await one before the next.
   *
   * @throws `LMDBX_CONFLICT` if the checkpoint's position is not the `expected` one, with the
   *   properties `checkpoint`, `expected` and `actual`.
   */
  batch(operations: readonly Operation<K, V>[], options?: BatchOptions): Promise<void>;

  /**
   * Puts the records of a source, in its order, in chunks of about 1 MB, up to 8,192 records, or half
   * of `maxQueuedBytes`: for rebuilds. Each chunk is one commit; while one is written, the next one is taken from the
   * source, and no more than these two are in memory. Of records with one key the last one stays.
   * Resolves to how many records there were, once all of them are on disk, with the checkpoint.
   *
   * A load that fails, is aborted or killed leaves whole chunks: the first records of the source,
   * and the checkpoint as it was. It rejects with what the source threw; with an
   * {@link LMDBXError} with `index`, `tenantId` and `key` for a record that cannot be stored; with
   * `LMDBX_CLOSED` after {@link close}; with `LMDBX_ABORTED` if what was given meanwhile with the same
   * checkpoint has failed. Nothing is under way any more when it rejects.
   *
   * Fastest are sources in the order of the stored keys, into a database that has none behind them
   * (checkpoints lie behind all records), and sources that are no async iterables.
   */
  bulkLoad(
    source:
      | AsyncIterable<readonly [tenantId: string, key: K, value: V]>
      | Iterable<readonly [tenantId: string, key: K, value: V]>,
    options?: BulkLoadOptions,
  ): Promise<number>;

  /**
   * Reads a record, changes it and writes it back, atomically whoever else does so: other calls,
   * threads or processes. Resolves to what is stored for this update, once that is on disk.
   *
   * `fn` is given the current value, or `undefined`, and returns the new one, or `undefined` to
   * remove the record. It must be synchronous: a promise is refused. It may run more than once, so
   * it should do nothing else. If it throws, this update alone rejects with just that; so it does if
   * what it returns cannot be stored, or does not fit.
   *
   * Updates of one key in one repository object are committed together; those of several in one
   * thread with the same `path`, `name`, `encoding` and `compression` in turns. An update takes its place
   * among the writes when it commits: behind all that were issued before it, and perhaps behind
   * some that were issued meanwhile. One that is not on its way to the disk yet when {@link close} is
   * called rejects with `LMDBX_CLOSED`, and is not stored; every other one finishes.
   */
  update(
    tenantId: string,
    key: K,
    fn: (current: V | undefined) => V | undefined,
  ): Promise<V | undefined>;

  /**
   * Reads and writes any number of records in one commit, exactly if nothing it has read has
   * changed meanwhile; else `fn` runs again. Resolves to what `fn` returned, once all is on disk.
   *
   * `fn` may await whatever it likes: no lock is held while it runs. What it reads is what has been
   * committed, and earlier writes of this repository, awaited or not; its own writes are seen by it
   * alone until the commit. Reads are compared byte for byte, absence included, but only those
   * through its argument: not what `fn` reads from a repository itself. There is no list, count or
   * getMany among them, so that nothing guards against new keys in a range. If `fn` throws,
   * nothing is written, and the transaction rejects with just that; unless it had read several
   * records, and one of them has changed: then what it saw may never have been so at one moment,
   * and it runs again. One that only reads has seen one moment when it resolves.
   *
   * A read that is not awaited, and comes back behind the end of `fn`, rejects, and is no unhandled
   * rejection.
   *
   * It takes its place among the writes when `fn` has ended. Until then, what fails with a checkpoint
   * of the same name makes it reject with `LMDBX_ABORTED`.
   *
   * @throws `LMDBX_CONFLICT` if what was read had changed in each of `maxAttempts` runs, with the
   *   tenant and key of such a record; or as {@link batch} does, for the checkpoint.
   */
  transaction<T>(
    fn: (tx: Transaction<K, V>) => T | Promise<T>,
    options?: TransactionOptions,
  ): Promise<T>;

  /**
   * Removes all records of a tenant in one commit, in its place among the writes, and says how many
   * there were.
   */
  clearTenant(tenantId: string): Promise<number>;

  /**
   * Removes all records and checkpoints of this (named) database in one commit, in its place among
   * the writes.
   */
  reset(): Promise<void>;

  /**
   * The position of a checkpoint of this (named) database, or `undefined`. Sees what is committed,
   * and what this repository was asked to write before, such as a {@link batch}, awaited or not.
   *
   * A {@link snapshot} has no checkpoints: records with the position that belongs to them, of one
   * moment, are to be had from a {@link backup}.
   */
  getCheckpoint(name: string): Promise<CheckpointPosition | undefined>;

  /**
   * All checkpoints of this (named) database, as of one moment, by name in the order of its bytes.
   * Sees what {@link getCheckpoint} does.
   */
  checkpoints(): Promise<{ name: string; position: CheckpointPosition }[]>;

  /** The records of one tenant, for code that must not name another. */
  tenant(tenantId: string): TenantRepository<K, V>;

  /** Where the repository stands, at once. */
  readonly state: LMDBXState;

  /**
   * What the repository is and does. Never rejects: where the file cannot be read, the fields that
   * take it are missing. Counts what is committed when a thread comes to it, and waits for no write.
   */
  stats(): Promise<LMDBXStats>;

  /**
   * Copies the whole directory, all named databases of it, to another one, while reading and
   * writing go on. The copy is of one moment: all that this repository was asked to write before is
   * in it. It can be opened as it is.
   *
   * The directory must not exist (`LMDBX_EXISTS`), and appears, with its parents, when the copy is
   * complete and on disk. Until then it has a name of the form `<path>.partial.<process>.<number>`;
   * what a killed process left there is removed by a later backup to the same path, after ten
   * minutes.
   *
   * Failures, `signal`, `close()` (`LMDBX_CLOSED`) and the exit of the process or worker thread end it
   * soon and leave nothing. It also ends where the map of the file has to move (`LMDBX_CONFLICT`),
   * which happens to databases that have reached their `mapSize`: take it again.
   *
   * @param path - The directory, as a path or a `file:` URL.
   */
  backup(path: string | URLObject, options?: BackupOptions): Promise<void>;

  /**
   * Lets operations finish that were issued before, then releases the database. Calls made
   * afterwards reject with `LMDBX_CLOSED`. Closing twice is fine. What takes several steps may be
   * between two of them, and rejects with `LMDBX_CLOSED`, too: an {@link update} or a
   * {@link transaction} that is not being committed yet, of which nothing is stored, a
   * {@link bulkLoad}, a {@link backup}, iterators and snapshots.
   */
  close(): Promise<void>;

  /** {@link close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** The same as `new LMDBXRepository(config)`. */
export function createLMDBXRepository<K = unknown, V = unknown>(
  config: LMDBXConfig,
): LMDBXRepository<K, V>;

/** What an error of this package is about. */
export type LMDBXErrorCode =
  /** The configuration is not valid. */
  | "LMDBX_INVALID_CONFIG"
  /** An argument is not valid. */
  | "LMDBX_INVALID_ARGUMENT"
  /** The key cannot be stored exactly. */
  | "LMDBX_INVALID_KEY"
  /** The value cannot be stored exactly. */
  | "LMDBX_INVALID_VALUE"
  /** The stored key is too long. */
  | "LMDBX_KEY_TOO_LARGE"
  /** The encoded value is too large. */
  | "LMDBX_VALUE_TOO_LARGE"
  /** The stored value cannot be decoded. */
  | "LMDBX_DECODE"
  /** The repository is closed. */
  | "LMDBX_CLOSED"
  /** The repository is open for reading only. */
  | "LMDBX_READ_ONLY"
  /** The database has reached its mapSize. */
  | "LMDBX_MAP_FULL"
  /** Too many bytes of operations are queued. */
  | "LMDBX_QUEUE_FULL"
  /** No space is left on the device. */
  | "LMDBX_NO_SPACE"
  /** Memory could not be allocated. */
  | "LMDBX_NO_MEMORY"
  /** The operating system reported an error. */
  | "LMDBX_IO"
  /** Permission was denied. */
  | "LMDBX_ACCESS"
  /** No database exists there. */
  | "LMDBX_NOT_FOUND"
  /** Something that is not a directory is in the way. */
  | "LMDBX_NOT_A_DIRECTORY"
  /** The data file is damaged or not an LMDB file. */
  | "LMDBX_CORRUPT"
  /** The data file has a format this package cannot open. */
  | "LMDBX_FORMAT"
  /** The lock file belongs to an incompatible build of LMDB. */
  | "LMDBX_LOCK_FORMAT"
  /** All reader slots are in use. */
  | "LMDBX_READERS_FULL"
  /** The environment holds too many named databases. */
  | "LMDBX_DATABASES_FULL"
  /** The database name cannot be used here. */
  | "LMDBX_NAME_CONFLICT"
  /** Another owner opened this path with other options. */
  | "LMDBX_CONFIG_CONFLICT"
  /** Another copy of LMDB in this process has this path open. */
  | "LMDBX_ALREADY_OPEN"
  /** The environment was opened before a fork. */
  | "LMDBX_FORKED"
  /** Another process with the same process id uses this path. */
  | "LMDBX_PID_CLASH"
  /** The path lies on a network file system. */
  | "LMDBX_NETWORK_FS"
  /** The environment failed and could not be reopened yet, or its locks are of no use any more. */
  | "LMDBX_FAILED"
  /** Another writer was faster. */
  | "LMDBX_CONFLICT"
  /** The operation was abandoned. */
  | "LMDBX_ABORTED"
  /** The snapshot has expired. */
  | "LMDBX_SNAPSHOT_EXPIRED"
  /** The native addon is missing. */
  | "LMDBX_NATIVE_MISSING"
  /** An internal error occurred. */
  | "LMDBX_INTERNAL"
  /** Something exists there already. */
  | "LMDBX_EXISTS"
  /** Another program is using it. */
  | "LMDBX_IN_USE"
  /** An optional package is missing. */
  | "LMDBX_PEER_MISSING";

/**
 * An error of this package. Its message says what was being done and what to do about it.
 *
 * Programming mistakes are `TypeError`s and `RangeError`s with the same properties;
 * {@link isLMDBXError} recognises them too.
 */
export class LMDBXError extends Error {
  private constructor();
  readonly name: string;
  readonly code: LMDBXErrorCode;
  /** The directory of the repository. */
  readonly path?: string;
  /** The tenant of the operation. */
  readonly tenantId?: string;
  /** The key of the operation, in full. */
  readonly key?: unknown;
  /** The index of the operation of a batch, or of the record of a bulk load. */
  readonly index?: number;
  /** The operating system's or LMDB's number of the error. */
  readonly errno?: number;
  /** The name of the checkpoint whose position was not the expected one. */
  readonly checkpoint?: string;
  /** The position that was expected of it; `null`: none. */
  readonly expected?: CheckpointPosition | null;
  /** The position that is stored; `undefined`: none. */
  readonly actual?: CheckpointPosition | undefined;
}

/** Whether something caught is an error of this package, of whatever class. */
export function isLMDBXError(error: unknown): error is LMDBXError;
