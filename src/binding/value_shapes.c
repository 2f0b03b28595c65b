#include "binding/binding.h"

#include <stdlib.h>
#include <string.h>

/* Places in the table where one shape may lie: two neighbours. */
#define WAYS 2

struct lmdbx__shape {
  uint64_t hash;
  uint32_t count;
  uint32_t sightings; /* ages when others want the place */
  uint8_t *names;     /* size u32, bytes, size u32, bytes ... */
  bool defined;       /* JavaScript has a function for it */
  uint64_t round;     /* the value in which it was last used */
};

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

static bool same_names(const struct lmdbx__shape *shape, const struct lmdbx_slice *names) {
  const uint8_t *at = shape->names;
  for (uint32_t i = 0; i < shape->count; i++) {
    uint32_t size;
    memcpy(&size, at, sizeof size);
    at += sizeof size;
    if (size != names[i].size || memcmp(at, names[i].data, size) != 0) return false;
    at += size;
  }
  return true;
}

/* NULL: out of memory. */
static uint8_t *copy_names(const struct lmdbx_slice *names, size_t count) {
  size_t total = 0;
  for (size_t i = 0; i < count; i++) total += sizeof(uint32_t) + names[i].size;
  uint8_t *copy = malloc(total);
  uint8_t *at = copy;
  for (size_t i = 0; i < count && copy != NULL; i++) {
    uint32_t size = (uint32_t)names[i].size;
    memcpy(at, &size, sizeof size);
    at += sizeof size;
    if (size > 0) memcpy(at, names[i].data, size);
    at += size;
  }
  return copy;
}

static void forget(struct lmdbx__shape *shape) {
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
    if (shape->names != NULL && shape->hash == hash && shape->count == count &&
        same_names(shape, names)) {
      return shape;
    }
    if (shape->defined && shape->round == shapes->round)
      continue; /* JavaScript is yet to read it */
    if (weakest == NULL || shape->sightings < weakest->sightings) weakest = shape;
  }
  if (weakest == NULL) return NULL;
  if (weakest->sightings > 0) {
    weakest->sightings--;
    return NULL;
  }
  forget(weakest);
  weakest->names = copy_names(names, count);
  if (weakest->names == NULL) return NULL;
  weakest->hash = hash;
  weakest->count = (uint32_t)count;
  return weakest;
}

static napi_status compile_shape(napi_env env, struct lmdbx__shapes *shapes,
                                 struct lmdbx__shape *shape, napi_ref define,
                                 const struct lmdbx_slice *names) {
  napi_value arguments[2] = {NULL, NULL}; /* number, names */
  napi_value function = NULL;
  napi_value undefined = NULL;
  napi_value answer = NULL;
  napi_status status = napi_create_uint32(env, (uint32_t)(shape - shapes->table), &arguments[0]);
  if (status == napi_ok) status = napi_create_array_with_length(env, shape->count, &arguments[1]);
  for (uint32_t i = 0; i < shape->count && status == napi_ok; i++) {
    napi_value name = NULL;
    status = napi_create_string_utf8(env, (const char *)names[i].data, names[i].size, &name);
    if (status == napi_ok) status = napi_set_element(env, arguments[1], i, name);
  }
  if (status == napi_ok) status = napi_get_reference_value(env, define, &function);
  if (status == napi_ok) status = napi_get_undefined(env, &undefined);
  if (status == napi_ok) {
    status = napi_call_function(env, undefined, function, 2, arguments, &answer);
  }
  if (status == napi_ok) status = napi_get_value_bool(env, answer, &shape->defined);
  shapes->compilations++;
  if (status != napi_ok || !shape->defined) {
    shapes->compilations = LMDBX__SHAPE_COMPILATIONS; /* the host forbids it: never again */
  }
  return status;
}

int32_t lmdbx__shape_number(napi_env env, struct lmdbx__shapes *shapes, napi_ref define,
                            const struct lmdbx_slice *names, size_t count) {
  if (count == 0 || count > LMDBX__SHAPE_FIELDS) return -1;
  if (shapes->table == NULL) {
    shapes->table = calloc(LMDBX__SHAPES, sizeof *shapes->table);
    if (shapes->table == NULL) return -1;
  }
  struct lmdbx__shape *shape = find(shapes, names, count);
  if (shape == NULL) return -1;
  if (shape->sightings < LMDBX__SHAPE_SIGHTINGS) shape->sightings++;
  if (!shape->defined && shape->sightings == LMDBX__SHAPE_SIGHTINGS &&
      shapes->compilations < LMDBX__SHAPE_COMPILATIONS &&
      compile_shape(env, shapes, shape, define, names) != napi_ok) {
    (void)lmdbx__error_take_pending(env);
  }
  shape->round = shapes->round;
  return shape->defined ? (int32_t)(shape - shapes->table) : -1;
}

void lmdbx__shapes_free(struct lmdbx__shapes *shapes) {
  for (size_t i = 0; i < LMDBX__SHAPES && shapes->table != NULL; i++) forget(&shapes->table[i]);
  free(shapes->table);
  *shapes = (struct lmdbx__shapes){0};
}
