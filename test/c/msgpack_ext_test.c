#include "literals.h"
#include "msgpack_assert.h"

static void reads_extensions_of_every_width(void **state) {
  (void)state;
  assert_reads(TEXT("\xD4\x74\x02"), "typed2()");
  assert_reads(TEXT("\xD5\x74\x00\xFF"), "typed0(ff)");
  assert_reads(TEXT("\xD6\x74\x01\x01\x02\x03"), "typed1(010203)");
  assert_reads(TEXT("\xD7\x74\x0B\x01\x02\x03\x04\x05\x06\x07"), "typed11(01020304050607)");
  assert_reads(TEXT("\xD8\x74\x02"
                    "123456789012345"),
               "typed2(313233343536373839303132333435)");
  assert_reads(TEXT("\xC7\x03\x74\x03\x01\x02"), "typed3(0102)");
  assert_reads(TEXT("\xC8\x00\x03\x74\x03\x01\x02"), "typed3(0102)");
  assert_reads(TEXT("\xC9\x00\x00\x00\x03\x74\x03\x01\x02"), "typed3(0102)");
  assert_reads(TEXT("\xC7\x01\x00\x00"), "undefined");
  assert_reads(TEXT("\xD4\x01\x00"), "Date(nan)");
  assert_reads(TEXT("\xC8\x00\x01\x01\x00"), "Date(nan)");
}

static void reads_timestamps_of_three_sizes_to_the_millisecond(void **state) {
  (void)state;
  const struct {
    struct lmdbx_slice bytes;
    const char *value;
  } cases[] = {
      {TEXT("\xD6\xFF\x00\x00\x00\x00"), "Date(0)"},
      {TEXT("\xD6\xFF\xFF\xFF\xFF\xFF"), "Date(4294967295000)"},
      {TEXT("\xC7\x04\xFF\x00\x00\x00\x01"), "Date(1000)"},
      {TEXT("\xD7\xFF\x00\x3D\x09\x00\x00\x00\x00\x00"), "Date(1)"},
      {TEXT("\xD7\xFF\xEE\x6B\x27\xFC\x00\x00\x00\x00"), "Date(999)"}, /* 999999999 ns */
      {TEXT("\xD7\xFF\x00\x00\x00\x07\xFF\xFF\xFF\xFF"), "Date(17179869183000)"},
      {TEXT("\xC7\x0C\xFF\x3B\x8B\x87\xC0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), "Date(-1)"},
      {TEXT("\xC7\x0C\xFF\x00\x00\x00\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), "Date(-1000)"},
      {TEXT("\xC7\x0C\xFF\x00\x00\x00\x00\x00\x00\x07\xDB\xA8\x21\x80\x00"),
       "Date(8640000000000000)"},
      {TEXT("\xC7\x0C\xFF\x00\x0F\x42\x3F\x00\x00\x07\xDB\xA8\x21\x80\x00"),
       "Date(8640000000000000)"},
      {TEXT("\xC7\x0C\xFF\x00\x00\x00\x00\xFF\xFF\xF8\x24\x57\xDE\x80\x00"),
       "Date(-8640000000000000)"},
  };
  for (size_t at = 0; at < COUNT(cases); at++) assert_reads(cases[at].bytes, cases[at].value);
  assert_refused(TEXT("\xC7\x0C\xFF\x00\x0F\x42\x40\x00\x00\x07\xDB\xA8\x21\x80\x00"), 2, "Date");
  assert_refused(TEXT("\xC7\x0C\xFF\x00\x00\x00\x00\x00\x00\x07\xDB\xA8\x21\x80\x01"), 2, "Date");
  assert_refused(TEXT("\xC7\x0C\xFF\x3B\x9A\xC9\xFF\xFF\xFF\xF8\x24\x57\xDE\x7F\xFF"), 2, "Date");
  assert_refused(TEXT("\xC7\x0C\xFF\x00\x00\x00\x00\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), 2, "Date");
  assert_refused(TEXT("\xC7\x0C\xFF\x00\x00\x00\x00\x80\x00\x00\x00\x00\x00\x00\x00"), 2, "Date");
  assert_refused(TEXT("\xD7\xFF\xEE\x6B\x28\x00\x00\x00\x00\x00"), 1, "nanoseconds");
  assert_refused(TEXT("\xC7\x0C\xFF\x3B\x9A\xCA\x00\x00\x00\x00\x00\x00\x00\x00\x00"), 2,
                 "nanoseconds");
  assert_refused(TEXT("\xD4\xFF\x00"), 1, "none of the three sizes");
}

static void reads_map_and_set_extensions(void **state) {
  (void)state;
  assert_reads(TEXT("\xD4\x73\x90"), "Set()");
  assert_reads(TEXT("\xD4\x4D\x90"), "Map()");
  assert_reads(TEXT("\xC7\x03\x73\x92\x01\x02"), "Set(1,2)");
  assert_reads(TEXT("\xC9\x00\x00\x00\x03\x73\x92\x01\x02"), "Set(1,2)");
  assert_reads(TEXT("\xC7\x05\x73\xDC\x00\x02\x01\x02"), "Set(1,2)");
  assert_reads(TEXT("\xC7\x07\x73\xDD\x00\x00\x00\x02\x01\x02"), "Set(1,2)");
  assert_reads(TEXT("\xC7\x04\x4D\x92\xA1"
                    "a\x01"),
               "Map(\"a\",1)");
  assert_reads(TEXT("\xC7\x05\x4D\x92\x80\xD4\x73\x90"), "Map({},Set())");
}

static void reads_extensions_inside_each_other(void **state) {
  (void)state;
  /* Three payloads that end with one byte, inside an array that goes on. */
  assert_reads(TEXT("\x92\xC7\x08\x73\x91\xC7\x04\x73\x91\xD4\x4D\x90\x07"), "[Set(Set(Map())),7]");
  assert_reads(TEXT("\xC7\x08\x73\x91\xC7\x04\x73\x91\xD4\x4D\x90"), "Set(Set(Map()))");
  /* As keys and values of objects and maps. */
  assert_reads(TEXT("\x82\xA1"
                    "a\xD4\x73\x90\xA1"
                    "b\xC7\x03\x73\x92\x01\x02"),
               "{\"a\",Set(),\"b\",Set(1,2)}");
  assert_reads(TEXT("\x81\xD4\x73\x90\xD4\x4D\x90"), "Map(Set(),Map())");
  assert_reads(TEXT("\xC7\x0A\x4D\x92\xD4\x73\x90\x81\xA1"
                    "a\xD4\x73\x90"),
               "Map(Set(),{\"a\",Set()})");
}

static void refuses_damaged_map_and_set_extensions(void **state) {
  (void)state;
  const char *const follow = "bytes follow the items";
  assert_refused(TEXT("\xC7\x00\x73"), 2, "no array");
  assert_refused(TEXT("\xD4\x73\x01"), 1, "no array");
  assert_refused(TEXT("\xD4\x73\x80"), 1, "no array");
  assert_refused(TEXT("\xD5\x4D\x91\x01"), 2, "without a value");
  assert_refused(TEXT("\xD5\x73\x90\x01"), 3, follow);
  assert_refused(TEXT("\x92\xD5\x73\x90\x01\x02"), 4, follow);
  assert_refused(TEXT("\xD5\x73\x92\x01\x02"), 4, "end inside a value");
  assert_refused(TEXT("\xD5\x73\x91\xCD\x01\x02"), 4, "end inside a value");
  assert_refused(TEXT("\xD4\x73\x91\x01"), 3, "end inside a value");
  assert_refused(TEXT("\xD4\x73\xDC\x00\x00"), 3, "end inside a value");
  /* The inner payload ends before the outer, which has bytes left. */
  assert_refused(TEXT("\xC7\x05\x73\x91\xD4\x73\x90\x01"), 7, follow);
  assert_refused(TEXT("\xC7\x05\x73\x91\xD5\x73\x90\x01"), 7, follow);
}

static void refuses_damaged_extensions(void **state) {
  (void)state;
  assert_refused(TEXT("\xD4\x02\x00"), 1, "unknown type 2");
  assert_refused(TEXT("\xD4\xFE\x00"), 1, "unknown type -2");
  assert_refused(TEXT("\x92\x01\xC7\x00\x7F"), 4, "unknown type 127");
  assert_refused(TEXT("\xD4\x00\x01"), 1, "zero byte");
  assert_refused(TEXT("\xC7\x00\x01"), 2, "zero byte");
  assert_refused(TEXT("\xC7\x00\x74"), 2, "unknown type");
  assert_refused(TEXT("\xD4\x74\x0C"), 1, "unknown type");
  assert_refused(TEXT("\xC7\x04\x74\x04\x01\x02\x03"), 2, "inside an element");
  assert_refused(TEXT("\xC7\x05\x74\x08\x01\x02\x03\x04"), 2, "inside an element");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_extensions_of_every_width),
      cmocka_unit_test(reads_timestamps_of_three_sizes_to_the_millisecond),
      cmocka_unit_test(reads_map_and_set_extensions),
      cmocka_unit_test(reads_extensions_inside_each_other),
      cmocka_unit_test(refuses_damaged_map_and_set_extensions),
      cmocka_unit_test(refuses_damaged_extensions),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
