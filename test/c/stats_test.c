/* What a repository tells of itself, without a JavaScript engine; also when the
 * disk fails. */
#include "executor.h"
#include "faults.h"
#include "support.h"

#include <stdio.h>
#include <string.h>

struct fixture {
  struct executor executor;
  void *directory;
  struct lmdbx_repository *repository;
};

struct outcome {
  bool done;
  int code;
  char text[2048];
};

static bool flush_flag;

static void note(void *context, void *user, const struct lmdbx_result *result) {
  (void)context;
  struct outcome *outcome = user;
  outcome->done = true;
  outcome->code = result->error != NULL ? result->error->code : LMDBX_OK;
  snprintf(outcome->text, sizeof outcome->text, "%.*s", (int)result->value.size,
           (const char *)result->value.data);
}

static struct lmdbx_issue to(struct outcome *outcome) {
  *outcome = (struct outcome){0};
  return (struct lmdbx_issue){.done = note, .user = outcome, .needs_flush = &flush_flag};
}

static void finish(struct fixture *fixture, struct outcome *outcome) {
  lmdbx_host_flush(fixture->executor.host);
  while (!outcome->done) executor_turn(&fixture->executor);
}

static struct lmdbx_repository *open_named(struct fixture *fixture, const char *name) {
  char config[512];
  struct lmdbx_repository *repository = NULL;
  const char *directory = fixture->directory;
  snprintf(config, sizeof config,
           name == NULL ? "{\"path\":\"%s\"}" : "{\"path\":\"%s\",\"name\":\"%s\"}", directory,
           name);
  assert_int_equal(lmdbx_open(fixture->executor.host, text(config), &repository, NULL), LMDBX_OK);
  return repository;
}

static int setup(void **state) {
  struct fixture *fixture = calloc(1, sizeof *fixture);
  assert_non_null(fixture);
  executor_start(&fixture->executor);
  if (make_directory(&fixture->directory) != 0) return -1;
  fixture->repository = open_named(fixture, NULL);
  *state = fixture;
  return 0;
}

static int teardown(void **state) {
  struct fixture *fixture = *state;
  no_faults();
  lmdbx_repository_release(fixture->repository);
  lmdbx_host_destroy(fixture->executor.host);
  executor_stop(&fixture->executor);
  remove_directory(&fixture->directory);
  free(fixture);
  return 0;
}

static int put_key(struct fixture *fixture, struct lmdbx_repository *repository, const char *key) {
  struct outcome outcome;
  const struct lmdbx_issue issue = to(&outcome);
  assert_int_equal(lmdbx_put(repository, text(key), text("value"), &issue, NULL), LMDBX_OK);
  finish(fixture, &outcome);
  return outcome.code;
}

static void ready(struct fixture *fixture, struct lmdbx_repository *repository) {
  struct outcome outcome;
  const struct lmdbx_issue issue = to(&outcome);
  assert_int_equal(lmdbx_ready(repository, &issue, NULL), LMDBX_OK);
  finish(fixture, &outcome);
  assert_int_equal(outcome.code, LMDBX_OK);
}

static void ask(struct fixture *fixture, struct lmdbx_repository *repository,
                struct outcome *outcome) {
  const struct lmdbx_issue issue = to(outcome);
  assert_int_equal(lmdbx_stats(repository, &issue, NULL), LMDBX_OK);
  finish(fixture, outcome);
  assert_int_equal(outcome->code, LMDBX_OK);
}

static double number(const struct outcome *outcome, const char *name) {
  char pattern[32];
  snprintf(pattern, sizeof pattern, "\"%s\":", name);
  const char *at = strstr(outcome->text, pattern);
  if (at == NULL) fail_msg("no %s in %s", name, outcome->text);
  return strtod(at + strlen(pattern), NULL);
}

static void records_are_counted_without_checkpoints_and_names(void **state) {
  struct fixture *fixture = *state;
  struct outcome outcome;
  ready(fixture, fixture->repository);
  struct lmdbx_repository *named = open_named(fixture, "orders");
  ready(fixture, named);
  static const char *const keys[] = {"t:1", "t:2",
                                     "\xff"
                                     "checkpoint",
                                     "foreign"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    assert_int_equal(put_key(fixture, fixture->repository, keys[i]), LMDBX_OK);
    assert_int_equal(put_key(fixture, named, keys[i]), LMDBX_OK);
  }
  ask(fixture, fixture->repository, &outcome);
  assert_int_equal((int)number(&outcome, "entries"), 2);
  /* A foreign key in a named database is no name, and counts. */
  ask(fixture, named, &outcome);
  assert_int_equal((int)number(&outcome, "entries"), 3);
  assert_int_equal((int)number(&outcome, "depth"), 1);
  assert_int_equal((int)number(&outcome, "leafPages"), 1);
  lmdbx_repository_release(named);
}

static void a_repository_that_is_not_open_has_its_counters(void **state) {
  struct fixture *fixture = *state;
  struct lmdbx_buffer buffer = {0};
  struct outcome outcome;
  const struct lmdbx_issue issue = to(&outcome);
  assert_string_equal(lmdbx_state(fixture->repository), "opening");
  assert_int_equal(lmdbx_stats(fixture->repository, &issue, NULL), LMDBX_CLOSED);
  assert_int_equal(lmdbx_counters(fixture->repository, &buffer), LMDBX_OK);
  assert_int_equal(lmdbx_buffer_append(&buffer, "", 1), LMDBX_OK);
  assert_non_null(strstr((const char *)buffer.data, "\"queuedOperations\":0"));
  assert_null(strstr((const char *)buffer.data, "mapSize"));
  lmdbx_buffer_free(&buffer);
}

static void a_failed_environment_is_told_with_its_reason_until_it_is_open_again(void **state) {
  struct fixture *fixture = *state;
  struct outcome outcome;
  assert_int_equal(put_key(fixture, fixture->repository, "t:1"), LMDBX_OK);
  arm(&metas, 1, EIO);
  assert_int_equal(put_key(fixture, fixture->repository, "t:2"), LMDBX_IO);
  assert_string_equal(lmdbx_state(fixture->repository), "failed");
  const char *data = path_in(&fixture->directory, "data.mdb");
  const char *moved = path_in(&fixture->directory, "moved.mdb");
  assert_int_equal(rename(data, moved), 0);
  ask(fixture, fixture->repository, &outcome);
  assert_non_null(strstr(outcome.text, "\"state\":\"failed\""));
  assert_non_null(strstr(outcome.text, "\"errorCode\":\"LMDBX_FAILED\""));
  assert_null(strstr(outcome.text, "\"entries\""));
  assert_true(number(&outcome, "mapSize") > 0);
  assert_int_equal(rename(moved, data), 0);
  ask(fixture, fixture->repository, &outcome);
  assert_non_null(strstr(outcome.text, "\"state\":\"open\""));
  assert_null(strstr(outcome.text, "error"));
  assert_true(number(&outcome, "entries") >= 1);
}

static void a_pool_that_gives_no_thread_costs_the_pages_alone(void **state) {
  struct fixture *fixture = *state;
  struct outcome outcome;
  ready(fixture, fixture->repository);
  executor_set(&fixture->executor, &fixture->executor.refuse, true);
  ask(fixture, fixture->repository, &outcome);
  executor_set(&fixture->executor, &fixture->executor.refuse, false);
  assert_non_null(strstr(outcome.text, "\"errorCode\":\"LMDBX_ABORTED\""));
  assert_true(number(&outcome, "mapSize") > 0);
  assert_null(strstr(outcome.text, "\"entries\""));
}

static void failing_allocations_fail_stats_alone(void **state) {
  struct fixture *fixture = *state;
  struct outcome outcome;
  if (!ALLOCATIONS_FAIL) skip(); /* a sanitizer has its own allocator */
  ready(fixture, fixture->repository);
  bool complete = false;
  for (long call = 1; !complete; call++) {
    const struct lmdbx_issue issue = to(&outcome);
    arm(&allocations, call, 0);
    int code = lmdbx_stats(fixture->repository, &issue, NULL);
    if (code == LMDBX_OK) finish(fixture, &outcome);
    complete = atomic_load(&allocations.countdown) > 0;
    no_faults();
    if (code != LMDBX_OK) {
      assert_int_equal(code, LMDBX_NO_MEMORY);
    } else if (outcome.code != LMDBX_OK) {
      assert_int_equal(outcome.code, LMDBX_NO_MEMORY);
    } else if (!complete) {
      assert_non_null(strstr(outcome.text, "\"state\":\"open\""));
    }
  }
  assert_non_null(strstr(outcome.text, "\"entries\":0"));
}

#define STATS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      STATS_TEST(records_are_counted_without_checkpoints_and_names),
      STATS_TEST(a_repository_that_is_not_open_has_its_counters),
      STATS_TEST(a_failed_environment_is_told_with_its_reason_until_it_is_open_again),
      STATS_TEST(a_pool_that_gives_no_thread_costs_the_pages_alone),
      STATS_TEST(failing_allocations_fail_stats_alone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
