/* Scans: order, prefix, resumption. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#define MAX_SEEN 4096

/* Collects keys, separated by spaces. */
struct collector {
  char seen[MAX_SEEN];
  size_t count;
  size_t stop_after; /* 0: never */
  bool fail;
};

static enum lmdbx__visit collect(void *context, struct lmdbx_slice key, struct lmdbx_slice value) {
  struct collector *collector = context;
  (void)value;
  if (collector->fail) return LMDBX__VISIT_FAIL;
  size_t length = strlen(collector->seen);
  assert_true(length + key.size + 2 < sizeof collector->seen);
  if (length > 0) collector->seen[length++] = ' ';
  memcpy(collector->seen + length, key.data, key.size);
  collector->seen[length + key.size] = '\0';
  collector->count++;
  return collector->count == collector->stop_after ? LMDBX__VISIT_STOP : LMDBX__VISIT_NEXT;
}

static struct lmdbx__env *environment(void **state, const char *const *keys, size_t count) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 4 * MEBIBYTE);
  for (size_t i = 0; i < count; i++) put(env, keys[i], "value");
  return env;
}

static const char *scan(struct lmdbx__env *env, struct collector *collector, const char *prefix,
                        const char *after, bool *complete) {
  struct lmdbx__scan scan = {TEST_MAIN_DBI, text(prefix), text(after), collect, collector};
  struct lmdbx__read *read;
  struct lmdbx_error error;
  assert_int_equal(lmdbx__read_begin(env, &read, &error), LMDBX_OK);
  if (lmdbx__read_scan(read, &scan, complete, &error) != LMDBX_OK) fail_msg("%s", error.message);
  lmdbx__read_end(read);
  return collector->seen;
}

static const char *const fruit[] = {"b:2", "a:1", "c:1", "b:10", "b:1", "b", "a:2", "b;", "b:\xff"};
#define FRUITS (sizeof fruit / sizeof *fruit)

static void everything_comes_in_byte_order(void **state) {
  struct lmdbx__env *env = environment(state, fruit, FRUITS);
  struct collector collector = {0};
  bool complete = false;
  assert_string_equal(scan(env, &collector, "", "", &complete),
                      "a:1 a:2 b b:1 b:10 b:2 b:\xff b; c:1");
  assert_true(complete);
  lmdbx__env_release(env);
}

static void a_prefix_selects(void **state) {
  struct lmdbx__env *env = environment(state, fruit, FRUITS);
  static const struct {
    const char *prefix, *seen;
  } cases[] = {{"b:", "b:1 b:10 b:2 b:\xff"},
               {"b", "b b:1 b:10 b:2 b:\xff b;"},
               {"c:", "c:1"},
               {"c:1", "c:1"},
               {"c:12", ""},
               {"0", ""},
               {"z", ""},
               {"b:\xff\xff", ""}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct collector collector = {0};
    bool complete = false;
    assert_string_equal(scan(env, &collector, cases[i].prefix, "", &complete), cases[i].seen);
    assert_true(complete);
  }
  lmdbx__env_release(env);
}

static void a_scan_resumes_behind_a_key(void **state) {
  struct lmdbx__env *env = environment(state, fruit, FRUITS);
  static const struct {
    const char *after, *seen;
  } cases[] = {{"b:1", "b:10 b:2 b:\xff"},
               {"b:11", "b:2 b:\xff"},
               {"b:2", "b:\xff"},
               {"b:\xff", ""},
               {"a:9", "b:1 b:10 b:2 b:\xff"},
               {"c", ""},
               {"zzz", ""},
               {"b:", "b:1 b:10 b:2 b:\xff"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct collector collector = {0};
    bool complete = false;
    assert_string_equal(scan(env, &collector, "b:", cases[i].after, &complete), cases[i].seen);
    assert_true(complete);
  }
  lmdbx__env_release(env);
}

static void pages_of_any_size_give_every_key_once(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 4 * MEBIBYTE);
  enum { COUNT = 300 };
  static struct lmdbx__op ops[COUNT];
  static char keys[COUNT][16];
  for (size_t i = 0; i < COUNT; i++) ops[i] = put_op(fill_key(keys[i], i), "v");
  commit_group(env, ops, COUNT);
  for (size_t page = 1; page <= COUNT + 1; page += 37) {
    char after[16] = "";
    size_t seen = 0;
    for (bool complete = false; !complete;) {
      struct collector collector = {.stop_after = page};
      scan(env, &collector, "fill:", after, &complete);
      seen += collector.count;
      if (collector.count > 0) fill_key(after, seen - 1);
      if (!complete) {
        assert_int_equal(collector.count, page);
        const char *last = strrchr(collector.seen, ' ');
        assert_string_equal(last != NULL ? last + 1 : collector.seen, after);
      }
    }
    assert_int_equal(seen, COUNT);
  }
  lmdbx__env_release(env);
}

static void a_failing_visitor_fails_the_scan(void **state) {
  struct lmdbx__env *env = environment(state, fruit, FRUITS);
  struct collector collector = {.fail = true};
  struct lmdbx__scan scan = {TEST_MAIN_DBI, text("b"), text(""), collect, &collector};
  struct lmdbx__read *read;
  struct lmdbx_error error;
  bool complete = true;
  assert_int_equal(lmdbx__read_begin(env, &read, &error), LMDBX_OK);
  assert_int_equal(lmdbx__read_scan(read, &scan, &complete, &error), LMDBX_NO_MEMORY);
  assert_false(complete);
  collector.fail = false;
  assert_int_equal(lmdbx__read_scan(read, &scan, &complete, &error), LMDBX_OK);
  assert_true(complete);
  lmdbx__read_end(read);
  lmdbx__env_release(env);
}

static void an_empty_database_is_scanned_to_its_end(void **state) {
  struct lmdbx__env *env = environment(state, NULL, 0);
  struct collector collector = {0};
  bool complete = false;
  assert_string_equal(scan(env, &collector, "", "", &complete), "");
  assert_true(complete);
  complete = false;
  assert_string_equal(scan(env, &collector, "a", "b", &complete), "");
  assert_true(complete);
  lmdbx__env_release(env);
}

static void a_scan_sees_one_moment(void **state) {
  struct lmdbx__env *env = environment(state, fruit, FRUITS);
  struct collector collector = {0};
  struct lmdbx__scan scan = {TEST_MAIN_DBI, text("c"), text(""), collect, &collector};
  struct lmdbx__read *read;
  bool complete = false;
  assert_int_equal(lmdbx__read_begin(env, &read, NULL), LMDBX_OK);
  put(env, "c:2", "new");
  assert_int_equal(lmdbx__read_scan(read, &scan, &complete, NULL), LMDBX_OK);
  assert_string_equal(collector.seen, "c:1");
  lmdbx__read_end(read);
  lmdbx__env_release(env);
}

static enum lmdbx__visit count_bytes(void *context, struct lmdbx_slice key,
                                     struct lmdbx_slice value) {
  size_t *bytes = context;
  (void)key;
  for (size_t i = 0; i < value.size; i++) *bytes += value.data[i] == 'v';
  return LMDBX__VISIT_NEXT;
}

static void values_come_along(void **state) {
  struct lmdbx__env *env = environment(state, fruit, FRUITS);
  size_t bytes = 0;
  struct lmdbx__scan scan = {TEST_MAIN_DBI, text(""), text(""), count_bytes, &bytes};
  struct lmdbx__read *read;
  bool complete;
  assert_int_equal(lmdbx__read_begin(env, &read, NULL), LMDBX_OK);
  assert_int_equal(lmdbx__read_scan(read, &scan, &complete, NULL), LMDBX_OK);
  assert_int_equal(bytes, FRUITS);
  lmdbx__read_end(read);
  lmdbx__env_release(env);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(everything_comes_in_byte_order),   TEST(a_prefix_selects),
      TEST(a_scan_resumes_behind_a_key),      TEST(pages_of_any_size_give_every_key_once),
      TEST(a_failing_visitor_fails_the_scan), TEST(an_empty_database_is_scanned_to_its_end),
      TEST(a_scan_sees_one_moment),           TEST(values_come_along),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
