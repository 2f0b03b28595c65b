/* Where this process maps a data file, and whether the pages are in memory. */
#include "store/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Pages asked for in one call. */
#define PAGES_AT_ONCE 4096

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

static bool all_resident(uint8_t *start, size_t size, size_t page_size) {
  unsigned char pages[PAGES_AT_ONCE];
  size_t left = (size + page_size - 1) / page_size;
  while (left > 0) {
    size_t count = left < PAGES_AT_ONCE ? left : PAGES_AT_ONCE;
    if (mincore(start, count * page_size, (void *)pages) != 0) return false;
    for (size_t i = 0; i < count; i++) {
      if ((pages[i] & 1) == 0) return false;
    }
    start += count * page_size;
    left -= count;
  }
  return true;
}

bool lmdbx__read_resident(struct lmdbx__read *read) {
  struct lmdbx__env *env = read->env;
  long page_size = sysconf(_SC_PAGESIZE);
  mdb_filehandle_t descriptor;
  struct stat file;
  if (page_size <= 0 || mdb_env_get_fd(env->mdb, &descriptor) != 0 ||
      fstat(descriptor, &file) != 0 || !may_ask(env, &file)) {
    return false;
  }
  char *data = lmdbx__join_path(env->path, "data.mdb");
  /* The read keeps the map where it is. */
  void *start = data != NULL ? lmdbx__mapping_find(data, &env->id) : NULL;
  free(data);
  if (start == NULL) return false;
  MDB_envinfo info;
  mdb_env_info(env->mdb, &info);
  size_t used = (info.me_last_pgno + 1) * env->page_size;
  if (used > (size_t)file.st_size) used = (size_t)file.st_size; /* the last pages may be missing */
  return all_resident(start, used, (size_t)page_size);
}
