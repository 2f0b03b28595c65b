/*
 * The store under a failing system: writes, syncs, maps and allocations that
 * fail on purpose.
 */
#include "faults.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---------------------------------------------------------------- writing */

enum { GROUP = 20 };

static struct lmdbx__op group[GROUP];
static char group_keys[GROUP][16];

/* Commits a group that gives every key the same value; all share its outcome. */
static int commit_all(struct lmdbx__env *env, const char *value) {
  for (size_t i = 0; i < GROUP; i++) group[i] = put_op(fill_key(group_keys[i], i), value);
  commit_group(env, group, GROUP);
  int code = code_of(&group[0]);
  for (size_t i = 0; i < GROUP; i++) assert_int_equal(code_of(&group[i]), code);
  free_ops(group, GROUP);
  return code;
}

static bool all_hold(struct lmdbx__env *env, const char *value) {
  size_t count = 0;
  for (size_t i = 0; i < GROUP; i++) count += holds(env, group_keys[i], value);
  assert_true(count == 0 || count == GROUP);
  return count == GROUP;
}

/* How many writes a commit takes depends on how its pages lie. */
enum { MAX_CALL = 4, SWEEPS = 10 };

/* What became of the commits of a sweep. */
struct outcomes {
  int unhit, clean, unclean;
};

/*
 * Lets the first, second ... write or sync of a commit fail. Behind a clean
 * failure the old values stand and the environment goes on; behind one at the
 * very end it is reopened, and shows all of one or of the other.
 */
static struct outcomes sweep(void **state, struct fault *fault, int errnum, int clean_code) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 4 * MEBIBYTE);
  struct outcomes outcomes = {0};
  for (long round = 0; round < MAX_CALL * SWEEPS; round++) {
    assert_int_equal(commit_all(env, "old"), LMDBX_OK);
    arm(fault, round % MAX_CALL + 1, errnum);
    int code = commit_all(env, "new");
    bool hit = atomic_load(&fault->countdown) == 0;
    no_faults();
    if (!hit) {
      assert_int_equal(code, LMDBX_OK);
      assert_true(all_hold(env, "new"));
      outcomes.unhit++;
      continue;
    }
    struct lmdbx__read *read;
    if (lmdbx__read_begin(env, &read, NULL) == LMDBX_OK) {
      lmdbx__read_end(read);
      assert_int_equal(code, clean_code);
      assert_true(all_hold(env, "old"));
      outcomes.clean++;
      continue;
    }
    assert_int_equal(code, LMDBX_IO);
    assert_int_equal(lmdbx__read_begin_wait(env, &read, NULL), LMDBX_OK);
    lmdbx__read_end(read);
    assert_true(all_hold(env, "old") || all_hold(env, "new"));
    outcomes.unclean++;
  }
  lmdbx__env_release(env);
  assert_true(outcomes.unhit > 0);
  assert_true(outcomes.clean > 0);
  return outcomes;
}

static void failing_writes_are_clean_or_make_it_reopen(void **state) {
  assert_true(sweep(state, &writes, EIO, LMDBX_IO).unclean > 0);
}

static void a_full_disk_is_an_error_of_its_own(void **state) {
  assert_true(sweep(state, &writes, ENOSPC, LMDBX_NO_SPACE).unclean > 0);
}

static void failing_syncs_are_clean(void **state) {
  assert_int_equal(sweep(state, &syncs, EIO, LMDBX_IO).unclean, 0);
}

static void half_a_write_is_a_failed_write(void **state) {
  sweep(state, &writes, 0, LMDBX_IO);
}

static void a_failed_commit_of_a_name_can_be_repeated(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 4 * MEBIBYTE);
  lmdbx__dbi dbi;
  arm(&writes, 1, EIO);
  assert_int_equal(lmdbx__db_open(env, "name", &dbi, NULL), LMDBX_IO);
  no_faults();
  assert_int_equal(lmdbx__db_open(env, "name", &dbi, NULL), LMDBX_OK);
  struct lmdbx__op op = put_op("k", "v");
  op.dbi = dbi;
  commit_group(env, &op, 1);
  assert_null(op.error);
  lmdbx__env_release(env);
}

static void a_database_that_cannot_be_written_is_not_created(void **state) {
  const char *path = path_in(state, "db");
  arm(&writes, 1, ENOSPC);
  expect_open_error(path, false, LMDBX_NO_SPACE, "disk is full");
  assert_int_not_equal(access(path_in(state, "db/data.mdb"), F_OK), 0);
  no_faults();
  lmdbx__env_release(open_env(path, 4 * MEBIBYTE));
}

/* Where LMDB would meet a SIGBUS. */
static void a_new_lock_file_needs_room_on_the_disk(void **state) {
  const char *path = path_in(state, "db");
  lmdbx__env_release(open_env(path, 4 * MEBIBYTE));
  arm(&rooms, 1, ENOSPC);
  lmdbx__env_release(open_env(path, 4 * MEBIBYTE)); /* one that is there may have it */
  assert_int_equal(unlink(path_in(state, "db/lock.mdb")), 0);
  for (int read_only = 0; read_only < 2; read_only++) {
    arm(&rooms, 1, ENOSPC);
    expect_open_error(path, read_only != 0, LMDBX_NO_SPACE, "disk is full");
  }
  arm(&rooms, 1, EOPNOTSUPP); /* not every file system can tell */
  lmdbx__env_release(open_env(path, 4 * MEBIBYTE));
}

static int write_and_die(void *path) {
  const struct lmdbx__env_options options = {.path = path, .map_size = 4 * MEBIBYTE};
  struct lmdbx__env *env;
  struct lmdbx__commit_report report;
  if (lmdbx__env_acquire(&options, NULL, &env, NULL) != LMDBX_OK) return 1;
  struct lmdbx__op op = put_op("k", "new");
  die_behind_meta = true;
  lmdbx__commit(env, &op, &report);
  return 2;
}

/* Another process keeps the lock file alive, which would otherwise begin anew. */
static void the_last_commit_of_a_killed_process_is_seen_after_catching_up(void **state) {
  if (is_emulated()) skip(); /* what it has locked stays locked */
  const char *path = path_in(state, "db");
  struct pin pin;
  struct lmdbx__env *env = open_env(path, 4 * MEBIBYTE);
  put(env, "k", "old");
  lmdbx__env_release(env);
  start_pin(&pin, path);
  assert_int_equal(join_child(start_child(write_and_die, (void *)path)), 100 + SIGKILL);
  env = open_env(path, 4 * MEBIBYTE);
  assert_true(holds(env, "k", "old")); /* as LMDB shows it: else there is nothing to catch up */
  uint64_t last = lmdbx__env_last_txn_id(env);
  lmdbx__env_catch_up(env);
  assert_true(holds(env, "k", "new"));
  assert_int_equal(lmdbx__env_last_txn_id(env), last); /* it commits nothing */
  lmdbx__env_catch_up(env);
  lmdbx__env_release(env);
  end_pin(&pin);
}

/* ------------------------------------------------------------------- maps */

static void an_automatic_map_is_halved_until_it_fits(void **state) {
  if (!MAPS_FAIL) skip();
  struct lmdbx__env_info info;
  largest_map = 200 * MEBIBYTE;
  struct lmdbx__env *env = open_env(path_in(state, "db"), 0);
  no_faults();
  lmdbx__env_info(env, &info);
  assert_in_range(info.map_size, 100 * MEBIBYTE, 200 * MEBIBYTE);
  put(env, "k", "v");
  lmdbx__env_release(env);
}

static void a_map_size_that_cannot_be_had_is_an_error(void **state) {
  struct lmdbx__env_options options = {.path = path_in(state, "db"), .map_size = (size_t)1 << 47};
  struct lmdbx__env *env;
  struct lmdbx_error error;
  assert_int_equal(lmdbx__env_acquire(&options, NULL, &env, &error), LMDBX_NO_MEMORY);
  assert_non_null(strstr(error.message, "smaller mapSize"));
}

/* Without address space for the reserve a delete in a full database fails, and
 * the map stays as it is. */
static void no_address_space_for_a_remap_loses_nothing(void **state) {
  if (!MAPS_FAIL) skip();
  const char *path = path_in(state, "db");
  struct pin pin;
  start_pin(&pin, path);
  struct lmdbx__env *env = open_env(path, MEBIBYTE);
  assert_true(fill_to_the_brim(env) > 20);
  struct lmdbx__op op = op_of(LMDBX__OP_DELETE, "fill:000000");
  largest_map = MEBIBYTE;
  commit_group(env, &op, 1);
  assert_int_equal(code_of(&op), LMDBX_MAP_FULL);
  free_ops(&op, 1);
  no_faults();
  assert_true(has(env, "fill:000000"));
  commit_group(env, &op, 1);
  assert_null(op.error);
  assert_false(has(env, "fill:000000"));
  lmdbx__env_release(env);
  end_pin(&pin);
}

/* LMDB unmaps before it maps: should that fail in spite of all, the environment
 * is reopened as soon as there is address space again. */
static void a_map_lost_in_a_remap_is_mapped_again(void **state) {
  if (!MAPS_FAIL) skip();
  const char *path = path_in(state, "db");
  struct pin pin;
  struct lmdbx__env_info before, info;
  struct lmdbx__read *read;
  start_pin(&pin, path);
  struct lmdbx__env *env = open_env(path, MEBIBYTE);
  assert_true(fill_to_the_brim(env) > 20);
  struct lmdbx__op op = op_of(LMDBX__OP_DELETE, "fill:000000");
  lmdbx__env_info(env, &before);
  largest_map = MEBIBYTE;
  map_flags = MAP_SHARED;
  commit_group(env, &op, 1);
  assert_int_equal(code_of(&op), LMDBX_FAILED);
  free_ops(&op, 1);
  assert_int_equal(lmdbx__read_begin(env, &read, NULL), LMDBX_CONFLICT);
  lmdbx__env_info(env, &info);
  assert_int_equal(info.last_txn_id, before.last_txn_id);
  no_faults();
  assert_int_equal(lmdbx__read_begin_wait(env, &read, NULL), LMDBX_OK);
  lmdbx__read_end(read);
  assert_true(has(env, "fill:000000"));
  commit_group(env, &op, 1);
  assert_null(op.error);
  assert_false(has(env, "fill:000000"));
  lmdbx__env_release(env);
  end_pin(&pin);
}

/* ------------------------------------------------------------ allocations */

static enum lmdbx__visit count_key(void *context, struct lmdbx_slice key,
                                   struct lmdbx_slice value) {
  (void)key;
  (void)value;
  ++*(int *)context;
  return LMDBX__VISIT_NEXT;
}

/* One of everything. Returns the first code that is not LMDBX_OK; that it says
 * so is all that an allocation may change. */
static int use_everything(const char *path) {
  struct lmdbx__env_options options = {.path = path, .map_size = MEBIBYTE};
  struct lmdbx__env *env;
  struct lmdbx__read *read = NULL;
  struct lmdbx__commit_report report;
  struct lmdbx__op ops[] = {put_op("a", "1"), op_of(LMDBX__OP_GET, "a"),
                            op_of(LMDBX__OP_DELETE, "b")};
  lmdbx__dbi dbi = TEST_MAIN_DBI;
  int count = 0;
  bool complete, found;
  struct lmdbx_slice value;
  int code = lmdbx__env_acquire(&options, NULL, &env, NULL);
  if (code != LMDBX_OK) return code;
  code = lmdbx__db_open(env, "name", &dbi, NULL);
  for (size_t i = 0; i < 3; i++) {
    ops[i].dbi = dbi;
    ops[i].next = i < 2 ? &ops[i + 1] : NULL;
  }
  if (code == LMDBX_OK) {
    lmdbx__commit(env, ops, &report);
    for (size_t i = 0; i < 3 && code == LMDBX_OK; i++) code = code_of(&ops[i]);
    free_ops(ops, 3);
  }
  if (code == LMDBX_OK) code = lmdbx__read_begin(env, &read, NULL);
  if (code == LMDBX_OK) code = lmdbx__read_get(read, dbi, text("a"), &found, &value, NULL);
  struct lmdbx__scan scan = {.dbi = dbi, .visit = count_key, .context = &count};
  if (code == LMDBX_OK) code = lmdbx__read_scan(read, &scan, &complete, NULL);
  if (read != NULL) lmdbx__read_end(read);
  lmdbx__env_release(env);
  return code;
}

static void every_failing_allocation_is_reported_and_nothing_breaks(void **state) {
  if (!ALLOCATIONS_FAIL) skip();
  lmdbx__env_release(open_env(path_in(state, "old"), MEBIBYTE));
  for (int fresh = 0; fresh < 2; fresh++) {
    bool finished = false;
    int reported = 0;
    for (long call = 1; !finished; call++) {
      char name[32];
      snprintf(name, sizeof name, "new%ld", call);
      const char *path = path_in(state, fresh ? name : "old");
      arm(&allocations, call, ENOMEM);
      int code = use_everything(path);
      finished = atomic_load(&allocations.countdown) > 0;
      no_faults();
      if (code != LMDBX_OK) {
        assert_int_equal(code, LMDBX_NO_MEMORY);
        reported++;
      }
      assert_int_equal(use_everything(path), LMDBX_OK);
    }
    assert_true(reported > 10);
  }
}

static int forget_faults(void **state) {
  no_faults();
  return remove_directory(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, forget_faults)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(failing_writes_are_clean_or_make_it_reopen),
      TEST(a_full_disk_is_an_error_of_its_own),
      TEST(failing_syncs_are_clean),
      TEST(half_a_write_is_a_failed_write),
      TEST(a_failed_commit_of_a_name_can_be_repeated),
      TEST(a_database_that_cannot_be_written_is_not_created),
      TEST(a_new_lock_file_needs_room_on_the_disk),
      TEST(the_last_commit_of_a_killed_process_is_seen_after_catching_up),
      TEST(an_automatic_map_is_halved_until_it_fits),
      TEST(a_map_size_that_cannot_be_had_is_an_error),
      TEST(no_address_space_for_a_remap_loses_nothing),
      TEST(a_map_lost_in_a_remap_is_mapped_again),
      TEST(every_failing_allocation_is_reported_and_nothing_breaks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
