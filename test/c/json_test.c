#include "codec/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "literals.h"

static void accepts_json_texts(void **state) {
  (void)state;
  const struct lmdbx_slice good[] = {
      TEXT("0"),
      TEXT("-0"),
      TEXT("-0.0e-0"),
      TEXT("10"),
      TEXT("1e5"),
      TEXT("1E+5"),
      TEXT("1.5e-300"),
      TEXT("123456789012345678901234567890"),
      TEXT("true"),
      TEXT("false"),
      TEXT("null"),
      TEXT("\"\""),
      TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
      TEXT("\"\\u0000\\uD83D\\ude00\""),
      TEXT("\"\\ud800\""), /* a lone surrogate, as JSON.stringify writes it */
      TEXT("\"\\udc00\\ud800\""),
      TEXT("\"\x7f\""),
      TEXT("\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\""),
      TEXT("[]"),
      TEXT("{}"),
      TEXT(" \t\r\n[ 1 , 2 ] \t\r\n"),
      TEXT("[[],[[]],{}]"),
      TEXT("{\"a\":1,\"a\":2}"),
      TEXT("{ \"a\" : { \"\" : [ null , { } ] } , \"b\" : -1 }"),
      TEXT("[[[[[[[[[[1]]]]]]]]]]"),
      TEXT("[{\"a\":[{\"b\":[]}]}]"),
  };
  for (size_t at = 0; at < COUNT(good); at++) {
    if (!lmdbx__json_valid(good[at], NULL)) fail_msg("refused: %s", (const char *)good[at].data);
  }
}

static void refuses_what_is_no_json_text_and_says_where(void **state) {
  (void)state;
  const struct {
    struct lmdbx_slice text;
    size_t position;
  } bad[] = {
      {TEXT(""), 0},
      {TEXT("   "), 3},
      {TEXT("01"), 1},
      {TEXT("-01"), 2},
      {TEXT("1."), 2},
      {TEXT(".5"), 0},
      {TEXT("+1"), 0},
      {TEXT("-"), 1},
      {TEXT("1e"), 2},
      {TEXT("1e+"), 3},
      {TEXT("0x10"), 1},
      {TEXT("1_000"), 1},
      {TEXT("NaN"), 0},
      {TEXT("Infinity"), 0},
      {TEXT("-Infinity"), 1},
      {TEXT("undefined"), 0},
      {TEXT("True"), 0},
      {TEXT("nul"), 3},
      {TEXT("nulll"), 4},
      {TEXT("'a'"), 0},
      {TEXT("\"abc"), 4},
      {TEXT("\"\\x\""), 2},
      {TEXT("\"\\\0\""), 2},
      {TEXT("\"\\u12\""), 5},
      {TEXT("\"\\u12G4\""), 5},
      {TEXT("\"\\"), 2},
      {TEXT("\"a\nb\""), 2},
      {TEXT("\"a\tb\""), 2},
      {TEXT("\"a\0b\""), 2},
      {TEXT("\"\x1f\""), 1},
      {TEXT("\"a\xFF\""), 2},
      {TEXT("\"\xED\xA0\x80\""), 1}, /* a surrogate in UTF-8 */
      {TEXT("\"\xC0\x80\""), 1},
      {TEXT("\xEF\xBB\xBF{}"), 0}, /* a byte order mark */
      {TEXT("[1,]"), 3},
      {TEXT("[,1]"), 1},
      {TEXT("[1 2]"), 3},
      {TEXT("[1"), 2},
      {TEXT("["), 1},
      {TEXT("]"), 0},
      {TEXT("[1}"), 2},
      {TEXT("{\"a\":1]"), 6},
      {TEXT("{\"a\"}"), 4},
      {TEXT("{\"a\":}"), 5},
      {TEXT("{\"a\":1,}"), 7},
      {TEXT("{a:1}"), 1},
      {TEXT("{1:1}"), 1},
      {TEXT("{\"a\" 1}"), 5},
      {TEXT("{,}"), 1},
      {TEXT("1 2"), 2},
      {TEXT("1,2"), 1},
      {TEXT("[1]]"), 3},
      {TEXT("{} x"), 3},
      {TEXT("\"a\"\"b\""), 3},
      {TEXT("1\0"), 1},
      {TEXT("[1] // note"), 4},
      {TEXT("1\v"), 1},
      {TEXT("1\xC2\xA0"), 1},
  };
  for (size_t at = 0; at < COUNT(bad); at++) {
    size_t position = SIZE_MAX;
    if (lmdbx__json_valid(bad[at].text, &position)) {
      fail_msg("accepted: %s", (const char *)bad[at].text.data);
    }
    if (position != bad[at].position) {
      fail_msg("%s: stops at %zu, not at %zu", (const char *)bad[at].text.data, position,
               bad[at].position);
    }
  }
}

/* One bracket of each kind in turn, `depth` deep. */
static struct lmdbx_slice nested(size_t depth, char *text) {
  size_t size = 0;
  for (size_t level = 0; level < depth; level++) {
    const char *opening = level % 2 == 0 ? "[" : "{\"\":";
    memcpy(text + size, opening, strlen(opening));
    size += strlen(opening);
  }
  text[size++] = '1';
  for (size_t level = depth; level-- > 0;) text[size++] = level % 2 == 0 ? ']' : '}';
  return (struct lmdbx_slice){(const uint8_t *)text, size};
}

static void follows_nesting_up_to_its_limit(void **state) {
  (void)state;
  char *text = malloc(LMDBX__JSON_DEPTH * 4);
  assert_non_null(text);
  assert_true(lmdbx__json_valid(nested(LMDBX__JSON_DEPTH, text), NULL));
  assert_false(lmdbx__json_valid(nested(LMDBX__JSON_DEPTH + 1, text), NULL));
  free(text);
}

static void refuses_endless_nesting(void **state) {
  (void)state;
  size_t size = 1000000;
  uint8_t *text = malloc(size);
  assert_non_null(text);
  memset(text, '[', size);
  size_t position = 0;
  assert_false(lmdbx__json_valid((struct lmdbx_slice){text, size}, &position));
  assert_int_equal(position, LMDBX__JSON_DEPTH);
  free(text);
}

static void counts_items_outside_of_strings(void **state) {
  (void)state;
  /* An array of LMDBX_MAX_ITEMS zeros: twice that, and one bracket more. */
  size_t size = LMDBX_MAX_ITEMS * 2 + 1;
  char *text = malloc(size + 2);
  assert_non_null(text);
  for (size_t at = 0; at < size; at++) text[at] = at % 2 == 0 ? ',' : '0';
  text[0] = '[';
  text[size - 1] = ']';
  struct lmdbx_slice slice = {(const uint8_t *)text, size};
  assert_false(lmdbx__json_has_too_many(slice));
  memcpy(text + size - 1, ",0]", 3);
  slice.size += 2;
  assert_true(lmdbx__json_has_too_many(slice));
  /* The same inside a string, where quotes are escaped. */
  memcpy(text, "\"\\\"", 3);
  text[slice.size - 1] = '"';
  assert_false(lmdbx__json_has_too_many(slice));
  free(text);
}

/* By the definition, byte by byte. */
static bool is_plainly_simple(const uint8_t *text, size_t size) {
  if (size < 2 || text[0] != '"' || text[size - 1] != '"') return false;
  for (size_t i = 1; i + 1 < size; i++) {
    if (text[i] < ' ' || text[i] > 0x7F || text[i] == '"' || text[i] == '\\') return false;
  }
  return true;
}

static void knows_simple_strings_wherever_a_byte_lies(void **state) {
  (void)state;
  uint8_t text[24];
  for (size_t size = 0; size <= sizeof text; size++) {
    for (size_t at = 0; at < size; at++) {
      for (int byte = 0; byte < 256; byte++) {
        memset(text, '~', sizeof text);
        text[0] = text[size - 1] = '"';
        text[at] = (uint8_t)byte;
        const struct lmdbx_slice slice = {text, size};
        bool simple = lmdbx__json_is_simple(slice);
        if (simple != is_plainly_simple(text, size)) fail_msg("%zu of %zu: %d", at, size, byte);
        if (simple) assert_true(lmdbx__json_valid(slice, NULL));
      }
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(accepts_json_texts),
      cmocka_unit_test(refuses_what_is_no_json_text_and_says_where),
      cmocka_unit_test(follows_nesting_up_to_its_limit),
      cmocka_unit_test(refuses_endless_nesting),
      cmocka_unit_test(counts_items_outside_of_strings),
      cmocka_unit_test(knows_simple_strings_wherever_a_byte_lies),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
