#include "codec/msgpack_writer.h"

#include <math.h>
#include <msgpack/pack.h>
#include <string.h>

/* A Map or Set begins with the longest ext header, since its size is not known
 * yet: C9, size in 4 bytes, type. */
#define LONG_EXT_HEADER 6
/* Longest payload that moves to a shorter header once its size is known. A
 * bound keeps nested containers from moving big payloads again and again. */
#define SHORT_EXT_PAYLOAD 255

#define MS_PER_SECOND 1000
#define NS_PER_MS 1000000

static int check_room(const struct lmdbx_buffer *out, size_t more) {
  if (out->size > LMDBX_MAX_VALUE_SIZE || more > LMDBX_MAX_VALUE_SIZE - out->size) {
    return LMDBX_VALUE_TOO_LARGE;
  }
  return LMDBX_OK;
}

/* msgpack-c hands our code back to us. */
static int write_bytes(void *data, const char *bytes, size_t size) {
  struct lmdbx_buffer *out = data;
  if (size == 0) return LMDBX_OK; /* bytes may then be NULL */
  /* Most are a few bytes into a buffer that has been used before. */
  if (size <= out->capacity - out->size && out->capacity <= LMDBX_MAX_VALUE_SIZE) {
    memcpy(out->data + out->size, bytes, size);
    out->size += size;
    return LMDBX_OK;
  }
  int code = check_room(out, size);
  return code == LMDBX_OK ? lmdbx_buffer_append(out, bytes, size) : code;
}

static msgpack_packer packer_for(struct lmdbx_buffer *out) {
  return (msgpack_packer){out, write_bytes};
}

static int pack_ext(struct lmdbx_buffer *out, int8_t type, const void *payload, size_t size) {
  msgpack_packer packer = packer_for(out);
  return msgpack_pack_ext_with_body(&packer, payload, size, type);
}

int lmdbx__pack_nil(struct lmdbx_buffer *out) {
  msgpack_packer packer = packer_for(out);
  return msgpack_pack_nil(&packer);
}

int lmdbx__pack_undefined(struct lmdbx_buffer *out) {
  return pack_ext(out, LMDBX__EXT_UNDEFINED, "\0", 1);
}

int lmdbx__pack_boolean(struct lmdbx_buffer *out, bool value) {
  msgpack_packer packer = packer_for(out);
  return value ? msgpack_pack_true(&packer) : msgpack_pack_false(&packer);
}

int lmdbx__pack_number(struct lmdbx_buffer *out, double value) {
  msgpack_packer packer = packer_for(out);
  if (value >= INT32_MIN && value <= UINT32_MAX) {
    int64_t integer = (int64_t)value;
    bool minus_zero = integer == 0 && signbit(value);
    if ((double)integer == value && !minus_zero) return msgpack_pack_int64(&packer, integer);
  }
  return msgpack_pack_double(&packer, value);
}

int lmdbx__pack_bigint_signed(struct lmdbx_buffer *out, int64_t value) {
  msgpack_packer packer = packer_for(out);
  return msgpack_pack_fix_int64(&packer, value);
}

int lmdbx__pack_bigint_unsigned(struct lmdbx_buffer *out, uint64_t value) {
  msgpack_packer packer = packer_for(out);
  return msgpack_pack_fix_uint64(&packer, value);
}

int lmdbx__pack_date(struct lmdbx_buffer *out, double milliseconds) {
  if (isnan(milliseconds)) return pack_ext(out, LMDBX__EXT_INVALID_DATE, "\0", 1);
  int64_t whole = (int64_t)milliseconds;
  int64_t rest = whole % MS_PER_SECOND;
  if (rest < 0) rest += MS_PER_SECOND; /* nanoseconds always count forward */
  msgpack_timestamp timestamp = {.tv_sec = (whole - rest) / MS_PER_SECOND,
                                 .tv_nsec = (uint32_t)rest * NS_PER_MS};
  /* msgpack_pack_timestamp does not look whether its header could be written. */
  int code = check_room(out, LMDBX__MAX_TIMESTAMP);
  if (code == LMDBX_OK) code = lmdbx_buffer_reserve(out, LMDBX__MAX_TIMESTAMP);
  if (code != LMDBX_OK) return code;
  msgpack_packer packer = packer_for(out);
  return msgpack_pack_timestamp(&packer, &timestamp);
}

int lmdbx__pack_string(struct lmdbx_buffer *out, struct lmdbx_slice text) {
  msgpack_packer packer = packer_for(out);
  return msgpack_pack_str_with_body(&packer, text.data, text.size);
}

int lmdbx__pack_packed(struct lmdbx_buffer *out, struct lmdbx_slice item) {
  return write_bytes(out, (const char *)item.data, item.size);
}

int lmdbx__pack_string_header(struct lmdbx_buffer *out, size_t size) {
  int code = check_room(out, size);
  if (code != LMDBX_OK) return code;
  msgpack_packer packer = packer_for(out);
  code = msgpack_pack_str(&packer, size);
  if (code == LMDBX_OK) code = check_room(out, size);
  return code == LMDBX_OK ? lmdbx_buffer_reserve(out, size) : code;
}

int lmdbx__pack_bytes(struct lmdbx_buffer *out, struct lmdbx_slice bytes) {
  int code = check_room(out, bytes.size);
  if (code != LMDBX_OK) return code;
  msgpack_packer packer = packer_for(out);
  return msgpack_pack_bin_with_body(&packer, bytes.data, bytes.size);
}

size_t lmdbx__typed_array_element_size(enum lmdbx_typed_array code) {
  static const uint8_t element_sizes[LMDBX_TYPED_ARRAY_COUNT] = {
      [LMDBX_INT8_ARRAY] = 1,     [LMDBX_UINT8_ARRAY] = 1,     [LMDBX_UINT8_CLAMPED_ARRAY] = 1,
      [LMDBX_INT16_ARRAY] = 2,    [LMDBX_UINT16_ARRAY] = 2,    [LMDBX_INT32_ARRAY] = 4,
      [LMDBX_UINT32_ARRAY] = 4,   [LMDBX_FLOAT32_ARRAY] = 4,   [LMDBX_FLOAT64_ARRAY] = 8,
      [LMDBX_BIGINT64_ARRAY] = 8, [LMDBX_BIGUINT64_ARRAY] = 8, [LMDBX_DATA_VIEW] = 1,
  };
  return element_sizes[code];
}

int lmdbx__pack_typed_array(struct lmdbx_buffer *out, enum lmdbx_typed_array code,
                            struct lmdbx_slice elements) {
  int result = check_room(out, elements.size);
  if (result != LMDBX_OK) return result;
  msgpack_packer packer = packer_for(out);
  uint8_t code_byte = (uint8_t)code;
  result = msgpack_pack_ext(&packer, elements.size + 1, LMDBX__EXT_TYPED_ARRAY);
  if (result == LMDBX_OK) result = write_bytes(out, (const char *)&code_byte, 1);
  return result == LMDBX_OK ? write_bytes(out, (const char *)elements.data, elements.size) : result;
}

int lmdbx__pack_array(struct lmdbx_buffer *out, uint32_t count) {
  msgpack_packer packer = packer_for(out);
  return msgpack_pack_array(&packer, count);
}

int lmdbx__pack_object(struct lmdbx_buffer *out, uint32_t field_count) {
  msgpack_packer packer = packer_for(out);
  return msgpack_pack_map(&packer, field_count);
}

static int begin_ext(struct lmdbx_buffer *out, uint8_t type, size_t *mark) {
  const uint8_t header[LONG_EXT_HEADER] = {0xC9, 0, 0, 0, 0, type};
  *mark = out->size;
  return write_bytes(out, (const char *)header, sizeof header);
}

int lmdbx__pack_map_begin(struct lmdbx_buffer *out, uint32_t pair_count, size_t *mark) {
  if (pair_count > UINT32_MAX / 2) return LMDBX_VALUE_TOO_LARGE;
  int code = begin_ext(out, LMDBX__EXT_MAP, mark);
  return code == LMDBX_OK ? lmdbx__pack_array(out, pair_count * 2) : code;
}

int lmdbx__pack_set_begin(struct lmdbx_buffer *out, uint32_t count, size_t *mark) {
  int code = begin_ext(out, LMDBX__EXT_SET, mark);
  return code == LMDBX_OK ? lmdbx__pack_array(out, count) : code;
}

int lmdbx__pack_ext_end(struct lmdbx_buffer *out, size_t mark) {
  uint8_t *header = out->data + mark;
  int8_t type = (int8_t)header[LONG_EXT_HEADER - 1];
  size_t size = out->size - mark - LONG_EXT_HEADER;
  if (size > SHORT_EXT_PAYLOAD) {
    for (int byte = 0; byte < 4; byte++) header[1 + byte] = (uint8_t)(size >> (24 - 8 * byte));
    return LMDBX_OK;
  }
  uint8_t payload[SHORT_EXT_PAYLOAD];
  memcpy(payload, header + LONG_EXT_HEADER, size);
  out->size = mark;
  return pack_ext(out, type, payload, size);
}
