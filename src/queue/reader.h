/* Reads of single records: those of a turn in few jobs, or inline on the owner thread. */
#ifndef LMDBX_QUEUE_READER_H
#define LMDBX_QUEUE_READER_H

#include "queue/request.h"

#include <stdatomic.h>

/* Adds a read to this turn's batch of its environment. Owner thread. */
void lmdbx__reads_add(struct lmdbx__request *request);
void lmdbx__reads_flush(struct lmdbx_host *host);
void lmdbx__reads_drop(struct lmdbx_host *host);

/* ------------------------------------------------------------- inline reads */

/* Whether an environment's pages are in memory, as last seen: times in ns of the
 * monotonic clock. Written by pool threads and owners. */
struct lmdbx__residency {
  _Atomic uint64_t open_until; /* inline reads are allowed until then */
  _Atomic uint64_t next_look;  /* when a pool job looks again */
  _Atomic uint64_t cold_until; /* pool reads are divided among threads until then */
  _Atomic unsigned mendings;   /* how often the time to the next look has doubled */
};

struct lmdbx__pool_read {
  long faults;
};

/* Answers a read of a turn whose time is spent, and keeps the answer until the loop has
 * turned: it shows the moment at which it was issued. False: the pool has to. Owner thread. */
bool lmdbx__late_add(struct lmdbx__request *request);
/* A read of the environment goes to the pool. Those of it that wait for the turn's end travel
 * behind, so that no few of many lanes run ahead. How many. Owner thread. */
size_t lmdbx__late_join(struct lmdbx_host *host, const struct lmdbx__env *env,
                        struct lmdbx__list *list);
/* Whether a look is due. Owner thread. */
bool lmdbx__residency_due(struct lmdbx__env *env);
/* A request to be posted behind the results of a job that is to look, or NULL if none
 * is due. The environment must not be given back meanwhile, nor closing be reported:
 * hence a request of its own. Owner thread. */
struct lmdbx__request *lmdbx__look_prepare(struct lmdbx_repository *repository);
/* Whether reads of the environment have lately had to wait for the disk. Owner thread. */
bool lmdbx__residency_is_cold(struct lmdbx__env *env);
/* Behind so many reads of a pool job: notes whether they had to. */
void lmdbx__residency_note(const struct lmdbx__pool_read *pool_read, struct lmdbx__env *env,
                           size_t reads);
/* Around the reads of a pool job. The end says whether this job is to look at
 * residency, once it has posted its results. */
void lmdbx__residency_begin(struct lmdbx__pool_read *pool_read);
bool lmdbx__residency_end(struct lmdbx__pool_read *pool_read, struct lmdbx__env *env);
void lmdbx__residency_look(struct lmdbx__env *env, struct lmdbx__read *read);
struct lmdbx__residency *lmdbx__residency_of(struct lmdbx__env *env); /* writer.c */

#endif
