/*
 * Handles of named databases. liblmdb allows one transaction at a time to open
 * one, and gives the handle to other transactions once that has committed, so
 * each is opened in a transaction of its own under env->databases_lock.
 */
#include "store/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char doing[] = "open the named database";

static struct lmdbx__database *find(struct lmdbx__env *env, const char *name) {
  struct lmdbx__database *database = env->databases;
  while (database != NULL && strcmp(database->name, name) != 0) database = database->next;
  return database;
}

static void append(struct lmdbx__env *env, struct lmdbx__database *database) {
  struct lmdbx__database **link = &env->databases;
  while (*link != NULL) link = &(*link)->next;
  *link = database;
  atomic_fetch_add(&env->database_count, 1);
}

/* Opens a handle in a transaction. An LMDB code. */
static int open_dbi(MDB_txn *txn, const char *name, unsigned flags, lmdbx__dbi *dbi) {
  unsigned database_flags;
  int rc = mdb_dbi_open(txn, name, flags, dbi);
  if (rc == 0) rc = mdb_dbi_flags(txn, *dbi, &database_flags);
  /* Duplicates or another order: made by a program with other plans. */
  return rc == 0 && database_flags != 0 ? MDB_INCOMPATIBLE : rc;
}

/* Opens the handle in a transaction of the kind that flags says, and lists it:
 * then it is no longer the caller's. */
static int open_in(struct lmdbx__env *env, unsigned flags, struct lmdbx__database **owned,
                   struct lmdbx_error *error) {
  struct lmdbx__database *database = *owned;
  MDB_txn *txn;
  int rc = lmdbx__txn_begin(env, flags, &txn);
  if (rc != 0) return lmdbx__env_error(error, env, rc, doing);
  rc = open_dbi(txn, database->name, flags == MDB_RDONLY ? 0 : MDB_CREATE, &database->dbi);
  int code = LMDBX_OK;
  if (rc != 0) {
    mdb_txn_abort(txn);
    code = lmdbx__env_error(error, env, rc, doing);
  } else {
    rc = mdb_txn_commit(txn);
    if (rc != 0) code = lmdbx__commit_error(env, rc, doing, error);
  }
  /* Within the gate: who reopens the file must find every handle there is. */
  if (code == LMDBX_OK) {
    append(env, database);
    *owned = NULL;
  }
  lmdbx__gate_leave(&env->gate);
  return code;
}

/* With the lock held. */
static int open_new(struct lmdbx__env *env, const char *name, bool create,
                    struct lmdbx_error *error) {
  /* Before LMDB knows the handle, so that nothing can fail behind it. */
  size_t size = strlen(name) + 1;
  struct lmdbx__database *database = calloc(1, sizeof *database + size);
  if (database == NULL) return lmdbx__store_error(error, ENOMEM, doing, env->path);
  memcpy(database->name, name, size);
  int code = open_in(env, MDB_RDONLY, &database, error);
  if (code == LMDBX_NOT_FOUND && create) {
    code = open_in(env, 0, &database, error);
    if (code == LMDBX_MAP_FULL && lmdbx__reserve_make_room(env))
      code = open_in(env, 0, &database, error);
  }
  free(database);
  return code;
}

static int open_handle(struct lmdbx__env *env, const char *name, bool create, lmdbx__dbi *out,
                       struct lmdbx_error *error) {
  int code = lmdbx__env_usable(env, true, error, doing);
  if (code != LMDBX_OK) return code;
  if (name == NULL) {
    *out = LMDBX__MAIN_DBI;
    return LMDBX_OK;
  }
  size_t length = strlen(name);
  if (length == 0 || length > env->max_key)
    return lmdbx__error_at(error, LMDBX_INVALID_ARGUMENT, 0, doing, env->path,
                           "its name has %zu bytes, and 1 to %zu are possible", length,
                           env->max_key);
  pthread_mutex_lock(&env->databases_lock);
  const struct lmdbx__database *database = find(env, name);
  if (database == NULL) {
    code = open_new(env, name, create, error);
    database = find(env, name);
  }
  if (database != NULL) *out = database->dbi;
  pthread_mutex_unlock(&env->databases_lock);
  return code;
}

int lmdbx__db_open(struct lmdbx__env *env, const char *name, lmdbx__dbi *out,
                   struct lmdbx_error *error) {
  return open_handle(env, name, env->writable && atomic_load(&env->may_write), out, error);
}

int lmdbx__db_find(struct lmdbx__env *env, const char *name, lmdbx__dbi *out,
                   struct lmdbx_error *error) {
  return open_handle(env, name, false, out, error);
}

unsigned lmdbx__env_databases(struct lmdbx__env *env) {
  return atomic_load(&env->database_count);
}

int lmdbx__databases_open(struct lmdbx__env *env, MDB_txn *txn) {
  lmdbx__dbi dbi;
  int rc = open_dbi(txn, NULL, 0, &dbi);
  for (struct lmdbx__database *at = env->databases; at != NULL && rc == 0; at = at->next) {
    rc = open_dbi(txn, at->name, 0, &dbi);
    if (rc == MDB_NOTFOUND) rc = MDB_BAD_DBI;
    /* LMDB numbers handles in the order of their opening. */
    if (rc == 0 && dbi != at->dbi) rc = MDB_BAD_DBI;
  }
  return rc;
}
