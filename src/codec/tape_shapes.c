#include "codec/tape_shapes.h"

#include "codec/bytes.h"
#include "codec/msgpack_writer.h"

#include <stdlib.h>
#include <string.h>

/* Bytes of the longest string whose size is in its first byte. */
#define FIXSTR_MAX 31
/* Places in the table where one shape may lie: two neighbours. */
#define WAYS 2

size_t lmdbx__string_header_size(const uint8_t *packed) {
  switch (packed[0]) {
  case 0xD9: return 2;
  case 0xDA: return 3;
  case 0xDB: return 5;
  default: return 1;
  }
}

static uint64_t mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
  return hash ^ (hash >> 32);
}

/* The first bytes of a name, and its size. */
static uint64_t head_of(struct lmdbx_slice name) {
  uint64_t word = 0;
  memcpy(&word, name.data, name.size < sizeof word ? name.size : sizeof word);
  return word ^ (uint64_t)name.size << 56;
}

/* Of what tells shapes apart at a glance: all names are compared afterwards. */
static uint64_t hash_names(const struct lmdbx_slice *names, size_t count) {
  size_t total = 0;
  for (size_t i = 0; i < count; i++) total = total * 31 + names[i].size;
  uint64_t hash = mix(count, total);
  hash = mix(hash, head_of(names[0]));
  return mix(hash, head_of(names[count - 1]));
}

/* The end of a longer name is not that name. */
static bool same_names(const struct lmdbx__shape *shape, const struct lmdbx_slice *names) {
  for (uint32_t i = 0; i < shape->count; i++) {
    struct lmdbx_slice packed = shape->names[i];
    size_t header = lmdbx__string_header_size(packed.data);
    if (packed.size - header != names[i].size) return false;
    if (!lmdbx__bytes_equal(packed.data + header, names[i].data, names[i].size)) return false;
  }
  return true;
}

/* NULL: out of memory. */
static struct lmdbx_slice *pack_names(const struct lmdbx_slice *names, size_t count) {
  struct lmdbx_buffer packed = {0};
  size_t ends[LMDBX__SHAPE_FIELDS];
  struct lmdbx_slice *copy = NULL;
  for (size_t i = 0; i < count; i++) {
    if (lmdbx__pack_string(&packed, names[i]) != LMDBX_OK) goto out;
    ends[i] = packed.size;
  }
  copy = malloc(count * sizeof *copy + packed.size);
  if (copy == NULL) goto out;
  uint8_t *bytes = (uint8_t *)(copy + count);
  memcpy(bytes, packed.data, packed.size);
  for (size_t i = 0; i < count; i++) {
    size_t start = i > 0 ? ends[i - 1] : 0;
    copy[i] = (struct lmdbx_slice){bytes + start, ends[i] - start};
  }
out:
  lmdbx_buffer_free(&packed);
  return copy;
}

/* By what the first name begins with, where it is a short string: its bytes up to
 * the eighth, header included. */
static bool head_place(size_t count, const uint8_t *name, size_t left, size_t *place) {
  uint64_t word;
  if (left < sizeof word || (name[0] & 0xE0) != 0xA0) return false;
  memcpy(&word, name, sizeof word);
  size_t size = 1 + (name[0] & 0x1F);
  if (size < sizeof word) word &= (UINT64_C(1) << (size * 8)) - 1;
  *place = mix(count, word) % LMDBX__SHAPES;
  return true;
}

static void forget(struct lmdbx__shapes *shapes, struct lmdbx__shape *shape) {
  for (size_t i = 0; i < LMDBX__SHAPES && shape->defined; i++) {
    if (shapes->heads[i] == shape) shapes->heads[i] = NULL;
  }
  free(shape->names);
  *shape = (struct lmdbx__shape){0};
}

/* The place of a shape, known or new; NULL while others hold on to theirs. */
static struct lmdbx__shape *find(struct lmdbx__shapes *shapes, const struct lmdbx_slice *names,
                                 size_t count) {
  uint64_t hash = hash_names(names, count);
  struct lmdbx__shape *weakest = NULL;
  for (size_t way = 0; way < WAYS; way++) {
    struct lmdbx__shape *shape = &shapes->table[(hash + way) % LMDBX__SHAPES];
    if (shape->count == count && shape->hash == hash && same_names(shape, names)) return shape;
    if (shape->defined && shape->round == shapes->round) continue; /* it has yet to be read */
    if (weakest == NULL || shape->sightings < weakest->sightings) weakest = shape;
  }
  if (weakest == NULL) return NULL;
  if (weakest->sightings > 0) {
    weakest->sightings--;
    return NULL;
  }
  forget(shapes, weakest);
  weakest->names = pack_names(names, count);
  if (weakest->names == NULL) return NULL;
  weakest->hash = hash;
  weakest->count = (uint32_t)count;
  return weakest;
}

static void define(struct lmdbx__shapes *shapes, struct lmdbx__shape *shape,
                   const struct lmdbx_slice *names) {
  shapes->definitions++;
  shape->defined =
      shapes->define(shapes->context, (uint32_t)(shape - shapes->table), names, shape->count);
  if (!shape->defined) shapes->definitions = LMDBX__SHAPE_DEFINITIONS; /* never again */
}

void lmdbx__shapes_next(struct lmdbx__shapes *shapes) {
  shapes->round++;
}

int32_t lmdbx__shape_use(struct lmdbx__shapes *shapes, struct lmdbx__shape *shape) {
  shape->round = shapes->round;
  if (shape->sightings < LMDBX__SHAPE_SIGHTINGS) shape->sightings++;
  return (int32_t)(shape - shapes->table);
}

int32_t lmdbx__shape_number(struct lmdbx__shapes *shapes, const struct lmdbx_slice *names,
                            size_t count) {
  if (count == 0 || count > LMDBX__SHAPE_FIELDS) return -1;
  if (shapes->table == NULL) {
    shapes->table = calloc(LMDBX__SHAPES, sizeof *shapes->table);
    if (shapes->table == NULL) return -1;
  }
  struct lmdbx__shape *shape = find(shapes, names, count);
  if (shape == NULL) return -1;
  if (shape->sightings < LMDBX__SHAPE_SIGHTINGS) shape->sightings++;
  if (!shape->defined && shape->sightings == LMDBX__SHAPE_SIGHTINGS &&
      shapes->definitions < LMDBX__SHAPE_DEFINITIONS) {
    define(shapes, shape, names);
  }
  if (!shape->defined) return -1;
  uint8_t first[8] = {0};
  size_t place = 0;
  memcpy(first, shape->names[0].data,
         shape->names[0].size < sizeof first ? shape->names[0].size : sizeof first);
  if (head_place(count, first, sizeof first, &place)) shapes->heads[place] = shape;
  return lmdbx__shape_use(shapes, shape);
}

struct lmdbx__shape *lmdbx__shape_guess(const struct lmdbx__shapes *shapes, size_t count,
                                        const uint8_t *first, size_t left) {
  size_t place = 0;
  if (!head_place(count, first, left, &place)) return NULL;
  struct lmdbx__shape *shape = shapes->heads[place];
  return shape != NULL && shape->count == count ? shape : NULL;
}

/* As if they stood in msgpack. */
int32_t lmdbx__shape_known(struct lmdbx__shapes *shapes, const struct lmdbx_slice *names,
                           size_t count) {
  uint8_t first[8] = {0};
  if (count == 0 || names[0].size > FIXSTR_MAX) return -1;
  first[0] = (uint8_t)(0xA0 | names[0].size);
  memcpy(first + 1, names[0].data,
         names[0].size < sizeof first - 1 ? names[0].size : sizeof first - 1);
  struct lmdbx__shape *guess = lmdbx__shape_guess(shapes, count, first, sizeof first);
  return guess != NULL && same_names(guess, names) ? lmdbx__shape_use(shapes, guess) : -1;
}

void lmdbx__shapes_free(struct lmdbx__shapes *shapes) {
  for (size_t i = 0; i < LMDBX__SHAPES && shapes->table != NULL; i++) {
    forget(shapes, &shapes->table[i]);
  }
  free(shapes->table);
  shapes->table = NULL;
}
