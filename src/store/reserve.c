/* What a database that has reached its mapSize gets from behind it: room for deletes, and
 * for the commit after which puts find what those have freed. */
#include "store/internal.h"

/* Room for deletes: a path of pages to copy for each, and the list of those they
 * free. */
#define MIN_RESERVE_PAGES 64
#define RESERVE_SHARE 8

void lmdbx__reserve_release(struct lmdbx__env *env) {
  if (!env->reserve_mapped) return;
  env->reserve_mapped = lmdbx__gate_remap(env, env->map_limit, 0, false, NULL) == LMDBX_CONFLICT;
}

bool lmdbx__reserve_map(struct lmdbx__env *env) {
  size_t reserve = env->map_limit / RESERVE_SHARE;
  if (reserve < MIN_RESERVE_PAGES * env->page_size) reserve = MIN_RESERVE_PAGES * env->page_size;
  reserve = (reserve + env->page_size - 1) / env->page_size * env->page_size;
  if (lmdbx__gate_remap(env, env->map_limit, reserve, false, NULL) != LMDBX_OK) return false;
  env->reserve_mapped = true;
  return true;
}

/* Commits as good as nothing. */
static int commit_nothing(struct lmdbx__env *env) {
  static uint8_t reserved[] = {0xFF}; /* the package's, and never stored: docs/format.md */
  MDB_val key = {sizeof reserved, reserved};
  MDB_val nothing = {0, NULL};
  MDB_txn *txn;
  int rc = lmdbx__txn_begin(env, 0, &txn);
  if (rc != 0) return rc;
  uint64_t id = mdb_txn_id(txn);
  rc = mdb_put(txn, LMDBX__MAIN_DBI, &key, &nothing, MDB_NOOVERWRITE);
  if (rc == 0) rc = mdb_del(txn, LMDBX__MAIN_DBI, &key, NULL);
  if (rc == 0) {
    rc = mdb_txn_commit(txn);
    if (rc == 0) {
      env->room_txn_id = id;
      env->has_deleted = false;
    } else {
      (void)lmdbx__commit_error(env, rc, "commit", NULL); /* notes if the environment has failed */
    }
  } else {
    mdb_txn_abort(txn);
  }
  lmdbx__gate_leave(&env->gate);
  return rc;
}

bool lmdbx__reserve_make_room(struct lmdbx__env *env) {
  if (lmdbx__env_last_txn_id(env) == env->room_txn_id) return false;
  int rc = commit_nothing(env); /* which needs less room than most puts */
  if (rc == MDB_MAP_FULL && env->has_deleted && lmdbx__reserve_map(env)) {
    rc = commit_nothing(env);
    lmdbx__reserve_release(env);
  }
  return rc == 0;
}
