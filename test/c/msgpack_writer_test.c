#include "codec/msgpack_writer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "literals.h"

#define assert_packed(out, literal) assert_bytes(out, TEXT(literal))

/* Compares and empties. */
static void assert_bytes(struct lmdbx_buffer *out, struct lmdbx_slice expected) {
  assert_int_equal(out->size, expected.size);
  assert_memory_equal(out->data, expected.data, expected.size);
  out->size = 0;
}

static void writes_integers_of_32_bits_in_their_shortest_form(void **state) {
  (void)state;
  const struct {
    double value;
    struct lmdbx_slice bytes;
  } cases[] = {
      {0, TEXT("\x00")},
      {127, TEXT("\x7F")},
      {128, TEXT("\xCC\x80")},
      {255, TEXT("\xCC\xFF")},
      {256, TEXT("\xCD\x01\x00")},
      {65535, TEXT("\xCD\xFF\xFF")},
      {65536, TEXT("\xCE\x00\x01\x00\x00")},
      {4294967295.0, TEXT("\xCE\xFF\xFF\xFF\xFF")},
      {-1, TEXT("\xFF")},
      {-32, TEXT("\xE0")},
      {-33, TEXT("\xD0\xDF")},
      {-128, TEXT("\xD0\x80")},
      {-129, TEXT("\xD1\xFF\x7F")},
      {-32768, TEXT("\xD1\x80\x00")},
      {-32769, TEXT("\xD2\xFF\xFF\x7F\xFF")},
      {-2147483648.0, TEXT("\xD2\x80\x00\x00\x00")},
  };
  struct lmdbx_buffer out = {0};
  for (size_t at = 0; at < COUNT(cases); at++) {
    assert_int_equal(lmdbx__pack_number(&out, cases[at].value), LMDBX_OK);
    assert_bytes(&out, cases[at].bytes);
  }
  lmdbx_buffer_free(&out);
}

static void writes_other_numbers_as_float_64(void **state) {
  (void)state;
  const struct {
    double value;
    struct lmdbx_slice bytes;
  } cases[] = {
      {-0.0, TEXT("\xCB\x80\x00\x00\x00\x00\x00\x00\x00")},
      {0.5, TEXT("\xCB\x3F\xE0\x00\x00\x00\x00\x00\x00")},
      {4294967296.0, TEXT("\xCB\x41\xF0\x00\x00\x00\x00\x00\x00")},
      {-2147483649.0, TEXT("\xCB\xC1\xE0\x00\x00\x00\x20\x00\x00")},
      {9007199254740993.0, TEXT("\xCB\x43\x40\x00\x00\x00\x00\x00\x00")},
      {5e-324, TEXT("\xCB\x00\x00\x00\x00\x00\x00\x00\x01")},
      {(double)INFINITY, TEXT("\xCB\x7F\xF0\x00\x00\x00\x00\x00\x00")},
      {(double)-INFINITY, TEXT("\xCB\xFF\xF0\x00\x00\x00\x00\x00\x00")},
  };
  struct lmdbx_buffer out = {0};
  for (size_t at = 0; at < COUNT(cases); at++) {
    assert_int_equal(lmdbx__pack_number(&out, cases[at].value), LMDBX_OK);
    assert_bytes(&out, cases[at].bytes);
  }
  assert_int_equal(lmdbx__pack_number(&out, (double)NAN), LMDBX_OK);
  assert_int_equal(out.size, 9);
  assert_int_equal(out.data[0], 0xCB);
  lmdbx_buffer_free(&out);
}

static void writes_bigints_in_64_bits_however_small(void **state) {
  (void)state;
  struct lmdbx_buffer out = {0};
  assert_int_equal(lmdbx__pack_bigint_signed(&out, 1), LMDBX_OK);
  assert_packed(&out, "\xD3\x00\x00\x00\x00\x00\x00\x00\x01");
  assert_int_equal(lmdbx__pack_bigint_signed(&out, INT64_MIN), LMDBX_OK);
  assert_packed(&out, "\xD3\x80\x00\x00\x00\x00\x00\x00\x00");
  assert_int_equal(lmdbx__pack_bigint_unsigned(&out, 1), LMDBX_OK);
  assert_packed(&out, "\xCF\x00\x00\x00\x00\x00\x00\x00\x01");
  assert_int_equal(lmdbx__pack_bigint_unsigned(&out, UINT64_MAX), LMDBX_OK);
  assert_packed(&out, "\xCF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF");
  lmdbx_buffer_free(&out);
}

static void writes_constants(void **state) {
  (void)state;
  struct lmdbx_buffer out = {0};
  assert_int_equal(lmdbx__pack_nil(&out), LMDBX_OK);
  assert_int_equal(lmdbx__pack_boolean(&out, true), LMDBX_OK);
  assert_int_equal(lmdbx__pack_boolean(&out, false), LMDBX_OK);
  assert_int_equal(lmdbx__pack_undefined(&out), LMDBX_OK);
  assert_packed(&out, "\xC0\xC3\xC2\xD4\x00\x00");
  lmdbx_buffer_free(&out);
}

static void writes_dates_as_timestamps_of_three_sizes(void **state) {
  (void)state;
  const struct {
    double milliseconds;
    struct lmdbx_slice bytes;
  } cases[] = {
      {0, TEXT("\xD6\xFF\x00\x00\x00\x00")},
      {4294967295000.0, TEXT("\xD6\xFF\xFF\xFF\xFF\xFF")},
      {1, TEXT("\xD7\xFF\x00\x3D\x09\x00\x00\x00\x00\x00")},
      {4294967296000.0, TEXT("\xD7\xFF\x00\x00\x00\x01\x00\x00\x00\x00")},
      {17179869183999.0, TEXT("\xD7\xFF\xEE\x2E\x1F\x03\xFF\xFF\xFF\xFF")},
      {17179869184000.0, TEXT("\xC7\x0C\xFF\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00")},
      {-1, TEXT("\xC7\x0C\xFF\x3B\x8B\x87\xC0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF")},
      {-1000, TEXT("\xC7\x0C\xFF\x00\x00\x00\x00\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF")},
      {8640000000000000.0, TEXT("\xC7\x0C\xFF\x00\x00\x00\x00\x00\x00\x07\xDB\xA8\x21\x80\x00")},
      {-8640000000000000.0, TEXT("\xC7\x0C\xFF\x00\x00\x00\x00\xFF\xFF\xF8\x24\x57\xDE\x80\x00")},
      {(double)NAN, TEXT("\xD4\x01\x00")},
  };
  struct lmdbx_buffer out = {0};
  for (size_t at = 0; at < COUNT(cases); at++) {
    assert_int_equal(lmdbx__pack_date(&out, cases[at].milliseconds), LMDBX_OK);
    assert_bytes(&out, cases[at].bytes);
  }
  lmdbx_buffer_free(&out);
}

static void writes_strings_and_bytes_with_the_shortest_header(void **state) {
  (void)state;
  const struct {
    size_t size;
    struct lmdbx_slice string_header;
    struct lmdbx_slice bytes_header;
  } cases[] = {
      {0, TEXT("\xA0"), TEXT("\xC4\x00")},
      {31, TEXT("\xBF"), TEXT("\xC4\x1F")},
      {32, TEXT("\xD9\x20"), TEXT("\xC4\x20")},
      {255, TEXT("\xD9\xFF"), TEXT("\xC4\xFF")},
      {256, TEXT("\xDA\x01\x00"), TEXT("\xC5\x01\x00")},
      {65535, TEXT("\xDA\xFF\xFF"), TEXT("\xC5\xFF\xFF")},
      {65536, TEXT("\xDB\x00\x01\x00\x00"), TEXT("\xC6\x00\x01\x00\x00")},
  };
  uint8_t *text = malloc(65536);
  assert_non_null(text);
  memset(text, 'x', 65536);
  struct lmdbx_buffer out = {0};
  for (size_t at = 0; at < COUNT(cases); at++) {
    struct lmdbx_slice slice = {text, cases[at].size};
    struct lmdbx_slice header = cases[at].string_header;
    assert_int_equal(lmdbx__pack_string(&out, slice), LMDBX_OK);
    assert_int_equal(out.size, header.size + slice.size);
    assert_memory_equal(out.data, header.data, header.size);
    assert_memory_equal(out.data + header.size, text, slice.size);
    out.size = 0;
    assert_int_equal(lmdbx__pack_string_header(&out, slice.size), LMDBX_OK);
    assert_true(out.capacity - out.size >= slice.size);
    assert_bytes(&out, header);
    header = cases[at].bytes_header;
    assert_int_equal(lmdbx__pack_bytes(&out, slice), LMDBX_OK);
    assert_int_equal(out.size, header.size + slice.size);
    assert_memory_equal(out.data, header.data, header.size);
    out.size = 0;
  }
  free(text);
  lmdbx_buffer_free(&out);
}

static void writes_typed_arrays_as_extension_74(void **state) {
  (void)state;
  struct lmdbx_buffer out = {0};
  assert_int_equal(lmdbx__pack_typed_array(&out, LMDBX_UINT16_ARRAY, TEXT("\x01\x02\x03\x04")),
                   LMDBX_OK);
  assert_packed(&out, "\xC7\x05\x74\x04\x01\x02\x03\x04");
  assert_int_equal(lmdbx__pack_typed_array(&out, LMDBX_INT8_ARRAY, TEXT("")), LMDBX_OK);
  assert_packed(&out, "\xD4\x74\x00");
  lmdbx_buffer_free(&out);
}

static void writes_container_headers(void **state) {
  (void)state;
  struct lmdbx_buffer out = {0};
  assert_int_equal(lmdbx__pack_array(&out, 15), LMDBX_OK);
  assert_int_equal(lmdbx__pack_array(&out, 16), LMDBX_OK);
  assert_int_equal(lmdbx__pack_array(&out, 65536), LMDBX_OK);
  assert_packed(&out, "\x9F\xDC\x00\x10\xDD\x00\x01\x00\x00");
  assert_int_equal(lmdbx__pack_object(&out, 15), LMDBX_OK);
  assert_int_equal(lmdbx__pack_object(&out, 16), LMDBX_OK);
  assert_int_equal(lmdbx__pack_object(&out, 65536), LMDBX_OK);
  assert_packed(&out, "\x8F\xDE\x00\x10\xDF\x00\x01\x00\x00");
  lmdbx_buffer_free(&out);
}

static void writes_maps_and_sets_as_extensions(void **state) {
  (void)state;
  struct lmdbx_buffer out = {0};
  size_t map = 0;
  size_t set = 0;
  assert_int_equal(lmdbx__pack_nil(&out), LMDBX_OK);
  assert_int_equal(lmdbx__pack_map_begin(&out, 1, &map), LMDBX_OK);
  assert_int_equal(lmdbx__pack_number(&out, 1), LMDBX_OK);
  assert_int_equal(lmdbx__pack_set_begin(&out, 0, &set), LMDBX_OK);
  assert_int_equal(lmdbx__pack_ext_end(&out, set), LMDBX_OK);
  assert_int_equal(lmdbx__pack_ext_end(&out, map), LMDBX_OK);
  assert_packed(&out, "\xC0\xC7\x05\x4D\x92\x01\xD4\x73\x90");
  lmdbx_buffer_free(&out);
}

static void chooses_the_extension_header_by_the_size(void **state) {
  (void)state;
  for (uint32_t count = 200; count < 300; count++) {
    struct lmdbx_buffer out = {0};
    size_t mark = 0;
    assert_int_equal(lmdbx__pack_set_begin(&out, count, &mark), LMDBX_OK);
    for (uint32_t at = 0; at < count; at++) {
      assert_int_equal(lmdbx__pack_number(&out, at % 100), LMDBX_OK);
    }
    assert_int_equal(lmdbx__pack_ext_end(&out, mark), LMDBX_OK);
    size_t payload = count + 3;
    size_t header = payload <= 255 ? 3 : 6;
    assert_int_equal(out.size, header + payload);
    assert_int_equal(out.data[0], payload <= 255 ? 0xC7 : 0xC9);
    assert_int_equal(out.data[header - 1], 0x73);
    assert_int_equal(out.data[header], 0xDC);
    size_t claimed = payload <= 255 ? out.data[1] : (size_t)out.data[3] << 8 | out.data[4];
    assert_int_equal(claimed, payload);
    lmdbx_buffer_free(&out);
  }
}

static void refuses_to_outgrow_the_limit(void **state) {
  (void)state;
  /* Claims the bytes without touching them. */
  struct lmdbx_buffer out = {0};
  assert_int_equal(lmdbx_buffer_reserve(&out, LMDBX_MAX_VALUE_SIZE), LMDBX_OK);
  out.size = LMDBX_MAX_VALUE_SIZE - 1;
  assert_int_equal(lmdbx__pack_number(&out, 1000), LMDBX_VALUE_TOO_LARGE);
  assert_int_equal(lmdbx__pack_date(&out, 0), LMDBX_VALUE_TOO_LARGE);
  assert_int_equal(lmdbx__pack_string(&out, TEXT("x")), LMDBX_VALUE_TOO_LARGE);
  assert_int_equal(out.size, LMDBX_MAX_VALUE_SIZE);
  assert_int_equal(lmdbx__pack_nil(&out), LMDBX_VALUE_TOO_LARGE);
  out.size = LMDBX_MAX_VALUE_SIZE - 1;
  assert_int_equal(lmdbx__pack_nil(&out), LMDBX_OK);
  assert_int_equal(out.size, LMDBX_MAX_VALUE_SIZE);
  struct lmdbx_slice huge = {out.data, LMDBX_MAX_VALUE_SIZE + 1};
  out.size = 0;
  assert_int_equal(lmdbx__pack_bytes(&out, huge), LMDBX_VALUE_TOO_LARGE);
  assert_int_equal(lmdbx__pack_typed_array(&out, 0, huge), LMDBX_VALUE_TOO_LARGE);
  assert_int_equal(lmdbx__pack_string_header(&out, huge.size), LMDBX_VALUE_TOO_LARGE);
  assert_int_equal(lmdbx__pack_string_header(&out, SIZE_MAX), LMDBX_VALUE_TOO_LARGE);
  assert_int_equal(out.size, 0);
  size_t mark = 0;
  assert_int_equal(lmdbx__pack_map_begin(&out, UINT32_MAX, &mark), LMDBX_VALUE_TOO_LARGE);
  lmdbx_buffer_free(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(writes_integers_of_32_bits_in_their_shortest_form),
      cmocka_unit_test(writes_other_numbers_as_float_64),
      cmocka_unit_test(writes_bigints_in_64_bits_however_small),
      cmocka_unit_test(writes_constants),
      cmocka_unit_test(writes_dates_as_timestamps_of_three_sizes),
      cmocka_unit_test(writes_strings_and_bytes_with_the_shortest_header),
      cmocka_unit_test(writes_typed_arrays_as_extension_74),
      cmocka_unit_test(writes_container_headers),
      cmocka_unit_test(writes_maps_and_sets_as_extensions),
      cmocka_unit_test(chooses_the_extension_header_by_the_size),
      cmocka_unit_test(refuses_to_outgrow_the_limit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
