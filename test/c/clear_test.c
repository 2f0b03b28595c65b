/* Many records removed in one commit. */
#include "faults.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct context {
  const char *suffix; /* of the keys that belong; NULL: all */
  long stops_after;   /* how often stop is asked before it says so; -1: never */
};

static bool belongs(void *data, struct lmdbx_slice key) {
  const struct context *context = data;
  if (context->suffix == NULL) return true;
  size_t size = strlen(context->suffix);
  return key.size >= size && memcmp(key.data + key.size - size, context->suffix, size) == 0;
}

static bool stop(void *data) {
  struct context *context = data;
  return context->stops_after >= 0 && context->stops_after-- == 0;
}

static int clear(struct lmdbx__env *env, lmdbx__dbi dbi, const char *prefix,
                 struct context *context, size_t *removed) {
  const struct lmdbx__clear what = {.dbi = dbi,
                                    .prefix = text(prefix),
                                    .belongs = context != NULL ? belongs : NULL,
                                    .stop = stop,
                                    .context = context};
  return lmdbx__clear(env, &what, removed, NULL);
}

/* Puts "<prefix><i>" for each i below count, in one group. */
static void put_many(struct lmdbx__env *env, lmdbx__dbi dbi, const char *prefix, size_t count) {
  struct lmdbx__op *ops = calloc(count, sizeof *ops);
  char (*keys)[32] = calloc(count, sizeof *keys);
  assert_non_null(ops);
  assert_non_null(keys);
  for (size_t i = 0; i < count; i++) {
    snprintf(keys[i], sizeof keys[i], "%s%06zu", prefix, i);
    ops[i] = put_op(keys[i], "value");
    ops[i].dbi = dbi;
  }
  commit_group(env, ops, count);
  for (size_t i = 0; i < count; i++) assert_null(ops[i].error);
  free(ops);
  free(keys);
}

static size_t count_keys(struct lmdbx__env *env, lmdbx__dbi dbi, const char *prefix) {
  struct lmdbx__read *read;
  struct lmdbx_buffer out = {0};
  size_t count = 0;
  assert_int_equal(lmdbx__read_begin(env, &read, NULL), LMDBX_OK);
  assert_int_equal(lmdbx__read_collect(read, dbi, text(prefix), &out, NULL), LMDBX_OK);
  lmdbx__read_end(read);
  struct lmdbx_slice left = {out.data, out.size};
  struct lmdbx_slice key;
  struct lmdbx_slice value;
  while (lmdbx__collected(&left, &key, &value)) count++;
  lmdbx_buffer_free(&out);
  return count;
}

static void what_has_the_prefix_and_belongs_is_removed(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 0);
  struct context all = {NULL, -1};
  struct context sevens = {"7", -1};
  size_t removed = 0;
  put_many(env, TEST_MAIN_DBI, "a:", 5000);
  put_many(env, TEST_MAIN_DBI, "b:", 5000);
  put_many(env, TEST_MAIN_DBI, "c:", 5000);
  uint64_t before = lmdbx__env_last_txn_id(env);
  assert_int_equal(clear(env, TEST_MAIN_DBI, "b:", &sevens, &removed), LMDBX_OK);
  assert_int_equal(removed, 500);
  assert_int_equal(lmdbx__env_last_txn_id(env), before + 1);
  assert_int_equal(count_keys(env, TEST_MAIN_DBI, "b:"), 4500);
  assert_false(has(env, "b:000007"));
  assert_true(has(env, "b:000008"));
  assert_int_equal(clear(env, TEST_MAIN_DBI, "b:", &all, &removed), LMDBX_OK);
  assert_int_equal(removed, 4500);
  assert_int_equal(clear(env, TEST_MAIN_DBI, "b:", &all, &removed), LMDBX_OK);
  assert_int_equal(removed, 0);
  assert_int_equal(lmdbx__env_last_txn_id(env), before + 2); /* nothing, no commit */
  assert_int_equal(count_keys(env, TEST_MAIN_DBI, ""), 10000);
  assert_int_equal(clear(env, TEST_MAIN_DBI, "", &sevens, &removed), LMDBX_OK);
  assert_int_equal(removed, 1000);
  lmdbx__env_release(env);
}

static void a_named_database_is_emptied_as_a_whole(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 0);
  lmdbx__dbi dbi;
  size_t removed = 0;
  assert_int_equal(lmdbx__db_open(env, "name", &dbi, NULL), LMDBX_OK);
  put_many(env, dbi, "a:", 3000);
  put_many(env, TEST_MAIN_DBI, "a:", 10);
  assert_int_equal(clear(env, dbi, "", NULL, &removed), LMDBX_OK);
  assert_int_equal(removed, 3000);
  assert_int_equal(count_keys(env, dbi, ""), 0);
  assert_int_equal(count_keys(env, TEST_MAIN_DBI, "a:"), 10);
  put_many(env, dbi, "b:", 10);
  assert_int_equal(count_keys(env, dbi, ""), 10);
  lmdbx__env_release(env);
}

static void asked_to_stop_it_removes_nothing(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 0);
  put_many(env, TEST_MAIN_DBI, "a:", 10000);
  size_t removed = 0;
  for (long after = 0; after < 3; after++) {
    struct context context = {NULL, after};
    assert_int_equal(clear(env, TEST_MAIN_DBI, "a:", &context, &removed), LMDBX_ABORTED);
    assert_int_equal(removed, 0);
    assert_int_equal(count_keys(env, TEST_MAIN_DBI, "a:"), 10000);
  }
  put(env, "b:1", "x"); /* the writer is free again */
  lmdbx__env_release(env);
}

/* Deletes need pages; in a full database they come from behind the limit. */
static void a_full_database_can_be_cleared(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), MEBIBYTE);
  struct context all = {NULL, -1};
  size_t removed = 0;
  fill_to_the_brim(env);
  size_t count = count_keys(env, TEST_MAIN_DBI, "fill:");
  assert_true(count > 20);
  assert_int_equal(clear(env, TEST_MAIN_DBI, "fill:", &all, &removed), LMDBX_OK);
  assert_int_equal(removed, count);
  assert_int_equal(count_keys(env, TEST_MAIN_DBI, ""), 0);
  put(env, "k", "v");
  struct lmdbx__env_info info;
  lmdbx__env_info(env, &info);
  assert_int_equal(info.map_size, MEBIBYTE); /* the reserve is given back */
  lmdbx__env_release(env);
}

static void failing_writes_remove_all_or_nothing(void **state) {
  enum { COUNT = 2000, CALLS = 12 };
  struct lmdbx__env *env = open_env(path_in(state, "db"), 16 * MEBIBYTE);
  struct context all = {NULL, -1};
  struct lmdbx__read *read;
  size_t removed = 0;
  int failures = 0;
  for (long call = 1; call <= CALLS; call++) {
    put_many(env, TEST_MAIN_DBI, "a:", COUNT);
    arm(&writes, call, EIO);
    int code = clear(env, TEST_MAIN_DBI, "a:", &all, &removed);
    no_faults();
    assert_int_equal(lmdbx__read_begin_wait(env, &read, NULL), LMDBX_OK); /* reopens */
    lmdbx__read_end(read);
    size_t left = count_keys(env, TEST_MAIN_DBI, "a:");
    assert_true(left == 0 || (left == COUNT && code != LMDBX_OK));
    assert_int_equal(removed, code == LMDBX_OK ? COUNT : 0);
    failures += code != LMDBX_OK;
  }
  assert_in_range(failures, 1, CALLS - 1);
  lmdbx__env_release(env);
}

static void read_only_environments_are_not_cleared(void **state) {
  const char *path = path_in(state, "db");
  struct lmdbx__env *env = open_env(path, 0);
  put(env, "a:1", "x");
  lmdbx__env_release(env);
  const struct lmdbx__env_options options = {.path = path, .read_only = true};
  struct context all = {NULL, -1};
  size_t removed = 0;
  assert_int_equal(lmdbx__env_acquire(&options, NULL, &env, NULL), LMDBX_OK);
  assert_int_equal(clear(env, TEST_MAIN_DBI, "a:", &all, &removed), LMDBX_READ_ONLY);
  assert_true(has(env, "a:1"));
  lmdbx__env_release(env);
}

static int forget_faults(void **state) {
  no_faults();
  return remove_directory(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, forget_faults)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(what_has_the_prefix_and_belongs_is_removed),
      TEST(a_named_database_is_emptied_as_a_whole),
      TEST(asked_to_stop_it_removes_nothing),
      TEST(a_full_database_can_be_cleared),
      TEST(failing_writes_remove_all_or_nothing),
      TEST(read_only_environments_are_not_cleared),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
