/*
 * JavaScript values to and from msgpack. What goes out as what stands in
 * codec/msgpack_writer.h; what is refused, in value_encode.c and lib/values.js.
 * Everything here runs on the JavaScript thread of its environment.
 */
#ifndef LMDBX_BINDING_VALUE_H
#define LMDBX_BINDING_VALUE_H

#include "codec/utf8.h"
#include "lmdbx.h"

#include <node_api.h>

/* A JavaScript exception is pending: clean up and let it propagate, or take it.
 * No code of LMDBX_ERROR_MAP. */
#define LMDBX__JS_EXCEPTION (-1)

/* What conversion needs of its JavaScript environment: one for each, all zero
 * before lmdbx__value_types_init. */
struct lmdbx__value_types {
  napi_ref object_prototype;
  napi_ref classify; /* these six: lib/values.js */
  napi_ref items_of;
  napi_ref call_to_json;
  napi_ref to_map;
  napi_ref to_set;
  napi_ref is_well_formed;
  bool copies_text;      /* the engine makes the UTF-8 of a string in memory of its own first */
  bool drops_surrogates; /* the engine does not write U+FFFD for every lone one */
};

/* helpers is the exports of lib/values.js. LMDBX_OK, LMDBX_INTERNAL or
 * LMDBX__JS_EXCEPTION; after a failure lmdbx__value_types_free is still due. */
int lmdbx__value_types_init(napi_env env, struct lmdbx__value_types *types, napi_value helpers);
void lmdbx__value_types_free(napi_env env, struct lmdbx__value_types *types);

/*
 * Appends a value as msgpack to *out. Getters, proxies and toJSON run meanwhile:
 * they may do anything, so nothing of the caller's may rest on state from before.
 * After a failure *out holds rubbish behind its former end.
 * LMDBX_OK; LMDBX_INVALID_VALUE (the message has the path of the field),
 * LMDBX_VALUE_TOO_LARGE, LMDBX_NO_MEMORY; LMDBX__JS_EXCEPTION if such code threw.
 */
int lmdbx__value_encode(napi_env env, struct lmdbx__value_types *types, napi_value value,
                        struct lmdbx_buffer *out, struct lmdbx_error *error);

/*
 * The value of one msgpack text, in the caller's handle scope. Runs no code of
 * the user's. LMDBX_OK, LMDBX_DECODE, LMDBX_NO_MEMORY; LMDBX__JS_EXCEPTION if the
 * engine threw (out of memory, a string too long), and only then is an exception
 * pending.
 */
int lmdbx__value_decode(napi_env env, struct lmdbx__value_types *types, struct lmdbx_slice bytes,
                        napi_value *out, struct lmdbx_error *error);

/* Well-formed UTF-8 that is no wider as a string. */
napi_status lmdbx__text_create(napi_env env, struct lmdbx_slice text, enum lmdbx__text_width width,
                               napi_value *out);

/*
 * Appends the UTF-8 of a JavaScript string to *out, of which no more than
 * LMDBX_MAX_VALUE_SIZE bytes may then be in use. *well_formed is false if it has
 * lone surrogates, for which there is no UTF-8: then what was appended is not the
 * string. LMDBX_OK, LMDBX_VALUE_TOO_LARGE, LMDBX_NO_MEMORY; LMDBX_INTERNAL if it
 * is no string.
 */
int lmdbx__string_utf8(napi_env env, struct lmdbx__value_types *types, napi_value string,
                       struct lmdbx_buffer *out, bool *well_formed);
/* The same as msgpack. units: about as many UTF-16 units as it has, which saves moving
 * the text behind its header; or 0. */
int lmdbx__string_packed(napi_env env, struct lmdbx__value_types *types, napi_value string,
                         size_t units, struct lmdbx_buffer *out, bool *well_formed);

#endif
