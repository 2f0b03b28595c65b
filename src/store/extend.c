/*
 * Growing data.mdb ahead of need. A flush of a file that has become longer also
 * has to write the file system's journal: a small commit into fresh space takes
 * clearly longer on ext4 than one into space that had been written before. So
 * zeros go behind the last page now and then, and with the flush of the commit that
 * finds too little of them. (Space that is merely allocated does not help: its first
 * use is noted in the journal, too.) LMDB knows by its meta page which pages are used,
 * and never looks at the file's length.
 */
#include "store/internal.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>

/* A file grows by as much as is used, within these. */
#define LEAST_GROWTH ((size_t)64 * 1024)
#define MOST_GROWTH ((size_t)1024 * 1024)
/* A commit of more is not worth it: most of the zeros would be its own. */
#define LARGE_COMMIT (MOST_GROWTH / 2)
/* What else a commit writes: copies of branch pages and free lists. */
#define PAGES_BESIDES 16
/* A disk with less room than so many times the growth is left alone. */
#define ROOM_FACTOR 64

/* One call writes VECTORS times these. */
#define ZEROS 16384
#define VECTORS 64

static bool has_room(int fd, size_t growth, size_t end) {
  struct statvfs disk;
  struct rlimit limit;
  if (fstatvfs(fd, &disk) != 0 || disk.f_bavail / ROOM_FACTOR < growth / disk.f_frsize)
    return false;
  /* Past this limit a write brings a signal. */
  return getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
         (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= end);
}

static void write_zeros(int fd, size_t from, size_t to) {
  static const unsigned char zeros[ZEROS];
  while (from < to) {
    struct iovec parts[VECTORS];
    int count = 0;
    for (size_t at = from; at < to && count < VECTORS; count++) {
      size_t size = to - at < ZEROS ? to - at : ZEROS;
      parts[count] = (struct iovec){(void *)zeros, size};
      at += size;
    }
    ssize_t written = pwritev(fd, parts, count, (off_t)from);
    if (written <= 0) return; /* LMDB will meet the reason, if it needs the room */
    from += (size_t)written;
  }
}

void lmdbx__extend_file(struct lmdbx__env *env, size_t bytes) {
  MDB_envinfo info;
  struct stat file;
  if (bytes > LARGE_COMMIT || mdb_env_info(env->mdb, &info) != 0 || fstat(env->file, &file) != 0)
    return;
  size_t used = (info.me_last_pgno + 1) * env->page_size;
  size_t needed = used + bytes + bytes / 2 + PAGES_BESIDES * env->page_size;
  if ((size_t)file.st_size >= needed) return;
  size_t growth = used < LEAST_GROWTH ? LEAST_GROWTH : used > MOST_GROWTH ? MOST_GROWTH : used;
  size_t end = needed + growth;
  end -= end % env->page_size;
  if (end > env->map_limit || !has_room(env->file, growth, end)) return;
  write_zeros(env->file, (size_t)file.st_size, end);
}
