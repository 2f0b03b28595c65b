"use strict";
// What depends on the build of LMDB.

const LONGEST = 1980;
const USUAL = 511;

/** The bytes that a stored key may have to be put: the prebuilt binaries allow what a page can
 * hold, the LMDB of most systems less. */
async function longestPut(repository) {
  const key = "k".repeat(LONGEST - 'longest:""'.length);
  try {
    await repository.put("longest", key, null);
  } catch (error) {
    if (error.code === "LMDBX_KEY_TOO_LARGE") return USUAL;
    throw error;
  }
  await repository.delete("longest", key);
  return LONGEST;
}

module.exports = { longestPut };
