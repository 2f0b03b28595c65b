/*
 * Copies: LMDB writes into a pipe on a thread of its own (the copier), and the copy's
 * holder carries what comes out of the other end to a file (target.c). The
 * copier's read is begun before it, so that the gate counts it, and ended by it, so
 * that whoever closes the gate depends on no other thread.
 */
#include "store/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char doing[] = "back the database up";
static const char writing[] = "write a backup";

#define BUFFER_SIZE ((size_t)256 * 1024)
#define AHEAD_SIZE ((uint64_t)4 * 1024 * 1024)
#define NANOSECONDS_PER_MILLISECOND 1000000LL

struct lmdbx__copy {
  struct lmdbx__env *env;
  bool compact;

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

  struct lmdbx__target target;
  bool copied; /* all of it */
  int restarts;
  uint8_t *buffer;
  uint64_t asked, total;
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

/* The map is open without read-ahead, and a copy goes through all of it: asks for
 * what comes next. A compact copy goes by the tree, and will need all of it, too. */
static void ask_ahead(struct lmdbx__copy *copy) {
#ifdef POSIX_FADV_WILLNEED
  while (copy->asked < copy->target.bytes + AHEAD_SIZE) {
    (void)posix_fadvise(copy->env->file, (off_t)copy->asked, (off_t)AHEAD_SIZE,
                        POSIX_FADV_WILLNEED);
    copy->asked += AHEAD_SIZE;
  }
#endif
}

/* ------------------------------------------------------------- the interface */

/* Whether what has ended, with nothing of its moment seen yet, may have another one:
 * another process had grown the file, or the gate was closed. */
static bool may_restart(struct lmdbx__copy *copy, int rc) {
  if (copy->target.bytes > 0 || copy->restarts++ == LMDBX__MAX_RETRIES) return false;
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
    copy->total = copy->target.bytes;
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
  copy->target.file = -1;
  copy->target.path = strdup(options->target);
  int code = copy->target.path != NULL ? begin(copy, error)
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
  if (copy->buffer == NULL) copy->buffer = malloc(BUFFER_SIZE);
  if (copy->buffer == NULL) return ENOMEM;
  int rc = copy->target.file < 0 ? lmdbx__target_create(&copy->target) : 0;
  while (rc == 0) {
    ask_ahead(copy);
    ssize_t got = read(copy->source, copy->buffer, BUFFER_SIZE);
    if (got < 0 && errno == EINTR) continue;
    *ended = got <= 0;
    if (*ended) break;
    rc = lmdbx__target_write(&copy->target, copy->buffer, (size_t)got);
    bool pause = copy->target.synced == copy->target.bytes || lmdbx__now_ns() >= deadline ||
                 atomic_load(stop);
    if (pause) break;
  }
  return rc;
}

int lmdbx__copy_go_on(struct lmdbx__copy *copy, unsigned milliseconds, const atomic_bool *stop,
                      bool *complete, struct lmdbx_error *error) {
  bool ended = false;
  int rc = copy->copied ? lmdbx__target_publish(&copy->target)
                        : copy_part(copy, milliseconds, stop, &ended);
  *complete = copy->copied && rc == 0;
  if (ended) return finish(copy, error);
  if (rc != 0 && copy->target.published)
    return lmdbx__error_at(
        error, LMDBX_IO, rc, writing, copy->target.path,
        "%s, so the complete backup there may lose its name in a crash. It could "
        "not be removed either: see to the disk, and remove it",
        strerror(rc));
  if (rc == EACCES || rc == EPERM || rc == EROFS)
    return lmdbx__error_at(error, LMDBX_ACCESS, rc, writing, copy->target.path,
                           "permission was denied. Choose a directory that this process may write "
                           "to");
  return rc == 0 ? LMDBX_OK : lmdbx__store_error(error, rc, writing, copy->target.path);
}

void lmdbx__copy_progress(const struct lmdbx__copy *copy, uint64_t *bytes, uint64_t *total) {
  *bytes = copy->target.bytes;
  *total = copy->total;
}

void lmdbx__copy_free(struct lmdbx__copy *copy) {
  if (copy == NULL) return;
  (void)join(copy);
  lmdbx__target_free(&copy->target);
  free(copy->buffer);
  free(copy);
}
