/* Writers: the queue of an environment, group commit, and who is told of commits. */
#ifndef LMDBX_QUEUE_WRITER_H
#define LMDBX_QUEUE_WRITER_H

#include "queue/host.h"
#include "queue/reader.h"

#include <pthread.h>

/* One for each environment, its companion: a queue in order of issue. */
extern const struct lmdbx__env_companion lmdbx__writer_companion;

struct lmdbx__writer_counts {
  uint64_t commits;
  uint64_t operations;
  uint64_t turn_wait_ns; /* for the turn of other processes to end */
};

enum lmdbx__writer_state { LMDBX__WRITER_IDLE, LMDBX__WRITER_READY, LMDBX__WRITER_BUSY };

struct lmdbx__writer {
  struct lmdbx__env *env;
  pthread_mutex_t mutex; /* guards the next five */
  struct lmdbx__list queue;
  unsigned gathering;             /* hosts whose turn goes on and has given to the queue... */
  unsigned round;                 /* ... in this round: see give_up */
  enum lmdbx__writer_state state; /* READY: on the ready list. IDLE: the queue is empty */
  struct lmdbx__writer_counts counts;
  pthread_cond_t gathered;    /* gathering became 0 */
  struct lmdbx__writer *next; /* on the ready list, under workers.mutex */
  struct lmdbx__residency residency;
};

/* ------------------------------------------------------------------- groups */

/* What a group has taken from the queue. */
struct lmdbx__taken {
  size_t requests;
  size_t bytes;
};

/* Takes what goes into the next group: operations, or one request of another type; or
 * what a group of operations still has room for. Under writer->mutex. */
void lmdbx__group_take(struct lmdbx__writer *writer, struct lmdbx__list *group,
                       struct lmdbx__taken *taken);
/* Carries out a group that is not empty. The worker, which has the turn. */
void lmdbx__group_run(struct lmdbx_host *self, struct lmdbx__writer *writer,
                      struct lmdbx__list *group, const struct lmdbx__taken *taken,
                      struct lmdbx__commit_report *report);
/* Sorts a finished group by owner. The worker's own results go to *own, to be
 * posted when the worker ends or turns to another group. */
void lmdbx__group_distribute(struct lmdbx_host *self, struct lmdbx__list *group,
                             struct lmdbx__list *own);

/* ---------------------------------------------------------------- gathering */

/* A request was queued: whether a worker had better begin now, before the turn ends.
 * Owner thread. */
bool lmdbx__gathering_add(const struct lmdbx__request *request, struct lmdbx__writer *writer);
/* The turn has ended. Owner thread. */
void lmdbx__gathering_end(struct lmdbx_host *host);

/* What has come since a group was taken, or comes shortly from a turn that goes on. */
struct lmdbx__gatherer {
  struct lmdbx_host *self;
  struct lmdbx__writer *writer;
  struct lmdbx__taken taken;
  uint64_t began, last; /* when the group was taken, and when it last grew; ns */
};

/* Moves it to *more, which is empty. The worker, in the group's transaction. */
void lmdbx__gatherer_take(struct lmdbx__gatherer *gatherer, struct lmdbx__list *more);

/* ------------------------------------------------------------------- writes */

/* Appends a write, or a read that must see one. Owner thread. */
void lmdbx__writes_add(struct lmdbx__request *request);
/* Sees to it that a worker is at work. Owner thread. */
void lmdbx__writes_flush(struct lmdbx_host *host);
/* Takes this host's requests out of all queues and aborts them, since it can run
 * no worker (it is dying, or its pool refuses), and wakes another host for what
 * others have queued. Owner thread. */
void lmdbx__writes_drop(struct lmdbx_host *host);
void lmdbx__writer_counts(struct lmdbx__env *env, struct lmdbx__writer_counts *out);
void lmdbx__workers_limit(unsigned pool_threads);

/* ------------------------------------------------------------------ commits */

/* For each host that watches, and has writes in a finished group, a request that tells
 * it. Where memory is short, nobody is told. Pool thread. */
void lmdbx__commit_notices(const struct lmdbx__list *group,
                           const struct lmdbx__commit_report *report, uint64_t nanoseconds,
                           struct lmdbx__list *notices);
void lmdbx__commit_tell(const struct lmdbx__request *notice); /* owner thread */

#endif
