/* Scans: order, bounds, direction, resumption. */
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

static struct lmdbx__bound closed(const char *key) {
  return (struct lmdbx__bound){text(key), false};
}

static struct lmdbx__bound open_at(const char *key) {
  return (struct lmdbx__bound){text(key), true};
}

static const char *scan(struct lmdbx__env *env, struct collector *collector,
                        struct lmdbx__bound lower, struct lmdbx__bound upper, bool reverse,
                        bool *complete) {
  const struct lmdbx__scan scan = {.dbi = TEST_MAIN_DBI,
                                   .lower = lower,
                                   .upper = upper,
                                   .reverse = reverse,
                                   .visit = collect,
                                   .context = collector};
  struct lmdbx__read *read;
  struct lmdbx_error error;
  assert_int_equal(lmdbx__read_begin(env, &read, &error), LMDBX_OK);
  if (lmdbx__read_scan(read, &scan, complete, &error) != LMDBX_OK) fail_msg("%s", error.message);
  lmdbx__read_end(read);
  return collector->seen;
}

static const char *const fruit[] = {"b:2", "a:1", "c:1", "b:10", "b:1", "b", "a:2", "b;", "b:\xff"};
#define FRUITS (sizeof fruit / sizeof *fruit)

static void everything_comes_in_byte_order_or_against_it(void **state) {
  struct lmdbx__env *env = environment(state, fruit, FRUITS);
  struct collector up = {0}, down = {0};
  bool complete = false;
  assert_string_equal(scan(env, &up, closed(""), closed(""), false, &complete),
                      "a:1 a:2 b b:1 b:10 b:2 b:\xff b; c:1");
  assert_true(complete);
  assert_string_equal(scan(env, &down, closed(""), closed(""), true, &complete),
                      "c:1 b; b:\xff b:2 b:10 b:1 b a:2 a:1");
  assert_true(complete);
  lmdbx__env_release(env);
}

static void bounds_select(void **state) {
  struct lmdbx__env *env = environment(state, fruit, FRUITS);
  const struct {
    struct lmdbx__bound lower, upper;
    const char *up, *down;
  } cases[] = {
      {closed("b:"), open_at("b;"), "b:1 b:10 b:2 b:\xff", "b:\xff b:2 b:10 b:1"},
      {closed("b:"), closed("b;"), "b:1 b:10 b:2 b:\xff b;", "b; b:\xff b:2 b:10 b:1"},
      {closed("b:1"), closed("b:2"), "b:1 b:10 b:2", "b:2 b:10 b:1"},
      {open_at("b:1"), open_at("b:2"), "b:10", "b:10"},
      {open_at("b:11"), closed(""), "b:2 b:\xff b; c:1", "c:1 b; b:\xff b:2"},
      {closed(""), open_at("b"), "a:1 a:2", "a:2 a:1"},
      {closed(""), closed("b"), "a:1 a:2 b", "b a:2 a:1"},
      {closed(""), closed("a:19"), "a:1", "a:1"},
      {closed("c:1"), closed("zzz"), "c:1", "c:1"},
      {open_at("c:1"), closed("zzz"), "", ""},
      {open_at("c:1"), closed(""), "", ""},
      {closed(""), open_at("a:1"), "", ""},
      {closed("a:1"), closed("a:1"), "a:1", "a:1"},
      {closed("a:1"), open_at("a:1"), "", ""},
      {open_at("a:1"), closed("a:1"), "", ""},
      {closed("b:3"), closed("b:4"), "", ""},
      {closed("b:9"), closed("b:3"), "", ""},
      {closed("z"), closed("a"), "", ""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct collector up = {0}, down = {0};
    bool complete = false;
    assert_string_equal(scan(env, &up, cases[i].lower, cases[i].upper, false, &complete),
                        cases[i].up);
    assert_true(complete);
    complete = false;
    assert_string_equal(scan(env, &down, cases[i].lower, cases[i].upper, true, &complete),
                        cases[i].down);
    assert_true(complete);
  }
  lmdbx__env_release(env);
}

static void bounds_may_be_longer_than_any_key(void **state) {
  enum { LENGTH = 5000 };
  struct lmdbx__env *env = environment(state, fruit, FRUITS);
  static char key[LENGTH + 1];
  memset(key, 'b', LENGTH);
  for (int reverse = 0; reverse <= 1; reverse++) {
    struct collector above = {0}, below = {0};
    bool complete = false;
    assert_string_equal(scan(env, &above, closed(key), closed(""), reverse == 1, &complete), "c:1");
    assert_true(complete);
    scan(env, &below, closed(""), closed(key), reverse == 1, &complete);
    assert_int_equal(below.count, FRUITS - 1);
  }
  lmdbx__env_release(env);
}

static void check_pages(struct lmdbx__env *env, size_t count, size_t page, bool reverse) {
  char last[16] = "";
  size_t seen = 0;
  for (bool complete = false; !complete;) {
    struct collector collector = {.stop_after = page};
    const struct lmdbx__bound from = seen > 0 ? open_at(last) : closed("fill:");
    const struct lmdbx__bound to = reverse ? closed("fill:") : open_at("fill;");
    const struct lmdbx__bound top = seen > 0 ? open_at(last) : open_at("fill;");
    scan(env, &collector, reverse ? to : from, reverse ? top : to, reverse, &complete);
    seen += collector.count;
    if (collector.count > 0) fill_key(last, reverse ? count - seen : seen - 1);
    if (!complete) {
      assert_int_equal(collector.count, page);
      const char *space = strrchr(collector.seen, ' ');
      assert_string_equal(space != NULL ? space + 1 : collector.seen, last);
    }
  }
  assert_int_equal(seen, count);
}

static void pages_of_any_size_give_every_key_once(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 4 * MEBIBYTE);
  enum { COUNT = 300 };
  static struct lmdbx__op ops[COUNT];
  static char keys[COUNT][16];
  for (size_t i = 0; i < COUNT; i++) ops[i] = put_op(fill_key(keys[i], i), "v");
  commit_group(env, ops, COUNT);
  for (size_t page = 1; page <= COUNT + 1; page += 37) {
    check_pages(env, COUNT, page, false);
    check_pages(env, COUNT, page, true);
  }
  lmdbx__env_release(env);
}

static void a_failing_visitor_fails_the_scan(void **state) {
  struct lmdbx__env *env = environment(state, fruit, FRUITS);
  struct collector collector = {.fail = true};
  struct lmdbx__scan scan = {.dbi = TEST_MAIN_DBI, .visit = collect, .context = &collector};
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
  for (int reverse = 0; reverse <= 1; reverse++) {
    assert_string_equal(scan(env, &collector, closed(""), closed(""), reverse == 1, &complete), "");
    assert_true(complete);
    complete = false;
    assert_string_equal(scan(env, &collector, closed("a"), closed("b"), reverse == 1, &complete),
                        "");
    assert_true(complete);
  }
  lmdbx__env_release(env);
}

static void a_scan_sees_one_moment(void **state) {
  struct lmdbx__env *env = environment(state, fruit, FRUITS);
  struct collector collector = {0};
  struct lmdbx__scan scan = {
      .dbi = TEST_MAIN_DBI, .lower = closed("c"), .visit = collect, .context = &collector};
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
  struct lmdbx__scan scan = {.dbi = TEST_MAIN_DBI, .visit = count_bytes, .context = &bytes};
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
      TEST(everything_comes_in_byte_order_or_against_it),
      TEST(bounds_select),
      TEST(bounds_may_be_longer_than_any_key),
      TEST(pages_of_any_size_give_every_key_once),
      TEST(a_failing_visitor_fails_the_scan),
      TEST(an_empty_database_is_scanned_to_its_end),
      TEST(a_scan_sees_one_moment),
      TEST(values_come_along),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
