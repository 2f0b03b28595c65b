/*
 * Inside the msgpack reader; nobody else includes this.
 *
 * msgpack-c's template scans the bytes, keeps the stack of open containers and
 * calls back for every item (msgpack_reader.c). Built values wait on one stack
 * (values) until their container is complete; the keys of objects wait as slices
 * on another (keys), so that they are never built (msgpack_containers.c).
 *
 * The payload of a Map or Set is msgpack again. It is read by the same context,
 * on the same stack: the callback for the ext (msgpack_ext.c) stops the template,
 * the driver sets it to the payload's first byte and lets it run to the payload's
 * end. So there is no recursion, and one limit of depth over all.
 */
#ifndef LMDBX_CODEC_MSGPACK_STATE_H
#define LMDBX_CODEC_MSGPACK_STATE_H

#include "codec/msgpack_reader.h"

/* What callbacks answer besides 0; the template passes it on. */
#define LMDBX__STOP_FAILED (-100)
#define LMDBX__STOP_AT_EXT (-101)

/* The callback does not know where it is; the driver does. */
#define LMDBX__POSITION_UNKNOWN SIZE_MAX
#define LMDBX__DETAIL_SIZE 160

enum lmdbx__item_kind {
  LMDBX__ITEM_BUILT,
  LMDBX__ITEM_TEXT, /* a string that may yet turn out to be a key */
  LMDBX__ITEM_ARRAY,
  LMDBX__ITEM_SET,
  LMDBX__ITEM_MAP, /* the ext: an array of keys and values in turn */
  LMDBX__ITEM_OBJECT
};

/* Values and keys that wait without memory of their own. */
#define LMDBX__FIRST_CAPACITY 32

/* What the template carries for us: a complete item or an open container. */
struct lmdbx__item {
  uint8_t kind;        /* enum lmdbx__item_kind */
  bool has_other_keys; /* OBJECT: not all keys are strings */
  uint32_t count;      /* container: items or pairs, in all */
  union {
    lmdbx_value built;
    const uint8_t *text;
    size_t first_value; /* container: where its values begin */
  } as;
  size_t size; /* TEXT: its bytes; container: items or pairs to come */
};

struct lmdbx__reader {
  const struct lmdbx_builder *builder;
  void *context;
  struct lmdbx_slice bytes;
  /* Values and keys of open containers: in first_values and first_keys, or, once
   * they are more, in arrays that the reader owns. */
  lmdbx_value *values;
  size_t value_count;
  size_t value_capacity;
  struct lmdbx_slice *keys;
  size_t key_count;
  size_t key_capacity;
  size_t claimed; /* items that containers announced, in all */
  /* Ends of the ext payloads being read, outermost first, and how many of the
   * innermost have got their container. Every one but the last has an open
   * container on the template's stack, which bounds their number. */
  size_t ext_ends[LMDBX_MAX_DEPTH + 1];
  size_t ext_count;
  size_t ext_complete;
  size_t next_ext; /* STOP_AT_EXT: where the payload begins */
  lmdbx_value first_values[LMDBX__FIRST_CAPACITY];
  struct lmdbx_slice first_keys[LMDBX__FIRST_CAPACITY];
  uint8_t array_kind; /* what the next array is: ITEM_ARRAY, ITEM_SET or ITEM_MAP */
  int code;           /* STOP_FAILED: the outcome */
  size_t position;
  char detail[LMDBX__DETAIL_SIZE];
};

/* Describes damage at a position; returns LMDBX__STOP_FAILED. */
int lmdbx__reader_refuse(struct lmdbx__reader *reader, size_t position, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The template's answer for a builder's or an allocation's code. */
int lmdbx__reader_answer(struct lmdbx__reader *reader, int code);
/* Comes before every item: *out becomes a built one, unless the item must not
 * be there. */
int lmdbx__reader_begin_item(struct lmdbx__reader *reader, struct lmdbx__item *out);

/* msgpack_containers.c: the container callbacks. */
int lmdbx__reader_begin_container(struct lmdbx__reader *reader, enum lmdbx__item_kind kind,
                                  uint32_t count, struct lmdbx__item *out);
int lmdbx__reader_add_value(struct lmdbx__reader *reader, struct lmdbx__item *container,
                            struct lmdbx__item item);
int lmdbx__reader_add_pair(struct lmdbx__reader *reader, struct lmdbx__item *container,
                           struct lmdbx__item key, struct lmdbx__item value);
/* Builds the string that an item may still be. */
int lmdbx__reader_build_item(struct lmdbx__reader *reader, struct lmdbx__item item,
                             lmdbx_value *out);

/* msgpack_ext.c: the extension callback. position is where data lies. */
int lmdbx__reader_ext(struct lmdbx__reader *reader, int type, struct lmdbx_slice payload,
                      struct lmdbx__item *out);

#endif
