/* What the tests of reopening share. */
#ifndef LMDBX_TEST_REOPEN_H
#define LMDBX_TEST_REOPEN_H

#include "faults.h"
#include "support.h"

#include <string.h>

static int write_one(struct lmdbx__env *env, lmdbx__dbi dbi, const char *key, const char *value) {
  struct lmdbx__op op = put_op(key, value);
  op.dbi = dbi;
  commit_group(env, &op, 1);
  int code = code_of(&op);
  free_ops(&op, 1);
  return code;
}

/* Lets a commit fail as it writes its meta page. */
static void fail_commit(struct lmdbx__env *env) {
  arm(&metas, 1, EIO);
  assert_int_equal(write_one(env, TEST_MAIN_DBI, "failing", "1"), LMDBX_IO);
  assert_int_equal(atomic_load(&metas.countdown), 0);
}

static int use_join(struct lmdbx__env *env) {
  struct lmdbx__env_options options = {.path = lmdbx__env_path(env)};
  struct lmdbx__env *joined;
  int code = lmdbx__env_acquire(&options, NULL, &joined, NULL);
  if (code != LMDBX_OK) return code;
  assert_ptr_equal(joined, env);
  lmdbx__env_release(joined);
  return code;
}

static int forget_faults(void **state) {
  no_faults();
  return remove_directory(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, forget_faults)

#endif
