/*
 * A value as a tape: what JavaScript and C tell each other of a value in one call
 * instead of one for each item. lib/tape.js has the same numbers.
 *
 *   ops      int32 words. The low 5 bits of a word say what, the others, with
 *            their sign, are its argument:
 *
 *              31                                5 4       0
 *             +-----------------------------------+---------+
 *             | argument                          | op      |
 *             +-----------------------------------+---------+
 *
 *   numbers  float64 (or int64, uint64) operands, in the order of the ops
 *   bytes    ASCII text, or binary, in the order of the ops
 *   text     all other strings, end to end; lengths count UTF-16 units
 *
 *   op         argument     takes further         is
 *   CONSTANT   0 .. 3                             null, undefined, true, false
 *   SMALL      the number                         a number of 27 bits
 *   INTEGER                 one word              a number of 32 bits
 *   NUMBER                  one number            any number
 *   DATE                    one number            a Date; NaN: an invalid one
 *   BIGINT                  one int64             a BigInt
 *   BIGUINT                 one uint64            a BigInt
 *   TEXT       units        text                  a string
 *   ASCII      bytes        bytes                 a string (packing only)
 *   CHUNK                                         the next piece of text begins (building only)
 *   BYTES      size         bytes                 a Buffer
 *   TYPED      size         one word, bytes       a typed array of that code
 *   NAME       number                             a name that both know (packing only)
 *   ARRAY      count                              an array
 *   OBJECT     shape                              an object of a known shape (building only)
 *   FIELDS     count                              an object
 *   MAP, SET   pairs, count                       a Map, a Set
 *   NUMBERS    count                              an array of the numbers behind it (building only)
 *   TEXTS      count                              an array of the strings behind it (building only)
 *   END                                           the last word (packing: or that of a Map or Set)
 *
 * Building: C writes, JavaScript reads. Items stand before their container, as a
 * stack machine wants them: ARRAY takes so many items off the stack. The values of
 * an OBJECT come in its shape's order; those of FIELDS stand before their names. Behind
 * NUMBERS stand so many of SMALL, INTEGER and NUMBER, behind TEXTS of TEXT, perhaps
 * with CHUNK before it: they need no stack.
 *
 * Packing: JavaScript writes, C reads. Containers stand before their items, as in
 * msgpack: after FIELDS come name and value in turn, a name being NAME, TEXT or
 * ASCII; after MAP key and value in turn. Behind the items of a MAP or SET stands END,
 * since msgpack must then be told their size.
 */
#ifndef LMDBX_CODEC_TAPE_H
#define LMDBX_CODEC_TAPE_H

#include "codec/tape_shapes.h"
#include "codec/utf8.h"
#include "lmdbx.h"

enum lmdbx__tape_op {
  LMDBX__TAPE_END,
  LMDBX__TAPE_CONSTANT,
  LMDBX__TAPE_SMALL,
  LMDBX__TAPE_INTEGER,
  LMDBX__TAPE_NUMBER,
  LMDBX__TAPE_DATE,
  LMDBX__TAPE_BIGINT,
  LMDBX__TAPE_BIGUINT,
  LMDBX__TAPE_TEXT,
  LMDBX__TAPE_ASCII,
  LMDBX__TAPE_CHUNK,
  LMDBX__TAPE_BYTES,
  LMDBX__TAPE_TYPED,
  LMDBX__TAPE_NAME,
  LMDBX__TAPE_ARRAY,
  LMDBX__TAPE_OBJECT,
  LMDBX__TAPE_FIELDS,
  LMDBX__TAPE_MAP,
  LMDBX__TAPE_SET,
  LMDBX__TAPE_NUMBERS,
  LMDBX__TAPE_TEXTS
};

enum lmdbx__tape_constant {
  LMDBX__TAPE_NULL,
  LMDBX__TAPE_UNDEFINED,
  LMDBX__TAPE_TRUE,
  LMDBX__TAPE_FALSE
};

#define LMDBX__TAPE_OP_BITS 5
/* The largest argument. */
#define LMDBX__TAPE_SMALL_MAX ((INT32_C(1) << (31 - LMDBX__TAPE_OP_BITS)) - 1)
/* Bytes of text in one piece, unless a single string is longer. A string that a
 * program keeps may keep its whole piece alive: engines cut strings without
 * copying. */
#define LMDBX__TAPE_CHUNK_SIZE ((size_t)4096)
#define LMDBX__TAPE_CHUNKS 64

/* The tape does not hold this value: it is too large for it, or of a form that is
 * not worth a word. Read or write it in another way. No code of LMDBX_ERROR_MAP. */
#define LMDBX__TAPE_UNFIT (-2)

/* ---------------------------------------------------------------- building */

/* A piece of text: well-formed UTF-8, in the tape's text or where the value lies. */
struct lmdbx__tape_chunk {
  const uint8_t *data; /* NULL: at `start` of the tape's text, which may move */
  size_t start;
  size_t size;
  enum lmdbx__text_width width;
};

/* The caller owns the memory and sets the limits; lmdbx__tape_build does the rest. */
struct lmdbx__tape {
  int32_t *ops;
  size_t op_limit, op_count;
  double *numbers;
  size_t number_limit, number_count;
  uint8_t *bytes;
  size_t byte_limit, byte_count;
  struct lmdbx_buffer text; /* scratch; kept from value to value, freed by the caller */
  struct lmdbx__tape_chunk chunks[LMDBX__TAPE_CHUNKS];
  size_t chunk_count;
  bool chunk_closed; /* the last one takes no more */
  size_t height;     /* items on the stack, while the exact reader builds */
  struct lmdbx__shapes shapes;
};

/*
 * Reads msgpack into the tape. LMDBX_OK; LMDBX__TAPE_UNFIT; what
 * lmdbx__msgpack_read answers. Chunks may point into value until it goes away.
 * The tape's thread.
 *
 * Nearly all values are read by a scan that knows the common types and guesses
 * shapes (tape_scan.c). What it does not know, and all that is not sound, goes to the
 * exact reader.
 */
int lmdbx__tape_build(struct lmdbx__tape *tape, struct lmdbx_slice value,
                      struct lmdbx_error *error);
/* Either alone, onto a tape that lmdbx__tape_begin has emptied; after a failure it
 * holds rubbish. The scan answers LMDBX_OK or LMDBX__TAPE_UNFIT. */
void lmdbx__tape_begin(struct lmdbx__tape *tape);
int lmdbx__tape_scan(struct lmdbx__tape *tape, struct lmdbx_slice value);
int lmdbx__tape_read(struct lmdbx__tape *tape, struct lmdbx_slice value, struct lmdbx_error *error);

/* JSON onto the tape, if it is strict JSON whose numbers are surely exact: LMDBX_OK or
 * LMDBX__TAPE_UNFIT. What that means is for JSON.parse to say. The tape's thread. */
int lmdbx__tape_build_json(struct lmdbx__tape *tape, struct lmdbx_slice text);
int lmdbx__tape_scan_json(struct lmdbx__tape *tape, struct lmdbx_slice text); /* as ..._scan */

/* Values of at most so many bytes may follow one another on a tape, each with its END;
 * and begin a new piece of text behind one of so many, since a string that a program
 * keeps keeps its piece. */
#define LMDBX__TAPE_NEXT_SIZE LMDBX__TAPE_CHUNK_SIZE
#define LMDBX__TAPE_NEXT_CHUNK ((size_t)1024)

/* Appends a value to those on the tape. LMDBX_OK; LMDBX__TAPE_UNFIT, and the tape is as
 * it was. The tape's thread. */
int lmdbx__tape_next(struct lmdbx__tape *tape, struct lmdbx_slice value,
                     enum lmdbx_encoding encoding);

/* Where a tape stood, and back to there: what was written since is forgotten. */
struct lmdbx__tape_mark {
  size_t op_count, number_count, byte_count, chunk_count, text_size;
  struct lmdbx__tape_chunk last;
  bool chunk_closed;
};
struct lmdbx__tape_mark lmdbx__tape_take_mark(const struct lmdbx__tape *tape);
void lmdbx__tape_return(struct lmdbx__tape *tape, const struct lmdbx__tape_mark *mark);

/* What they share: adds to the tape, or finds it full (LMDBX__TAPE_UNFIT). */
static inline int lmdbx__tape_put_word(struct lmdbx__tape *tape, int32_t word) {
  if (tape->op_count == tape->op_limit) return LMDBX__TAPE_UNFIT;
  tape->ops[tape->op_count++] = word;
  return LMDBX_OK;
}
static inline int lmdbx__tape_put_op(struct lmdbx__tape *tape, enum lmdbx__tape_op op,
                                     size_t argument) {
  if (argument > LMDBX__TAPE_SMALL_MAX) return LMDBX__TAPE_UNFIT;
  return lmdbx__tape_put_word(tape, (int32_t)((argument << LMDBX__TAPE_OP_BITS) | op));
}
int lmdbx__tape_put_number(struct lmdbx__tape *tape, const void *number);
int lmdbx__tape_put_double(struct lmdbx__tape *tape, double value);
int lmdbx__tape_put_integer(struct lmdbx__tape *tape, int64_t value); /* -2^31 .. 2^32-1 */
int lmdbx__tape_put_bytes(struct lmdbx__tape *tape, struct lmdbx_slice bytes);
/* A string; LMDBX_DECODE: it is not UTF-8. */
int lmdbx__tape_put_text(struct lmdbx__tape *tape, struct lmdbx_slice text);
/* An object whose values are on the tape; the names are looked at, too. */
int lmdbx__tape_put_object(struct lmdbx__tape *tape, const struct lmdbx_slice *names, size_t count);

/* ----------------------------------------------------------------- packing */

/* Names that both sides know, as msgpack strings. All zero is an empty list;
 * lmdbx__tape_names_free frees it. */
struct lmdbx__tape_names {
  struct lmdbx_slice *names;
  size_t count, capacity;
};

#define LMDBX__TAPE_NAMES 4096
/* Maps and Sets in one another: as many levels as lib/flatten.js goes into a value. */
#define LMDBX__TAPE_OPEN 64

/* Adds the next name (well-formed UTF-8), whose number is the count before. LMDBX_OK,
 * LMDBX_NO_MEMORY, LMDBX__TAPE_UNFIT (there are enough). */
int lmdbx__tape_name_add(struct lmdbx__tape_names *names, struct lmdbx_slice name);
void lmdbx__tape_names_free(struct lmdbx__tape_names *names);

struct lmdbx__tape_source {
  const int32_t *ops; /* ending with END within op_limit words */
  size_t op_limit;
  const double *numbers;
  size_t number_limit;
  const uint8_t *bytes; /* the first of the value's */
  size_t byte_limit;
  struct lmdbx_slice text; /* well-formed UTF-8 */
};

/*
 * Appends the value to *out as msgpack. The tape is trusted as far as memory is safe:
 * what says more than it holds is LMDBX_INTERNAL. LMDBX_OK,
 * LMDBX_NO_MEMORY, LMDBX_VALUE_TOO_LARGE, LMDBX_INTERNAL. Any thread.
 */
int lmdbx__tape_pack(const struct lmdbx__tape_source *tape, const struct lmdbx__tape_names *names,
                     struct lmdbx_buffer *out);

#endif
