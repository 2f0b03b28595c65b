/* The table of environments: one per file and process. */
#include "support.h"

#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void one_path_gives_one_environment(void **state) {
  struct lmdbx__env *first = open_env(path_in(state, "db"), 0);
  struct lmdbx__env *second = open_env(path_in(state, "db"), 0);
  assert_ptr_equal(first, second);
  lmdbx__env_release(first);
  put(second, "key", "value");
  assert_true(holds(second, "key", "value"));
  lmdbx__env_release(second);
}

static void symbolic_links_and_dots_lead_to_the_same_environment(void **state) {
  struct lmdbx__env *first = open_env(path_in(state, "db"), 0);
  assert_int_equal(symlink("db", path_in(state, "link")), 0);
  struct lmdbx__env *through_link = open_env(path_in(state, "link"), 0);
  struct lmdbx__env *through_dots = open_env(path_in(state, "db/../link/."), 0);
  assert_ptr_equal(first, through_link);
  assert_ptr_equal(first, through_dots);
  lmdbx__env_release(first);
  lmdbx__env_release(through_link);
  lmdbx__env_release(through_dots);
}

static void different_paths_give_different_environments(void **state) {
  struct lmdbx__env *first = open_env(path_in(state, "a"), 0);
  struct lmdbx__env *second = open_env(path_in(state, "b"), 0);
  assert_ptr_not_equal(first, second);
  put(first, "key", "a");
  assert_false(has(second, "key"));
  lmdbx__env_release(second);
  lmdbx__env_release(first);
}

/* How many lines of /proc/self/maps name the file. */
static int mappings_of(const char *path) {
  FILE *maps = fopen("/proc/self/maps", "re");
  assert_non_null(maps);
  char line[1024];
  int count = 0;
  while (fgets(line, sizeof line, maps) != NULL) count += strstr(line, path) != NULL;
  fclose(maps);
  return count;
}

static void the_last_release_closes(void **state) {
  const char *path = path_in(state, "db");
  struct lmdbx__env *env = open_env(path, 0);
  lmdbx__env_retain(env);
  assert_true(mappings_of(path) > 0);
  lmdbx__env_release(env);
  assert_true(mappings_of(path) > 0);
  put(env, "key", "value");
  lmdbx__env_release(env);
  assert_int_equal(mappings_of(path), 0);
  env = open_env(path, 0);
  assert_true(holds(env, "key", "value"));
  lmdbx__env_release(env);
}

static int companions;

static void *companion_create(struct lmdbx__env *env) {
  companions++;
  return env;
}

static void companion_destroy(void *companion) {
  assert_non_null(companion);
  companions--;
}

static void the_companion_lives_as_long_as_the_environment(void **state) {
  static const struct lmdbx__env_companion companion = {companion_create, companion_destroy};
  struct lmdbx__env_options options = {.path = path_in(state, "db")};
  struct lmdbx__env *first, *second;
  assert_int_equal(lmdbx__env_acquire(&options, &companion, &first, NULL), LMDBX_OK);
  assert_int_equal(lmdbx__env_acquire(&options, &companion, &second, NULL), LMDBX_OK);
  assert_int_equal(companions, 1);
  assert_ptr_equal(lmdbx__env_companion_of(first), first);
  lmdbx__env_release(first);
  assert_int_equal(companions, 1);
  lmdbx__env_release(second);
  assert_int_equal(companions, 0);
}

static void *no_companion(struct lmdbx__env *env) {
  (void)env;
  return NULL;
}

static void a_companion_that_cannot_be_made_fails_the_opening(void **state) {
  static const struct lmdbx__env_companion companion = {no_companion, companion_destroy};
  struct lmdbx__env_options options = {.path = path_in(state, "db")};
  struct lmdbx__env *env = NULL;
  struct lmdbx_error error;
  assert_int_equal(lmdbx__env_acquire(&options, &companion, &env, &error), LMDBX_NO_MEMORY);
  assert_null(env);
  assert_int_equal(mappings_of(options.path), 0);
}

static void contradicting_options_name_both_values(void **state) {
  struct lmdbx__env_options options = {.path = path_in(state, "db"), .map_size = MEBIBYTE};
  struct lmdbx__env *env, *other = NULL;
  struct lmdbx_error error;
  assert_int_equal(lmdbx__env_acquire(&options, NULL, &env, NULL), LMDBX_OK);
  options.map_size = 2 * MEBIBYTE;
  assert_int_equal(lmdbx__env_acquire(&options, NULL, &other, &error), LMDBX_CONFIG_CONFLICT);
  assert_non_null(strstr(error.message, "1048576"));
  assert_non_null(strstr(error.message, "2097152"));
  options.map_size = 0;
  options.max_readers = 7;
  assert_int_equal(lmdbx__env_acquire(&options, NULL, &other, &error), LMDBX_CONFIG_CONFLICT);
  assert_non_null(strstr(error.message, "maxReaders 1024"));
  assert_null(other);
  options.max_readers = LMDBX_DEFAULT_READERS;
  assert_int_equal(lmdbx__env_acquire(&options, NULL, &other, &error), LMDBX_OK);
  assert_ptr_equal(env, other);
  lmdbx__env_release(other);
  lmdbx__env_release(env);
}

#define RACERS 8
#define RACES 20

struct race {
  const char *path;
  pthread_barrier_t barrier;
  struct lmdbx__env *envs[RACERS];
};

struct racer {
  struct race *race;
  int index;
};

static void *race_to_open(void *context) {
  struct racer *racer = context;
  struct lmdbx__env_options options = {.path = racer->race->path, .map_size = MEBIBYTE};
  pthread_barrier_wait(&racer->race->barrier);
  lmdbx__env_acquire(&options, NULL, &racer->race->envs[racer->index], NULL);
  return NULL;
}

static void *race_to_release(void *context) {
  struct racer *racer = context;
  pthread_barrier_wait(&racer->race->barrier);
  lmdbx__env_release(racer->race->envs[racer->index]);
  return NULL;
}

static void run_race(struct race *race, void *(*body)(void *)) {
  pthread_t threads[RACERS];
  struct racer racers[RACERS];
  for (int i = 0; i < RACERS; i++) {
    racers[i] = (struct racer){race, i};
    assert_int_equal(pthread_create(&threads[i], NULL, body, &racers[i]), 0);
  }
  for (int i = 0; i < RACERS; i++) pthread_join(threads[i], NULL);
}

static void racing_threads_share_one_environment(void **state) {
  struct race race;
  assert_int_equal(pthread_barrier_init(&race.barrier, NULL, RACERS), 0);
  for (int round = 0; round < RACES; round++) {
    char name[16];
    snprintf(name, sizeof name, "db%d", round % 10);
    race.path = round < 10 ? path_in(state, name) : race.path;
    run_race(&race, race_to_open);
    for (int i = 0; i < RACERS; i++) {
      assert_non_null(race.envs[i]);
      assert_ptr_equal(race.envs[i], race.envs[0]);
    }
    run_race(&race, race_to_release);
    assert_int_equal(mappings_of(race.path), 0);
  }
  pthread_barrier_destroy(&race.barrier);
}

struct inheritance {
  const char *path;
  struct lmdbx__env *env;
  struct lmdbx__read *read;
};

static int use_inherited(void *context) {
  struct inheritance *inherited = context;
  struct lmdbx__env_options options = {.path = inherited->path};
  struct lmdbx__env *env;
  struct lmdbx__read *read;
  struct lmdbx__env_info info;
  struct lmdbx__commit_report report;
  struct lmdbx__op op = put_op("child", "value");
  lmdbx__dbi dbi;
  if (lmdbx__env_acquire(&options, NULL, &env, NULL) != LMDBX_FORKED) return 1;
  if (lmdbx__read_begin(inherited->env, &read, NULL) != LMDBX_FORKED) return 2;
  if (lmdbx__read_begin_wait(inherited->env, &read, NULL) != LMDBX_FORKED) return 3;
  if (lmdbx__db_open(inherited->env, "name", &dbi, NULL) != LMDBX_FORKED) return 4;
  lmdbx__commit(inherited->env, &op, &report);
  if (code_of(&op) != LMDBX_FORKED) return 5;
  lmdbx__env_info(inherited->env, &info);
  if (info.map_size == 0) return 6;
  lmdbx__read_end(inherited->read);
  lmdbx__env_release(inherited->env);
  return 0;
}

static void a_forked_child_is_refused_and_does_no_harm(void **state) {
  struct inheritance inherited = {.path = path_in(state, "db")};
  inherited.env = open_env(inherited.path, 0);
  put(inherited.env, "parent", "value");
  assert_int_equal(lmdbx__read_begin(inherited.env, &inherited.read, NULL), LMDBX_OK);
  assert_int_equal(join_child(start_child(use_inherited, &inherited)), 0);
  struct lmdbx__env_info info;
  lmdbx__env_info(inherited.env, &info);
  assert_int_equal(info.readers, 1);
  lmdbx__read_end(inherited.read);
  assert_true(holds(inherited.env, "parent", "value"));
  assert_false(has(inherited.env, "child"));
  lmdbx__env_release(inherited.env);
}

static int open_afresh(void *context) {
  struct lmdbx__env_options options = {.path = context};
  struct lmdbx__env *env;
  if (lmdbx__env_acquire(&options, NULL, &env, NULL) != LMDBX_OK) return 1;
  lmdbx__env_release(env);
  return 0;
}

static void a_child_forked_while_nothing_is_open_may_open(void **state) {
  const char *path = path_in(state, "db");
  lmdbx__env_release(open_env(path, 0));
  assert_int_equal(join_child(start_child(open_afresh, (void *)path)), 0);
}

static void another_copy_of_lmdb_in_the_process_is_noticed(void **state) {
  const char *path = path_in(state, "db");
  lmdbx__env_release(open_env(path, 0));
  MDB_env *foreign;
  assert_int_equal(mdb_env_create(&foreign), 0);
  assert_int_equal(mdb_env_open(foreign, path, MDB_NOTLS, 0600), 0);
  expect_open_error(path, false, LMDBX_ALREADY_OPEN, "another copy");
  mdb_env_close(foreign);
  lmdbx__env_release(open_env(path, 0));
}

static void no_descriptor_is_inherited_by_other_programs(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 0);
  struct stat data, status;
  int seen = 0;
  assert_int_equal(stat(path_in(state, "db/data.mdb"), &data), 0);
  for (int fd = 0; fd < 64; fd++) {
    if (fstat(fd, &status) != 0 || status.st_dev != data.st_dev) continue;
    if (status.st_ino == data.st_ino) seen++;
    char link[32], target[512];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, target, sizeof target - 1);
    assert_true(length > 0);
    target[length] = '\0';
    if (strstr(target, ".mdb") != NULL) assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
  }
  assert_true(seen > 0);
  lmdbx__env_release(env);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(one_path_gives_one_environment),
      TEST(symbolic_links_and_dots_lead_to_the_same_environment),
      TEST(different_paths_give_different_environments),
      TEST(the_last_release_closes),
      TEST(the_companion_lives_as_long_as_the_environment),
      TEST(a_companion_that_cannot_be_made_fails_the_opening),
      TEST(contradicting_options_name_both_values),
      TEST(racing_threads_share_one_environment),
      TEST(a_forked_child_is_refused_and_does_no_harm),
      TEST(a_child_forked_while_nothing_is_open_may_open),
      TEST(another_copy_of_lmdb_in_the_process_is_noticed),
      TEST(no_descriptor_is_inherited_by_other_programs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
