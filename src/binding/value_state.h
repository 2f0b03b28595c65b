/*
 * Inside the encoder of values; nobody else includes this.
 *
 * Recursive, LMDBX_MAX_DEPTH deep at most. Every call into the engine that can
 * run the user's code (getters, proxies, toJSON) may change anything: counts are
 * written as they were first seen, lists of names and items are copies, pointers
 * into buffers are fetched anew.
 */
#ifndef LMDBX_BINDING_VALUE_STATE_H
#define LMDBX_BINDING_VALUE_STATE_H

#include "binding/value.h"

struct lmdbx__encoding {
  napi_env env;
  struct lmdbx__value_types *types;
  struct lmdbx_buffer *out;
  struct lmdbx_error *error;
  napi_value object_prototype; /* these two: only if the value is an object */
  napi_value to_json_name;
  size_t items;   /* announced so far, as LMDBX_MAX_ITEMS counts them */
  size_t handles; /* made since the innermost scope was opened, roughly */
};

enum lmdbx__step {
  LMDBX__STEP_FIELD,   /* key */
  LMDBX__STEP_ELEMENT, /* index */
  LMDBX__STEP_MAP,     /* index: of a key (even) or value (odd) */
  LMDBX__STEP_SET      /* index */
};

/* An item and where it stands: a list up to the root, on the stack. */
struct lmdbx__place {
  const struct lmdbx__place *parent; /* NULL for the root */
  enum lmdbx__step step;             /* from the parent to here */
  uint32_t index;
  unsigned depth; /* containers around it */
  napi_value key;
  napi_value value;
};

/* value_encode.c. may_call: whether a toJSON is called, which is not so for what a
 * toJSON returned. */
int lmdbx__encode_item(struct lmdbx__encoding *encoding, struct lmdbx__place *at, bool may_call);
/* A string item, or the name of the field at this place. */
int lmdbx__encode_string(struct lmdbx__encoding *encoding, const struct lmdbx__place *at,
                         napi_value string);

/* value_objects.c */
int lmdbx__encode_object(struct lmdbx__encoding *encoding, struct lmdbx__place *at, bool may_call);
/* Calls a function of lib/values.js. */
int lmdbx__encode_call(struct lmdbx__encoding *encoding, napi_ref helper, size_t count,
                       const napi_value *arguments, napi_value *out);

/* value_containers.c */
int lmdbx__encode_array(struct lmdbx__encoding *encoding, const struct lmdbx__place *at);
int lmdbx__encode_map_or_set(struct lmdbx__encoding *encoding, const struct lmdbx__place *at,
                             bool map);
/* An object as its own enumerable string fields. */
int lmdbx__encode_fields(struct lmdbx__encoding *encoding, const struct lmdbx__place *at);
/* value_error.c: all return the code. "<path> is <reason>"; a failed call into the
 * engine; what the writer or a string conversion answered. */
int lmdbx__encode_refuse(struct lmdbx__encoding *encoding, const struct lmdbx__place *at,
                         const char *format, ...) __attribute__((format(printf, 3, 4)));
int lmdbx__encode_engine_failed(struct lmdbx__encoding *encoding);
int lmdbx__encode_written(struct lmdbx__encoding *encoding, int code);

#endif
