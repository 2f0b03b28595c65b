/* msgpack to a tape: a builder for the msgpack reader. A built value is its place on
 * the stack of the machine that will read the tape. */
#include "codec/msgpack_reader.h"
#include "codec/tape.h"

/* The new item lies on top of the stack. */
static int push(struct lmdbx__tape *tape, int code, lmdbx_value *out) {
  *out = (lmdbx_value)(uintptr_t)tape->height++;
  return code;
}

static int build_constant(struct lmdbx__tape *tape, enum lmdbx__tape_constant constant,
                          lmdbx_value *out) {
  return push(tape, lmdbx__tape_put_op(tape, LMDBX__TAPE_CONSTANT, constant), out);
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
  int code = lmdbx__tape_put_op(tape, op, 0);
  if (code == LMDBX_OK) code = lmdbx__tape_put_number(tape, number);
  return push(tape, code, out);
}

static int build_number(void *context, double value, lmdbx_value *out) {
  struct lmdbx__tape *tape = context;
  return push(tape, lmdbx__tape_put_double(tape, value), out);
}

static int build_integer(void *context, int64_t value, lmdbx_value *out) {
  struct lmdbx__tape *tape = context;
  return push(tape, lmdbx__tape_put_integer(tape, value), out);
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

static int build_string(void *context, struct lmdbx_slice text, lmdbx_value *out) {
  struct lmdbx__tape *tape = context;
  return push(tape, lmdbx__tape_put_text(tape, text), out);
}

static int build_bytes(void *context, struct lmdbx_slice bytes, lmdbx_value *out) {
  struct lmdbx__tape *tape = context;
  int code = lmdbx__tape_put_op(tape, LMDBX__TAPE_BYTES, bytes.size);
  if (code == LMDBX_OK) code = lmdbx__tape_put_bytes(tape, bytes);
  return push(tape, code, out);
}

static int build_typed_array(void *context, enum lmdbx_typed_array type,
                             struct lmdbx_slice elements, lmdbx_value *out) {
  struct lmdbx__tape *tape = context;
  int code = lmdbx__tape_put_op(tape, LMDBX__TAPE_TYPED, elements.size);
  if (code == LMDBX_OK) code = lmdbx__tape_put_word(tape, (int32_t)type);
  if (code == LMDBX_OK) code = lmdbx__tape_put_bytes(tape, elements);
  return push(tape, code, out);
}

/* Takes so many items off the stack, which lie there in order: their places are
 * what the reader got from push. */
static int build_container(struct lmdbx__tape *tape, enum lmdbx__tape_op op, size_t argument,
                           size_t items, lmdbx_value *out) {
  tape->height -= items;
  return push(tape, lmdbx__tape_put_op(tape, op, argument), out);
}

static int build_array(void *context, const lmdbx_value *items, size_t count, lmdbx_value *out) {
  (void)items;
  return build_container(context, LMDBX__TAPE_ARRAY, count, count, out);
}

static int build_object(void *context, const struct lmdbx_slice *names, const lmdbx_value *values,
                        size_t count, lmdbx_value *out) {
  struct lmdbx__tape *tape = context;
  (void)values;
  tape->height -= count;
  return push(tape, lmdbx__tape_put_object(tape, names, count), out);
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

int lmdbx__tape_read(struct lmdbx__tape *tape, struct lmdbx_slice value,
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
  int code = lmdbx__msgpack_read(value, &builder, tape, &root, error);
  return code == LMDBX_OK ? lmdbx__tape_put_op(tape, LMDBX__TAPE_END, 0) : code;
}

void lmdbx__tape_begin(struct lmdbx__tape *tape) {
  lmdbx__shapes_next(&tape->shapes);
  tape->op_count = tape->number_count = tape->byte_count = tape->chunk_count = 0;
  tape->text.size = tape->height = 0;
  tape->chunk_closed = false;
}

int lmdbx__tape_build(struct lmdbx__tape *tape, struct lmdbx_slice value,
                      struct lmdbx_error *error) {
  lmdbx__tape_begin(tape);
  if (lmdbx__tape_scan(tape, value) == LMDBX_OK) return LMDBX_OK;
  lmdbx__tape_begin(tape);
  return lmdbx__tape_read(tape, value, error);
}

static int put_next(struct lmdbx__tape *tape, struct lmdbx_slice value,
                    enum lmdbx_encoding encoding) {
  int code = LMDBX__TAPE_UNFIT;
  switch (encoding) {
  case LMDBX_MSGPACK: return lmdbx__tape_scan(tape, value);
  case LMDBX_JSON: return lmdbx__tape_scan_json(tape, value);
  case LMDBX_STRING:
    code = lmdbx__tape_put_text(tape, value);
    return code == LMDBX_OK ? lmdbx__tape_put_op(tape, LMDBX__TAPE_END, 0) : code;
  }
  return code;
}

int lmdbx__tape_next(struct lmdbx__tape *tape, struct lmdbx_slice value,
                     enum lmdbx_encoding encoding) {
  if (value.size > LMDBX__TAPE_NEXT_SIZE) return LMDBX__TAPE_UNFIT;
  struct lmdbx__tape_mark mark = lmdbx__tape_take_mark(tape);
  tape->chunk_closed = mark.last.size >= LMDBX__TAPE_NEXT_CHUNK;
  if (put_next(tape, value, encoding) == LMDBX_OK) return LMDBX_OK;
  lmdbx__tape_return(tape, &mark);
  return LMDBX__TAPE_UNFIT;
}
