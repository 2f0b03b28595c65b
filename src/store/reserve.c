/* What a database that has reached its mapSize gets from behind it: room for deletes, and
 * for the commit after which puts find what those have freed. */
#include "store/internal.h"

/* Room for deletes: a path of pages to copy for each, and the list of those they
 * free. */
#define MIN_RESERVE_PAGES 64
#define RESERVE_SHARE 8
/* More than a commit of one small record frees: that many are worth a commit more. */
#define MIN_FREED_PAGES 8

void lmdbx__reserve_release(struct lmdbx__env *env) {
  if (!env->reserve_mapped) return;
  env->reserve_mapped = lmdbx__gate_remap(env, env->map_limit, 0, NULL) == LMDBX_CONFLICT;
}

bool lmdbx__reserve_map(struct lmdbx__env *env) {
  size_t reserve = env->map_limit / RESERVE_SHARE;
  if (reserve < MIN_RESERVE_PAGES * env->page_size) reserve = MIN_RESERVE_PAGES * env->page_size;
  reserve = (reserve + env->page_size - 1) / env->page_size * env->page_size;
  env->reserve_mapped = true;
  return lmdbx__gate_remap(env, env->map_limit, reserve, NULL) == LMDBX_OK;
}

/* Whether the last commit has freed pages worth waiting for. */
static bool has_freed(struct lmdbx__env *env) {
  struct lmdbx__read *read;
  if (lmdbx__read_begin_wait(env, &read, NULL) != LMDBX_OK) return false;
  uint64_t pages = 0;
  int code = lmdbx__read_just_freed(read, &pages, NULL);
  lmdbx__read_end(read);
  return code == LMDBX_OK && pages >= MIN_FREED_PAGES;
}

/* Commits as good as nothing. */
static int commit_nothing(struct lmdbx__env *env) {
  static uint8_t reserved[] = {0xFF}; /* the package's, and never stored: docs/format.md */
  MDB_val key = {sizeof reserved, reserved};
  MDB_val nothing = {0, NULL};
  MDB_txn *txn;
  int rc = lmdbx__txn_begin(env, 0, &txn);
  if (rc != 0) return rc;
  rc = mdb_put(txn, LMDBX__MAIN_DBI, &key, &nothing, MDB_NOOVERWRITE);
  if (rc == 0) rc = mdb_del(txn, LMDBX__MAIN_DBI, &key, NULL);
  if (rc == 0) {
    rc = mdb_txn_commit(txn);
    if (rc != 0)
      (void)lmdbx__commit_error(env, rc, "commit", NULL); /* it may have failed for good */
  } else {
    mdb_txn_abort(txn);
  }
  lmdbx__gate_leave(&env->gate);
  return rc;
}

bool lmdbx__reserve_make_room(struct lmdbx__env *env) {
  if (!has_freed(env) || !lmdbx__reserve_map(env)) return false;
  int rc = commit_nothing(env);
  lmdbx__reserve_release(env);
  return rc == 0;
}
