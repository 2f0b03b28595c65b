#include "codec/msgpack_state.h"

#include <stdlib.h>
#include <string.h>

/* A larger place for a full array, whose first place is the reader's own. NULL: out
 * of memory, and all is as it was. */
static void *grow(void *array, const void *first, size_t *capacity, size_t element_size) {
  size_t size = *capacity * element_size;
  if (size > SIZE_MAX / 2) return NULL;
  void *larger = realloc(array == first ? NULL : array, size * 2);
  if (larger == NULL) return NULL;
  if (array == first) memcpy(larger, first, size);
  *capacity *= 2;
  return larger;
}

static int push_value(struct lmdbx__reader *reader, lmdbx_value value) {
  if (reader->value_count == reader->value_capacity) {
    lmdbx_value *larger =
        grow(reader->values, reader->first_values, &reader->value_capacity, sizeof *larger);
    if (larger == NULL) return LMDBX_NO_MEMORY;
    reader->values = larger;
  }
  reader->values[reader->value_count++] = value;
  return LMDBX_OK;
}

static int push_key(struct lmdbx__reader *reader, struct lmdbx_slice key) {
  if (reader->key_count == reader->key_capacity) {
    struct lmdbx_slice *larger =
        grow(reader->keys, reader->first_keys, &reader->key_capacity, sizeof *larger);
    if (larger == NULL) return LMDBX_NO_MEMORY;
    reader->keys = larger;
  }
  reader->keys[reader->key_count++] = key;
  return LMDBX_OK;
}

/* A key that is not a string is kept as a slice without data whose size is the
 * built value. */
static struct lmdbx_slice key_of_item(struct lmdbx__item item) {
  if (item.kind == LMDBX__ITEM_TEXT) return (struct lmdbx_slice){item.as.text, item.size};
  return (struct lmdbx_slice){NULL, (size_t)(uintptr_t)item.as.built};
}

static int build_key(struct lmdbx__reader *reader, struct lmdbx_slice key, lmdbx_value *out) {
  if (key.data != NULL) return reader->builder->string(reader->context, key, out);
  *out = (lmdbx_value)(uintptr_t)key.size;
  return LMDBX_OK;
}

int lmdbx__reader_build_item(struct lmdbx__reader *reader, struct lmdbx__item item,
                             lmdbx_value *out) {
  *out = item.as.built;
  if (item.kind == LMDBX__ITEM_BUILT) return LMDBX_OK;
  struct lmdbx_slice text = {item.as.text, item.size};
  return reader->builder->string(reader->context, text, out);
}

/* A map with keys of other types than string becomes a Map. */
static int build_pairs(struct lmdbx__reader *reader, size_t first_value, size_t first_key,
                       size_t count, lmdbx_value *out) {
  size_t first_pair = reader->value_count;
  int code = LMDBX_OK;
  for (size_t pair = 0; pair < count && code == LMDBX_OK; pair++) {
    lmdbx_value key = NULL;
    code = build_key(reader, reader->keys[first_key + pair], &key);
    if (code == LMDBX_OK) code = push_value(reader, key);
    if (code == LMDBX_OK) code = push_value(reader, reader->values[first_value + pair]);
  }
  if (code != LMDBX_OK) return code;
  return reader->builder->map(reader->context, reader->values + first_pair, count, out);
}

/* Builds a container whose items are all there, and takes them off the stacks. */
static int build_container(struct lmdbx__reader *reader, struct lmdbx__item *item) {
  const struct lmdbx_builder *builder = reader->builder;
  size_t first = item->as.first_value;
  size_t count = item->count;
  size_t first_key =
      item->kind == LMDBX__ITEM_OBJECT ? reader->key_count - count : reader->key_count;
  const lmdbx_value *values = count > 0 ? reader->values + first : NULL;
  lmdbx_value built = NULL;
  int code;
  switch (item->kind) {
  case LMDBX__ITEM_ARRAY: code = builder->array(reader->context, values, count, &built); break;
  case LMDBX__ITEM_SET: code = builder->set(reader->context, values, count, &built); break;
  case LMDBX__ITEM_MAP: code = builder->map(reader->context, values, count / 2, &built); break;
  default:
    if (item->has_other_keys) {
      code = build_pairs(reader, first, first_key, count, &built);
    } else {
      const struct lmdbx_slice *keys = count > 0 ? reader->keys + first_key : NULL;
      code = builder->object(reader->context, keys, values, count, &built);
    }
  }
  reader->value_count = first;
  reader->key_count = first_key;
  if (item->kind == LMDBX__ITEM_SET || item->kind == LMDBX__ITEM_MAP) reader->ext_complete++;
  *item = (struct lmdbx__item){.kind = LMDBX__ITEM_BUILT, .as.built = built};
  return code;
}

int lmdbx__reader_begin_container(struct lmdbx__reader *reader, enum lmdbx__item_kind kind,
                                  uint32_t count, struct lmdbx__item *out) {
  if (lmdbx__reader_begin_item(reader, out) != 0) return LMDBX__STOP_FAILED;
  size_t items = kind == LMDBX__ITEM_OBJECT ? (size_t)count * 2 : count;
  /* Every item announced anywhere takes a byte, so that no sound value
   * announces more than it has bytes. */
  if (items > reader->bytes.size - reader->claimed) {
    return lmdbx__reader_refuse(reader, LMDBX__POSITION_UNKNOWN,
                                "it claims %zu items, more than there are bytes", items);
  }
  if (items > LMDBX_MAX_ITEMS - reader->claimed) {
    return lmdbx__reader_refuse(reader, LMDBX__POSITION_UNKNOWN,
                                "the value has more than %zu items", LMDBX_MAX_ITEMS);
  }
  if (kind == LMDBX__ITEM_MAP && count % 2 != 0) {
    return lmdbx__reader_refuse(reader, LMDBX__POSITION_UNKNOWN, "a Map has a key without a value");
  }
  reader->claimed += items;
  *out = (struct lmdbx__item){
      .kind = (uint8_t)kind, .count = count, .size = count, .as.first_value = reader->value_count};
  return count == 0 ? lmdbx__reader_answer(reader, build_container(reader, out)) : 0;
}

int lmdbx__reader_add_value(struct lmdbx__reader *reader, struct lmdbx__item *container,
                            struct lmdbx__item item) {
  lmdbx_value value = NULL;
  int code = lmdbx__reader_build_item(reader, item, &value);
  if (code == LMDBX_OK) code = push_value(reader, value);
  if (code == LMDBX_OK && --container->size == 0) code = build_container(reader, container);
  return lmdbx__reader_answer(reader, code);
}

int lmdbx__reader_add_pair(struct lmdbx__reader *reader, struct lmdbx__item *container,
                           struct lmdbx__item key, struct lmdbx__item value) {
  if (key.kind != LMDBX__ITEM_TEXT) container->has_other_keys = true;
  int code = push_key(reader, key_of_item(key));
  if (code != LMDBX_OK) return lmdbx__reader_answer(reader, code);
  return lmdbx__reader_add_value(reader, container, value);
}
