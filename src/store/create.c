/*
 * Directories, and a data.mdb that appears complete or not at all: it is built
 * under another name and linked, so that a kill at any moment leaves either no
 * database or a sound one, and of two creators one wins.
 */
#include "store/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char doing[] = "create the database";

#define DATA_NAME "data.mdb"
/* data.mdb.new.<pid>.<nanoseconds> */
#define TEMPORARY_PREFIX DATA_NAME ".new."
/* Creating takes milliseconds: what is older was left by a killed process. */
#define TEMPORARY_MAX_AGE_SECONDS 600
#define MAX_NAME_TRIES 100
/* Bytes the new file's environment maps; what it stores is replaced by the first
 * commit. */
#define FIRST_MAP_SIZE ((size_t)1024 * 1024)

char *lmdbx__join_path(const char *path, const char *name) {
  size_t size = strlen(path) + 1 + strlen(name) + 1;
  char *joined = malloc(size);
  if (joined != NULL) snprintf(joined, size, "%s/%s", path, name);
  return joined;
}

/* A directory that may not be read cannot be synced, and some file systems need no
 * sync and refuse it. */
int lmdbx__sync_directory(const char *path) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno == EACCES ? 0 : errno;
  int rc = fsync(fd) == 0 || errno == EINVAL || errno == EROFS ? 0 : errno;
  close(fd);
  return rc;
}

int lmdbx__sync_parent(const char *path) {
  char *parent = lmdbx__join_path(path, "..");
  if (parent == NULL) return ENOMEM;
  int rc = lmdbx__sync_directory(parent);
  free(parent);
  return rc;
}

static int make_directory(const char *path) {
  struct stat status;
  if (mkdir(path, LMDBX__DIRECTORY_MODE) == 0) return lmdbx__sync_parent(path);
  int rc = errno;
  /* Who may not create here need not: the directory may well exist. */
  if (stat(path, &status) != 0) return rc == EEXIST ? ENOTDIR : rc;
  return S_ISDIR(status.st_mode) ? 0 : ENOTDIR;
}

int lmdbx__make_directories(const char *path) {
  char *partial = strdup(path);
  if (partial == NULL) return ENOMEM;
  int rc = 0;
  for (char *slash = partial + 1; rc == 0 && *partial != '\0'; slash++) {
    slash += strcspn(slash, "/");
    char end = *slash;
    *slash = '\0';
    rc = make_directory(partial);
    *slash = end;
    if (end == '\0') break;
  }
  free(partial);
  return rc;
}

/* Creates an empty file of a new name in the directory. NULL: *rc says why. */
static char *make_temporary(const char *directory, int *rc) {
  for (int tries = 0; tries < MAX_NAME_TRIES; tries++) {
    char name[64];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(name, sizeof name, TEMPORARY_PREFIX "%ld.%ld", (long)getpid(), now.tv_nsec);
    char *path = lmdbx__join_path(directory, name);
    *rc = ENOMEM;
    if (path == NULL) return NULL;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, LMDBX__FILE_MODE);
    if (fd >= 0) {
      close(fd);
      return path;
    }
    *rc = errno;
    free(path);
    if (*rc != EEXIST) return NULL;
  }
  return NULL;
}

/* Lets LMDB write its two meta pages into the empty file, and syncs it. */
static int build(const char *path) {
  MDB_env *mdb;
  int rc = mdb_env_create(&mdb);
  if (rc != 0) return rc;
  rc = mdb_env_set_mapsize(mdb, FIRST_MAP_SIZE);
  if (rc == 0) rc = mdb_env_open(mdb, path, MDB_NOSUBDIR | MDB_NOLOCK, LMDBX__FILE_MODE);
  if (rc == 0) {
    int fd;
    rc = mdb_env_get_fd(mdb, &fd);
    if (rc == 0 && fsync(fd) != 0) rc = errno;
  }
  mdb_env_close(mdb);
  return rc;
}

/* Gives the finished file its name unless somebody was faster. */
static int publish(const char *temporary, const char *data) {
  if (link(temporary, data) == 0) return 0;
  int rc = errno;
#ifdef RENAME_NOREPLACE
  /* File systems without hard links. */
  if (rc == EPERM || rc == EOPNOTSUPP || rc == ENOSYS)
    rc = renameat2(AT_FDCWD, temporary, AT_FDCWD, data, RENAME_NOREPLACE) == 0 ? 0 : errno;
#endif
  return rc == EEXIST ? 0 : rc;
}

/* Removes what killed creators left. Failures do not matter. */
static void remove_leftovers(const char *directory) {
  DIR *entries = opendir(directory);
  if (entries == NULL) return;
  for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
    struct stat status;
    if (strncmp(entry->d_name, TEMPORARY_PREFIX, strlen(TEMPORARY_PREFIX)) != 0) continue;
    if (fstatat(dirfd(entries), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (!S_ISREG(status.st_mode)) continue;
    if (time(NULL) - status.st_mtime < TEMPORARY_MAX_AGE_SECONDS) continue;
    unlinkat(dirfd(entries), entry->d_name, 0);
  }
  closedir(entries);
}

static int create_data(const char *directory, const char *data) {
  int rc;
  char *temporary = make_temporary(directory, &rc);
  if (temporary == NULL) return rc;
  rc = build(temporary);
  if (rc == 0) rc = publish(temporary, data);
  unlink(temporary);
  free(temporary);
  if (rc == 0) rc = lmdbx__sync_directory(directory);
  if (rc == 0) rc = lmdbx__sync_parent(directory);
  if (rc == 0) remove_leftovers(directory);
  return rc;
}

int lmdbx__create_files(const char *path, bool create, struct lmdbx__file_id *id,
                        struct lmdbx_error *error) {
  char *data = lmdbx__join_path(path, DATA_NAME);
  if (data == NULL) return lmdbx__store_error(error, ENOMEM, doing, path);
  struct stat status;
  int rc = stat(data, &status) == 0 ? 0 : errno;
  if (rc == ENOENT && create) {
    rc = lmdbx__make_directories(path);
    if (rc == 0) rc = create_data(path, data);
    if (rc == 0 && stat(data, &status) != 0) rc = errno;
  }
  free(data);
  if (rc == ENOTDIR) return lmdbx__check_in_the_way(path, error);
  if (rc != 0) return lmdbx__store_error(error, rc, create ? doing : "open the database", path);
  *id = (struct lmdbx__file_id){status.st_dev, status.st_ino};
  return LMDBX_OK;
}
