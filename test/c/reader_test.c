/* Turns of the loop that issue many reads: their first batches go to the pool before the
 * turn ends, 128, 256, 512 and so on. And turns whose time for reads on the owner thread is
 * spent. */
#include "queue/reader.h"
#include "queue/repository.h"
#include "queue_fixture.h"
#include "store/internal.h"

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

static void put_one(struct fixture *fixture, const char *key, const char *value) {
  struct outcome written;
  ask_put(fixture->repository, key, value, &written);
  finish(&fixture->executor, &written);
}

static void results_of_many_come_in_several_turns(void **state) {
  enum { AT_ONCE = 256 };
  struct fixture *fixture = *state;
  put_one(fixture, "t:1", "x");
  executor_set(&fixture->executor, &fixture->executor.hold, true);
  struct outcome *outcomes = ask_many(fixture->repository);
  lmdbx_host_flush(fixture->executor.host);
  executor_set(&fixture->executor, &fixture->executor.hold, false);
  while (!outcomes[COUNT - 1].done) {
    unsigned before = next_order;
    executor_turn(&fixture->executor);
    assert_in_range(next_order - before, 0, AT_ONCE);
  }
  finish_many(&fixture->executor, outcomes, LMDBX_OK);
}

/* A repository of another environment, below the fixture's directory. */
static struct lmdbx_repository *open_beside(struct fixture *fixture, const char *name,
                                            const char *config) {
  char directory[256];
  snprintf(directory, sizeof directory, "%s/%s", (const char *)fixture->directory, name);
  return open_with(&fixture->executor, directory, config);
}

static void where_reader_slots_are_few_they_travel_as_one(void **state) {
  struct fixture *fixture = *state;
  struct lmdbx_repository *repository = open_beside(fixture, "few", ",\"maxReaders\":100");
  struct outcome first;
  ask_get(repository, "t:1", &first);
  finish(&fixture->executor, &first);
  long before = counter(repository, "readJobs");
  finish_many(&fixture->executor, ask_many(repository), LMDBX_OK);
  assert_int_equal(counter(repository, "readJobs"), before + 1);
  lmdbx_repository_release(repository);
}

/* Asks for so many records in one turn; how many jobs that took, while none of them ran. */
static size_t jobs_for(struct fixture *fixture, struct lmdbx_repository *repository, int count) {
  struct outcome outcomes[COUNT];
  size_t before = fixture->executor.submitted;
  executor_set(&fixture->executor, &fixture->executor.hold, true);
  for (int i = 0; i < count; i++) ask_get(repository, i % 2 == 0 ? "t:1" : "t:2", &outcomes[i]);
  lmdbx_host_flush(fixture->executor.host);
  size_t jobs = fixture->executor.submitted - before;
  executor_set(&fixture->executor, &fixture->executor.hold, false);
  for (int i = 0; i < count; i++) {
    finish(&fixture->executor, &outcomes[i]);
    assert_int_equal(outcomes[i].code, LMDBX_OK);
    assert_string_equal(outcomes[i].value, i % 2 == 0 ? "one" : "two");
  }
  return jobs;
}

static void put_two(struct fixture *fixture, struct lmdbx_repository *repository) {
  struct outcome written;
  ask_put(repository, "t:1", "one", &written);
  finish(&fixture->executor, &written);
  ask_put(repository, "t:2", "two", &written);
  finish(&fixture->executor, &written);
}

static void take_for_cold(const struct lmdbx_repository *repository) {
  atomic_store(&lmdbx__residency_of(repository->env)->cold_until, UINT64_MAX);
}

static void reads_that_wait_for_the_disk_are_divided_among_the_threads(void **state) {
  struct fixture *fixture = *state;
  put_two(fixture, fixture->repository);
  assert_int_equal(jobs_for(fixture, fixture->repository, 64), 1);
  assert_false(lmdbx__residency_is_cold(fixture->repository->env));
  take_for_cold(fixture->repository);
  assert_int_equal(jobs_for(fixture, fixture->repository, 64), POOL_THREADS);
  assert_int_equal(jobs_for(fixture, fixture->repository, 63), POOL_THREADS);
  assert_int_equal(jobs_for(fixture, fixture->repository, 7), 1);
  /* The first 128 take all threads, so that the others need not be divided. */
  assert_int_equal(jobs_for(fixture, fixture->repository, 128 + 8), POOL_THREADS + 1);
}

static void but_not_where_reader_slots_are_few(void **state) {
  struct fixture *fixture = *state;
  struct lmdbx_repository *repository = open_beside(fixture, "few", ",\"maxReaders\":100");
  put_two(fixture, repository);
  take_for_cold(repository);
  assert_int_equal(jobs_for(fixture, repository, 64), 1);
  lmdbx_repository_release(repository);
}

/* A part with another moment than its turn's would show what was written later. */
static void nor_where_another_moment_has_begun(void **state) {
  struct fixture *fixture = *state;
  struct outcome outcomes[64];
  put_two(fixture, fixture->repository);
  take_for_cold(fixture->repository);
  size_t submitted = fixture->executor.submitted;
  for (int i = 0; i < 64; i++) ask_get(fixture->repository, "t:1", &outcomes[i]);
  struct lmdbx__op op = put_op("t:1", "later");
  struct lmdbx__commit_report report;
  lmdbx__commit(fixture->repository->env, &op, &report);
  for (int i = 0; i < 64; i++) {
    finish(&fixture->executor, &outcomes[i]);
    assert_string_equal(outcomes[i].value, "one");
  }
  assert_int_equal(fixture->executor.submitted - submitted, 1);
  free_ops(&op, 1);
}

static void reads_of_two_environments_in_one_turn_are_kept_apart(void **state) {
  struct fixture *fixture = *state;
  struct executor *executor = &fixture->executor;
  struct outcome written, here[COUNT], there[COUNT];
  struct lmdbx_repository *other = open_beside(fixture, "other", "");
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

/* Whoever moves the map may himself be what keeps a thread from them. */
static void those_that_wait_for_a_thread_stand_in_no_ones_way(void **state) {
  struct fixture *fixture = *state;
  struct executor *executor = &fixture->executor;
  struct outcome got, listed;
  put_one(fixture, "t:1", "x");
  struct lmdbx__env *env = fixture->repository->env; /* it is open by now */
  executor_set(executor, &executor->hold, true);
  ask_get(fixture->repository, "t:1", &got);
  ask_list(fixture->repository, "t:", &listed);
  lmdbx_host_flush(executor->host);
  uint64_t before = lmdbx__now_ns();
  assert_int_equal(lmdbx__gate_remap(env, env->map_limit, 0, false, NULL), LMDBX_OK);
  assert_true(lmdbx__now_ns() - before < LMDBX__REMAP_WAIT_MS * UINT64_C(500000));
  executor_set(executor, &executor->hold, false);
  finish(executor, &got);
  finish(executor, &listed);
  assert_int_equal(got.code, LMDBX_OK);
  assert_string_equal(got.value, "x");
  assert_int_equal(listed.code, LMDBX_OK);
  assert_string_equal(listed.value, "[1]");
}

/* ------------------------------------------------------------- late answers */

enum { LATE = 8 /* reads of a spent turn that the pool need not answer */ };

/* Begins a turn with a read on this thread, once a job has looked whether it may, and spends
 * its time. */
static void spend_turn_of(struct fixture *fixture) {
  struct lmdbx_now now;
  while (!lmdbx_read_now(fixture->repository, text("t:1"), true, &now)) {
    struct outcome outcome;
    ask_get(fixture->repository, "t:1", &outcome);
    finish(&fixture->executor, &outcome);
  }
  /* Reads may have been late before, on a busy machine: then the executor knows already. */
  if (lmdbx_now_end(fixture->repository, &now)) fixture->executor.turn_wanted = true;
  assert_true(fixture->executor.turn_wanted);
  spend_turn();
  assert_false(lmdbx_read_now(fixture->repository, text("t:1"), true, &now));
}

/* Whether no thread of the pool was used, as it is where a look has become due. */
static bool read_late(struct fixture *fixture) {
  struct outcome read, absent, written;
  put_one(fixture, "t:1", "old");
  spend_turn_of(fixture);
  long jobs = counter(fixture->repository, "readJobs");
  long reads = counter(fixture->repository, "poolReads");
  ask_get(fixture->repository, "t:1", &read);
  ask_get(fixture->repository, "t:2", &absent);
  lmdbx_host_flush(fixture->executor.host);
  lmdbx_host_deliver(fixture->executor.host);
  assert_false(read.done);
  long commits = counter(fixture->repository, "commits");
  ask_put(fixture->repository, "t:1", "new", &written);
  lmdbx_host_flush(fixture->executor.host);
  while (counter(fixture->repository, "commits") == commits) {
  }
  executor_turn(&fixture->executor);
  finish(&fixture->executor, &read);
  assert_string_equal(read.value, "old");
  finish(&fixture->executor, &absent);
  assert_false(absent.found);
  finish(&fixture->executor, &written);
  return counter(fixture->repository, "readJobs") == jobs &&
         counter(fixture->repository, "poolReads") == reads &&
         counter(fixture->repository, "inlineReads") >= 3;
}

static void a_read_of_a_spent_turn_is_told_of_in_the_next_and_shows_its_own(void **state) {
  int tries = 0;
  while (!read_late(*state)) assert_in_range(++tries, 1, 5);
}

/* Whether one job answered all, as it does unless a look has become due. */
static bool read_more(struct fixture *fixture) {
  struct outcome outcomes[LATE + 2];
  put_one(fixture, "t:1", "x");
  spend_turn_of(fixture);
  long jobs = counter(fixture->repository, "readJobs");
  for (int i = 0; i < LATE + 2; i++) ask_get(fixture->repository, "t:1", &outcomes[i]);
  for (int i = 0; i < LATE + 2; i++) {
    finish(&fixture->executor, &outcomes[i]);
    assert_string_equal(outcomes[i].value, "x");
  }
  return counter(fixture->repository, "readJobs") == jobs + 1;
}

static void more_of_them_go_to_the_pool_together(void **state) {
  int tries = 0;
  while (!read_more(*state)) assert_in_range(++tries, 1, 5);
}

static void those_of_two_environments_and_of_a_pool_that_refuses_have_their_answers(void **state) {
  struct fixture *fixture = *state;
  struct executor *executor = &fixture->executor;
  struct outcome outcomes[LATE], written, others[2];
  struct lmdbx_repository *other = open_beside(fixture, "other", "");
  put_one(fixture, "t:1", "here");
  ask_put(other, "t:1", "there", &written);
  finish(executor, &written);
  for (int refuse = 0; refuse < 2; refuse++) {
    spend_turn_of(fixture);
    executor_set(executor, &executor->refuse, refuse == 1);
    for (int i = 0; i < LATE; i++) ask_get(fixture->repository, "t:1", &outcomes[i]);
    for (int i = 0; i < 2; i++) ask_get(other, "t:1", &others[i]);
    for (int i = 0; i < LATE; i++) {
      finish(executor, &outcomes[i]);
      assert_int_equal(outcomes[i].code, LMDBX_OK);
      assert_string_equal(outcomes[i].value, "here");
    }
    for (int i = 0; i < 2; i++) {
      finish(executor, &others[i]);
      assert_int_equal(others[i].code, refuse == 1 ? LMDBX_ABORTED : LMDBX_OK);
      if (refuse == 0) assert_string_equal(others[i].value, "there");
    }
    executor_set(executor, &executor->refuse, false);
  }
  lmdbx_repository_release(other);
}

static void close_waits_for_the_turn_that_tells_of_them(void **state) {
  struct fixture *fixture = *state;
  struct outcome read, closed;
  put_one(fixture, "t:1", "x");
  spend_turn_of(fixture);
  ask_get(fixture->repository, "t:1", &read);
  const struct lmdbx_issue issue = to(&closed);
  assert_int_equal(lmdbx_close(fixture->repository, &issue, NULL), LMDBX_OK);
  finish(&fixture->executor, &closed);
  assert_true(read.done);
  assert_true(read.order < closed.order);
  assert_string_equal(read.value, "x");
}

static void a_host_may_end_before_it_tells_of_them(void **state) {
  struct fixture *fixture = *state;
  struct outcome read;
  put_one(fixture, "t:1", "x");
  spend_turn_of(fixture);
  ask_get(fixture->repository, "t:1", &read);
  /* teardown */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(many_reads_of_one_turn_travel_as_few_jobs),
      TEST(results_of_many_come_in_several_turns),
      TEST(where_reader_slots_are_few_they_travel_as_one),
      TEST(reads_that_wait_for_the_disk_are_divided_among_the_threads),
      TEST(but_not_where_reader_slots_are_few),
      TEST(nor_where_another_moment_has_begun),
      TEST(reads_of_two_environments_in_one_turn_are_kept_apart),
      TEST(a_pool_that_refuses_jobs_aborts_reads_sent_ahead_and_the_others),
      TEST(close_lets_reads_sent_ahead_and_the_others_finish),
      TEST(a_host_may_end_in_the_midst_of_a_turn),
      TEST(a_read_of_a_spent_turn_is_told_of_in_the_next_and_shows_its_own),
      TEST(those_that_wait_for_a_thread_stand_in_no_ones_way),
      TEST(more_of_them_go_to_the_pool_together),
      TEST(those_of_two_environments_and_of_a_pool_that_refuses_have_their_answers),
      TEST(close_waits_for_the_turn_that_tells_of_them),
      TEST(a_host_may_end_before_it_tells_of_them),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
