/* The file grows ahead of need, and what is there stays as it was. */
#include "support.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static size_t size_of(const char *directory) {
  char path[4096];
  struct stat file;
  snprintf(path, sizeof path, "%s/data.mdb", directory);
  assert_int_equal(stat(path, &file), 0);
  return (size_t)file.st_size;
}

static size_t used(struct lmdbx__env *env) {
  struct lmdbx__env_info info;
  lmdbx__env_info(env, &info);
  return info.file_size;
}

/* Commits records of their own, one by one; returns how often the file grew. */
static int grow(struct lmdbx__env *env, const char *directory, int from, int to) {
  char key[16], value[1025];
  size_t before = size_of(directory);
  int times = 0;
  memset(value, 'v', sizeof value - 1);
  value[sizeof value - 1] = 0;
  for (int i = from; i < to; i++) {
    snprintf(key, sizeof key, "%08d", i);
    put(env, key, value);
    size_t now = size_of(directory);
    if (now != before) times++;
    before = now;
  }
  return times;
}

static void small_commits_seldom_make_the_file_longer(void **state) {
  const char *path = path_in(state, "db");
  struct lmdbx__env *env = open_env(path, 0);
  int times = grow(env, path, 0, 400);
  assert_in_range(used(env), MEBIBYTE / 2, 2 * MEBIBYTE);
  assert_in_range(times, 1, 10);
  assert_in_range(size_of(path), used(env), used(env) + 2 * MEBIBYTE);
  lmdbx__env_release(env);
}

static void a_new_database_stays_small(void **state) {
  const char *path = path_in(state, "db");
  struct lmdbx__env *env = open_env(path, 0);
  put(env, "k", "v");
  assert_in_range(size_of(path), used(env), 256 * 1024);
  lmdbx__env_release(env);
}

static void records_are_there_after_the_file_was_opened_again(void **state) {
  const char *path = path_in(state, "db");
  struct lmdbx__env *env = open_env(path, 0);
  grow(env, path, 0, 100);
  lmdbx__env_release(env);
  env = open_env(path, 0);
  grow(env, path, 100, 200);
  assert_true(has(env, "00000000"));
  assert_true(has(env, "00000099"));
  assert_true(has(env, "00000199"));
  lmdbx__env_release(env);
}

static void the_file_does_not_outgrow_a_given_map(void **state) {
  const char *path = path_in(state, "db");
  struct lmdbx__env *env = open_env(path, MEBIBYTE / 2);
  assert_true(fill_to_the_brim(env) > 0);
  assert_in_range(size_of(path), used(env), MEBIBYTE / 2);
  lmdbx__env_release(env);
}

/* Past the limit a write brings a signal, and would end this process. */
static int grow_to_a_limit(void *path) {
  struct lmdbx__env *env;
  const struct lmdbx__env_options options = {.path = path};
  if (lmdbx__env_acquire(&options, NULL, &env, NULL) != LMDBX_OK) return 1;
  struct stat file;
  char name[4096];
  snprintf(name, sizeof name, "%s/data.mdb", (const char *)path);
  if (stat(name, &file) != 0) return 2;
  const struct rlimit limit = {(rlim_t)file.st_size, (rlim_t)file.st_size};
  if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 3;
  struct lmdbx__op op = put_op("k", "v");
  struct lmdbx__commit_report report;
  lmdbx__commit(env, &op, &report);
  bool stored = op.error == NULL;
  free_ops(&op, 1);
  lmdbx__env_release(env);
  return stored ? 0 : 4;
}

static void the_file_does_not_outgrow_the_limit_of_the_process(void **state) {
  const char *path = path_in(state, "db");
  struct lmdbx__env *env = open_env(path, 0);
  put(env, "k", "a value");
  for (int i = 0; i < 4; i++) put(env, "k", "v"); /* frees pages that the child can use */
  size_t size = used(env);
  lmdbx__env_release(env);
  char name[4096];
  snprintf(name, sizeof name, "%s/data.mdb", path);
  assert_int_equal(truncate(name, (off_t)size), 0);
  assert_int_equal(join_child(start_child(grow_to_a_limit, (void *)path)), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(small_commits_seldom_make_the_file_longer, make_directory,
                                      remove_directory),
      cmocka_unit_test_setup_teardown(a_new_database_stays_small, make_directory, remove_directory),
      cmocka_unit_test_setup_teardown(records_are_there_after_the_file_was_opened_again,
                                      make_directory, remove_directory),
      cmocka_unit_test_setup_teardown(the_file_does_not_outgrow_a_given_map, make_directory,
                                      remove_directory),
      cmocka_unit_test_setup_teardown(the_file_does_not_outgrow_the_limit_of_the_process,
                                      make_directory, remove_directory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
