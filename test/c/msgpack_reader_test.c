#include "codec/msgpack_reader.h"

#include <sys/resource.h>

#include "literals.h"
#include "msgpack_assert.h"

static struct lmdbx_slice slice_of(const struct lmdbx_buffer *buffer) {
  return (struct lmdbx_slice){buffer->data, buffer->size};
}

static void append(struct lmdbx_buffer *buffer, const void *data, size_t size) {
  assert_int_equal(lmdbx_buffer_append(buffer, data, size), LMDBX_OK);
}

static void reads_numbers_of_every_form(void **state) {
  (void)state;
  const struct {
    struct lmdbx_slice bytes;
    const char *value;
  } cases[] = {
      {TEXT("\x00"), "0"},
      {TEXT("\x7F"), "127"},
      {TEXT("\xE0"), "-32"},
      {TEXT("\xFF"), "-1"},
      {TEXT("\xCC\xFF"), "255"},
      {TEXT("\xCD\xFF\xFF"), "65535"},
      {TEXT("\xCE\xFF\xFF\xFF\xFF"), "4294967295"},
      {TEXT("\xCE\x00\x00\x00\x01"), "1"},
      {TEXT("\xD0\x80"), "-128"},
      {TEXT("\xD1\x80\x00"), "-32768"},
      {TEXT("\xD2\x80\x00\x00\x00"), "-2147483648"},
      {TEXT("\xCF\x00\x00\x00\x00\x00\x00\x00\x01"), "1un"},
      {TEXT("\xCF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), "18446744073709551615un"},
      {TEXT("\xD3\x00\x00\x00\x00\x00\x00\x00\x01"), "1n"},
      {TEXT("\xD3\x80\x00\x00\x00\x00\x00\x00\x00"), "-9223372036854775808n"},
      {TEXT("\xCA\x3F\x00\x00\x00"), "0.5"},
      {TEXT("\xCA\x80\x00\x00\x00"), "-0"},
      {TEXT("\xCA\xFF\x80\x00\x00"), "-inf"},
      {TEXT("\xCB\x80\x00\x00\x00\x00\x00\x00\x00"), "-0"},
      {TEXT("\xCB\x3F\xB9\x99\x99\x99\x99\x99\x9A"), "0.10000000000000001"},
      {TEXT("\xCB\x00\x00\x00\x00\x00\x00\x00\x01"), "4.9406564584124654e-324"},
      {TEXT("\xCB\x7F\xF8\x00\x00\x00\x00\x00\x00"), "nan"},
  };
  for (size_t at = 0; at < COUNT(cases); at++) assert_reads(cases[at].bytes, cases[at].value);
}

static void reads_constants_strings_and_bytes_of_every_width(void **state) {
  (void)state;
  assert_reads(TEXT("\xC0"), "null");
  assert_reads(TEXT("\xC2"), "false");
  assert_reads(TEXT("\xC3"), "true");
  assert_reads(TEXT("\xD4\x00\x00"), "undefined");
  assert_reads(TEXT("\xA0"), "\"\"");
  assert_reads(TEXT("\xA3\xE2\x82\xAC"), "\"\xE2\x82\xAC\"");
  assert_reads(TEXT("\xD9\x00"), "\"\"");
  assert_reads(TEXT("\xD9\x02hi"), "\"hi\"");
  assert_reads(TEXT("\xDA\x00\x02hi"), "\"hi\"");
  assert_reads(TEXT("\xDB\x00\x00\x00\x02hi"), "\"hi\"");
  assert_reads(TEXT("\xDB\x00\x00\x00\x00"), "\"\"");
  assert_reads(TEXT("\xC4\x00"), "bytes()");
  assert_reads(TEXT("\xC4\x02\x01\xFF"), "bytes(01ff)");
  assert_reads(TEXT("\xC5\x00\x02\x01\xFF"), "bytes(01ff)");
  assert_reads(TEXT("\xC6\x00\x00\x00\x02\x01\xFF"), "bytes(01ff)");
  assert_reads(TEXT("\x93\xA0\xC4\x00\xA0"), "[\"\",bytes(),\"\"]");
}

static void reads_containers_of_every_width(void **state) {
  (void)state;
  assert_reads(TEXT("\x90"), "[]");
  assert_reads(TEXT("\x93\x01\xA1"
                    "a\x90"),
               "[1,\"a\",[]]");
  assert_reads(TEXT("\xDC\x00\x00"), "[]");
  assert_reads(TEXT("\xDC\x00\x02\x01\x02"), "[1,2]");
  assert_reads(TEXT("\xDD\x00\x00\x00\x02\x01\x02"), "[1,2]");
  assert_reads(TEXT("\x80"), "{}");
  assert_reads(TEXT("\x82\xA1"
                    "b\x01\xA1"
                    "a\x92\x02\x80"),
               "{\"b\",1,\"a\",[2,{}]}");
  assert_reads(TEXT("\xDE\x00\x01\xA1"
                    "a\x01"),
               "{\"a\",1}");
  assert_reads(TEXT("\xDF\x00\x00\x00\x01\xA1"
                    "a\x01"),
               "{\"a\",1}");
  assert_reads(TEXT("\x82\xA1"
                    "a\x01\xA1"
                    "a\x02"),
               "{\"a\",1,\"a\",2}");
  assert_reads(TEXT("\x81\xA0\xA0"), "{\"\",\"\"}");
  assert_reads(TEXT("\x81\xA1"
                    "a\x82\xA1"
                    "b\x81\xA1"
                    "c\x01\xA1"
                    "d\x02"),
               "{\"a\",{\"b\",{\"c\",1},\"d\",2}}");
}

static void reads_maps_with_other_keys_as_map(void **state) {
  (void)state;
  assert_reads(TEXT("\x81\x01\x02"), "Map(1,2)");
  assert_reads(TEXT("\x83\xA1"
                    "a\x01\x02\x03\xA1"
                    "b\xA1"
                    "c"),
               "Map(\"a\",1,2,3,\"b\",\"c\")");
  assert_reads(TEXT("\x82\xC0\x81\xC2\xC3\xA1"
                    "a\x80"),
               "Map(null,Map(false,true),\"a\",{})");
  assert_reads(TEXT("\x81\x91\x01\x81\xA1"
                    "a\x02"),
               "Map([1],{\"a\",2})");
}

static void refuses_bytes_behind_the_value(void **state) {
  (void)state;
  assert_refused(TEXT("\xC0\xC0"), 1, "1 bytes follow");
  assert_refused(TEXT("\x91\x01\x80\x80"), 2, "2 bytes follow");
  assert_refused(TEXT("\xD4\x73\x90\x01"), 3, "1 bytes follow");
}

static void refuses_every_cut_value(void **state) {
  (void)state;
  const struct lmdbx_slice whole = TEXT("\x87\xA1"
                                        "a\xCB\x3F\xB9\x99\x99\x99\x99\x99\x9A\xA1"
                                        "b\xDA\x00\x02hi\xA1"
                                        "c\xC4\x02\x01\xFF\xA1"
                                        "d\xC7\x08\x73\x91\xC7\x04\x73\x91\xD4\x4D\x90\xA1"
                                        "e\xD6\xFF\x00\x00\x00\x00\xA1"
                                        "f\xDC\x00\x02\xC0\xC3\xA1"
                                        "g\xDE\x00\x01\xA0\xA0");
  struct tree tree = {0};
  lmdbx_value root = NULL;
  assert_int_equal(lmdbx__msgpack_read(whole, &tree_builder, &tree, &root, NULL), LMDBX_OK);
  tree_free(&tree);
  for (size_t size = 0; size < whole.size; size++) {
    struct lmdbx_error error = {0};
    struct lmdbx_slice cut = {whole.data, size};
    int code = lmdbx__msgpack_read(cut, &tree_builder, &tree, &root, &error);
    assert_int_equal(code, LMDBX_DECODE);
    /* Where too few bytes are left for what is announced, it stops there. */
    if (strstr(error.message, "more than there are bytes") == NULL) {
      assert_refused(cut, size, "end inside a value");
    }
    tree_free(&tree);
  }
}

static void refuses_invalid_bytes_and_strings(void **state) {
  (void)state;
  assert_refused(TEXT("\xC1"), 0, "C1");
  assert_refused(TEXT("\x92\x01\xC1"), 2, "C1");
  assert_refused(TEXT("\x91\xA3"
                      "a\xFF"
                      "b"),
                 3, "UTF-8");
  assert_refused(TEXT("\xA3\xED\xA0\x80"), 1, "UTF-8");
  assert_refused(TEXT("\x81\xA1\xFF\x01"), 2, "UTF-8");
}

static void names_the_likely_cause(void **state) {
  (void)state;
  const char *const json = "was this written with encoding json?";
  const char *const text = "was this written with encoding string?";
  assert_refused(TEXT("{\"name\":\"Alice\"}"), 1, json);
  assert_refused(TEXT("[1,2,3]"), 1, json);
  assert_refused(TEXT("\"hello\""), 1, json);
  assert_refused(TEXT("hello, world"), 1, text);
  assert_refused(TEXT("{ not json"), 1, text);
  assert_refused(TEXT("\xC3\xA9t\xC3\xA9"), 1, text);
  struct tree tree = {0};
  lmdbx_value root = NULL;
  struct lmdbx_error error = {0};
  const struct lmdbx_slice others[] = {TEXT(""), TEXT("\x01\x02"), TEXT("\x93\x01\x02")};
  for (size_t at = 0; at < COUNT(others); at++) {
    assert_int_equal(lmdbx__msgpack_read(others[at], &tree_builder, &tree, &root, &error),
                     LMDBX_DECODE);
    assert_null(strstr(error.message, "looks like"));
  }
  tree_free(&tree);
}

/* Containers of four kinds in turn, `depth` deep. */
static struct lmdbx_buffer nested(size_t depth) {
  struct lmdbx_buffer out = {0};
  size_t *marks = calloc(depth, sizeof *marks);
  assert_non_null(marks);
  for (size_t level = 0; level < depth; level++) {
    switch (level % 4) {
    case 0: assert_int_equal(lmdbx__pack_array(&out, 1), LMDBX_OK); break;
    case 1:
      assert_int_equal(lmdbx__pack_object(&out, 1), LMDBX_OK);
      assert_int_equal(lmdbx__pack_string(&out, TEXT("k")), LMDBX_OK);
      break;
    case 2: assert_int_equal(lmdbx__pack_set_begin(&out, 1, &marks[level]), LMDBX_OK); break;
    default:
      assert_int_equal(lmdbx__pack_map_begin(&out, 1, &marks[level]), LMDBX_OK);
      assert_int_equal(lmdbx__pack_nil(&out), LMDBX_OK);
    }
  }
  assert_int_equal(lmdbx__pack_nil(&out), LMDBX_OK);
  for (size_t level = depth; level-- > 0;) {
    if (level % 4 >= 2) assert_int_equal(lmdbx__pack_ext_end(&out, marks[level]), LMDBX_OK);
  }
  free(marks);
  return out;
}

static void reads_nesting_up_to_its_limit_over_all_containers(void **state) {
  (void)state;
  for (size_t depth = LMDBX_MAX_DEPTH - 4; depth <= LMDBX_MAX_DEPTH + 4; depth++) {
    struct lmdbx_buffer bytes = nested(depth);
    struct tree tree = {0};
    struct lmdbx_error error = {0};
    lmdbx_value root = NULL;
    int code = lmdbx__msgpack_read(slice_of(&bytes), &tree_builder, &tree, &root, &error);
    if (depth <= LMDBX_MAX_DEPTH) {
      assert_int_equal(code, LMDBX_OK);
      struct lmdbx_buffer again = {0};
      assert_int_equal(tree_pack(root, &again), LMDBX_OK);
      assert_int_equal(again.size, bytes.size);
      assert_memory_equal(again.data, bytes.data, bytes.size);
      lmdbx_buffer_free(&again);
    } else {
      assert_int_equal(code, LMDBX_DECODE);
      assert_non_null(strstr(error.message, "512 levels"));
    }
    lmdbx_buffer_free(&bytes);
    tree_free(&tree);
  }
}

static void refuses_more_items_than_an_engine_can_take(void **state) {
  (void)state;
  /* An array of two arrays, which have one item too many together. */
  size_t half = LMDBX_MAX_ITEMS / 2;
  struct lmdbx_buffer bytes = {0};
  assert_int_equal(lmdbx__pack_array(&bytes, 2), LMDBX_OK);
  for (int part = 0; part < 2; part++) {
    assert_int_equal(lmdbx__pack_array(&bytes, (uint32_t)half), LMDBX_OK);
    for (size_t item = 0; item < half; item++) {
      assert_int_equal(lmdbx__pack_nil(&bytes), LMDBX_OK);
    }
  }
  struct tree tree = {0};
  struct lmdbx_error error = {0};
  lmdbx_value root = NULL;
  int code = lmdbx__msgpack_read(slice_of(&bytes), &tree_builder, &tree, &root, &error);
  assert_int_equal(code, LMDBX_DECODE);
  assert_non_null(strstr(error.message, "more than 4194304 items"));
  tree_free(&tree);
  lmdbx_buffer_free(&bytes);
}

static size_t peak_kilobytes(void) {
  struct rusage usage;
  assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
  return (size_t)usage.ru_maxrss;
}

static void spends_no_memory_on_hostile_headers(void **state) {
  (void)state;
  const struct lmdbx_slice hostile[] = {
      TEXT("\xDD\xFF\xFF\xFF\xFF"),
      TEXT("\xDD\x00\xFF\xFF\xFF\xC0"),
      TEXT("\xDF\xFF\xFF\xFF\xFF"),
      TEXT("\xDF\x80\x00\x00\x00\xA0"),
      TEXT("\xDB\xFF\xFF\xFF\xFFx"),
      TEXT("\xC6\xFF\xFF\xFF\xFFx"),
      TEXT("\xC9\xFF\xFF\xFF\xFF\x73x"),
      TEXT("\xC9\xFF\xFF\xFF\xFE\x73x"),
      TEXT("\xC7\x05\x73\xDD\xFF\xFF\xFF\xFF"),
      TEXT("\x92\xDD\x00\x00\x00\x02\x01\x02\xDD\x7F\xFF\xFF\xFF\x01"),
  };
  size_t before = peak_kilobytes();
  for (size_t at = 0; at < COUNT(hostile); at++) {
    struct tree tree = {0};
    lmdbx_value root = NULL;
    struct lmdbx_error error = {0};
    assert_int_equal(lmdbx__msgpack_read(hostile[at], &tree_builder, &tree, &root, &error),
                     LMDBX_DECODE);
    assert_true(tree.allocated < 4096);
    tree_free(&tree);
  }
  assert_true(peak_kilobytes() - before < 8 * 1024);
}

/* 100,000 containers of every kind that only open. */
static void stops_early_in_endless_nesting(void **state) {
  (void)state;
  const struct lmdbx_slice units[] = {
      TEXT("\x91"),
      TEXT("\x81\xA0"),
      TEXT("\x81\x91"),
      TEXT("\x81\x01"),
      TEXT("\xC9\x00\x00\xFF\xFF\x73\x91"),
  };
  size_t before = peak_kilobytes();
  for (size_t at = 0; at < COUNT(units); at++) {
    struct lmdbx_buffer bytes = {0};
    for (int level = 0; level < 100000; level++) append(&bytes, units[at].data, units[at].size);
    struct tree tree = {0};
    lmdbx_value root = NULL;
    struct lmdbx_error error = {0};
    assert_int_equal(lmdbx__msgpack_read(slice_of(&bytes), &tree_builder, &tree, &root, &error),
                     LMDBX_DECODE);
    assert_true(tree.allocated < 1024 * 1024);
    tree_free(&tree);
    lmdbx_buffer_free(&bytes);
  }
  assert_true(peak_kilobytes() - before < 16 * 1024);
}

static void ends_with_the_code_of_a_failing_builder(void **state) {
  (void)state;
  struct lmdbx_buffer bytes = nested(40);
  for (int calls = 1; calls < 60; calls++) {
    struct tree tree = {.refuse_after = calls};
    lmdbx_value root = NULL;
    assert_int_equal(lmdbx__msgpack_read(slice_of(&bytes), &tree_builder, &tree, &root, NULL),
                     LMDBX_ABORTED);
    tree_free(&tree);
  }
  lmdbx_buffer_free(&bytes);
}

static void reads_long_containers(void **state) {
  (void)state;
  struct lmdbx_buffer bytes = {0};
  const uint32_t count = 70000;
  char key[16];
  assert_int_equal(lmdbx__pack_object(&bytes, count), LMDBX_OK);
  for (uint32_t at = 0; at < count; at++) {
    int length = snprintf(key, sizeof key, "k%u", at);
    struct lmdbx_slice text = {(const uint8_t *)key, (size_t)length};
    assert_int_equal(lmdbx__pack_string(&bytes, text), LMDBX_OK);
    assert_int_equal(lmdbx__pack_number(&bytes, at), LMDBX_OK);
  }
  struct tree tree = {0};
  lmdbx_value root = NULL;
  assert_int_equal(lmdbx__msgpack_read(slice_of(&bytes), &tree_builder, &tree, &root, NULL),
                   LMDBX_OK);
  struct tree_node *node = root;
  assert_int_equal(node->count, 2 * count);
  assert_memory_equal(node->children[2 * 69999]->bytes.data, "k69999", 6);
  assert_true(node->children[2 * 69999 + 1]->number == 69999);
  tree_free(&tree);
  lmdbx_buffer_free(&bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_numbers_of_every_form),
      cmocka_unit_test(reads_constants_strings_and_bytes_of_every_width),
      cmocka_unit_test(reads_containers_of_every_width),
      cmocka_unit_test(reads_maps_with_other_keys_as_map),
      cmocka_unit_test(refuses_bytes_behind_the_value),
      cmocka_unit_test(refuses_every_cut_value),
      cmocka_unit_test(refuses_invalid_bytes_and_strings),
      cmocka_unit_test(names_the_likely_cause),
      cmocka_unit_test(reads_nesting_up_to_its_limit_over_all_containers),
      cmocka_unit_test(refuses_more_items_than_an_engine_can_take),
      cmocka_unit_test(spends_no_memory_on_hostile_headers),
      cmocka_unit_test(stops_early_in_endless_nesting),
      cmocka_unit_test(ends_with_the_code_of_a_failing_builder),
      cmocka_unit_test(reads_long_containers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
