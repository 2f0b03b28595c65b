/* What lock.mdb needs beside what LMDB makes of it: room on the disk, and the right owner. */
#include "store/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* At least what LMDB takes for its header, and for each reader, on any system (a cache line). */
#define HEADER_SIZE 256
#define SLOT_SIZE 64

static char *lock_path(const char *path) {
  return lmdbx__join_path(path, "lock.mdb");
}

/* Closing the descriptor drops no locks: this process has none on the file, since it is not open.
 */
int lmdbx__lock_file_reserve(const char *path, unsigned readers) {
  int rc = 0;
#ifdef FALLOC_FL_KEEP_SIZE
  struct stat status;
  char *file = lock_path(path);
  if (file == NULL) return ENOMEM;
  int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, LMDBX__FILE_MODE);
  free(file);
  if (fd < 0) return 0; /* LMDB says why, if it minds */
  if (fstat(fd, &status) == 0 &&
      fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, HEADER_SIZE + (off_t)readers * SLOT_SIZE) != 0 &&
      (errno == ENOSPC || errno == EDQUOT) && status.st_size == 0)
    rc = errno;
  close(fd);
#else
  (void)path;
  (void)readers;
#endif
  return rc;
}

/* By name, since closing a descriptor would drop this process's locks on the file. */
void lmdbx__lock_file_give_away(const char *path, const struct stat *data) {
  struct stat status;
  if (geteuid() != 0 || data->st_uid == 0) return;
  char *file = lock_path(path);
  bool roots = file != NULL && lstat(file, &status) == 0 && status.st_uid == 0;
  int rc = roots ? lchown(file, data->st_uid, data->st_gid) : 0;
  (void)rc;
  free(file);
}
