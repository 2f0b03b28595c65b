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
  uint64_t round; /* counted by the owner for every value: none of its shapes is forgotten */
};

/*
 * The number of a shape, below LMDBX__SHAPES, that lib/assemble.js has a function for;
 * or -1: build the object from its names. define is its defineShape, which answers
 * false where the host forbids code from strings.
 */
int32_t lmdbx__shape_number(napi_env env, struct lmdbx__shapes *shapes, napi_ref define,
                            const struct lmdbx_slice *names, size_t count);
void lmdbx__shapes_free(struct lmdbx__shapes *shapes);

#endif
