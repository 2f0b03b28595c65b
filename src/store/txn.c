/* Read transactions, kept for reuse; and the way into any transaction. */
#include "store/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char beginning[] = "begin a read";

/* Slack behind what another process has used, so that its next commits do not
 * move our map again. Nothing for a mapSize that limits our puts. */
static size_t growth_slack(struct lmdbx__env *env) {
  return env->map_size_given == 0 || !env->writable ? env->map_limit / 8 : 0;
}

static int remap_resized(struct lmdbx__env *env, struct lmdbx_error *error) {
  return lmdbx__gate_remap(env, env->map_limit, growth_slack(env), true, error);
}

/* Counts a transaction out that could not begin. Whether LMDB has given up is
 * noted within the gate: behind it the file may be another thread's to reopen. */
static void leave_failed(struct lmdbx__env *env, int rc) {
  if (rc == MDB_PANIC) atomic_store(&env->failed, true);
  lmdbx__gate_leave(&env->gate);
}

/* One that writes takes LMDB's lock, and may have to wait for it. */
static int begin_timed(struct lmdbx__env *env, unsigned flags, MDB_txn **out) {
  if (flags == MDB_RDONLY) return mdb_txn_begin(env->mdb, NULL, flags, out);
  uint64_t before = lmdbx__now_ns();
  int rc = mdb_txn_begin(env->mdb, NULL, flags, out);
  atomic_fetch_add(&env->lock_wait_ns, lmdbx__now_ns() - before);
  return rc;
}

int lmdbx__txn_begin(struct lmdbx__env *env, unsigned flags, MDB_txn **out) {
  int rc = EBUSY;
  for (int tries = 0; tries < LMDBX__MAX_RETRIES; tries++) {
    if (lmdbx__env_usable(env, true, NULL, beginning) != LMDBX_OK) return MDB_PANIC;
    if (!lmdbx__gate_enter(&env->gate, true)) {
      if (atomic_load(&env->failed)) continue;
      return EBUSY;
    }
    rc = begin_timed(env, flags, out);
    if (rc == 0) return 0;
    leave_failed(env, rc);
    if (rc == MDB_PANIC) continue;
    if (rc != MDB_MAP_RESIZED) return rc;
    int code = remap_resized(env, NULL);
    if (code == LMDBX_NO_MEMORY) return ENOMEM;
    if (code == LMDBX_CONFLICT) return EBUSY;
  }
  return rc;
}

/* Within the gate, or behind it when it is closed: LMDB must still be there. */
static void free_read(struct lmdbx__read *read) {
  if (read->txn != NULL) mdb_txn_abort(read->txn);
  free(read);
}

void lmdbx__idle_drop(struct lmdbx__env *env) {
  for (struct lmdbx__read *read; (read = lmdbx__gate_take_idle(&env->gate)) != NULL;)
    free_read(read);
}

/* Renews or begins read->txn. The gate counts it already. */
static int start(struct lmdbx__read *read) {
  MDB_env *mdb = read->env->mdb;
  if (read->txn != NULL) {
    int rc = mdb_txn_renew(read->txn);
    if (rc != MDB_BAD_RSLOT) return rc;
    /* Another process took our slot for a dead one's. An abort would clear the
     * slot under its new owner, so this transaction is given up as it is. */
    read->txn = NULL;
  }
  int rc = mdb_txn_begin(mdb, NULL, MDB_RDONLY, &read->txn);
  if (rc != MDB_READERS_FULL) return rc;
  int dead = 0;
  mdb_reader_check(mdb, &dead);
  return mdb_txn_begin(mdb, NULL, MDB_RDONLY, &read->txn);
}

int lmdbx__begin_error(struct lmdbx__env *env, int rc, struct lmdbx_error *error) {
  /* The reader lock of the byte with our process id is somebody else's. */
  if (rc == EAGAIN || rc == EACCES)
    return lmdbx__error_at(error, LMDBX_PID_CLASH, rc, beginning, env->path,
                           "another process with the same process id uses it, probably in another "
                           "container. Let them share a process namespace, or give each its own "
                           "path");
  return lmdbx__env_error(error, env, rc, beginning);
}

static int read_begin(struct lmdbx__env *env, bool wait, struct lmdbx__read **out,
                      struct lmdbx_error *error) {
  int rc = EBUSY;
  for (int tries = 0; tries < LMDBX__MAX_RETRIES; tries++) {
    int code = lmdbx__env_usable(env, wait, error, beginning);
    if (code != LMDBX_OK) return code;
    struct lmdbx__read *read = NULL;
    if (!lmdbx__gate_enter_read(&env->gate, wait, &read)) {
      rc = EBUSY;
      if (wait && atomic_load(&env->failed)) continue;
      break;
    }
    if (read == NULL) {
      read = calloc(1, sizeof *read);
      if (read != NULL) read->env = env;
    }
    rc = read != NULL ? start(read) : ENOMEM;
    if (rc == 0) {
      *out = read;
      return LMDBX_OK;
    }
    if (read != NULL) free_read(read);
    leave_failed(env, rc);
    if (!wait && rc == MDB_PANIC) rc = EBUSY; /* a pool thread can reopen it */
    if (!wait || (rc != MDB_PANIC && rc != MDB_MAP_RESIZED)) break;
    if (rc == MDB_PANIC) continue;
    code = remap_resized(env, error);
    if (code != LMDBX_OK && code != LMDBX_FAILED) return code;
  }
  return lmdbx__begin_error(env, rc, error);
}

int lmdbx__read_begin(struct lmdbx__env *env, struct lmdbx__read **out, struct lmdbx_error *error) {
  return read_begin(env, false, out, error);
}

int lmdbx__read_begin_wait(struct lmdbx__env *env, struct lmdbx__read **out,
                           struct lmdbx_error *error) {
  return read_begin(env, true, out, error);
}

void lmdbx__read_end(struct lmdbx__read *read) {
  /* A forked child shares the reader slot with its parent: hands off. */
  if (lmdbx__forked(read->env)) return;
  struct lmdbx__gate *gate = &read->env->gate;
  if (read->kept) lmdbx__gate_forget(gate, read);
  if (read->txn == NULL) { /* expired */
    free(read);
    return;
  }
  mdb_txn_reset(read->txn);
  if (lmdbx__gate_leave_read(gate, read)) return;
  free_read(read);
  lmdbx__gate_leave(gate);
}

void lmdbx__read_park(struct lmdbx__read *read) {
  if (!lmdbx__forked(read->env)) lmdbx__gate_park(&read->env->gate, read, true);
}

void lmdbx__read_pause(struct lmdbx__read *read) {
  if (!lmdbx__forked(read->env)) lmdbx__gate_park(&read->env->gate, read, false);
}

int lmdbx__read_resume(struct lmdbx__read *read, struct lmdbx_error *error) {
  struct lmdbx__env *env = read->env;
  if (lmdbx__forked(env)) return lmdbx__env_usable(env, false, error, "go on reading");
  if (!read->kept || lmdbx__gate_resume(&env->gate, read)) return LMDBX_OK;
  return lmdbx__error_at(error, LMDBX_SNAPSHOT_EXPIRED, 0, "go on reading", env->path,
                         "the moment that was being read had to be given up, because the "
                         "database's map moved or its file was opened again. Begin anew");
}

uint64_t lmdbx__read_txn_id(const struct lmdbx__read *read) {
  return mdb_txn_id(read->txn);
}

/*
 * A damaged page poisons the whole transaction in LMDB. It can be renewed as long
 * as nobody has committed since: then it shows the same moment, and what it
 * showed before stays in place. Otherwise it stays ended, and LMDB refuses it.
 */
static void revive(struct lmdbx__read *read) {
  uint64_t moment = lmdbx__read_txn_id(read);
  mdb_txn_reset(read->txn);
  if (mdb_txn_renew(read->txn) != 0) return;
  if (lmdbx__read_txn_id(read) != moment) mdb_txn_reset(read->txn);
}

int lmdbx__read_error(struct lmdbx__read *read, int mdb_code, const char *doing,
                      struct lmdbx_error *error) {
  if (mdb_code == EINVAL)
    return lmdbx__error_at(error, LMDBX_CONFLICT, mdb_code, doing, read->env->path,
                           "the read began before the named database was opened. Begin a new one");
  if (mdb_code == MDB_BAD_TXN)
    return lmdbx__error_at(error, LMDBX_CONFLICT, mdb_code, doing, read->env->path,
                           "the read ended when it met a damaged page. Begin a new one");
  revive(read);
  return lmdbx__env_error(error, read->env, mdb_code, doing);
}

int lmdbx__read_get(struct lmdbx__read *read, lmdbx__dbi dbi, struct lmdbx_slice key, bool *found,
                    struct lmdbx_slice *value, struct lmdbx_error *error) {
  *found = false;
  *value = (struct lmdbx_slice){0};
  if (key.size == 0) return LMDBX_OK;
  MDB_val mdb_key = {key.size, (void *)key.data}, mdb_value;
  int rc = mdb_get(read->txn, dbi, &mdb_key, &mdb_value);
  if (rc == MDB_NOTFOUND || rc == MDB_BAD_VALSIZE) return LMDBX_OK;
  if (rc != 0) return lmdbx__read_error(read, rc, "read a record", error);
  *found = true;
  *value = (struct lmdbx_slice){mdb_value.mv_data, mdb_value.mv_size};
  return LMDBX_OK;
}

#define CATCH_UP_TURN_MS 50

void lmdbx__env_catch_up(struct lmdbx__env *env) {
  struct lmdbx__read *read;
  MDB_txn *txn;
  if (!env->writable || lmdbx__read_begin_wait(env, &read, NULL) != LMDBX_OK) return;
  uint64_t seen = lmdbx__read_txn_id(read);
  lmdbx__read_end(read);
  if (lmdbx__env_last_txn_id(env) <= seen) return;
  if (!lmdbx__turn_wait(env, CATCH_UP_TURN_MS)) return;
  /* Its lock was the dead writer's: to take it notes what that had written. */
  if (lmdbx__txn_begin(env, 0, &txn) == 0) {
    mdb_txn_abort(txn);
    lmdbx__gate_leave(&env->gate);
  }
  lmdbx__turn_end(env);
}

int lmdbx__read_stat(struct lmdbx__read *read, lmdbx__dbi dbi, struct lmdbx__db_stat *out,
                     struct lmdbx_error *error) {
  MDB_stat stat;
  int rc = mdb_stat(read->txn, dbi, &stat);
  if (rc != 0) return lmdbx__read_error(read, rc, "measure a database", error);
  *out = (struct lmdbx__db_stat){
      .entries = stat.ms_entries,
      .depth = stat.ms_depth,
      .branch_pages = stat.ms_branch_pages,
      .leaf_pages = stat.ms_leaf_pages,
      .overflow_pages = stat.ms_overflow_pages,
  };
  return LMDBX_OK;
}

/* Each record of the list holds a count and as many page numbers. */
int lmdbx__read_free_pages(struct lmdbx__read *read, uint64_t *pages, struct lmdbx_error *error) {
  static const char doing[] = "count free pages";
  MDB_cursor *cursor;
  MDB_val key, value;
  *pages = 0;
  int rc = mdb_cursor_open(read->txn, LMDBX__FREE_DBI, &cursor);
  if (rc != 0) return lmdbx__read_error(read, rc, doing, error);
  while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
    size_t count = 0;
    if (value.mv_size >= sizeof count) memcpy(&count, value.mv_data, sizeof count);
    *pages += count;
  }
  mdb_cursor_close(cursor);
  return rc == MDB_NOTFOUND ? LMDBX_OK : lmdbx__read_error(read, rc, doing, error);
}
