/* The reader slots of a database, as tools see them. */
#include "support.h"

#include <signal.h>
#include <unistd.h>

struct seen {
  int64_t pid;
  unsigned readers, reading, stale;
};

static void count(void *context, const struct lmdbx_reader *reader) {
  struct seen *seen = context;
  seen->readers++;
  seen->pid = reader->pid;
  if (reader->reading) seen->reading++;
  if (reader->stale) seen->stale++;
}

static struct seen look(const char *path, bool clear, unsigned *cleared) {
  struct seen seen = {0};
  struct lmdbx_error error = {0};
  int code = lmdbx_readers(path, clear, count, &seen, cleared, &error);
  if (code != LMDBX_OK) fail_msg("%s", error.message);
  return seen;
}

static int fails(const char *path) {
  struct seen seen = {0};
  struct lmdbx_error error = {0};
  unsigned cleared;
  return lmdbx_readers(path, false, count, &seen, &cleared, &error);
}

static void a_reader_of_another_process_is_seen(void **state) {
  struct pin pin;
  unsigned cleared;
  start_pin(&pin, path_in(state, "db"));
  struct seen seen = look(path_in(state, "db"), true, &cleared);
  assert_int_equal(seen.readers, 1);
  assert_int_equal(seen.reading, 1);
  assert_int_equal(seen.stale, 0);
  assert_int_equal(seen.pid, pin.pid);
  assert_int_equal(cleared, 0);
  end_pin(&pin);
  assert_int_equal(look(path_in(state, "db"), false, &cleared).readers, 0);
}

static void the_slot_of_a_killed_process_is_there_until_it_is_cleared(void **state) {
  struct pin killed, pin;
  unsigned cleared;
  const char *path = path_in(state, "db");
  start_pin(&killed, path);
  start_pin(&pin, path); /* with nobody left, the lock file would be made anew */
  assert_int_equal(kill(killed.pid, SIGKILL), 0);
  assert_int_equal(join_child(killed.pid), 100 + SIGKILL);
  close(killed.stop);
  struct seen seen = look(path, false, &cleared);
  assert_int_equal(seen.readers, 2);
  assert_int_equal(seen.stale, 1);
  assert_int_equal(cleared, 0);
  seen = look(path, true, &cleared);
  assert_int_equal(seen.readers, 1);
  assert_int_equal(seen.stale, 0);
  assert_int_equal(seen.pid, pin.pid);
  assert_int_equal(cleared, 1);
  assert_int_equal(look(path, true, &cleared).readers, 1);
  assert_int_equal(cleared, 0);
  end_pin(&pin);
}

static void nothing_is_created(void **state) {
  unsigned cleared;
  const char *path = path_in(state, "db");
  assert_int_equal(fails(path), LMDBX_NOT_FOUND);
  assert_int_not_equal(access(path, F_OK), 0);
  lmdbx__env_release(open_env(path, 0));
  assert_int_equal(unlink(path_in(state, "db/lock.mdb")), 0);
  assert_int_equal(look(path, true, &cleared).readers, 0);
  assert_int_not_equal(access(path_in(state, "db/lock.mdb"), F_OK), 0);
}

static void what_cannot_be_opened_is_refused(void **state) {
  write_file(path_in(state, "file"), "text", 4);
  assert_int_equal(fails(path_in(state, "file")), LMDBX_NOT_A_DIRECTORY);
  struct lmdbx__env *env = open_env(path_in(state, "db"), 0);
  assert_int_equal(fails(path_in(state, "db")), LMDBX_ALREADY_OPEN);
  lmdbx__env_release(env);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_reader_of_another_process_is_seen),
      TEST(the_slot_of_a_killed_process_is_there_until_it_is_cleared),
      TEST(nothing_is_created),
      TEST(what_cannot_be_opened_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
