import type { LMDBXConfig, LMDBXRepository } from "./index";

/** The options of a repository, but for where it lies. */
export type TemporaryConfig = Omit<LMDBXConfig, "path"> & { path?: undefined };

/** A repository in a directory of its own, which is removed with it. */
export interface TemporaryRepository<K = unknown, V = unknown> extends LMDBXRepository<K, V> {
  /** The directory, for a second repository on it. */
  readonly path: string;
  /** Closes the repository, then removes the directory, also while another repository has it open. */
  close(): Promise<void>;
}

/**
 * A repository in a new directory under the system's temporary one. `close()`, and so `await using`,
 * removes the directory; if that is forgotten, the end of the process or worker thread does.
 *
 * @throws A `TypeError` or `RangeError` with code `LMDBX_INVALID_CONFIG`, naming the field.
 */
export function createTemporaryRepository<K = unknown, V = unknown>(
  config?: TemporaryConfig,
): TemporaryRepository<K, V>;
