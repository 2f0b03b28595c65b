// What the types of the subpath /import promise, checked by the compiler alone.
import {
  importDirectory,
  type ImportOptions,
  type ImportProgress,
  type ImportReport,
  type NotCarried,
} from "@aurora/runtime-storage-lmdbx/import";
import type { Encoding, LMDBXErrorCode } from "@aurora/runtime-storage-lmdbx";

const report: ImportReport = await importDirectory({ from: "old", to: "new" });
const carried: number = report.carried;
const needed: number = report.neededMapSize;
const suffices: boolean | undefined = report.mapSizeSuffices;
for (const { database, tenantId, key, storedKey, code, reason } of report.notCarried) {
  const places: (string | undefined)[] = [database, tenantId, storedKey];
  const known: LMDBXErrorCode = code;
  void [places, known, key, reason];
}
for (const { name, encoding } of report.databases) {
  const parts: [string | undefined, Encoding] = [name, encoding];
  void parts;
}

const everything: ImportOptions = {
  from: "old.lmdb",
  to: "new",
  names: ["orders", ""] as const,
  encoding: "json",
  encodings: { orders: "msgpack", "": "string" },
  targetEncoding: "msgpack",
  compression: true,
  mapSize: 1e9,
  onProgress: ({ phase, records, total }: ImportProgress) => void [phase, records, total],
  onNotCarried: (entry: NotCarried) => void entry.records,
  signal: undefined,
  lmdb: {},
};
void importDirectory(everything);
void [carried, needed, suffices];

// @ts-expect-error both places are needed
void importDirectory({ from: "old" });
// @ts-expect-error an encoding of another name
void importDirectory({ from: "old", to: "new", encoding: "cbor" });
// @ts-expect-error an option of another name
void importDirectory({ from: "old", to: "new", name: "orders" });
