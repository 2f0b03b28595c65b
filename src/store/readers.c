/*
 * The reader slots of a database, for tools: without opening it as its users do,
 * since opening clears the slots of dead processes before anyone could see them.
 */
#include "store/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char doing[] = "look at the readers";

struct listing {
  lmdbx_reader_visit visit;
  void *context;
};

/* mdb_reader_list prints a heading, then a line for each slot in use: process id,
 * thread in hexadecimal, and transaction or "-". */
static int take_line(const char *line, void *context) {
  const struct listing *listing = context;
  struct lmdbx_reader reader = {0};
  uint64_t thread;
  int parts =
      sscanf(line, "%" SCNd64 " %" SCNx64 " %" SCNu64, &reader.pid, &thread, &reader.txn_id);
  if (parts < 2) return 0; /* the heading, or that there are none */
  reader.reading = parts == 3;
  listing->visit(listing->context, &reader);
  return 0;
}

/* *id of path/data.mdb; NOT_FOUND and others as opening for reading has them. */
static int find(const char *path, struct lmdbx__file_id *id, bool *locked,
                struct lmdbx_error *error) {
  int code = lmdbx__create_files(path, false, id, error);
  if (code == LMDBX_OK) code = lmdbx__check_files(path, id, true, error);
  if (code != LMDBX_OK) return code;
  char *lock = lmdbx__join_path(path, "lock.mdb");
  if (lock == NULL) return lmdbx__store_error(error, ENOMEM, doing, path);
  *locked = access(lock, F_OK) == 0;
  free(lock);
  return LMDBX_OK;
}

int lmdbx_readers(const char *path, bool clear_stale, lmdbx_reader_visit visit, void *context,
                  unsigned *cleared, struct lmdbx_error *error) {
  struct lmdbx__file_id id;
  struct listing listing = {visit, context};
  bool locked = false;
  *cleared = 0;
  int code = find(path, &id, &locked, error);
  /* Without a lock file there are no readers, and opening would create it. */
  if (code != LMDBX_OK || !locked) return code;

  MDB_env *mdb;
  int rc = mdb_env_create(&mdb);
  if (rc != 0) return lmdbx__store_error(error, rc, doing, path);
  rc = mdb_env_open(mdb, path, MDB_RDONLY | MDB_NOTLS, LMDBX__FILE_MODE);
  if (rc == 0 && clear_stale) {
    int dead = 0;
    rc = mdb_reader_check(mdb, &dead);
    *cleared = (unsigned)dead;
  }
  if (rc == 0) {
    rc = mdb_reader_list(mdb, take_line, &listing);
    rc = rc < 0 ? EIO : 0;
  }
  mdb_env_close(mdb);
  return rc == 0 ? LMDBX_OK : lmdbx__store_error(error, rc, doing, path);
}
