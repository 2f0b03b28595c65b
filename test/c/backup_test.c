/* Backups of the queue: what stops their host leaves nothing of them. */
#include "queue_fixture.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

/* The backup of the part that came last; NULL: that was its end. */
static struct lmdbx_backup *handle;

static void note_part(void *context, void *user, const struct lmdbx_result *result) {
  handle = result->backup;
  note(context, user, result);
}

static struct lmdbx_issue to_part(struct outcome *outcome) {
  struct lmdbx_issue issue = to(outcome);
  issue.done = note_part;
  return issue;
}

/* Fills the database with what no part takes whole. */
static void fill_database(struct fixture *fixture) {
  static const uint8_t large[40 * MEBIBYTE];
  struct outcome outcome;
  const struct lmdbx_issue issue = to(&outcome);
  const struct lmdbx_slice value = {large, sizeof large};
  assert_int_equal(lmdbx_put(fixture->repository, text("t:1"), value, &issue, NULL), LMDBX_OK);
  finish(&fixture->executor, &outcome);
}

static void begin(struct fixture *fixture, const char *target) {
  struct outcome outcome;
  const struct lmdbx_issue issue = to_part(&outcome);
  assert_int_equal(lmdbx_backup(fixture->repository, text(target), false, &issue, NULL), LMDBX_OK);
  finish(&fixture->executor, &outcome);
  assert_non_null(handle);
}

static void ask_next(struct outcome *outcome) {
  const struct lmdbx_issue issue = to_part(outcome);
  assert_int_equal(lmdbx_backup_next(handle, false, &issue, NULL), LMDBX_OK);
}

/* One that lies between two parts, of which the first has made its files. */
static struct lmdbx_backup *begin_and_copy(struct fixture *fixture) {
  struct outcome outcome;
  begin(fixture, path_in(&fixture->directory, "copy"));
  ask_next(&outcome);
  finish(&fixture->executor, &outcome);
  assert_non_null(handle);
  return handle;
}

/* How many backups lie in a directory, complete or not. */
static size_t count_copies(const char *directory) {
  DIR *entries = opendir(directory);
  size_t count = 0;
  assert_non_null(entries);
  for (struct dirent *entry; (entry = readdir(entries)) != NULL;)
    if (strncmp(entry->d_name, "copy", 4) == 0) count++;
  closedir(entries);
  return count;
}

static void a_host_that_stops_ends_its_backups_and_leaves_nothing(void **state) {
  struct fixture *fixture = *state;
  struct executor *executor = &fixture->executor;
  fill_database(fixture);
  struct outcome outcome;
  struct lmdbx_backup *between = begin_and_copy(fixture);
  assert_int_equal(count_copies(fixture->directory), 1);
  begin(fixture, path_in(&fixture->directory, "copy-2"));
  struct lmdbx_backup *other = handle;

  handle = between;
  lmdbx_host_stop(executor->host);
  assert_int_equal(count_copies(fixture->directory), 0);
  ask_next(&outcome);
  finish(executor, &outcome);
  assert_int_equal(outcome.code, LMDBX_ABORTED);
  lmdbx_backup_release(other);
}

static void a_part_that_waits_or_is_under_way_ends_with_its_host(void **state) {
  struct fixture *fixture = *state;
  struct executor *executor = &fixture->executor;
  fill_database(fixture);
  struct lmdbx_backup *waiting = begin_and_copy(fixture);
  begin(fixture, path_in(&fixture->directory, "copy-2"));
  struct outcome first, second;
  ask_next(&first); /* which may be anywhere when the host stops */
  executor_set(executor, &executor->hold, true);
  handle = waiting;
  ask_next(&second);
  lmdbx_host_stop(executor->host);
  assert_int_equal(count_copies(fixture->directory), 0);
  executor_set(executor, &executor->hold, false);
  finish(executor, &first);
  finish(executor, &second);
  assert_int_equal(second.code, LMDBX_ABORTED);
  assert_int_equal(count_copies(fixture->directory), 0);
}

static void a_host_that_ends_gives_the_environment_back_though_a_backup_is_held(void **state) {
  struct fixture *fixture = *state;
  struct executor *executor = &fixture->executor;
  fill_database(fixture);
  struct lmdbx_backup *held = begin_and_copy(fixture);
  lmdbx_repository_release(fixture->repository);
  lmdbx_host_destroy(executor->host);
  assert_int_equal(count_copies(fixture->directory), 0);
  executor_stop(executor);

  /* Another map size is a contradiction as long as the environment is open. */
  executor_start(executor);
  fixture->repository = open_with(executor, fixture->directory, ",\"mapSize\":104857600");
  ready(fixture);
  lmdbx_backup_release(held);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_host_that_stops_ends_its_backups_and_leaves_nothing),
      TEST(a_part_that_waits_or_is_under_way_ends_with_its_host),
      TEST(a_host_that_ends_gives_the_environment_back_though_a_backup_is_held),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
