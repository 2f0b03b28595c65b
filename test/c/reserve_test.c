/* Databases that have reached their mapSize: what is refused, and what works all the same. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* With a value size that fills the last page differently each time, the map is
 * full now in a put, now only at the commit. */
static void a_full_map_is_reported_and_leaves_what_was_acknowledged(void **state) {
  for (size_t i = 0; i < 8; i++) {
    char name[16], key[16];
    snprintf(name, sizeof name, "db%zu", i);
    struct lmdbx__env *env = open_env(path_in(state, name), 40 * 4096 + i % 2 * 4096);
    size_t fitted = fill(env, 700 + 431 * i);
    assert_true(fitted > 5);
    for (size_t record = 0; record < fitted; record++) assert_true(has(env, fill_key(key, record)));
    assert_false(has(env, fill_key(key, fitted)));
    lmdbx__env_release(env);
  }
}

static void deletes_work_in_a_full_database(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), MEBIBYTE);
  char key[16];
  size_t fitted = fill(env, 3000);
  for (size_t i = 0; i < fitted; i++) {
    struct lmdbx__op op = op_of(LMDBX__OP_DELETE, fill_key(key, i));
    commit_group(env, &op, 1);
    if (op.error != NULL) fail_msg("delete %zu: %s", i, op.error->message);
    assert_true(op.found);
  }
  assert_in_range(fill(env, 3000), fitted - fitted / 4, fitted + fitted / 4);
  lmdbx__env_release(env);
}

/* Commits so many operations of a type in one group. How many commits it took. */
static unsigned commit_many(struct lmdbx__env *env, enum lmdbx__op_type type, size_t count) {
  static const uint8_t value[1125];
  struct lmdbx__op *ops = calloc(count, sizeof *ops);
  char (*keys)[16] = calloc(count, sizeof *keys);
  assert_non_null(ops);
  assert_non_null(keys);
  for (size_t i = 0; i < count; i++) {
    ops[i] = op_of(type, fill_key(keys[i], i));
    if (type == LMDBX__OP_PUT) ops[i].value = (struct lmdbx_slice){value, sizeof value};
  }
  unsigned commits = commit_group(env, ops, count).commits;
  free_ops(ops, count);
  free(ops);
  free(keys);
  return commits;
}

/* What a commit has freed is to be had in the next but one. If there is no room at all for
 * the next, puts were refused for ever. */
static void a_database_that_one_commit_fills_and_one_empties_has_room(void **state) {
  enum { FITS = 480 };
  size_t count = FITS;
  for (unsigned commits = 1; commits == 1; count++) {
    char name[16], key[16];
    snprintf(name, sizeof name, "db%zu", count);
    struct lmdbx__env *env = open_env(path_in(state, name), MEBIBYTE);
    commits = commit_many(env, LMDBX__OP_PUT, count); /* more, once they are too many */
    assert_int_equal(commit_many(env, LMDBX__OP_DELETE, count), 1);
    assert_false(has(env, fill_key(key, 0)));
    put(env, "room", "again");
    put(env, "and", "again");
    lmdbx__env_release(env);
  }
  assert_true(count > FITS + 2);
}

/* Puts small records beside those that are there, until none fits. */
static void fill_up(struct lmdbx__env *env) {
  int code = LMDBX_OK;
  for (size_t i = 0; code == LMDBX_OK; i++) {
    char key[16];
    snprintf(key, sizeof key, "small:%06zu", i);
    struct lmdbx__op op = put_op(key, "1");
    commit_group(env, &op, 1);
    code = code_of(&op);
    free_ops(&op, 1);
  }
  assert_int_equal(code, LMDBX_MAP_FULL);
}

/* Also where that is little. */
static void a_put_finds_what_one_delete_has_freed(void **state) {
  static const size_t sizes[] = {1500, 3000, 5000, 8000};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    char name[16], key[16];
    snprintf(name, sizeof name, "db%zu", i);
    struct lmdbx__env *env = open_env(path_in(state, name), MEBIBYTE);
    assert_true(fill(env, sizes[i]) > 3);
    fill_up(env);
    struct lmdbx__op op = op_of(LMDBX__OP_DELETE, fill_key(key, 3));
    commit_group(env, &op, 1);
    assert_null(op.error);
    put(env, "room", "again");
    lmdbx__env_release(env);
  }
}

static void a_database_is_created_from_what_was_freed(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), MEBIBYTE);
  lmdbx__dbi dbi;
  char key[16];
  assert_true(fill(env, 30000) > 3);
  fill_up(env);
  assert_int_equal(lmdbx__db_open(env, "named", &dbi, NULL), LMDBX_MAP_FULL);
  struct lmdbx__op op = op_of(LMDBX__OP_DELETE, fill_key(key, 3));
  commit_group(env, &op, 1);
  assert_null(op.error);
  struct lmdbx_error error = {0};
  if (lmdbx__db_open(env, "named", &dbi, &error) != LMDBX_OK) fail_msg("%s", error.message);
  lmdbx__env_release(env);
}

/* While another process reads the first moment, no freed page can be used again,
 * so that every commit makes the file grow. */
static void refused_puts_commit_once_at_most(void **state) {
  const char *path = path_in(state, "db");
  struct lmdbx__env_info before, after;
  struct pin pin;
  char key[16];
  start_pin(&pin, path);
  struct lmdbx__env *env = open_env(path, MEBIBYTE);
  assert_true(fill(env, 3000) > 3);
  fill_up(env);
  struct lmdbx__op op = op_of(LMDBX__OP_DELETE, fill_key(key, 0));
  commit_group(env, &op, 1);
  assert_null(op.error);
  lmdbx__env_info(env, &before);
  for (int i = 0; i < 20; i++) {
    op = put_op("over", "the limit");
    commit_group(env, &op, 1);
    assert_int_equal(code_of(&op), LMDBX_MAP_FULL);
    free_ops(&op, 1);
  }
  lmdbx__env_info(env, &after);
  assert_in_range(after.last_txn_id, before.last_txn_id, before.last_txn_id + 1);
  end_pin(&pin);
  lmdbx__env_release(env);
}

/* While another process reads the first moment, no freed page can be used again,
 * so that every delete needs pages from behind the limit. */
static void deletes_get_pages_from_behind_the_limit_and_puts_do_not(void **state) {
  const char *path = path_in(state, "db");
  struct lmdbx__env_info info;
  struct pin pin;
  char key[16];
  start_pin(&pin, path);
  struct lmdbx__env *env = open_env(path, MEBIBYTE);
  size_t fitted = fill_to_the_brim(env);
  assert_true(fitted > 50);
  for (size_t i = 0; i < 50; i++) {
    struct lmdbx__op ops[] = {put_op("over", "the limit"),
                              op_of(LMDBX__OP_DELETE, fill_key(key, i))};
    commit_group(env, ops, 2);
    assert_int_equal(code_of(&ops[0]), LMDBX_MAP_FULL);
    assert_int_equal(code_of(&ops[1]), LMDBX_OK);
    assert_true(ops[1].found);
    free_ops(ops, 2);
  }
  lmdbx__env_info(env, &info);
  assert_true(info.file_size > MEBIBYTE);
  assert_int_equal(info.map_size, info.file_size);
  end_pin(&pin);
  for (size_t i = 50; i < fitted; i++) {
    struct lmdbx__op op = op_of(LMDBX__OP_DELETE, fill_key(key, i));
    commit_group(env, &op, 1);
    assert_null(op.error);
  }
  put(env, "room", "again");
  lmdbx__env_release(env);
}

static void a_group_of_deletes_in_a_full_database_takes_few_commits(void **state) {
  enum { COUNT = 40 };
  static struct lmdbx__op ops[COUNT];
  static char keys[COUNT][16];
  const char *path = path_in(state, "db");
  struct pin pin;
  start_pin(&pin, path);
  struct lmdbx__env *env = open_env(path, MEBIBYTE);
  assert_true(fill_to_the_brim(env) > COUNT);
  for (size_t i = 0; i < COUNT; i++)
    ops[i] = op_of(i % 10 == 9 ? LMDBX__OP_HAS : LMDBX__OP_DELETE, fill_key(keys[i], i));
  assert_int_equal(commit_group(env, ops, COUNT).commits, 1);
  for (size_t i = 0; i < COUNT; i++) {
    assert_null(ops[i].error);
    assert_true(ops[i].found);
  }
  lmdbx__env_release(env);
  end_pin(&pin);
}

/* A read transaction of this process pins the map too, so that the reserve cannot
 * be had; the writer does not wait for it again and again. */
static void a_delete_in_a_full_database_waits_once_and_a_moment_for_readers(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), MEBIBYTE);
  struct lmdbx__read *read, *other;
  struct timespec start, end;
  fill(env, 3000);
  assert_int_equal(lmdbx__read_begin(env, &read, NULL), LMDBX_OK);
  size_t deleted = 0, failed = 0;
  clock_gettime(CLOCK_MONOTONIC, &start);
  while (failed < 30) {
    char key[16];
    struct lmdbx__op op = op_of(LMDBX__OP_DELETE, fill_key(key, deleted));
    commit_group(env, &op, 1);
    if (code_of(&op) == LMDBX_OK)
      deleted++;
    else
      assert_int_equal(code_of(&op), LMDBX_MAP_FULL);
    failed += code_of(&op) != LMDBX_OK;
    free_ops(&op, 1);
  }
  clock_gettime(CLOCK_MONOTONIC, &end);
  assert_true(end.tv_sec - start.tv_sec < 15);
  assert_int_equal(lmdbx__read_begin(env, &other, NULL), LMDBX_OK);
  lmdbx__read_end(other);
  lmdbx__read_end(read);
  char key[16];
  struct lmdbx__op op = op_of(LMDBX__OP_DELETE, fill_key(key, deleted));
  commit_group(env, &op, 1);
  assert_null(op.error);
  assert_true(op.found);
  lmdbx__env_release(env);
}

static void data_larger_than_map_size_opens_reads_and_deletes(void **state) {
  const char *path = path_in(state, "db");
  struct lmdbx__env *env = open_env(path, 4 * MEBIBYTE);
  char key[16];
  size_t fitted = fill(env, 3000);
  lmdbx__env_release(env);
  env = open_env(path, MEBIBYTE);
  assert_true(has(env, fill_key(key, fitted - 1)));
  assert_int_equal(fill(env, 100000), 0);
  for (size_t i = 0; i < fitted; i++) {
    struct lmdbx__op op = op_of(LMDBX__OP_DELETE, fill_key(key, i));
    commit_group(env, &op, 1);
    if (op.error != NULL) fail_msg("delete %zu: %s", i, op.error->message);
    assert_true(op.found);
  }
  put(env, "room", "again");
  lmdbx__env_release(env);
  env = open_env(path, 8 * MEBIBYTE);
  assert_true(fill(env, 3000) > fitted);
  lmdbx__env_release(env);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_full_map_is_reported_and_leaves_what_was_acknowledged),
      TEST(deletes_work_in_a_full_database),
      TEST(a_database_that_one_commit_fills_and_one_empties_has_room),
      TEST(a_put_finds_what_one_delete_has_freed),
      TEST(a_database_is_created_from_what_was_freed),
      TEST(refused_puts_commit_once_at_most),
      TEST(deletes_get_pages_from_behind_the_limit_and_puts_do_not),
      TEST(a_group_of_deletes_in_a_full_database_takes_few_commits),
      TEST(a_delete_in_a_full_database_waits_once_and_a_moment_for_readers),
      TEST(data_larger_than_map_size_opens_reads_and_deletes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
