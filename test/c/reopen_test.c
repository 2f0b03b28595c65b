/* Reopening in place, after a commit that failed at its very end. */
#include "reopen.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum lmdbx__visit count_key(void *context, struct lmdbx_slice key,
                                   struct lmdbx_slice value) {
  (void)key;
  (void)value;
  ++*(int *)context;
  return LMDBX__VISIT_NEXT;
}

static int count_keys(struct lmdbx__read *read, lmdbx__dbi dbi) {
  int count = 0;
  bool complete;
  const struct lmdbx__scan scan = {.dbi = dbi, .visit = count_key, .context = &count};
  assert_int_equal(lmdbx__read_scan(read, &scan, &complete, NULL), LMDBX_OK);
  assert_true(complete);
  return count;
}

static void the_failing_commit_says_that_its_outcome_is_unknown(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 4 * MEBIBYTE);
  struct lmdbx__op op = put_op("k", "v");
  arm(&metas, 1, EIO);
  commit_group(env, &op, 1);
  assert_int_equal(code_of(&op), LMDBX_IO);
  assert_int_equal(op.error->errnum, EIO);
  assert_non_null(strstr(op.error->message, "it is unknown whether this was stored"));
  assert_null(strstr(op.error->message, "Close"));
  free_ops(&op, 1);
  lmdbx__env_release(env);
}

static void everything_goes_on_with_the_same_handles(void **state) {
  enum { NAMES = 5 };
  struct lmdbx__env *env = open_env(path_in(state, "db"), 4 * MEBIBYTE);
  struct lmdbx__env_info before, after;
  struct lmdbx__read *read;
  lmdbx__dbi dbis[NAMES], dbi;
  char name[16];
  for (int i = 0; i < NAMES; i++) {
    snprintf(name, sizeof name, "name%d", NAMES - i); /* not in the order of the keys */
    assert_int_equal(lmdbx__db_open(env, name, &dbis[i], NULL), LMDBX_OK);
    assert_int_equal(write_one(env, dbis[i], "is", name), LMDBX_OK);
  }
  put(env, "k", "v");
  lmdbx__env_info(env, &before);
  size_t max_key = lmdbx__env_max_key(env);
  for (int round = 0; round < 5; round++) {
    fail_commit(env);
    put(env, "k", "next");
    assert_true(holds(env, "k", "next"));
    assert_int_equal(lmdbx__read_begin(env, &read, NULL), LMDBX_OK);
    for (int i = 0; i < NAMES; i++) {
      snprintf(name, sizeof name, "name%d", NAMES - i);
      assert_true(sees(read, dbis[i], "is", name));
      assert_int_equal(count_keys(read, dbis[i]), 1 + round);
    }
    lmdbx__read_end(read);
    for (int i = 0; i < NAMES; i++) {
      snprintf(name, sizeof name, "round%d", round);
      assert_int_equal(write_one(env, dbis[i], name, "x"), LMDBX_OK);
      snprintf(name, sizeof name, "name%d", NAMES - i);
      assert_int_equal(lmdbx__db_find(env, name, &dbi, NULL), LMDBX_OK);
      assert_int_equal(dbi, dbis[i]);
    }
    snprintf(name, sizeof name, "new%d", round);
    assert_int_equal(lmdbx__db_open(env, name, &dbi, NULL), LMDBX_OK);
    assert_int_equal(dbi, dbis[NAMES - 1] + 1 + (lmdbx__dbi)round);
  }
  lmdbx__env_info(env, &after);
  assert_int_equal(after.map_size, before.map_size);
  assert_true(after.last_txn_id > before.last_txn_id);
  assert_int_equal(lmdbx__env_max_key(env), max_key);
  lmdbx__env_release(env);
}

/* -------------------------------------------------------- who may reopen it */

static int use_read(struct lmdbx__env *env) {
  struct lmdbx__read *read;
  int code = lmdbx__read_begin_wait(env, &read, NULL);
  if (code == LMDBX_OK) lmdbx__read_end(read);
  return code;
}

static int use_get(struct lmdbx__env *env) {
  struct lmdbx__op op = op_of(LMDBX__OP_GET, "k");
  commit_group(env, &op, 1);
  int code = code_of(&op);
  free_ops(&op, 1);
  return code;
}

static int use_put(struct lmdbx__env *env) {
  return write_one(env, TEST_MAIN_DBI, "k", "v");
}

static int use_open(struct lmdbx__env *env) {
  lmdbx__dbi dbi;
  return lmdbx__db_open(env, "name", &dbi, NULL);
}

static int use_find(struct lmdbx__env *env) {
  lmdbx__dbi dbi;
  return lmdbx__db_find(env, NULL, &dbi, NULL);
}

static int (*const uses[])(struct lmdbx__env *) = {use_read, use_get,  use_put,
                                                   use_open, use_find, use_join};
enum { USES = sizeof uses / sizeof *uses };

/* All that must work, or fail, in whatever state an environment is. */
static void expect_uses(struct lmdbx__env *env, size_t max_key, int code) {
  struct lmdbx__read *read;
  struct lmdbx__env_info info;
  assert_int_equal(lmdbx__read_begin(env, &read, NULL), LMDBX_CONFLICT);
  for (int i = 0; i < USES; i++) assert_int_equal(uses[i](env), code);
  lmdbx__env_info(env, &info);
  assert_int_equal(info.map_size, 4 * MEBIBYTE);
  assert_int_equal(lmdbx__env_max_key(env), max_key);
  assert_true(lmdbx__turn_wait(env, 10));
  assert_int_equal(use_put(env), code);
  lmdbx__turn_end(env);
}

static void any_use_on_a_pool_thread_reopens(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 4 * MEBIBYTE);
  struct lmdbx__read *read;
  for (int i = 0; i < USES; i++) {
    put(env, "k", "v");
    fail_commit(env);
    assert_int_equal(lmdbx__read_begin(env, &read, NULL), LMDBX_CONFLICT);
    assert_int_equal(uses[i](env), LMDBX_OK);
    assert_int_equal(lmdbx__read_begin(env, &read, NULL), LMDBX_OK);
    lmdbx__read_end(read);
  }
  lmdbx__env_release(env);
}

/* ------------------------------------------------------------------- reads */

static void *put_next(void *context) {
  return (void *)(intptr_t)write_one(context, TEST_MAIN_DBI, "k", "next");
}

static void it_waits_for_live_reads_which_go_on(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 4 * MEBIBYTE);
  struct lmdbx__read *read;
  pthread_t thread;
  void *code;
  put(env, "k", "old");
  assert_int_equal(lmdbx__read_begin(env, &read, NULL), LMDBX_OK);
  fail_commit(env);
  assert_int_equal(pthread_create(&thread, NULL, put_next, env), 0);
  while (lmdbx__env_last_txn_id(env) != 0) sched_yield(); /* until it waits */
  assert_true(sees(read, TEST_MAIN_DBI, "k", "old"));
  assert_int_equal(count_keys(read, TEST_MAIN_DBI), 1);
  lmdbx__read_end(read);
  pthread_join(thread, &code);
  assert_int_equal((intptr_t)code, LMDBX_OK);
  assert_true(holds(env, "k", "next"));
  lmdbx__env_release(env);
}

static void reads_that_do_not_end_keep_it_from_reopening(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 4 * MEBIBYTE);
  struct lmdbx__op op = put_op("k", "next");
  struct lmdbx__read *read;
  put(env, "k", "old");
  assert_int_equal(lmdbx__read_begin(env, &read, NULL), LMDBX_OK);
  fail_commit(env);
  for (int i = 0; i < 100; i++) { /* only the first waits */
    commit_group(env, &op, 1);
    assert_int_equal(code_of(&op), LMDBX_FAILED);
    assert_non_null(strstr(op.error->message, "still open keep it from being opened"));
    free_ops(&op, 1);
  }
  assert_true(sees(read, TEST_MAIN_DBI, "k", "old"));
  lmdbx__read_end(read);
  put(env, "k", "next");
  assert_true(holds(env, "k", "next"));
  lmdbx__env_release(env);
}

/* ------------------------------------------------------ reopening that fails */

static void expect_message(struct lmdbx__env *env, const char *shown) {
  struct lmdbx__read *read;
  struct lmdbx_error error;
  assert_int_equal(lmdbx__read_begin_wait(env, &read, &error), LMDBX_FAILED);
  if (strstr(error.message, shown) == NULL) fail_msg("%s", error.message);
}

static void a_file_that_is_gone_or_another_is_refused_until_it_is_back(void **state) {
  const char *data = path_in(state, "db/data.mdb"), *aside = path_in(state, "aside");
  struct lmdbx__env *env = open_env(path_in(state, "db"), 4 * MEBIBYTE);
  put(env, "k", "v");
  fail_commit(env);
  assert_int_equal(rename(data, aside), 0);
  expect_message(env, "data.mdb was removed");
  write_file(data, "garbage", 7);
  expect_message(env, "data.mdb was replaced");
  for (int i = 0; i < USES; i++)
    if (uses[i] != use_join) assert_int_equal(uses[i](env), LMDBX_FAILED);
  assert_int_equal(rename(aside, data), 0);
  assert_int_equal(use_read(env), LMDBX_OK);
  assert_true(holds(env, "k", "v"));
  lmdbx__env_release(env);
}

static void a_damaged_file_is_refused_until_it_is_restored(void **state) {
  const char *data = path_in(state, "db/data.mdb");
  struct lmdbx__env *env = open_env(path_in(state, "db"), 4 * MEBIBYTE);
  size_t max_key = lmdbx__env_max_key(env);
  size_t size;
  put(env, "k", "v");
  fail_commit(env);
  uint8_t *sound = read_file(data, &size);
  write_file(data, "garbage", 7);
  expect_message(env, "data.mdb is not an LMDB file");
  expect_uses(env, max_key, LMDBX_FAILED);
  assert_int_equal(lmdbx__env_last_txn_id(env), 0);
  write_file(data, "", 0);
  expect_uses(env, max_key, LMDBX_FAILED);
  write_file(data, sound, size);
  free(sound);
  assert_int_equal(use_put(env), LMDBX_OK);
  assert_true(holds(env, "k", "v"));
  fail_commit(env);
  write_file(data, "", 0);
  expect_uses(env, max_key, LMDBX_FAILED);
  lmdbx__env_release(env);
}

static void no_address_space_is_an_error_that_passes(void **state) {
  if (!MAPS_FAIL) skip();
  struct lmdbx__env *env = open_env(path_in(state, "db"), 4 * MEBIBYTE);
  size_t max_key = lmdbx__env_max_key(env);
  put(env, "k", "v");
  fail_commit(env);
  largest_map = 3 * MEBIBYTE;
  map_flags = MAP_SHARED;
  expect_message(env, "address space ran out");
  expect_uses(env, max_key, LMDBX_FAILED);
  no_faults();
  for (int i = 0; i < USES; i++) assert_int_equal(uses[i](env), LMDBX_OK);
  lmdbx__env_release(env);
}

static void every_failing_allocation_leaves_it_to_the_next_use(void **state) {
  if (!ALLOCATIONS_FAIL) skip();
  struct lmdbx__env *env = open_env(path_in(state, "db"), 4 * MEBIBYTE);
  lmdbx__dbi dbi;
  assert_int_equal(lmdbx__db_open(env, "name", &dbi, NULL), LMDBX_OK);
  assert_int_equal(write_one(env, dbi, "k", "v"), LMDBX_OK);
  bool finished = false;
  int refused = 0;
  for (long call = 1; !finished; call++) {
    fail_commit(env);
    arm(&allocations, call, ENOMEM);
    int code = use_read(env);
    finished = atomic_load(&allocations.countdown) > 0;
    no_faults();
    if (code != LMDBX_OK) refused++;
    assert_int_equal(use_read(env), LMDBX_OK);
    struct lmdbx__read *read;
    assert_int_equal(lmdbx__read_begin(env, &read, NULL), LMDBX_OK);
    assert_true(sees(read, dbi, "k", "v"));
    lmdbx__read_end(read);
  }
  assert_true(refused > 5);
  lmdbx__env_release(env);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(the_failing_commit_says_that_its_outcome_is_unknown),
      TEST(everything_goes_on_with_the_same_handles),
      TEST(any_use_on_a_pool_thread_reopens),
      TEST(it_waits_for_live_reads_which_go_on),
      TEST(reads_that_do_not_end_keep_it_from_reopening),
      TEST(a_file_that_is_gone_or_another_is_refused_until_it_is_back),
      TEST(a_damaged_file_is_refused_until_it_is_restored),
      TEST(no_address_space_is_an_error_that_passes),
      TEST(every_failing_allocation_leaves_it_to_the_next_use),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
