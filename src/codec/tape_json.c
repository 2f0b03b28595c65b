/*
 * JSON to a tape, straight: strict JSON whose numbers are surely exact. It knows
 * nothing of errors: what it does not take, the engine's JSON.parse reads, which is
 * what the text means.
 */
#include "codec/bytes.h"
#include "codec/tape.h"
#include "codec/utf8.h"

#include <string.h>

/* Containers inside containers. */
#define DEEPEST 64
/* Names that wait in all open objects. */
#define NAMES 512
/* A decimal is exact as one product or quotient of two doubles that are exact: up to
 * 15 digits, and powers of ten up to the 22nd (W. D. Clinger, 1990). */
#define DIGITS 15
#define POWERS 22
/* Text of strings with escapes; it waits here until it is on the tape. */
#define ESCAPED 1024

struct scan {
  struct lmdbx__tape *tape;
  const uint8_t *at, *end;
  size_t name_count;
  struct lmdbx_slice names[NAMES];
};

static int scan_item(struct scan *scan, unsigned depth);

static void skip_space(struct scan *scan) {
  while (scan->at < scan->end &&
         (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\r' || *scan->at == '\t')) {
    scan->at++;
  }
}

/* Passes a byte, and space around it. */
static bool pass(struct scan *scan, uint8_t byte) {
  skip_space(scan);
  if (scan->at == scan->end || *scan->at != byte) return false;
  scan->at++;
  skip_space(scan);
  return true;
}

static bool pass_word(struct scan *scan, const char *word, size_t size) {
  if ((size_t)(scan->end - scan->at) < size || memcmp(scan->at, word, size) != 0) return false;
  scan->at += size;
  return true;
}

/* ------------------------------------------------------------------- strings */

/* The text up to the quote, if it has no escapes. scan->at is where it ends. */
static bool take_plain(struct scan *scan, struct lmdbx_slice *out) {
  const uint8_t *start = scan->at;
  const uint8_t *at = start;
  while (scan->end - at >= 8 && !lmdbx__has_special(lmdbx__load64(at))) at += 8;
  while (at < scan->end && *at != '"' && *at != '\\' && *at >= ' ') at++;
  scan->at = at;
  *out = (struct lmdbx_slice){start, (size_t)(at - start)};
  return at < scan->end && *at == '"';
}

/* The character of an escape of one letter; 0: none. */
static uint8_t escape_of(uint8_t letter) {
  switch (letter) {
  case '"':
  case '\\':
  case '/': return letter;
  case 'b': return '\b';
  case 'f': return '\f';
  case 'n': return '\n';
  case 'r': return '\r';
  case 't': return '\t';
  default: return 0; /* \u is rare: JSON.stringify writes it for controls and lone surrogates */
  }
}

/* A string whose first escape comes at scan->at, behind `start`. */
static int scan_escaped(struct scan *scan, struct lmdbx_slice start) {
  uint8_t text[ESCAPED];
  size_t size = start.size;
  if (size > sizeof text) return LMDBX__TAPE_UNFIT;
  memcpy(text, start.data, size);
  while (scan->at < scan->end && *scan->at != '"') {
    uint8_t byte = *scan->at++;
    if (byte == '\\')
      byte = scan->at < scan->end ? escape_of(*scan->at++) : 0;
    else if (byte < ' ')
      byte = 0;
    if (byte == 0 || size == sizeof text) return LMDBX__TAPE_UNFIT;
    text[size++] = byte;
  }
  if (scan->at++ == scan->end) return LMDBX__TAPE_UNFIT;
  return lmdbx__tape_put_text(scan->tape, (struct lmdbx_slice){text, size});
}

static int scan_string(struct scan *scan) {
  struct lmdbx_slice text;
  scan->at++;
  if (!take_plain(scan, &text)) {
    return scan->at < scan->end && *scan->at == '\\' ? scan_escaped(scan, text) : LMDBX__TAPE_UNFIT;
  }
  scan->at++;
  return lmdbx__tape_put_text(scan->tape, text);
}

/* ------------------------------------------------------------------- numbers */

static bool is_digit(const struct scan *scan) {
  return scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9';
}

static int64_t take_digits(struct scan *scan, int64_t number, int *count) {
  for (; is_digit(scan) && *count <= DIGITS; scan->at++, ++*count) {
    number = number * 10 + (*scan->at - '0');
  }
  return number;
}

static int scan_number(struct scan *scan) {
  static const double powers[POWERS + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                            1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                            1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  bool negative = *scan->at == '-';
  if (negative) scan->at++;
  if (!is_digit(scan)) return LMDBX__TAPE_UNFIT;
  const uint8_t *first = scan->at;
  int digits = 0;
  int64_t number = take_digits(scan, 0, &digits);
  int whole = digits;
  if (*first == '0' && digits > 1) return LMDBX__TAPE_UNFIT;
  if (scan->at < scan->end && *scan->at == '.') {
    scan->at++;
    number = take_digits(scan, number, &digits);
    if (digits == whole) return LMDBX__TAPE_UNFIT;
  }
  /* More digits than are sure to be exact, or an exponent. */
  if (digits > DIGITS || is_digit(scan)) return LMDBX__TAPE_UNFIT;
  if (scan->at < scan->end && (*scan->at == 'e' || *scan->at == 'E')) return LMDBX__TAPE_UNFIT;
  if (negative && number == 0) return lmdbx__tape_put_double(scan->tape, -0.0);
  if (negative) number = -number;
  if (digits > whole)
    return lmdbx__tape_put_double(scan->tape, (double)number / powers[digits - whole]);
  if (number >= INT32_MIN && number <= UINT32_MAX) {
    return lmdbx__tape_put_integer(scan->tape, number);
  }
  return lmdbx__tape_put_double(scan->tape, (double)number);
}

/* ---------------------------------------------------------------- containers */

static int scan_name(struct scan *scan) {
  if (scan->at == scan->end || *scan->at++ != '"' || scan->name_count == NAMES) {
    return LMDBX__TAPE_UNFIT;
  }
  if (!take_plain(scan, &scan->names[scan->name_count++])) return LMDBX__TAPE_UNFIT;
  scan->at++;
  return pass(scan, ':') ? LMDBX_OK : LMDBX__TAPE_UNFIT;
}

static int scan_object(struct scan *scan, unsigned depth) {
  size_t first = scan->name_count;
  int code = LMDBX_OK;
  if (!pass(scan, '{') || depth == DEEPEST) return LMDBX__TAPE_UNFIT;
  if (scan->at < scan->end && *scan->at != '}') {
    do {
      code = scan_name(scan);
      if (code == LMDBX_OK) code = scan_item(scan, depth + 1);
    } while (code == LMDBX_OK && pass(scan, ','));
  }
  if (code != LMDBX_OK || !pass(scan, '}')) return LMDBX__TAPE_UNFIT;
  size_t count = scan->name_count - first;
  scan->name_count = first;
  return lmdbx__tape_put_object(scan->tape, scan->names + first, count);
}

static int scan_array(struct scan *scan, unsigned depth) {
  size_t count = 0;
  int code = LMDBX_OK;
  if (!pass(scan, '[') || depth == DEEPEST) return LMDBX__TAPE_UNFIT;
  if (scan->at < scan->end && *scan->at != ']') {
    do {
      code = scan_item(scan, depth + 1);
      count++;
    } while (code == LMDBX_OK && pass(scan, ','));
  }
  if (code != LMDBX_OK || !pass(scan, ']')) return LMDBX__TAPE_UNFIT;
  return lmdbx__tape_put_op(scan->tape, LMDBX__TAPE_ARRAY, count);
}

static int scan_constant(struct scan *scan, const char *word, enum lmdbx__tape_constant constant) {
  if (!pass_word(scan, word, strlen(word))) return LMDBX__TAPE_UNFIT;
  return lmdbx__tape_put_op(scan->tape, LMDBX__TAPE_CONSTANT, constant);
}

static int scan_item(struct scan *scan, unsigned depth) {
  if (scan->at == scan->end) return LMDBX__TAPE_UNFIT;
  switch (*scan->at) {
  case '"': return scan_string(scan);
  case '{': return scan_object(scan, depth);
  case '[': return scan_array(scan, depth);
  case 't': return scan_constant(scan, "true", LMDBX__TAPE_TRUE);
  case 'f': return scan_constant(scan, "false", LMDBX__TAPE_FALSE);
  case 'n': return scan_constant(scan, "null", LMDBX__TAPE_NULL);
  default: return scan_number(scan);
  }
}

int lmdbx__tape_build_json(struct lmdbx__tape *tape, struct lmdbx_slice text) {
  lmdbx__tape_begin(tape);
  return lmdbx__tape_scan_json(tape, text);
}

int lmdbx__tape_scan_json(struct lmdbx__tape *tape, struct lmdbx_slice text) {
  struct scan scan;
  scan.tape = tape;
  scan.at = text.data;
  scan.end = text.data + text.size;
  scan.name_count = 0;
  skip_space(&scan);
  if (scan_item(&scan, 0) != LMDBX_OK) return LMDBX__TAPE_UNFIT;
  skip_space(&scan);
  if (scan.at != scan.end) return LMDBX__TAPE_UNFIT;
  return lmdbx__tape_put_op(tape, LMDBX__TAPE_END, 0);
}
