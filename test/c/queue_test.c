/* The queue through the core's public header, with a pool of two threads. */
#include "queue_fixture.h"

/* -------------------------------------------------------------------- tests */

static void operations_issued_while_opening_are_carried_out_in_order(void **state) {
  struct fixture *fixture = *state;
  struct outcome before, written, after, deleted, gone;
  ask_get(fixture->repository, "t:1", &before);
  ask_put(fixture->repository, "t:1", "one", &written);
  ask_get(fixture->repository, "t:1", &after);
  ask_delete(fixture->repository, "t:1", &deleted);
  ask_get(fixture->repository, "t:1", &gone);
  finish(&fixture->executor, &gone);
  finish(&fixture->executor, &before);
  assert_false(before.found);
  assert_true(after.found);
  assert_string_equal(after.value, "one");
  assert_true(deleted.found);
  assert_false(gone.found);
  assert_true(written.order < after.order && after.order < deleted.order);
}

static void writes_of_one_turn_share_a_commit(void **state) {
  enum { COUNT = 1000 };
  struct fixture *fixture = *state;
  struct outcome *outcomes = calloc(COUNT, sizeof *outcomes);
  assert_non_null(outcomes);
  ready(fixture);
  for (int i = 0; i < COUNT; i++) {
    char key[32];
    snprintf(key, sizeof key, "t:%d", i);
    ask_put(fixture->repository, key, "value", &outcomes[i]);
  }
  finish(&fixture->executor, &outcomes[COUNT - 1]);
  for (int i = 0; i < COUNT; i++) assert_int_equal(outcomes[i].order, outcomes[0].order + i);
  /* One, unless this thread is held up: see gather_test.c. */
  assert_in_range(counter(fixture->repository, "commits"), 1, 10);
  assert_int_equal(counter(fixture->repository, "operations"), COUNT);
  free(outcomes);
}

static void a_read_sees_earlier_writes_and_no_later_ones(void **state) {
  struct fixture *fixture = *state;
  struct outcome first, old, second, middle, third, last;
  ready(fixture);
  ask_put(fixture->repository, "t:1", "1", &first);
  finish(&fixture->executor, &first);
  ask_get(fixture->repository, "t:1", &old);
  ask_put(fixture->repository, "t:1", "2", &second);
  ask_get(fixture->repository, "t:1", &middle);
  ask_put(fixture->repository, "t:1", "3", &third);
  ask_get(fixture->repository, "t:1", &last);
  finish(&fixture->executor, &last);
  finish(&fixture->executor, &old);
  assert_string_equal(old.value, "1");
  assert_string_equal(middle.value, "2");
  assert_string_equal(last.value, "3");
}

static void a_list_sees_earlier_writes_and_no_later_ones(void **state) {
  struct fixture *fixture = *state;
  struct outcome written[3], early, middle, late;
  ready(fixture);
  ask_list(fixture->repository, "t:", &early);
  ask_put(fixture->repository, "t:1", "x", &written[0]);
  ask_put(fixture->repository, "t:2", "x", &written[1]);
  ask_list(fixture->repository, "t:", &middle);
  ask_put(fixture->repository, "t:3", "x", &written[2]);
  ask_list(fixture->repository, "t:", &late);
  finish(&fixture->executor, &late);
  finish(&fixture->executor, &middle);
  finish(&fixture->executor, &early);
  assert_string_equal(early.value, "[]");
  assert_string_equal(middle.value, "[1,2]");
  assert_string_equal(late.value, "[1,2,3]");
}

static void a_list_shows_no_keys_of_other_tenants(void **state) {
  struct fixture *fixture = *state;
  struct outcome written[4], listed;
  ask_put(fixture->repository, "a:1", "x", &written[0]);
  ask_put(fixture->repository, "a:b:2", "x", &written[1]);
  ask_put(fixture->repository, "a:\"x\":3", "x", &written[2]);
  ask_put(fixture->repository, "ab:4", "x", &written[3]);
  ask_list(fixture->repository, "a:", &listed);
  finish(&fixture->executor, &listed);
  assert_string_equal(listed.value, "[1]");
  ask_list(fixture->repository, "a:b:", &listed);
  finish(&fixture->executor, &listed);
  assert_string_equal(listed.value, "[2]");
}

static void one_failing_operation_leaves_its_neighbours_alone(void **state) {
  struct fixture *fixture = *state;
  struct outcome before, failing, after;
  ready(fixture);
  ask_put(fixture->repository, "t:1", "x", &before);
  ask_put(fixture->repository, "", "x", &failing); /* no build of LMDB has such a key */
  ask_put(fixture->repository, "t:2", "x", &after);
  finish(&fixture->executor, &after);
  assert_int_equal(before.code, LMDBX_OK);
  assert_int_equal(failing.code, LMDBX_KEY_TOO_LARGE);
  assert_int_equal(after.code, LMDBX_OK);
  assert_int_equal(counter(fixture->repository, "commits"), 1);
}

/* Puts keys of 400 bytes until a list of them needs several pages. */
static void fill_pages(struct fixture *fixture, int count) {
  struct outcome *outcomes = calloc((size_t)count, sizeof *outcomes);
  assert_non_null(outcomes);
  for (int i = 0; i < count; i++) {
    char key[420];
    snprintf(key, sizeof key, "t:\"%0400d\"", i);
    ask_put(fixture->repository, key, "x", &outcomes[i]);
  }
  finish(&fixture->executor, &outcomes[count - 1]);
  free(outcomes);
}

static void a_long_list_comes_in_pages_of_one_moment(void **state) {
  enum { COUNT = 2000 };
  struct fixture *fixture = *state;
  struct outcome page, written;
  fill_pages(fixture, COUNT);
  size_t pages = 0;
  size_t keys = 0;
  ask_list(fixture->repository, "t:", &page);
  finish(&fixture->executor, &page);
  ask_put(fixture->repository, "t:\"z\"", "x", &written); /* behind all others */
  finish(&fixture->executor, &written);
  for (;;) {
    pages++;
    keys += (page.value_size - 1) / 403; /* quoted key and comma or bracket */
    if (page.scan == NULL) break;
    struct lmdbx_scan *scan = page.scan;
    const struct lmdbx_issue issue = to(&page);
    assert_int_equal(lmdbx_scan_next(scan, &issue, NULL), LMDBX_OK);
    finish(&fixture->executor, &page);
    assert_int_equal(page.code, LMDBX_OK);
  }
  assert_int_equal(keys, COUNT);
  assert_true(pages >= 3);
}

static void close_lets_issued_operations_finish_and_refuses_later_ones(void **state) {
  struct fixture *fixture = *state;
  struct outcome written, closed, read;
  ask_put(fixture->repository, "t:1", "x", &written);
  ask_get(fixture->repository, "t:1", &read);
  const struct lmdbx_issue issue = to(&closed);
  assert_int_equal(lmdbx_close(fixture->repository, &issue, NULL), LMDBX_OK);
  struct outcome late;
  const struct lmdbx_issue late_issue = to(&late);
  assert_int_equal(lmdbx_get(fixture->repository, text("t:1"), &late_issue, NULL), LMDBX_CLOSED);
  finish(&fixture->executor, &closed);
  assert_int_equal(written.code, LMDBX_OK);
  assert_string_equal(read.value, "x");
  assert_int_equal(closed.code, LMDBX_OK);
  assert_false(fixture->executor.busy);
}

static void close_ends_a_scan_between_two_pages(void **state) {
  struct fixture *fixture = *state;
  struct outcome page, closed;
  fill_pages(fixture, 1000);
  ask_list(fixture->repository, "t:", &page);
  finish(&fixture->executor, &page);
  assert_non_null(page.scan);
  struct lmdbx_scan *scan = page.scan;
  const struct lmdbx_issue issue = to(&closed);
  assert_int_equal(lmdbx_close(fixture->repository, &issue, NULL), LMDBX_OK);
  finish(&fixture->executor, &closed);
  const struct lmdbx_issue next = to(&page);
  assert_int_equal(lmdbx_scan_next(scan, &next, NULL), LMDBX_CLOSED);
  lmdbx_scan_close(scan);
}

static void a_failed_opening_fails_every_request_with_the_same_error(void **state) {
  struct fixture *fixture = *state;
  struct executor *executor = &fixture->executor;
  struct lmdbx_repository *failing = open_with(executor, "/dev/null/x", "");
  struct outcome early, closed, late;
  ask_get(failing, "t:1", &early);
  finish(executor, &early);
  assert_int_equal(early.code, LMDBX_NOT_A_DIRECTORY);
  const struct lmdbx_issue issue = to(&late);
  struct lmdbx_error error = {0};
  assert_int_equal(lmdbx_put(failing, text("t:1"), text("x"), &issue, &error),
                   LMDBX_NOT_A_DIRECTORY);
  assert_true(strlen(error.message) > 0);
  const struct lmdbx_issue close_issue = to(&closed);
  assert_int_equal(lmdbx_close(failing, &close_issue, NULL), LMDBX_OK);
  finish(executor, &closed);
  lmdbx_repository_release(failing);
}

static void a_pool_that_refuses_jobs_aborts_requests_and_loses_nothing_else(void **state) {
  struct fixture *fixture = *state;
  struct outcome read, written, again;
  ready(fixture);
  executor_set(&fixture->executor, &fixture->executor.refuse, true);
  ask_get(fixture->repository, "t:1", &read);
  ask_put(fixture->repository, "t:1", "x", &written);
  lmdbx_host_flush(fixture->executor.host);
  finish(&fixture->executor, &read);
  finish(&fixture->executor, &written);
  assert_int_equal(read.code, LMDBX_ABORTED);
  assert_int_equal(written.code, LMDBX_ABORTED);
  executor_set(&fixture->executor, &fixture->executor.refuse, false);
  ask_put(fixture->repository, "t:1", "y", &again);
  finish(&fixture->executor, &again);
  assert_int_equal(again.code, LMDBX_OK);
}

static void a_released_repository_finishes_what_was_issued(void **state) {
  struct fixture *fixture = *state;
  struct outcome written, read;
  ask_put(fixture->repository, "t:1", "x", &written);
  lmdbx_repository_release(fixture->repository);
  fixture->repository = NULL;
  finish(&fixture->executor, &written);
  assert_int_equal(written.code, LMDBX_OK);
  struct lmdbx_repository *again = open_with(&fixture->executor, fixture->directory, "");
  ask_get(again, "t:1", &read);
  finish(&fixture->executor, &read);
  assert_string_equal(read.value, "x");
  lmdbx_repository_release(again);
}

static void a_repository_may_be_released_at_any_step_of_its_closing(void **state) {
  struct fixture *fixture = *state;
  struct executor *executor = &fixture->executor;
  for (int step = 0; step < 3; step++) {
    struct lmdbx_repository *repository = open_with(executor, fixture->directory, "");
    struct outcome written, closed;
    ask_put(repository, "t:1", "x", &written);
    if (step > 0) finish(executor, &written);
    executor_set(executor, &executor->hold, true);
    const struct lmdbx_issue issue = to(&closed);
    assert_int_equal(lmdbx_close(repository, &issue, NULL), LMDBX_OK);
    if (step < 2) lmdbx_repository_release(repository);
    executor_set(executor, &executor->hold, false);
    finish(executor, &closed);
    if (step == 2) lmdbx_repository_release(repository);
    assert_int_equal(written.code, LMDBX_OK);
    assert_false(executor->busy);
  }
}

static void a_host_may_end_at_any_moment(void **state) {
  struct fixture *fixture = *state;
  for (int step = 0; step < 6; step++) {
    struct executor executor;
    struct outcome outcomes[4];
    executor_start(&executor);
    struct lmdbx_repository *repository = open_with(&executor, fixture->directory, "");
    if (step > 1) {
      ask_put(repository, "t:1", "x", &outcomes[0]);
      finish(&executor, &outcomes[0]);
    }
    if (step > 0) executor_set(&executor, &executor.hold, step % 2 == 0);
    ask_put(repository, "t:1", "x", &outcomes[0]);
    ask_get(repository, "t:1", &outcomes[1]);
    ask_get(repository, "t:2", &outcomes[2]);
    ask_list(repository, "t:", &outcomes[3]);
    if (step > 3) lmdbx_host_flush(executor.host);
    lmdbx_host_destroy(executor.host);
    executor_stop(&executor);
    lmdbx_repository_release(repository);
  }
}

/* All environments share the workers, so a dying host may hold up owners of any. */
static void hand_over_from(struct fixture *fixture, const char *directory) {
  struct executor other;
  struct outcome own, foreign;
  executor_start(&other);
  struct lmdbx_repository *repository = open_with(&other, directory, "");
  ask_put(repository, "t:0", "x", &foreign);
  finish(&other, &foreign);
  ready(fixture);
  executor_set(&other, &other.hold, true);
  ask_put(repository, "t:1", "x", &foreign);
  lmdbx_host_flush(other.host); /* the worker is the other host's, and waits */
  ask_put(fixture->repository, "t:2", "x", &own);
  lmdbx_host_flush(fixture->executor.host);
  executor_set(&fixture->executor, &fixture->executor.woken, false);
  lmdbx_host_destroy(other.host);
  while (!own.done) executor_turn(&fixture->executor); /* which waits to be woken */
  assert_int_equal(own.code, LMDBX_OK);
  executor_stop(&other);
  lmdbx_repository_release(repository);
}

static void a_dying_host_hands_the_queue_to_another_owner(void **state) {
  struct fixture *fixture = *state;
  hand_over_from(fixture, fixture->directory);
}

static void a_dying_host_hands_the_worker_to_another_environment(void **state) {
  struct fixture *fixture = *state;
  void *directory = NULL;
  assert_int_equal(make_directory(&directory), 0);
  hand_over_from(fixture, directory);
  remove_directory(&directory);
}

static void two_owners_share_group_commits(void **state) {
  enum { COUNT = 50 };
  struct fixture *fixture = *state;
  struct executor other;
  struct outcome own[COUNT], foreign[COUNT];
  executor_start(&other);
  struct lmdbx_repository *repository = open_with(&other, fixture->directory, "");
  for (int i = 0; i < COUNT; i++) {
    char key[32];
    snprintf(key, sizeof key, "t:%d", i);
    ask_put(fixture->repository, key, "own", &own[i]);
    lmdbx_host_flush(fixture->executor.host);
    ask_put(repository, key, "foreign", &foreign[i]);
    lmdbx_host_flush(other.host);
  }
  finish(&fixture->executor, &own[COUNT - 1]);
  finish(&other, &foreign[COUNT - 1]);
  for (int i = 0; i < COUNT; i++) {
    assert_int_equal(own[i].code, LMDBX_OK);
    assert_int_equal(foreign[i].code, LMDBX_OK);
  }
  assert_int_equal(counter(fixture->repository, "operations"), 2 * COUNT);
  lmdbx_repository_release(repository);
  lmdbx_host_destroy(other.host);
  executor_stop(&other);
}

static void a_full_queue_refuses_at_once_and_harms_nothing(void **state) {
  struct fixture *fixture = *state;
  struct outcome outcomes[64];
  struct lmdbx_repository *bounded =
      open_with(&fixture->executor, fixture->directory, ",\"maxQueuedBytes\":4096");
  int accepted = 0;
  while (accepted < 64) {
    const struct lmdbx_issue issue = to(&outcomes[accepted]);
    int code = lmdbx_put(bounded, text("t:1"), text("x"), &issue, NULL);
    if (code == LMDBX_QUEUE_FULL) break;
    assert_int_equal(code, LMDBX_OK);
    accepted++;
  }
  assert_in_range(accepted, 2, 63);
  for (int i = 0; i < accepted; i++) finish(&fixture->executor, &outcomes[i]);
  ask_put(bounded, "t:1", "y", &outcomes[0]);
  finish(&fixture->executor, &outcomes[0]);
  assert_int_equal(outcomes[0].code, LMDBX_OK);
  lmdbx_repository_release(bounded);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(operations_issued_while_opening_are_carried_out_in_order),
      TEST(writes_of_one_turn_share_a_commit),
      TEST(a_read_sees_earlier_writes_and_no_later_ones),
      TEST(a_list_sees_earlier_writes_and_no_later_ones),
      TEST(a_list_shows_no_keys_of_other_tenants),
      TEST(one_failing_operation_leaves_its_neighbours_alone),
      TEST(a_long_list_comes_in_pages_of_one_moment),
      TEST(close_lets_issued_operations_finish_and_refuses_later_ones),
      TEST(close_ends_a_scan_between_two_pages),
      TEST(a_failed_opening_fails_every_request_with_the_same_error),
      TEST(a_pool_that_refuses_jobs_aborts_requests_and_loses_nothing_else),
      TEST(a_released_repository_finishes_what_was_issued),
      TEST(a_repository_may_be_released_at_any_step_of_its_closing),
      TEST(a_host_may_end_at_any_moment),
      TEST(a_dying_host_hands_the_queue_to_another_owner),
      TEST(a_dying_host_hands_the_worker_to_another_environment),
      TEST(two_owners_share_group_commits),
      TEST(a_full_queue_refuses_at_once_and_harms_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
