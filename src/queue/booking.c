/* Requests: booked in, sent on their way, booked out and called back. */
#include "queue/backup.h"
#include "queue/host.h"
#include "queue/reader.h"
#include "queue/repository.h"
#include "queue/request.h"
#include "queue/scan.h"
#include "queue/unit.h"
#include "queue/writer.h"

/* FNV-1a. Spreads, nothing more: a collision costs a needless wait. */
uint32_t *lmdbx__pending_slot(struct lmdbx_repository *repository, struct lmdbx_slice key) {
  uint32_t hash = 2166136261U;
  for (size_t i = 0; i < key.size; i++) hash = (hash ^ key.data[i]) * 16777619U;
  return &repository->pending_keys[(hash ^ (hash >> 16)) % LMDBX__PENDING_SLOTS];
}

bool lmdbx__key_pending(struct lmdbx_repository *repository, struct lmdbx_slice key) {
  if (repository->pending_writes == 0) return false;
  return repository->pending_clears > 0 || *lmdbx__pending_slot(repository, key) > 0;
}

void lmdbx__repository_book_in(struct lmdbx__request *request) {
  struct lmdbx_repository *repository = request->repository;
  lmdbx__request_use(request);
  repository->queued_bytes += request->charge;
  if (request->type == LMDBX__REQUEST_LOOK) repository->looks++;
  for (size_t i = 0; (repository = lmdbx__request_touches(request, i)) != NULL; i++) {
    repository->pending++;
  }
  lmdbx__host_pending(request->repository->host, 1);
}

static void book_out(struct lmdbx__request *request) {
  struct lmdbx_repository *repository = request->repository;
  repository->queued_bytes -= request->charge;
  if (request->type == LMDBX__REQUEST_LOOK) repository->looks--;
  for (size_t i = 0; (repository = lmdbx__request_touches(request, i)) != NULL; i++) {
    repository->pending--;
  }
  lmdbx__host_pending(request->repository->host, -1);
  lmdbx__unit_leave_fence(request);
}

/* Counts a write as pending, in all that it touches, or no longer. */
static void count_write(const struct lmdbx__request *request, int change) {
  struct lmdbx_repository *repository;
  for (size_t i = 0; (repository = lmdbx__request_touches(request, i)) != NULL; i++) {
    repository->pending_writes =
        change > 0 ? repository->pending_writes + 1 : repository->pending_writes - 1;
  }
  if (request->op.type == LMDBX__OP_UNIT) {
    lmdbx__unit_count_keys(request, change);
    return;
  }
  if (request->type == LMDBX__REQUEST_CLEAR) {
    repository = request->repository;
    repository->pending_clears =
        change > 0 ? repository->pending_clears + 1 : repository->pending_clears - 1;
    return;
  }
  uint32_t *slot = lmdbx__pending_slot(request->repository, request->op.key);
  *slot = change > 0 ? *slot + 1 : *slot - 1;
}

/* Whether a read must see a write that is pending. */
static bool must_wait(const struct lmdbx__request *request) {
  switch (request->op.type) {
  case LMDBX__OP_UNIT: return lmdbx__unit_must_wait(request);
  case LMDBX__OP_COLLECT: return request->repository->pending_writes > 0;
  default: return lmdbx__key_pending(request->repository, request->op.key);
  }
}

/* Chooses the way: with the writes where order demands it, else with the reads.
 * A put counts as pending from here, so that the parked ones keep their order. */
static void dispatch(struct lmdbx__request *request) {
  struct lmdbx_repository *repository = request->repository;
  request->op.dbi = repository->dbi;
  if (request->op.type == LMDBX__OP_UNIT) lmdbx__unit_set_databases(request);
  if (request->type == LMDBX__REQUEST_READY) {
    struct lmdbx__list list = {0};
    lmdbx__list_append(&list, request);
    lmdbx__host_post(repository->host, &list, true);
  } else if (lmdbx__request_is_write(request)) {
    count_write(request, 1);
    lmdbx__writes_add(request);
  } else if (request->type == LMDBX__REQUEST_BACKUP) {
    lmdbx__writes_add(request);
  } else if (request->type == LMDBX__REQUEST_SCAN) {
    lmdbx__scan_dispatch(request);
  } else if (must_wait(request)) {
    lmdbx__writes_add(request);
  } else {
    lmdbx__reads_add(request);
  }
}

static int usable(struct lmdbx_repository *repository, struct lmdbx_error *error) {
  if (repository->closed) {
    return lmdbx_error_set(error, LMDBX_CLOSED, 0,
                           "the repository at %s is closed; open a new one to go on",
                           repository->config.path);
  }
  if (repository->state == LMDBX__FAILED) {
    if (error != NULL) *error = *repository->open_error;
    return repository->open_error->code;
  }
  return LMDBX_OK;
}

int lmdbx__repository_accept(struct lmdbx__request *request, const struct lmdbx_issue *issue,
                             struct lmdbx_error *error) {
  struct lmdbx_repository *repository = request->repository;
  const struct lmdbx_config *config = &repository->config;
  int code = usable(repository, error);
  if (code != LMDBX_OK) return code;
  if (lmdbx__request_is_write(request) && config->read_only) {
    return lmdbx_error_set(error, LMDBX_READ_ONLY, 0,
                           "the repository at %s was opened with readOnly: true", config->path);
  }
  /* One request is always let in, however large. */
  if (repository->queued_bytes + request->charge > config->max_queued_bytes &&
      repository->pending > 0 && !issue->over_limit) {
    return lmdbx_error_set(error, LMDBX_QUEUE_FULL, 0,
                           "%zu bytes of operations are queued (maxQueuedBytes %zu); await earlier "
                           "operations before issuing more",
                           repository->queued_bytes, config->max_queued_bytes);
  }
  lmdbx__repository_book_in(request);
  if (repository->state == LMDBX__OPENING) {
    lmdbx__list_append(&repository->parked, request);
    return LMDBX_OK;
  }
  dispatch(request);
  if (!repository->host->flush_wanted) {
    repository->host->flush_wanted = true;
    *issue->needs_flush = true;
  }
  return LMDBX_OK;
}

/* Opening has ended: sends what was parked on its way, in order. */
static void opened(struct lmdbx_repository *repository, struct lmdbx_error *error) {
  repository->state = error == NULL ? LMDBX__OPEN : LMDBX__FAILED;
  if (error != NULL) repository->open_error = lmdbx_error_copy(error);
  struct lmdbx__request *request;
  while ((request = lmdbx__list_take(&repository->parked)) != NULL) {
    if (error == NULL) {
      dispatch(request);
    } else {
      lmdbx__request_fail(request, error);
      lmdbx__repository_complete(request);
    }
  }
  /* A failed repository may still hold an environment whose named database
   * could not be opened. */
  if (error != NULL) lmdbx__repository_let_go(repository);
}

static void call_back(struct lmdbx__request *request) {
  if (request->done == NULL) return;
  struct lmdbx_repository *repository = request->repository;
  struct lmdbx_result result = {
      .repository = repository,
      .error = request->op.error,
      .key = request->op.key,
      .found = request->op.found,
      .value = {request->op.result.data, request->op.result.size},
  };
  if (request->op.type == LMDBX__OP_UNIT) {
    result.failed = lmdbx__unit_failed(request);
    if (result.failed < request->steps->given) {
      result.key = request->steps->unit.steps[request->steps->unit.failed].key;
    }
  }
  if (request->type == LMDBX__REQUEST_CLEAR) result.removed = request->removed;
  struct lmdbx_page page;
  if (request->type == LMDBX__REQUEST_SCAN) {
    struct lmdbx_scan *scan = request->scan;
    const struct lmdbx_buffer *failed = &scan->page.failed;
    lmdbx__page_show(scan, &page);
    result.page = &page;
    if (failed->size > 0) result.key = (struct lmdbx_slice){failed->data, failed->size};
    if (result.error == NULL && !scan->complete) {
      request->scan = NULL;
      lmdbx__scan_idle(scan);
      result.scan = scan;
    }
  }
  if (request->type == LMDBX__REQUEST_BACKUP) lmdbx__backup_report(request, &result);
  request->done(repository->host->context, request->user, &result);
}

/* The other repositories that a request touched may have waited for it to close. */
static void settle_others(const struct lmdbx__request *request) {
  struct lmdbx_repository *repository;
  for (size_t i = 1; (repository = lmdbx__request_touches(request, i)) != NULL; i++) {
    lmdbx__repository_settle(repository);
  }
}

static bool is_read(const struct lmdbx__request *request) {
  return request->type == LMDBX__REQUEST_SCAN ||
         (request->type == LMDBX__REQUEST_OPERATION && !lmdbx__request_is_write(request));
}

void lmdbx__repository_complete(struct lmdbx__request *request) {
  struct lmdbx_repository *repository = request->repository;
  if (request->type == LMDBX__REQUEST_COMMIT) {
    lmdbx__commit_tell(request);
    lmdbx__request_free(request);
    return;
  }
  atomic_fetch_add(&repository->references, 1); /* settle must find it alive */
  if (request->type == LMDBX__REQUEST_SCAN && lmdbx__scan_goes_on(request)) {
    lmdbx__repository_unref(repository);
    return;
  }
  if (request->type == LMDBX__REQUEST_CREATE && request->op.error == NULL) {
    repository->creating = true;
    lmdbx__writes_add(request);
    lmdbx__openings_next(repository->host);
    lmdbx__repository_unref(repository);
    return;
  }
  switch (request->type) {
  case LMDBX__REQUEST_OPEN:
  case LMDBX__REQUEST_CREATE:
    if (!repository->creating) lmdbx__openings_next(repository->host);
    repository->creating = false;
    opened(repository, request->op.error);
    break;
  case LMDBX__REQUEST_CLOSE: lmdbx__host_pending(repository->host, -1); break;
  case LMDBX__REQUEST_STATS:
    book_out(request); /* it does not count itself */
    lmdbx__stats_report(request);
    break;
  default:
    if (is_read(request) && !request->late) repository->pool_reads++;
    if (lmdbx__request_is_write(request)) {
      /* Failed while parked: never counted. */
      if (repository->state != LMDBX__FAILED) count_write(request, -1);
    }
    book_out(request);
  }
  call_back(request);
  settle_others(request);
  lmdbx__request_free(request);
  lmdbx__repository_settle(repository);
  lmdbx__repository_unref(repository); /* NOLINT(clang-analyzer-unix.Malloc): counted above */
}
