"use strict";
// Exit codes, which are interface.

const DONE = 0;
/** Done, but something was found or left out; it was reported. */
const INCOMPLETE = 1;
const USAGE = 2;
const FAILED = 3;
/** As shells report SIGINT. */
const INTERRUPTED = 130;

class UsageError extends Error {}

module.exports = { DONE, INCOMPLETE, USAGE, FAILED, INTERRUPTED, UsageError };
