/*
 * The reader slots of a database, for tools: without opening it as its users do,
 * since opening clears the slots of dead processes before anyone could see them.
 */
#include "store/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char doing[] = "look at the readers";

struct listing {
  int lock; /* a descriptor of lock.mdb */
  lmdbx_reader_visit visit;
  void *context;
};

/* By LMDB's own test, in whatever container: a process that has taken slots keeps the byte
 * of lock.mdb locked that its id tells. */
static bool is_stale(int lock, int64_t pid) {
  struct flock byte = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)pid, .l_len = 1};
  return pid != getpid() && fcntl(lock, F_GETLK, &byte) == 0 && byte.l_type == F_UNLCK;
}

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
  reader.stale = is_stale(listing->lock, reader.pid);
  listing->visit(listing->context, &reader);
  return 0;
}

/* Opens path/lock.mdb in *lock; -1: there is none, or nothing in it. NOT_FOUND and others as
 * opening for reading has them. */
static int open_lock(const char *path, int *lock, struct lmdbx_error *error) {
  struct lmdbx__file_id id;
  *lock = -1;
  int code = lmdbx__create_files(path, false, &id, error);
  if (code == LMDBX_OK) code = lmdbx__check_files(path, &id, true, error);
  if (code != LMDBX_OK) return code;
  char *file = lmdbx__join_path(path, "lock.mdb");
  if (file == NULL) return lmdbx__store_error(error, ENOMEM, doing, path);
  struct stat status;
  *lock = open(file, O_RDONLY | O_CLOEXEC);
  int rc = *lock < 0 ? errno : 0;
  free(file);
  if (rc == 0 && fstat(*lock, &status) == 0 && status.st_size == 0) { /* of a full disk */
    close(*lock);
    *lock = -1;
  }
  return rc == 0 || rc == ENOENT ? LMDBX_OK : lmdbx__store_error(error, rc, doing, path);
}

int lmdbx_readers(const char *path, bool clear_stale, lmdbx_reader_visit visit, void *context,
                  unsigned *cleared, struct lmdbx_error *error) {
  struct listing listing = {.visit = visit, .context = context};
  *cleared = 0;
  int code = open_lock(path, &listing.lock, error);
  /* Without a lock file there are no readers, and opening would create it. */
  if (code != LMDBX_OK || listing.lock < 0) return code;

  MDB_env *mdb;
  int rc = mdb_env_create(&mdb);
  if (rc != 0) goto out;
  rc = lmdbx__lock_file_prepare(path, LMDBX_DEFAULT_READERS);
  if (rc == 0) rc = mdb_env_open(mdb, path, MDB_RDONLY | MDB_NOTLS, LMDBX__FILE_MODE);
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
out:
  close(listing.lock); /* last: it drops all locks that this process has on the file */
  return rc == 0 ? LMDBX_OK : lmdbx__store_error(error, rc, doing, path);
}
