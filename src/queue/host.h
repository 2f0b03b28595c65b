/*
 * Hosts, one for each owner thread, and the jobs that they give to the pool.
 *
 * Threads. A host, its repositories and its scans belong to their owner thread;
 * pool threads see requests, the mailbox (under host->mutex) and the writer's
 * queue (under writer->mutex). A request is handed from thread to thread and has
 * one holder at any time.
 *
 * Lock order: workers.mutex -> writer->mutex -> host->mutex. The executor's wake
 * is called under host->mutex, so that it cannot run after lmdbx_host_destroy.
 */
#ifndef LMDBX_QUEUE_HOST_H
#define LMDBX_QUEUE_HOST_H

#include "queue/request.h"

#include <pthread.h>
#include <stdatomic.h>

enum lmdbx__job_state { LMDBX__JOB_SUBMITTED, LMDBX__JOB_RAN, LMDBX__JOB_CANCELLED };

struct lmdbx_job {
  void (*run)(struct lmdbx_job *job);    /* pool thread */
  void (*cancel)(struct lmdbx_job *job); /* instead of run; owner thread */
  void (*destroy)(struct lmdbx_job *job);
  atomic_int state;               /* who comes first, run or cancel, has the job */
  atomic_int references;          /* one for run, one for done */
  struct lmdbx_host *host;        /* counted */
  struct lmdbx_job *next, **link; /* in host->jobs; owner thread */
};

struct lmdbx__batch;

/* What a turn of the loop has given to one writer, the first it gave to: see gather.c. */
struct lmdbx__gathering {
  struct lmdbx__writer *writer; /* NULL: none; kept open by the requests */
  unsigned round;               /* the writer's, when the turn was counted */
  size_t requests;
  size_t bytes;
};

struct lmdbx_host {
  atomic_int references; /* the owner's, and one for each repository and job */
  struct lmdbx_executor executor;
  void *context;
  unsigned pool_threads; /* of the executor, 1 at least */
  atomic_bool stopping;  /* its workers wait for no other process any more */
  atomic_bool watching;  /* `committed` wants to be called */

  pthread_mutex_t mutex; /* guards the next three */
  bool dead;
  bool woken;
  struct lmdbx__list mailbox; /* finished requests */

  /* Owner thread alone. */
  size_t pending; /* requests not called back */
  lmdbx_committed committed;
  struct lmdbx_repository *repositories;
  struct lmdbx_job *jobs;
  struct lmdbx__batch *batches; /* reads of this turn that no job has yet */
  size_t batch_limit;           /* requests of the turn's next batch; 0: FIRST_BATCH */
  struct lmdbx__list openings;  /* wait for the one under way: who was first decides */
  bool opening;
  bool flush_wanted; /* the owner has been told to flush this turn */
  struct lmdbx__gathering gathering;
  size_t delivered;        /* in this turn: see DELIVERED_AT_ONCE */
  bool turn_wanted;        /* the owner has been told to call lmdbx_host_turn */
  uint64_t turn_began;     /* first inline read of this turn, in ns; 0: none */
  struct lmdbx__list late; /* answered reads, told of when the loop has turned */
  size_t late_count;
  const struct lmdbx__env *late_env; /* all theirs, while there are any */
  bool crowded;                      /* they have joined others: no more of them in this turn */
  long faults;                       /* major faults of the owner thread, as last seen */
  _Atomic uint64_t read_jobs;        /* counted on pool threads */
  atomic_uint reading;               /* batches of reads that are submitted, or under way */
};

void lmdbx__host_unref(struct lmdbx_host *host); /* any thread */
/* Whether a turn that the owner has been told to end, by lmdbx_host_turn, goes on for so
 * long that timers wait. Owner thread. */
bool lmdbx__turn_is_long(const struct lmdbx_host *host);
/* Hands finished requests to their owner thread. Without `wake` the caller's job
 * is about to end, which delivers. Frees them if the host is dead. Any thread. */
void lmdbx__host_post(struct lmdbx_host *host, struct lmdbx__list *list, bool wake);
void lmdbx__host_pending(struct lmdbx_host *host, int change); /* owner */
/* Initialises job (whose other fields are set) and submits it; if that fails,
 * cancels and destroys it. Owner thread. */
void lmdbx__job_submit(struct lmdbx_host *host, struct lmdbx_job *job);

/* A job of one request alone. */
struct lmdbx__request_job {
  struct lmdbx_job job;
  struct lmdbx__request *request;
};
/* Submits one. Both calls end in lmdbx__request_job_post; without memory for a job the
 * request is posted with that error. Owner thread. */
void lmdbx__request_job_submit(struct lmdbx__request *request, void (*run)(struct lmdbx_job *),
                               void (*cancel)(struct lmdbx_job *));
/* Posts the job's request. Pool thread, or owner thread in cancel. */
void lmdbx__request_job_post(struct lmdbx__request_job *job);
/* A cancel: posts the request as never carried out. */
void lmdbx__request_job_cancel(struct lmdbx_job *job);

#endif
