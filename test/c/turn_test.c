/* Turns to write, among the processes that share a file. */
#include "support.h"

#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000 }; /* where the turn has to come */

/* A process that does what it is told: 'w' waits for the turn and answers whether
 * it came, 'n' hardly waits, 'e' ends it. */
struct other {
  const char *path;
  int commands[2], answers[2], pid;
};

static int obey(void *context) {
  struct other *other = context;
  struct lmdbx__env_options options = {.path = other->path, .map_size = MEBIBYTE};
  struct lmdbx__env *env;
  char command;
  close(other->commands[1]);
  if (lmdbx__env_acquire(&options, NULL, &env, NULL) != LMDBX_OK) return 1;
  while (read(other->commands[0], &command, 1) == 1) {
    char answer = 1;
    if (command == 'e')
      lmdbx__turn_end(env);
    else
      answer = lmdbx__turn_wait(env, command == 'w' ? PATIENCE_MS : 5) ? 1 : 0;
    if (write(other->answers[1], &answer, 1) != 1) return 2;
  }
  lmdbx__env_release(env);
  return 0;
}

/* Starts the other process, and opens the environment in this one. */
static struct lmdbx__env *start(void **state, struct other *other) {
  other->path = path_in(state, "db");
  lmdbx__env_release(open_env(other->path, MEBIBYTE));
  assert_int_equal(pipe(other->commands), 0);
  assert_int_equal(pipe(other->answers), 0);
  other->pid = start_child(obey, other);
  close(other->commands[0]);
  close(other->answers[1]);
  return open_env(other->path, MEBIBYTE);
}

static void tell(struct other *other, char command) {
  assert_int_equal(write(other->commands[1], &command, 1), 1);
}

static int hear(struct other *other) {
  char answer;
  assert_int_equal(read(other->answers[0], &answer, 1), 1);
  return answer;
}

static int ask(struct other *other, char command) {
  tell(other, command);
  return hear(other);
}

static void finish(struct lmdbx__env *env, struct other *other) {
  lmdbx__env_release(env);
  close(other->commands[1]);
  close(other->answers[0]);
  assert_int_equal(join_child(other->pid), 0);
}

static void one_process_has_it_and_waiting_is_bounded(void **state) {
  struct other other;
  struct lmdbx__env *env = start(state, &other);
  assert_int_equal(ask(&other, 'w'), 1);
  struct timespec before, after;
  clock_gettime(CLOCK_MONOTONIC, &before);
  assert_false(lmdbx__turn_wait(env, 5));
  clock_gettime(CLOCK_MONOTONIC, &after);
  assert_true((after.tv_sec - before.tv_sec) * 1000000000L + after.tv_nsec - before.tv_nsec >=
              5000000L);
  assert_int_equal(ask(&other, 'e'), 1);
  assert_true(lmdbx__turn_wait(env, PATIENCE_MS));
  assert_int_equal(ask(&other, 'n'), 0);
  lmdbx__turn_end(env);
  assert_int_equal(ask(&other, 'w'), 1);
  assert_int_equal(ask(&other, 'e'), 1);
  finish(env, &other);
}

static void a_process_may_have_it_several_times(void **state) {
  struct other other;
  struct lmdbx__env *env = start(state, &other);
  assert_true(lmdbx__turn_wait(env, PATIENCE_MS));
  assert_true(lmdbx__turn_wait(env, PATIENCE_MS));
  lmdbx__turn_end(env);
  assert_int_equal(ask(&other, 'n'), 0);
  lmdbx__turn_end(env);
  assert_int_equal(ask(&other, 'w'), 1);
  assert_int_equal(ask(&other, 'e'), 1);
  finish(env, &other);
}

static void a_killed_process_gives_it_back(void **state) {
  struct other other;
  struct lmdbx__env *env = start(state, &other);
  assert_int_equal(ask(&other, 'w'), 1);
  assert_false(lmdbx__turn_wait(env, 5));
  assert_int_equal(kill(other.pid, SIGKILL), 0);
  assert_int_equal(join_child(other.pid), 100 + SIGKILL);
  assert_true(lmdbx__turn_wait(env, PATIENCE_MS));
  lmdbx__turn_end(env);
  lmdbx__env_release(env);
  close(other.commands[1]);
  close(other.answers[0]);
}

/* Else a process that writes without a pause would keep all others out. */
static void who_waits_comes_next(void **state) {
  struct other other;
  struct lmdbx__env *env = start(state, &other);
  assert_true(lmdbx__turn_wait(env, PATIENCE_MS));
  tell(&other, 'w');
  struct pollfd answer = {.fd = other.answers[0], .events = POLLIN};
  long turns = 0;
  for (; poll(&answer, 1, 1) == 0; turns++) { /* a millisecond of work in each turn */
    lmdbx__turn_end(env);
    if (!lmdbx__turn_wait(env, 100)) break; /* the other one has it */
  }
  assert_int_equal(hear(&other), 1);
  assert_in_range(turns, 0, 1000);
  assert_false(lmdbx__turn_wait(env, 5));
  assert_int_equal(ask(&other, 'e'), 1);
  finish(env, &other);
}

static void opening_a_name_under_a_turn_keeps_it(void **state) {
  struct other other;
  struct lmdbx__env *env = start(state, &other);
  lmdbx__dbi dbi;
  assert_true(lmdbx__turn_wait(env, PATIENCE_MS));
  assert_int_equal(lmdbx__db_open(env, "name", &dbi, NULL), LMDBX_OK);
  assert_int_equal(ask(&other, 'n'), 0);
  lmdbx__turn_end(env);
  finish(env, &other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(one_process_has_it_and_waiting_is_bounded),
      TEST(a_process_may_have_it_several_times),
      TEST(a_killed_process_gives_it_back),
      TEST(who_waits_comes_next),
      TEST(opening_a_name_under_a_turn_keeps_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
