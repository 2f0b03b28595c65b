/*
 * msgpack to a tape, straight: the common types, and only what is sound. msgpack-c's
 * template keeps a state for input that comes in pieces, and asks a builder for every
 * item and name; here a value of 50 lines takes a third of the time. It knows nothing
 * of errors: what it does not take, the exact reader reads from the beginning.
 */
#include "codec/bytes.h"
#include "codec/msgpack_writer.h"
#include "codec/tape.h"

#include <string.h>

/* Containers inside containers. */
#define DEEPEST 64
/* Names that wait in all open objects. */
#define NAMES 512
/* Shorter arrays are not tried as flat ones. */
#define FLAT_LEAST 16

struct scan {
  struct lmdbx__tape *tape;
  const uint8_t *at, *end;
  size_t name_count;
  struct lmdbx_slice names[NAMES];
};

static int scan_item(struct scan *scan, unsigned depth);

static size_t left(const struct scan *scan) {
  return (size_t)(scan->end - scan->at);
}

/* A number behind a type byte, if it is there. */
static inline bool take(struct scan *scan, size_t size, uint64_t *out) {
  if (left(scan) < size) return false;
  *out = lmdbx__load_big_endian(scan->at, size);
  scan->at += size;
  return true;
}

static bool take_bytes(struct scan *scan, uint64_t size, struct lmdbx_slice *out) {
  if (left(scan) < size) return false;
  *out = (struct lmdbx_slice){scan->at, (size_t)size};
  scan->at += size;
  return true;
}

/* The size of a string whose type byte was taken; false: it is none. */
static bool take_string_size(struct scan *scan, uint8_t type, uint64_t *size) {
  if ((type & 0xE0) == 0xA0) {
    *size = type & 0x1F;
    return true;
  }
  switch (type) {
  case 0xD9: return take(scan, 1, size);
  case 0xDA: return take(scan, 2, size);
  case 0xDB: return take(scan, 4, size);
  default: return false;
  }
}

static int scan_string(struct scan *scan, uint64_t size) {
  struct lmdbx_slice text;
  if (!take_bytes(scan, size, &text)) return LMDBX__TAPE_UNFIT;
  return lmdbx__tape_put_text(scan->tape, text);
}

static int scan_name(struct scan *scan) {
  uint64_t size = 0;
  if (left(scan) == 0 || scan->name_count == NAMES) return LMDBX__TAPE_UNFIT;
  uint8_t type = *scan->at++;
  if (!take_string_size(scan, type, &size) ||
      !take_bytes(scan, size, &scan->names[scan->name_count])) {
    return LMDBX__TAPE_UNFIT;
  }
  scan->name_count++;
  return LMDBX_OK;
}

/* Passes a name that is the guessed one. Its slice is noted in case the next is not. */
static bool pass_name(struct scan *scan, struct lmdbx_slice guess) {
  if (left(scan) < guess.size || !lmdbx__bytes_equal(scan->at, guess.data, guess.size))
    return false;
  if (scan->name_count == NAMES) return false;
  size_t header = lmdbx__string_header_size(guess.data);
  scan->names[scan->name_count++] = (struct lmdbx_slice){scan->at + header, guess.size - header};
  scan->at += guess.size;
  return true;
}

static int scan_object(struct scan *scan, uint64_t count, unsigned depth) {
  struct lmdbx__shapes *shapes = &scan->tape->shapes;
  if (depth == DEEPEST || count > left(scan)) return LMDBX__TAPE_UNFIT;
  struct lmdbx__shape *guess = lmdbx__shape_guess(shapes, count, scan->at, left(scan));
  /* In use, so that none of its values takes its place. */
  int32_t guessed = guess != NULL ? lmdbx__shape_use(shapes, guess) : -1;
  int code = LMDBX_OK;
  for (size_t i = 0; i < count && code == LMDBX_OK; i++) {
    if (guessed >= 0 && !pass_name(scan, guess->names[i])) guessed = -1;
    if (guessed < 0) code = scan_name(scan);
    if (code == LMDBX_OK) code = scan_item(scan, depth + 1);
  }
  if (code != LMDBX_OK) return code;
  scan->name_count -= count;
  if (guessed >= 0) return lmdbx__tape_put_op(scan->tape, LMDBX__TAPE_OBJECT, (size_t)guessed);
  return lmdbx__tape_put_object(scan->tape, scan->names + scan->name_count, count);
}

static int scan_constant(struct scan *scan, enum lmdbx__tape_constant constant) {
  return lmdbx__tape_put_op(scan->tape, LMDBX__TAPE_CONSTANT, constant);
}

static int scan_float(struct scan *scan) {
  uint64_t bits = 0;
  float number;
  if (!take(scan, sizeof number, &bits)) return LMDBX__TAPE_UNFIT;
  uint32_t half = (uint32_t)bits;
  memcpy(&number, &half, sizeof number);
  return lmdbx__tape_put_double(scan->tape, number);
}

static int scan_double(struct scan *scan) {
  uint64_t bits = 0;
  double number;
  if (!take(scan, sizeof number, &bits)) return LMDBX__TAPE_UNFIT;
  memcpy(&number, &bits, sizeof number);
  return lmdbx__tape_put_double(scan->tape, number);
}

/* A number whose type byte was taken, unless it is one for the exact reader. */
static int scan_number(struct scan *scan, uint8_t type) {
  uint64_t bits = 0;
  int64_t number = type < 0x80 ? type : (int8_t)type;
  bool there = type < 0x80 || type >= 0xE0;
  switch (type) {
  case 0xCA: return scan_float(scan);
  case 0xCB: return scan_double(scan);
  case 0xCC:
    there = take(scan, 1, &bits);
    number = (int64_t)bits;
    break;
  case 0xCD:
    there = take(scan, 2, &bits);
    number = (int64_t)bits;
    break;
  case 0xCE:
    there = take(scan, 4, &bits);
    number = (int64_t)bits;
    break;
  case 0xD0:
    there = take(scan, 1, &bits);
    number = (int8_t)bits;
    break;
  case 0xD1:
    there = take(scan, 2, &bits);
    number = (int16_t)bits;
    break;
  case 0xD2:
    there = take(scan, 4, &bits);
    number = (int32_t)bits;
    break;
  default: break;
  }
  return there ? lmdbx__tape_put_integer(scan->tape, number) : LMDBX__TAPE_UNFIT;
}

static int scan_numbers(struct scan *scan, uint64_t count) {
  int code = lmdbx__tape_put_op(scan->tape, LMDBX__TAPE_NUMBERS, count);
  for (uint64_t i = 0; i < count && code == LMDBX_OK; i++) {
    code = left(scan) > 0 ? scan_number(scan, *scan->at++) : LMDBX__TAPE_UNFIT;
  }
  return code;
}

static int scan_texts(struct scan *scan, uint64_t count) {
  uint64_t size = 0;
  int code = lmdbx__tape_put_op(scan->tape, LMDBX__TAPE_TEXTS, count);
  for (uint64_t i = 0; i < count && code == LMDBX_OK; i++) {
    bool text = left(scan) > 0 && take_string_size(scan, *scan->at++, &size);
    code = text ? scan_string(scan, size) : LMDBX__TAPE_UNFIT;
  }
  return code;
}

/* An array of strings alone, if its first item is one, or else of numbers. If it is
 * another, as if nothing had been tried. */
static bool scan_flat(struct scan *scan, uint64_t count) {
  struct lmdbx__tape_mark mark = lmdbx__tape_take_mark(scan->tape);
  const uint8_t *start = scan->at;
  bool texts = (*start & 0xE0) == 0xA0 || (*start >= 0xD9 && *start <= 0xDB);
  if ((texts ? scan_texts(scan, count) : scan_numbers(scan, count)) == LMDBX_OK) return true;
  scan->at = start;
  lmdbx__tape_return(scan->tape, &mark);
  return false;
}

static int scan_array(struct scan *scan, uint64_t count, unsigned depth) {
  if (depth == DEEPEST || count > left(scan)) return LMDBX__TAPE_UNFIT;
  if (count >= FLAT_LEAST && scan_flat(scan, count)) return LMDBX_OK;
  int code = LMDBX_OK;
  for (uint64_t i = 0; i < count && code == LMDBX_OK; i++) code = scan_item(scan, depth + 1);
  return code == LMDBX_OK ? lmdbx__tape_put_op(scan->tape, LMDBX__TAPE_ARRAY, count) : code;
}

/* A Map or Set, whose array of items is all of the payload. Other extensions are rarer,
 * and left to the exact reader. */
static int scan_ext(struct scan *scan, uint64_t size, unsigned depth) {
  uint64_t type = 0;
  uint64_t count = 0;
  if (depth == DEEPEST || !take(scan, 1, &type) ||
      (type != LMDBX__EXT_MAP && type != LMDBX__EXT_SET) || size == 0 || size > left(scan)) {
    return LMDBX__TAPE_UNFIT;
  }
  const uint8_t *end = scan->at + size;
  uint8_t array = *scan->at++;
  if ((array & 0xF0) == 0x90) {
    count = array & 0x0F;
  } else if ((array != 0xDC && array != 0xDD) || !take(scan, array == 0xDC ? 2 : 4, &count)) {
    return LMDBX__TAPE_UNFIT;
  }
  bool map = type == LMDBX__EXT_MAP;
  if (count > left(scan) || (map && count % 2 != 0)) return LMDBX__TAPE_UNFIT;
  int code = LMDBX_OK;
  for (uint64_t i = 0; i < count && code == LMDBX_OK; i++) code = scan_item(scan, depth + 1);
  if (code != LMDBX_OK) return code;
  if (scan->at != end) return LMDBX__TAPE_UNFIT;
  return map ? lmdbx__tape_put_op(scan->tape, LMDBX__TAPE_MAP, count / 2)
             : lmdbx__tape_put_op(scan->tape, LMDBX__TAPE_SET, count);
}

/* Types with a byte of their own. */
static int scan_typed(struct scan *scan, uint8_t type, unsigned depth) {
  uint64_t size = 0;
  switch (type) {
  case 0xC0: return scan_constant(scan, LMDBX__TAPE_NULL);
  case 0xC2: return scan_constant(scan, LMDBX__TAPE_FALSE);
  case 0xC3: return scan_constant(scan, LMDBX__TAPE_TRUE);
  case 0xC7:
  case 0xC8:
  case 0xC9:
    if (!take(scan, (size_t)1 << (type - 0xC7), &size)) return LMDBX__TAPE_UNFIT;
    return scan_ext(scan, size, depth);
  case 0xD4:
  case 0xD5:
  case 0xD6:
  case 0xD7:
  case 0xD8: return scan_ext(scan, UINT64_C(1) << (type - 0xD4), depth);
  case 0xD9:
  case 0xDA:
  case 0xDB:
    if (!take_string_size(scan, type, &size)) return LMDBX__TAPE_UNFIT;
    return scan_string(scan, size);
  case 0xDC:
  case 0xDD:
    if (!take(scan, type == 0xDC ? 2 : 4, &size)) return LMDBX__TAPE_UNFIT;
    return scan_array(scan, size, depth);
  case 0xDE:
  case 0xDF:
    if (!take(scan, type == 0xDE ? 2 : 4, &size)) return LMDBX__TAPE_UNFIT;
    return scan_object(scan, size, depth);
  default: return scan_number(scan, type);
  }
}

static int scan_item(struct scan *scan, unsigned depth) {
  if (left(scan) == 0) return LMDBX__TAPE_UNFIT;
  uint8_t type = *scan->at++;
  if (type < 0x80 || type >= 0xE0) return scan_number(scan, type);
  if (type < 0x90) return scan_object(scan, type & 0x0F, depth);
  if (type < 0xA0) return scan_array(scan, type & 0x0F, depth);
  if (type < 0xC0) return scan_string(scan, type & 0x1F);
  return scan_typed(scan, type, depth);
}

int lmdbx__tape_scan(struct lmdbx__tape *tape, struct lmdbx_slice value) {
  struct scan scan;
  scan.tape = tape;
  scan.at = value.data;
  scan.end = value.data + value.size;
  scan.name_count = 0;
  if (scan_item(&scan, 0) != LMDBX_OK || scan.at != scan.end) return LMDBX__TAPE_UNFIT;
  return lmdbx__tape_put_op(tape, LMDBX__TAPE_END, 0);
}
