/*
 * Appends msgpack to a buffer, one item a call, on msgpack-c's packer. The
 * caller gives counts before items, as msgpack does. Every call returns
 * LMDBX_OK, LMDBX_NO_MEMORY, or LMDBX_VALUE_TOO_LARGE once the buffer would
 * exceed LMDBX_MAX_VALUE_SIZE. Any one thread.
 *
 * What goes out (docs/format.md is the full table):
 *   integers in -2^31 .. 2^32-1     the shortest int form
 *   other numbers, and -0           float 64
 *   BigInt                          int 64 / uint 64 (always 9 bytes)
 *   Date                            timestamp, ext -1 (32, 64 or 96 bits);
 *                                   an invalid Date: LMDBX__EXT_INVALID_DATE
 *   undefined                       LMDBX__EXT_UNDEFINED, one zero byte
 *   Map, Set                        ext whose payload is a msgpack array: of
 *                                   alternating keys and values, of members;
 *                                   the shortest ext form for payloads up to
 *                                   255 bytes, ext 32 for longer ones
 *   typed arrays                    ext: one code byte, then the elements,
 *                                   little endian
 */
#ifndef LMDBX_CODEC_MSGPACK_WRITER_H
#define LMDBX_CODEC_MSGPACK_WRITER_H

#include "lmdbx.h"

/* Extension types. Undefined and typed arrays (but for DataView) are as npm
 * msgpackr writes them; the others are ours. */
#define LMDBX__EXT_TIMESTAMP (-1)
#define LMDBX__MAX_TIMESTAMP 15 /* bytes of its longest form, header included */
#define LMDBX__EXT_UNDEFINED 0x00
#define LMDBX__EXT_INVALID_DATE 0x01
#define LMDBX__EXT_MAP 0x4D
#define LMDBX__EXT_SET 0x73
#define LMDBX__EXT_TYPED_ARRAY 0x74

/* The code byte of a typed array. Uint8Array is bin, so code 1 is only read. */
enum lmdbx_typed_array {
  LMDBX_INT8_ARRAY = 0,
  LMDBX_UINT8_ARRAY = 1,
  LMDBX_UINT8_CLAMPED_ARRAY = 2,
  LMDBX_INT16_ARRAY = 3,
  LMDBX_UINT16_ARRAY = 4,
  LMDBX_INT32_ARRAY = 5,
  LMDBX_UINT32_ARRAY = 6,
  LMDBX_FLOAT32_ARRAY = 7,
  LMDBX_FLOAT64_ARRAY = 8,
  LMDBX_BIGINT64_ARRAY = 9,
  LMDBX_BIGUINT64_ARRAY = 10,
  LMDBX_DATA_VIEW = 11,
  LMDBX_TYPED_ARRAY_COUNT
};

/* 1, 2, 4 or 8 bytes; 1 for a DataView. code must be one of the enum's. */
size_t lmdbx__typed_array_element_size(enum lmdbx_typed_array code);

int lmdbx__pack_nil(struct lmdbx_buffer *out);
int lmdbx__pack_undefined(struct lmdbx_buffer *out);
int lmdbx__pack_boolean(struct lmdbx_buffer *out, bool value);
int lmdbx__pack_number(struct lmdbx_buffer *out, double value);
int lmdbx__pack_bigint_signed(struct lmdbx_buffer *out, int64_t value);
int lmdbx__pack_bigint_unsigned(struct lmdbx_buffer *out, uint64_t value);
/* Milliseconds since 1970, integral; NaN is the invalid Date. */
int lmdbx__pack_date(struct lmdbx_buffer *out, double milliseconds);
/* text must be well-formed UTF-8. */
int lmdbx__pack_string(struct lmdbx_buffer *out, struct lmdbx_slice text);
/* An item that is msgpack already. */
int lmdbx__pack_packed(struct lmdbx_buffer *out, struct lmdbx_slice item);
/* For text of `size` bytes that the caller then writes itself behind the
 * header: reserves header and text, moves the end of the buffer behind the
 * header. The caller adds size to out->size. */
int lmdbx__pack_string_header(struct lmdbx_buffer *out, size_t size);
int lmdbx__pack_bytes(struct lmdbx_buffer *out, struct lmdbx_slice bytes);
int lmdbx__pack_typed_array(struct lmdbx_buffer *out, enum lmdbx_typed_array code,
                            struct lmdbx_slice elements);
int lmdbx__pack_array(struct lmdbx_buffer *out, uint32_t count);
int lmdbx__pack_object(struct lmdbx_buffer *out, uint32_t field_count);
/* A Map or Set: *mark remembers where it began; pass it to lmdbx__pack_ext_end
 * once all items (2 a pair for a Map) are out. */
int lmdbx__pack_map_begin(struct lmdbx_buffer *out, uint32_t pair_count, size_t *mark);
int lmdbx__pack_set_begin(struct lmdbx_buffer *out, uint32_t count, size_t *mark);
int lmdbx__pack_ext_end(struct lmdbx_buffer *out, size_t mark);

#endif
