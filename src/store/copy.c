/*
 * Copies: LMDB writes into a pipe on a thread of its own (the copier), and the copy's
 * holder carries what comes out of the other end to a file. The
 * copier's read is begun before it, so that the gate counts it, and ended by it, so
 * that whoever closes the gate depends on no other thread.
 */
#include "store/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char doing[] = "back the database up";
static const char writing[] = "write a backup";

#define DATA_NAME "data.mdb"
/* <target>.partial.<pid>.<nanoseconds> */
#define PARTIAL ".partial."
#define PARTIAL_MAX_AGE_SECONDS 600
#define BUFFER_SIZE ((size_t)256 * 1024)
/* Put on disk at once: bounds how long ending may take, and what a copy keeps in
 * the page cache that hot pages need more. */
#define SYNC_SIZE ((uint64_t)16 * 1024 * 1024)
#define AHEAD_SIZE ((uint64_t)4 * 1024 * 1024)
#define NANOSECONDS_PER_MILLISECOND 1000000LL

struct lmdbx__copy {
  struct lmdbx__env *env;
  bool compact;
  char *target, *partial, *data; /* the last two: NULL until they exist */

  /* The copier's, from its start to its joining. */
  pthread_t copier;
  struct lmdbx__read *read;
  int sink; /* LMDB's end of the pipe */
  int rc;

  bool started;                     /* the copier has to be joined */
  int source;                       /* our end, or nowhere once that is given up; -1: none */
  int nowhere;                      /* reads as ended; -1: none */
  atomic_bool interrupted;          /* somebody has to close the gate */
  struct lmdbx__copy *next, **link; /* in gate->copies, while started; under its lock */

  int file;       /* -1: none */
  bool copied;    /* all of it */
  bool published; /* it lies under its name, perhaps in spite of an error */
  int restarts;
  uint8_t *buffer;
  uint64_t bytes, synced, asked, total;
};

/* --------------------------------------------------------------- the copier */

static void *copy_out(void *argument) {
  struct lmdbx__copy *copy = argument;
  copy->rc = mdb_env_copyfd2(copy->env->mdb, copy->sink, copy->compact ? MDB_CP_COMPACT : 0);
  lmdbx__read_end(copy->read);
  close(copy->sink); /* the end, for who reads the other one */
  return NULL;
}

/* Signals are for the threads of the program; and a pipe without a reader must be an
 * error, not a SIGPIPE. LMDB's own thread inherits that. */
static int start_thread(struct lmdbx__copy *copy) {
  sigset_t all, before;
  sigfillset(&all);
  int rc = pthread_sigmask(SIG_SETMASK, &all, &before);
  if (rc != 0) return rc;
  rc = pthread_create(&copy->copier, NULL, copy_out, copy);
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  return rc;
}

/* A pipe, since LMDB waits for the SIGPIPE that it thinks comes with every EPIPE: a
 * socket that is shut while a write waits for room gives the one without the other. */
static int make_pipe(struct lmdbx__copy *copy) {
  int ends[2];
#ifdef __linux__
  if (pipe2(ends, O_CLOEXEC) != 0) return errno;
  (void)fcntl(ends[0], F_SETPIPE_SZ, (int)BUFFER_SIZE);
#else
  if (pipe(ends) != 0) return errno;
  (void)fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  (void)fcntl(ends[1], F_SETFD, FD_CLOEXEC);
#endif
  copy->source = ends[0];
  copy->sink = ends[1];
  copy->nowhere = open("/dev/null", O_RDONLY | O_CLOEXEC);
  return copy->nowhere >= 0 ? 0 : errno;
}

static void close_pipe(struct lmdbx__copy *copy) {
  if (copy->source >= 0) close(copy->source);
  if (copy->nowhere >= 0) close(copy->nowhere);
  copy->source = copy->nowhere = -1;
}

/* Takes LMDB's reader away, whoever reads just now: its descriptor stays valid, and what is
 * read from it afterwards is the end. */
static void give_up(struct lmdbx__copy *copy) {
  (void)dup2(copy->nowhere, copy->source);
  (void)fcntl(copy->source, F_SETFD, FD_CLOEXEC);
}

static void enlist(struct lmdbx__copy *copy) {
  struct lmdbx__gate *gate = &copy->env->gate;
  pthread_mutex_lock(&gate->lock);
  copy->next = gate->copies;
  copy->link = &gate->copies;
  if (copy->next != NULL) copy->next->link = &copy->next;
  gate->copies = copy;
  if (gate->closed) lmdbx__copies_interrupt(copy);
  pthread_mutex_unlock(&gate->lock);
}

static void delist(struct lmdbx__copy *copy) {
  struct lmdbx__gate *gate = &copy->env->gate;
  pthread_mutex_lock(&gate->lock);
  *copy->link = copy->next;
  if (copy->next != NULL) copy->next->link = copy->link;
  pthread_mutex_unlock(&gate->lock);
}

void lmdbx__copies_interrupt(struct lmdbx__copy *copies) {
  for (struct lmdbx__copy *copy = copies; copy != NULL; copy = copy->next) {
    atomic_store(&copy->interrupted, true);
    give_up(copy);
  }
}

/* Starts the copier on a read of its own. An LMDB code. */
static int start(struct lmdbx__copy *copy, struct lmdbx__read *read) {
  copy->sink = -1;
  int rc = make_pipe(copy);
  copy->read = read;
  copy->rc = 0;
  if (rc == 0) rc = start_thread(copy);
  if (rc != 0) {
    if (copy->sink >= 0) close(copy->sink);
    close_pipe(copy);
    return rc;
  }
  copy->started = true;
  enlist(copy);
  return 0;
}

/* Ends the copier, if it has not ended. What LMDB said. */
static int join(struct lmdbx__copy *copy) {
  if (!copy->started) return 0;
  give_up(copy);
  pthread_join(copy->copier, NULL);
  delist(copy);
  copy->started = false;
  close_pipe(copy);
  return copy->rc;
}

/* Waits until LMDB has its moment: then the meta pages come. False: it failed. */
static bool wait_moment(struct lmdbx__copy *copy) {
  struct pollfd source = {.fd = copy->source, .events = POLLIN};
  int ready;
  do ready = poll(&source, 1, -1);
  while (ready < 0 && errno == EINTR);
  return ready > 0 && (source.revents & POLLIN) != 0 && !atomic_load(&copy->interrupted);
}

static int copy_error(struct lmdbx__copy *copy, int rc, struct lmdbx_error *error) {
  struct lmdbx__env *env = copy->env;
  if (atomic_load(&copy->interrupted))
    return lmdbx__error_at(
        error, LMDBX_CONFLICT, 0, doing, env->path,
        "the map had to move, or the file to be opened again, which ends a copy. "
        "Try again");
  if (rc == MDB_INCOMPATIBLE)
    return lmdbx__error_at(error, LMDBX_CORRUPT, rc, doing, env->path,
                           "the count of its pages is wrong, so it cannot be compacted. Take a "
                           "backup without compact");
  return lmdbx__begin_error(env, rc, error);
}

/* --------------------------------------------------------------------- files */

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

static int make_partial(struct lmdbx__copy *copy) {
  size_t size = strlen(copy->target) + sizeof PARTIAL + 64;
  char *partial = malloc(size);
  if (partial == NULL) return ENOMEM;
  int rc;
  do {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(partial, size, "%s" PARTIAL "%ld.%ld", copy->target, (long)getpid(), now.tv_nsec);
    rc = mkdir(partial, LMDBX__DIRECTORY_MODE) == 0 ? 0 : errno;
  } while (rc == EEXIST);
  if (rc == 0) {
    copy->partial = partial;
  } else {
    free(partial);
  }
  return rc;
}

/* Finds out what stands against the target before the first byte is copied. */
static int make_files(struct lmdbx__copy *copy) {
  struct stat status;
  if (lstat(copy->target, &status) == 0) return EEXIST;
  if (errno != ENOENT && errno != ENOTDIR) return errno;
  copy->buffer = malloc(BUFFER_SIZE);
  if (copy->buffer == NULL) return ENOMEM;
  int rc = make_parents(copy->target);
  if (rc != 0) return rc;
  remove_leftovers(copy->target);
  rc = make_partial(copy);
  if (rc != 0) return rc;
  copy->data = lmdbx__join_path(copy->partial, DATA_NAME);
  if (copy->data == NULL) return ENOMEM;
  copy->file = open(copy->data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, LMDBX__FILE_MODE);
  return copy->file >= 0 ? 0 : errno;
}

/* The map is open without read-ahead, and a copy goes through all of it: asks for
 * what comes next. A compact copy goes by the tree, and will need all of it, too. */
static void ask_ahead(struct lmdbx__copy *copy) {
#ifdef POSIX_FADV_WILLNEED
  while (copy->asked < copy->bytes + AHEAD_SIZE) {
    (void)posix_fadvise(copy->env->file, (off_t)copy->asked, (off_t)AHEAD_SIZE,
                        POSIX_FADV_WILLNEED);
    copy->asked += AHEAD_SIZE;
  }
#endif
}

static int sync_data(struct lmdbx__copy *copy) {
  if (fdatasync(copy->file) != 0) return errno;
#ifdef POSIX_FADV_DONTNEED
  (void)posix_fadvise(copy->file, (off_t)copy->synced, (off_t)(copy->bytes - copy->synced),
                      POSIX_FADV_DONTNEED);
#endif
  copy->synced = copy->bytes;
  return 0;
}

static int write_data(struct lmdbx__copy *copy, size_t size) {
  for (size_t done = 0; done < size;) {
    ssize_t written = write(copy->file, copy->buffer + done, size - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    if (written == 0) return EIO;
    done += (size_t)written;
  }
  copy->bytes += size;
  return copy->bytes - copy->synced >= SYNC_SIZE ? sync_data(copy) : 0;
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

/* The copy is complete: it gets its name. */
static int publish(struct lmdbx__copy *copy) {
  int rc = sync_data(copy);
  if (rc == 0 && fsync(copy->file) != 0) rc = errno;
  int file = copy->file;
  copy->file = -1;
  if (close(file) != 0 && rc == 0) rc = errno;
  if (rc == 0) rc = lmdbx__sync_directory(copy->partial);
  if (rc == 0) rc = rename_new(copy->partial, copy->target);
  if (rc != 0) return rc;
  rc = lmdbx__sync_parent(copy->target);
  copy->published = rc == 0 || rename(copy->target, copy->partial) != 0;
  return rc;
}

/* ------------------------------------------------------------- the interface */

/* Whether what has ended, with nothing of its moment seen yet, may have another one:
 * another process had grown the file, or the gate was closed. */
static bool may_restart(struct lmdbx__copy *copy, int rc) {
  if (copy->bytes > 0 || copy->restarts++ == LMDBX__MAX_RETRIES) return false;
  return atomic_exchange(&copy->interrupted, false) || rc == MDB_MAP_RESIZED;
}

static int begin(struct lmdbx__copy *copy, struct lmdbx_error *error) {
  struct lmdbx__env *env = copy->env;
  int rc;
  do {
    struct lmdbx__read *read;
    int code = lmdbx__read_begin_wait(env, &read, error);
    if (code != LMDBX_OK) return code;
    rc = start(copy, read);
    if (rc != 0) {
      lmdbx__read_end(read);
      return lmdbx__store_error(error, rc, doing, env->path);
    }
    if (copy->compact || wait_moment(copy)) return LMDBX_OK;
    rc = join(copy);
  } while (may_restart(copy, rc));
  return copy_error(copy, rc, error);
}

/* The copier has ended. Only a plain copy needs the turn to begin: for LMDB's lock. */
static int finish(struct lmdbx__copy *copy, struct lmdbx_error *error) {
  int rc = join(copy);
  if (rc == 0 && !atomic_load(&copy->interrupted)) {
    copy->copied = true;
    copy->total = copy->bytes;
    return LMDBX_OK;
  }
  return copy->compact && may_restart(copy, rc) ? begin(copy, error) : copy_error(copy, rc, error);
}

int lmdbx__copy_begin(struct lmdbx__env *env, const struct lmdbx__copy_options *options,
                      struct lmdbx__copy **out, struct lmdbx_error *error) {
  struct lmdbx__env_info info;
  struct lmdbx__copy *copy = calloc(1, sizeof *copy);
  if (copy == NULL) return lmdbx__store_error(error, ENOMEM, doing, env->path);
  copy->env = env;
  copy->compact = options->compact;
  copy->source = copy->nowhere = -1;
  copy->file = -1;
  copy->target = strdup(options->target);
  int code = copy->target != NULL ? begin(copy, error)
                                  : lmdbx__store_error(error, ENOMEM, doing, env->path);
  if (code != LMDBX_OK) {
    lmdbx__copy_free(copy);
    return code;
  }
  lmdbx__env_info(env, &info);
  copy->total = copy->compact ? 0 : info.file_size;
  *out = copy;
  return LMDBX_OK;
}

/* Copies until it is time for others, or there is no more: *ended. */
static int copy_part(struct lmdbx__copy *copy, unsigned milliseconds, const atomic_bool *stop,
                     bool *ended) {
  uint64_t deadline = lmdbx__now_ns() + milliseconds * NANOSECONDS_PER_MILLISECOND;
  int rc = copy->file < 0 ? make_files(copy) : 0;
  while (rc == 0) {
    ask_ahead(copy);
    ssize_t got = read(copy->source, copy->buffer, BUFFER_SIZE);
    if (got < 0 && errno == EINTR) continue;
    *ended = got <= 0;
    if (*ended) break;
    rc = write_data(copy, (size_t)got);
    bool pause = copy->synced == copy->bytes || lmdbx__now_ns() >= deadline || atomic_load(stop);
    if (pause) break;
  }
  return rc;
}

int lmdbx__copy_go_on(struct lmdbx__copy *copy, unsigned milliseconds, const atomic_bool *stop,
                      bool *complete, struct lmdbx_error *error) {
  bool ended = false;
  int rc = copy->copied ? publish(copy) : copy_part(copy, milliseconds, stop, &ended);
  *complete = copy->copied && rc == 0;
  if (ended) return finish(copy, error);
  if (rc != 0 && copy->published)
    return lmdbx__error_at(
        error, LMDBX_IO, rc, writing, copy->target,
        "%s, so the complete backup there may lose its name in a crash. It could "
        "not be removed either: see to the disk, and remove it",
        strerror(rc));
  if (rc == EACCES || rc == EPERM || rc == EROFS)
    return lmdbx__error_at(error, LMDBX_ACCESS, rc, writing, copy->target,
                           "permission was denied. Choose a directory that this process may write "
                           "to");
  return rc == 0 ? LMDBX_OK : lmdbx__store_error(error, rc, writing, copy->target);
}

void lmdbx__copy_progress(const struct lmdbx__copy *copy, uint64_t *bytes, uint64_t *total) {
  *bytes = copy->bytes;
  *total = copy->total;
}

void lmdbx__copy_free(struct lmdbx__copy *copy) {
  if (copy == NULL) return;
  (void)join(copy);
  if (copy->file >= 0) close(copy->file);
  if (copy->partial != NULL && !copy->published) remove_partial(copy->partial);
  free(copy->target);
  free(copy->partial);
  free(copy->data);
  free(copy->buffer);
  free(copy);
}
