#include "codec/msgpack_reader.h"

#include "codec/json.h"
#include "codec/msgpack_state.h"
#include "codec/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MSGPACK_EMBED_STACK_SIZE LMDBX_MAX_DEPTH
#include <msgpack/unpack.h>
#include <msgpack/unpack_define.h>

int lmdbx__reader_refuse(struct lmdbx__reader *reader, size_t position, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(reader->detail, sizeof reader->detail, format, arguments);
  va_end(arguments);
  reader->code = LMDBX_DECODE;
  reader->position = position;
  return LMDBX__STOP_FAILED;
}

int lmdbx__reader_answer(struct lmdbx__reader *reader, int code) {
  if (code == LMDBX_OK) return 0;
  reader->code = code;
  return LMDBX__STOP_FAILED;
}

int lmdbx__reader_begin_item(struct lmdbx__reader *reader, struct lmdbx__item *out) {
  *out = (struct lmdbx__item){.kind = LMDBX__ITEM_BUILT};
  if (reader->ext_complete == 0) return 0;
  return lmdbx__reader_refuse(reader, LMDBX__POSITION_UNKNOWN,
                              "bytes follow the items of a Map or Set");
}

/* ---------------------------------------------- callbacks for the template */

static struct lmdbx__item on_root(struct lmdbx__reader *reader) {
  (void)reader;
  return (struct lmdbx__item){.kind = LMDBX__ITEM_BUILT};
}

static int on_nil(struct lmdbx__reader *reader, struct lmdbx__item *out) {
  if (lmdbx__reader_begin_item(reader, out) != 0) return LMDBX__STOP_FAILED;
  return lmdbx__reader_answer(reader, reader->builder->nil(reader->context, &out->as.built));
}

static int on_true(struct lmdbx__reader *reader, struct lmdbx__item *out) {
  if (lmdbx__reader_begin_item(reader, out) != 0) return LMDBX__STOP_FAILED;
  return lmdbx__reader_answer(reader,
                              reader->builder->boolean(reader->context, true, &out->as.built));
}

static int on_false(struct lmdbx__reader *reader, struct lmdbx__item *out) {
  if (lmdbx__reader_begin_item(reader, out) != 0) return LMDBX__STOP_FAILED;
  return lmdbx__reader_answer(reader,
                              reader->builder->boolean(reader->context, false, &out->as.built));
}

static int on_integer(struct lmdbx__reader *reader, int64_t value, struct lmdbx__item *out) {
  if (lmdbx__reader_begin_item(reader, out) != 0) return LMDBX__STOP_FAILED;
  return lmdbx__reader_answer(reader,
                              reader->builder->integer(reader->context, value, &out->as.built));
}

static int on_number(struct lmdbx__reader *reader, double value, struct lmdbx__item *out) {
  if (lmdbx__reader_begin_item(reader, out) != 0) return LMDBX__STOP_FAILED;
  return lmdbx__reader_answer(reader,
                              reader->builder->number(reader->context, value, &out->as.built));
}

static int on_int64(struct lmdbx__reader *reader, int64_t value, struct lmdbx__item *out) {
  if (lmdbx__reader_begin_item(reader, out) != 0) return LMDBX__STOP_FAILED;
  return lmdbx__reader_answer(
      reader, reader->builder->bigint_signed(reader->context, value, &out->as.built));
}

static int on_uint64(struct lmdbx__reader *reader, uint64_t value, struct lmdbx__item *out) {
  if (lmdbx__reader_begin_item(reader, out) != 0) return LMDBX__STOP_FAILED;
  return lmdbx__reader_answer(
      reader, reader->builder->bigint_unsigned(reader->context, value, &out->as.built));
}

static int on_bin(struct lmdbx__reader *reader, const char *base, const char *data, uint32_t size,
                  struct lmdbx__item *out) {
  (void)base;
  struct lmdbx_slice bytes = {(const uint8_t *)data, size};
  if (lmdbx__reader_begin_item(reader, out) != 0) return LMDBX__STOP_FAILED;
  return lmdbx__reader_answer(reader,
                              reader->builder->bytes(reader->context, bytes, &out->as.built));
}

static int on_str(struct lmdbx__reader *reader, const char *base, const char *data, uint32_t size,
                  struct lmdbx__item *out) {
  if (lmdbx__reader_begin_item(reader, out) != 0) return LMDBX__STOP_FAILED;
  /* The template gives no pointer, or a wrong one, with an empty string. */
  struct lmdbx_slice text = {(const uint8_t *)(size > 0 ? data : ""), size};
  size_t bad = 0;
  if (!lmdbx__utf8_valid(text, &bad)) {
    return lmdbx__reader_refuse(reader, (size_t)(data - base) + bad, "a string is not valid UTF-8");
  }
  *out = (struct lmdbx__item){.kind = LMDBX__ITEM_TEXT, .as.text = text.data, .size = size};
  return 0;
}

static int on_ext(struct lmdbx__reader *reader, const char *base, const char *data, uint32_t size,
                  struct lmdbx__item *out) {
  (void)base;
  /* The template adds one byte, the type, to the size: 2^32 - 1 becomes 0. */
  if (size == 0) {
    return lmdbx__reader_refuse(reader, LMDBX__POSITION_UNKNOWN,
                                "an extension claims 4294967295 bytes");
  }
  struct lmdbx_slice payload = {(const uint8_t *)data + 1, size - 1};
  return lmdbx__reader_ext(reader, (int8_t)data[0], payload, out);
}

static int on_array(struct lmdbx__reader *reader, uint32_t count, struct lmdbx__item *out) {
  enum lmdbx__item_kind kind = reader->array_kind;
  reader->array_kind = LMDBX__ITEM_ARRAY;
  return lmdbx__reader_begin_container(reader, kind, count, out);
}

static int on_map(struct lmdbx__reader *reader, uint32_t count, struct lmdbx__item *out) {
  return lmdbx__reader_begin_container(reader, LMDBX__ITEM_OBJECT, count, out);
}

/* The template's names for them. */
#define on_uint8 on_integer
#define on_uint16 on_integer
#define on_uint32 on_integer
#define on_int8 on_integer
#define on_int16 on_integer
#define on_int32 on_integer
#define on_float on_number
#define on_double on_number
#define on_array_item lmdbx__reader_add_value
#define on_map_item lmdbx__reader_add_pair

#define msgpack_unpack_struct(name) struct lmdbx__template##name
#define msgpack_unpack_func(type, name) static inline type template##name
#define msgpack_unpack_callback(name) on##name
#define msgpack_unpack_object struct lmdbx__item
#define msgpack_unpack_user struct lmdbx__reader
#include <msgpack/unpack_template.h>

/* -------------------------------------------------------------- the driver */

/* The bytes up to `end` are used up. Whether they had to be: all of an ext's
 * payload, after which its container goes on. */
static bool leave_ext(struct lmdbx__reader *reader, bool between_items) {
  if (!between_items || reader->ext_complete == 0) return false;
  reader->ext_complete--;
  reader->ext_count--;
  return true;
}

/* The root is complete: so must every payload be that it ends in. */
static int finish(struct lmdbx__reader *reader, size_t offset) {
  for (size_t ext = 0; ext < reader->ext_count; ext++) {
    if (reader->ext_ends[ext] == offset) continue;
    return lmdbx__reader_refuse(reader, offset, "bytes follow the items of a Map or Set");
  }
  if (offset == reader->bytes.size) return 0;
  return lmdbx__reader_refuse(reader, offset, "%zu bytes follow the value",
                              reader->bytes.size - offset);
}

static int run(struct lmdbx__reader *reader, struct lmdbx__template_context *scan,
               struct lmdbx__item *root) {
  const char *bytes = (const char *)reader->bytes.data;
  size_t offset = 0;
  for (;;) {
    size_t end =
        reader->ext_count > 0 ? reader->ext_ends[reader->ext_count - 1] : reader->bytes.size;
    int result = template_execute(scan, bytes, end, &offset);
    switch (result) {
    case MSGPACK_UNPACK_EXTRA_BYTES: /* one value is complete */
      *root = template_data(scan);
      return finish(reader, offset);
    case MSGPACK_UNPACK_CONTINUE:
      if (leave_ext(reader, scan->cs == MSGPACK_CS_HEADER)) break;
      return lmdbx__reader_refuse(reader, end, "the bytes end inside a value");
    case LMDBX__STOP_AT_EXT:
      scan->cs = MSGPACK_CS_HEADER;
      offset = reader->next_ext;
      break;
    case LMDBX__STOP_FAILED:
      if (reader->position == LMDBX__POSITION_UNKNOWN) reader->position = offset;
      return LMDBX__STOP_FAILED;
    case MSGPACK_UNPACK_NOMEM_ERROR: /* its stack is full */
      return lmdbx__reader_refuse(reader, offset, "containers are nested deeper than %d levels",
                                  LMDBX_MAX_DEPTH);
    default: return lmdbx__reader_refuse(reader, offset, "byte C1 begins no value");
    }
  }
}

/* What the bytes probably are instead. */
static const char *likely_cause(struct lmdbx_slice bytes) {
  uint8_t first = bytes.size > 0 ? bytes.data[0] : 0;
  if ((first == '{' || first == '[' || first == '"') && lmdbx__json_valid(bytes, NULL)) {
    return "; it looks like JSON; was this written with encoding json?";
  }
  for (size_t at = 0; at < bytes.size; at++) {
    uint8_t byte = bytes.data[at];
    if (byte < ' ' && byte != '\t' && byte != '\n' && byte != '\r') return "";
  }
  if (bytes.size == 0 || !lmdbx__utf8_valid(bytes, NULL)) return "";
  return "; it looks like plain text; was this written with encoding string?";
}

/* Sets what is read before it is written; the long arrays are not. */
static void begin(struct lmdbx__reader *reader, struct lmdbx_slice bytes,
                  const struct lmdbx_builder *builder, void *context) {
  reader->builder = builder;
  reader->context = context;
  reader->bytes = bytes;
  reader->values = reader->first_values;
  reader->value_count = 0;
  reader->value_capacity = LMDBX__FIRST_CAPACITY;
  reader->keys = reader->first_keys;
  reader->key_count = 0;
  reader->key_capacity = LMDBX__FIRST_CAPACITY;
  reader->claimed = 0;
  reader->ext_count = 0;
  reader->ext_complete = 0;
  reader->next_ext = 0;
  reader->array_kind = LMDBX__ITEM_ARRAY;
  reader->code = LMDBX_OK;
  reader->position = LMDBX__POSITION_UNKNOWN;
}

int lmdbx__msgpack_read(struct lmdbx_slice bytes, const struct lmdbx_builder *builder,
                        void *context, lmdbx_value *out, struct lmdbx_error *error) {
  struct lmdbx__template_context scan;
  struct lmdbx__item root = {.kind = LMDBX__ITEM_BUILT};
  struct lmdbx__reader *reader = &scan.user;
  begin(reader, bytes, builder, context);
  template_init(&scan);
  int result = run(reader, &scan, &root);
  if (result == 0) {
    result = lmdbx__reader_answer(reader, lmdbx__reader_build_item(reader, root, out));
  }
  if (reader->values != reader->first_values) free(reader->values);
  if (reader->keys != reader->first_keys) free(reader->keys);
  if (result == 0) return LMDBX_OK;
  if (reader->code == LMDBX_DECODE) {
    return lmdbx_error_set(error, LMDBX_DECODE, 0,
                           "the msgpack is not valid at byte %zu of %zu: %s%s", reader->position,
                           bytes.size, reader->detail, likely_cause(bytes));
  }
  return reader->code;
}
