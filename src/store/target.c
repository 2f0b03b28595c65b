/*
 * Where a copy goes: into a directory beside its name, which it gets when it is
 * complete and on disk. What killed processes left there is removed.
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

#define DATA_NAME "data.mdb"
/* <target>.partial.<pid>.<nanoseconds> */
#define PARTIAL ".partial."
#define PARTIAL_MAX_AGE_SECONDS 600
/* Put on disk at once: bounds how long ending may take, and what a copy keeps in
 * the page cache that hot pages need more. */
#define SYNC_SIZE ((uint64_t)16 * 1024 * 1024)

/* Removes a directory in which there is a data file at most. */
static void remove_partial(const char *directory) {
  char *data = lmdbx__join_path(directory, DATA_NAME);
  if (data != NULL) unlink(data);
  free(data);
  rmdir(directory);
}

/* Whether a name goes on, behind that of the target, as make_partial() has it. */
static bool is_partial(const char *rest) {
  static const char digits[] = "0123456789";
  if (strncmp(rest, PARTIAL, strlen(PARTIAL)) != 0) return false;
  rest += strlen(PARTIAL);
  size_t pid = strspn(rest, digits);
  if (pid == 0 || rest[pid] != '.') return false;
  size_t nanoseconds = strspn(rest + pid + 1, digits);
  return nanoseconds > 0 && rest[pid + 1 + nanoseconds] == '\0';
}

/* Whether a killed process left it: who is at work writes now and then. Behind a
 * link lies what is somebody else's. */
static bool is_leftover(const char *directory) {
  struct stat status;
  if (lstat(directory, &status) != 0 || !S_ISDIR(status.st_mode)) return false;
  char *data = lmdbx__join_path(directory, DATA_NAME);
  bool known = data != NULL;
  if (known) (void)lstat(data, &status); /* else the directory's own */
  free(data);
  return known && time(NULL) - status.st_mtime > PARTIAL_MAX_AGE_SECONDS;
}

/* Failures do not matter. */
static void remove_leftovers(const char *target) {
  char *parent = strdup(target);
  if (parent == NULL) return;
  char *slash = strrchr(parent, '/');
  char *prefix = slash + 1; /* a target is absolute */
  size_t length = strlen(prefix);
  *slash = '\0';
  DIR *entries = opendir(*parent != '\0' ? parent : "/");
  for (struct dirent *entry; entries != NULL && (entry = readdir(entries)) != NULL;) {
    if (strncmp(entry->d_name, prefix, length) != 0 || !is_partial(entry->d_name + length))
      continue;
    char *path = lmdbx__join_path(parent, entry->d_name);
    if (path != NULL && is_leftover(path)) remove_partial(path);
    free(path);
  }
  if (entries != NULL) closedir(entries);
  free(parent);
}

static int make_parents(const char *target) {
  char *parent = strdup(target);
  if (parent == NULL) return ENOMEM;
  *strrchr(parent, '/') = '\0';
  int rc = *parent != '\0' ? lmdbx__make_directories(parent) : 0;
  free(parent);
  return rc;
}

static int make_partial(struct lmdbx__target *target) {
  size_t size = strlen(target->path) + sizeof PARTIAL + 64;
  char *partial = malloc(size);
  if (partial == NULL) return ENOMEM;
  int rc;
  do {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(partial, size, "%s" PARTIAL "%ld.%ld", target->path, (long)getpid(), now.tv_nsec);
    rc = mkdir(partial, LMDBX__DIRECTORY_MODE) == 0 ? 0 : errno;
  } while (rc == EEXIST);
  if (rc == 0) {
    target->partial = partial;
  } else {
    free(partial);
  }
  return rc;
}

int lmdbx__target_create(struct lmdbx__target *target) {
  struct stat status;
  if (lstat(target->path, &status) == 0) return EEXIST;
  if (errno != ENOENT && errno != ENOTDIR) return errno;
  int rc = make_parents(target->path);
  if (rc != 0) return rc;
  remove_leftovers(target->path);
  rc = make_partial(target);
  if (rc != 0) return rc;
  target->data = lmdbx__join_path(target->partial, DATA_NAME);
  if (target->data == NULL) return ENOMEM;
  target->file = open(target->data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, LMDBX__FILE_MODE);
  return target->file >= 0 ? 0 : errno;
}

/* macOS has no fdatasync, and its fsync leaves what it wrote in the disk's cache. */
static int flush(int file) {
#ifdef __APPLE__
  return fcntl(file, F_FULLFSYNC) == 0 ? 0 : errno;
#else
  return fdatasync(file) == 0 ? 0 : errno;
#endif
}

static int sync_data(struct lmdbx__target *target) {
  int rc = flush(target->file);
  if (rc != 0) return rc;
#ifdef POSIX_FADV_DONTNEED
  (void)posix_fadvise(target->file, (off_t)target->synced, (off_t)(target->bytes - target->synced),
                      POSIX_FADV_DONTNEED);
#endif
  target->synced = target->bytes;
  return 0;
}

int lmdbx__target_write(struct lmdbx__target *target, const uint8_t *bytes, size_t size) {
  for (size_t done = 0; done < size;) {
    ssize_t written = write(target->file, bytes + done, size - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    if (written == 0) return EIO;
    done += (size_t)written;
  }
  target->bytes += size;
  return target->bytes - target->synced >= SYNC_SIZE ? sync_data(target) : 0;
}

/* rename() would replace an empty directory. */
static int rename_new(const char *from, const char *to) {
#ifdef RENAME_NOREPLACE
  if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
#endif
  struct stat status;
  if (lstat(to, &status) == 0) return EEXIST;
  return rename(from, to) == 0 ? 0 : errno;
}

int lmdbx__target_publish(struct lmdbx__target *target) {
  int rc = sync_data(target);
  if (rc == 0 && fsync(target->file) != 0) rc = errno;
  int file = target->file;
  target->file = -1;
  if (close(file) != 0 && rc == 0) rc = errno;
  if (rc == 0) rc = lmdbx__sync_directory(target->partial);
  if (rc == 0) rc = rename_new(target->partial, target->path);
  if (rc != 0) return rc;
  rc = lmdbx__sync_parent(target->path);
  target->published = rc == 0 || rename(target->path, target->partial) != 0;
  return rc;
}

void lmdbx__target_free(struct lmdbx__target *target) {
  if (target->file >= 0) close(target->file);
  if (target->partial != NULL && !target->published) remove_partial(target->partial);
  free(target->path);
  free(target->partial);
  free(target->data);
}
