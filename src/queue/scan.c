/* Scans: the keys of a tenant at one moment, a page a job. The read transaction
 * lives from the moment to the last page. */
#include "queue/internal.h"

#include "codec/key.h"

#include <stdlib.h>
#include <string.h>

/* Keys looked at in one job, whoever they belong to: bounds a job among the keys
 * of other tenants. */
#define VISIT_LIMIT 65536

struct scan_job {
  struct lmdbx_job job;
  struct lmdbx__request *request;
};

struct visit {
  size_t prefix_size;
  struct lmdbx_buffer *page;
  struct lmdbx_buffer *after;
  size_t left;
};

void lmdbx__scan_free(struct lmdbx_scan *scan) {
  if (scan->read != NULL) lmdbx__read_end(scan->read);
  lmdbx_buffer_free(&scan->after);
  lmdbx_buffer_free(&scan->page);
  if (scan->holds_use) lmdbx__repository_unuse(scan->repository);
  lmdbx__repository_unref(scan->repository);
  free(scan);
}

/* -------------------------------------------------------------- pool thread */

static bool append(struct lmdbx_buffer *buffer, const void *data, size_t size) {
  return lmdbx_buffer_append(buffer, data, size) == LMDBX_OK;
}

static enum lmdbx__visit visit_key(void *context, struct lmdbx_slice key,
                                   struct lmdbx_slice value) {
  (void)value;
  struct visit *visit = context;
  struct lmdbx_buffer *page = visit->page;
  if (lmdbx__key_belongs(key, visit->prefix_size)) {
    if (!append(page, page->size == 0 ? "[" : ",", 1) ||
        !append(page, key.data + visit->prefix_size, key.size - visit->prefix_size)) {
      return LMDBX__VISIT_FAIL;
    }
  }
  if (--visit->left > 0 && page->size < LMDBX_PAGE_SIZE) return LMDBX__VISIT_NEXT;
  visit->after->size = 0;
  return append(visit->after, key.data, key.size) ? LMDBX__VISIT_STOP : LMDBX__VISIT_FAIL;
}

int lmdbx__scan_page(struct lmdbx__read *read, const struct lmdbx__page *request, bool *complete,
                     struct lmdbx_error *error) {
  struct visit visit = {request->prefix.size, request->page, request->after, request->visits};
  const struct lmdbx__scan scan = {
      .dbi = request->dbi,
      .prefix = request->prefix,
      .after = {request->after->data, request->after->size},
      .visit = visit_key,
      .context = &visit,
  };
  struct lmdbx_buffer *page = request->page;
  page->size = 0;
  int code = lmdbx__read_scan(read, &scan, complete, error);
  if (code != LMDBX_OK) return code;
  if ((page->size == 0 && !append(page, "[", 1)) || !append(page, "]", 1)) {
    return lmdbx_error_set(error, LMDBX_NO_MEMORY, 0, "list: memory ran out; try again");
  }
  return LMDBX_OK;
}

static int read_page(struct lmdbx_scan *scan, struct lmdbx_error *error) {
  if (scan->read == NULL) {
    int code = lmdbx__read_begin_wait(scan->repository->env, &scan->read, error);
    if (code != LMDBX_OK) return code;
  }
  const struct lmdbx__page page = {
      .dbi = scan->repository->dbi,
      .prefix = {scan->prefix, scan->prefix_size},
      .visits = VISIT_LIMIT,
      .after = &scan->after,
      .page = &scan->page,
  };
  int code = lmdbx__scan_page(scan->read, &page, &scan->complete, error);
  if (code != LMDBX_OK) return code;
  if (scan->complete) {
    lmdbx__read_end(scan->read);
    scan->read = NULL;
  }
  return LMDBX_OK;
}

static void post(struct scan_job *scan_job, bool wake) {
  struct lmdbx__list list = {0};
  scan_job->request->scan->paged = true;
  lmdbx__list_append(&list, scan_job->request);
  lmdbx__host_post(scan_job->job.host, &list, wake);
}

static void scan_run(struct lmdbx_job *job) {
  struct scan_job *scan_job = (struct scan_job *)job;
  struct lmdbx_error error = {0};
  if (read_page(scan_job->request->scan, &error) != LMDBX_OK) {
    lmdbx__request_fail(scan_job->request, &error);
  }
  post(scan_job, false);
}

static void scan_cancel(struct lmdbx_job *job) {
  struct scan_job *scan_job = (struct scan_job *)job;
  lmdbx__request_abort(scan_job->request);
  post(scan_job, true);
}

static void scan_destroy(struct lmdbx_job *job) {
  free(job);
}

/* ------------------------------------------------------------- owner thread */

void lmdbx__scan_start(struct lmdbx__request *request) {
  struct lmdbx_repository *repository = request->repository;
  struct scan_job *scan_job = calloc(1, sizeof *scan_job);
  if (scan_job == NULL) {
    struct lmdbx__list list = {0};
    struct lmdbx_error error;
    lmdbx_error_set(&error, LMDBX_NO_MEMORY, 0, "list: memory ran out; try again");
    lmdbx__request_fail(request, &error);
    lmdbx__list_append(&list, request);
    lmdbx__host_post(repository->host, &list, true);
    return;
  }
  if (!request->scan->holds_use) {
    request->scan->holds_use = true;
    atomic_fetch_add(&repository->uses, 1);
  }
  /* The moment is now; if it cannot be had without waiting, the job begins it. */
  if (request->scan->read == NULL &&
      lmdbx__read_begin(repository->env, &request->scan->read, NULL) != LMDBX_OK) {
    request->scan->read = NULL;
  }
  scan_job->request = request;
  scan_job->job.run = scan_run;
  scan_job->job.cancel = scan_cancel;
  scan_job->job.destroy = scan_destroy;
  lmdbx__job_submit(repository->host, &scan_job->job);
}

void lmdbx__scan_idle(struct lmdbx_scan *scan) {
  struct lmdbx_repository *repository = scan->repository;
  scan->next = repository->scans;
  scan->link = &repository->scans;
  if (scan->next != NULL) scan->next->link = &scan->next;
  repository->scans = scan;
}

static void unlink_scan(struct lmdbx_scan *scan) {
  *scan->link = scan->next;
  if (scan->next != NULL) scan->next->link = scan->link;
  scan->next = NULL;
  scan->link = NULL;
}

/* The scans stay for their owners to close, without transaction and use. */
void lmdbx__scans_end(struct lmdbx_repository *repository) {
  for (struct lmdbx_scan *scan = repository->scans; scan != NULL; scan = scan->next) {
    if (scan->read == NULL) continue;
    lmdbx__read_end(scan->read);
    scan->read = NULL;
    scan->holds_use = false;
    lmdbx__repository_unuse(repository);
  }
}

void lmdbx_scan_close(struct lmdbx_scan *scan) {
  unlink_scan(scan);
  lmdbx__scan_free(scan);
}

static struct lmdbx_scan *scan_new(struct lmdbx_repository *repository, struct lmdbx_slice prefix) {
  struct lmdbx_scan *scan = calloc(1, sizeof *scan + prefix.size);
  if (scan == NULL) return NULL;
  memcpy(scan->prefix, prefix.data, prefix.size);
  scan->prefix_size = prefix.size;
  scan->repository = repository;
  atomic_fetch_add(&repository->references, 1);
  return scan;
}

static int no_memory(struct lmdbx_error *error) {
  return lmdbx_error_set(error, LMDBX_NO_MEMORY, 0, "list: memory ran out; try again");
}

int lmdbx_list(struct lmdbx_repository *repository, struct lmdbx_slice prefix,
               const struct lmdbx_issue *issue, struct lmdbx_error *error) {
  struct lmdbx__request *request =
      lmdbx__request_new(repository, LMDBX__REQUEST_SCAN, prefix, (struct lmdbx_slice){0}, issue);
  if (request == NULL) return no_memory(error);
  request->scan = scan_new(repository, prefix);
  int code =
      request->scan != NULL ? lmdbx__repository_accept(request, issue, error) : no_memory(error);
  if (code != LMDBX_OK) lmdbx__request_free(request);
  return code;
}

int lmdbx_scan_next(struct lmdbx_scan *scan, const struct lmdbx_issue *issue,
                    struct lmdbx_error *error) {
  const struct lmdbx_slice prefix = {scan->prefix, scan->prefix_size};
  struct lmdbx__request *request = lmdbx__request_new(scan->repository, LMDBX__REQUEST_SCAN, prefix,
                                                      (struct lmdbx_slice){0}, issue);
  if (request == NULL) return no_memory(error);
  request->scan = scan;
  int code = lmdbx__repository_accept(request, issue, error);
  if (code != LMDBX_OK) {
    request->scan = NULL; /* still the caller's */
    lmdbx__request_free(request);
    return code;
  }
  unlink_scan(scan);
  return LMDBX_OK;
}
