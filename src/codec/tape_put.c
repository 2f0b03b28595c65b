/* Words, numbers and text onto a tape. */
#include "codec/tape.h"
#include "codec/utf8.h"

#include <string.h>

/* Numbers that fit beside an op. */
#define SMALL_MIN (-(INT32_C(1) << (31 - LMDBX__TAPE_OP_BITS)))
#define SMALL_MAX ((INT32_C(1) << (31 - LMDBX__TAPE_OP_BITS)) - 1)

#define HIGH_BITS UINT64_C(0x8080808080808080)

int lmdbx__tape_put_word(struct lmdbx__tape *tape, int32_t word) {
  if (tape->op_count == tape->op_limit) return LMDBX__TAPE_UNFIT;
  tape->ops[tape->op_count++] = word;
  return LMDBX_OK;
}

int lmdbx__tape_put_op(struct lmdbx__tape *tape, enum lmdbx__tape_op op, size_t argument) {
  if (argument > SMALL_MAX) return LMDBX__TAPE_UNFIT;
  return lmdbx__tape_put_word(tape, (int32_t)((argument << LMDBX__TAPE_OP_BITS) | op));
}

int lmdbx__tape_put_number(struct lmdbx__tape *tape, const void *number) {
  if (tape->number_count == tape->number_limit) return LMDBX__TAPE_UNFIT;
  memcpy(&tape->numbers[tape->number_count++], number, sizeof *tape->numbers);
  return LMDBX_OK;
}

int lmdbx__tape_put_bytes(struct lmdbx__tape *tape, struct lmdbx_slice bytes) {
  if (bytes.size > tape->byte_limit - tape->byte_count) return LMDBX__TAPE_UNFIT;
  if (bytes.size > 0) memcpy(tape->bytes + tape->byte_count, bytes.data, bytes.size);
  tape->byte_count += bytes.size;
  return LMDBX_OK;
}

int lmdbx__tape_put_double(struct lmdbx__tape *tape, double value) {
  int code = lmdbx__tape_put_op(tape, LMDBX__TAPE_NUMBER, 0);
  return code == LMDBX_OK ? lmdbx__tape_put_number(tape, &value) : code;
}

int lmdbx__tape_put_integer(struct lmdbx__tape *tape, int64_t value) {
  if (value >= SMALL_MIN && value <= SMALL_MAX) {
    uint32_t word = ((uint32_t)value << LMDBX__TAPE_OP_BITS) | LMDBX__TAPE_SMALL;
    return lmdbx__tape_put_word(tape, (int32_t)word);
  }
  if (value > INT32_MAX) return lmdbx__tape_put_double(tape, (double)value);
  int code = lmdbx__tape_put_op(tape, LMDBX__TAPE_INTEGER, 0);
  return code == LMDBX_OK ? lmdbx__tape_put_word(tape, (int32_t)value) : code;
}

/* --------------------------------------------------------------------- text */

/* UTF-16 units of well-formed UTF-8: a byte that is no continuation begins one,
 * and a lead of four bytes a second. */
static size_t count_units(struct lmdbx_slice text) {
  size_t units = 0;
  for (size_t at = 0; at < text.size; at++) {
    uint8_t byte = text.data[at];
    units += ((byte & 0xC0) != 0x80) + (byte >= 0xF0);
  }
  return units;
}

static bool short_ascii(struct lmdbx_slice text) {
  uint64_t high = 0;
  uint64_t word;
  const uint8_t *at = text.data;
  size_t left = text.size;
  for (; left >= sizeof word; left -= sizeof word, at += sizeof word) {
    memcpy(&word, at, sizeof word);
    high |= word;
  }
  for (; left > 0; left--) high |= *at++;
  return (high & HIGH_BITS) == 0;
}

/* The piece that a string goes to: the current one, or a new one. */
static int choose_chunk(struct lmdbx__tape *tape, struct lmdbx_slice text) {
  bool apart = text.size > LMDBX__TAPE_CHUNK_SIZE;
  if (tape->chunk_count > 0 && !apart && !tape->chunk_closed) {
    const struct lmdbx__tape_chunk *last = &tape->chunks[tape->chunk_count - 1];
    if (last->data == NULL && last->size + text.size <= LMDBX__TAPE_CHUNK_SIZE) return LMDBX_OK;
  }
  if (tape->chunk_count == LMDBX__TAPE_CHUNKS) return LMDBX__TAPE_UNFIT;
  tape->chunk_closed = false;
  tape->chunks[tape->chunk_count++] = (struct lmdbx__tape_chunk){
      .data = apart ? text.data : NULL, .start = tape->text.size, .ascii = true};
  return lmdbx__tape_put_op(tape, LMDBX__TAPE_CHUNK, 0);
}

int lmdbx__tape_put_text(struct lmdbx__tape *tape, struct lmdbx_slice text) {
  if (text.size == 0) return lmdbx__tape_put_op(tape, LMDBX__TAPE_TEXT, 0);
  bool ascii = text.size > LMDBX__TAPE_CHUNK_SIZE ? lmdbx__utf8_ascii(text) : short_ascii(text);
  size_t units = text.size;
  if (!ascii) {
    if (!lmdbx__utf8_valid(text, NULL)) return LMDBX_DECODE;
    units = count_units(text);
  }
  int code = choose_chunk(tape, text);
  if (code == LMDBX_OK) code = lmdbx__tape_put_op(tape, LMDBX__TAPE_TEXT, units);
  if (code != LMDBX_OK) return code;
  struct lmdbx__tape_chunk *chunk = &tape->chunks[tape->chunk_count - 1];
  chunk->size += text.size;
  chunk->ascii = chunk->ascii && ascii;
  return chunk->data != NULL ? LMDBX_OK : lmdbx_buffer_append(&tape->text, text.data, text.size);
}

int lmdbx__tape_put_object(struct lmdbx__tape *tape, const struct lmdbx_slice *names,
                           size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (!short_ascii(names[i]) && !lmdbx__utf8_valid(names[i], NULL)) return LMDBX_DECODE;
  }
  int32_t number = lmdbx__shape_number(&tape->shapes, names, count);
  if (number >= 0) return lmdbx__tape_put_op(tape, LMDBX__TAPE_OBJECT, (size_t)number);
  int code = LMDBX_OK;
  for (size_t i = 0; i < count && code == LMDBX_OK; i++) {
    code = lmdbx__tape_put_text(tape, names[i]);
  }
  return code == LMDBX_OK ? lmdbx__tape_put_op(tape, LMDBX__TAPE_FIELDS, count) : code;
}
