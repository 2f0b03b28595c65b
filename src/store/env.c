/* One environment: opening with the right options and map, facts about it. */
#include "store/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const char doing[] = "open the database";

/* Never MDB_WRITEMAP or MDB_NOSYNC: a commit is on disk when it returns.
 * MDB_NORDAHEAD: random reads of cold data take a tenth of the time. */
#define ENV_FLAGS (MDB_NOTLS | MDB_NORDAHEAD)

/* Address space reserved without a mapSize: twice the file system, within this. */
#define AUTO_MAP_MAX ((size_t)1 << 40)
#define AUTO_MAP_MIN ((size_t)1 << 30)
/* The part of a limited address space that one map may take. */
#define AUTO_MAP_LIMIT_SHARE 8
/* Below this, halving further helps nobody. */
#define AUTO_MAP_LEAST ((size_t)1 << 24)

/* Where lock.mdb has to be let go of: pauses of one to eight milliseconds, in all about
 * a second. */
#define LOCK_TRIES 200
#define LOCK_PAUSES 8
#define LOCK_PAUSE_NS UINT64_C(1000000)

static size_t file_size(const char *path) {
  struct stat status;
  char *data = lmdbx__join_path(path, "data.mdb");
  bool known = data != NULL && stat(data, &status) == 0 && status.st_size > 0;
  free(data);
  return known ? (size_t)status.st_size : 0;
}

static size_t automatic_map_size(const char *path) {
  size_t size = AUTO_MAP_MAX;
  struct statvfs disk;
  if (statvfs(path, &disk) == 0 && disk.f_frsize > 0 &&
      disk.f_blocks < AUTO_MAP_MAX / 2 / disk.f_frsize)
    size = 2 * (size_t)disk.f_blocks * disk.f_frsize;
  if (size < AUTO_MAP_MIN) size = AUTO_MAP_MIN;
  struct rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
      size > limit.rlim_cur / AUTO_MAP_LIMIT_SHARE)
    size = limit.rlim_cur / AUTO_MAP_LIMIT_SHARE;
  /* What is there must fit, and be able to grow. */
  size_t least = 2 * file_size(path);
  return size > least ? size : least;
}

static size_t round_up(size_t size, size_t unit) {
  return size > SIZE_MAX - unit ? SIZE_MAX / unit * unit : (size + unit - 1) / unit * unit;
}

static unsigned readers_of(const struct lmdbx__env_options *options) {
  return options->max_readers != 0 ? options->max_readers : LMDBX_DEFAULT_READERS;
}

/* A new MDB_env with the file open in it. */
static int open_once(const struct lmdbx__env *env, size_t map_size, unsigned flags, MDB_env **out) {
  MDB_env *mdb;
  int rc = mdb_env_create(&mdb);
  if (rc != 0) return rc;
  rc = mdb_env_set_mapsize(mdb, map_size);
  if (rc == 0) rc = mdb_env_set_maxdbs(mdb, LMDBX_MAX_DATABASES);
  if (rc == 0) rc = mdb_env_set_maxreaders(mdb, env->max_readers);
  if (rc == 0) rc = lmdbx__lock_file_prepare(env->path, env->max_readers);
  if (rc == 0) rc = mdb_env_open(mdb, env->path, ENV_FLAGS | flags, LMDBX__FILE_MODE);
  if (rc != 0) {
    mdb_env_close(mdb);
    return rc;
  }
  *out = mdb;
  return 0;
}

static bool can_lock(MDB_env *mdb) {
  MDB_txn *txn;
  int rc = mdb_txn_begin(mdb, NULL, MDB_RDONLY, &txn);
  if (rc == 0) mdb_txn_abort(txn);
  return rc != EINVAL;
}

/*
 * liblmdb from 0.9.25 on destroys the mutexes in lock.mdb when the last process closes
 * it. Who opens it just then, and has waited for that, takes them for sound, and so
 * does who comes next: to all of them every lock is EINVAL, until for a moment
 * nobody has the file open. So everybody closes it, for a time of their own.
 */
static int open_mdb(struct lmdbx__env *env, size_t map_size, unsigned flags) {
  MDB_env *mdb;
  unsigned slots = 0;
  for (int tries = 0;; tries++) {
    int rc = open_once(env, map_size, flags, &mdb);
    if (rc != 0) return rc;
    if (can_lock(mdb)) break;
    mdb_env_close(mdb);
    if (tries == LOCK_TRIES) return ENOTRECOVERABLE;
    uint64_t chance = lmdbx__now_ns() / 1000 + (uint64_t)getpid();
    lmdbx__pause((1 + chance % LOCK_PAUSES) * LOCK_PAUSE_NS);
  }
  (void)mdb_env_get_maxreaders(mdb, &slots); /* as whoever opened it first decided */
  atomic_store(&env->reader_slots, slots);
  env->mdb = mdb;
  return 0;
}

/*
 * Opens for writing where that is permitted, since the next owner may want to
 * write and a process has one environment for all; a read_only owner makes do
 * with less. An automatic map is halved until it fits (valgrind says EINVAL).
 */
static int open_best(struct lmdbx__env *env, const struct lmdbx__env_options *options) {
  size_t os_page = (size_t)sysconf(_SC_PAGESIZE);
  size_t size = options->map_size != 0 ? options->map_size : automatic_map_size(options->path);
  unsigned flags = 0;
  for (;;) {
    size = round_up(size, os_page);
    int rc = open_mdb(env, size, flags);
    if ((rc == EACCES || rc == EROFS || rc == EPERM) && options->read_only && flags == 0) {
      flags = MDB_RDONLY;
    } else if ((rc == ENOMEM || rc == EINVAL) && options->map_size == 0 &&
               size / 2 >= AUTO_MAP_LEAST) {
      size /= 2;
    } else {
      env->map_limit = size;
      env->writable = flags == 0;
      return rc;
    }
  }
}

/* Whether what is open now is the file that was checked, and as it was. */
static int verify(struct lmdbx__env *env, struct lmdbx_error *error) {
  int fd;
  struct stat status;
  int rc = mdb_env_get_fd(env->mdb, &fd);
  if (rc == 0 && fstat(fd, &status) != 0) rc = errno;
  if (rc == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) rc = errno;
  if (rc == 0 && env->file < 0) {
    env->file = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (env->file < 0) rc = errno;
  }
  if (rc != 0) return lmdbx__store_error(error, rc, doing, env->path);
  MDB_stat stat;
  mdb_env_stat(env->mdb, &stat);
  if (status.st_dev != env->id.device || status.st_ino != env->id.inode ||
      (env->page_size != 0 && env->page_size != stat.ms_psize))
    return lmdbx__error_at(error, LMDBX_IO, 0, doing, env->path,
                           "data.mdb was replaced meanwhile. Try again");
  if (env->page_size == 0) env->page_size = stat.ms_psize;
  int dead;
  mdb_reader_check(env->mdb, &dead);
  return LMDBX_OK;
}

/* What can only be asked of an open environment; and the first read, which also
 * shows whether our process id can have a reader slot. */
static int look_around(struct lmdbx__env *env, struct lmdbx_error *error) {
  int code = verify(env, error);
  if (code != LMDBX_OK) return code;
  env->max_key = (size_t)mdb_env_get_maxkeysize(env->mdb);
  struct lmdbx__read *read;
  code = lmdbx__read_begin_wait(env, &read, error);
  if (code != LMDBX_OK) return code;
  int rc = lmdbx__databases_open(env, read->txn);
  lmdbx__read_end(read);
  if (rc != 0) return lmdbx__store_error(error, rc, doing, env->path);
  struct lmdbx__env_info info;
  lmdbx__env_info(env, &info); /* for those who ask during a remap */
  return LMDBX_OK;
}

/* With both files known to be sound in themselves, LMDB's complaints about the
 * format are about lock.mdb. */
static int open_error(struct lmdbx_error *error, int rc, const char *path) {
  if (rc == MDB_VERSION_MISMATCH || rc == MDB_INVALID)
    return lmdbx__error_at(error, LMDBX_LOCK_FORMAT, rc, doing, path,
                           "lock.mdb is in use by another build of LMDB. Close the other program, "
                           "or let both use one build");
  return lmdbx__store_error(error, rc, doing, path);
}

int lmdbx__env_open(const struct lmdbx__env_options *options, const struct lmdbx__file_id *id,
                    struct lmdbx__env **out, struct lmdbx_error *error) {
  int code, rc;
  struct lmdbx__env *env = calloc(1, sizeof *env);
  if (env == NULL) return lmdbx__store_error(error, ENOMEM, doing, options->path);
  rc = pthread_mutex_init(&env->databases_lock, NULL);
  if (rc != 0) goto free_env;
  rc = pthread_mutex_init(&env->turn.lock, NULL);
  if (rc != 0) goto destroy_lock;
  rc = lmdbx__gate_init(&env->gate);
  if (rc != 0) goto destroy_turn;
  env->path = strdup(options->path);
  if (env->path == NULL) {
    rc = ENOMEM;
    goto destroy_gate;
  }
  env->id = *id;
  env->file = -1;
  env->allow_network = options->allow_network;
  env->forks = lmdbx__forks();
  env->map_size_given = options->map_size;
  env->max_readers = readers_of(options);
  atomic_init(&env->references, 1);
  rc = open_best(env, options);
  if (rc != 0) {
    code = open_error(error, rc, env->path);
    lmdbx__env_close(env);
    return code;
  }
  code = look_around(env, error);
  if (code != LMDBX_OK) {
    lmdbx__env_close(env);
    return code;
  }
  *out = env;
  return LMDBX_OK;

destroy_gate:
  lmdbx__gate_destroy(&env->gate);
destroy_turn:
  pthread_mutex_destroy(&env->turn.lock);
destroy_lock:
  pthread_mutex_destroy(&env->databases_lock);
free_env:
  free(env);
  return lmdbx__store_error(error, rc, doing, options->path);
}

int lmdbx__env_attach(struct lmdbx__env *env, struct lmdbx_error *error) {
  int rc = open_mdb(env, env->map_limit, env->writable ? 0 : MDB_RDONLY);
  return rc == 0 ? verify(env, error) : open_error(error, rc, env->path);
}

void lmdbx__env_detach(struct lmdbx__env *env) {
  lmdbx__idle_drop(env);
  mdb_env_close(env->mdb);
  env->mdb = NULL;
}

void lmdbx__env_close(struct lmdbx__env *env) {
  lmdbx__env_detach(env);
  if (env->file >= 0) close(env->file);
  for (struct lmdbx__database *database; (database = env->databases) != NULL;) {
    env->databases = database->next;
    free(database);
  }
  lmdbx__gate_destroy(&env->gate);
  pthread_mutex_destroy(&env->turn.lock);
  pthread_mutex_destroy(&env->databases_lock);
  free(env->path);
  free(env);
}

void *lmdbx__env_companion_of(struct lmdbx__env *env) {
  return env->companion;
}

unsigned lmdbx__env_reader_slots(const struct lmdbx__env *env) {
  return atomic_load(&env->reader_slots);
}

const char *lmdbx__env_path(const struct lmdbx__env *env) {
  return env->path;
}

size_t lmdbx__env_max_key(const struct lmdbx__env *env) {
  return env->max_key;
}

/* mdb_reader_list prints a heading and a line for each slot in use. */
static int count_reader(const char *line, void *count) {
  line += strspn(line, " ");
  if (*line >= '0' && *line <= '9') ++*(unsigned *)count;
  return 0;
}

/* The gate keeps the map, which holds all this, in place meanwhile; during a
 * remap and in a forked child the last facts known must do. */
static bool look_at(struct lmdbx__env *env, MDB_envinfo *info) {
  if (lmdbx__forked(env) || !lmdbx__gate_enter(&env->gate, false)) return false;
  mdb_env_info(env->mdb, info);
  return true;
}

void lmdbx__env_info(struct lmdbx__env *env, struct lmdbx__env_info *out) {
  struct lmdbx__gate *gate = &env->gate;
  MDB_envinfo info;
  unsigned readers = 0;
  bool looked = look_at(env, &info);
  if (looked) {
    mdb_reader_list(env->mdb, count_reader, &readers);
    lmdbx__gate_leave(gate);
  }
  pthread_mutex_lock(&gate->lock);
  if (looked)
    gate->info = (struct lmdbx__env_info){.map_size = info.me_mapsize,
                                          .file_size = (info.me_last_pgno + 1) * env->page_size,
                                          .last_txn_id = info.me_last_txnid,
                                          .readers = readers,
                                          .max_readers = info.me_maxreaders,
                                          .page_size = env->page_size};
  *out = gate->info;
  pthread_mutex_unlock(&gate->lock);
}

uint64_t lmdbx__env_last_txn_id(struct lmdbx__env *env) {
  MDB_envinfo info;
  if (!look_at(env, &info)) return 0;
  lmdbx__gate_leave(&env->gate);
  return info.me_last_txnid;
}

bool lmdbx__env_has_failed(struct lmdbx__env *env) {
  return atomic_load(&env->failed);
}

uint64_t lmdbx__env_lock_wait(struct lmdbx__env *env) {
  return atomic_load(&env->lock_wait_ns);
}
