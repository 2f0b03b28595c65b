"use strict";
// What cannot be tried where the runtime runs under qemu's user mode (LMDBX_TEST_EMULATED).

const emulated = process.env.LMDBX_TEST_EMULATED !== undefined;

/** qemu does not tell the kernel which mutexes a thread holds: what a process had locked when it was
 * killed stays locked, as long as others have the database open. */
const noRobustMutexes = emulated && "qemu's user mode has no robust mutexes";

module.exports = { emulated, noRobustMutexes };
