/* Reopening in place under threads and other processes. */
#include "reopen.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ----------------------------------------------------------------- threads */

enum { THREADS = 4, ROUNDS = 60 };

struct crowd {
  struct lmdbx__env *env;
  lmdbx__dbi dbi;
  atomic_bool done;
  atomic_int wrong, reads, hot_reads;
};

static void look(struct crowd *crowd, struct lmdbx__read *read, atomic_int *count) {
  struct lmdbx_slice got;
  bool found = false;
  if (lmdbx__read_get(read, crowd->dbi, text("fixed"), &found, &got, NULL) != LMDBX_OK || !found ||
      got.size != 5)
    atomic_fetch_add(&crowd->wrong, 1);
  lmdbx__read_end(read);
  atomic_fetch_add(count, 1);
}

static void *read_on(void *context) {
  struct crowd *crowd = context;
  struct lmdbx__env_info info;
  while (!atomic_load(&crowd->done)) {
    struct lmdbx__read *read;
    lmdbx__dbi dbi = 0;
    if (lmdbx__read_begin(crowd->env, &read, NULL) == LMDBX_OK)
      look(crowd, read, &crowd->hot_reads);
    if (lmdbx__read_begin_wait(crowd->env, &read, NULL) == LMDBX_OK)
      look(crowd, read, &crowd->reads);
    else
      atomic_fetch_add(&crowd->wrong, 1);
    if (lmdbx__db_find(crowd->env, "name", &dbi, NULL) != LMDBX_OK || dbi != crowd->dbi)
      atomic_fetch_add(&crowd->wrong, 1);
    if (use_join(crowd->env) != LMDBX_OK) atomic_fetch_add(&crowd->wrong, 1);
    lmdbx__env_info(crowd->env, &info);
    if (lmdbx__turn_wait(crowd->env, 1)) lmdbx__turn_end(crowd->env);
  }
  return NULL;
}

static void many_threads_meet_it_at_once(void **state) {
  struct crowd crowd = {.env = open_env(path_in(state, "db"), 4 * MEBIBYTE)};
  pthread_t threads[THREADS];
  char value[16];
  assert_int_equal(lmdbx__db_open(crowd.env, "name", &crowd.dbi, NULL), LMDBX_OK);
  assert_int_equal(write_one(crowd.env, crowd.dbi, "fixed", "value"), LMDBX_OK);
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, read_on, &crowd), 0);
  for (int round = 0; round < ROUNDS; round++) {
    fail_commit(crowd.env);
    snprintf(value, sizeof value, "%d", round);
    assert_int_equal(write_one(crowd.env, crowd.dbi, "round", value), LMDBX_OK);
  }
  atomic_store(&crowd.done, true);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  assert_int_equal(atomic_load(&crowd.wrong), 0);
  assert_true(atomic_load(&crowd.reads) > 0);
  assert_true(atomic_load(&crowd.hot_reads) > 0);
  struct lmdbx__read *read;
  assert_int_equal(lmdbx__read_begin(crowd.env, &read, NULL), LMDBX_OK);
  assert_true(sees(read, crowd.dbi, "round", value));
  lmdbx__read_end(read);
  lmdbx__env_release(crowd.env);
}

/* --------------------------------------------------------- other processes */

/* A process that puts until it is told to stop, and tries to get the turn. */
struct neighbour {
  const char *path;
  int commands[2], answers[2];
};

static int live_beside(void *context) {
  struct neighbour *neighbour = context;
  struct lmdbx__env_options options = {.path = neighbour->path, .map_size = 4 * MEBIBYTE};
  struct lmdbx__env *env;
  char command;
  close(neighbour->commands[1]);
  if (lmdbx__env_acquire(&options, NULL, &env, NULL) != LMDBX_OK) return 1;
  int puts = 0;
  while (read(neighbour->commands[0], &command, 1) == 1) {
    char answer = 0;
    if (command == 't') {
      answer = lmdbx__turn_wait(env, 20) ? 1 : 0;
      if (answer == 1) lmdbx__turn_end(env);
    } else {
      char key[24];
      struct lmdbx__read *reading = NULL;
      if (lmdbx__read_begin_wait(env, &reading, NULL) != LMDBX_OK) return 2;
      snprintf(key, sizeof key, "theirs%d", puts++);
      struct lmdbx__op op = put_op(key, "x");
      struct lmdbx__commit_report report;
      lmdbx__commit(env, &op, &report);
      answer = op.error == NULL ? 1 : 0;
      free_ops(&op, 1);
      lmdbx__read_end(reading);
    }
    if (write(neighbour->answers[1], &answer, 1) != 1) return 3;
  }
  lmdbx__env_release(env);
  return 0;
}

static int start_neighbour(struct neighbour *neighbour) {
  assert_int_equal(pipe(neighbour->commands), 0);
  assert_int_equal(pipe(neighbour->answers), 0);
  int child = start_child(live_beside, neighbour);
  close(neighbour->commands[0]);
  close(neighbour->answers[1]);
  return child;
}

static void tell(struct neighbour *neighbour, char command) {
  assert_int_equal(write(neighbour->commands[1], &command, 1), 1);
}

static int hear(struct neighbour *neighbour) {
  char answer;
  assert_int_equal(read(neighbour->answers[0], &answer, 1), 1);
  return answer;
}

static void end_neighbour(struct neighbour *neighbour, int child) {
  close(neighbour->commands[1]);
  close(neighbour->answers[0]);
  assert_int_equal(join_child(child), 0);
}

static void another_process_goes_on_meanwhile(void **state) {
  struct neighbour neighbour = {.path = path_in(state, "db")};
  lmdbx__env_release(open_env(neighbour.path, 4 * MEBIBYTE));
  int child = start_neighbour(&neighbour);
  struct lmdbx__env *env = open_env(neighbour.path, 4 * MEBIBYTE);
  char key[16];
  for (int round = 0; round < ROUNDS; round++) {
    fail_commit(env);
    tell(&neighbour, 'p'); /* which happens while this process reopens */
    snprintf(key, sizeof key, "ours%d", round);
    put(env, key, "x");
    assert_int_equal(hear(&neighbour), 1);
  }
  for (int round = 0; round < ROUNDS; round++) {
    snprintf(key, sizeof key, "ours%d", round);
    assert_true(has(env, key));
    snprintf(key, sizeof key, "theirs%d", round);
    assert_true(has(env, key));
  }
  lmdbx__env_release(env);
  end_neighbour(&neighbour, child);
}

static void the_turn_outlives_it(void **state) {
  struct neighbour neighbour = {.path = path_in(state, "db")};
  lmdbx__env_release(open_env(neighbour.path, 4 * MEBIBYTE));
  int child = start_neighbour(&neighbour);
  struct lmdbx__env *env = open_env(neighbour.path, 4 * MEBIBYTE);
  assert_true(lmdbx__turn_wait(env, 1000));
  fail_commit(env);
  put(env, "k", "v");
  tell(&neighbour, 't');
  assert_int_equal(hear(&neighbour), 0);
  lmdbx__turn_end(env);
  tell(&neighbour, 't');
  assert_int_equal(hear(&neighbour), 1);
  assert_true(lmdbx__turn_wait(env, 1000));
  lmdbx__turn_end(env);
  lmdbx__env_release(env);
  end_neighbour(&neighbour, child);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(many_threads_meet_it_at_once),
      TEST(another_process_goes_on_meanwhile),
      TEST(the_turn_outlives_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
