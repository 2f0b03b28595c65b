/* Copies: whole or not at all, of one moment, and never in anybody's way. */
#include "faults.h"
#include "support.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, forget_faults)
#define PATIENCE_MS 60000

static int forget_faults(void **state) {
  no_faults();
  return remove_directory(state);
}

static const atomic_bool go_on_for_ever;

static struct lmdbx__copy *begin(struct lmdbx__env *env, const char *target, bool compact) {
  const struct lmdbx__copy_options options = {target, compact};
  struct lmdbx__copy *copy;
  struct lmdbx_error error;
  if (lmdbx__copy_begin(env, &options, &copy, &error) != LMDBX_OK) fail_msg("%s", error.message);
  return copy;
}

/* Runs a copy to its end: LMDBX_OK, or what ended it. */
static int run(struct lmdbx__copy *copy, struct lmdbx_error *error) {
  bool complete = false;
  int code = LMDBX_OK;
  while (code == LMDBX_OK && !complete)
    code = lmdbx__copy_go_on(copy, PATIENCE_MS, &go_on_for_ever, &complete, error);
  return code;
}

static void put_value(struct lmdbx__env *env, const char *key, size_t size) {
  static const uint8_t large[20 * MEBIBYTE];
  struct lmdbx__op op = put_op(key, "");
  op.value = (struct lmdbx_slice){large, size};
  commit_group(env, &op, 1);
  assert_null(op.error);
}

/* One value that no pipe holds, in one commit. */
static void put_large(struct lmdbx__env *env) {
  put_value(env, "large", 20 * MEBIBYTE);
}

static size_t count_entries(const char *directory) {
  DIR *entries = opendir(directory);
  size_t count = 0;
  assert_non_null(entries);
  for (struct dirent *entry; (entry = readdir(entries)) != NULL;)
    if (entry->d_name[0] != '.') count++;
  closedir(entries);
  return count;
}

/* Whether the test's directory holds the database alone. */
static bool nothing_else(void **state) {
  return count_entries(*state) == 1;
}

static void a_copy_holds_what_was_there_when_it_began(void **state) {
  for (int compact = 0; compact < 2; compact++) {
    const char *target = path_in(state, compact ? "compact/copy" : "plain/copy");
    struct lmdbx__env *env = open_env(path_in(state, "db"), 4 * MEBIBYTE);
    size_t count = fill(env, 20000);
    uint64_t bytes, total;
    char key[16];
    struct lmdbx__copy *copy = begin(env, target, compact);
    assert_int_equal(run(copy, NULL), LMDBX_OK);
    lmdbx__copy_progress(copy, &bytes, &total);
    struct stat status;
    assert_int_equal(
        stat(path_in(state, compact ? "compact/copy/data.mdb" : "plain/copy/data.mdb"), &status),
        0);
    assert_int_equal(bytes, status.st_size);
    assert_int_equal(total, bytes);
    lmdbx__copy_free(copy);
    lmdbx__env_release(env);

    env = open_env(target, 32 * MEBIBYTE);
    for (size_t i = 0; i < count; i++) assert_true(has(env, fill_key(key, i)));
    put(env, "next", "in the copy");
    lmdbx__env_release(env);
  }
}

static void a_plain_copy_does_not_see_what_is_written_after_it_began(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 32 * MEBIBYTE);
  char key[16];
  put(env, "moment", "before");
  for (int i = 0; i < 3000; i++)
    put(env, fill_key(key, (size_t)i), "some value that takes its space");
  struct lmdbx__copy *copy = begin(env, path_in(state, "copy"), false);
  put(env, "moment", "after");
  put(env, "new", "after");
  assert_int_equal(run(copy, NULL), LMDBX_OK);
  lmdbx__copy_free(copy);
  lmdbx__env_release(env);
  env = open_env(path_in(state, "copy"), 32 * MEBIBYTE);
  assert_true(holds(env, "moment", "before"));
  assert_false(has(env, "new"));
  lmdbx__env_release(env);
}

static void a_copy_ends_at_every_step_and_leaves_nothing(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 64 * MEBIBYTE);
  atomic_bool stop = true;
  bool complete;
  put_large(env);
  for (int compact = 0; compact < 2; compact++) {
    const char *target = path_in(state, "copy");
    for (int parts = 0; parts < 4; parts++) {
      struct lmdbx__copy *copy = begin(env, target, compact);
      for (int i = 0; i < parts; i++) {
        assert_int_equal(lmdbx__copy_go_on(copy, PATIENCE_MS, &stop, &complete, NULL), LMDBX_OK);
        assert_false(complete);
        assert_int_equal(count_entries(*state), 2);
      }
      lmdbx__copy_free(copy);
      assert_true(nothing_else(state));
    }
  }
  put(env, "k", "v");
  lmdbx__env_release(env);
}

/* Wherever LMDB waits for what it writes to be taken, it learns that nobody will. */
static void a_copy_that_waits_for_its_reader_can_be_ended_anywhere(void **state) {
  const struct timespec time_to_block = {.tv_nsec = 500000};
  struct lmdbx__env *env = open_env(path_in(state, "db"), 64 * MEBIBYTE);
  const char *target = path_in(state, "copy");
  atomic_bool stop = true;
  bool complete;
  char key[16];
  for (int i = 0; i < 8; i++) put_value(env, fill_key(key, (size_t)i), MEBIBYTE);
  for (int compact = 0; compact < 2; compact++) {
    for (int round = 0; round < 200; round++) {
      struct lmdbx__copy *copy = begin(env, target, compact);
      for (int i = 0; i < round % 20; i++)
        assert_int_equal(lmdbx__copy_go_on(copy, PATIENCE_MS, &stop, &complete, NULL), LMDBX_OK);
      nanosleep(&time_to_block, NULL);
      (void)alarm(20); /* it would hang for ever */
      lmdbx__copy_free(copy);
      (void)alarm(0);
    }
  }
  assert_true(nothing_else(state));
  lmdbx__env_release(env);
}

static void a_target_that_appears_meanwhile_is_not_replaced(void **state) {
  const char *target = path_in(state, "copy");
  struct lmdbx__env *env = open_env(path_in(state, "db"), 64 * MEBIBYTE);
  struct lmdbx_error error;
  atomic_bool stop = true;
  bool complete;
  put_large(env);
  struct lmdbx__copy *copy = begin(env, target, false);
  assert_int_equal(lmdbx__copy_go_on(copy, PATIENCE_MS, &stop, &complete, NULL), LMDBX_OK);
  assert_int_equal(mkdir(target, 0777), 0);
  assert_int_equal(run(copy, &error), LMDBX_EXISTS);
  lmdbx__copy_free(copy);
  assert_int_equal(count_entries(target), 0);
  assert_int_equal(count_entries(*state), 2);
  lmdbx__env_release(env);
}

/* Deletes in a full database move the map, which needs live reads to end. */
static size_t move_map(struct lmdbx__env *env, size_t count) {
  char key[16];
  for (int i = 0; i < 50; i++) {
    struct lmdbx__op op = op_of(LMDBX__OP_DELETE, fill_key(key, --count));
    commit_group(env, &op, 1);
    assert_null(op.error);
  }
  return count;
}

static void a_map_that_has_to_move_ends_the_copy_and_does_not_wait(void **state) {
  struct lmdbx_error error;
  atomic_bool stop = true;
  bool complete;
  for (int compact = 0; compact < 2; compact++) {
    struct lmdbx__env *env = open_env(path_in(state, "db"), MEBIBYTE);
    struct timespec begun, ended;
    size_t count = fill(env, 3000);
    struct lmdbx__copy *copy = begin(env, path_in(state, "copy"), compact);
    if (compact) /* it may have another moment as long as nothing is seen of the first */
      assert_int_equal(lmdbx__copy_go_on(copy, PATIENCE_MS, &stop, &complete, NULL), LMDBX_OK);
    clock_gettime(CLOCK_MONOTONIC, &begun);
    count = move_map(env, count);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    assert_int_equal(run(copy, &error), LMDBX_CONFLICT);
    assert_non_null(strstr(error.message, "Try again"));
    assert_true(ended.tv_sec - begun.tv_sec < 5);
    lmdbx__copy_free(copy);
    assert_true(nothing_else(state));
    lmdbx__env_release(env);
  }
}

static void a_compact_copy_has_another_moment_where_the_map_moves_at_its_start(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), MEBIBYTE);
  struct lmdbx_error error = {0};
  char key[16];
  size_t count = fill(env, 3000);
  struct lmdbx__copy *copy = begin(env, path_in(state, "copy"), true);
  count = move_map(env, count);
  if (run(copy, &error) != LMDBX_OK) fail_msg("%s", error.message);
  lmdbx__copy_free(copy);
  lmdbx__env_release(env);
  env = open_env(path_in(state, "copy"), 32 * MEBIBYTE);
  assert_true(has(env, fill_key(key, count - 1)));
  lmdbx__env_release(env);
}

/* Which rename takes a copy back: musl's headers do not have renameat2, so that there another
 * one gives it its name. */
#ifdef RENAME_NOREPLACE
#define TAKING_BACK 1
#else
#define TAKING_BACK 2
#endif

/* Syncs of the file, of its directory, and of the parent; then the way back. */
static void a_copy_whose_name_is_not_on_disk_is_taken_back_or_said_to_be_there(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), MEBIBYTE);
  const char *target = path_in(state, "copy");
  struct lmdbx_error error;
  bool complete;
  for (int stays = 0; stays < 2; stays++) {
    struct lmdbx__copy *copy = begin(env, target, false);
    assert_int_equal(lmdbx__copy_go_on(copy, PATIENCE_MS, &go_on_for_ever, &complete, NULL),
                     LMDBX_OK);
    arm(&full_syncs, 3, EIO);
    if (stays) arm(&renames, TAKING_BACK, EIO);
    assert_int_equal(run(copy, &error), LMDBX_IO);
    no_faults();
    lmdbx__copy_free(copy);
    assert_int_equal(strstr(error.message, "complete backup") != NULL, stays);
    if (stays == 0) assert_true(nothing_else(state));
  }
  lmdbx__env_release(env);
  lmdbx__env_release(open_env(target, MEBIBYTE));
}

static void a_file_that_is_opened_again_ends_the_copy(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 32 * MEBIBYTE);
  struct lmdbx_error error;
  put_large(env);
  struct lmdbx__copy *copy = begin(env, path_in(state, "copy"), false);
  struct lmdbx__op op = put_op("failing", "1");
  arm(&metas, 1, EIO);
  commit_group(env, &op, 1);
  assert_int_equal(code_of(&op), LMDBX_IO);
  free_ops(&op, 1);
  struct lmdbx__op again = op_of(LMDBX__OP_HAS, "large");
  commit_group(env, &again, 1);
  assert_true(again.found);
  assert_int_equal(run(copy, &error), LMDBX_CONFLICT);
  lmdbx__copy_free(copy);
  assert_true(nothing_else(state));
  lmdbx__env_release(env);
}

static void a_disk_that_fails_fails_the_copy_alone(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 32 * MEBIBYTE);
  struct lmdbx_error error;
  put_large(env);
  struct lmdbx__copy *copy = begin(env, path_in(state, "copy"), false);
  arm(&syncs, 1, EIO);
  assert_int_equal(run(copy, &error), LMDBX_IO);
  assert_non_null(strstr(error.message, "Could not write a backup in"));
  no_faults();
  lmdbx__copy_free(copy);
  assert_true(nothing_else(state));
  lmdbx__env_release(env);
}

static void failing_allocations_leave_nothing(void **state) {
  if (!ALLOCATIONS_FAIL) skip(); /* a sanitizer has its own allocator */
  struct lmdbx__env *env = open_env(path_in(state, "db"), MEBIBYTE);
  const char *target = path_in(state, "copy");
  put(env, "k", "v");
  for (int compact = 0; compact < 2; compact++) {
    const struct lmdbx__copy_options options = {target, compact};
    bool all = false;
    for (long call = 1; !all; call++) {
      struct lmdbx__copy *copy = NULL;
      struct lmdbx_error error;
      arm(&allocations, call, 0);
      int code = lmdbx__copy_begin(env, &options, &copy, &error);
      if (code == LMDBX_OK) code = run(copy, &error);
      all = atomic_load(&allocations.countdown) > 0;
      no_faults();
      lmdbx__copy_free(copy);
      if (code == LMDBX_OK) {
        struct lmdbx__env *opened = open_env(target, 32 * MEBIBYTE);
        lmdbx__env_release(opened);
        unlink(path_in(state, "copy/data.mdb"));
        unlink(path_in(state, "copy/lock.mdb"));
        assert_int_equal(rmdir(target), 0);
      } else {
        assert_int_equal(code, LMDBX_NO_MEMORY);
        assert_false(all);
      }
      assert_true(nothing_else(state));
    }
  }
  lmdbx__env_release(env);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_copy_holds_what_was_there_when_it_began),
      TEST(a_plain_copy_does_not_see_what_is_written_after_it_began),
      TEST(a_copy_ends_at_every_step_and_leaves_nothing),
      TEST(a_copy_that_waits_for_its_reader_can_be_ended_anywhere),
      TEST(a_target_that_appears_meanwhile_is_not_replaced),
      TEST(a_map_that_has_to_move_ends_the_copy_and_does_not_wait),
      TEST(a_compact_copy_has_another_moment_where_the_map_moves_at_its_start),
      TEST(a_copy_whose_name_is_not_on_disk_is_taken_back_or_said_to_be_there),
      TEST(a_file_that_is_opened_again_ends_the_copy),
      TEST(a_disk_that_fails_fails_the_copy_alone),
      TEST(failing_allocations_leave_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
