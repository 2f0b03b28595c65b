/*
 * drop FILE... - has the system forget the cached pages of files, and fails if it did not. Nobody
 * may have them mapped.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of a hundred pages, how many may stay: the system reads some ahead by itself. */
#define TOLERATED_PERCENT 2

/* The pages of a file that are in memory; SIZE_MAX: unknown. */
static size_t resident_pages(int fd, size_t size, size_t page) {
  size_t pages = (size + page - 1) / page;
  size_t resident = SIZE_MAX;
  unsigned char *states = malloc(pages);
  void *map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
  if (states == NULL || map == MAP_FAILED) goto done;
  if (mincore(map, size, states) != 0) goto done;
  resident = 0;
  for (size_t i = 0; i < pages; i++) resident += states[i] & 1;
done:
  if (map != MAP_FAILED) munmap(map, size);
  free(states);
  return resident;
}

static int drop(const char *name) {
  int failed = 1;
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  struct stat status;
  int fd = open(name, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &status) != 0 || fdatasync(fd) != 0) {
    fprintf(stderr, "drop: %s: %s\n", name, strerror(errno));
    goto done;
  }
  int error = posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  if (error != 0) {
    fprintf(stderr, "drop: posix_fadvise on %s: %s\n", name, strerror(error));
    goto done;
  }
  size_t size = (size_t)status.st_size;
  size_t resident = size > 0 ? resident_pages(fd, size, page) : 0;
  size_t tolerated = 16 + size / page / 100 * TOLERATED_PERCENT;
  failed = resident > tolerated;
  if (failed) fprintf(stderr, "drop: %zu pages of %s stay in memory\n", resident, name);
done:
  if (fd >= 0) close(fd);
  return failed;
}

int main(int argc, char **argv) {
  int failed = 0;
  for (int i = 1; i < argc; i++) failed |= drop(argv[i]);
  return failed;
}
