/*
 * Reads one msgpack value and has it built by a table of calls; knows no object
 * model. Stands on msgpack-c's unpack template with a stack of our own depth.
 *
 * Nothing in the bytes can crash it or make it take more memory than a small
 * multiple of the bytes' length: claimed counts are checked against the bytes
 * left and LMDBX_MAX_ITEMS, strings against UTF-8, nesting against LMDBX_MAX_DEPTH
 * (items of Map and Set count like those of arrays), and what follows the value is
 * refused.
 */
#ifndef LMDBX_CODEC_MSGPACK_READER_H
#define LMDBX_CODEC_MSGPACK_READER_H

#include "codec/msgpack_writer.h"

/* A built value, meaningful to the builder alone (a napi_value, a test's
 * node). The reader keeps it until the container that holds it is built. */
typedef void *lmdbx_value;

/*
 * The builder. Every call returns LMDBX_OK, or a code that ends the reading and
 * becomes its result (the builder describes the error itself). Runs on the
 * thread that called lmdbx__msgpack_read.
 */
struct lmdbx_builder {
  int (*nil)(void *context, lmdbx_value *out);
  int (*undefined)(void *context, lmdbx_value *out);
  int (*boolean)(void *context, bool value, lmdbx_value *out);
  int (*integer)(void *context, int64_t value, lmdbx_value *out); /* -2^31 .. 2^32-1 */
  int (*number)(void *context, double value, lmdbx_value *out);
  int (*bigint_signed)(void *context, int64_t value, lmdbx_value *out);
  int (*bigint_unsigned)(void *context, uint64_t value, lmdbx_value *out);
  int (*date)(void *context, double milliseconds, lmdbx_value *out); /* NaN: invalid Date */
  int (*string)(void *context, struct lmdbx_slice text, lmdbx_value *out);
  int (*bytes)(void *context, struct lmdbx_slice bytes, lmdbx_value *out);
  int (*typed_array)(void *context, enum lmdbx_typed_array code, struct lmdbx_slice elements,
                     lmdbx_value *out);
  int (*array)(void *context, const lmdbx_value *items, size_t count, lmdbx_value *out);
  /* A map all of whose keys are strings, in stored order, repeats included. The
   * keys point into the bytes being read. */
  int (*object)(void *context, const struct lmdbx_slice *keys, const lmdbx_value *values,
                size_t count, lmdbx_value *out);
  /* A Map (the ext), and a plain msgpack map with a key that is not a string:
   * pairs is key, value, key, value ... */
  int (*map)(void *context, const lmdbx_value *pairs, size_t pair_count, lmdbx_value *out);
  int (*set)(void *context, const lmdbx_value *members, size_t count, lmdbx_value *out);
};

/*
 * Reads exactly one value from bytes. On success *out is it. On failure *error
 * describes it; for LMDBX_DECODE the message gives the byte position and, where
 * the first bytes allow a guess, the likely cause ("looks like JSON").
 * LMDBX_OK, LMDBX_DECODE, LMDBX_NO_MEMORY, or what a builder call returned.
 * Any thread.
 */
int lmdbx__msgpack_read(struct lmdbx_slice bytes, const struct lmdbx_builder *builder,
                        void *context, lmdbx_value *out, struct lmdbx_error *error);

#endif
