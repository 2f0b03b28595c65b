/* msgpack to a tape: a builder for the msgpack reader. A built value is its place on
 * the stack of the machine that will read the tape. */
#include "codec/msgpack_reader.h"
#include "codec/tape.h"

#include <string.h>

/* Numbers that fit beside an op. */
#define SMALL_MIN (-(INT32_C(1) << (31 - LMDBX__TAPE_OP_BITS)))
#define SMALL_MAX ((INT32_C(1) << (31 - LMDBX__TAPE_OP_BITS)) - 1)

#define HIGH_BITS UINT64_C(0x8080808080808080)

static int put_word(struct lmdbx__tape *tape, int32_t word) {
  if (tape->op_count == tape->op_limit) return LMDBX__TAPE_UNFIT;
  tape->ops[tape->op_count++] = word;
  return LMDBX_OK;
}

static int put_op(struct lmdbx__tape *tape, enum lmdbx__tape_op op, size_t argument) {
  if (argument > SMALL_MAX) return LMDBX__TAPE_UNFIT;
  return put_word(tape, (int32_t)((argument << LMDBX__TAPE_OP_BITS) | op));
}

static int put_number(struct lmdbx__tape *tape, const void *number) {
  if (tape->number_count == tape->number_limit) return LMDBX__TAPE_UNFIT;
  memcpy(&tape->numbers[tape->number_count++], number, sizeof *tape->numbers);
  return LMDBX_OK;
}

static int put_bytes(struct lmdbx__tape *tape, struct lmdbx_slice bytes) {
  if (bytes.size > tape->byte_limit - tape->byte_count) return LMDBX__TAPE_UNFIT;
  if (bytes.size > 0) memcpy(tape->bytes + tape->byte_count, bytes.data, bytes.size);
  tape->byte_count += bytes.size;
  return LMDBX_OK;
}

/* The new item lies on top of the stack. */
static int push(struct lmdbx__tape *tape, int code, lmdbx_value *out) {
  *out = (lmdbx_value)(uintptr_t)tape->height++;
  return code;
}

static int build_constant(struct lmdbx__tape *tape, enum lmdbx__tape_constant constant,
                          lmdbx_value *out) {
  return push(tape, put_op(tape, LMDBX__TAPE_CONSTANT, constant), out);
}

static int build_nil(void *context, lmdbx_value *out) {
  return build_constant(context, LMDBX__TAPE_NULL, out);
}

static int build_undefined(void *context, lmdbx_value *out) {
  return build_constant(context, LMDBX__TAPE_UNDEFINED, out);
}

static int build_boolean(void *context, bool value, lmdbx_value *out) {
  return build_constant(context, value ? LMDBX__TAPE_TRUE : LMDBX__TAPE_FALSE, out);
}

static int build_operand(struct lmdbx__tape *tape, enum lmdbx__tape_op op, const void *number,
                         lmdbx_value *out) {
  int code = put_op(tape, op, 0);
  if (code == LMDBX_OK) code = put_number(tape, number);
  return push(tape, code, out);
}

static int build_number(void *context, double value, lmdbx_value *out) {
  return build_operand(context, LMDBX__TAPE_NUMBER, &value, out);
}

static int build_integer(void *context, int64_t value, lmdbx_value *out) {
  struct lmdbx__tape *tape = context;
  if (value >= SMALL_MIN && value <= SMALL_MAX) {
    uint32_t word = ((uint32_t)value << LMDBX__TAPE_OP_BITS) | LMDBX__TAPE_SMALL;
    return push(tape, put_word(tape, (int32_t)word), out);
  }
  if (value > INT32_MAX) return build_number(context, (double)value, out);
  int code = put_op(tape, LMDBX__TAPE_INTEGER, 0);
  if (code == LMDBX_OK) code = put_word(tape, (int32_t)value);
  return push(tape, code, out);
}

static int build_bigint_signed(void *context, int64_t value, lmdbx_value *out) {
  return build_operand(context, LMDBX__TAPE_BIGINT, &value, out);
}

static int build_bigint_unsigned(void *context, uint64_t value, lmdbx_value *out) {
  return build_operand(context, LMDBX__TAPE_BIGUINT, &value, out);
}

static int build_date(void *context, double milliseconds, lmdbx_value *out) {
  return build_operand(context, LMDBX__TAPE_DATE, &milliseconds, out);
}

/* UTF-16 units of well-formed UTF-8: a byte that is no continuation begins one,
 * and a lead of four bytes a second. */
static size_t count_units(struct lmdbx_slice text, bool *ascii) {
  size_t units = 0;
  size_t at = 0;
  *ascii = true;
  for (uint64_t word; text.size - at >= sizeof word; at += sizeof word) {
    memcpy(&word, text.data + at, sizeof word);
    if ((word & HIGH_BITS) != 0) break;
  }
  units = at;
  for (; at < text.size; at++) {
    uint8_t byte = text.data[at];
    if (byte >= 0x80) *ascii = false;
    units += ((byte & 0xC0) != 0x80) + (byte >= 0xF0);
  }
  return units;
}

/* The piece that a string of that size goes to: the current one, or a new one. */
static int choose_chunk(struct lmdbx__tape *tape, struct lmdbx_slice text) {
  struct lmdbx__tape_chunk *last = &tape->chunks[tape->chunk_count - 1];
  bool first = tape->chunk_count == 0;
  bool apart = text.size > LMDBX__TAPE_CHUNK_SIZE;
  if (!first && !apart && last->data == NULL && last->size + text.size <= LMDBX__TAPE_CHUNK_SIZE) {
    return LMDBX_OK;
  }
  if (tape->chunk_count == LMDBX__TAPE_CHUNKS) return LMDBX__TAPE_UNFIT;
  tape->chunks[tape->chunk_count++] = (struct lmdbx__tape_chunk){
      .data = apart ? text.data : NULL, .start = tape->text.size, .ascii = true};
  return put_op(tape, LMDBX__TAPE_CHUNK, 0);
}

static int put_text(struct lmdbx__tape *tape, struct lmdbx_slice text) {
  bool ascii = true;
  size_t units = count_units(text, &ascii);
  int code = text.size > 0 ? choose_chunk(tape, text) : LMDBX_OK;
  if (code == LMDBX_OK) code = put_op(tape, LMDBX__TAPE_TEXT, units);
  if (code != LMDBX_OK || text.size == 0) return code;
  struct lmdbx__tape_chunk *chunk = &tape->chunks[tape->chunk_count - 1];
  chunk->size += text.size;
  chunk->ascii = chunk->ascii && ascii;
  return chunk->data != NULL ? LMDBX_OK : lmdbx_buffer_append(&tape->text, text.data, text.size);
}

static int build_string(void *context, struct lmdbx_slice text, lmdbx_value *out) {
  struct lmdbx__tape *tape = context;
  return push(tape, put_text(tape, text), out);
}

static int build_bytes(void *context, struct lmdbx_slice bytes, lmdbx_value *out) {
  struct lmdbx__tape *tape = context;
  int code = put_op(tape, LMDBX__TAPE_BYTES, bytes.size);
  if (code == LMDBX_OK) code = put_bytes(tape, bytes);
  return push(tape, code, out);
}

static int build_typed_array(void *context, enum lmdbx_typed_array type,
                             struct lmdbx_slice elements, lmdbx_value *out) {
  struct lmdbx__tape *tape = context;
  int code = put_op(tape, LMDBX__TAPE_TYPED, elements.size);
  if (code == LMDBX_OK) code = put_word(tape, (int32_t)type);
  if (code == LMDBX_OK) code = put_bytes(tape, elements);
  return push(tape, code, out);
}

/* Takes so many items off the stack, which lie there in order: their places are
 * what the reader got from push. */
static int build_container(struct lmdbx__tape *tape, enum lmdbx__tape_op op, size_t argument,
                           size_t items, lmdbx_value *out) {
  tape->height -= items;
  return push(tape, put_op(tape, op, argument), out);
}

static int build_array(void *context, const lmdbx_value *items, size_t count, lmdbx_value *out) {
  (void)items;
  return build_container(context, LMDBX__TAPE_ARRAY, count, count, out);
}

static int build_object(void *context, const struct lmdbx_slice *names, const lmdbx_value *values,
                        size_t count, lmdbx_value *out) {
  struct lmdbx__tape *tape = context;
  (void)values;
  int32_t shape = tape->shape(tape->shape_context, names, count);
  if (shape >= 0) return build_container(tape, LMDBX__TAPE_OBJECT, (size_t)shape, count, out);
  int code = LMDBX_OK;
  for (size_t i = 0; i < count && code == LMDBX_OK; i++) code = put_text(tape, names[i]);
  if (code != LMDBX_OK) return code;
  return build_container(tape, LMDBX__TAPE_FIELDS, count, count, out);
}

/* The pairs of a plain msgpack map with other keys than strings were not built in
 * their order: not worth a word. */
static int build_map(void *context, const lmdbx_value *pairs, size_t count, lmdbx_value *out) {
  struct lmdbx__tape *tape = context;
  size_t base = tape->height - count * 2;
  for (size_t i = 0; i < count * 2; i++) {
    if ((size_t)(uintptr_t)pairs[i] != base + i) return LMDBX__TAPE_UNFIT;
  }
  return build_container(tape, LMDBX__TAPE_MAP, count, count * 2, out);
}

static int build_set(void *context, const lmdbx_value *members, size_t count, lmdbx_value *out) {
  (void)members;
  return build_container(context, LMDBX__TAPE_SET, count, count, out);
}

int lmdbx__tape_build(struct lmdbx__tape *tape, struct lmdbx_slice value,
                      struct lmdbx_error *error) {
  static const struct lmdbx_builder builder = {
      .nil = build_nil,
      .undefined = build_undefined,
      .boolean = build_boolean,
      .integer = build_integer,
      .number = build_number,
      .bigint_signed = build_bigint_signed,
      .bigint_unsigned = build_bigint_unsigned,
      .date = build_date,
      .string = build_string,
      .bytes = build_bytes,
      .typed_array = build_typed_array,
      .array = build_array,
      .object = build_object,
      .map = build_map,
      .set = build_set,
  };
  lmdbx_value root = NULL;
  tape->op_count = tape->number_count = tape->byte_count = tape->chunk_count = 0;
  tape->text.size = tape->height = 0;
  int code = lmdbx__msgpack_read(value, &builder, tape, &root, error);
  return code == LMDBX_OK ? put_op(tape, LMDBX__TAPE_END, 0) : code;
}
