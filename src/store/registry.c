/*
 * The table of the environments that this process has open, by (device, inode)
 * of data.mdb: liblmdb forbids opening a file twice in one process. Its lock is
 * held over opening and closing, so that a file is never both at once.
 */
#include "store/internal.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static const char doing[] = "open the database";

/*
 * The one global of the package. occupants counts the open environments and the
 * calls that may hold the lock, and says in its upper half in which process: a
 * forked child that finds its parent's must not touch the table, whose lock may
 * be held for ever; one that was forked while nobody was in may.
 */
static struct {
  _Atomic uint64_t occupants; /* process id << 32 | count */
  atomic_uint forks;          /* that led to this process since it loaded us */
  pthread_mutex_t lock;
  bool counts_forks;
  struct lmdbx__env *first;
} table = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool table_enter(void) {
  uint64_t self = (uint64_t)getpid() << 32;
  uint64_t before = atomic_load(&table.occupants), after;
  do {
    if ((uint32_t)before == 0)
      after = self + 1;
    else if (before >> 32 << 32 == self)
      after = before + 1;
    else
      return false;
  } while (!atomic_compare_exchange_weak(&table.occupants, &before, after));
  return true;
}

/* Only with the lock released. */
static void table_leave(void) {
  atomic_fetch_sub(&table.occupants, 1);
}

static void count_fork(void) { /* in the child */
  atomic_fetch_add(&table.forks, 1);
}

unsigned lmdbx__forks(void) {
  return atomic_load_explicit(&table.forks, memory_order_relaxed);
}

static struct lmdbx__env *table_find(const struct lmdbx__file_id *id) {
  struct lmdbx__env *env = table.first;
  while (env != NULL && (env->id.device != id->device || env->id.inode != id->inode))
    env = env->next;
  return env;
}

static int conflict(struct lmdbx_error *error, struct lmdbx__env *env, const char *option,
                    size_t ours, size_t theirs) {
  char value[32];
  snprintf(value, sizeof value, "%zu", ours);
  return lmdbx__error_at(error, LMDBX_CONFIG_CONFLICT, 0, doing, env->path,
                         "this process has it open with %s %s, and %zu was asked for. Use the same "
                         "value for all repositories on one path",
                         option, ours != 0 ? value : "left out", theirs);
}

/* Whether an owner with these options can share env. 0 is no opinion. */
static int check_options(struct lmdbx__env *env, const struct lmdbx__env_options *options,
                         struct lmdbx_error *error) {
  if (options->map_size != 0 && options->map_size != env->map_size_given)
    return conflict(error, env, "mapSize", env->map_size_given, options->map_size);
  if (options->max_readers != 0 && options->max_readers != env->max_readers)
    return conflict(error, env, "maxReaders", env->max_readers, options->max_readers);
  if (!options->read_only && !env->writable)
    return lmdbx__store_error(error, EACCES, doing, env->path);
  return LMDBX_OK;
}

/* Opens what is not in the table yet, and puts it there. */
static int open_new(const struct lmdbx__env_options *options, const struct lmdbx__file_id *id,
                    const struct lmdbx__env_companion *companion, struct lmdbx__env **out,
                    struct lmdbx_error *error) {
  struct lmdbx__env *env;
  if (!table.counts_forks && pthread_atfork(NULL, NULL, count_fork) != 0)
    return lmdbx__store_error(error, ENOMEM, doing, options->path);
  table.counts_forks = true;
  int code = lmdbx__check_files(options->path, id, options->allow_network, error);
  if (code == LMDBX_OK) code = lmdbx__env_open(options, id, &env, error);
  if (code != LMDBX_OK) return code;
  if (companion != NULL) {
    env->companion = companion->create(env);
    env->companion_destroy = companion->destroy;
    if (env->companion == NULL) {
      lmdbx__env_close(env);
      return lmdbx__store_error(error, ENOMEM, doing, options->path);
    }
  }
  env->next = table.first;
  table.first = env;
  *out = env;
  return LMDBX_OK;
}

int lmdbx__env_acquire(const struct lmdbx__env_options *options,
                       const struct lmdbx__env_companion *companion, struct lmdbx__env **out,
                       struct lmdbx_error *error) {
  if (!table_enter())
    return lmdbx__error_at(error, LMDBX_FORKED, 0, doing, options->path,
                           "this process was forked from one that has databases open. Start it "
                           "with exec");
  pthread_mutex_lock(&table.lock);
  bool opened = false;
  struct lmdbx__env *env = NULL;
  struct lmdbx__file_id id;
  int code = lmdbx__create_files(options->path, !options->read_only, &id, error);
  if (code != LMDBX_OK) goto out;
  env = table_find(&id);
  if (env == NULL) {
    code = open_new(options, &id, companion, &env, error);
    opened = code == LMDBX_OK;
  } else {
    code = check_options(env, options, error);
    if (code == LMDBX_OK) atomic_fetch_add(&env->references, 1);
  }
out:
  pthread_mutex_unlock(&table.lock);
  /* An open environment stays an occupant until it is closed. */
  if (!opened) table_leave();
  if (code != LMDBX_OK) return code;
  /* Not with the table locked: this may wait for transactions to end. */
  code = lmdbx__env_usable(env, true, error, doing);
  if (code != LMDBX_OK) {
    lmdbx__env_release(env);
    return code;
  }
  if (!options->read_only) atomic_store(&env->may_write, true);
  *out = env;
  return LMDBX_OK;
}

void lmdbx__env_retain(struct lmdbx__env *env) {
  atomic_fetch_add(&env->references, 1);
}

void lmdbx__env_release(struct lmdbx__env *env) {
  if (lmdbx__forked(env)) return;
  /* Without the lock, unless this may be the last reference: then nobody may
   * find the environment in the table while it goes. */
  unsigned references = atomic_load(&env->references);
  while (references > 1)
    if (atomic_compare_exchange_weak(&env->references, &references, references - 1)) return;
  pthread_mutex_lock(&table.lock);
  bool last = atomic_fetch_sub(&env->references, 1) == 1;
  if (last) {
    struct lmdbx__env **link = &table.first;
    while (*link != env) link = &(*link)->next;
    *link = env->next;
    if (env->companion_destroy != NULL) env->companion_destroy(env->companion);
    lmdbx__env_close(env);
  }
  pthread_mutex_unlock(&table.lock);
  if (last) table_leave();
}
