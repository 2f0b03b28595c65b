/* Many records removed in one transaction. */
#include "store/internal.h"

#include <errno.h>
#include <string.h>

static const char doing[] = "remove records";

/* Keys between two looks at whether to stop. */
#define STOP_INTERVAL 1024

static bool has_prefix(MDB_val key, struct lmdbx_slice prefix) {
  return key.mv_size >= prefix.size &&
         (prefix.size == 0 || memcmp(key.mv_data, prefix.data, prefix.size) == 0);
}

/* Removes what belongs. 0, ECANCELED if it was to stop, or an LMDB code. */
static int remove_some(MDB_txn *txn, const struct lmdbx__clear *clear, size_t *removed) {
  MDB_cursor *cursor;
  MDB_val key = {clear->prefix.size, (void *)clear->prefix.data};
  MDB_val value;
  size_t visits = 0;
  int rc = mdb_cursor_open(txn, clear->dbi, &cursor);
  if (rc != 0) return rc;
  rc = mdb_cursor_get(cursor, &key, &value, key.mv_size > 0 ? MDB_SET_RANGE : MDB_FIRST);
  while (rc == 0 && has_prefix(key, clear->prefix)) {
    if (++visits % STOP_INTERVAL == 0 && clear->stop(clear->context)) {
      rc = ECANCELED;
      break;
    }
    if (clear->belongs(clear->context, (struct lmdbx_slice){key.mv_data, key.mv_size})) {
      rc = mdb_cursor_del(cursor, 0);
      if (rc != 0) break;
      ++*removed;
    }
    rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT); /* behind one that was removed, too */
  }
  mdb_cursor_close(cursor);
  return rc == MDB_NOTFOUND ? 0 : rc;
}

static int remove_all(MDB_txn *txn, lmdbx__dbi dbi, size_t *removed) {
  MDB_stat stat;
  int rc = mdb_stat(txn, dbi, &stat);
  if (rc != 0) return rc;
  *removed = stat.ms_entries;
  return mdb_drop(txn, dbi, 0);
}

/* One attempt. *rc: what LMDB says against it, ECANCELED or 0. Returns a code; *error is
 * described where the commit failed. */
static int attempt(struct lmdbx__env *env, const struct lmdbx__clear *clear, size_t *removed,
                   int *rc, struct lmdbx_error *error) {
  MDB_txn *txn;
  int code = LMDBX_OK;
  *removed = 0;
  *rc = lmdbx__txn_begin(env, 0, &txn);
  if (*rc != 0) return lmdbx__env_error(error, env, *rc, doing);
  *rc = clear->belongs == NULL ? remove_all(txn, clear->dbi, removed)
                               : remove_some(txn, clear, removed);
  if (*rc == 0 && *removed > 0) {
    *rc = mdb_txn_commit(txn);
    if (*rc == 0) env->has_deleted = true;
  } else {
    mdb_txn_abort(txn);
  }
  if (*rc == ECANCELED) {
    code = lmdbx__error_at(error, LMDBX_ABORTED, 0, doing, env->path,
                           "the thread is ending. Nothing was removed");
  } else if (*rc != 0) {
    code = lmdbx__commit_error(env, *rc, doing, error);
  }
  lmdbx__gate_leave(&env->gate);
  return code;
}

int lmdbx__clear(struct lmdbx__env *env, const struct lmdbx__clear *clear, size_t *removed,
                 struct lmdbx_error *error) {
  int rc = 0;
  *removed = 0;
  int code = lmdbx__env_usable(env, true, error, doing);
  if (code == LMDBX_OK) code = lmdbx__write_check(env, error);
  if (code != LMDBX_OK) return code;
  lmdbx__reserve_release(env);
  code = attempt(env, clear, removed, &rc, error);
  if (rc == MDB_MAP_FULL && lmdbx__reserve_map(env)) {
    code = attempt(env, clear, removed, &rc, error);
    lmdbx__reserve_release(env);
  }
  if (code != LMDBX_OK) *removed = 0;
  return code;
}
