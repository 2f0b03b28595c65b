/*
 * Objects of a shape that keeps coming back are made by a function compiled for
 * it, in one call instead of one a field. A shape is the names of the fields in
 * their order. It is compiled after LMDBX__SHAPE_SIGHTINGS; the number of shapes,
 * of fields and of compilations is bounded, since objects used as maps make
 * endless shapes and a compiled one costs some 30 us and 4 kB.
 *
 * JavaScript thread of one environment.
 */
#ifndef LMDBX_BINDING_VALUE_SHAPES_H
#define LMDBX_BINDING_VALUE_SHAPES_H

#include "lmdbx.h"

#include <node_api.h>

#define LMDBX__SHAPE_FIELDS 64
#define LMDBX__SHAPE_SIGHTINGS 8
#define LMDBX__SHAPES 256
#define LMDBX__SHAPE_COMPILATIONS 1024

struct lmdbx__shape; /* value_shapes.c */

/* All zero is an empty cache. */
struct lmdbx__shapes {
  struct lmdbx__shape *table; /* LMDBX__SHAPES of them, made when first needed */
  unsigned compilations;
};

/*
 * The function for a shape, or NULL: build the object field by field. compile is
 * objectFactory of lib/values.js, which answers undefined where the host forbids
 * code from strings. napi_ok unless the engine fails.
 */
napi_status lmdbx__shape_factory(napi_env env, struct lmdbx__shapes *shapes, napi_ref compile,
                                 const struct lmdbx_slice *names, size_t count, napi_value *out);
void lmdbx__shapes_free(napi_env env, struct lmdbx__shapes *shapes);

#endif
