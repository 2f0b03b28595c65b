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

/* Opens the handle in a transaction of the kind that flags says. */
static int open_in(struct lmdbx__env *env, unsigned flags, const char *name, lmdbx__dbi *dbi,
                   struct lmdbx_error *error) {
  MDB_txn *txn;
  int rc = lmdbx__txn_begin(env, flags, &txn);
  if (rc != 0) return lmdbx__env_error(error, env, rc, doing);
  unsigned database_flags;
  rc = mdb_dbi_open(txn, name, flags == MDB_RDONLY ? 0 : MDB_CREATE, dbi);
  if (rc == 0) rc = mdb_dbi_flags(txn, *dbi, &database_flags);
  /* Duplicates or another order: made by a program with other plans. */
  if (rc == 0 && database_flags != 0) rc = MDB_INCOMPATIBLE;
  int code = LMDBX_OK;
  if (rc != 0) {
    mdb_txn_abort(txn);
    code = lmdbx__env_error(error, env, rc, doing);
  } else {
    rc = mdb_txn_commit(txn);
    if (rc != 0) code = lmdbx__commit_error(env, rc, doing, error);
  }
  lmdbx__gate_leave(&env->gate);
  return code;
}

int lmdbx__db_open(struct lmdbx__env *env, const char *name, lmdbx__dbi *out,
                   struct lmdbx_error *error) {
  int code = lmdbx__env_usable(env, error, doing);
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
  struct lmdbx__database *database = find(env, name);
  if (database != NULL) goto found;
  /* Before LMDB knows the handle, so that nothing can fail behind it. */
  database = malloc(sizeof *database + length + 1);
  if (database == NULL) {
    code = lmdbx__store_error(error, ENOMEM, doing, env->path);
    goto out;
  }
  memcpy(database->name, name, length + 1);
  database->dbi = 0;
  code = open_in(env, MDB_RDONLY, name, &database->dbi, error);
  if (code == LMDBX_NOT_FOUND && env->writable && atomic_load(&env->may_write))
    code = open_in(env, 0, name, &database->dbi, error);
  if (code != LMDBX_OK) {
    free(database);
    goto out;
  }
  database->next = env->databases;
  env->databases = database;
found:
  *out = database->dbi;
out:
  pthread_mutex_unlock(&env->databases_lock);
  return code;
}
