/* Turns of the loop that issue many reads: their first batches go to the pool before the
 * turn ends, 128, 256, 512 and so on. */
#include "queue_fixture.h"

enum { COUNT = 1000, AHEAD = 3 /* batches that are full */ };

static struct outcome *ask_many(struct lmdbx_repository *repository) {
  struct outcome *outcomes = calloc(COUNT, sizeof *outcomes);
  assert_non_null(outcomes);
  for (int i = 0; i < COUNT; i++) ask_get(repository, "t:1", &outcomes[i]);
  return outcomes;
}

static void finish_many(struct executor *executor, struct outcome *outcomes, int code) {
  for (int i = 0; i < COUNT; i++) finish(executor, &outcomes[i]);
  for (int i = 0; i < COUNT; i++) assert_int_equal(outcomes[i].code, code);
  free(outcomes);
}

static void many_reads_of_one_turn_travel_as_few_jobs(void **state) {
  struct fixture *fixture = *state;
  ready(fixture);
  size_t submitted = fixture->executor.submitted;
  struct outcome *outcomes = ask_many(fixture->repository);
  assert_int_equal(fixture->executor.submitted, submitted + AHEAD);
  finish_many(&fixture->executor, outcomes, LMDBX_OK);
  assert_int_equal(fixture->executor.submitted, submitted + AHEAD + 1);
  assert_int_equal(counter(fixture->repository, "readJobs"), AHEAD + 1);
  assert_int_equal(counter(fixture->repository, "poolReads"), COUNT);
}

static void where_reader_slots_are_few_they_travel_as_one(void **state) {
  struct fixture *fixture = *state;
  char directory[256];
  snprintf(directory, sizeof directory, "%s/few", (const char *)fixture->directory);
  struct lmdbx_repository *repository =
      open_with(&fixture->executor, directory, ",\"maxReaders\":100");
  struct outcome first;
  ask_get(repository, "t:1", &first);
  finish(&fixture->executor, &first);
  long before = counter(repository, "readJobs");
  finish_many(&fixture->executor, ask_many(repository), LMDBX_OK);
  assert_int_equal(counter(repository, "readJobs"), before + 1);
  lmdbx_repository_release(repository);
}

static void reads_of_two_environments_in_one_turn_are_kept_apart(void **state) {
  struct fixture *fixture = *state;
  struct executor *executor = &fixture->executor;
  struct outcome written, here[COUNT], there[COUNT];
  char directory[256];
  snprintf(directory, sizeof directory, "%s/other", (const char *)fixture->directory);
  struct lmdbx_repository *other = open_with(executor, directory, "");
  ask_put(fixture->repository, "t:1", "here", &written);
  finish(executor, &written);
  ask_put(other, "t:1", "there", &written);
  finish(executor, &written);
  for (int i = 0; i < COUNT; i++) {
    ask_get(fixture->repository, "t:1", &here[i]);
    ask_get(other, "t:1", &there[i]);
  }
  for (int i = 0; i < COUNT; i++) {
    finish(executor, &here[i]);
    finish(executor, &there[i]);
    assert_string_equal(here[i].value, "here");
    assert_string_equal(there[i].value, "there");
  }
  lmdbx_repository_release(other);
}

static void a_pool_that_refuses_jobs_aborts_reads_sent_ahead_and_the_others(void **state) {
  struct fixture *fixture = *state;
  ready(fixture);
  executor_set(&fixture->executor, &fixture->executor.refuse, true);
  struct outcome *outcomes = ask_many(fixture->repository);
  finish_many(&fixture->executor, outcomes, LMDBX_ABORTED);
  executor_set(&fixture->executor, &fixture->executor.refuse, false);
  finish_many(&fixture->executor, ask_many(fixture->repository), LMDBX_OK);
}

static void close_lets_reads_sent_ahead_and_the_others_finish(void **state) {
  struct fixture *fixture = *state;
  struct outcome closed;
  ready(fixture);
  executor_set(&fixture->executor, &fixture->executor.hold, true);
  struct outcome *outcomes = ask_many(fixture->repository);
  const struct lmdbx_issue issue = to(&closed);
  assert_int_equal(lmdbx_close(fixture->repository, &issue, NULL), LMDBX_OK);
  executor_set(&fixture->executor, &fixture->executor.hold, false);
  finish(&fixture->executor, &closed);
  for (int i = 0; i < COUNT; i++) assert_true(outcomes[i].done);
  finish_many(&fixture->executor, outcomes, LMDBX_OK);
}

/* With reads sent ahead that no thread has begun, and others that wait for the turn's end. */
static void a_host_may_end_in_the_midst_of_a_turn(void **state) {
  struct fixture *fixture = *state;
  for (int hold = 0; hold < 2; hold++) {
    struct executor executor;
    struct outcome written;
    executor_start(&executor);
    struct lmdbx_repository *repository = open_with(&executor, fixture->directory, "");
    ask_put(repository, "t:1", "x", &written);
    finish(&executor, &written);
    executor_set(&executor, &executor.hold, hold == 1);
    struct outcome *outcomes = ask_many(repository);
    lmdbx_host_destroy(executor.host);
    executor_stop(&executor);
    lmdbx_repository_release(repository);
    for (int i = 0; i < COUNT; i++) assert_false(outcomes[i].done);
    free(outcomes);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(many_reads_of_one_turn_travel_as_few_jobs),
      TEST(where_reader_slots_are_few_they_travel_as_one),
      TEST(reads_of_two_environments_in_one_turn_are_kept_apart),
      TEST(a_pool_that_refuses_jobs_aborts_reads_sent_ahead_and_the_others),
      TEST(close_lets_reads_sent_ahead_and_the_others_finish),
      TEST(a_host_may_end_in_the_midst_of_a_turn),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
