/* A word of the tape, as the tests of both directions write it. */
#ifndef LMDBX_TEST_TAPE_WORD_H
#define LMDBX_TEST_TAPE_WORD_H

#include <stdint.h>

#include "codec/tape.h"

#define WORD(op, argument)                                                                         \
  ((int32_t)(((uint32_t)(argument) << LMDBX__TAPE_OP_BITS) | LMDBX__TAPE_##op))

#endif
