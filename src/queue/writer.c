/*
 * Group commit. Each environment has one writer: a queue, in order of issue, of
 * what its owners on all threads write (and of reads that must see a write). A
 * worker is a job that takes one writer after the other from the ready list and
 * commits what has gathered there as one group; what arrives meanwhile gathers
 * for the next. So no thread of this process ever waits for another one's
 * writer lock.
 *
 * A worker may have to wait for another process to write. That is why all
 * environments together have at most half of the pool's threads as workers.
 */
#include "queue/writer.h"
#include "queue/host.h"
#include "queue/reader.h"
#include "queue/repository.h"
#include "queue/request.h"

#include <stdlib.h>

/* How soon a worker that waits for another process notices that its host stops. */
#define TURN_SLICE_MS 20
/* How long a worker waits before it gives its thread back and is started again by
 * its host: a runtime that ends a thread may wait for its jobs before it says so. */
#define TURN_PATIENCE_MS 200

/* Process-wide, since the pool is. A writer is on the ready list only while
 * requests in its queue keep its environment open. */
static struct {
  pthread_mutex_t mutex;
  unsigned limit;
  unsigned active;
  struct lmdbx__writer *head, *tail;
} workers = {.mutex = PTHREAD_MUTEX_INITIALIZER, .limit = 1};

void lmdbx__workers_limit(unsigned pool_threads) {
  pthread_mutex_lock(&workers.mutex);
  workers.limit = pool_threads >= 4 ? pool_threads / 2 : 1;
  pthread_mutex_unlock(&workers.mutex);
}

/* --------------------------------------------------------------- companions */

static void *writer_create(struct lmdbx__env *env) {
  struct lmdbx__writer *writer = calloc(1, sizeof *writer);
  if (writer == NULL) return NULL;
  if (pthread_mutex_init(&writer->mutex, NULL) != 0) goto free_writer;
  if (lmdbx__condition_init(&writer->gathered) != 0) goto destroy_mutex;
  writer->env = env;
  return writer;

destroy_mutex:
  pthread_mutex_destroy(&writer->mutex);
free_writer:
  free(writer);
  return NULL;
}

static void writer_destroy(void *companion) {
  struct lmdbx__writer *writer = companion;
  pthread_cond_destroy(&writer->gathered);
  pthread_mutex_destroy(&writer->mutex);
  free(writer);
}

const struct lmdbx__env_companion lmdbx__writer_companion = {writer_create, writer_destroy};

static struct lmdbx__writer *writer_of(struct lmdbx__env *env) {
  return lmdbx__env_companion_of(env);
}

struct lmdbx__residency *lmdbx__residency_of(struct lmdbx__env *env) {
  return &writer_of(env)->residency;
}

void lmdbx__writer_counts(struct lmdbx__env *env, struct lmdbx__writer_counts *out) {
  struct lmdbx__writer *writer = writer_of(env);
  pthread_mutex_lock(&writer->mutex);
  *out = writer->counts;
  pthread_mutex_unlock(&writer->mutex);
}

/* --------------------------------------------------------------- ready list */

/* Under workers.mutex. */
static void ready_push(struct lmdbx__writer *writer) {
  writer->next = NULL;
  if (workers.tail != NULL) {
    workers.tail->next = writer;
  } else {
    workers.head = writer;
  }
  workers.tail = writer;
}

/* Under workers.mutex. */
static void ready_remove(struct lmdbx__writer *writer) {
  struct lmdbx__writer *before = NULL;
  for (struct lmdbx__writer *at = workers.head; at != writer; at = at->next) before = at;
  if (before != NULL) {
    before->next = writer->next;
  } else {
    workers.head = writer->next;
  }
  if (workers.tail == writer) workers.tail = before;
}

/* The next writer, whose environment is then kept open for the worker until serve
 * gives it back; or NULL, and then this worker has retired. */
static struct lmdbx__writer *next_writer(void) {
  pthread_mutex_lock(&workers.mutex);
  struct lmdbx__writer *writer = workers.head;
  if (writer == NULL) {
    workers.active--;
  } else {
    ready_remove(writer);
    pthread_mutex_lock(&writer->mutex);
    writer->state = LMDBX__WRITER_BUSY;
    lmdbx__env_retain(writer->env);
    pthread_mutex_unlock(&writer->mutex);
  }
  pthread_mutex_unlock(&workers.mutex);
  return writer;
}

static void put_back(struct lmdbx__writer *writer, const struct lmdbx__commit_report *report) {
  pthread_mutex_lock(&workers.mutex);
  pthread_mutex_lock(&writer->mutex);
  writer->counts.commits += report->commits;
  writer->counts.operations += report->operations;
  writer->state = writer->queue.head != NULL ? LMDBX__WRITER_READY : LMDBX__WRITER_IDLE;
  if (writer->state == LMDBX__WRITER_READY) ready_push(writer);
  pthread_mutex_unlock(&writer->mutex);
  pthread_mutex_unlock(&workers.mutex);
}

/* Another owner of what is queued, with a reference, or NULL. Under
 * writer->mutex. */
static struct lmdbx_host *other_owner(struct lmdbx__writer *writer, struct lmdbx_host *self) {
  for (struct lmdbx__request *request = writer->queue.head; request != NULL;
       request = lmdbx__request_next(request)) {
    struct lmdbx_host *host = request->repository->host;
    if (host == self) continue;
    atomic_fetch_add(&host->references, 1);
    return host;
  }
  return NULL;
}

/* A host that runs no worker just now wakes another owner of what is queued,
 * whose deliver starts one. */
static void hand_over(struct lmdbx_host *self) {
  struct lmdbx_host *other = NULL;
  pthread_mutex_lock(&workers.mutex);
  for (struct lmdbx__writer *at = workers.head; at != NULL && other == NULL; at = at->next) {
    pthread_mutex_lock(&at->mutex);
    other = other_owner(at, self);
    pthread_mutex_unlock(&at->mutex);
  }
  pthread_mutex_unlock(&workers.mutex);
  if (other == NULL) return;
  struct lmdbx__list nothing = {0};
  lmdbx__host_post(other, &nothing, true);
  lmdbx__host_unref(other);
}

/* Counts a worker out that leaves work behind. Its own host starts another when
 * the job is done; but that may be ending, or its thread be busy. */
static void retire(struct lmdbx_host *self) {
  pthread_mutex_lock(&workers.mutex);
  workers.active--;
  pthread_mutex_unlock(&workers.mutex);
  hand_over(self);
}

/* ------------------------------------------------------------------ workers */

/* Waits for this process's turn, but no longer than the host lives. */
static bool wait_turn(struct lmdbx_host *self, struct lmdbx__writer *writer) {
  bool granted = false;
  uint64_t before = lmdbx__now_ns();
  for (int waited = 0; !granted && waited < TURN_PATIENCE_MS; waited += TURN_SLICE_MS) {
    granted = lmdbx__turn_wait(writer->env, TURN_SLICE_MS);
    if (!granted && atomic_load(&self->stopping)) break;
  }
  uint64_t waited_ns = lmdbx__now_ns() - before;
  pthread_mutex_lock(&writer->mutex);
  writer->counts.turn_wait_ns += waited_ns;
  pthread_mutex_unlock(&writer->mutex);
  return granted;
}

/* Carries out one group. The turn comes first: while other processes write, the
 * group goes on growing. False: the turn has not come, nothing was done. */
static bool serve(struct lmdbx_host *self, struct lmdbx__writer *writer, struct lmdbx__list *own) {
  struct lmdbx__list group = {0};
  struct lmdbx__commit_report report = {0};
  struct lmdbx__list notices = {0};
  struct lmdbx__taken taken = {0};
  struct lmdbx__env *env = writer->env;
  if (!wait_turn(self, writer)) {
    put_back(writer, &report);
    lmdbx__env_release(env);
    return false;
  }
  pthread_mutex_lock(&writer->mutex);
  lmdbx__group_take(writer, &group, &taken);
  pthread_mutex_unlock(&writer->mutex);
  if (group.head != NULL) { /* else its owners died */
    uint64_t before = lmdbx__now_ns();
    lmdbx__group_run(self, writer, &group, &taken, &report);
    lmdbx__commit_notices(&group, &report, lmdbx__now_ns() - before, &notices);
  }
  lmdbx__turn_end(env);
  put_back(writer, &report);
  /* Before the results are known: a close() that follows them closes it. */
  lmdbx__env_release(env);
  lmdbx__group_distribute(self, &group, own);
  lmdbx__group_distribute(self, &notices, own);
  return true;
}

static void worker_run(struct lmdbx_job *job) {
  struct lmdbx__list own = {0};
  bool serving = true;
  while (serving) {
    struct lmdbx__writer *writer = next_writer();
    if (writer == NULL) break;
    if (own.head != NULL) lmdbx__host_post(job->host, &own, true);
    serving = serve(job->host, writer, &own) && !atomic_load(&job->host->stopping);
    if (!serving) retire(job->host);
  }
  lmdbx__host_post(job->host, &own, false);
}

static void worker_cancel(struct lmdbx_job *job) {
  retire(job->host);
  lmdbx__writes_drop(job->host);
}

static void worker_destroy(struct lmdbx_job *job) {
  free(job);
}

/* -------------------------------------------------------------- owner thread */

/* If there is something to do for one more. */
static void start_worker(struct lmdbx_host *host) {
  if (atomic_load(&host->stopping)) return;
  pthread_mutex_lock(&workers.mutex);
  bool needed = workers.head != NULL && workers.active < workers.limit;
  if (needed) workers.active++;
  pthread_mutex_unlock(&workers.mutex);
  if (!needed) return;
  struct lmdbx_job *job = calloc(1, sizeof *job);
  if (job != NULL) {
    job->run = worker_run;
    job->cancel = worker_cancel;
    job->destroy = worker_destroy;
    lmdbx__job_submit(host, job);
    return;
  }
  pthread_mutex_lock(&workers.mutex);
  workers.active--;
  pthread_mutex_unlock(&workers.mutex);
  lmdbx__writes_drop(host);
}

void lmdbx__writes_add(struct lmdbx__request *request) {
  struct lmdbx_host *host = request->repository->host;
  struct lmdbx__writer *writer = writer_of(request->repository->env);
  pthread_mutex_lock(&writer->mutex);
  lmdbx__list_append(&writer->queue, request);
  bool early = lmdbx__gathering_add(request, writer);
  bool ready = writer->state == LMDBX__WRITER_IDLE;
  if (ready) writer->state = LMDBX__WRITER_READY;
  pthread_mutex_unlock(&writer->mutex);
  if (ready) {
    /* Between the two locks no one else moves a READY writer that is not on the
     * list: workers take from the list, and this host's requests stay queued. */
    pthread_mutex_lock(&workers.mutex);
    ready_push(writer);
    pthread_mutex_unlock(&workers.mutex);
  }
  if (early) start_worker(host);
}

void lmdbx__writes_flush(struct lmdbx_host *host) {
  lmdbx__gathering_end(host);
  start_worker(host);
}
/* Moves this host's requests out of one queue. */
static void extract(struct lmdbx__writer *writer, struct lmdbx_host *host,
                    struct lmdbx__list *extracted) {
  pthread_mutex_lock(&workers.mutex);
  pthread_mutex_lock(&writer->mutex);
  struct lmdbx__list kept = {0};
  struct lmdbx__request *request;
  while ((request = lmdbx__list_take(&writer->queue)) != NULL) {
    bool ours = request->repository->host == host;
    lmdbx__list_append(ours ? extracted : &kept, request);
  }
  writer->queue = kept;
  if (kept.head == NULL && writer->state == LMDBX__WRITER_READY) {
    ready_remove(writer);
    writer->state = LMDBX__WRITER_IDLE;
  }
  pthread_mutex_unlock(&writer->mutex);
  pthread_mutex_unlock(&workers.mutex);
}

void lmdbx__writes_drop(struct lmdbx_host *host) {
  struct lmdbx__list dropped = {0};
  lmdbx__gathering_end(host);
  for (struct lmdbx_repository *repository = host->repositories; repository != NULL;
       repository = repository->next) {
    /* With nothing pending it has nothing queued, and may be closing just now. */
    bool queued = repository->state == LMDBX__OPEN && repository->pending > 0;
    if (!queued && !repository->creating) continue;
    extract(writer_of(repository->env), host, &dropped);
  }
  for (struct lmdbx__request *request = dropped.head; request != NULL;
       request = lmdbx__request_next(request)) {
    lmdbx__request_abort(request);
  }
  lmdbx__host_post(host, &dropped, true);
  hand_over(host);
}
