/* Snapshots: one read transaction that answers one query after another. */
#include "queue/snapshot.h"
#include "queue/host.h"
#include "queue/repository.h"
#include "queue/request.h"
#include "queue/scan.h"

#include <stdlib.h>

/* Small queries that one job answers at most, and bytes of the keys of a small one. */
#define MOST_IN_A_JOB 512
#define SMALL_KEYS ((size_t)4096)

void lmdbx__snapshot_unref(struct lmdbx_snapshot *snapshot) {
  if (atomic_fetch_sub(&snapshot->references, 1) != 1) return;
  if (snapshot->read != NULL) lmdbx__read_end(snapshot->read);
  if (snapshot->holds_use) lmdbx__repository_unuse(snapshot->repository);
  lmdbx_error_free(snapshot->error);
  lmdbx__repository_unref(snapshot->repository);
  free(snapshot);
}

/* Takes it off the repository's list, which held its owner's reference. */
static void unlink_snapshot(struct lmdbx_snapshot *snapshot) {
  if (snapshot->link == NULL) return;
  *snapshot->link = snapshot->next;
  if (snapshot->next != NULL) snapshot->next->link = snapshot->link;
  snapshot->link = NULL;
  lmdbx__snapshot_unref(snapshot);
}

static void end_read(struct lmdbx_snapshot *snapshot) {
  if (snapshot->read != NULL) lmdbx__read_end(snapshot->read);
  snapshot->read = NULL;
  if (snapshot->holds_use) lmdbx__repository_unuse(snapshot->repository);
  snapshot->holds_use = false;
}

/* Ends it if nobody may use it any more. The caller holds a reference. */
static void settle(struct lmdbx_snapshot *snapshot) {
  if (snapshot->waits || snapshot->pending > 0) return;
  if (snapshot->closed || snapshot->repository->closed) end_read(snapshot);
  if (snapshot->released) unlink_snapshot(snapshot);
}

static void fail(struct lmdbx_snapshot *snapshot, struct lmdbx__request *request) {
  struct lmdbx__list list = {0};
  lmdbx__request_fail(request, snapshot->error);
  lmdbx__list_append(&list, request);
  lmdbx__host_post(snapshot->repository->host, &list, true);
}

/* Queries that look at a few keys, and so may share a job. */
static bool is_small(const struct lmdbx__request *request) {
  const struct lmdbx_scan *scan = request->scan;
  bool single = scan->kind == LMDBX_MANY || scan->kind == LMDBX_HAS;
  return single && scan->keys.size <= SMALL_KEYS;
}

/* Lends the read to the next query, or to the next small ones. */
static void go_on(struct lmdbx_snapshot *snapshot) {
  struct lmdbx__request *request = NULL;
  struct lmdbx__list lent = {0};
  if (snapshot->waits || snapshot->running != NULL) return;
  if (snapshot->read == NULL) {
    while ((request = lmdbx__list_take(&snapshot->queue)) != NULL) fail(snapshot, request);
  }
  for (size_t count = 0; snapshot->queue.head != NULL && count < MOST_IN_A_JOB; count++) {
    if (count > 0 && !(is_small(request) && is_small(snapshot->queue.head))) break;
    request = lmdbx__list_take(&snapshot->queue);
    lmdbx__list_append(&lent, request);
  }
  if (lent.head != NULL) {
    struct lmdbx_scan *scan = lent.head->scan;
    scan->read = snapshot->read;
    scan->holds_use = snapshot->holds_use;
    snapshot->read = NULL;
    snapshot->holds_use = false;
    snapshot->running = lent.tail;
    lmdbx__scans_submit(&lent);
  }
  settle(snapshot);
}

void lmdbx__snapshot_add(struct lmdbx__request *request) {
  struct lmdbx_snapshot *snapshot = request->scan->snapshot;
  lmdbx__list_append(&snapshot->queue, request);
  go_on(snapshot);
}

/* Takes over what the scan of its beginning, or of a query, holds. */
static void take_read(struct lmdbx_snapshot *snapshot, struct lmdbx_scan *scan) {
  snapshot->read = scan->read;
  snapshot->holds_use = scan->holds_use;
  scan->read = NULL;
  scan->holds_use = false;
}

void lmdbx__snapshot_back(struct lmdbx__request *request) {
  struct lmdbx_scan *scan = request->scan;
  struct lmdbx_snapshot *snapshot = scan->snapshot;
  if (scan->takes_moment) {
    snapshot->waits = false;
    take_read(snapshot, scan);
    if (request->op.error != NULL) snapshot->error = lmdbx_error_copy(request->op.error);
    if (snapshot->read != NULL && !snapshot->holds_use) {
      snapshot->holds_use = true; /* it comes from the writer's queue; the request has a use yet */
      atomic_fetch_add(&snapshot->repository->uses, 1);
    }
    if (snapshot->read != NULL) lmdbx__read_park(snapshot->read);
  } else {
    snapshot->pending--;
    if (scan->read != NULL) take_read(snapshot, scan);
    if (snapshot->running == request) snapshot->running = NULL;
  }
  go_on(snapshot);
}

int lmdbx__snapshot_usable(const struct lmdbx_snapshot *snapshot, struct lmdbx_error *error) {
  const char *path = snapshot->repository->config.path;
  if (snapshot->closed) {
    return lmdbx_error_set(error, LMDBX_CLOSED, 0,
                           "the snapshot of %s is closed; take a new one to go on", path);
  }
  if (snapshot->repository->closed) {
    return lmdbx_error_set(error, LMDBX_SNAPSHOT_EXPIRED, 0,
                           "the snapshot ended when the repository at %s was closed", path);
  }
  return LMDBX_OK;
}

int lmdbx_snapshot(struct lmdbx_repository *repository, struct lmdbx_snapshot **out,
                   bool *needs_flush, struct lmdbx_error *error) {
  const struct lmdbx_issue issue = {.needs_flush = needs_flush};
  const struct lmdbx_slice none = {0};
  struct lmdbx__request *request = NULL;
  struct lmdbx_scan *scan = NULL;
  int code = LMDBX_NO_MEMORY;
  struct lmdbx_snapshot *snapshot = calloc(1, sizeof *snapshot);
  if (snapshot == NULL) goto no_memory;
  atomic_init(&snapshot->references, 1);
  atomic_fetch_add(&repository->references, 1);
  snapshot->repository = repository;
  snapshot->waits = true;
  const struct lmdbx_query query = {.kind = LMDBX_HAS, .one_moment = true, .snapshot = snapshot};
  if (lmdbx__scan_new(repository, &query, &scan, NULL) != LMDBX_OK) goto no_memory;
  scan->takes_moment = true;
  request = lmdbx__request_new(repository, LMDBX__REQUEST_SCAN, none, none, &issue);
  if (request == NULL) goto no_memory;
  request->scan = scan;
  snapshot->next = repository->snapshots;
  snapshot->link = &repository->snapshots;
  if (snapshot->next != NULL) snapshot->next->link = &snapshot->next;
  repository->snapshots = snapshot;
  code = lmdbx__repository_accept(request, &issue, error);
  if (code == LMDBX_OK) {
    *out = snapshot;
    return LMDBX_OK;
  }
  lmdbx__request_free(request);
  unlink_snapshot(snapshot);
  return code;

no_memory:
  if (scan != NULL) lmdbx__scan_free(scan);
  if (snapshot != NULL) lmdbx__snapshot_unref(snapshot);
  return lmdbx_error_set(error, code, 0, "taking a snapshot: memory ran out; try again");
}

void lmdbx_snapshot_close(struct lmdbx_snapshot *snapshot) {
  snapshot->closed = true;
  settle(snapshot);
}

void lmdbx_snapshot_release(struct lmdbx_snapshot *snapshot) {
  snapshot->closed = true;
  snapshot->released = true;
  if (snapshot->repository->host->dead) { /* set on this thread */
    unlink_snapshot(snapshot);
  } else {
    settle(snapshot);
  }
}

void lmdbx__snapshots_end(struct lmdbx_repository *repository, bool dead) {
  struct lmdbx_snapshot *next;
  for (struct lmdbx_snapshot *snapshot = repository->snapshots; snapshot != NULL; snapshot = next) {
    next = snapshot->next;
    if (!dead) {
      settle(snapshot);
      continue;
    }
    atomic_fetch_add(&snapshot->references, 1);
    lmdbx__list_free(&snapshot->queue);
    end_read(snapshot);
    if (snapshot->released) unlink_snapshot(snapshot);
    lmdbx__snapshot_unref(snapshot);
  }
}
