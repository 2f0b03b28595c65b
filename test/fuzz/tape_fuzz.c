/* Any bytes: what the scan takes, the exact reader takes, and both write one tape; what
 * is taken as JSON is JSON. */
#include "codec/json.h"
#include "codec/tape.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OPS = 4096, NUMBERS = 512, BYTES = 512 };

struct memory {
  int32_t ops[OPS];
  double numbers[NUMBERS];
  uint8_t bytes[BYTES];
};

static bool define(void *context, uint32_t number, const struct lmdbx_slice *names, size_t count) {
  (void)context;
  (void)number;
  (void)names;
  return count > 0;
}

static struct lmdbx__tape tape_on(struct memory *memory) {
  return (struct lmdbx__tape){.ops = memory->ops,
                              .op_limit = OPS,
                              .numbers = memory->numbers,
                              .number_limit = NUMBERS,
                              .bytes = memory->bytes,
                              .byte_limit = BYTES,
                              .shapes = {.define = define}};
}

static void free_tape(struct lmdbx__tape *tape) {
  lmdbx__shapes_free(&tape->shapes);
  lmdbx_buffer_free(&tape->text);
}

/* An array of numbers or strings alone as the exact reader writes it: items, then how many. */
static void expand(struct lmdbx__tape *tape) {
  const uint32_t op = (1U << LMDBX__TAPE_OP_BITS) - 1;
  static int32_t out[OPS];
  size_t count = 0;
  size_t left = 0;
  int32_t array = 0;
  for (size_t at = 0; at < tape->op_count; at++) {
    uint32_t word = (uint32_t)tape->ops[at];
    if ((word & op) == LMDBX__TAPE_NUMBERS || (word & op) == LMDBX__TAPE_TEXTS) {
      left = word >> LMDBX__TAPE_OP_BITS;
      array = (int32_t)((word & ~op) | LMDBX__TAPE_ARRAY);
      continue;
    }
    out[count++] = tape->ops[at];
    if ((word & op) == LMDBX__TAPE_INTEGER) out[count++] = tape->ops[++at];
    bool item = (word & op) != LMDBX__TAPE_CHUNK;
    if (item && left > 0 && --left == 0) out[count++] = array;
  }
  memcpy(tape->ops, out, count * sizeof *out);
  tape->op_count = count;
}

static void compare(struct lmdbx__tape *a, const struct lmdbx__tape *b) {
  expand(a);
  if (a->op_count != b->op_count || a->number_count != b->number_count ||
      a->chunk_count != b->chunk_count || a->text.size != b->text.size) {
    abort();
  }
  if (memcmp(a->ops, b->ops, a->op_count * sizeof *a->ops) != 0) abort();
  if (memcmp(a->numbers, b->numbers, a->number_count * sizeof *a->numbers) != 0) abort();
  if (a->text.size > 0 && memcmp(a->text.data, b->text.data, a->text.size) != 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct memory memories[2];
  struct lmdbx__tape scanned = tape_on(&memories[0]);
  struct lmdbx__tape read = tape_on(&memories[1]);
  const struct lmdbx_slice value = {data, size};
  struct lmdbx_error error;
  /* Until its shapes are known, and guessed. */
  for (int i = 0; i < LMDBX__SHAPE_SIGHTINGS + 3; i++) {
    lmdbx__tape_begin(&scanned);
    if (lmdbx__tape_scan(&scanned, value) != LMDBX_OK) break;
    lmdbx__tape_begin(&read);
    if (lmdbx__tape_read(&read, value, &error) != LMDBX_OK) abort();
    compare(&scanned, &read);
  }
  if (lmdbx__tape_build_json(&scanned, value) == LMDBX_OK && !lmdbx__json_valid(value, NULL)) {
    abort();
  }
  free_tape(&scanned);
  free_tape(&read);
  return 0;
}
