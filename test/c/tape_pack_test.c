#include "codec/msgpack_writer.h"
#include "codec/tape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "literals.h"
#include "tape_word.h"

static void assert_packs(const int32_t *words, size_t count, struct lmdbx_slice text,
                         struct lmdbx_slice expected) {
  const uint64_t large = UINT64_MAX;
  double operands[] = {0.5, 1000, 0};
  memcpy(&operands[2], &large, sizeof large);
  struct lmdbx_buffer out = {0};
  struct lmdbx__tape_names names = {0};
  assert_int_equal(lmdbx__tape_name_add(&names, TEXT("id")), LMDBX_OK);
  const struct lmdbx__tape_source tape = {.ops = words,
                                          .op_limit = count,
                                          .numbers = operands,
                                          .number_limit = COUNT(operands),
                                          .bytes = (const uint8_t *)"abcd",
                                          .byte_limit = 4,
                                          .text = text};
  assert_int_equal(lmdbx__tape_pack(&tape, &names, &out), LMDBX_OK);
  assert_int_equal(out.size, expected.size);
  assert_memory_equal(out.data, expected.data, expected.size);
  lmdbx_buffer_free(&out);
  lmdbx__tape_names_free(&names);
}

#define ASSERT_PACKS(text, expected, ...)                                                          \
  do {                                                                                             \
    const int32_t words_[] = {__VA_ARGS__};                                                        \
    assert_packs(words_, COUNT(words_), text, expected);                                           \
  } while (0)

static void packs_word_by_word(void **state) {
  (void)state;
  ASSERT_PACKS(TEXT(""), TEXT("\xC0"), WORD(CONSTANT, LMDBX__TAPE_NULL), WORD(END, 0));
  ASSERT_PACKS(TEXT(""), TEXT("\xD4\0\0"), WORD(CONSTANT, LMDBX__TAPE_UNDEFINED), WORD(END, 0));
  ASSERT_PACKS(TEXT(""), TEXT("\xFE"), WORD(SMALL, -2), WORD(END, 0));
  ASSERT_PACKS(TEXT(""), TEXT("\xCE\x7F\xFF\xFF\xFF"), WORD(INTEGER, 0), INT32_MAX, WORD(END, 0));
  ASSERT_PACKS(TEXT(""), TEXT("\x92\xCB\x3F\xE0\0\0\0\0\0\0\xD6\xFF\0\0\0\x01"), WORD(ARRAY, 2),
               WORD(NUMBER, 0), WORD(DATE, 0), WORD(END, 0));
  ASSERT_PACKS(TEXT("\xE2\x82\xAC\xF0\x9F\x98\x80x"),
               TEXT("\x82\xA2id\xA3\xE2\x82\xAC\xA2"
                    "ab\x92\xA5\xF0\x9F\x98\x80x\xA2"
                    "cd"),
               WORD(FIELDS, 2), WORD(NAME, 0), WORD(TEXT, 1), WORD(ASCII, 2), WORD(ARRAY, 2),
               WORD(TEXT, 3), WORD(ASCII, 2), WORD(END, 0));
}

static void packs_what_has_a_class_of_its_own(void **state) {
  (void)state;
  ASSERT_PACKS(TEXT(""),
               TEXT("\x93\xD3\x3F\xE0\0\0\0\0\0\0\xCD\x03\xE8\xCF\xFF\xFF\xFF\xFF"
                    "\xFF\xFF\xFF\xFF"),
               WORD(ARRAY, 3), WORD(BIGINT, 0), WORD(NUMBER, 0), WORD(BIGUINT, 0), WORD(END, 0));
  ASSERT_PACKS(TEXT(""),
               TEXT("\x92\xC4\x01"
                    "a\xC7\x03\x74\x03"
                    "bc"),
               WORD(ARRAY, 2), WORD(BYTES, 1), WORD(TYPED, 2), LMDBX_INT16_ARRAY, WORD(END, 0));
  ASSERT_PACKS(TEXT(""), TEXT("\x92\xD4\x4D\x90\xD7\x73\x92\xC7\x03\x4D\x92\x01\x02\xC0"),
               WORD(ARRAY, 2), WORD(MAP, 0), WORD(END, 0), WORD(SET, 2), WORD(MAP, 1),
               WORD(SMALL, 1), WORD(SMALL, 2), WORD(END, 0), WORD(CONSTANT, LMDBX__TAPE_NULL),
               WORD(END, 0), WORD(END, 0));
}

static void refuses_more_open_maps_than_it_can_remember(void **state) {
  (void)state;
  int32_t words[2 * (LMDBX__TAPE_OPEN + 1) + 1];
  const struct lmdbx__tape_names names = {0};
  for (size_t deep = LMDBX__TAPE_OPEN; deep <= LMDBX__TAPE_OPEN + 1; deep++) {
    struct lmdbx_buffer out = {0};
    for (size_t i = 0; i < deep; i++) words[i] = WORD(SET, i + 1 < deep ? 1 : 0);
    for (size_t i = deep; i <= 2 * deep; i++) words[i] = WORD(END, 0);
    const struct lmdbx__tape_source tape = {.ops = words, .op_limit = 2 * deep + 1};
    assert_int_equal(lmdbx__tape_pack(&tape, &names, &out),
                     deep > LMDBX__TAPE_OPEN ? LMDBX_INTERNAL : LMDBX_OK);
    lmdbx_buffer_free(&out);
  }
}

static void refuses_inconsistent_tapes(void **state) {
  (void)state;
  static const struct {
    int32_t words[3];
    size_t count;
  } bad[] = {
      {{WORD(SMALL, 1)}, 1},                /* no end */
      {{WORD(INTEGER, 0)}, 1},              /* no word */
      {{WORD(NUMBER, 0), WORD(END, 0)}, 2}, /* no number */
      {{WORD(ASCII, 1), WORD(END, 0)}, 2},  /* no bytes */
      {{WORD(ASCII, -1), WORD(END, 0)}, 2}, /* 2^27 and more bytes */
      {{WORD(TEXT, 4), WORD(END, 0)}, 2},   /* more than there is */
      {{WORD(TEXT, 1), WORD(END, 0)}, 2},   /* half a pair */
      {{WORD(NAME, 0), WORD(END, 0)}, 2},   /* no names */
      {{WORD(CONSTANT, 9), WORD(END, 0)}, 2},
      {{WORD(OBJECT, 0), WORD(END, 0)}, 2},    /* building only */
      {{WORD(MAP, 0), WORD(END, 0)}, 2},       /* one end of two */
      {{WORD(BIGINT, 0), WORD(END, 0)}, 2},    /* no number */
      {{WORD(BIGUINT, 0), WORD(END, 0)}, 2},   /* no number */
      {{WORD(BYTES, 1), WORD(END, 0)}, 2},     /* no bytes */
      {{WORD(TYPED, 0)}, 1},                   /* no word */
      {{WORD(TYPED, 0), -1, WORD(END, 0)}, 3}, /* no such type */
      {{WORD(TYPED, 0), LMDBX_TYPED_ARRAY_COUNT, WORD(END, 0)}, 3},
  };
  const struct lmdbx__tape_names names = {0};
  for (size_t i = 0; i < COUNT(bad); i++) {
    struct lmdbx_buffer out = {0};
    const struct lmdbx__tape_source tape = {
        .ops = bad[i].words, .op_limit = bad[i].count, .text = TEXT("\xF0\x9F\x98\x80")};
    if (lmdbx__tape_pack(&tape, &names, &out) != LMDBX_INTERNAL) fail_msg("tape %zu", i);
    lmdbx_buffer_free(&out);
  }
}

static void knows_a_limited_number_of_names(void **state) {
  (void)state;
  struct lmdbx__tape_names names = {0};
  for (size_t i = 0; i < LMDBX__TAPE_NAMES; i++) {
    assert_int_equal(lmdbx__tape_name_add(&names, TEXT("name")), LMDBX_OK);
  }
  assert_int_equal(lmdbx__tape_name_add(&names, TEXT("name")), LMDBX__TAPE_UNFIT);
  lmdbx__tape_names_free(&names);
  assert_int_equal(names.count, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(packs_word_by_word),
      cmocka_unit_test(packs_what_has_a_class_of_its_own),
      cmocka_unit_test(refuses_more_open_maps_than_it_can_remember),
      cmocka_unit_test(refuses_inconsistent_tapes),
      cmocka_unit_test(knows_a_limited_number_of_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
