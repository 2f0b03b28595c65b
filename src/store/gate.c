/*
 * The gate: every transaction of this process passes it, so that the map can be
 * moved, and the file reopened, while none is live. gate.lock is the innermost
 * lock and is never held during a call of liblmdb; the closed gate itself keeps
 * transactions out.
 */
#include "store/internal.h"

#include <errno.h>
#include <sys/mman.h>

#define NANOSECONDS_PER_MILLISECOND UINT64_C(1000000)

int lmdbx__gate_init(struct lmdbx__gate *gate) {
  int rc = lmdbx__condition_init(&gate->changed);
  if (rc != 0) return rc;
  rc = pthread_mutex_init(&gate->lock, NULL);
  if (rc != 0) pthread_cond_destroy(&gate->changed);
  return rc;
}

void lmdbx__gate_destroy(struct lmdbx__gate *gate) {
  pthread_mutex_destroy(&gate->lock);
  pthread_cond_destroy(&gate->changed);
}

/* When whoever waits from now on gives up. */
static uint64_t deadline_in(uint64_t milliseconds) {
  return lmdbx__now_ns() + milliseconds * NANOSECONDS_PER_MILLISECOND;
}

/* Waits, with the lock held, while the gate is closed. false: it stayed closed. */
static bool wait_open(struct lmdbx__gate *gate) {
  uint64_t deadline = deadline_in(LMDBX__REMAP_WAIT_MS);
  while (gate->closed)
    if (!lmdbx__condition_wait(&gate->changed, &gate->lock, deadline)) break;
  return !gate->closed;
}

/* With the lock held. */
static bool enter(struct lmdbx__gate *gate, bool wait) {
  if (wait) (void)wait_open(gate);
  if (gate->closed || gate->lost) return false;
  gate->live++;
  return true;
}

bool lmdbx__gate_enter(struct lmdbx__gate *gate, bool wait) {
  pthread_mutex_lock(&gate->lock);
  bool entered = enter(gate, wait);
  pthread_mutex_unlock(&gate->lock);
  return entered;
}

static struct lmdbx__read *take_idle(struct lmdbx__gate *gate) {
  struct lmdbx__read *read = gate->idle;
  if (read == NULL) return NULL;
  gate->idle = read->next;
  gate->idle_count--;
  return read;
}

bool lmdbx__gate_enter_read(struct lmdbx__gate *gate, bool wait, struct lmdbx__read **read) {
  pthread_mutex_lock(&gate->lock);
  bool entered = enter(gate, wait);
  if (entered && *read == NULL) *read = take_idle(gate);
  pthread_mutex_unlock(&gate->lock);
  return entered;
}

/* With the lock held. */
static void leave(struct lmdbx__gate *gate) {
  gate->live--;
  if (gate->live > 0) return;
  gate->stuck_until = 0;
  if (gate->closed) pthread_cond_broadcast(&gate->changed);
}

void lmdbx__gate_leave(struct lmdbx__gate *gate) {
  pthread_mutex_lock(&gate->lock);
  leave(gate);
  pthread_mutex_unlock(&gate->lock);
}

bool lmdbx__gate_leave_read(struct lmdbx__gate *gate, struct lmdbx__read *read) {
  pthread_mutex_lock(&gate->lock);
  bool kept = gate->idle_count < LMDBX__MAX_IDLE_READS;
  if (kept) {
    read->next = gate->idle;
    gate->idle = read;
    gate->idle_count++;
    leave(gate);
  }
  pthread_mutex_unlock(&gate->lock);
  return kept;
}

struct lmdbx__read *lmdbx__gate_take_idle(struct lmdbx__gate *gate) {
  pthread_mutex_lock(&gate->lock);
  struct lmdbx__read *read = take_idle(gate);
  pthread_mutex_unlock(&gate->lock);
  return read;
}

/* -------------------------------------------------------------- parked reads */

/* With the lock held. */
static void unlink_kept(struct lmdbx__read *read) {
  read->parked = false;
  if (read->link == NULL) return;
  *read->link = read->next;
  if (read->next != NULL) read->next->link = read->link;
  read->next = NULL;
  read->link = NULL;
}

/* With the lock held, which is released meanwhile. The read is its holder's to
 * free as soon as its transaction has been taken. */
static void expire(struct lmdbx__gate *gate, struct lmdbx__read *read) {
  MDB_txn *txn = read->txn;
  read->txn = NULL;
  unlink_kept(read);
  pthread_mutex_unlock(&gate->lock);
  mdb_txn_abort(txn);
  pthread_mutex_lock(&gate->lock);
  leave(gate);
}

/* With the lock held. */
static bool is_parked(const struct lmdbx__read *read, bool paused_too) {
  return read->parked && (paused_too || read->kept_since != 0);
}

static struct lmdbx__read *find_parked(struct lmdbx__gate *gate, bool paused_too) {
  struct lmdbx__read *read = gate->kept;
  while (read != NULL && !is_parked(read, paused_too)) read = read->next;
  return read;
}

/* With the lock held: others than parked ones. */
static bool has_running(const struct lmdbx__gate *gate) {
  unsigned parked = 0;
  for (const struct lmdbx__read *read = gate->kept; read != NULL; read = read->next)
    parked += read->parked;
  return gate->live > parked;
}

void lmdbx__gate_park(struct lmdbx__gate *gate, struct lmdbx__read *read, bool lasting) {
  pthread_mutex_lock(&gate->lock);
  read->kept = true;
  if (read->link == NULL) read->kept_since = 0; /* of an earlier life */
  if (read->txn == NULL) {
    /* It has expired before. */
  } else if (gate->closed && (lasting || read->kept_since != 0 || !gate->patient)) {
    expire(gate, read);
  } else {
    read->parked = true;
    if (read->link == NULL) {
      read->next = gate->kept;
      read->link = &gate->kept;
      if (read->next != NULL) read->next->link = &read->next;
      gate->kept = read;
    }
    if (lasting && read->kept_since == 0) read->kept_since = lmdbx__now_ns();
  }
  pthread_mutex_unlock(&gate->lock);
}

bool lmdbx__gate_resume(struct lmdbx__gate *gate, struct lmdbx__read *read) {
  pthread_mutex_lock(&gate->lock);
  read->parked = false;
  if (gate->patient) pthread_cond_broadcast(&gate->changed);
  bool live = read->txn != NULL;
  pthread_mutex_unlock(&gate->lock);
  return live;
}

void lmdbx__gate_forget(struct lmdbx__gate *gate, struct lmdbx__read *read) {
  pthread_mutex_lock(&gate->lock);
  unlink_kept(read);
  if (gate->patient) pthread_cond_broadcast(&gate->changed);
  pthread_mutex_unlock(&gate->lock);
  read->kept = false;
}

uint64_t lmdbx__env_oldest_snapshot(struct lmdbx__env *env) {
  uint64_t oldest = 0;
  pthread_mutex_lock(&env->gate.lock);
  for (struct lmdbx__read *read = env->gate.kept; read != NULL; read = read->next)
    if (read->kept_since != 0 && (oldest == 0 || read->kept_since < oldest))
      oldest = read->kept_since;
  pthread_mutex_unlock(&env->gate.lock);
  return oldest;
}

/* ---------------------------------------------------------- the closed gate */

/* With the lock held: ends parked reads, once those that are only paused had their chance to go
 * on at their moment, which may be an earlier one than what the closer is about to write. */
static void end_parked(struct lmdbx__gate *gate, bool patient) {
  uint64_t deadline = deadline_in(LMDBX__PAUSED_WAIT_MS);
  struct lmdbx__read *read;
  gate->patient = patient;
  while ((read = find_parked(gate, false)) != NULL) expire(gate, read);
  while (patient && find_parked(gate, true) != NULL)
    if (!lmdbx__condition_wait(&gate->changed, &gate->lock, deadline)) break;
  gate->patient = false;
  while ((read = find_parked(gate, true)) != NULL) expire(gate, read);
}

void lmdbx__gate_open(struct lmdbx__gate *gate, bool lost) {
  pthread_mutex_lock(&gate->lock);
  gate->closed = false;
  gate->lost = lost;
  pthread_cond_broadcast(&gate->changed);
  pthread_mutex_unlock(&gate->lock);
}

int lmdbx__gate_close(struct lmdbx__gate *gate, bool *first) {
  int code = LMDBX_OK;
  pthread_mutex_lock(&gate->lock);
  *first = !gate->closed;
  if (!*first) {
    if (!wait_open(gate)) code = LMDBX_CONFLICT;
    goto out;
  }
  bool stuck = lmdbx__now_ns() < gate->stuck_until;
  if (stuck && has_running(gate)) {
    code = LMDBX_CONFLICT;
    goto out;
  }
  gate->closed = true;
  lmdbx__copies_interrupt(gate->copies);
  end_parked(gate, !stuck); /* those that go on would have to be waited for */
  uint64_t deadline = deadline_in(LMDBX__REMAP_WAIT_MS);
  while (gate->live > 0 && !stuck)
    if (!lmdbx__condition_wait(&gate->changed, &gate->lock, deadline)) break;
  if (gate->live > 0) {
    /* A long-lived one must not make everybody wait again and again. */
    gate->stuck_until = lmdbx__now_ns() + LMDBX__STUCK_MS * NANOSECONDS_PER_MILLISECOND;
    gate->closed = false;
    pthread_cond_broadcast(&gate->changed);
    code = LMDBX_CONFLICT;
  }
out:
  pthread_mutex_unlock(&gate->lock);
  return code;
}

/* Whether that much address space is to be had. mdb_env_set_mapsize unmaps
 * before it maps, and an environment without a map is lost. */
static bool address_space_left(size_t size) {
  void *probe = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (probe == MAP_FAILED) return false;
  munmap(probe, size);
  return true;
}

/* Behind the closed gate. */
static int move_map(struct lmdbx__env *env, size_t map_size, size_t extra, bool by_any,
                    bool *lost) {
  MDB_envinfo info;
  *lost = env->gate.lost;
  if (atomic_load(&env->failed)) return MDB_PANIC; /* there may be no map to look at */
  mdb_env_info(env->mdb, &info);
  size_t used = (info.me_last_pgno + 1) * env->page_size;
  if (by_any && used <= info.me_mapsize) return 0; /* another has, and maybe with a reserve */
  size_t size = (map_size > used ? map_size : used) + extra;
  if (size == info.me_mapsize) return 0;
  if (size > info.me_mapsize && !address_space_left(size)) return ENOMEM;
  int rc = mdb_env_set_mapsize(env->mdb, size);
  *lost = rc != 0;
  if (*lost) atomic_store(&env->failed, true);
  return rc;
}

int lmdbx__gate_remap(struct lmdbx__env *env, size_t map_size, size_t extra, bool by_any,
                      struct lmdbx_error *error) {
  static const char doing[] = "move the map of the database";
  bool first, lost;
  do {
    if (lmdbx__gate_close(&env->gate, &first) != LMDBX_OK)
      return lmdbx__error_at(error, LMDBX_CONFLICT, 0, doing, env->path,
                             "read transactions of this process stayed open. Try again");
  } while (!first && !by_any);
  if (!first) return LMDBX_OK;
  int rc = move_map(env, map_size, extra, by_any, &lost);
  lmdbx__gate_open(&env->gate, lost);
  return rc == 0 ? LMDBX_OK : lmdbx__store_error(error, rc, doing, env->path);
}
