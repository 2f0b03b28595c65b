import type { Encoding, LMDBXErrorCode } from "./index.js";

/** `URL` and `AbortSignal` as this program's types have them; never where there are none. */
type URLObject = typeof globalThis extends { URL: new (...args: any[]) => infer U } ? U : never;
type Signal = typeof globalThis extends { AbortSignal: { prototype: infer S } } ? S : never;

/** What {@link importDirectory} takes. */
export interface ImportOptions {
  /** What was given to 0.3.x as `path`: a directory, or a single file. Only read. */
  from: string | URLObject;
  /** The new directory. Nothing may exist there; its parents are created. */
  to: string | URLObject;
  /**
   * Named databases to take over; `""` is the main one, that of repositories without a name.
   * Default: the main one and all named ones.
   */
  names?: readonly string[] | undefined;
  /**
   * The `encoding` that 0.3.x was configured with. Default: `"msgpack"`; where most values are none of
   * it, or all could be numbers of it or single characters of another, the import ends with
   * `LMDBX_DECODE` and asks for it. Where it is given, all values of it go over, unless most are none
   * of it, and the others could as well be of another.
   */
  encoding?: Encoding | undefined;
  /** The encodings of those named databases that have another one; `""` is the main one. */
  encodings?: Readonly<Record<string, Encoding>> | undefined;
  /**
   * New names of named databases, by the old ones: for names that 0.4 does not take, such as those
   * with a colon. The main database has none. Default: all keep theirs.
   */
  rename?: Readonly<Record<string, string>> | undefined;
  /**
   * The encoding of the new databases. Default: that of the old ones. To `"json"` only values go
   * over that JSON holds exactly.
   */
  targetEncoding?: Encoding | undefined;
  /**
   * Whether the new databases compress values. Default: `false`. Compressed values of the old ones
   * are recognised in any case.
   */
  compression?: boolean | undefined;
  /** The `mapSize` that the new directory will be opened with: the report says whether it suffices. */
  mapSize?: number | undefined;
  /** Told after each group of records. */
  onProgress?: ((progress: ImportProgress) => void) | undefined;
  /** Told of everything that is not carried over, while `ImportReport.notCarried` has a limit. */
  onNotCarried?: ((entry: NotCarried) => void) | undefined;
  /** Stops the import: it rejects with `LMDBX_ABORTED`, and leaves nothing behind. */
  signal?: Signal | undefined;
  /**
   * The npm package `lmdb`, for programs that bundle it. Default: the one installed in the
   * working directory or beside this package.
   */
  lmdb?: unknown;
}

/** How far an import is. Each record is copied, then compared. */
export interface ImportProgress {
  phase: "copy" | "verify";
  /** The named database, or `undefined` for the main one. */
  database: string | undefined;
  /** Records of all databases that this phase has dealt with. */
  records: number;
  /** Records of all databases. */
  total: number;
  /** Time since the beginning. */
  milliseconds: number;
}

/** Something that an import did not carry over: one record, or a whole database. */
export interface NotCarried {
  /** The named database, or `undefined` for the main one. */
  database: string | undefined;
  /** Tenant and key, where the stored key has the form `tenant:JSON`. */
  tenantId?: string;
  key?: unknown;
  /** The stored key, where it has not: as text, or a character a byte where it is none. */
  storedKey?: string;
  /** How many records this is: 1, or those of a database that as a whole cannot be carried over. */
  records: number;
  /** What the new repository, or the import, has against it. */
  code: LMDBXErrorCode;
  reason: string;
}

/** What an import did. */
export interface ImportReport {
  from: string;
  to: string;
  databases: {
    name: string | undefined;
    /** The name in the new directory: another one where `rename` says so. */
    newName: string | undefined;
    encoding: Encoding;
    records: number;
    carried: number;
    /** Bytes of the keys and values that were carried over, as 0.3.x stored them, unpacked. */
    bytes: number;
  }[];
  /**
   * Whether the system went down before the newest commits were known to be on disk. Then this is the
   * last commit that was, as 0.3.x would have gone back to, and the numbers are of that.
   */
  recovered: boolean;
  /** Records in the old databases. */
  records: number;
  /** Records in the new ones, each read back and compared. */
  carried: number;
  bytes: number;
  /** The first 1,000 things that were not carried over. */
  notCarried: NotCarried[];
  /** Records that were not carried over. */
  notCarriedCount: number;
  milliseconds: number;
  /**
   * The `mapSize` that the new directory needs, with room to write to it, in bytes: the file, and
   * twice as much again, or as two of the largest commits write (1 GiB).
   */
  neededMapSize: number;
  /** Whether the given `mapSize` is as large. */
  mapSizeSuffices?: boolean;
}

/**
 * Takes a database of version 0.3.x over: writes a new directory, reads both sides back and
 * compares them, and gives the new directory its name when it is complete.
 *
 * The old database is only read. Nothing may write to it meanwhile. Reads it through the npm
 * package `lmdb` (3.2.2 or a later 3.x), an optional peer dependency.
 *
 * Records that the new repository refuses, and such that 0.3.x did not write, are reported and left
 * out. Everything else ends the import with an error, and then there is no new directory.
 */
export function importDirectory(options: ImportOptions): Promise<ImportReport>;
