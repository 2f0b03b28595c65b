/* Units in the queue: their place in the order, their fences, their repositories. */
#include "queue_fixture.h"

#include "codec/msgpack_writer.h"

/* A unit of up to two steps. */
struct ask {
  struct lmdbx_step steps[2];
  size_t count;
  const struct lmdbx_checkpoint *checkpoint;
  struct outcome outcome;
  size_t failed;
};

static void note_unit(void *context, void *user, const struct lmdbx_result *result) {
  struct ask *ask = user;
  ask->failed = result->failed;
  note(context, &ask->outcome, result);
}

static struct lmdbx_step step(struct lmdbx_repository *repository, enum lmdbx_step_type type,
                              const char *key, const char *value) {
  return (struct lmdbx_step){.type = type,
                             .repository = repository,
                             .report = true,
                             .key = text(key),
                             .value = text(value)};
}

static int try_unit(struct lmdbx_repository *repository, struct ask *ask) {
  struct lmdbx_issue issue = to(&ask->outcome);
  issue.done = note_unit;
  issue.user = ask;
  return lmdbx_unit(repository, ask->steps, ask->count, ask->checkpoint, &ask->failed, &issue,
                    NULL);
}

static void ask_unit(struct lmdbx_repository *repository, struct ask *ask) {
  assert_int_equal(try_unit(repository, ask), LMDBX_OK);
}

static struct ask put_of(struct lmdbx_repository *repository, const char *key, const char *value) {
  return (struct ask){.steps = {step(repository, LMDBX_STEP_PUT, key, value)}, .count = 1};
}

static void ask_checkpoint(struct lmdbx_repository *repository, const char *name,
                           struct outcome *outcome) {
  const struct lmdbx_issue issue = to(outcome);
  assert_int_equal(lmdbx_get_checkpoint(repository, text(name), &issue, NULL), LMDBX_OK);
}

/* ------------------------------------------------------------------ its place */

static void what_bounds_itself_is_let_into_a_full_queue(void **state) {
  struct fixture *fixture = *state;
  struct outcome first, refused;
  char large[3000];
  memset(large, 'x', sizeof large);
  const struct lmdbx_slice value = {(const uint8_t *)large, sizeof large};
  struct lmdbx_repository *bounded =
      open_with(&fixture->executor, fixture->directory, ",\"maxQueuedBytes\":4096");
  struct lmdbx_issue issue = to(&first);
  assert_int_equal(lmdbx_put(bounded, text("t:1"), value, &issue, NULL), LMDBX_OK);
  struct ask ask = {.steps = {step(bounded, LMDBX_STEP_PUT, "t:2", "")}, .count = 1};
  ask.steps[0].value = value;
  assert_int_equal(try_unit(bounded, &ask), LMDBX_QUEUE_FULL);
  issue = to(&ask.outcome);
  issue.over_limit = true;
  size_t failed = 0;
  assert_int_equal(lmdbx_unit(bounded, ask.steps, 1, NULL, &failed, &issue, NULL), LMDBX_OK);
  assert_in_range(counter(bounded, "queuedBytes"), 6000, 8000);
  issue = to(&refused);
  assert_int_equal(lmdbx_put(bounded, text("t:3"), text(""), &issue, NULL), LMDBX_QUEUE_FULL);
  finish(&fixture->executor, &ask.outcome);
  assert_int_equal(ask.outcome.code, LMDBX_OK);
  assert_int_equal(counter(bounded, "queuedBytes"), 0);
  lmdbx_repository_release(bounded);
}

static void reads_of_what_a_unit_writes_wait_for_it(void **state) {
  struct fixture *fixture = *state;
  struct lmdbx_repository *repository = fixture->repository;
  struct outcome before, first, second, position, keys;
  const struct lmdbx_checkpoint checkpoint = {.name = text("p"), .position = text("\x05")};
  struct ask ask = {.steps = {step(repository, LMDBX_STEP_PUT, "t:1", "one"),
                              step(repository, LMDBX_STEP_PUT, "t:2", "two")},
                    .count = 2,
                    .checkpoint = &checkpoint};
  for (int round = 0; round < 2; round++) { /* while it opens, and afterwards */
    ask_get(repository, "t:1", &before);
    ask_unit(repository, &ask);
    ask_get(repository, "t:1", &first);
    ask_get(repository, "t:2", &second);
    ask_checkpoint(repository, "p", &position);
    ask_list(repository, "t:", &keys);
    finish(&fixture->executor, &keys);
    finish(&fixture->executor, &before);
    assert_int_equal(ask.outcome.code, LMDBX_OK);
    assert_int_equal(before.found, round > 0);
    assert_string_equal(first.value, "one");
    assert_string_equal(second.value, "two");
    assert_string_equal(position.value, "\x05");
    assert_string_equal(keys.value, "[1,2]");
  }
  assert_int_equal(counter(repository, "queuedBytes"), 0);
}

static void a_comparison_that_fails_says_what_is_stored_instead(void **state) {
  struct fixture *fixture = *state;
  struct lmdbx_repository *repository = fixture->repository;
  struct ask put = put_of(repository, "t:1", "one");
  struct ask ask = {.steps = {step(repository, LMDBX_STEP_PUT, "t:2", "two"),
                              step(repository, LMDBX_STEP_COMPARE_VALUE, "t:1", "other")},
                    .count = 2};
  ask_unit(repository, &put);
  ask_unit(repository, &ask);
  finish(&fixture->executor, &ask.outcome);
  assert_int_equal(ask.outcome.code, LMDBX_CONFLICT);
  assert_int_equal(ask.failed, 1);
  assert_true(ask.outcome.found);
  assert_string_equal(ask.outcome.value, "one");
}

static void comparisons_alone_wait_for_earlier_writes_and_take_no_commit(void **state) {
  struct fixture *fixture = *state;
  struct lmdbx_repository *repository = fixture->repository;
  struct ask put = put_of(repository, "t:1", "one");
  struct ask behind = {.steps = {step(repository, LMDBX_STEP_COMPARE_VALUE, "t:1", "one")},
                       .count = 1};
  struct ask alone = behind;
  ready(fixture);
  ask_unit(repository, &put);
  ask_unit(repository, &behind);
  finish(&fixture->executor, &behind.outcome);
  ask_unit(repository, &alone);
  finish(&fixture->executor, &alone.outcome);
  assert_int_equal(behind.outcome.code, LMDBX_OK);
  assert_int_equal(alone.outcome.code, LMDBX_OK);
  assert_int_equal(counter(repository, "commits"), 1);
  assert_int_equal(counter(repository, "readJobs"), 1);
}

static void a_value_is_compared_as_a_put_would_store_it(void **state) {
  struct fixture *fixture = *state;
  static char long_value[4096];
  memset(long_value, 'v', sizeof long_value - 1);
  struct lmdbx_repository *packing =
      open_with(&fixture->executor, fixture->directory, ",\"compression\":true");
  struct ask put = put_of(packing, "t:1", long_value);
  struct ask same = {.steps = {step(packing, LMDBX_STEP_COMPARE_VALUE, "t:1", long_value),
                               step(packing, LMDBX_STEP_PUT, "t:2", "\x04\x22\x4d\x18 plain")},
                     .count = 2};
  struct ask stored = {.steps = {step(packing, LMDBX_STEP_COMPARE_STORED, "t:1", long_value)},
                       .count = 1};
  struct outcome plain, framed;
  ask_unit(packing, &put);
  ask_unit(packing, &same);
  ask_unit(packing, &stored);
  ask_get(packing, "t:1", &plain);
  ask_get(packing, "t:2", &framed);
  finish(&fixture->executor, &plain);
  finish(&fixture->executor, &framed);
  assert_int_equal(same.outcome.code, LMDBX_OK);
  assert_int_equal(stored.outcome.code, LMDBX_CONFLICT);
  assert_true(stored.outcome.value_size < sizeof long_value / 2);
  assert_memory_equal(stored.outcome.value, "\x04\x22\x4d\x18", 4);
  assert_int_equal(plain.value_size, sizeof long_value - 1);
  assert_string_equal(framed.value, "\x04\x22\x4d\x18 plain");
  assert_int_equal(counter(packing, "queuedBytes"), 0);
  lmdbx_repository_release(packing);
}

static void what_cannot_be_one_commit_is_refused_at_once(void **state) {
  struct fixture *fixture = *state;
  struct lmdbx_repository *repository = fixture->repository;
  static char long_key[LMDBX_MAX_STORED_KEY + 2];
  memset(long_key, 'k', sizeof long_key - 1);
  struct ask ask = {.steps = {step(repository, LMDBX_STEP_PUT, "t:1", "one"),
                              step(repository, LMDBX_STEP_PUT, long_key, "two")},
                    .count = 2};
  assert_int_equal(try_unit(repository, &ask), LMDBX_KEY_TOO_LARGE);
  assert_int_equal(ask.failed, 1);
  struct lmdbx_checkpoint checkpoint = {.name = text("p"), .position = text("\xc0")};
  ask.count = 1;
  ask.checkpoint = &checkpoint;
  assert_int_equal(try_unit(repository, &ask), LMDBX_INVALID_ARGUMENT);
  assert_int_equal(ask.failed, LMDBX_FAILED_CHECKPOINT);
  checkpoint = (struct lmdbx_checkpoint){.name = text(""), .position = text("\x05")};
  assert_int_equal(try_unit(repository, &ask), LMDBX_INVALID_ARGUMENT);
  assert_int_equal(counter(repository, "queuedBytes"), 0);
}

/* ------------------------------------------------------------------- fences */

static void units_behind_a_failed_one_fail_until_that_is_reported(void **state) {
  struct fixture *fixture = *state;
  struct lmdbx_repository *repository = fixture->repository;
  const struct lmdbx_checkpoint wrong = {.name = text("p"),
                                         .position = text("\x01"),
                                         .expect = LMDBX_EXPECT_EQUAL,
                                         .expected = text("\x07")};
  const struct lmdbx_checkpoint next = {.name = text("p"), .position = text("\x02")};
  const struct lmdbx_checkpoint other = {.name = text("q"), .position = text("\x03")};
  struct ask asks[5];
  const struct lmdbx_checkpoint *checkpoints[] = {&next, &wrong, &next, &other, &next};
  ready(fixture);
  for (int i = 0; i < 4; i++) {
    asks[i] = put_of(repository, "t:1", "one");
    asks[i].checkpoint = checkpoints[i];
    ask_unit(repository, &asks[i]);
  }
  finish(&fixture->executor, &asks[3].outcome);
  assert_int_equal(asks[0].outcome.code, LMDBX_OK);
  assert_int_equal(asks[1].outcome.code, LMDBX_CONFLICT);
  assert_int_equal(asks[1].failed, LMDBX_FAILED_CHECKPOINT);
  assert_string_equal(asks[1].outcome.value, "\x02");
  assert_int_equal(asks[2].outcome.code, LMDBX_ABORTED);
  assert_int_equal(asks[3].outcome.code, LMDBX_OK);
  asks[4] = put_of(repository, "t:1", "two");
  asks[4].checkpoint = &next;
  ask_unit(repository, &asks[4]);
  finish(&fixture->executor, &asks[4].outcome);
  assert_int_equal(asks[4].outcome.code, LMDBX_OK);
}

/* The pool refuses the job of the first; nobody has been told yet when the second
 * is issued. */
static void a_unit_that_never_ran_is_not_overtaken_either(void **state) {
  struct fixture *fixture = *state;
  struct lmdbx_repository *repository = fixture->repository;
  const struct lmdbx_checkpoint checkpoint = {.name = text("p"), .position = text("\x01")};
  struct ask asks[3];
  for (int i = 0; i < 3; i++) {
    asks[i] = put_of(repository, "t:1", "one");
    asks[i].checkpoint = &checkpoint;
  }
  ready(fixture);
  executor_set(&fixture->executor, &fixture->executor.refuse, true);
  ask_unit(repository, &asks[0]);
  lmdbx_host_flush(fixture->executor.host);
  executor_set(&fixture->executor, &fixture->executor.refuse, false);
  ask_unit(repository, &asks[1]);
  finish(&fixture->executor, &asks[1].outcome);
  assert_int_equal(asks[0].outcome.code, LMDBX_ABORTED);
  assert_int_equal(asks[1].outcome.code, LMDBX_ABORTED);
  ask_unit(repository, &asks[2]);
  finish(&fixture->executor, &asks[2].outcome);
  assert_int_equal(asks[2].outcome.code, LMDBX_OK);
}

static void checkpoints_are_listed_and_removed(void **state) {
  struct fixture *fixture = *state;
  struct lmdbx_repository *repository = fixture->repository;
  struct lmdbx_checkpoint checkpoint = {.name = text("b"), .position = text("\x01")};
  struct ask ask = {.checkpoint = &checkpoint};
  struct outcome listed, none, keys;
  ask_unit(repository, &ask);
  finish(&fixture->executor, &ask.outcome);
  checkpoint.name = text("a");
  ask_unit(repository, &ask);
  const struct lmdbx_issue all = to(&listed);
  assert_int_equal(lmdbx_checkpoints(repository, &all, NULL), LMDBX_OK);
  finish(&fixture->executor, &listed);
  ask_list(repository, "checkpoint:", &keys);
  finish(&fixture->executor, &keys);
  assert_string_equal(keys.value, "[]");
  checkpoint.position = (struct lmdbx_slice){0};
  ask_unit(repository, &ask);
  ask_checkpoint(repository, "a", &none);
  finish(&fixture->executor, &none);
  assert_false(none.found);

  struct lmdbx_slice left = {(const uint8_t *)listed.value, listed.value_size};
  struct lmdbx_slice name;
  struct lmdbx_slice position;
  for (const char *expected = "ab"; *expected != '\0'; expected++) {
    assert_true(lmdbx_checkpoints_next(&left, &name, &position));
    assert_int_equal(name.size, 1);
    assert_int_equal(*name.data, *expected);
    assert_int_equal(position.size, 1);
  }
  assert_false(lmdbx_checkpoints_next(&left, &name, &position));
}

/* ------------------------------------------------------- several repositories */

static void a_unit_spans_the_repositories_of_one_environment(void **state) {
  struct fixture *fixture = *state;
  struct lmdbx_repository *repository = fixture->repository;
  struct lmdbx_repository *named =
      open_with(&fixture->executor, fixture->directory, ",\"name\":\"other\"");
  struct ask early = put_of(named, "t:1", "one");
  assert_int_equal(try_unit(repository, &early), LMDBX_INVALID_ARGUMENT); /* it is not open */
  struct outcome opened, closed, got, late;
  const struct lmdbx_issue issue = to(&opened);
  assert_int_equal(lmdbx_ready(named, &issue, NULL), LMDBX_OK);
  ready(fixture);
  finish(&fixture->executor, &opened);

  struct ask ask = {.steps = {step(repository, LMDBX_STEP_PUT, "t:1", "main"),
                              step(named, LMDBX_STEP_PUT, "t:1", "named")},
                    .count = 2};
  ask_unit(repository, &ask);
  ask_get(named, "t:1", &got);
  const struct lmdbx_issue closing = to(&closed);
  assert_int_equal(lmdbx_close(named, &closing, NULL), LMDBX_OK);
  assert_int_equal(try_unit(repository, &early), LMDBX_CLOSED);
  finish(&fixture->executor, &closed);
  assert_int_equal(ask.outcome.code, LMDBX_OK);
  assert_true(ask.outcome.order < closed.order);
  assert_string_equal(got.value, "named");
  ask_get(repository, "t:1", &late);
  finish(&fixture->executor, &late);
  assert_string_equal(late.value, "main");
  lmdbx_repository_release(named);
}

static void a_unit_does_not_span_environments(void **state) {
  struct fixture *fixture = *state;
  void *directory;
  struct outcome opened;
  assert_int_equal(make_directory(&directory), 0);
  struct lmdbx_repository *other = open_with(&fixture->executor, directory, "");
  const struct lmdbx_issue issue = to(&opened);
  assert_int_equal(lmdbx_ready(other, &issue, NULL), LMDBX_OK);
  finish(&fixture->executor, &opened);
  ready(fixture);
  struct ask ask = put_of(other, "t:1", "one");
  assert_int_equal(try_unit(fixture->repository, &ask), LMDBX_INVALID_ARGUMENT);
  const struct lmdbx_issue closing = to(&opened);
  assert_int_equal(lmdbx_close(other, &closing, NULL), LMDBX_OK);
  finish(&fixture->executor, &opened);
  lmdbx_repository_release(other);
  remove_directory(&directory);
}

static void units_that_are_queued_when_their_host_ends_leave_nothing_behind(void **state) {
  struct fixture *fixture = *state;
  struct lmdbx_repository *named =
      open_with(&fixture->executor, fixture->directory, ",\"name\":\"other\"");
  const struct lmdbx_checkpoint checkpoint = {.name = text("p"), .position = text("\x01")};
  struct outcome opened;
  const struct lmdbx_issue issue = to(&opened);
  assert_int_equal(lmdbx_ready(named, &issue, NULL), LMDBX_OK);
  finish(&fixture->executor, &opened);
  ready(fixture);
  executor_set(&fixture->executor, &fixture->executor.hold, true);
  static struct ask ask;
  ask = put_of(named, "t:1", "one");
  ask.checkpoint = &checkpoint;
  ask_unit(fixture->repository, &ask);
  lmdbx_host_flush(fixture->executor.host);
  lmdbx_repository_release(named);
  /* teardown ends the host; sanitizers see what is left */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(reads_of_what_a_unit_writes_wait_for_it),
      TEST(what_bounds_itself_is_let_into_a_full_queue),
      TEST(a_comparison_that_fails_says_what_is_stored_instead),
      TEST(comparisons_alone_wait_for_earlier_writes_and_take_no_commit),
      TEST(a_value_is_compared_as_a_put_would_store_it),
      TEST(what_cannot_be_one_commit_is_refused_at_once),
      TEST(units_behind_a_failed_one_fail_until_that_is_reported),
      TEST(a_unit_that_never_ran_is_not_overtaken_either),
      TEST(checkpoints_are_listed_and_removed),
      TEST(a_unit_spans_the_repositories_of_one_environment),
      TEST(a_unit_does_not_span_environments),
      TEST(units_that_are_queued_when_their_host_ends_leave_nothing_behind),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
