"use strict";
// What cannot be tried where the runtime runs under qemu's user mode (LMDBX_TEST_EMULATED), and
// elsewhere neither.

const emulated = process.env.LMDBX_TEST_EMULATED !== undefined;

/** qemu does not tell the kernel which mutexes a thread holds: what a process had locked when it was
 * killed stays locked, as long as others have the database open. On macOS LMDB uses semaphores. */
const noRobustMutexes = emulated
  ? "qemu's user mode has no robust mutexes"
  : process.platform === "darwin" && "macOS has no robust mutexes";

/** qemu keeps a record of each page that was ever mapped, gigabytes after some hundred databases. */
const noManyMaps = emulated && "qemu's user mode does not forget what was mapped";

/** Bun takes the access to what a buffer gave back away, which qemu refuses; then Bun aborts. */
const noResizing =
  emulated && process.versions.bun !== undefined && "under qemu, Bun aborts where a buffer shrinks";

/** Bun starts programs by vfork, which qemu does as a fork: that there is no such program shows in another
 * process. */
const noSpawnError =
  emulated && process.versions.bun !== undefined && "under qemu, Bun is not told that a program did not start";

module.exports = { emulated, noManyMaps, noResizing, noRobustMutexes, noSpawnError };
