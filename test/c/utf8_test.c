#include "codec/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Every string literal here stands for its bytes, NUL included where written. */
#define TEXT(literal) ((struct lmdbx_slice){(const uint8_t *)(literal), sizeof(literal) - 1})

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

/* An encoder of its own decides what is right for every code point. */
static void knows_every_code_point(void **state) {
  (void)state;
  for (uint32_t point = 0; point <= 0x110000; point++) {
    uint8_t bytes[4];
    size_t size;
    if (point < 0x80) {
      bytes[0] = (uint8_t)point;
      size = 1;
    } else if (point < 0x800) {
      bytes[0] = (uint8_t)(0xC0 | point >> 6);
      size = 2;
    } else if (point < 0x10000) {
      bytes[0] = (uint8_t)(0xE0 | point >> 12);
      size = 3;
    } else {
      bytes[0] = (uint8_t)(0xF0 | point >> 18);
      size = 4;
    }
    for (size_t at = 1; at < size; at++) {
      bytes[at] = (uint8_t)(0x80 | (point >> (6 * (size - 1 - at)) & 0x3F));
    }
    bool scalar = point < 0x110000 && !(point >= 0xD800 && point < 0xE000);
    assert_int_equal(lmdbx__utf8_sequence((struct lmdbx_slice){bytes, size}), scalar ? size : 0);
    assert_int_equal(lmdbx__utf8_sequence((struct lmdbx_slice){bytes, size - 1}), 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(accepts_well_formed_text),
      cmocka_unit_test(tells_ascii_from_the_rest),
      cmocka_unit_test(refuses_ill_formed_text_and_says_where),
      cmocka_unit_test(knows_every_code_point),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
