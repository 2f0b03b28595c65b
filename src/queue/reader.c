/* Reads of one turn of the loop, in batches: each a job with a read transaction,
 * begun when its first read is issued, so that none of them sees what is written
 * later; unless the map had to move while the job waited for a thread. */
#include "queue/reader.h"
#include "queue/host.h"
#include "queue/repository.h"
#include "queue/request.h"

#include <stdlib.h>

/* Requests of a turn's first batch; and of the largest, since each has twice those of the
 * one before. A full one is read while the turn goes on, results keep coming, and several
 * pool threads share the work; but each takes a reader slot, so that they have to stay few,
 * and where slots are scarce all are large. */
#define FIRST_BATCH 128
#define LARGEST_BATCH 4096
#define ENOUGH_SLOTS LMDBX_DEFAULT_READERS
/* Where reads wait for the disk, those threads of the pool that read nothing else wait together;
 * with less than this for each, handing over costs more. */
#define LEAST_SHARE 4

struct lmdbx__batch {
  struct lmdbx_job job;
  struct lmdbx__env *env; /* kept open by the requests */
  struct lmdbx__read *read;
  struct lmdbx__list requests;
  size_t count, limit;
  struct lmdbx__request *look; /* where one is due: posted behind it */
  struct lmdbx__batch *next;   /* in host->batches */
};

/* The next request from this one on that has no answer yet, or NULL. */
static struct lmdbx__request *unanswered(struct lmdbx__request *request) {
  while (request != NULL && request->late) request = lmdbx__request_next(request);
  return request;
}

static struct lmdbx__request *next_unanswered(struct lmdbx__request *request) {
  return unanswered(lmdbx__request_next(request));
}

static void fail_all(struct lmdbx__list *list, const struct lmdbx_error *error) {
  for (struct lmdbx__request *request = unanswered(list->head); request != NULL;
       request = next_unanswered(request)) {
    lmdbx__request_fail(request, error);
  }
}

static void read_one(struct lmdbx__read *read, struct lmdbx__request *request) {
  struct lmdbx__op *op = &request->op;
  struct lmdbx_slice value = {0};
  struct lmdbx_error error = {0};
  if (op->type == LMDBX__OP_UNIT) {
    lmdbx__read_unit(read, op);
    return;
  }
  if (op->type == LMDBX__OP_COLLECT) {
    if (lmdbx__read_collect(read, op->dbi, op->key, &op->result, &error) != LMDBX_OK) {
      lmdbx__request_fail(request, &error);
    }
    return;
  }
  int code = lmdbx__read_get(read, op->dbi, op->key, &op->found, &value, &error);
  if (code == LMDBX_OK && op->found && op->type == LMDBX__OP_GET) {
    code = lmdbx_buffer_append(&op->result, value.data, value.size);
    if (code != LMDBX_OK) lmdbx_error_set(&error, code, 0, "get: memory ran out; try again");
  }
  if (code != LMDBX_OK) lmdbx__request_fail(request, &error);
}

static void end_read(struct lmdbx__batch *batch) {
  if (batch->read != NULL) lmdbx__read_end(batch->read);
  batch->read = NULL;
}

static void batch_run(struct lmdbx_job *job) {
  struct lmdbx__batch *batch = (struct lmdbx__batch *)job;
  struct lmdbx__request *first = unanswered(batch->requests.head);
  struct lmdbx_error error = {0};
  struct lmdbx__pool_read pool_read;
  bool look = false;
  lmdbx__residency_begin(&pool_read);
  if (batch->read != NULL && lmdbx__read_resume(batch->read, NULL) != LMDBX_OK) end_read(batch);
  if (batch->read == NULL && lmdbx__read_begin_wait(batch->env, &batch->read, &error) != LMDBX_OK) {
    fail_all(&batch->requests, &error);
  } else {
    for (struct lmdbx__request *request = first; request != NULL;
         request = next_unanswered(request)) {
      read_one(batch->read, request);
    }
    lmdbx__residency_note(&pool_read, batch->env, batch->count);
    look = batch->look != NULL && lmdbx__residency_end(&pool_read, batch->env);
    if (!look) end_read(batch);
    for (struct lmdbx__request *request = first; request != NULL;
         request = next_unanswered(request)) {
      lmdbx__request_unpack(request);
    }
  }
  atomic_fetch_add(&job->host->read_jobs, 1);
  atomic_fetch_sub(&job->host->reading, 1);
  if (look) {
    lmdbx__host_post(job->host, &batch->requests, true);
    lmdbx__residency_look(batch->env, batch->read);
    end_read(batch);
  }
  if (batch->look != NULL) lmdbx__list_append(&batch->requests, batch->look);
  lmdbx__host_post(job->host, &batch->requests, false);
}

static void batch_cancel(struct lmdbx_job *job) {
  struct lmdbx__batch *batch = (struct lmdbx__batch *)job;
  atomic_fetch_sub(&job->host->reading, 1);
  end_read(batch);
  for (struct lmdbx__request *request = unanswered(batch->requests.head); request != NULL;
       request = next_unanswered(request)) {
    lmdbx__request_abort(request);
  }
  if (batch->look != NULL) lmdbx__list_append(&batch->requests, batch->look);
  lmdbx__host_post(job->host, &batch->requests, true);
}

static void batch_destroy(struct lmdbx_job *job) {
  free(job);
}

/* Whether the batch's moment is still the newest. A commit of this process needs
 * no such care, since it has not been reported yet; one of another process may
 * have become known to the caller within this very turn. */
static bool current(const struct lmdbx__batch *batch) {
  return batch->read == NULL ||
         lmdbx__env_last_txn_id(batch->env) == lmdbx__read_txn_id(batch->read);
}

/* Whether a read that begins now sees the batch's moment, too. A commit shows in the file
 * while it is being flushed, and readers see it only after that: without this, each of
 * them would begin a batch, with a reader slot, meanwhile. False: *read is one of a later
 * moment, or NULL. */
static bool is_newest(const struct lmdbx__batch *batch, struct lmdbx__read **read) {
  if (lmdbx__read_begin(batch->env, read, NULL) != LMDBX_OK) {
    *read = NULL;
    return false;
  }
  if (lmdbx__read_txn_id(*read) != lmdbx__read_txn_id(batch->read)) return false;
  lmdbx__read_end(*read);
  *read = NULL;
  return true;
}

/* Without memory for one, another job will look. */
struct lmdbx__request *lmdbx__look_prepare(struct lmdbx_repository *repository) {
  const struct lmdbx_slice none = {0};
  const struct lmdbx_issue issue = {0};
  if (!lmdbx__residency_due(repository->env)) return NULL;
  struct lmdbx__request *look =
      lmdbx__request_new(repository, LMDBX__REQUEST_LOOK, none, none, &issue);
  if (look == NULL) return NULL;
  look->charge = 0; /* nobody asked for it */
  lmdbx__repository_book_in(look);
  return look;
}

/* Whether reads may travel in several batches, each with a slot. */
static bool has_enough_slots(struct lmdbx__env *env) {
  return lmdbx__env_reader_slots(env) >= ENOUGH_SLOTS;
}

/* Takes the read over. NULL: no memory, and the read has ended. */
static struct lmdbx__batch *new_batch(struct lmdbx__env *env, struct lmdbx__read *read) {
  struct lmdbx__batch *batch = calloc(1, sizeof *batch);
  if (batch == NULL) {
    if (read != NULL) lmdbx__read_end(read);
    return NULL;
  }
  batch->job.run = batch_run;
  batch->job.cancel = batch_cancel;
  batch->job.destroy = batch_destroy;
  batch->env = env;
  batch->read = read;
  return batch;
}

/* A new batch in front of the host's others. If its transaction cannot be begun without
 * waiting, the job does it. NULL: no memory. */
static struct lmdbx__batch *begin_batch(struct lmdbx_host *host, struct lmdbx__env *env,
                                        struct lmdbx__read *read) {
  struct lmdbx__batch *batch = new_batch(env, read);
  if (batch == NULL) return NULL;
  batch->limit = host->batch_limit > 0 ? host->batch_limit : FIRST_BATCH;
  if (!has_enough_slots(env)) batch->limit = LARGEST_BATCH;
  host->batch_limit = batch->limit < LARGEST_BATCH ? batch->limit * 2 : LARGEST_BATCH;
  batch->next = host->batches;
  host->batches = batch;
  if (read == NULL && lmdbx__read_begin(env, &batch->read, NULL) != LMDBX_OK) batch->read = NULL;
  return batch;
}

static void submit_job(struct lmdbx_host *host, struct lmdbx__batch *batch) {
  batch->look = lmdbx__look_prepare(batch->requests.head->repository);
  if (batch->read != NULL) lmdbx__read_pause(batch->read);
  atomic_fetch_add(&host->reading, 1);
  lmdbx__job_submit(host, &batch->job);
}

/* Submits the first of a batch's requests as a job of their own, with a read of the same
 * moment. False: there is none; nothing has changed. */
static bool submit_share(struct lmdbx_host *host, struct lmdbx__batch *batch, size_t share) {
  struct lmdbx__read *read = NULL;
  if (batch->read == NULL || lmdbx__read_begin(batch->env, &read, NULL) != LMDBX_OK) return false;
  if (lmdbx__read_txn_id(read) != lmdbx__read_txn_id(batch->read)) {
    lmdbx__read_end(read);
    return false;
  }
  struct lmdbx__batch *part = new_batch(batch->env, read);
  if (part == NULL) return false;
  for (; part->count < share; part->count++) {
    lmdbx__list_append(&part->requests, lmdbx__list_take(&batch->requests));
  }
  batch->count -= share;
  submit_job(host, part);
  return true;
}

/* How many threads are to share a batch: one, unless its reads wait for the disk. */
static size_t parts_of(const struct lmdbx_host *host, const struct lmdbx__batch *batch) {
  size_t parts = batch->count / LEAST_SHARE;
  unsigned reading = atomic_load(&host->reading);
  unsigned idle = reading < host->pool_threads ? host->pool_threads - reading : 0;
  if (parts > idle) parts = idle;
  bool divided = parts > 1 && lmdbx__residency_is_cold(batch->env) && has_enough_slots(batch->env);
  return divided ? parts : 1;
}

static void submit(struct lmdbx_host *host, struct lmdbx__batch *batch) {
  size_t parts = parts_of(host, batch);
  while (parts > 1 && submit_share(host, batch, batch->count / parts)) parts--;
  submit_job(host, batch);
}

void lmdbx__reads_add(struct lmdbx__request *request) {
  if (lmdbx__late_add(request)) return;
  struct lmdbx_host *host = request->repository->host;
  struct lmdbx__env *env = request->repository->env;
  struct lmdbx__batch **link = &host->batches;
  while (*link != NULL && (*link)->env != env) link = &(*link)->next;
  struct lmdbx__read *read = NULL;
  if (*link == NULL || !(current(*link) || is_newest(*link, &read))) {
    link = &host->batches;
    if (begin_batch(host, env, read) == NULL) {
      struct lmdbx__list list = {0};
      struct lmdbx_error error;
      lmdbx_error_set(&error, LMDBX_NO_MEMORY, 0, "reading: memory ran out; try again");
      lmdbx__request_fail(request, &error);
      lmdbx__list_append(&list, request);
      lmdbx__host_post(host, &list, true);
      return;
    }
  }
  struct lmdbx__batch *batch = *link;
  lmdbx__list_append(&batch->requests, request);
  batch->count += lmdbx__late_join(host, env, &batch->requests);
  if (++batch->count < batch->limit) return;
  *link = batch->next;
  submit(host, batch);
}

void lmdbx__reads_flush(struct lmdbx_host *host) {
  struct lmdbx__batch *batch = host->batches;
  host->batches = NULL;
  host->batch_limit = 0;
  while (batch != NULL) {
    struct lmdbx__batch *next = batch->next;
    submit(host, batch);
    batch = next;
  }
}

void lmdbx__reads_drop(struct lmdbx_host *host) {
  struct lmdbx__batch *batch = host->batches;
  host->batches = NULL;
  while (batch != NULL) {
    struct lmdbx__batch *next = batch->next;
    if (batch->read != NULL) lmdbx__read_end(batch->read);
    lmdbx__list_free(&batch->requests);
    free(batch);
    batch = next;
  }
}
