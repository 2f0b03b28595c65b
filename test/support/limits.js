"use strict";
// What depends on the build of LMDB.

const LONGEST = 1980;
const USUAL = 511;

/** The bytes that a stored key may have to be put: the prebuilt binaries allow what a page can
 * hold (and must, where LMDBX_TEST_PREBUILT says that this is one), the LMDB of most systems less. */
async function longestPut(repository) {
  const key = "k".repeat(LONGEST - 'longest:""'.length);
  try {
    await repository.put("longest", key, null);
  } catch (error) {
    const mayBeUsual = process.env.LMDBX_TEST_PREBUILT === undefined;
    if (mayBeUsual && error.code === "LMDBX_KEY_TOO_LARGE") return USUAL;
    throw error;
  }
  await repository.delete("longest", key);
  return LONGEST;
}

module.exports = { longestPut };
