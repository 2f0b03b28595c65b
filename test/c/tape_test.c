#include "codec/tape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "literals.h"
#include "tape_word.h"

enum { OPS = 64, NUMBERS = 4, BYTES = 32 };

/* Functions can be made for { "a", "b" } alone. */
static bool define_ab(void *context, uint32_t number, const struct lmdbx_slice *names,
                      size_t count) {
  *(uint32_t *)context = number;
  return count == 2 && names[0].size == 1 && names[0].data[0] == 'a' && names[1].size == 1 &&
         names[1].data[0] == 'b';
}

static uint32_t shape_ab;
static int32_t ops[OPS];
static double numbers[NUMBERS];
static uint8_t bytes[BYTES];

static struct lmdbx__tape a_tape(void) {
  return (struct lmdbx__tape){.ops = ops,
                              .op_limit = OPS,
                              .numbers = numbers,
                              .number_limit = NUMBERS,
                              .bytes = bytes,
                              .byte_limit = BYTES,
                              .shapes = {.define = define_ab, .context = &shape_ab}};
}

static void free_tape(struct lmdbx__tape *tape) {
  lmdbx__shapes_free(&tape->shapes);
  lmdbx_buffer_free(&tape->text);
}

static void assert_builds(struct lmdbx__tape *tape, struct lmdbx_slice value,
                          const int32_t *expected, size_t count) {
  struct lmdbx_error error = {0};
  int code = lmdbx__tape_build(tape, value, &error);
  if (code != LMDBX_OK) fail_msg("%d: %s", code, error.message);
  assert_int_equal(tape->op_count, count);
  for (size_t i = 0; i < count; i++) {
    if (ops[i] != expected[i]) fail_msg("word %zu: %d instead of %d", i, ops[i], expected[i]);
  }
}

#define ASSERT_BUILDS(tape, value, ...)                                                            \
  do {                                                                                             \
    const int32_t expected_[] = {__VA_ARGS__};                                                     \
    assert_builds(tape, value, expected_, COUNT(expected_));                                       \
  } while (0)

static void builds_scalars(void **state) {
  (void)state;
  struct lmdbx__tape tape = a_tape();
  ASSERT_BUILDS(&tape, TEXT("\xC0"), WORD(CONSTANT, LMDBX__TAPE_NULL), WORD(END, 0));
  ASSERT_BUILDS(&tape, TEXT("\xD4\0\0"), WORD(CONSTANT, LMDBX__TAPE_UNDEFINED), WORD(END, 0));
  ASSERT_BUILDS(&tape, TEXT("\xC3"), WORD(CONSTANT, LMDBX__TAPE_TRUE), WORD(END, 0));
  ASSERT_BUILDS(&tape, TEXT("\xC2"), WORD(CONSTANT, LMDBX__TAPE_FALSE), WORD(END, 0));
  ASSERT_BUILDS(&tape, TEXT("\xFF"), WORD(SMALL, -1), WORD(END, 0));
  ASSERT_BUILDS(&tape, TEXT("\xCE\x03\xFF\xFF\xFF"), WORD(SMALL, 0x3FFFFFF), WORD(END, 0));
  ASSERT_BUILDS(&tape, TEXT("\xD2\xFC\x00\x00\x00"), WORD(SMALL, -0x4000000), WORD(END, 0));
  ASSERT_BUILDS(&tape, TEXT("\xCE\x04\x00\x00\x00"), WORD(INTEGER, 0), 0x4000000, WORD(END, 0));
  ASSERT_BUILDS(&tape, TEXT("\xD2\x80\x00\x00\x00"), WORD(INTEGER, 0), INT32_MIN, WORD(END, 0));
  ASSERT_BUILDS(&tape, TEXT("\xCE\xFF\xFF\xFF\xFF"), WORD(NUMBER, 0), WORD(END, 0));
  assert_true(numbers[0] == 4294967295.0);
  ASSERT_BUILDS(&tape, TEXT("\xD3\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFE"), WORD(BIGINT, 0), WORD(END, 0));
  int64_t number;
  memcpy(&number, numbers, sizeof number);
  assert_true(number == -2);
  ASSERT_BUILDS(&tape, TEXT("\xD6\xFF\x00\x00\x00\x01"), WORD(DATE, 0), WORD(END, 0));
  assert_true(numbers[0] == 1000);
  ASSERT_BUILDS(&tape, TEXT("\xC4\x02\x01\x02"), WORD(BYTES, 2), WORD(END, 0));
  assert_memory_equal(bytes, "\x01\x02", 2);
  free_tape(&tape);
}

static void builds_items_before_their_containers(void **state) {
  (void)state;
  struct lmdbx__tape tape = a_tape();
  ASSERT_BUILDS(&tape, TEXT("\x90"), WORD(ARRAY, 0), WORD(END, 0));
  ASSERT_BUILDS(&tape, TEXT("\x92\x01\x91\x02"), WORD(SMALL, 1), WORD(SMALL, 2), WORD(ARRAY, 1),
                WORD(ARRAY, 2), WORD(END, 0));
  ASSERT_BUILDS(&tape,
                TEXT("\x82\xA1"
                     "b\x01\xA0\x02"),
                WORD(SMALL, 1), WORD(SMALL, 2), WORD(CHUNK, 0), WORD(TEXT, 1), WORD(TEXT, 0),
                WORD(FIELDS, 2), WORD(END, 0));
  ASSERT_BUILDS(&tape, TEXT("\xC7\x03\x4D\x92\x01\x02"), WORD(SMALL, 1), WORD(SMALL, 2),
                WORD(MAP, 1), WORD(END, 0));
  ASSERT_BUILDS(&tape, TEXT("\xC7\x02\x73\x91\x01"), WORD(SMALL, 1), WORD(SET, 1), WORD(END, 0));
  free_tape(&tape);
}

/* Read by the scan, and by the exact reader because of the undefined in front. */
static void makes_objects_by_their_shape_once_it_has_been_seen_often(void **state) {
  (void)state;
  struct lmdbx__tape tape = a_tape();
  for (int i = 1; i < LMDBX__SHAPE_SIGHTINGS; i++) {
    ASSERT_BUILDS(&tape,
                  TEXT("\x82\xA1"
                       "a\x01\xA1"
                       "b\xA1x"),
                  WORD(SMALL, 1), WORD(CHUNK, 0), WORD(TEXT, 1), WORD(TEXT, 1), WORD(TEXT, 1),
                  WORD(FIELDS, 2), WORD(END, 0));
  }
  static const char object[] = "\x82\xA1"
                               "a\x01\xA1"
                               "b\xA1x";
  assert_int_equal(lmdbx__tape_build(&tape, TEXT(object), NULL), LMDBX_OK);
  for (int i = 0; i < 3; i++) {
    ASSERT_BUILDS(&tape,
                  TEXT("\x82\xA1"
                       "a\x01\xA1"
                       "b\xA1x"),
                  WORD(SMALL, 1), WORD(CHUNK, 0), WORD(TEXT, 1), WORD(OBJECT, shape_ab),
                  WORD(END, 0));
    ASSERT_BUILDS(&tape,
                  TEXT("\x92\xD4\0\0\x82\xA1"
                       "a\x01\xA1"
                       "b\x02"),
                  WORD(CONSTANT, LMDBX__TAPE_UNDEFINED), WORD(SMALL, 1), WORD(SMALL, 2),
                  WORD(OBJECT, shape_ab), WORD(ARRAY, 2), WORD(END, 0));
    /* The guess is wrong from the second name on. */
    ASSERT_BUILDS(&tape,
                  TEXT("\x82\xA1"
                       "a\x01\xA1"
                       "c\x02"),
                  WORD(SMALL, 1), WORD(SMALL, 2), WORD(CHUNK, 0), WORD(TEXT, 1), WORD(TEXT, 1),
                  WORD(FIELDS, 2), WORD(END, 0));
  }
  free_tape(&tape);
}

static bool define_any(void *context, uint32_t number, const struct lmdbx_slice *names,
                       size_t count) {
  (void)context;
  (void)number;
  (void)names;
  return count > 0;
}

/* Names whose hash is that of longer ones of which they are ends: with a base of 31, these
 * differences in size add up to 2^64. One byte more is the header of a name. */
static void tells_a_name_from_the_end_of_another(void **state) {
  (void)state;
  static const int more[] = {0,  0, -1, 0, 1,  0, 0,  0, 0,  -1, 0, 1, 0, 1,  -1, 1,
                             -1, 0, -1, 0, 0,  0, 0,  0, -1, -1, 1, 1, 1, -1, -1, -2,
                             0,  1, 0,  0, -1, 0, -1, 0, -1, -2, 0, 0, 1, -2, 1,  0};
  static const uint8_t packed[] = "\xAA"
                                  "0123456789";
  enum { SIZE = 10 };
  struct lmdbx__shapes shapes = {.define = define_any};
  struct lmdbx_slice longer[COUNT(more)];
  struct lmdbx_slice ends[COUNT(more)];
  for (size_t i = 0; i < COUNT(more); i++) {
    size_t size = (size_t)(SIZE + more[i]);
    longer[i] = (struct lmdbx_slice){packed + 1, SIZE};
    ends[i] = (struct lmdbx_slice){packed + 1 + SIZE - size, size};
  }
  for (int i = 1; i < LMDBX__SHAPE_SIGHTINGS; i++) {
    assert_int_equal(lmdbx__shape_number(&shapes, longer, COUNT(longer)), -1);
  }
  assert_true(lmdbx__shape_number(&shapes, longer, COUNT(longer)) >= 0);
  assert_int_equal(lmdbx__shape_number(&shapes, ends, COUNT(ends)), -1);
  lmdbx__shapes_free(&shapes);
}

/* By the names alone, as JSON has them; up to what msgpack calls a short string. */
static void knows_the_names_of_a_defined_shape(void **state) {
  (void)state;
  static const uint8_t letters[] = "abcdefghijklmnopqrstuvwxyzabcdef";
  enum { SHORT = 31 };
  struct lmdbx__shapes shapes = {.define = define_any};
  for (size_t size = 0; size <= SHORT + 1; size++) {
    const struct lmdbx_slice names[] = {{letters, size}, TEXT("second")};
    const struct lmdbx_slice others[] = {{letters, size}, TEXT("secund")};
    assert_int_equal(lmdbx__shape_known(&shapes, names, COUNT(names)), -1);
    int32_t number = -1;
    for (int i = 0; i < LMDBX__SHAPE_SIGHTINGS; i++) {
      lmdbx__shapes_next(&shapes);
      number = lmdbx__shape_number(&shapes, names, COUNT(names));
    }
    if (number < 0) fail_msg("a name of %zu bytes", size);
    assert_int_equal(lmdbx__shape_known(&shapes, names, COUNT(names)), size <= SHORT ? number : -1);
    assert_int_equal(lmdbx__shape_known(&shapes, others, COUNT(others)), -1);
    assert_int_equal(lmdbx__shape_known(&shapes, names, 1), -1);
  }
  lmdbx__shapes_free(&shapes);
}

static void counts_text_in_utf16_units_and_knows_its_width(void **state) {
  (void)state;
  struct lmdbx__tape tape = a_tape();
  ASSERT_BUILDS(&tape, TEXT("\x92\xA2xy\xA3\xE2\x82\xAC"), WORD(CHUNK, 0), WORD(TEXT, 2),
                WORD(TEXT, 1), WORD(ARRAY, 2), WORD(END, 0));
  assert_int_equal(tape.chunk_count, 1);
  assert_int_equal(tape.chunks[0].size, 5);
  assert_int_equal(tape.chunks[0].width, LMDBX__TEXT_UTF16);
  ASSERT_BUILDS(&tape,
                TEXT("\xAD"
                     "12345678\xF0\x9F\x98\x80!"),
                WORD(CHUNK, 0), WORD(TEXT, 11), WORD(END, 0));
  ASSERT_BUILDS(&tape, TEXT("\x92\xA2xy\xA2\xC3\xBF"), WORD(CHUNK, 0), WORD(TEXT, 2), WORD(TEXT, 1),
                WORD(ARRAY, 2), WORD(END, 0));
  assert_int_equal(tape.chunks[0].width, LMDBX__TEXT_LATIN1);
  ASSERT_BUILDS(&tape,
                TEXT("\xA9"
                     "123456789"),
                WORD(CHUNK, 0), WORD(TEXT, 9), WORD(END, 0));
  assert_int_equal(tape.chunks[0].width, LMDBX__TEXT_ASCII);
  free_tape(&tape);
}

/* An array of strings of that size. */
static struct lmdbx_buffer strings(uint8_t count, size_t size) {
  struct lmdbx_buffer value = {0};
  uint8_t header[3] = {0xDC, 0, count};
  assert_int_equal(lmdbx_buffer_append(&value, header, sizeof header), LMDBX_OK);
  for (uint8_t i = 0; i < count; i++) {
    uint8_t string[3] = {0xDA, (uint8_t)(size >> 8), (uint8_t)size};
    assert_int_equal(lmdbx_buffer_append(&value, string, sizeof string), LMDBX_OK);
    assert_int_equal(lmdbx_buffer_reserve(&value, size), LMDBX_OK);
    memset(value.data + value.size, 'a' + i % 26, size);
    value.size += size;
  }
  return value;
}

static void cuts_text_into_pieces(void **state) {
  (void)state;
  struct lmdbx__tape tape = a_tape();
  struct lmdbx_buffer value = strings(3, 2000);
  assert_int_equal(lmdbx__tape_build(&tape, (struct lmdbx_slice){value.data, value.size}, NULL),
                   LMDBX_OK);
  assert_int_equal(tape.chunk_count, 2);
  assert_int_equal(tape.chunks[0].size, 4000);
  assert_int_equal(tape.chunks[1].start, 4000);
  lmdbx_buffer_free(&value);
  value = strings(1, 5000); /* a long one stays where it is */
  assert_int_equal(lmdbx__tape_build(&tape, (struct lmdbx_slice){value.data, value.size}, NULL),
                   LMDBX_OK);
  assert_int_equal(tape.chunk_count, 1);
  assert_ptr_equal(tape.chunks[0].data, value.data + 6);
  assert_int_equal(tape.text.size, 0);
  lmdbx_buffer_free(&value);
  free_tape(&tape);
}

static void tells_long_arrays_of_numbers_alone(void **state) {
  (void)state;
  struct lmdbx__tape tape = a_tape();
  ASSERT_BUILDS(&tape,
                TEXT("\x91\xDC\x00\x10\x01\x02\xFF\xD0\x80\xD1\x80\x00\xD2\x80\x00\x00\x00\xCC\xFF"
                     "\xCD\xFF\xFF\xCE\x04\x00\x00\x00\xCE\xFF\xFF\xFF\xFF\xCB\x3F\xF8\0\0\0\0\0\0"
                     "\xCA\x3F\xC0\0\0\x07\x08\x09\x0A"),
                WORD(NUMBERS, 16), WORD(SMALL, 1), WORD(SMALL, 2), WORD(SMALL, -1),
                WORD(SMALL, -128), WORD(SMALL, -32768), WORD(INTEGER, 0), INT32_MIN,
                WORD(SMALL, 255), WORD(SMALL, 65535), WORD(INTEGER, 0), 0x4000000, WORD(NUMBER, 0),
                WORD(NUMBER, 0), WORD(NUMBER, 0), WORD(SMALL, 7), WORD(SMALL, 8), WORD(SMALL, 9),
                WORD(SMALL, 10), WORD(ARRAY, 1), WORD(END, 0));
  assert_int_equal(tape.number_count, 3);
  assert_true(numbers[0] == 4294967295.0 && numbers[1] == 1.5 && numbers[2] == 1.5);
  /* The last item is none: from the beginning, as any array. */
  ASSERT_BUILDS(&tape,
                TEXT("\xDC\x00\x10\xCB\x3F\xF8\0\0\0\0\0\0\x02\x03\x04\x05\x06\x07\x08\x09\x0A\x0B"
                     "\x0C\x0D\x0E\x0F\xC0"),
                WORD(NUMBER, 0), WORD(SMALL, 2), WORD(SMALL, 3), WORD(SMALL, 4), WORD(SMALL, 5),
                WORD(SMALL, 6), WORD(SMALL, 7), WORD(SMALL, 8), WORD(SMALL, 9), WORD(SMALL, 10),
                WORD(SMALL, 11), WORD(SMALL, 12), WORD(SMALL, 13), WORD(SMALL, 14), WORD(SMALL, 15),
                WORD(CONSTANT, LMDBX__TAPE_NULL), WORD(ARRAY, 16), WORD(END, 0));
  assert_int_equal(tape.number_count, 1);
  free_tape(&tape);
}

static void tells_long_arrays_of_strings_alone(void **state) {
  (void)state;
  struct lmdbx__tape tape = a_tape();
  const int32_t one = WORD(TEXT, 1);
  ASSERT_BUILDS(&tape,
                TEXT("\xDC\x00\x10\xA0\xD9\x02xy\xA1"
                     "1\xA1"
                     "2\xA1"
                     "3\xA1"
                     "4\xA1"
                     "5\xA1"
                     "6\xA1"
                     "7\xA1"
                     "8\xA1"
                     "9\xA1"
                     "0\xA1"
                     "1\xA1"
                     "2\xA1"
                     "3\xA2\xC3\xBF"),
                WORD(TEXTS, 16), WORD(TEXT, 0), WORD(CHUNK, 0), WORD(TEXT, 2), one, one, one, one,
                one, one, one, one, one, one, one, one, one, one, WORD(END, 0));
  assert_int_equal(tape.chunks[0].width, LMDBX__TEXT_LATIN1);
  /* Another item at the end: from the beginning, with no text kept from before. */
  ASSERT_BUILDS(&tape,
                TEXT("\xDC\x00\x10\xA1"
                     "0\xA0\xA0\xA0\xA0\xA0\xA0\xA0\xA0\xA0\xA0\xA0\xA0\xA0\xA0\x01"),
                WORD(CHUNK, 0), WORD(TEXT, 1), WORD(TEXT, 0), WORD(TEXT, 0), WORD(TEXT, 0),
                WORD(TEXT, 0), WORD(TEXT, 0), WORD(TEXT, 0), WORD(TEXT, 0), WORD(TEXT, 0),
                WORD(TEXT, 0), WORD(TEXT, 0), WORD(TEXT, 0), WORD(TEXT, 0), WORD(TEXT, 0),
                WORD(TEXT, 0), WORD(SMALL, 1), WORD(ARRAY, 16), WORD(END, 0));
  assert_int_equal(tape.chunk_count, 1);
  assert_int_equal(tape.text.size, 1);
  free_tape(&tape);
}

/* The scan alone: what it takes of Map and Set, and what it leaves to the exact reader. */
static void scans_maps_and_sets(void **state) {
  (void)state;
  struct lmdbx__tape tape = a_tape();
  static const struct lmdbx_slice fit[] = {
      TEXT("\xC7\x01\x4D\x90"),
      TEXT("\xD4\x73\x90"),
      TEXT("\xD5\x73\x91\x01"),
      TEXT("\xD6\x73\x93\x01\x02\x03"),
      TEXT("\xD7\x73\x97\x01\x02\x03\x04\x05\x06\x07"),
      TEXT("\xD8\x4D\x9E\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0A\x0B\x0C\xCC\xFF\xC0"),
      TEXT("\xC7\x03\x73\x92\x01\xC0"),
      TEXT("\xC8\x00\x03\x4D\x92\x01\x02"),
      TEXT("\xC9\x00\x00\x00\x05\x4D\xDC\x00\x02\x01\x02"),
      TEXT("\xC7\x07\x73\xDD\x00\x00\x00\x02\x01\x02"),
      TEXT("\xC7\x05\x73\x91\xC7\x01\x4D\x90"), /* a Map in a Set */
  };
  static const struct lmdbx_slice unfit[] = {
      TEXT("\xC7"),
      TEXT("\xC7\x00\x4D"),         /* no array */
      TEXT("\xC7\x01\x4D\x01"),     /* another item */
      TEXT("\xC7\x02\x4D\x91\x01"), /* half a pair */
      TEXT("\xC7\x02\x73\x90\x01"), /* more than the array */
      TEXT("\xC7\x01\x73\x91\x01"), /* less */
      TEXT("\xC7\x03\x73\x91\x01"), /* more than there is */
      TEXT("\xC7\x02\x73\xDC\x00"), /* half a count */
      TEXT("\xC7\x01\x73\x9F"),     /* no items */
      TEXT("\xD4\x00\x00"),
      TEXT("\xC7\x03\x74\x02\x00\x00"), /* another extension */
      TEXT("\xC7\x05\x73\x91\xA2\xFF\xFF"),
  };
  for (size_t i = 0; i < COUNT(fit); i++) {
    lmdbx__tape_begin(&tape);
    if (lmdbx__tape_scan(&tape, fit[i]) != LMDBX_OK) fail_msg("value %zu", i);
  }
  for (size_t i = 0; i < COUNT(unfit); i++) {
    lmdbx__tape_begin(&tape);
    if (lmdbx__tape_scan(&tape, unfit[i]) != LMDBX__TAPE_UNFIT) fail_msg("unfit value %zu", i);
  }
  free_tape(&tape);
}

static void says_what_does_not_fit(void **state) {
  (void)state;
  struct lmdbx__tape tape = a_tape();
  struct lmdbx_error error = {0};
  uint8_t many[3 + OPS] = {0xDC, 0, OPS};
  assert_int_equal(lmdbx__tape_build(&tape, (struct lmdbx_slice){many, sizeof many}, NULL),
                   LMDBX__TAPE_UNFIT);
  tape.number_limit = 0;
  assert_int_equal(lmdbx__tape_build(&tape, TEXT("\xCB\x3F\xF8\0\0\0\0\0\0"), NULL),
                   LMDBX__TAPE_UNFIT);
  tape.byte_limit = 1;
  assert_int_equal(lmdbx__tape_build(&tape, TEXT("\xC4\x02\x01\x02"), NULL), LMDBX__TAPE_UNFIT);
  /* A map whose keys are not all strings is not built in its order. */
  assert_int_equal(lmdbx__tape_build(&tape, TEXT("\x82\x01\x02\xA1k\x03"), NULL),
                   LMDBX__TAPE_UNFIT);
  struct lmdbx_buffer value = strings(LMDBX__TAPE_CHUNKS + 1, 5000);
  tape.op_limit = 0;
  assert_int_equal(lmdbx__tape_build(&tape, (struct lmdbx_slice){value.data, value.size}, NULL),
                   LMDBX__TAPE_UNFIT);
  assert_int_equal(lmdbx__tape_build(&tape, TEXT("\x92\x01"), &error), LMDBX__TAPE_UNFIT);
  tape.op_limit = OPS;
  assert_int_equal(lmdbx__tape_build(&tape, TEXT("\x92\x01"), &error), LMDBX_DECODE);
  lmdbx_buffer_free(&value);
  free_tape(&tape);
}

static void builds_from_json_what_is_surely_exact(void **state) {
  (void)state;
  struct lmdbx__tape tape = a_tape();
  static const struct {
    struct lmdbx_slice text;
    double number;
  } decimals[] = {{TEXT("0.1"), 0.1},
                  {TEXT("-0"), 0},
                  {TEXT("1.5"), 1.5},
                  {TEXT("4294967296"), 4294967296.0},
                  {TEXT("-123456789.012345"), -123456789.012345},
                  {TEXT("999999999999999"), 999999999999999.0}};
  for (size_t i = 0; i < COUNT(decimals); i++) {
    assert_int_equal(lmdbx__tape_build_json(&tape, decimals[i].text), LMDBX_OK);
    assert_int_equal(ops[0], WORD(NUMBER, 0));
    assert_true(numbers[0] == decimals[i].number);
  }
  static const int32_t expected[] = {WORD(SMALL, 1),  WORD(CONSTANT, LMDBX__TAPE_TRUE),
                                     WORD(CHUNK, 0),  WORD(TEXT, 3),
                                     WORD(ARRAY, 3),  WORD(ARRAY, 0),
                                     WORD(TEXT, 1),   WORD(TEXT, 0),
                                     WORD(FIELDS, 2), WORD(END, 0)};
  const struct lmdbx_slice text = TEXT("{\"a\": [1 ,true,\"x\\n\\\"\"], \"\":[ ]}\n");
  assert_int_equal(lmdbx__tape_build_json(&tape, text), LMDBX_OK);
  assert_int_equal(tape.op_count, COUNT(expected));
  assert_memory_equal(ops, expected, sizeof expected);
  assert_memory_equal(tape.text.data, "x\n\"a", 4);
  static const struct lmdbx_slice unfit[] = {TEXT(""),
                                             TEXT("01"),
                                             TEXT("1."),
                                             TEXT("1e5"),
                                             TEXT("1234567890123456"),
                                             TEXT("\"\\u0041\""),
                                             TEXT("\"\x01\""),
                                             TEXT("[1,]"),
                                             TEXT("{\"a\"}"),
                                             TEXT("tru"),
                                             TEXT("1 2"),
                                             TEXT("\"\xFF\""),
                                             TEXT("\"open"),
                                             TEXT("-"),
                                             TEXT("{\"\xFF\":1}")};
  for (size_t i = 0; i < COUNT(unfit); i++) {
    if (lmdbx__tape_build_json(&tape, unfit[i]) != LMDBX__TAPE_UNFIT) fail_msg("text %zu", i);
  }
  free_tape(&tape);
}

static void takes_values_one_behind_the_other(void **state) {
  (void)state;
  struct lmdbx__tape tape = a_tape();
  const struct lmdbx_slice long_text = {(const uint8_t *)"\xDA\x04\x00", 3};
  struct lmdbx_buffer value = {0};
  lmdbx__tape_begin(&tape);
  assert_int_equal(lmdbx__tape_next(&tape, TEXT("\x92\x01\xA2hi"), LMDBX_MSGPACK), LMDBX_OK);
  assert_int_equal(lmdbx__tape_next(&tape, TEXT("text"), LMDBX_STRING), LMDBX_OK);
  /* What does not fit leaves no trace: unsound, of a rare type, followed by more. */
  static const struct lmdbx_slice unfit[] = {TEXT("\x92\xA3"
                                                  "abc"),
                                             TEXT("\x92\xA3"
                                                  "abc\xC4\x00"),
                                             TEXT("\x01\x02"), TEXT("\x93\x01\x02\xA1\xFF")};
  for (size_t i = 0; i < COUNT(unfit); i++)
    assert_int_equal(lmdbx__tape_next(&tape, unfit[i], LMDBX_MSGPACK), LMDBX__TAPE_UNFIT);
  assert_int_equal(lmdbx__tape_next(&tape, TEXT("\xFF"), LMDBX_STRING), LMDBX__TAPE_UNFIT);
  assert_int_equal(lmdbx__tape_next(&tape, TEXT("[\"x\",01]"), LMDBX_JSON), LMDBX__TAPE_UNFIT);
  assert_int_equal(lmdbx__tape_next(&tape, TEXT("[true]"), LMDBX_JSON), LMDBX_OK);
  static const int32_t expected[] = {
      WORD(SMALL, 1), WORD(CHUNK, 0), WORD(TEXT, 2), WORD(ARRAY, 2),
      WORD(END, 0),   WORD(TEXT, 4),  WORD(END, 0),  WORD(CONSTANT, LMDBX__TAPE_TRUE),
      WORD(ARRAY, 1), WORD(END, 0)};
  assert_int_equal(tape.op_count, COUNT(expected));
  assert_memory_equal(ops, expected, sizeof expected);
  assert_int_equal(tape.text.size, 6);
  assert_memory_equal(tape.text.data, "hitext", 6);
  assert_int_equal(tape.chunks[0].size, 6);
  /* Behind a long piece of text begins another, and a large value stays away. */
  assert_int_equal(lmdbx_buffer_append(&value, long_text.data, long_text.size), LMDBX_OK);
  for (int i = 0; i < 1024; i++) assert_int_equal(lmdbx_buffer_append(&value, "x", 1), LMDBX_OK);
  const struct lmdbx_slice packed = {value.data, value.size};
  assert_int_equal(lmdbx__tape_next(&tape, packed, LMDBX_MSGPACK), LMDBX_OK);
  assert_int_equal(tape.chunk_count, 1);
  assert_int_equal(lmdbx__tape_next(&tape, TEXT("next"), LMDBX_STRING), LMDBX_OK);
  assert_int_equal(tape.chunk_count, 2);
  assert_int_equal(tape.chunks[1].start, 1030);
  while (value.size <= LMDBX__TAPE_NEXT_SIZE)
    assert_int_equal(lmdbx_buffer_append(&value, "x", 1), LMDBX_OK);
  const struct lmdbx_slice large = {value.data, value.size};
  assert_int_equal(lmdbx__tape_next(&tape, large, LMDBX_STRING), LMDBX__TAPE_UNFIT);
  lmdbx_buffer_free(&value);
  free_tape(&tape);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(builds_scalars),
      cmocka_unit_test(builds_items_before_their_containers),
      cmocka_unit_test(makes_objects_by_their_shape_once_it_has_been_seen_often),
      cmocka_unit_test(knows_the_names_of_a_defined_shape),
      cmocka_unit_test(tells_a_name_from_the_end_of_another),
      cmocka_unit_test(counts_text_in_utf16_units_and_knows_its_width),
      cmocka_unit_test(cuts_text_into_pieces),
      cmocka_unit_test(tells_long_arrays_of_numbers_alone),
      cmocka_unit_test(tells_long_arrays_of_strings_alone),
      cmocka_unit_test(scans_maps_and_sets),
      cmocka_unit_test(says_what_does_not_fit),
      cmocka_unit_test(builds_from_json_what_is_surely_exact),
      cmocka_unit_test(takes_values_one_behind_the_other),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
