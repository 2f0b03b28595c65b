#include "codec/msgpack_state.h"

#include <math.h>

#define MAX_NANOSECONDS 999999999u
#define NS_PER_MS 1000000
#define MS_PER_SECOND 1000
/* A Date ends 100,000,000 days from 1970. */
#define MAX_DATE_SECONDS INT64_C(8640000000000)

static int refuse(struct lmdbx__reader *reader, struct lmdbx_slice payload, const char *what) {
  /* The type byte lies before the payload. */
  size_t position = (size_t)(payload.data - reader->bytes.data) - 1;
  return lmdbx__reader_refuse(reader, position, "%s", what);
}

static uint64_t big_endian(const uint8_t *bytes, size_t size) {
  uint64_t value = 0;
  for (size_t at = 0; at < size; at++) value = value << 8 | bytes[at];
  return value;
}

static int on_timestamp(struct lmdbx__reader *reader, struct lmdbx_slice payload,
                        struct lmdbx__item *out) {
  uint64_t nanoseconds = 0;
  int64_t seconds;
  if (payload.size == 4) {
    seconds = (int64_t)big_endian(payload.data, 4);
  } else if (payload.size == 8) {
    uint64_t both = big_endian(payload.data, 8);
    nanoseconds = both >> 34;
    seconds = (int64_t)(both & ((UINT64_C(1) << 34) - 1));
  } else if (payload.size == 12) {
    nanoseconds = big_endian(payload.data, 4);
    seconds = (int64_t)big_endian(payload.data + 4, 8);
  } else {
    return refuse(reader, payload, "a timestamp has none of the three sizes");
  }
  if (nanoseconds > MAX_NANOSECONDS) {
    return refuse(reader, payload, "a timestamp has too many nanoseconds");
  }
  /* Rounded down: a Date counts whole milliseconds. */
  int64_t rest = (int64_t)(nanoseconds / NS_PER_MS);
  if (seconds > MAX_DATE_SECONDS || seconds < -MAX_DATE_SECONDS ||
      (seconds == MAX_DATE_SECONDS && rest > 0)) {
    return refuse(reader, payload, "a timestamp is beyond what a Date can hold");
  }
  return lmdbx__reader_answer(
      reader, reader->builder->date(reader->context, (double)(seconds * MS_PER_SECOND + rest),
                                    &out->as.built));
}

static int on_typed_array(struct lmdbx__reader *reader, struct lmdbx_slice payload,
                          struct lmdbx__item *out) {
  if (payload.size == 0 || payload.data[0] >= LMDBX_TYPED_ARRAY_COUNT) {
    return refuse(reader, payload, "a typed array has an unknown type");
  }
  enum lmdbx_typed_array code = payload.data[0];
  struct lmdbx_slice elements = {payload.data + 1, payload.size - 1};
  if (elements.size % lmdbx__typed_array_element_size(code) != 0) {
    return refuse(reader, payload, "a typed array ends inside an element");
  }
  return lmdbx__reader_answer(
      reader, reader->builder->typed_array(reader->context, code, elements, &out->as.built));
}

/* A Map or Set: stops the template, the driver goes on inside the payload. */
static int on_items(struct lmdbx__reader *reader, struct lmdbx_slice payload,
                    enum lmdbx__item_kind kind) {
  uint8_t first = payload.size > 0 ? payload.data[0] : 0;
  bool array = (first & 0xF0) == 0x90 || first == 0xDC || first == 0xDD;
  if (!array) return refuse(reader, payload, "a Map or Set has no array of items");
  reader->array_kind = (uint8_t)kind;
  reader->next_ext = (size_t)(payload.data - reader->bytes.data);
  reader->ext_ends[reader->ext_count++] = reader->next_ext + payload.size;
  return LMDBX__STOP_AT_EXT;
}

int lmdbx__reader_ext(struct lmdbx__reader *reader, int type, struct lmdbx_slice payload,
                      struct lmdbx__item *out) {
  const struct lmdbx_builder *builder = reader->builder;
  if (lmdbx__reader_begin_item(reader, out) != 0) return LMDBX__STOP_FAILED;
  switch (type) {
  case LMDBX__EXT_TIMESTAMP: return on_timestamp(reader, payload, out);
  case LMDBX__EXT_TYPED_ARRAY: return on_typed_array(reader, payload, out);
  case LMDBX__EXT_MAP: return on_items(reader, payload, LMDBX__ITEM_MAP);
  case LMDBX__EXT_SET: return on_items(reader, payload, LMDBX__ITEM_SET);
  default: break;
  }
  if (type == LMDBX__EXT_UNDEFINED || type == LMDBX__EXT_INVALID_DATE) {
    if (payload.size != 1 || payload.data[0] != 0) {
      return refuse(reader, payload, "an undefined or invalid Date is not one zero byte");
    }
    int code = type == LMDBX__EXT_UNDEFINED
                   ? builder->undefined(reader->context, &out->as.built)
                   : builder->date(reader->context, (double)NAN, &out->as.built);
    return lmdbx__reader_answer(reader, code);
  }
  size_t position = (size_t)(payload.data - reader->bytes.data) - 1;
  return lmdbx__reader_refuse(reader, position, "an extension has the unknown type %d", type);
}
