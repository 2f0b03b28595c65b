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

static int pack_text(struct packing *packing, size_t units) {
  struct lmdbx_slice text;
  int code = take_text(packing, units, &text);
  return code == LMDBX_OK ? lmdbx__pack_string(packing->out, text) : code;
}

static int pack_ascii(struct packing *packing, size_t size) {
  const struct lmdbx__tape_source *tape = packing->tape;
  if (size > tape->byte_limit - packing->byte) return LMDBX_INTERNAL;
  struct lmdbx_slice text = {tape->bytes + packing->byte, size};
  packing->byte += size;
  return lmdbx__pack_string(packing->out, text);
}

static int pack_name(struct packing *packing, size_t number) {
  if (number >= packing->names->count) return LMDBX_INTERNAL;
  struct lmdbx_slice name = packing->names->names[number];
  return lmdbx__pack_packed(packing->out, name);
}

static int take_number(struct packing *packing, double *out) {
  if (packing->number == packing->tape->number_limit) return LMDBX_INTERNAL;
  *out = packing->tape->numbers[packing->number++];
  return LMDBX_OK;
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
  double number = 0;
  int code;
  switch (word & ((1 << LMDBX__TAPE_OP_BITS) - 1)) {
  case LMDBX__TAPE_CONSTANT: return pack_constant(out, argument);
  case LMDBX__TAPE_SMALL: return lmdbx__pack_number(out, argument);
  case LMDBX__TAPE_INTEGER:
    if (packing->op == packing->tape->op_limit) return LMDBX_INTERNAL;
    return lmdbx__pack_number(out, packing->tape->ops[packing->op++]);
  case LMDBX__TAPE_NUMBER:
    code = take_number(packing, &number);
    return code == LMDBX_OK ? lmdbx__pack_number(out, number) : code;
  case LMDBX__TAPE_DATE:
    code = take_number(packing, &number);
    return code == LMDBX_OK ? lmdbx__pack_date(out, number) : code;
  case LMDBX__TAPE_TEXT: return pack_text(packing, (uint32_t)argument);
  case LMDBX__TAPE_ASCII: return pack_ascii(packing, (uint32_t)argument);
  case LMDBX__TAPE_NAME: return pack_name(packing, (uint32_t)argument);
  case LMDBX__TAPE_ARRAY: return lmdbx__pack_array(out, (uint32_t)argument);
  case LMDBX__TAPE_FIELDS: return lmdbx__pack_object(out, (uint32_t)argument);
  default: return LMDBX_INTERNAL;
  }
}

int lmdbx__tape_pack(const struct lmdbx__tape_source *tape, const struct lmdbx__tape_names *names,
                     struct lmdbx_buffer *out) {
  struct packing packing = {
      .tape = tape, .names = names, .out = out, .ascii = lmdbx__utf8_ascii(tape->text)};
  int code = LMDBX_OK;
  while (code == LMDBX_OK) {
    if (packing.op == tape->op_limit) return LMDBX_INTERNAL;
    int32_t word = tape->ops[packing.op++];
    if ((word & ((1 << LMDBX__TAPE_OP_BITS) - 1)) == LMDBX__TAPE_END) return LMDBX_OK;
    code = pack_word(&packing, word);
  }
  return code;
}
