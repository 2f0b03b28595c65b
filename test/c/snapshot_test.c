/* Snapshots through the core's public header. */
#include "query_fixture.h"

static void a_snapshot_sees_earlier_writes_and_no_later_ones(void **state) {
  struct fixture *fixture = *state;
  struct outcome first, second, early, late;
  struct lmdbx_query query = query_of(LMDBX_KEYS, "t:");
  ask_put(fixture, "t:1", "x", &first); /* while it opens */
  struct lmdbx_snapshot *before = snapshot_of(fixture);
  ask_put(fixture, "t:2", "x", &second);
  struct lmdbx_snapshot *after = snapshot_of(fixture);
  query.snapshot = before;
  ask(fixture, &query, &early);
  query.snapshot = after;
  assert_string_equal(answer(fixture, &query, &late), "[1,2]");
  finish(fixture, &early);
  assert_string_equal(early.page, "[1]");
  put_now(fixture, "t:3", "x");
  query.snapshot = before;
  assert_string_equal(answer(fixture, &query, &early), "[1]");
  lmdbx_snapshot_release(before);
  lmdbx_snapshot_release(after);
}

static void queries_of_a_snapshot_are_answered_one_after_another(void **state) {
  enum { COUNT = 20 };
  struct fixture *fixture = *state;
  struct outcome outcomes[COUNT];
  put_now(fixture, "t:1", "x");
  struct lmdbx_query query = query_of(LMDBX_COUNT, "t:");
  query.snapshot = snapshot_of(fixture);
  size_t submitted = fixture->executor.submitted;
  for (int i = 0; i < COUNT; i++) ask(fixture, &query, &outcomes[i]);
  lmdbx_host_flush(fixture->executor.host);
  assert_int_equal(fixture->executor.submitted, submitted + 1);
  finish(fixture, &outcomes[COUNT - 1]);
  for (int i = 0; i < COUNT; i++) {
    assert_int_equal(outcomes[i].count, 1);
    assert_int_equal(outcomes[i].order, outcomes[0].order + (unsigned)i);
  }
  lmdbx_snapshot_release(query.snapshot);
}

static void a_closed_snapshot_answers_what_was_asked_before(void **state) {
  struct fixture *fixture = *state;
  struct outcome running, waiting, late, page;
  fill_records(fixture, 100);
  struct lmdbx_query query = query_of(LMDBX_VALUES, "t:");
  query.snapshot = snapshot_of(fixture);
  (void)answer(fixture, &query, &page);
  assert_non_null(page.scan);
  ask(fixture, &query, &running);
  ask(fixture, &query, &waiting);
  lmdbx_snapshot_close(query.snapshot);
  const struct lmdbx_issue issue = to(&late);
  assert_int_equal(lmdbx_scan(fixture->repository, &query, &issue, NULL), LMDBX_CLOSED);
  assert_int_equal(lmdbx_scan_next(page.scan, &issue, NULL), LMDBX_CLOSED);
  lmdbx_scan_close(page.scan);
  lmdbx_snapshot_release(query.snapshot); /* the requests keep what they need */
  finish(fixture, &waiting);
  finish(fixture, &running);
  assert_int_equal(running.code, LMDBX_OK);
  assert_int_equal(waiting.code, LMDBX_OK);
  lmdbx_scan_close(running.scan);
  lmdbx_scan_close(waiting.scan);
}

static void a_snapshot_expires_with_its_repository_and_does_not_hold_it_up(void **state) {
  struct fixture *fixture = *state;
  struct outcome under_way, closed, late;
  put_now(fixture, "t:1", "x");
  struct lmdbx_query query = query_of(LMDBX_KEYS, "t:");
  query.snapshot = snapshot_of(fixture);
  ask(fixture, &query, &under_way);
  const struct lmdbx_issue issue = to(&closed);
  assert_int_equal(lmdbx_close(fixture->repository, &issue, NULL), LMDBX_OK);
  finish(fixture, &closed);
  assert_string_equal(under_way.page, "[1]");
  const struct lmdbx_issue again = to(&late);
  assert_int_equal(lmdbx_scan(fixture->repository, &query, &again, NULL), LMDBX_SNAPSHOT_EXPIRED);
  lmdbx_snapshot_release(query.snapshot);
}

static void a_reopening_ends_snapshots(void **state) {
  struct fixture *fixture = *state;
  struct outcome outcome;
  put_now(fixture, "t:1", "x");
  struct lmdbx_query query = query_of(LMDBX_KEYS, "t:");
  struct lmdbx_snapshot *expired = query.snapshot = snapshot_of(fixture);
  reopen(fixture);
  for (int i = 0; i < 2; i++) {
    ask(fixture, &query, &outcome);
    finish(fixture, &outcome);
    assert_int_equal(outcome.code, LMDBX_SNAPSHOT_EXPIRED);
  }
  query.snapshot = snapshot_of(fixture);
  assert_string_equal(answer(fixture, &query, &outcome), "[1]");
  lmdbx_snapshot_release(expired);
  lmdbx_snapshot_release(query.snapshot);
}

static void a_host_ends_at_any_moment_of_a_snapshot(void **state) {
  struct fixture *fixture = *state;
  struct outcome running, waiting, written, page;
  fill_records(fixture, 100);
  struct lmdbx_query query = query_of(LMDBX_VALUES, "t:");
  struct lmdbx_snapshot *used = snapshot_of(fixture);
  query.snapshot = used;
  (void)answer(fixture, &query, &page);
  executor_set(&fixture->executor, &fixture->executor.hold, true);
  ask(fixture, &query, &running);
  ask(fixture, &query, &waiting);
  struct lmdbx_snapshot *idle = snapshot_of(fixture);
  ask_put(fixture, "t:2", "x", &written);
  struct lmdbx_snapshot *early = snapshot_of(fixture); /* its moment has not come */
  query.snapshot = early;
  struct outcome never;
  ask(fixture, &query, &never);
  struct lmdbx_snapshot *dropped = snapshot_of(fixture);
  lmdbx_snapshot_release(dropped);
  lmdbx_host_flush(fixture->executor.host);
  lmdbx_snapshot_release(used); /* with one query under way and one behind it */
  lmdbx_host_destroy(fixture->executor.host);
  fixture->destroyed = true;
  lmdbx_snapshot_release(idle); /* finalizers come late */
  lmdbx_scan_close(page.scan);
  lmdbx_snapshot_release(early);
  executor_set(&fixture->executor, &fixture->executor.hold, false);
  assert_false(running.done || waiting.done || never.done);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_snapshot_sees_earlier_writes_and_no_later_ones),
      TEST(queries_of_a_snapshot_are_answered_one_after_another),
      TEST(a_closed_snapshot_answers_what_was_asked_before),
      TEST(a_snapshot_expires_with_its_repository_and_does_not_hold_it_up),
      TEST(a_reopening_ends_snapshots),
      TEST(a_host_ends_at_any_moment_of_a_snapshot),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
