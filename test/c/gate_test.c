/* Parked reads: they keep their moment, and stand in nobody's way. */
#include "reopen.h"
#include "store/internal.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static struct lmdbx__read *begin(struct lmdbx__env *env) {
  struct lmdbx__read *read;
  struct lmdbx_error error;
  if (lmdbx__read_begin(env, &read, &error) != LMDBX_OK) fail_msg("%s", error.message);
  return read;
}

/* Closes the gate: after a failure the next owner opens the file again. */
static void reopen(struct lmdbx__env *env) {
  fail_commit(env);
  assert_int_equal(use_join(env), LMDBX_OK);
}

static void a_parked_read_keeps_its_moment(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 4 * MEBIBYTE);
  put(env, "k", "old");
  struct lmdbx__read *read = begin(env);
  for (int i = 0; i < 3; i++) {
    lmdbx__read_park(read);
    put(env, "k", "new");
    assert_int_equal(lmdbx__read_resume(read, NULL), LMDBX_OK);
    assert_true(sees(read, TEST_MAIN_DBI, "k", "old"));
  }
  lmdbx__read_end(read);
  assert_true(holds(env, "k", "new"));
  lmdbx__env_release(env);
}

static void a_reopening_ends_parked_reads(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), MEBIBYTE);
  struct lmdbx_error error;
  put(env, "k", "old");
  struct lmdbx__read *parked = begin(env), *ended = begin(env);
  lmdbx__read_park(parked);
  lmdbx__read_park(ended);
  reopen(env);
  assert_int_equal(lmdbx__read_resume(parked, &error), LMDBX_SNAPSHOT_EXPIRED);
  assert_non_null(strstr(error.message, "Begin anew"));
  lmdbx__read_park(parked); /* changes nothing */
  assert_int_equal(lmdbx__read_resume(parked, NULL), LMDBX_SNAPSHOT_EXPIRED);
  lmdbx__read_end(parked);
  lmdbx__read_end(ended);
  assert_int_equal(lmdbx__env_oldest_snapshot(env), 0);
  struct lmdbx__read *next = begin(env);
  assert_true(sees(next, TEST_MAIN_DBI, "k", "old"));
  lmdbx__read_end(next);
  lmdbx__env_release(env);
}

static void a_paused_read_is_parked_and_no_snapshot(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), MEBIBYTE);
  put(env, "k", "old");
  struct lmdbx__read *going_on = begin(env), *ended = begin(env);
  lmdbx__read_pause(going_on);
  assert_int_equal(lmdbx__env_oldest_snapshot(env), 0);
  assert_int_equal(lmdbx__read_resume(going_on, NULL), LMDBX_OK);
  assert_true(sees(going_on, TEST_MAIN_DBI, "k", "old"));
  lmdbx__read_park(going_on);
  assert_true(lmdbx__env_oldest_snapshot(env) > 0);
  lmdbx__read_end(going_on);
  lmdbx__read_pause(ended);
  reopen(env);
  assert_int_equal(lmdbx__read_resume(ended, NULL), LMDBX_SNAPSHOT_EXPIRED);
  lmdbx__read_end(ended);
  lmdbx__env_release(env);
}

/* A thread that moves the map. */
struct remapper {
  struct lmdbx__env *env;
  pthread_t thread;
  atomic_bool done;
  int code;
};

static void *remap(void *context) {
  struct remapper *remapper = context;
  struct lmdbx__env *env = remapper->env;
  remapper->code = lmdbx__gate_remap(env, env->map_limit, 0, false, NULL);
  atomic_store(&remapper->done, true);
  return NULL;
}

/* Begins, and goes on when the gate is closed, unless that was too short to be seen. */
static void start_remap(struct remapper *remapper, struct lmdbx__env *env) {
  struct lmdbx__gate *gate = &env->gate;
  remapper->env = env;
  atomic_init(&remapper->done, false);
  assert_int_equal(pthread_create(&remapper->thread, NULL, remap, remapper), 0);
  for (bool closed = false; !closed && !atomic_load(&remapper->done); sched_yield()) {
    pthread_mutex_lock(&gate->lock);
    closed = gate->closed;
    pthread_mutex_unlock(&gate->lock);
  }
}

static int join_remap(struct remapper *remapper) {
  pthread_join(remapper->thread, NULL);
  return remapper->code;
}

/* Whether reads paused before and behind the closing of the gate have gone on at their moment. */
static bool paused_go_on(struct lmdbx__env *env) {
  struct remapper remapper;
  struct lmdbx__read *before = begin(env), *behind = begin(env);
  lmdbx__read_park(behind); /* in an earlier life it was a snapshot */
  lmdbx__read_end(behind);
  behind = begin(env);
  lmdbx__read_pause(before);
  start_remap(&remapper, env);
  lmdbx__read_pause(behind);
  bool both = lmdbx__read_resume(behind, NULL) == LMDBX_OK;
  both = lmdbx__read_resume(before, NULL) == LMDBX_OK && both;
  both = both && sees(before, TEST_MAIN_DBI, "k", "old") && sees(behind, TEST_MAIN_DBI, "k", "old");
  lmdbx__read_end(before);
  lmdbx__read_end(behind);
  return join_remap(&remapper) == LMDBX_OK && both;
}

/* A pool with a thread free begins them at once; whether this one is in time is the system's. */
static void paused_reads_have_a_moment_to_go_on(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), MEBIBYTE);
  put(env, "k", "old");
  int tries = 100;
  while (!paused_go_on(env)) assert_true(--tries > 0);
  lmdbx__env_release(env);
}

/* Else one of them after the other would keep the map from moving, as long as reads go on. */
static void where_the_map_waited_in_vain_they_have_none(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), MEBIBYTE);
  struct remapper remapper;
  put(env, "k", "old");
  struct lmdbx__read *long_one = begin(env);
  assert_int_equal(lmdbx__gate_remap(env, env->map_limit, 0, false, NULL), LMDBX_CONFLICT);
  struct lmdbx__read *paused = begin(env);
  lmdbx__read_end(long_one);
  lmdbx__read_pause(paused);
  start_remap(&remapper, env);
  assert_int_equal(lmdbx__read_resume(paused, NULL), LMDBX_SNAPSHOT_EXPIRED);
  lmdbx__read_end(paused);
  assert_int_equal(join_remap(&remapper), LMDBX_OK);
  lmdbx__env_release(env);
}

/* What another thread does with a read, while this one wants to reopen. */
struct user {
  struct lmdbx__env *env;
  struct lmdbx__read *read;
  bool park;
};

static void *use_shortly(void *context) {
  struct user *user = context;
  const struct timespec shortly = {0, 50 * 1000 * 1000};
  nanosleep(&shortly, NULL); /* well below the second that it waits */
  bool sound = sees(user->read, TEST_MAIN_DBI, "k", "old");
  if (user->park) {
    lmdbx__read_park(user->read);
  } else {
    lmdbx__read_end(user->read);
  }
  return (void *)(intptr_t)sound;
}

static void check_read_in_use(void **state, bool park) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), MEBIBYTE);
  pthread_t thread;
  void *sound;
  put(env, "k", "old");
  struct user user = {env, begin(env), park};
  lmdbx__read_park(user.read);
  assert_int_equal(lmdbx__read_resume(user.read, NULL), LMDBX_OK);
  assert_int_equal(pthread_create(&thread, NULL, use_shortly, &user), 0);
  reopen(env);
  pthread_join(thread, &sound);
  assert_true((intptr_t)sound);
  if (park) {
    assert_int_equal(lmdbx__read_resume(user.read, NULL), LMDBX_SNAPSHOT_EXPIRED);
    lmdbx__read_end(user.read);
  }
  lmdbx__env_release(env);
}

static void a_read_in_use_is_waited_for(void **state) {
  check_read_in_use(state, false);
}

static void a_read_that_is_parked_while_a_reopening_waits_ends(void **state) {
  check_read_in_use(state, true);
}

static void the_oldest_parked_read_is_known(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), MEBIBYTE);
  struct timespec now;
  struct lmdbx__read *plain = begin(env), *old = begin(env), *young = begin(env);
  assert_int_equal(lmdbx__env_oldest_snapshot(env), 0);
  clock_gettime(CLOCK_MONOTONIC, &now);
  uint64_t before = (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
  lmdbx__read_park(old);
  uint64_t since = lmdbx__env_oldest_snapshot(env);
  assert_true(since >= before);
  lmdbx__read_park(young);
  assert_int_equal(lmdbx__read_resume(old, NULL), LMDBX_OK);
  assert_int_equal(lmdbx__env_oldest_snapshot(env), since); /* also while it is in use */
  lmdbx__read_park(old);
  assert_int_equal(lmdbx__env_oldest_snapshot(env), since);
  lmdbx__read_end(old);
  assert_true(lmdbx__env_oldest_snapshot(env) >= since);
  lmdbx__read_end(young);
  assert_int_equal(lmdbx__env_oldest_snapshot(env), 0);
  lmdbx__read_end(plain);
  lmdbx__env_release(env);
}

/* Threads that park, use and end reads, while the file is opened again and again. */
enum { THREADS = 3, ROUNDS = 300 };

struct parker {
  struct lmdbx__env *env;
  unsigned wrong, expired;
};

static void *park_often(void *context) {
  struct parker *parker = context;
  for (int i = 0; i < ROUNDS; i++) {
    struct lmdbx__read *read;
    if (lmdbx__read_begin_wait(parker->env, &read, NULL) != LMDBX_OK) {
      parker->wrong++;
      continue;
    }
    for (int use = 0; use < i % 4; use++) {
      struct lmdbx_slice value;
      bool found = false;
      lmdbx__read_park(read);
      int code = lmdbx__read_resume(read, NULL);
      if (code == LMDBX_SNAPSHOT_EXPIRED) {
        parker->expired++;
        break;
      }
      code = lmdbx__read_get(read, TEST_MAIN_DBI, text("k"), &found, &value, NULL);
      if (code != LMDBX_OK || !found) parker->wrong++;
    }
    if (i % 2 == 0) lmdbx__read_park(read);
    lmdbx__read_end(read);
  }
  return NULL;
}

static void parked_reads_of_many_threads_survive_reopenings(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), MEBIBYTE);
  struct parker parkers[THREADS] = {0};
  pthread_t threads[THREADS];
  put(env, "k", "old");
  for (int i = 0; i < THREADS; i++) {
    parkers[i].env = env;
    assert_int_equal(pthread_create(&threads[i], NULL, park_often, &parkers[i]), 0);
  }
  for (int i = 0; i < 20; i++) reopen(env);
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    assert_int_equal(parkers[i].wrong, 0);
  }
  assert_int_equal(lmdbx__env_oldest_snapshot(env), 0);
  lmdbx__env_release(env);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_parked_read_keeps_its_moment),
      TEST(a_reopening_ends_parked_reads),
      TEST(a_paused_read_is_parked_and_no_snapshot),
      TEST(paused_reads_have_a_moment_to_go_on),
      TEST(where_the_map_waited_in_vain_they_have_none),
      TEST(a_read_in_use_is_waited_for),
      TEST(a_read_that_is_parked_while_a_reopening_waits_ends),
      TEST(the_oldest_parked_read_is_known),
      TEST(parked_reads_of_many_threads_survive_reopenings),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
