/*
 * Reads on the owner thread, where all signs say that they cannot wait: a hot
 * read costs less than the way to the pool and back, a cold one a thousand times
 * more, and must never hold up the loop.
 *
 * The signs: a pool job has recently seen the whole mapping in memory (mincore),
 * and neither pool reads nor inline reads meet major faults. Each opens or closes
 * the environment's door for a time. And the turn: all inline reads of one
 * turn of the loop, with what the program does between them, get TURN_BUDGET_NS.
 * Then a few are still answered, but told of when the loop has turned; where more
 * come, all take the pool.
 */
#include "codec/frame.h"
#include "queue/host.h"
#include "queue/reader.h"
#include "queue/repository.h"
#include "queue/scan.h"

#include <sys/resource.h>

#define MICROSECOND UINT64_C(1000)
#define MILLISECOND (1000 * MICROSECOND)
#define SECOND (1000 * MILLISECOND)

#define TURN_BUDGET_NS (1 * MILLISECOND)
/* So many reads of a turn whose budget is spent are answered all the same, and told of when
 * the loop has turned: the way to the pool and back costs as much as some twenty of them. */
#define LATE_READS 8
/* Results of the pool that come when a turn has lasted so long wait for the next. */
#define TURN_LONGEST_NS (2 * MILLISECOND)
/* How long one look at the mapping counts, at least; and how many times what it
 * cost, for large ones. */
#define LOOK_PERIOD_NS SECOND
#define LOOK_COST_FACTOR 100
/* When to look again after missing pages were asked for; each time twice as long, up to
 * some ten seconds, where they do not stay. */
#define MENDING_NS (20 * MILLISECOND)
#define MENDING_DOUBLINGS 9
/* The door stays shut so long after a major fault. */
#define FAULT_BACKOFF_NS (200 * MILLISECOND)
/* Reads are cold where one in so many of a job has met a major fault, and several have, since
 * there is always one now and then; and for so long after. */
#define COLD_PART 4
#define COLD_LEAST 2
#define COLD_NS (200 * MILLISECOND)
/* An inline read that took this long has met a fault, or lost the processor:
 * only then is it worth asking which. */
#define SLOW_READ_NS (200 * MICROSECOND)
/* Stored bytes of values that are decoded where they lie; of frames. */
#define INLINE_VALUE_SIZE ((size_t)256 * 1024)
#define INLINE_FRAME_SIZE ((size_t)16 * 1024)
/* What a scan looks at and takes before it goes to the pool. */
#define INLINE_VISITS 64
static const struct lmdbx__page_limits inline_page = {
    .visits = INLINE_VISITS,
    .text = SIZE_MAX, /* the visits bound it */
    .values = LMDBX_PAGE_SIZE,
    .records = INLINE_VISITS,
    .plain_size = INLINE_VALUE_SIZE,
    .frame_size = INLINE_FRAME_SIZE,
    .unpacked_size = INLINE_VALUE_SIZE,
};

/* ----------------------------------------------------------------- the door */

static void close_door(struct lmdbx__residency *residency, uint64_t until) {
  atomic_store(&residency->open_until, 0);
  atomic_store(&residency->next_look, until);
}

/* A read has met a major fault. While missing pages are asked for again and again, that is
 * no reason to ask sooner. */
static void note_fault(struct lmdbx__residency *residency, uint64_t now) {
  uint64_t until = now + FAULT_BACKOFF_NS;
  uint64_t planned = atomic_load(&residency->next_look);
  bool mending = atomic_load(&residency->mendings) > 0 && planned > until;
  close_door(residency, mending ? planned : until);
}

static long major_faults(void) {
#ifdef RUSAGE_THREAD
  struct rusage usage;
  if (getrusage(RUSAGE_THREAD, &usage) == 0) return usage.ru_majflt;
#endif
  return 0;
}

void lmdbx__residency_begin(struct lmdbx__pool_read *pool_read) {
  pool_read->faults = major_faults();
}

void lmdbx__residency_note(const struct lmdbx__pool_read *pool_read, struct lmdbx__env *env,
                           size_t reads) {
  size_t faults = (size_t)(major_faults() - pool_read->faults);
  if (faults < COLD_LEAST || faults * COLD_PART < reads) return;
  atomic_store(&lmdbx__residency_of(env)->cold_until, lmdbx__now_ns() + COLD_NS);
}

bool lmdbx__residency_is_cold(struct lmdbx__env *env) {
  uint64_t until = atomic_load(&lmdbx__residency_of(env)->cold_until);
  return until != 0 && lmdbx__now_ns() < until;
}

bool lmdbx__residency_due(struct lmdbx__env *env) {
  return lmdbx__now_ns() >= atomic_load(&lmdbx__residency_of(env)->next_look);
}

bool lmdbx__residency_end(struct lmdbx__pool_read *pool_read, struct lmdbx__env *env) {
  struct lmdbx__residency *residency = lmdbx__residency_of(env);
  uint64_t now = lmdbx__now_ns();
  if (major_faults() != pool_read->faults) {
    note_fault(residency, now);
    return false;
  }
  uint64_t next_look = atomic_load(&residency->next_look);
  /* One job looks; the others go on. */
  return now >= next_look &&
         atomic_compare_exchange_strong(&residency->next_look, &next_look, now + LOOK_PERIOD_NS);
}

void lmdbx__residency_look(struct lmdbx__env *env, struct lmdbx__read *read) {
  struct lmdbx__residency *residency = lmdbx__residency_of(env);
  uint64_t before = lmdbx__now_ns();
  enum lmdbx__residence residence = lmdbx__read_residence(read);
  uint64_t now = lmdbx__now_ns();
  uint64_t period = (now - before) * LOOK_COST_FACTOR;
  if (period < LOOK_PERIOD_NS) period = LOOK_PERIOD_NS;
  switch (residence) {
  case LMDBX__RESIDENT:
    /* Looks are due earlier than the door closes, so that it stays open. */
    atomic_store(&residency->next_look, now + period / 2);
    atomic_store(&residency->open_until, now + period);
    atomic_store(&residency->mendings, 0);
    break;
  case LMDBX__MENDING:
    /* Shut meanwhile: to wait for a page that is on its way is no major fault. */
    period = MENDING_NS << atomic_load(&residency->mendings);
    if (period < MENDING_NS << MENDING_DOUBLINGS) atomic_fetch_add(&residency->mendings, 1);
    close_door(residency, now + period + (now - before));
    break;
  case LMDBX__ABSENT: close_door(residency, now + period); break;
  }
}

/* ----------------------------------------------------------------- the turn */

void lmdbx_host_turn(struct lmdbx_host *host) {
  if (host->late_count > 0) lmdbx__host_post(host, &host->late, false);
  host->late_count = 0;
  host->crowded = false;
  host->turn_began = 0;
  host->turn_wanted = false;
  host->delivered = 0;
  host->faults = major_faults(); /* those of others do not count against reads */
}

/* What hears of its results reads on, and under some runtimes all that before timers. */
bool lmdbx__turn_is_long(const struct lmdbx_host *host) {
  return host->turn_wanted && lmdbx__now_ns() - host->turn_began > TURN_LONGEST_NS;
}

static bool door_is_open(struct lmdbx_repository *repository, uint64_t now) {
  return repository->state == LMDBX__OPEN && !repository->closed &&
         !repository->config.pool_reads &&
         now < atomic_load(&lmdbx__residency_of(repository->env)->open_until);
}

static bool turn_is_spent(const struct lmdbx_host *host, uint64_t now) {
  return now - host->turn_began >= TURN_BUDGET_NS;
}

/* Whether a read may be answered here and now. */
static bool may_read(struct lmdbx_repository *repository, uint64_t now) {
  struct lmdbx_host *host = repository->host;
  if (!door_is_open(repository, now)) return false;
  if (host->turn_began == 0) host->turn_began = now;
  return !turn_is_spent(host, now);
}

/* Nothing was answered; as if never begun. The turn, too: without an answer nobody
 * is told to say when it ends. */
static bool later(struct lmdbx_repository *repository, struct lmdbx_now *answer) {
  struct lmdbx_host *host = repository->host;
  if (answer->scan != NULL) lmdbx__scan_free(answer->scan);
  if (answer->read != NULL) lmdbx__read_end(answer->read);
  lmdbx_buffer_free(&answer->plain);
  if (!host->turn_wanted) host->turn_began = 0;
  return false;
}

static bool begin_read(struct lmdbx_repository *repository, struct lmdbx_now *answer) {
  if (lmdbx__read_begin(repository->env, &answer->read, NULL) == LMDBX_OK) return true;
  answer->read = NULL;
  return later(repository, answer);
}

static bool begin(struct lmdbx_repository *repository, struct lmdbx_now *answer) {
  *answer = (struct lmdbx_now){.began = lmdbx__now_ns()};
  return may_read(repository, answer->began) && begin_read(repository, answer);
}

bool lmdbx_now_end(struct lmdbx_repository *repository, struct lmdbx_now *answer) {
  struct lmdbx_host *host = repository->host;
  if (answer->scan != NULL) lmdbx__scan_free(answer->scan);
  lmdbx__read_end(answer->read);
  lmdbx_buffer_free(&answer->plain);
  uint64_t now = lmdbx__now_ns();
  if (now - answer->began > SLOW_READ_NS) {
    long faults = major_faults();
    if (faults != host->faults) note_fault(lmdbx__residency_of(repository->env), now);
    host->faults = faults;
  }
  repository->inline_reads++;
  bool wanted = !host->turn_wanted;
  host->turn_wanted = true;
  return wanted;
}

static bool find(struct lmdbx_repository *repository, struct lmdbx_slice key,
                 struct lmdbx_now *answer) {
  return lmdbx__read_get(answer->read, repository->dbi, key, &answer->found, &answer->value,
                         NULL) == LMDBX_OK ||
         later(repository, answer); /* the pool will say what is wrong */
}

static bool look_up(struct lmdbx_repository *repository, struct lmdbx_slice key,
                    struct lmdbx_now *answer) {
  if (key.size > LMDBX_MAX_STORED_KEY) return false; /* an error, in the ordinary way */
  if (lmdbx__key_pending(repository, key)) return false;
  return begin(repository, answer) && find(repository, key, answer);
}

/* The value as it lies in the file, if that is small enough. */
static bool take_stored(struct lmdbx_repository *repository, struct lmdbx_now *answer) {
  return answer->value.size <= INLINE_VALUE_SIZE || later(repository, answer);
}

/* The same, unpacked. */
static bool take_plain(struct lmdbx_repository *repository, struct lmdbx_now *answer) {
  if (!take_stored(repository, answer)) return false;
  if (!answer->found || !lmdbx__frame_is(answer->value)) return true;
  if (answer->value.size > INLINE_FRAME_SIZE ||
      lmdbx__frame_unpack(answer->value, INLINE_VALUE_SIZE, &answer->plain, NULL) != LMDBX_OK) {
    return later(repository, answer);
  }
  answer->value = (struct lmdbx_slice){answer->plain.data, answer->plain.size};
  return true;
}

bool lmdbx_stored_now(struct lmdbx_repository *repository, struct lmdbx_slice key,
                      struct lmdbx_now *answer) {
  return look_up(repository, key, answer) && take_stored(repository, answer);
}

bool lmdbx_read_now(struct lmdbx_repository *repository, struct lmdbx_slice key, bool with_value,
                    struct lmdbx_now *answer) {
  return look_up(repository, key, answer) && (!with_value || take_plain(repository, answer));
}

/* -------------------------------------------------------------- late answers */

/* Whether the turn's budget alone stands against an answer here and now. */
static bool may_read_late(struct lmdbx_repository *repository, uint64_t now) {
  struct lmdbx_host *host = repository->host;
  bool room = host->late_count < LATE_READS && !host->crowded &&
              (host->late_count == 0 || host->late_env == repository->env);
  return host->turn_wanted && room && door_is_open(repository, now) && turn_is_spent(host, now) &&
         now < atomic_load(&lmdbx__residency_of(repository->env)->next_look);
}

static bool take(struct lmdbx__request *request, struct lmdbx_now *answer) {
  if (request->op.type == LMDBX__OP_HAS) return true;
  return request->stored ? take_stored(request->repository, answer)
                         : take_plain(request->repository, answer);
}

size_t lmdbx__late_join(struct lmdbx_host *host, const struct lmdbx__env *env,
                        struct lmdbx__list *list) {
  size_t count = host->late_count;
  if (count == 0 || host->late_env != env) return 0;
  lmdbx__list_join(list, &host->late);
  host->late_count = 0;
  host->crowded = true;
  return count;
}

bool lmdbx__late_add(struct lmdbx__request *request) {
  struct lmdbx_repository *repository = request->repository;
  struct lmdbx_host *host = repository->host;
  struct lmdbx__op *op = &request->op;
  struct lmdbx_now answer = {.began = lmdbx__now_ns()};
  if ((op->type != LMDBX__OP_GET && op->type != LMDBX__OP_HAS) ||
      !may_read_late(repository, answer.began) || !begin_read(repository, &answer) ||
      !find(repository, op->key, &answer) || !take(request, &answer)) {
    return false;
  }
  op->found = answer.found;
  if (answer.found && op->type == LMDBX__OP_GET &&
      lmdbx_buffer_append(&op->result, answer.value.data, answer.value.size) != LMDBX_OK) {
    return later(repository, &answer);
  }
  (void)lmdbx_now_end(repository, &answer); /* whose turn is wanted already */
  request->late = true;
  host->late_env = repository->env;
  host->late_count++;
  lmdbx__list_append(&host->late, request);
  return true;
}

/* -------------------------------------------------------------------- scans */

bool lmdbx_scan_now(struct lmdbx_repository *repository, const struct lmdbx_query *query,
                    struct lmdbx_now *answer) {
  if (query->snapshot != NULL || query->kind == LMDBX_TENANTS || query->kind == LMDBX_HIDDEN)
    return false;
  if (!begin(repository, answer)) return false;
  if (lmdbx__scan_new(repository, query, &answer->scan, NULL) != LMDBX_OK) {
    return later(repository, answer);
  }
  struct lmdbx_scan *scan = answer->scan;
  if (lmdbx__scan_must_wait(scan) ||
      lmdbx__page_read(scan, answer->read, &inline_page, NULL) != LMDBX_OK || !scan->complete) {
    return later(repository, answer);
  }
  answer->found = true;
  lmdbx__page_show(scan, &answer->page);
  return true;
}
