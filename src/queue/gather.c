/*
 * Groups that grow while they are carried out. Encoding a thousand values takes a
 * turn of the loop about as long as a worker needs to apply them, so neither waits for
 * the other: once a turn has issued a few writes, a worker begins with them, and what
 * the turn goes on to issue joins the open transaction. The commit, with its flush,
 * comes when the turn ends: it is one, as if the group had been taken then.
 *
 * LMDB's writer lock is held meanwhile. So a turn that issues nothing for a while, or
 * goes on for long, is not waited for.
 */
#include "queue/host.h"
#include "queue/repository.h"
#include "queue/request.h"
#include "queue/writer.h"

/* From when on beginning early pays: a worker takes some 40 us to start. */
#define EARLY_REQUESTS 16
#define EARLY_BYTES ((size_t)16 * 1024)
/* How often a worker looks for more, how long it waits for the next, and until when the
 * group may grow. The turn's own host loses nothing: it hears of outcomes when the turn
 * has ended. */
#define LOOK_NS UINT64_C(100000)
#define PATIENCE_NS UINT64_C(10000000)
#define GROWTH_NS UINT64_C(50000000)

/* -------------------------------------------------------------- owner thread */

/* Whether a turn has issued so much that beginning pays. */
static bool is_enough(const struct lmdbx__gathering *gathering) {
  return gathering->requests >= EARLY_REQUESTS || gathering->bytes >= EARLY_BYTES;
}

/* Under writer->mutex. */
bool lmdbx__gathering_add(const struct lmdbx__request *request, struct lmdbx__writer *writer) {
  struct lmdbx__gathering *gathering = &request->repository->host->gathering;
  if (gathering->writer != NULL && gathering->writer != writer) return false;
  if (gathering->writer == NULL || gathering->round != writer->round) {
    gathering->writer = writer;
    gathering->round = writer->round;
    writer->gathering++;
  }
  bool was_enough = is_enough(gathering);
  gathering->requests++;
  gathering->bytes += request->charge;
  return !was_enough && is_enough(gathering);
}

void lmdbx__gathering_end(struct lmdbx_host *host) {
  struct lmdbx__writer *writer = host->gathering.writer;
  unsigned round = host->gathering.round;
  if (writer == NULL) return;
  host->gathering = (struct lmdbx__gathering){0};
  pthread_mutex_lock(&writer->mutex);
  if (round == writer->round && --writer->gathering == 0) pthread_cond_signal(&writer->gathered);
  pthread_mutex_unlock(&writer->mutex);
}

/* -------------------------------------------------------------------- worker */

/* Waits no more for turns that have fallen silent, until they issue something. Under
 * writer->mutex. */
static void give_up(struct lmdbx__writer *writer) {
  writer->gathering = 0;
  writer->round++;
}

void lmdbx__gatherer_take(struct lmdbx__gatherer *gatherer, struct lmdbx__list *more) {
  struct lmdbx__writer *writer = gatherer->writer;
  uint64_t now = lmdbx__now_ns();
  pthread_mutex_lock(&writer->mutex);
  while (now - gatherer->began < GROWTH_NS) {
    lmdbx__group_take(writer, more, &gatherer->taken);
    if (more->head != NULL) gatherer->last = now;
    if (now - gatherer->last >= PATIENCE_NS) give_up(writer);
    /* What is queued and was not taken does not fit in this group. */
    if (more->head != NULL || writer->queue.head != NULL || writer->gathering == 0 ||
        atomic_load(&gatherer->self->stopping))
      break;
    (void)lmdbx__condition_wait(&writer->gathered, &writer->mutex, now + LOOK_NS);
    now = lmdbx__now_ns();
  }
  pthread_mutex_unlock(&writer->mutex);
}
