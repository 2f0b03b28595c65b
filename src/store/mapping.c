/* Where this process maps a data file, and whether the pages are in memory. */
#include "store/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#ifdef __linux__
#include <sys/sysmacros.h>
#endif
#include <unistd.h>

/* Pages asked about in one call; and brought back in one, since Linux cuts a longer wish
 * short where the device's read-ahead ends. */
#define PAGES_AT_ONCE 4096
#define MENDED_AT_ONCE ((size_t)128 * 1024)
/* What is brought back: missing pages up to one in so many, or up to so many bytes. Free
 * pages of LMDB, which nobody reads, are missing whenever the machine has been started anew,
 * or a system with memory to spare has taken them. A database that does not fit has many
 * more away. */
#define MENDED_SHARE 16
#define MENDED_SIZE ((size_t)64 * 1024 * 1024)

/*
 * The kernel shows the device of the file system below an overlay or a btrfs
 * subvolume, so for files of the same inode number the path decides too.
 */
void *lmdbx__mapping_find(const char *data, const struct lmdbx__file_id *id) {
  FILE *maps = fopen("/proc/self/maps", "re");
  if (maps == NULL) return NULL;
  char *real = realpath(data, NULL);
  char *line = NULL;
  size_t capacity = 0;
  uintptr_t found = 0;
  while (found == 0 && getline(&line, &capacity, maps) > 0) {
    unsigned major_number, minor_number;
    unsigned long start, inode;
    int path_at = 0;
    if (sscanf(line, "%lx-%*x %*s %*s %x:%x %lu %n", &start, &major_number, &minor_number, &inode,
               &path_at) < 4)
      continue;
    if (inode != id->inode) continue;
    line[strcspn(line, "\n")] = '\0';
    if (makedev(major_number, minor_number) == id->device ||
        (real != NULL && path_at > 0 && strcmp(line + path_at, real) == 0))
      found = start;
  }
  free(line);
  free(real);
  fclose(maps);
  return (void *)found;
}

/* Linux answers "resident" for everything when the file is neither ours nor
 * writable by us. */
static bool may_ask(struct lmdbx__env *env, const struct stat *file) {
  return env->writable || geteuid() == 0 || file->st_uid == geteuid();
}

static void bring(uint8_t *at, size_t size) {
  while (size > 0) {
    size_t part = size < MENDED_AT_ONCE ? size : MENDED_AT_ONCE;
    (void)madvise(at, part, MADV_WILLNEED);
    at += part;
    size -= part;
  }
}

/* How many pages are not in memory. With mend, asks the system to bring them. */
static size_t count_missing(uint8_t *start, size_t pages, size_t page_size, bool mend) {
  unsigned char present[PAGES_AT_ONCE];
  size_t missing = 0;
  for (size_t done = 0; done < pages; done += PAGES_AT_ONCE) {
    size_t count = pages - done < PAGES_AT_ONCE ? pages - done : PAGES_AT_ONCE;
    uint8_t *at = start + done * page_size;
    if (mincore(at, count * page_size, (void *)present) != 0) return pages;
    size_t run = 0; /* missing ones in a row */
    for (size_t i = 0; i <= count; i++) {
      if (i < count && (present[i] & 1) == 0) {
        run++;
        continue;
      }
      if (mend) bring(at + (i - run) * page_size, run * page_size);
      missing += run;
      run = 0;
    }
  }
  return missing;
}

enum lmdbx__residence lmdbx__read_residence(struct lmdbx__read *read) {
  struct lmdbx__env *env = read->env;
  long page_size = sysconf(_SC_PAGESIZE);
  mdb_filehandle_t descriptor;
  struct stat file;
  if (page_size <= 0 || mdb_env_get_fd(env->mdb, &descriptor) != 0 ||
      fstat(descriptor, &file) != 0 || !may_ask(env, &file)) {
    return LMDBX__ABSENT;
  }
  char *data = lmdbx__join_path(env->path, "data.mdb");
  /* The read keeps the map where it is. */
  void *start = data != NULL ? lmdbx__mapping_find(data, &env->id) : NULL;
  free(data);
  if (start == NULL) return LMDBX__ABSENT;
  MDB_envinfo info;
  mdb_env_info(env->mdb, &info);
  size_t used = (info.me_last_pgno + 1) * env->page_size;
  if (used > (size_t)file.st_size) used = (size_t)file.st_size; /* the last pages may be missing */
  size_t pages = (used + (size_t)page_size - 1) / (size_t)page_size;
  size_t missing = count_missing(start, pages, (size_t)page_size, false);
  if (missing == 0) return LMDBX__RESIDENT;
  if (missing > pages / MENDED_SHARE && missing > MENDED_SIZE / (size_t)page_size)
    return LMDBX__ABSENT;
  (void)count_missing(start, pages, (size_t)page_size, true);
  return LMDBX__MENDING;
}
