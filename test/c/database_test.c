/* Handles of named databases. */
#include "support.h"

#include <lmdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void named_databases_are_apart_and_opened_once(void **state) {
  const char *path = path_in(state, "db");
  struct lmdbx__env *env = open_env(path, 0);
  lmdbx__dbi main_dbi, a, b, again;
  assert_int_equal(lmdbx__db_open(env, NULL, &main_dbi, NULL), LMDBX_OK);
  assert_int_equal(lmdbx__db_open(env, "a", &a, NULL), LMDBX_OK);
  assert_int_equal(lmdbx__db_open(env, "b", &b, NULL), LMDBX_OK);
  assert_int_equal(lmdbx__db_open(env, "a", &again, NULL), LMDBX_OK);
  assert_int_equal(main_dbi, TEST_MAIN_DBI);
  assert_int_equal(a, again);
  assert_int_not_equal(a, b);
  struct lmdbx__op ops[] = {put_op("k", "main"), put_op("k", "in a"), put_op("k", "in b")};
  ops[1].dbi = a;
  ops[2].dbi = b;
  assert_int_equal(commit_group(env, ops, 3).commits, 1);
  lmdbx__env_release(env);
  env = open_env(path, 0);
  assert_int_equal(lmdbx__db_open(env, "b", &b, NULL), LMDBX_OK);
  assert_int_equal(lmdbx__db_open(env, "a", &a, NULL), LMDBX_OK);
  struct lmdbx__read *read;
  assert_int_equal(lmdbx__read_begin(env, &read, NULL), LMDBX_OK);
  assert_true(sees(read, TEST_MAIN_DBI, "k", "main"));
  assert_true(sees(read, a, "k", "in a"));
  assert_true(sees(read, b, "k", "in b"));
  lmdbx__read_end(read);
  lmdbx__env_release(env);
}

static void a_read_older_than_the_handle_is_told_so(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 0);
  struct lmdbx__read *read;
  struct lmdbx_slice value;
  lmdbx__dbi dbi;
  bool found;
  assert_int_equal(lmdbx__read_begin(env, &read, NULL), LMDBX_OK);
  assert_int_equal(lmdbx__db_open(env, "late", &dbi, NULL), LMDBX_OK);
  assert_int_equal(lmdbx__read_get(read, dbi, text("k"), &found, &value, NULL), LMDBX_CONFLICT);
  lmdbx__read_end(read);
  assert_int_equal(lmdbx__read_begin(env, &read, NULL), LMDBX_OK);
  assert_int_equal(lmdbx__read_get(read, dbi, text("k"), &found, &value, NULL), LMDBX_OK);
  assert_false(found);
  lmdbx__read_end(read);
  lmdbx__env_release(env);
}

static void names_that_cannot_be_are_refused(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 0);
  struct lmdbx_error error;
  lmdbx__dbi dbi;
  char *name = calloc(1, lmdbx__env_max_key(env) + 2);
  assert_non_null(name);
  memset(name, 'n', lmdbx__env_max_key(env) + 1);
  put(env, "record", "value");
  assert_int_equal(lmdbx__db_open(env, "record", &dbi, &error), LMDBX_NAME_CONFLICT);
  assert_int_equal(lmdbx__db_open(env, "", &dbi, &error), LMDBX_INVALID_ARGUMENT);
  assert_int_equal(lmdbx__db_open(env, name, &dbi, &error), LMDBX_INVALID_ARGUMENT);
  name[lmdbx__env_max_key(env)] = '\0';
  assert_int_equal(lmdbx__db_open(env, name, &dbi, &error), LMDBX_OK);
  assert_true(holds(env, "record", "value"));
  free(name);
  lmdbx__env_release(env);
}

static void as_many_names_as_promised_fit_and_one_more_is_an_error(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 0);
  struct lmdbx_error error;
  lmdbx__dbi dbi;
  char name[16];
  for (int i = 0; i < LMDBX_MAX_DATABASES; i++) {
    snprintf(name, sizeof name, "db%d", i);
    assert_int_equal(lmdbx__db_open(env, name, &dbi, &error), LMDBX_OK);
  }
  assert_int_equal(lmdbx__db_open(env, "straw", &dbi, &error), LMDBX_DATABASES_FULL);
  assert_int_equal(lmdbx__db_open(env, "db7", &dbi, &error), LMDBX_OK);
  lmdbx__env_release(env);
}

static void a_database_with_other_flags_is_refused(void **state) {
  const char *path = path_in(state, "db");
  lmdbx__env_release(open_env(path, 0));
  MDB_env *foreign;
  MDB_txn *txn;
  MDB_dbi foreign_dbi;
  assert_int_equal(mdb_env_create(&foreign), 0);
  assert_int_equal(mdb_env_set_maxdbs(foreign, 4), 0);
  assert_int_equal(mdb_env_open(foreign, path, 0, 0600), 0);
  assert_int_equal(mdb_txn_begin(foreign, NULL, 0, &txn), 0);
  assert_int_equal(mdb_dbi_open(txn, "dups", MDB_CREATE | MDB_DUPSORT, &foreign_dbi), 0);
  assert_int_equal(mdb_txn_commit(txn), 0);
  mdb_env_close(foreign);
  struct lmdbx__env *env = open_env(path, 0);
  struct lmdbx_error error;
  lmdbx__dbi dbi;
  assert_int_equal(lmdbx__db_open(env, "dups", &dbi, &error), LMDBX_NAME_CONFLICT);
  assert_int_equal(lmdbx__db_open(env, "fine", &dbi, &error), LMDBX_OK);
  lmdbx__env_release(env);
}

static void a_read_only_owner_creates_no_database(void **state) {
  const char *path = path_in(state, "db");
  struct lmdbx__env_options options = {.path = path, .read_only = true};
  struct lmdbx__env *env = open_env(path, 0);
  lmdbx__dbi dbi;
  assert_int_equal(lmdbx__db_open(env, "there", &dbi, NULL), LMDBX_OK);
  lmdbx__env_release(env);
  assert_int_equal(lmdbx__env_acquire(&options, NULL, &env, NULL), LMDBX_OK);
  assert_int_equal(lmdbx__db_open(env, "there", &dbi, NULL), LMDBX_OK);
  assert_int_equal(lmdbx__db_open(env, "missing", &dbi, NULL), LMDBX_NOT_FOUND);
  lmdbx__env_release(env);
}

#define OPENERS 6

struct opener {
  struct lmdbx__env *env;
  pthread_barrier_t *barrier;
  lmdbx__dbi dbis[10];
  int failures;
};

static void *open_names(void *context) {
  struct opener *opener = context;
  pthread_barrier_wait(opener->barrier);
  for (int i = 0; i < 10; i++) {
    char name[16];
    snprintf(name, sizeof name, "name%d", i);
    if (lmdbx__db_open(opener->env, name, &opener->dbis[i], NULL) != LMDBX_OK) opener->failures++;
  }
  return NULL;
}

static void threads_may_open_the_same_names_at_once_while_others_write(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 16 * MEBIBYTE);
  struct opener openers[OPENERS];
  pthread_t threads[OPENERS];
  pthread_barrier_t barrier;
  assert_int_equal(pthread_barrier_init(&barrier, NULL, OPENERS + 1), 0);
  for (int i = 0; i < OPENERS; i++) {
    openers[i] = (struct opener){.env = env, .barrier = &barrier};
    assert_int_equal(pthread_create(&threads[i], NULL, open_names, &openers[i]), 0);
  }
  pthread_barrier_wait(&barrier);
  for (int i = 0; i < 50; i++) put(env, "k", "v");
  for (int i = 0; i < OPENERS; i++) pthread_join(threads[i], NULL);
  for (int i = 0; i < OPENERS; i++) {
    assert_int_equal(openers[i].failures, 0);
    assert_memory_equal(openers[i].dbis, openers[0].dbis, sizeof openers[0].dbis);
  }
  pthread_barrier_destroy(&barrier);
  lmdbx__env_release(env);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(named_databases_are_apart_and_opened_once),
      TEST(a_read_older_than_the_handle_is_told_so),
      TEST(names_that_cannot_be_are_refused),
      TEST(as_many_names_as_promised_fit_and_one_more_is_an_error),
      TEST(a_database_with_other_flags_is_refused),
      TEST(a_read_only_owner_creates_no_database),
      TEST(threads_may_open_the_same_names_at_once_while_others_write),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
