// The types of what a service needs in operation, and of /testing.
import {
  LMDBXError,
  LMDBXRepository,
  type BackupOptions,
  type BackupProgress,
  type BulkLoadOptions,
  type BulkLoadProgress,
  type LMDBXState,
  type LMDBXStats,
} from "@aurora/runtime-storage-lmdbx";
import {
  createTemporaryRepository,
  type TemporaryConfig,
  type TemporaryRepository,
} from "@aurora/runtime-storage-lmdbx/testing";

/** Compiles only if the two types are the same. */
type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
function same<A, B>(..._: Same<A, B> extends true ? [] : ["the types differ"]): void {}

declare const repository: LMDBXRepository<string, number>;

// ---------------------------------------------------------- state and stats

same<LMDBXState, "opening" | "open" | "failed" | "closed">();
const state: LMDBXState = repository.state;
// @ts-expect-error not to be changed
repository.state = "open";

const stats: LMDBXStats = await repository.stats();
same<typeof stats.state, LMDBXState>();
same<typeof stats.queuedBytes, number>();
same<typeof stats.entries, number | undefined>();
same<typeof stats.error, LMDBXError | undefined>();
// @ts-expect-error not to be changed
stats.entries = 1;

// ------------------------------------------------------------------ backup

const done: Promise<void> = repository.backup("copy");
const progress: BackupProgress[] = [];
const options: BackupOptions = {
  compact: true,
  onProgress: (each) => progress.push(each),
  signal: undefined,
};
void repository.backup("copy", options);
same<BackupProgress, { readonly bytes: number; readonly total?: number }>();
// @ts-expect-error where to
void repository.backup();
// @ts-expect-error no such option
void repository.backup("copy", { compacted: true });

// --------------------------------------------------------------- bulk loads

const loadOptions: BulkLoadOptions = {
  checkpoint: { name: "loaded", position: 1 },
  onProgress: ({ records, bytes }: BulkLoadProgress) => records + bytes,
  signal: undefined,
};
const loaded: Promise<number> = repository.bulkLoad([["acme", "k", 1]], loadOptions);
void repository.bulkLoad(new Set([["acme", "k", 1] as const]));
void repository.bulkLoad(
  (async function* () {
    yield ["acme", "k", 1] as const;
  })(),
);
// @ts-expect-error the values are numbers
void repository.bulkLoad([["acme", "k", "text"]]);
// @ts-expect-error no tenant
void repository.bulkLoad([["k", 1]]);

// ----------------------------------------------------------------- /testing

const temporary = createTemporaryRepository<string, number>({ name: "orders" });
same<typeof temporary, TemporaryRepository<string, number>>();
const usable: LMDBXRepository<string, number> = temporary;
const directory: string = temporary.path;
const inferred: LMDBXRepository<number, string> = createTemporaryRepository();
const config: TemporaryConfig = { encoding: "json", name: undefined };
// @ts-expect-error it has a directory of its own
createTemporaryRepository({ path: "data" });
// @ts-expect-error no such option
createTemporaryRepository({ compresion: true });
async function disposes(): Promise<void> {
  await using repository = createTemporaryRepository<string, number>();
  await repository.put("acme", "1", 1);
}

void [loaded, state, stats, done, usable, directory, inferred, config, disposes];
