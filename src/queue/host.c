/* Hosts: the mailbox between pool threads and owner thread, and jobs. */
#include "queue/host.h"
#include "queue/backup.h"
#include "queue/reader.h"
#include "queue/repository.h"
#include "queue/request.h"
#include "queue/writer.h"

#include <stdlib.h>

/* What a turn of the loop takes in, or timers would wait: results, of which one with a
 * value that is not empty counts for VALUE_SHARE, and for one more a kilobyte. Some 500 puts, 125
 * gets of small records: about a quarter of a millisecond, and what hears of them takes its own
 * time. */
#define DELIVERED_AT_ONCE ((size_t)512)
#define VALUE_SHARE 4
#define KILOBYTE 1024

/* -------------------------------------------------------------------- lists */

static struct lmdbx__request *request_of(struct lmdbx__op *op) {
  return (struct lmdbx__request *)op; /* op is the first member */
}

void lmdbx__list_append(struct lmdbx__list *list, struct lmdbx__request *request) {
  request->op.next = NULL;
  if (list->tail != NULL) {
    list->tail->op.next = &request->op;
  } else {
    list->head = request;
  }
  list->tail = request;
}

void lmdbx__list_join(struct lmdbx__list *list, struct lmdbx__list *from) {
  if (from->head == NULL) return;
  if (list->tail != NULL) {
    list->tail->op.next = &from->head->op;
  } else {
    list->head = from->head;
  }
  list->tail = from->tail;
  *from = (struct lmdbx__list){0};
}

struct lmdbx__request *lmdbx__list_take(struct lmdbx__list *list) {
  struct lmdbx__request *request = list->head;
  if (request == NULL) return NULL;
  list->head = request_of(request->op.next);
  if (list->head == NULL) list->tail = NULL;
  request->op.next = NULL;
  return request;
}

struct lmdbx__request *lmdbx__request_next(const struct lmdbx__request *request) {
  return request_of(request->op.next);
}

void lmdbx__list_free(struct lmdbx__list *list) {
  struct lmdbx__request *request;
  while ((request = lmdbx__list_take(list)) != NULL) lmdbx__request_free(request);
}

/* -------------------------------------------------------------------- hosts */

int lmdbx_host_create(const struct lmdbx_executor *executor, void *context, unsigned pool_threads,
                      struct lmdbx_host **out, struct lmdbx_error *error) {
  struct lmdbx_host *host = calloc(1, sizeof *host);
  if (host == NULL || pthread_mutex_init(&host->mutex, NULL) != 0) {
    free(host);
    return lmdbx_error_set(error, LMDBX_NO_MEMORY, 0, "loading: memory ran out");
  }
  host->executor = *executor;
  host->context = context;
  host->pool_threads = pool_threads > 0 ? pool_threads : 1;
  atomic_init(&host->references, 1);
  lmdbx_host_turn(host);
  lmdbx__workers_limit(pool_threads);
  *out = host;
  return LMDBX_OK;
}

void lmdbx__host_unref(struct lmdbx_host *host) {
  if (atomic_fetch_sub(&host->references, 1) != 1) return;
  pthread_mutex_destroy(&host->mutex);
  free(host);
}

void lmdbx__host_post(struct lmdbx_host *host, struct lmdbx__list *list, bool wake) {
  pthread_mutex_lock(&host->mutex);
  bool dead = host->dead;
  if (!dead) {
    lmdbx__list_join(&host->mailbox, list);
    if (wake && !host->woken) {
      host->woken = true;
      host->executor.wake(host->context);
    }
  }
  pthread_mutex_unlock(&host->mutex);
  if (dead) lmdbx__list_free(list);
}

void lmdbx__host_pending(struct lmdbx_host *host, int change) {
  bool was = host->pending > 0;
  host->pending = change > 0 ? host->pending + 1 : host->pending - 1;
  bool is = host->pending > 0;
  if (was != is) host->executor.busy(host->context, is);
}

static size_t share_of(const struct lmdbx__request *request) {
  if (request->type == LMDBX__REQUEST_SCAN) return VALUE_SHARE;
  size_t size = request->op.result.size; /* none for what writes or only asks whether */
  return size > 0 ? VALUE_SHARE + size / KILOBYTE : 1;
}

/* A turn that has taken in much must end before the next results. */
bool lmdbx_host_wants_turn(struct lmdbx_host *host) {
  if (host->turn_wanted || host->delivered < DELIVERED_AT_ONCE / 4) return false;
  host->turn_wanted = true;
  if (host->turn_began == 0) host->turn_began = lmdbx__now_ns();
  return true;
}

void lmdbx_host_deliver(struct lmdbx_host *host) {
  struct lmdbx__list finished = {0};
  /* Its end delivers. */
  if (lmdbx__turn_is_long(host) || host->delivered >= DELIVERED_AT_ONCE) return;
  pthread_mutex_lock(&host->mutex);
  host->woken = false;
  lmdbx__list_join(&finished, &host->mailbox);
  bool dead = host->dead;
  pthread_mutex_unlock(&host->mutex);
  if (dead) return;           /* then the mailbox is empty, too */
  lmdbx__gathering_end(host); /* a turn that nobody flushed: its writer may close below */
  struct lmdbx__request *request;
  while (host->delivered < DELIVERED_AT_ONCE && (request = lmdbx__list_take(&finished)) != NULL) {
    host->delivered += share_of(request);
    lmdbx__repository_complete(request);
  }
  if (finished.head != NULL) {
    pthread_mutex_lock(&host->mutex);
    lmdbx__list_join(&finished, &host->mailbox);
    host->mailbox = finished;
    pthread_mutex_unlock(&host->mutex);
  }
  lmdbx_host_flush(host);
}

void lmdbx_host_flush(struct lmdbx_host *host) {
  host->flush_wanted = false;
  lmdbx__reads_flush(host);
  lmdbx__writes_flush(host);
}

void lmdbx_host_stop(struct lmdbx_host *host) {
  atomic_store(&host->stopping, true);
  for (struct lmdbx_repository *repository = host->repositories; repository != NULL;
       repository = repository->next) {
    lmdbx__backups_end(repository);
  }
}

void lmdbx_host_destroy(struct lmdbx_host *host) {
  struct lmdbx__list finished = {0};
  lmdbx_host_stop(host);
  pthread_mutex_lock(&host->mutex);
  host->dead = true;
  lmdbx__list_join(&finished, &host->mailbox);
  pthread_mutex_unlock(&host->mutex);
  lmdbx__list_free(&finished);

  lmdbx__list_free(&host->openings);
  lmdbx__list_free(&host->late);
  lmdbx__reads_drop(host);
  for (struct lmdbx_job *job = host->jobs; job != NULL; job = job->next) {
    int submitted = LMDBX__JOB_SUBMITTED;
    if (atomic_compare_exchange_strong(&job->state, &submitted, LMDBX__JOB_CANCELLED)) {
      job->cancel(job);
    }
  }
  lmdbx__writes_drop(host);
  struct lmdbx_repository *next;
  for (struct lmdbx_repository *repository = host->repositories; repository != NULL;
       repository = next) {
    next = repository->next;
    lmdbx__repository_end(repository);
  }
  lmdbx__host_unref(host);
}

/* --------------------------------------------------------------------- jobs */

static void job_unref(struct lmdbx_job *job) {
  if (atomic_fetch_sub(&job->references, 1) != 1) return;
  struct lmdbx_host *host = job->host;
  job->destroy(job);
  lmdbx__host_unref(host);
}

static void job_unlink(struct lmdbx_job *job) {
  *job->link = job->next;
  if (job->next != NULL) job->next->link = job->link;
}

void lmdbx__job_submit(struct lmdbx_host *host, struct lmdbx_job *job) {
  atomic_init(&job->state, LMDBX__JOB_SUBMITTED);
  atomic_init(&job->references, 2);
  atomic_fetch_add(&host->references, 1);
  job->host = host;
  job->next = host->jobs;
  job->link = &host->jobs;
  if (job->next != NULL) job->next->link = &job->next;
  host->jobs = job;
  if (host->executor.submit(host->context, job) == 0) return;
  atomic_store(&job->state, LMDBX__JOB_CANCELLED);
  job_unlink(job);
  job->cancel(job);
  job_unref(job);
  job_unref(job);
}

void lmdbx_job_run(struct lmdbx_job *job) {
  int before = atomic_exchange(&job->state, LMDBX__JOB_RAN);
  if (before == LMDBX__JOB_SUBMITTED) job->run(job);
  job_unref(job);
}

struct lmdbx_host *lmdbx_job_host(const struct lmdbx_job *job) {
  return job->host;
}

/* Where the pool dropped the job, run's reference is given back here. Some
 * runtimes call neither (the job leaks) or only run, after the host's end. */
void lmdbx_job_done(struct lmdbx_job *job) {
  struct lmdbx_host *host = job->host;
  atomic_fetch_add(&host->references, 1);
  int state = LMDBX__JOB_SUBMITTED;
  job_unlink(job);
  if (atomic_compare_exchange_strong(&job->state, &state, LMDBX__JOB_CANCELLED)) {
    job->cancel(job);
    state = LMDBX__JOB_CANCELLED;
  }
  if (state == LMDBX__JOB_CANCELLED) job_unref(job); /* run will not come any more */
  job_unref(job);
  lmdbx_host_deliver(host);
  lmdbx__host_unref(host);
}
