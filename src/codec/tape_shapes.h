/*
 * Shapes: the names of an object's fields in their order. Objects of a shape that
 * keeps coming back are made by a function compiled for it, in one call instead of
 * one a field. A shape is defined after LMDBX__SHAPE_SIGHTINGS; the number of shapes,
 * of fields and of definitions is bounded, since objects used as maps make endless
 * shapes and a compiled one costs some 30 us and 4 kB.
 *
 * One thread.
 */
#ifndef LMDBX_CODEC_TAPE_SHAPES_H
#define LMDBX_CODEC_TAPE_SHAPES_H

#include "lmdbx.h"

#define LMDBX__SHAPE_FIELDS 64
#define LMDBX__SHAPE_SIGHTINGS 8
#define LMDBX__SHAPES 256
#define LMDBX__SHAPE_DEFINITIONS 1024

struct lmdbx__shape {
  uint64_t hash;
  uint64_t round;     /* the value in which it was last used */
  uint32_t count;     /* of names; 0: nothing lies here */
  uint32_t sightings; /* ages when others want the place */
  bool defined;
  struct lmdbx_slice *names; /* as msgpack strings; one piece of memory with their bytes */
};

/* All zero, but for define, is an empty table. */
struct lmdbx__shapes {
  struct lmdbx__shape *table;                /* LMDBX__SHAPES of them, made when first needed */
  struct lmdbx__shape *heads[LMDBX__SHAPES]; /* defined ones, by count and first name: a guess */
  unsigned definitions;
  uint64_t round;
  /* Has the other side make a function for the shape of that number, in the place of
   * the one that had it before. false: it cannot, and will not be asked again. */
  bool (*define)(void *context, uint32_t number, const struct lmdbx_slice *names, size_t count);
  void *context;
};

/* A value begins: none of the shapes that it uses is given away until the next. */
void lmdbx__shapes_next(struct lmdbx__shapes *shapes);
/* The number of a shape that is defined, below LMDBX__SHAPES; or -1. */
int32_t lmdbx__shape_number(struct lmdbx__shapes *shapes, const struct lmdbx_slice *names,
                            size_t count);
/* The defined shape that so many fields most probably have, of which the first name
 * begins there, as msgpack; or NULL. */
struct lmdbx__shape *lmdbx__shape_guess(const struct lmdbx__shapes *shapes, size_t count,
                                        const uint8_t *first, size_t left);
/* The number of the defined shape that these names most probably have, if they have it;
 * or -1. Its names are well-formed. */
int32_t lmdbx__shape_known(struct lmdbx__shapes *shapes, const struct lmdbx_slice *names,
                           size_t count);
/* The number of a guess that was right; another sighting. */
int32_t lmdbx__shape_use(struct lmdbx__shapes *shapes, struct lmdbx__shape *shape);
void lmdbx__shapes_free(struct lmdbx__shapes *shapes);
/* The bytes in front of the text of a name of a shape. */
size_t lmdbx__string_header_size(const uint8_t *packed);

#endif
