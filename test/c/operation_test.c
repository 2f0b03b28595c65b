/* Group commit: order, counts, failures that stay alone. */
#include "support.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static uint64_t last_txn(struct lmdbx__env *env) {
  return lmdbx__env_last_txn_id(env);
}

static void a_group_takes_one_commit(void **state) {
  enum { COUNT = 1000 };
  static struct lmdbx__op ops[COUNT];
  static char keys[COUNT][16];
  struct lmdbx__env *env = open_env(path_in(state, "db"), 0);
  for (size_t i = 0; i < COUNT; i++) ops[i] = put_op(fill_key(keys[i], i), "value");
  uint64_t before = last_txn(env);
  struct lmdbx__commit_report report = commit_group(env, ops, COUNT);
  assert_int_equal(report.commits, 1);
  assert_int_equal(last_txn(env), before + 1);
  for (size_t i = 0; i < COUNT; i++) {
    assert_null(ops[i].error);
    assert_true(holds(env, keys[i], "value"));
  }
  lmdbx__env_release(env);
}

static void operations_apply_in_order_and_reads_see_what_came_before(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 0);
  struct lmdbx__op ops[] = {
      op_of(LMDBX__OP_GET, "k"),    put_op("k", "one"),           op_of(LMDBX__OP_GET, "k"),
      put_op("k", "two"),           op_of(LMDBX__OP_HAS, "k"),    op_of(LMDBX__OP_DELETE, "k"),
      op_of(LMDBX__OP_DELETE, "k"), op_of(LMDBX__OP_HAS, "k"),    put_op("k", ""),
      op_of(LMDBX__OP_GET, "k"),    op_of(LMDBX__OP_GET, "none"),
  };
  enum { COUNT = sizeof ops / sizeof *ops };
  assert_int_equal(commit_group(env, ops, COUNT).commits, 1);
  static const bool found[COUNT] = {[2] = true, [4] = true, [5] = true, [9] = true};
  for (size_t i = 0; i < COUNT; i++) {
    assert_null(ops[i].error);
    assert_int_equal(ops[i].found, found[i]);
  }
  assert_int_equal(ops[2].result.size, 3);
  assert_memory_equal(ops[2].result.data, "one", 3);
  assert_int_equal(ops[9].result.size, 0);
  assert_true(holds(env, "k", ""));
  free_ops(ops, COUNT);
  lmdbx__env_release(env);
}

static void a_group_that_changes_nothing_takes_no_commit(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 0);
  put(env, "k", "v");
  uint64_t before = last_txn(env);
  struct lmdbx__op reads[] = {op_of(LMDBX__OP_GET, "k"), op_of(LMDBX__OP_HAS, "none")};
  assert_int_equal(commit_group(env, reads, 2).commits, 0);
  assert_true(reads[0].found);
  assert_memory_equal(reads[0].result.data, "v", 1);
  assert_false(reads[1].found);
  free_ops(reads, 2);
  struct lmdbx__op deletes[] = {op_of(LMDBX__OP_DELETE, "none"), op_of(LMDBX__OP_GET, "k")};
  assert_int_equal(commit_group(env, deletes, 2).commits, 0);
  assert_null(deletes[0].error);
  assert_false(deletes[0].found);
  assert_true(deletes[1].found);
  free_ops(deletes, 2);
  assert_int_equal(last_txn(env), before);
  lmdbx__env_release(env);
}

static void bad_sizes_fail_alone_and_name_length_and_limit(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 0);
  size_t limit = lmdbx__env_max_key(env);
  char *longest = malloc(limit + 2), *too_long = malloc(limit + 2);
  assert_non_null(longest);
  assert_non_null(too_long);
  memset(longest, 'k', limit + 2);
  memset(too_long, 'k', limit + 2);
  longest[limit] = '\0';
  too_long[limit + 1] = '\0';
  struct lmdbx__op ops[] = {put_op("a", "1"),
                            put_op(too_long, "2"),
                            put_op("", "3"),
                            op_of(LMDBX__OP_GET, too_long),
                            op_of(LMDBX__OP_DELETE, too_long),
                            op_of(LMDBX__OP_HAS, ""),
                            op_of(LMDBX__OP_DELETE, ""),
                            put_op("huge", "4"),
                            put_op(longest, "5")};
  enum { COUNT = sizeof ops / sizeof *ops };
  ops[7].value.size = (size_t)1 << 31; /* refused before it is read */
  assert_int_equal(commit_group(env, ops, COUNT).commits, 1);
  for (size_t i = 0; i < COUNT; i++) {
    int expected = i == 1 || i == 2 ? LMDBX_KEY_TOO_LARGE : i == 7 ? LMDBX_VALUE_TOO_LARGE : 0;
    assert_int_equal(code_of(&ops[i]), expected);
    assert_false(ops[i].found);
  }
  char lengths[64];
  snprintf(lengths, sizeof lengths, "has %zu bytes, and 1 to %zu", limit + 1, limit);
  assert_non_null(strstr(ops[1].error->message, lengths));
  assert_true(holds(env, "a", "1"));
  assert_true(holds(env, longest, "5"));
  free_ops(ops, COUNT);
  free(longest);
  free(too_long);
  lmdbx__env_release(env);
}

static void a_put_that_does_not_fit_fails_alone(void **state) {
  enum { COUNT = 64, MISFIT = 37 };
  static struct lmdbx__op ops[COUNT];
  static char keys[COUNT][16];
  struct lmdbx__env *env = open_env(path_in(state, "db"), MEBIBYTE);
  uint8_t *big = calloc(2, MEBIBYTE);
  assert_non_null(big);
  for (size_t i = 0; i < COUNT; i++) ops[i] = put_op(fill_key(keys[i], i), "small");
  ops[MISFIT].value = (struct lmdbx_slice){big, 2 * MEBIBYTE};
  ops[MISFIT + 1] = op_of(LMDBX__OP_GET, keys[MISFIT - 1]);
  ops[MISFIT + 2] = op_of(LMDBX__OP_HAS, keys[MISFIT]);
  struct lmdbx__commit_report report = commit_group(env, ops, COUNT);
  assert_in_range(report.commits, 2, 8);
  for (size_t i = 0; i < COUNT; i++) {
    assert_int_equal(code_of(&ops[i]), i == MISFIT ? LMDBX_MAP_FULL : LMDBX_OK);
    if (ops[i].type == LMDBX__OP_PUT) assert_int_equal(holds(env, keys[i], "small"), i != MISFIT);
  }
  assert_non_null(strstr(ops[MISFIT].error->message, "mapSize of 1048576 bytes"));
  assert_memory_equal(ops[MISFIT + 1].result.data, "small", 5);
  assert_int_equal(ops[MISFIT + 1].result.size, 5);
  assert_false(ops[MISFIT + 2].found);
  free_ops(ops, COUNT);
  free(big);
  lmdbx__env_release(env);
}

static void a_read_only_environment_reads_and_refuses_writes(void **state) {
  const char *path = path_in(state, "db");
  struct lmdbx__env *env = open_env(path, 0);
  put(env, "k", "v");
  lmdbx__env_release(env);
  struct lmdbx__env_options options = {.path = path, .read_only = true};
  assert_int_equal(lmdbx__env_acquire(&options, NULL, &env, NULL), LMDBX_OK);
  struct lmdbx__op ops[] = {op_of(LMDBX__OP_GET, "k"), put_op("k", "w"),
                            op_of(LMDBX__OP_DELETE, "k"), op_of(LMDBX__OP_HAS, "k")};
  assert_int_equal(commit_group(env, ops, 4).commits, 0);
  assert_int_equal(code_of(&ops[0]), LMDBX_OK);
  assert_memory_equal(ops[0].result.data, "v", 1);
  assert_int_equal(code_of(&ops[1]), LMDBX_READ_ONLY);
  assert_int_equal(code_of(&ops[2]), LMDBX_READ_ONLY);
  assert_true(ops[3].found);
  free_ops(ops, 4);
  struct lmdbx__env *writer = open_env(path, 0);
  assert_ptr_equal(writer, env);
  put(writer, "k", "w");
  assert_true(holds(env, "k", "w"));
  lmdbx__env_release(writer);
  lmdbx__env_release(env);
}

static void the_name_of_a_database_is_no_key(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 0);
  lmdbx__dbi dbi;
  assert_int_equal(lmdbx__db_open(env, "named", &dbi, NULL), LMDBX_OK);
  struct lmdbx__op ops[] = {put_op("before", "1"), put_op("named", "2"),
                            op_of(LMDBX__OP_DELETE, "named"), put_op("zafter", "3")};
  commit_group(env, ops, 4);
  assert_int_equal(code_of(&ops[0]), LMDBX_OK);
  assert_int_equal(code_of(&ops[1]), LMDBX_NAME_CONFLICT);
  assert_int_equal(code_of(&ops[2]), LMDBX_NAME_CONFLICT);
  assert_int_equal(code_of(&ops[3]), LMDBX_OK);
  assert_true(holds(env, "before", "1"));
  assert_true(holds(env, "zafter", "3"));
  free_ops(ops, 4);
  lmdbx__env_release(env);
}

/* RLIMIT_FSIZE stands in for a full disk: write answers EFBIG. */
static int write_behind_the_limit(void *context) {
  struct lmdbx__env_options options = {.path = context};
  struct lmdbx__env *env;
  struct lmdbx__commit_report report;
  static uint8_t value[256 * 1024];
  struct rlimit limit = {128 * 1024, RLIM_INFINITY};
  struct lmdbx__op big = put_op("big", ""), small = put_op("small", "value");
  big.value = (struct lmdbx_slice){value, sizeof value};
  signal(SIGXFSZ, SIG_IGN);
  if (lmdbx__env_acquire(&options, NULL, &env, NULL) != LMDBX_OK) return 1;
  if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
  lmdbx__commit(env, &big, &report);
  if (code_of(&big) != LMDBX_NO_SPACE && code_of(&big) != LMDBX_IO) return 10 + code_of(&big);
  if (report.commits != 0) return 3;
  lmdbx__commit(env, &small, &report);
  if (code_of(&small) != LMDBX_OK) return 4;
  limit.rlim_cur = RLIM_INFINITY;
  if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 5;
  free_ops(&big, 1);
  lmdbx__commit(env, &big, &report);
  if (code_of(&big) != LMDBX_OK) return 6;
  lmdbx__env_release(env);
  return 0;
}

static void a_failed_write_is_clean_and_the_environment_goes_on(void **state) {
  const char *path = path_in(state, "db");
  assert_int_equal(join_child(start_child(write_behind_the_limit, (void *)path)), 0);
  struct lmdbx__env *env = open_env(path, 0);
  assert_true(has(env, "big"));
  assert_true(holds(env, "small", "value"));
  lmdbx__env_release(env);
}

#define WRITERS 4
#define WRITES 50

struct writer {
  const char *path;
  int number;
};

static int write_records(void *context) {
  struct writer *writer = context;
  struct lmdbx__env_options options = {.path = writer->path, .map_size = 16 * MEBIBYTE};
  struct lmdbx__env *env;
  struct lmdbx__commit_report report;
  if (lmdbx__env_acquire(&options, NULL, &env, NULL) != LMDBX_OK) return 1;
  for (int i = 0; i < WRITES; i++) {
    char key[32];
    snprintf(key, sizeof key, "w%d:%d", writer->number, i);
    struct lmdbx__op op = put_op(key, "value");
    lmdbx__commit(env, &op, &report);
    if (op.error != NULL || report.commits != 1) return 2;
  }
  lmdbx__env_release(env);
  return 0;
}

static void several_processes_create_and_write_at_once(void **state) {
  const char *path = path_in(state, "new/db");
  struct writer writers[WRITERS];
  int children[WRITERS];
  for (int i = 0; i < WRITERS; i++) {
    writers[i] = (struct writer){path, i};
    children[i] = start_child(write_records, &writers[i]);
  }
  for (int i = 0; i < WRITERS; i++) assert_int_equal(join_child(children[i]), 0);
  struct lmdbx__env *env = open_env(path, 0);
  for (int i = 0; i < WRITERS; i++)
    for (int record = 0; record < WRITES; record++) {
      char key[32];
      snprintf(key, sizeof key, "w%d:%d", i, record);
      assert_true(holds(env, key, "value"));
    }
  assert_int_equal(last_txn(env), WRITERS * WRITES);
  lmdbx__env_release(env);
}

#define READERS 3
#define ROUNDS 200
#define RECORD_SIZE 1500

struct stress {
  struct lmdbx__env *env;
  atomic_bool stop;
  atomic_int wrong, reads;
};

/* A record that is written whole is read whole. */
static bool uniform(struct lmdbx_slice value) {
  for (size_t i = 1; i < value.size; i++)
    if (value.data[i] != value.data[0]) return false;
  return value.size == RECORD_SIZE;
}

static void *read_records(void *context) {
  struct stress *stress = context;
  while (!atomic_load(&stress->stop)) {
    struct lmdbx__read *read;
    struct lmdbx_slice value;
    struct lmdbx__env_info info;
    bool found = false;
    int code = lmdbx__read_begin(stress->env, &read, NULL);
    if (code == LMDBX_CONFLICT) code = lmdbx__read_begin_wait(stress->env, &read, NULL);
    if (code == LMDBX_OK) {
      lmdbx__read_get(read, TEST_MAIN_DBI, text("record"), &found, &value, NULL);
      if (!found || !uniform(value)) atomic_fetch_add(&stress->wrong, 1);
      lmdbx__read_end(read);
      atomic_fetch_add(&stress->reads, 1);
    } else {
      atomic_fetch_add(&stress->wrong, 1);
    }
    lmdbx__env_info(stress->env, &info);
    if (info.map_size == 0) atomic_fetch_add(&stress->wrong, 1);
  }
  return NULL;
}

/* Deletes in a full database move the map again and again under the readers. */
static void readers_go_on_while_writes_and_remaps_do(void **state) {
  struct stress stress = {.env = open_env(path_in(state, "db"), MEBIBYTE)};
  uint8_t value[RECORD_SIZE] = {0};
  struct lmdbx__op record = put_op("record", "");
  record.value = (struct lmdbx_slice){value, sizeof value};
  commit_group(stress.env, &record, 1);
  assert_null(record.error);
  size_t fitted = fill(stress.env, 3000), deleted = 0, rewritten = 0;
  pthread_t threads[READERS];
  for (int i = 0; i < READERS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, read_records, &stress), 0);
  while (atomic_load(&stress.reads) == 0) sched_yield(); /* a busy machine starts threads late */
  for (int round = 0; round < ROUNDS && deleted < fitted; round++) {
    char key[16];
    struct lmdbx__op delete = op_of(LMDBX__OP_DELETE, fill_key(key, deleted));
    commit_group(stress.env, &delete, 1);
    if (code_of(&delete) == LMDBX_OK) deleted++;
    memset(value, round, sizeof value);
    commit_group(stress.env, &record, 1);
    if (code_of(&record) == LMDBX_OK) rewritten++;
    free_ops(&delete, 1);
  }
  atomic_store(&stress.stop, true);
  for (int i = 0; i < READERS; i++) pthread_join(threads[i], NULL);
  free_ops(&record, 1);
  assert_int_equal(atomic_load(&stress.wrong), 0);
  assert_true(deleted > ROUNDS / 2);
  assert_true(rewritten > ROUNDS / 2);
  lmdbx__env_release(stress.env);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_group_takes_one_commit),
      TEST(operations_apply_in_order_and_reads_see_what_came_before),
      TEST(a_group_that_changes_nothing_takes_no_commit),
      TEST(bad_sizes_fail_alone_and_name_length_and_limit),
      TEST(a_put_that_does_not_fit_fails_alone),
      TEST(a_read_only_environment_reads_and_refuses_writes),
      TEST(the_name_of_a_database_is_no_key),
      TEST(a_failed_write_is_clean_and_the_environment_goes_on),
      TEST(several_processes_create_and_write_at_once),
      TEST(readers_go_on_while_writes_and_remaps_do),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
