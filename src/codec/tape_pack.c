/* A tape to msgpack. Both have containers before their items, so that one goes over
 * into the other word by word. */
#include "codec/msgpack_writer.h"
#include "codec/tape.h"
#include "codec/utf8.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_NAMES 64

/* -------------------------------------------------------------------- names */

int lmdbx__tape_name_add(struct lmdbx__tape_names *names, struct lmdbx_slice name) {
  struct lmdbx_buffer packed = {0};
  if (names->count == LMDBX__TAPE_NAMES) return LMDBX__TAPE_UNFIT;
  if (names->count == names->capacity) {
    size_t capacity = names->capacity > 0 ? names->capacity * 2 : FIRST_NAMES;
    struct lmdbx_slice *larger = realloc(names->names, capacity * sizeof *larger);
    if (larger == NULL) return LMDBX_NO_MEMORY;
    names->names = larger;
    names->capacity = capacity;
  }
  int code = lmdbx__pack_string(&packed, name);
  if (code != LMDBX_OK) {
    lmdbx_buffer_free(&packed);
    return code;
  }
  names->names[names->count++] = (struct lmdbx_slice){packed.data, packed.size};
  return LMDBX_OK;
}

void lmdbx__tape_names_free(struct lmdbx__tape_names *names) {
  for (size_t i = 0; i < names->count; i++) free((void *)names->names[i].data);
  free(names->names);
  *names = (struct lmdbx__tape_names){0};
}

/* ------------------------------------------------------------------ packing */

struct packing {
  const struct lmdbx__tape_source *tape;
  const struct lmdbx__tape_names *names;
  struct lmdbx_buffer *out;
  size_t op, number, byte, text;
  bool ascii; /* the text is: as many bytes as units */
  size_t open_count;
  size_t open[LMDBX__TAPE_OPEN]; /* the marks of Maps and Sets that have not ended */
};

/* Bytes of so many UTF-16 units of the text, from where the last string ended. */
static int take_text(struct packing *packing, size_t units, struct lmdbx_slice *out) {
  struct lmdbx_slice text = packing->tape->text;
  size_t start = packing->text;
  size_t at = start;
  if (packing->ascii) {
    if (units > text.size - start) return LMDBX_INTERNAL;
    at += units;
    units = 0;
  }
  for (size_t left = units; left > 0; left--) {
    if (at == text.size) return LMDBX_INTERNAL;
    uint8_t lead = text.data[at];
    size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (length > text.size - at || (length == 4 && --left == 0)) return LMDBX_INTERNAL;
    at += length;
  }
  packing->text = at;
  *out = (struct lmdbx_slice){text.data + start, at - start};
  return LMDBX_OK;
}

static int take_word(struct packing *packing, int32_t *out) {
  if (packing->op == packing->tape->op_limit) return LMDBX_INTERNAL;
  *out = packing->tape->ops[packing->op++];
  return LMDBX_OK;
}

static int pack_text(struct packing *packing, size_t units) {
  struct lmdbx_slice text;
  int code = take_text(packing, units, &text);
  return code == LMDBX_OK ? lmdbx__pack_string(packing->out, text) : code;
}

static int take_bytes(struct packing *packing, size_t size, struct lmdbx_slice *out) {
  const struct lmdbx__tape_source *tape = packing->tape;
  if (size > tape->byte_limit - packing->byte) return LMDBX_INTERNAL;
  *out = (struct lmdbx_slice){tape->bytes + packing->byte, size};
  packing->byte += size;
  return LMDBX_OK;
}

static int pack_ascii(struct packing *packing, size_t size) {
  struct lmdbx_slice text;
  int code = take_bytes(packing, size, &text);
  return code == LMDBX_OK ? lmdbx__pack_string(packing->out, text) : code;
}

static int pack_bytes(struct packing *packing, size_t size) {
  struct lmdbx_slice bytes;
  int code = take_bytes(packing, size, &bytes);
  return code == LMDBX_OK ? lmdbx__pack_bytes(packing->out, bytes) : code;
}

static int pack_typed_array(struct packing *packing, size_t size) {
  struct lmdbx_slice elements;
  int32_t type = 0;
  int code = take_word(packing, &type);
  if (code == LMDBX_OK) code = take_bytes(packing, size, &elements);
  if (code != LMDBX_OK) return code;
  if (type < 0 || type >= LMDBX_TYPED_ARRAY_COUNT) return LMDBX_INTERNAL;
  return lmdbx__pack_typed_array(packing->out, (enum lmdbx_typed_array)type, elements);
}

static int pack_name(struct packing *packing, size_t number) {
  if (number >= packing->names->count) return LMDBX_INTERNAL;
  struct lmdbx_slice name = packing->names->names[number];
  return lmdbx__pack_packed(packing->out, name);
}

/* Of eight bytes, as of which type they were written. */
static int take_number(struct packing *packing, void *out) {
  if (packing->number == packing->tape->number_limit) return LMDBX_INTERNAL;
  memcpy(out, &packing->tape->numbers[packing->number++], sizeof(double));
  return LMDBX_OK;
}

static int pack_bigint_signed(struct packing *packing) {
  int64_t number = 0;
  int code = take_number(packing, &number);
  return code == LMDBX_OK ? lmdbx__pack_bigint_signed(packing->out, number) : code;
}

static int pack_bigint_unsigned(struct packing *packing) {
  uint64_t number = 0;
  int code = take_number(packing, &number);
  return code == LMDBX_OK ? lmdbx__pack_bigint_unsigned(packing->out, number) : code;
}

static int pack_begin(struct packing *packing, bool map, uint32_t count) {
  if (packing->open_count == LMDBX__TAPE_OPEN) return LMDBX_INTERNAL;
  size_t *mark = &packing->open[packing->open_count++];
  return map ? lmdbx__pack_map_begin(packing->out, count, mark)
             : lmdbx__pack_set_begin(packing->out, count, mark);
}

static int pack_constant(struct lmdbx_buffer *out, int32_t constant) {
  switch (constant) {
  case LMDBX__TAPE_NULL: return lmdbx__pack_nil(out);
  case LMDBX__TAPE_UNDEFINED: return lmdbx__pack_undefined(out);
  case LMDBX__TAPE_TRUE: return lmdbx__pack_boolean(out, true);
  case LMDBX__TAPE_FALSE: return lmdbx__pack_boolean(out, false);
  default: return LMDBX_INTERNAL;
  }
}

static int pack_word(struct packing *packing, int32_t word) {
  struct lmdbx_buffer *out = packing->out;
  int32_t argument = word >> LMDBX__TAPE_OP_BITS; /* with its sign, in gcc and clang */
  int32_t integer = 0;
  double number = 0;
  int code;
  switch (word & ((1 << LMDBX__TAPE_OP_BITS) - 1)) {
  case LMDBX__TAPE_CONSTANT: return pack_constant(out, argument);
  case LMDBX__TAPE_SMALL: return lmdbx__pack_number(out, argument);
  case LMDBX__TAPE_INTEGER:
    code = take_word(packing, &integer);
    return code == LMDBX_OK ? lmdbx__pack_number(out, integer) : code;
  case LMDBX__TAPE_NUMBER:
    code = take_number(packing, &number);
    return code == LMDBX_OK ? lmdbx__pack_number(out, number) : code;
  case LMDBX__TAPE_DATE:
    code = take_number(packing, &number);
    return code == LMDBX_OK ? lmdbx__pack_date(out, number) : code;
  case LMDBX__TAPE_BIGINT: return pack_bigint_signed(packing);
  case LMDBX__TAPE_BIGUINT: return pack_bigint_unsigned(packing);
  case LMDBX__TAPE_TEXT: return pack_text(packing, (uint32_t)argument);
  case LMDBX__TAPE_ASCII: return pack_ascii(packing, (uint32_t)argument);
  case LMDBX__TAPE_BYTES: return pack_bytes(packing, (uint32_t)argument);
  case LMDBX__TAPE_TYPED: return pack_typed_array(packing, (uint32_t)argument);
  case LMDBX__TAPE_NAME: return pack_name(packing, (uint32_t)argument);
  case LMDBX__TAPE_ARRAY: return lmdbx__pack_array(out, (uint32_t)argument);
  case LMDBX__TAPE_FIELDS: return lmdbx__pack_object(out, (uint32_t)argument);
  case LMDBX__TAPE_MAP: return pack_begin(packing, true, (uint32_t)argument);
  case LMDBX__TAPE_SET: return pack_begin(packing, false, (uint32_t)argument);
  case LMDBX__TAPE_END: /* that of a Map or Set: the caller knows the last one */
    return lmdbx__pack_ext_end(out, packing->open[--packing->open_count]);
  default: return LMDBX_INTERNAL;
  }
}

int lmdbx__tape_pack(const struct lmdbx__tape_source *tape, const struct lmdbx__tape_names *names,
                     struct lmdbx_buffer *out) {
  struct packing packing;
  packing.tape = tape;
  packing.names = names;
  packing.out = out;
  packing.op = packing.number = packing.byte = packing.text = packing.open_count = 0;
  packing.ascii = lmdbx__utf8_ascii(tape->text);
  int code = LMDBX_OK;
  while (code == LMDBX_OK) {
    if (packing.op == tape->op_limit) return LMDBX_INTERNAL;
    int32_t word = tape->ops[packing.op++];
    bool end = (word & ((1 << LMDBX__TAPE_OP_BITS) - 1)) == LMDBX__TAPE_END;
    if (end && packing.open_count == 0) return LMDBX_OK;
    code = pack_word(&packing, word);
  }
  return code;
}
