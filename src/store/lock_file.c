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

#ifdef FALLOC_FL_KEEP_SIZE
/* What was in use before has room for its header and a few readers at least: on a full disk such a
 * database can be opened, to delete something. */
static bool has_first_page(int fd) {
  struct stat status;
  if (fstat(fd, &status) != 0 || status.st_size == 0) return false;
  off_t page = (off_t)sysconf(_SC_PAGESIZE);
  return (off_t)status.st_blocks * 512 >= (page < status.st_size ? page : status.st_size);
}
#endif

static int allocate(int fd, off_t size) {
#ifdef FALLOC_FL_KEEP_SIZE
  if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, size) == 0) return 0;
  int rc = errno;
  /* Not every file system can. */
  return (rc == ENOSPC || rc == EDQUOT) && !has_first_page(fd) ? rc : 0;
#else
  (void)fd;
  (void)size;
  return 0;
#endif
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
