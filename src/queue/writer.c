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
#include "queue/internal.h"

#include "codec/frame.h"

#include <stdlib.h>

/* One group: bounds the pages a transaction dirties (LMDB's limit is 131,072),
 * and the time until the first of a long queue is reported. */
#define GROUP_OPERATIONS 16384
#define GROUP_BYTES ((size_t)64 * 1024 * 1024)
/* How soon a worker that waits for another process notices that its host stops. */
#define TURN_SLICE_MS 20
/* How long a worker waits before it gives its thread back and is started again by
 * its host: a runtime that ends a thread may wait for its jobs before it says so. */
#define TURN_PATIENCE_MS 200

enum writer_state { IDLE, READY, BUSY };

struct lmdbx__writer {
  struct lmdbx__env *env;
  pthread_mutex_t mutex; /* guards the next two, and the counts */
  struct lmdbx__list queue;
  enum writer_state state; /* READY: on the ready list. IDLE: the queue is empty */
  struct lmdbx__writer_counts counts;
  struct lmdbx__writer *next; /* on the ready list, under workers.mutex */
  struct lmdbx__residency residency;
};

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
  if (writer == NULL || pthread_mutex_init(&writer->mutex, NULL) != 0) {
    free(writer);
    return NULL;
  }
  writer->env = env;
  return writer;
}

static void writer_destroy(void *companion) {
  struct lmdbx__writer *writer = companion;
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

static struct lmdbx__request *next_of(struct lmdbx__request *request) {
  return (struct lmdbx__request *)request->op.next;
}

/* Takes what goes into the next group: operations, or one request of another type. */
static void take_group(struct lmdbx__writer *writer, struct lmdbx__list *group) {
  size_t operations = 0;
  size_t bytes = 0;
  while (writer->queue.head != NULL && operations < GROUP_OPERATIONS && bytes < GROUP_BYTES) {
    if (writer->queue.head->type != LMDBX__REQUEST_OPERATION && operations > 0) return;
    struct lmdbx__request *request = lmdbx__list_take(&writer->queue);
    lmdbx__list_append(group, request);
    operations++;
    bytes += request->op.key.size + request->op.value.size;
    if (request->type != LMDBX__REQUEST_OPERATION) return;
  }
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
    writer->state = BUSY;
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
  writer->state = writer->queue.head != NULL ? READY : IDLE;
  if (writer->state == READY) ready_push(writer);
  pthread_mutex_unlock(&writer->mutex);
  pthread_mutex_unlock(&workers.mutex);
}

/* Another owner of what is queued, with a reference, or NULL. Under
 * writer->mutex. */
static struct lmdbx_host *other_owner(struct lmdbx__writer *writer, struct lmdbx_host *self) {
  for (struct lmdbx__request *request = writer->queue.head; request != NULL;
       request = next_of(request)) {
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

/* ------------------------------------------------------------------- groups */

/* Compresses before the writer lock is taken. */
static int prepare(struct lmdbx__request *request, struct lmdbx_error *error) {
  if (request->op.type != LMDBX__OP_PUT) return LMDBX_OK;
  bool framed = false;
  struct lmdbx_buffer frame = {0};
  int code = lmdbx__frame_pack(request->op.value, request->repository->config.compression, &frame,
                               &framed, error);
  if (code != LMDBX_OK || !framed) {
    lmdbx_buffer_free(&frame);
    return code;
  }
  request->packed = frame.data;
  request->op.value = (struct lmdbx_slice){frame.data, frame.size};
  return LMDBX_OK;
}

static void commit_operations(struct lmdbx__writer *writer, struct lmdbx__list *group,
                              struct lmdbx__commit_report *report) {
  struct lmdbx__list failed = {0};
  struct lmdbx__list sound = {0};
  struct lmdbx__request *request;
  while ((request = lmdbx__list_take(group)) != NULL) {
    struct lmdbx_error error = {0};
    int code = prepare(request, &error);
    if (code != LMDBX_OK) lmdbx__request_fail(request, &error);
    lmdbx__list_append(code == LMDBX_OK ? &sound : &failed, request);
  }
  if (sound.head != NULL) lmdbx__commit(writer->env, &sound.head->op, report);
  for (request = sound.head; request != NULL; request = next_of(request)) {
    lmdbx__request_unpack(request);
  }
  lmdbx__list_join(group, &sound);
  lmdbx__list_join(group, &failed);
}

/* A scan has come to the head of the queue: all writes before it are committed
 * and none behind it, so its moment is now. Its pages are read by jobs of their
 * own. */
static void begin_scan(struct lmdbx__writer *writer, struct lmdbx__request *request) {
  struct lmdbx_error error = {0};
  if (lmdbx__read_begin_wait(writer->env, &request->scan->read, &error) != LMDBX_OK) {
    lmdbx__request_fail(request, &error);
  }
}

/* Creates a named database, as a part of opening. */
static void create_database(struct lmdbx__writer *writer, struct lmdbx__request *request) {
  struct lmdbx_repository *repository = request->repository;
  struct lmdbx_error error = {0};
  if (lmdbx__db_open(writer->env, repository->config.name, &repository->dbi, &error) != LMDBX_OK) {
    lmdbx__request_fail(request, &error);
  }
  request->type = LMDBX__REQUEST_OPEN;
}

/* Sorts a finished group by owner. The worker's own results go to *own, to be
 * posted when the worker ends or turns to another group. */
static void distribute(struct lmdbx_host *self, struct lmdbx__list *group,
                       struct lmdbx__list *own) {
  while (group->head != NULL) {
    struct lmdbx_host *host = group->head->repository->host;
    struct lmdbx__list run = {0};
    while (group->head != NULL && group->head->repository->host == host) {
      lmdbx__list_append(&run, lmdbx__list_take(group));
    }
    if (host == self) {
      lmdbx__list_join(own, &run);
    } else {
      lmdbx__host_post(host, &run, true);
    }
  }
}

/* ------------------------------------------------------------------ workers */

/* Waits for this process's turn, but no longer than the host lives. */
static bool wait_turn(struct lmdbx_host *self, struct lmdbx__writer *writer) {
  for (int waited = 0; waited < TURN_PATIENCE_MS; waited += TURN_SLICE_MS) {
    if (lmdbx__turn_wait(writer->env, TURN_SLICE_MS)) return true;
    if (atomic_load(&self->stopping)) return false;
  }
  return false;
}

/* Carries out one group. The turn comes first: while other processes write, the
 * group goes on growing. False: the turn has not come, nothing was done. */
static bool serve(struct lmdbx_host *self, struct lmdbx__writer *writer, struct lmdbx__list *own) {
  struct lmdbx__list group = {0};
  struct lmdbx__commit_report report = {0};
  struct lmdbx__env *env = writer->env;
  if (!wait_turn(self, writer)) {
    put_back(writer, &report);
    lmdbx__env_release(env);
    return false;
  }
  pthread_mutex_lock(&writer->mutex);
  take_group(writer, &group);
  pthread_mutex_unlock(&writer->mutex);
  if (group.head == NULL) {
    /* Its owners died meanwhile. */
  } else if (group.head->type == LMDBX__REQUEST_SCAN) {
    begin_scan(writer, group.head);
  } else if (group.head->type == LMDBX__REQUEST_CREATE) {
    create_database(writer, group.head);
  } else {
    commit_operations(writer, &group, &report);
  }
  lmdbx__turn_end(env);
  put_back(writer, &report);
  /* Before the results are known: a close() that follows them closes it. */
  lmdbx__env_release(env);
  distribute(self, &group, own);
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

void lmdbx__writes_add(struct lmdbx__request *request) {
  struct lmdbx__writer *writer = writer_of(request->repository->env);
  pthread_mutex_lock(&writer->mutex);
  lmdbx__list_append(&writer->queue, request);
  bool ready = writer->state == IDLE;
  if (ready) writer->state = READY;
  pthread_mutex_unlock(&writer->mutex);
  if (!ready) return;
  /* Between the two locks no one else moves a READY writer that is not on the
   * list: workers take from the list, and this host's requests stay queued. */
  pthread_mutex_lock(&workers.mutex);
  ready_push(writer);
  pthread_mutex_unlock(&workers.mutex);
}

void lmdbx__writes_flush(struct lmdbx_host *host) {
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
  if (kept.head == NULL && writer->state == READY) {
    ready_remove(writer);
    writer->state = IDLE;
  }
  pthread_mutex_unlock(&writer->mutex);
  pthread_mutex_unlock(&workers.mutex);
}

void lmdbx__writes_drop(struct lmdbx_host *host) {
  struct lmdbx__list dropped = {0};
  for (struct lmdbx_repository *repository = host->repositories; repository != NULL;
       repository = repository->next) {
    /* With nothing pending it has nothing queued, and may be closing just now. */
    bool queued = repository->state == LMDBX__OPEN && repository->pending > 0;
    if (!queued && !repository->creating) continue;
    extract(writer_of(repository->env), host, &dropped);
  }
  for (struct lmdbx__request *request = dropped.head; request != NULL; request = next_of(request)) {
    lmdbx__request_abort(request);
  }
  lmdbx__host_post(host, &dropped, true);
  hand_over(host);
}
