/*
 * Reopening in place. When a commit fails at its very end LMDB refuses everything
 * from then on (MDB_PANIC), and when the map cannot be moved there is none. Then
 * the file is closed, checked and opened again behind the closed gate, with the
 * options and the database handles it had, so that its owners can go on. What
 * fails in that leaves the environment failed, and the next use tries again.
 */
#include "store/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char doing[] = "open the database again";

/* Whether data.mdb still is the file that env->file keeps from being another. */
static int check_same(struct lmdbx__env *env, struct lmdbx_error *error) {
  struct stat status;
  char *data = lmdbx__join_path(env->path, "data.mdb");
  int rc = data == NULL ? ENOMEM : stat(data, &status) != 0 ? errno : 0;
  free(data);
  if (rc != 0 && rc != ENOENT) return lmdbx__store_error(error, rc, doing, env->path);
  if (rc == 0 && status.st_dev == env->id.device && status.st_ino == env->id.inode) return LMDBX_OK;
  return lmdbx__error_at(error, LMDBX_NOT_FOUND, rc, doing, env->path,
                         "data.mdb was %s meanwhile. Close every repository on this path, and "
                         "open it again",
                         rc == 0 ? "replaced" : "removed");
}

static int open_databases(struct lmdbx__env *env, struct lmdbx_error *error) {
  MDB_txn *txn;
  int rc = mdb_txn_begin(env->mdb, NULL, MDB_RDONLY, &txn);
  if (rc != 0) return lmdbx__begin_error(env, rc, error);
  rc = lmdbx__databases_open(env, txn);
  if (rc == 0) {
    rc = mdb_txn_commit(txn);
  } else {
    mdb_txn_abort(txn);
  }
  return rc == 0 ? LMDBX_OK : lmdbx__store_error(error, rc, doing, env->path);
}

/* Behind the closed gate. */
static int reopen(struct lmdbx__env *env, struct lmdbx_error *error) {
  struct lmdbx_error reason;
  lmdbx__env_detach(env);
  int code = check_same(env, &reason);
  if (code == LMDBX_OK) code = lmdbx__check_files(env->path, &env->id, env->allow_network, &reason);
  if (code == LMDBX_OK) code = lmdbx__env_attach(env, &reason);
  if (code == LMDBX_OK) code = open_databases(env, &reason);
  if (code == LMDBX_OK) {
    atomic_store(&env->failed, false);
    return LMDBX_OK;
  }
  lmdbx__env_detach(env);
  return lmdbx_error_set(error, LMDBX_FAILED, reason.errnum, "After a failure: %s", reason.message);
}

int lmdbx__env_usable(struct lmdbx__env *env, bool wait, struct lmdbx_error *error,
                      const char *doing_what) {
  if (lmdbx__forked(env))
    return lmdbx__error_at(error, LMDBX_FORKED, 0, doing_what, env->path,
                           "this process was forked after the database was opened. Start it with "
                           "exec, and open the database there");
  for (int tries = 0; atomic_load(&env->failed); tries++) {
    bool first = false;
    if (!wait)
      return lmdbx__error_at(error, LMDBX_CONFLICT, 0, doing_what, env->path,
                             "it has to be opened again after a failure. Try again");
    if (tries == LMDBX__MAX_RETRIES) return lmdbx__env_error(error, env, MDB_PANIC, doing_what);
    if (lmdbx__gate_close(&env->gate, &first) != LMDBX_OK)
      return lmdbx__error_at(error, LMDBX_FAILED, 0, doing_what, env->path,
                             "an earlier failure ended the database, and transactions that are "
                             "still open keep it from being opened again. Try again");
    if (!first) continue;
    /* Another thread may have been faster. */
    int code = atomic_load(&env->failed) ? reopen(env, error) : LMDBX_OK;
    lmdbx__gate_open(&env->gate, env->mdb == NULL);
    if (code != LMDBX_OK) return code;
  }
  return LMDBX_OK;
}
