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

/* Failures do not matter: then it stays root's. */
static void give_away(int fd, const char *path) {
  struct stat data;
  char *file = lmdbx__join_path(path, "data.mdb");
  if (file != NULL && stat(file, &data) == 0 && data.st_uid != 0 &&
      fchown(fd, data.st_uid, data.st_gid) == 0)
    (void)fchmod(fd, (data.st_mode & 0666) | 0600);
  free(file);
}

/* Room that one has got in part is enough for a few readers: on a full disk a database that was
 * in use before can be opened, to delete something. */
static int allocate(int fd, off_t size) {
  int rc = 0;
#ifdef FALLOC_FL_KEEP_SIZE
  struct stat status;
  if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, size) != 0) rc = errno;
  if (rc != ENOSPC && rc != EDQUOT) return 0; /* not every file system can */
  if (fstat(fd, &status) == 0 && status.st_blocks > 0) rc = 0;
#else
  (void)fd;
  (void)size;
#endif
  return rc;
}

int lmdbx__lock_file_prepare(const char *path, unsigned readers) {
  char *file = lmdbx__join_path(path, "lock.mdb");
  if (file == NULL) return ENOMEM;
  int fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, LMDBX__FILE_MODE);
  if (fd >= 0 && geteuid() == 0) give_away(fd, path);
  if (fd < 0) fd = open(file, O_RDWR | O_CLOEXEC);
  free(file);
  if (fd < 0) return 0;
  int rc = allocate(fd, HEADER_SIZE + (off_t)readers * SLOT_SIZE);
  close(fd);
  return rc;
}
