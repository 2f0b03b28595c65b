#include "codec/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "literals.h"

/* The most in a text that is made. */
#define POINTS 600

/* Every string literal here stands for its bytes, NUL included where written. */

static void accepts_well_formed_text(void **state) {
  (void)state;
  const struct lmdbx_slice good[] = {
      TEXT(""),
      TEXT("plain"),
      TEXT("a\0b"),
      TEXT("\x7f"),
      TEXT("\xC2\x80"),
      TEXT("\xDF\xBF"),
      TEXT("\xE0\xA0\x80"),
      TEXT("\xED\x9F\xBF"),
      TEXT("\xEE\x80\x80"),
      TEXT("\xEF\xBF\xBF"),
      TEXT("\xF0\x90\x80\x80"),
      TEXT("\xF4\x8F\xBF\xBF"),
      TEXT("12345678\xC3\xA9 12345678 \xE2\x82\xAC \xF0\x9F\x98\x80"),
  };
  for (size_t at = 0; at < sizeof good / sizeof good[0]; at++) {
    assert_true(lmdbx__utf8_valid(good[at], NULL));
  }
}

static void tells_ascii_from_the_rest(void **state) {
  (void)state;
  char text[200];
  memset(text, 'a', sizeof text);
  const struct lmdbx_slice all = {(const uint8_t *)text, sizeof text};
  for (size_t size = 0; size <= sizeof text; size++) {
    assert_true(lmdbx__utf8_ascii((struct lmdbx_slice){all.data, size}));
  }
  for (size_t at = 0; at < sizeof text; at++) {
    text[at] = (char)0x80;
    assert_false(lmdbx__utf8_ascii(all));
    text[at] = 'a';
  }
}

static void refuses_ill_formed_text_and_says_where(void **state) {
  (void)state;
  const struct {
    struct lmdbx_slice text;
    size_t position;
  } bad[] = {
      {TEXT("\x80"), 0},
      {TEXT("ab\xBF"), 2},
      {TEXT("\xC0\x80"), 0},             /* overlong NUL */
      {TEXT("\xC1\xBF"), 0},             /* overlong */
      {TEXT("\xE0\x9F\xBF"), 0},         /* overlong */
      {TEXT("\xF0\x8F\xBF\xBF"), 0},     /* overlong */
      {TEXT("x\xED\xA0\x80"), 1},        /* a high surrogate */
      {TEXT("x\xED\xBF\xBF"), 1},        /* a low surrogate */
      {TEXT("\xF4\x90\x80\x80"), 0},     /* beyond U+10FFFF */
      {TEXT("\xF5\x80\x80\x80"), 0},     /* beyond U+10FFFF */
      {TEXT("\xFF"), 0},                 /* never a lead byte */
      {TEXT("12345678\xC3"), 8},         /* cut */
      {TEXT("12345678\xE2\x82"), 8},     /* cut */
      {TEXT("12345678\xF0\x9F\x98"), 8}, /* cut */
      {TEXT("\xC3("), 0},
      {TEXT("\xE2\x28\xA1"), 0},
      {TEXT("\xE2\x82\x28"), 0},
      {TEXT("1234567812345678\xFF 12345678"), 16},
  };
  for (size_t at = 0; at < sizeof bad / sizeof bad[0]; at++) {
    size_t position = SIZE_MAX;
    assert_false(lmdbx__utf8_valid(bad[at].text, &position));
    assert_int_equal(position, bad[at].position);
  }
}

/* An encoder of its own decides what is right. */
static size_t encode(uint32_t point, uint8_t *bytes) {
  size_t size = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  const uint8_t leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
  bytes[0] = (uint8_t)(leads[size] | point >> (6 * (size - 1)));
  for (size_t at = 1; at < size; at++) {
    bytes[at] = (uint8_t)(0x80 | (point >> (6 * (size - 1 - at)) & 0x3F));
  }
  return size;
}

static bool is_scalar(uint32_t point) {
  return point < 0x110000 && !(point >= 0xD800 && point < 0xE000);
}

static void knows_every_code_point(void **state) {
  (void)state;
  for (uint32_t point = 0; point <= 0x110000; point++) {
    uint8_t bytes[4];
    size_t size = encode(point, bytes);
    bool scalar = is_scalar(point);
    assert_int_equal(lmdbx__utf8_sequence((struct lmdbx_slice){bytes, size}), scalar ? size : 0);
    assert_int_equal(lmdbx__utf8_sequence((struct lmdbx_slice){bytes, size - 1}), 0);
  }
}

/* Whether a text of these points is looked at and transcoded as it should be. */
static void check_points(const uint32_t *points, size_t count) {
  uint8_t bytes[4 * POINTS];
  uint16_t expected[2 * POINTS];
  size_t size = 0;
  size_t units = 0;
  enum lmdbx__text_width width = LMDBX__TEXT_ASCII;
  for (size_t i = 0; i < count; i++) {
    uint32_t point = points[i];
    size += encode(point, bytes + size);
    if (point >= 0x80 && width == LMDBX__TEXT_ASCII) width = LMDBX__TEXT_LATIN1;
    if (point >= 0x100) width = LMDBX__TEXT_UTF16;
    if (point < 0x10000) {
      expected[units++] = (uint16_t)point;
    } else {
      expected[units++] = (uint16_t)(0xD800 + ((point - 0x10000) >> 10));
      expected[units++] = (uint16_t)(0xDC00 + ((point - 0x10000) & 0x3FF));
    }
  }
  /* Of that size exactly, so that a sanitizer sees what is read or written beyond. */
  uint8_t *text = malloc(size + 1);
  uint16_t *wide = malloc(size * sizeof *wide + 1);
  uint8_t *narrow = malloc(size + 1);
  assert_true(text != NULL && wide != NULL && narrow != NULL);
  memcpy(text + 1, bytes, size);
  struct lmdbx_slice slice = {text + 1, size};
  struct lmdbx__text_look look;
  assert_true(lmdbx__utf8_look(slice, &look, NULL));
  assert_int_equal(look.units, units);
  assert_int_equal(look.width, width);
  assert_int_equal(lmdbx__utf8_to_utf16(slice, wide), units);
  assert_memory_equal(wide, expected, units * sizeof *wide);
  if (width < LMDBX__TEXT_UTF16) {
    assert_int_equal(lmdbx__utf8_to_latin1(slice, narrow), units);
    for (size_t i = 0; i < units; i++) assert_int_equal(narrow[i], expected[i]);
  }
  free(text);
  free(wide);
  free(narrow);
}

static void transcodes_every_code_point(void **state) {
  (void)state;
  for (uint32_t point = 0; point < 0x110000; point++) {
    if (is_scalar(point)) check_points(&point, 1);
  }
}

static uint32_t next_random(uint32_t *seed) {
  *seed = *seed * 1664525 + 1013904223;
  return *seed >> 8;
}

/* Runs of ASCII that are short and long, and characters of up to a number of bytes between. */
static void transcodes_runs_of_any_length(void **state) {
  (void)state;
  const uint32_t highest[] = {0x80, 0x100, 0x800, 0x10000, 0x110000};
  uint32_t seed = 1;
  for (size_t round = 0; round < 20000; round++) {
    uint32_t points[POINTS];
    size_t count = 0;
    size_t longest = 1 + next_random(&seed) % 100;
    uint32_t limit = highest[round % (sizeof highest / sizeof highest[0])];
    while (count < POINTS - 100 && next_random(&seed) % 20 != 0) {
      for (size_t left = next_random(&seed) % longest; left > 0; left--) {
        points[count++] = next_random(&seed) % 0x80;
      }
      uint32_t point = next_random(&seed) % limit;
      if (is_scalar(point)) points[count++] = point;
    }
    check_points(points, count);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(accepts_well_formed_text),
      cmocka_unit_test(tells_ascii_from_the_rest),
      cmocka_unit_test(refuses_ill_formed_text_and_says_where),
      cmocka_unit_test(knows_every_code_point),
      cmocka_unit_test(transcodes_every_code_point),
      cmocka_unit_test(transcodes_runs_of_any_length),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
