/*
 * Values by way of a tape (codec/tape.h): one call into the engine for the text of
 * a whole value instead of one for each of its parts. lib/assemble.js builds from
 * it, lib/flatten.js writes it. JavaScript thread of one environment.
 */
#ifndef LMDBX_BINDING_VALUE_TAPE_H
#define LMDBX_BINDING_VALUE_TAPE_H

#include "binding/value.h"
#include "codec/tape.h"

/* All zero before lmdbx__value_tape_init. */
struct lmdbx__value_tape {
  struct lmdbx__tape building;
  struct lmdbx__tape_source packing;
  struct lmdbx__tape_names names;
  const uint8_t *key; /* shared memory for a stored key */
  size_t key_limit;
  napi_ref define_shape; /* lib/assemble.js */
  napi_ref memory[7];    /* keep the shared memory where it is */
  napi_env env;
};

/* tape: the exports of lib/tape.js; define_shape: a function of lib/assemble.js. After
 * a failure lmdbx__value_tape_free is still due. */
napi_status lmdbx__value_tape_init(napi_env env, struct lmdbx__value_tape *tape, napi_value memory,
                                   napi_value define_shape);
void lmdbx__value_tape_free(napi_env env, struct lmdbx__value_tape *tape);
/* The memory of a typed array that is never moved or given away, while *keep lasts. */
napi_status lmdbx__shared_memory(napi_env env, napi_value holder, const char *name, napi_ref *keep,
                                 void **data, size_t *length);

/* The text of a value, msgpack or JSON, that now is on the building tape: a string, or
 * an array of several. LMDBX_OK, LMDBX__TAPE_UNFIT, and what lmdbx__tape_build and
 * lmdbx__value_decode answer. */
int lmdbx__value_tape_build(struct lmdbx__value_tape *tape, struct lmdbx_slice value, bool json,
                            napi_value *out, struct lmdbx_error *error);
/* The same of values that lmdbx__value_tape_next has put onto the tape since it was begun
 * (first). Between the two nothing else is built. LMDBX_OK, LMDBX__TAPE_UNFIT. */
int lmdbx__value_tape_next(struct lmdbx__value_tape *tape, struct lmdbx_slice value,
                           enum lmdbx_encoding encoding, bool first);
napi_status lmdbx__value_tape_text(struct lmdbx__value_tape *tape, napi_value *out);
/* Appends what is on the packing tape as msgpack. text: its text, if it has any.
 * LMDBX_OK, LMDBX__TAPE_UNFIT, LMDBX_NO_MEMORY, LMDBX_VALUE_TOO_LARGE, LMDBX_INTERNAL. */
int lmdbx__value_tape_pack(struct lmdbx__value_tape *tape, struct lmdbx__value_types *types,
                           napi_value text, struct lmdbx_buffer *scratch, struct lmdbx_buffer *out);

#endif
