/* Words, numbers and text onto a tape. */
#include "codec/bytes.h"
#include "codec/tape.h"
#include "codec/utf8.h"

#include <string.h>

/* Numbers that fit beside an op. */
#define SMALL_MIN (-LMDBX__TAPE_SMALL_MAX - 1)

struct lmdbx__tape_mark lmdbx__tape_take_mark(const struct lmdbx__tape *tape) {
  struct lmdbx__tape_mark mark = {
      .op_count = tape->op_count,
      .number_count = tape->number_count,
      .byte_count = tape->byte_count,
      .chunk_count = tape->chunk_count,
      .text_size = tape->text.size,
      .chunk_closed = tape->chunk_closed,
  };
  if (mark.chunk_count > 0) mark.last = tape->chunks[mark.chunk_count - 1];
  return mark;
}

void lmdbx__tape_return(struct lmdbx__tape *tape, const struct lmdbx__tape_mark *mark) {
  tape->op_count = mark->op_count;
  tape->number_count = mark->number_count;
  tape->byte_count = mark->byte_count;
  tape->chunk_count = mark->chunk_count;
  tape->text.size = mark->text_size;
  tape->chunk_closed = mark->chunk_closed;
  if (mark->chunk_count > 0) tape->chunks[mark->chunk_count - 1] = mark->last;
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
  if (value >= SMALL_MIN && value <= LMDBX__TAPE_SMALL_MAX) {
    uint32_t word = ((uint32_t)value << LMDBX__TAPE_OP_BITS) | LMDBX__TAPE_SMALL;
    return lmdbx__tape_put_word(tape, (int32_t)word);
  }
  if (value > INT32_MAX) return lmdbx__tape_put_double(tape, (double)value);
  int code = lmdbx__tape_put_op(tape, LMDBX__TAPE_INTEGER, 0);
  return code == LMDBX_OK ? lmdbx__tape_put_word(tape, (int32_t)value) : code;
}

/* --------------------------------------------------------------------- text */

/* Whether the current piece takes so many bytes more. */
static bool has_room(const struct lmdbx__tape *tape, size_t size) {
  if (tape->chunk_count == 0 || tape->chunk_closed) return false;
  const struct lmdbx__tape_chunk *last = &tape->chunks[tape->chunk_count - 1];
  return last->data == NULL && last->size + size <= LMDBX__TAPE_CHUNK_SIZE;
}

/* data: the text itself, which stays where it lies; or NULL. */
static int begin_chunk(struct lmdbx__tape *tape, const uint8_t *data) {
  if (tape->chunk_count == LMDBX__TAPE_CHUNKS) return LMDBX__TAPE_UNFIT;
  tape->chunk_closed = false;
  tape->chunks[tape->chunk_count++] =
      (struct lmdbx__tape_chunk){.data = data, .start = tape->text.size};
  return lmdbx__tape_put_op(tape, LMDBX__TAPE_CHUNK, 0);
}

/* Text that is in its piece, or will be. */
static int note_text(struct lmdbx__tape *tape, struct lmdbx_slice text, bool ascii) {
  struct lmdbx__tape_chunk *chunk = &tape->chunks[tape->chunk_count - 1];
  struct lmdbx__text_look look = {text.size, LMDBX__TEXT_ASCII};
  if (!ascii && !lmdbx__utf8_look(text, &look, NULL)) return LMDBX_DECODE;
  if (look.width > chunk->width) chunk->width = look.width;
  chunk->size += text.size;
  return lmdbx__tape_put_op(tape, LMDBX__TAPE_TEXT, look.units);
}

int lmdbx__tape_put_text(struct lmdbx__tape *tape, struct lmdbx_slice text) {
  struct lmdbx_buffer *copied = &tape->text;
  int code = LMDBX_OK;
  if (text.size == 0) return lmdbx__tape_put_op(tape, LMDBX__TAPE_TEXT, 0);
  if (text.size > LMDBX__TAPE_CHUNK_SIZE) {
    code = begin_chunk(tape, text.data);
    return code == LMDBX_OK ? note_text(tape, text, false) : code;
  }
  if (!has_room(tape, text.size)) code = begin_chunk(tape, NULL);
  if (code == LMDBX_OK && copied->capacity - copied->size < text.size)
    code = lmdbx_buffer_reserve(copied, text.size);
  if (code != LMDBX_OK) return code;
  bool ascii = lmdbx__bytes_copy(copied->data + copied->size, text.data, text.size);
  copied->size += text.size;
  return note_text(tape, text, ascii);
}

int lmdbx__tape_put_object(struct lmdbx__tape *tape, const struct lmdbx_slice *names,
                           size_t count) {
  int32_t number = lmdbx__shape_known(&tape->shapes, names, count);
  if (number >= 0) return lmdbx__tape_put_op(tape, LMDBX__TAPE_OBJECT, (size_t)number);
  for (size_t i = 0; i < count; i++) {
    if (!lmdbx__utf8_valid(names[i], NULL)) return LMDBX_DECODE;
  }
  number = lmdbx__shape_number(&tape->shapes, names, count);
  if (number >= 0) return lmdbx__tape_put_op(tape, LMDBX__TAPE_OBJECT, (size_t)number);
  int code = LMDBX_OK;
  for (size_t i = 0; i < count && code == LMDBX_OK; i++) {
    code = lmdbx__tape_put_text(tape, names[i]);
  }
  return code == LMDBX_OK ? lmdbx__tape_put_op(tape, LMDBX__TAPE_FIELDS, count) : code;
}
