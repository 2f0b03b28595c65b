/* Scans: answers to queries, at one moment or a moment a page, a page a job. */
#include "queue/scan.h"
#include "codec/key.h"
#include "queue/host.h"
#include "queue/reader.h"
#include "queue/repository.h"
#include "queue/request.h"
#include "queue/snapshot.h"
#include "queue/writer.h"

#include <stdlib.h>
#include <string.h>

struct scan_job {
  struct lmdbx_job job;
  struct lmdbx__list requests; /* several: of one snapshot, whose read goes from one to the next */
  struct lmdbx__request *look; /* where one is due: posted behind them */
};

static const char *const names[] = {
    [LMDBX_KEYS] = "listing keys",        [LMDBX_VALUES] = "reading values",
    [LMDBX_ENTRIES] = "reading entries",  [LMDBX_COUNT] = "counting",
    [LMDBX_TENANTS] = "listing tenants",  [LMDBX_MANY] = "reading records",
    [LMDBX_HAS] = "looking for a record", [LMDBX_HIDDEN] = "looking for hidden entries"};

static int no_memory(enum lmdbx_query_kind kind, struct lmdbx_error *error) {
  return lmdbx_error_set(error, LMDBX_NO_MEMORY, 0, "%s: memory ran out; try again", names[kind]);
}

/* ------------------------------------------------------------------- making */

void lmdbx__scan_free(struct lmdbx_scan *scan) {
  if (scan->read != NULL) lmdbx__read_end(scan->read);
  if (scan->holds_use) lmdbx__repository_unuse(scan->repository);
  if (scan->snapshot != NULL) lmdbx__snapshot_unref(scan->snapshot);
  lmdbx__repository_unref(scan->repository);
  lmdbx_buffer_free(&scan->after);
  lmdbx__page_free(&scan->page);
  free(scan->ahead);
  free(scan);
}

static struct lmdbx_slice keep(struct lmdbx_scan *scan, struct lmdbx_slice bytes) {
  uint8_t *copy = scan->bytes + scan->size;
  if (bytes.size > 0) memcpy(copy, bytes.data, bytes.size);
  scan->size += bytes.size;
  return (struct lmdbx_slice){copy, bytes.size};
}

/* A bound for a cut. What begins with a text ends before the text whose last byte
 * is one more: a colon or a part of UTF-8, so that there is one. */
static struct lmdbx__bound keep_bound(struct lmdbx_scan *scan, const struct lmdbx_cut *cut,
                                      bool upper) {
  struct lmdbx_slice key = keep(scan, scan->prefix);
  key.size += keep(scan, cut->text).size;
  if (cut->side == LMDBX_BEYOND) scan->bytes[scan->size - 1]++;
  return (struct lmdbx__bound){key, upper == (cut->side != LMDBX_AFTER)};
}

static void keep_range(struct lmdbx_scan *scan, const struct lmdbx_range *range) {
  static const struct lmdbx_interval all = {{{NULL, 0}, LMDBX_BEFORE}, {{NULL, 0}, LMDBX_BEYOND}};
  scan->span_count = range->count > 0 ? range->count : 1;
  for (size_t i = 0; i < scan->span_count; i++) {
    const struct lmdbx_interval *interval = range->count > 0 ? &range->intervals[i] : &all;
    struct lmdbx__span *span = &scan->spans[range->reverse ? scan->span_count - 1 - i : i];
    span->lower = keep_bound(scan, &interval->from, false);
    span->upper = keep_bound(scan, &interval->to, true);
  }
  scan->reverse = range->reverse;
  scan->left = range->limit;
}

static int check_size(enum lmdbx_query_kind kind, size_t size, struct lmdbx_error *error) {
  if (size <= LMDBX_MAX_STORED_KEY) return LMDBX_OK;
  return lmdbx_error_set(error, LMDBX_KEY_TOO_LARGE, 0,
                         "%s: a stored key (tenant, colon, JSON) has %zu bytes, the limit is %d; "
                         "use a shorter key, or a hash of it",
                         names[kind], size, LMDBX_MAX_STORED_KEY);
}

/* How many bytes the scan keeps of a query; checks the lengths of its keys. */
static int measure(const struct lmdbx_query *query, size_t *size, struct lmdbx_error *error) {
  const struct lmdbx_range *range = &query->range;
  int code = LMDBX_OK;
  size_t longest = 0;
  *size = 3 * query->prefix.size + query->keys.size;
  for (size_t i = 0; i < range->count; i++) {
    const struct lmdbx_interval *interval = &range->intervals[i];
    size_t from = query->prefix.size + interval->from.text.size;
    size_t to = query->prefix.size + interval->to.text.size;
    *size += from + to;
    if (from > longest) longest = from;
    if (to > longest) longest = to;
  }
  for (size_t at = 0, end; at < query->keys.size; at = end + 1) {
    const uint8_t *newline = memchr(query->keys.data + at, '\n', query->keys.size - at);
    end = newline != NULL ? (size_t)(newline - query->keys.data) : query->keys.size;
    if (query->prefix.size + end - at > longest) longest = query->prefix.size + end - at;
  }
  if (longest > 0) code = check_size(query->kind, longest, error);
  return code;
}

int lmdbx__scan_new(struct lmdbx_repository *repository, const struct lmdbx_query *query,
                    struct lmdbx_scan **out, struct lmdbx_error *error) {
  /* Tenant ids end before this byte, which is no part of UTF-8. */
  static const uint8_t internal_byte[] = {LMDBX__KEY_INTERNAL_BYTE};
  size_t size;
  int code = measure(query, &size, error);
  if (code != LMDBX_OK) return code;
  struct lmdbx_scan *scan = calloc(1, sizeof *scan + size);
  if (scan == NULL) return no_memory(query->kind, error);
  scan->kind = query->kind;
  scan->one_moment = query->one_moment;
  scan->left = LMDBX_NO_LIMIT;
  scan->prefix = keep(scan, query->prefix);
  scan->keys = keep(scan, query->keys);
  if (query->kind == LMDBX_TENANTS) {
    scan->spans[0].upper = (struct lmdbx__bound){{internal_byte, sizeof internal_byte}, true};
    scan->span_count = 1;
  } else if (query->kind == LMDBX_HIDDEN) {
    scan->span_count = 1; /* without bounds */
  } else if (query->kind != LMDBX_MANY && query->kind != LMDBX_HAS) {
    keep_range(scan, &query->range);
  }
  scan->repository = repository;
  atomic_fetch_add(&repository->references, 1);
  scan->snapshot = query->snapshot;
  if (scan->snapshot != NULL) atomic_fetch_add(&scan->snapshot->references, 1);
  *out = scan;
  return LMDBX_OK;
}

void lmdbx__scan_take_read(struct lmdbx_scan *scan, struct lmdbx_scan *from) {
  scan->read = from->read;
  scan->holds_use = from->holds_use;
  from->read = NULL;
  from->holds_use = false;
}

/* -------------------------------------------------------------- pool thread */

/* What has expired before anything of it was seen begins anew. */
static int begin_page(struct lmdbx_scan *scan, struct lmdbx_error *error) {
  if (scan->read != NULL) {
    int code = lmdbx__read_resume(scan->read, error);
    bool seen = scan->snapshot != NULL || (scan->one_moment && scan->begun);
    if (code != LMDBX_SNAPSHOT_EXPIRED || seen) return code;
    lmdbx__read_end(scan->read);
    scan->read = NULL;
  }
  return lmdbx__read_begin_wait(scan->repository->env, &scan->read, error);
}

static int read_page(struct lmdbx_scan *scan, struct lmdbx_error *error) {
  int code = begin_page(scan, error);
  if (code == LMDBX_OK && !scan->takes_moment) {
    code = lmdbx__page_read(scan, scan->read, &lmdbx__pool_page, error);
    scan->begun = true;
  }
  if (scan->read == NULL) return code;
  if (scan->snapshot != NULL || (scan->one_moment && code == LMDBX_OK && !scan->complete)) {
    lmdbx__read_park(scan->read);
  } else {
    lmdbx__read_end(scan->read);
    scan->read = NULL;
  }
  return code;
}

static struct lmdbx__request *next_of(struct lmdbx__request *request) {
  return (struct lmdbx__request *)request->op.next;
}

static void post(struct scan_job *scan_job, bool wake) {
  lmdbx__host_post(scan_job->job.host, &scan_job->requests, wake);
}

static void read_pages(struct scan_job *scan_job) {
  struct lmdbx_scan *before = NULL;
  for (struct lmdbx__request *request = scan_job->requests.head; request != NULL;
       request = next_of(request)) {
    struct lmdbx_scan *scan = request->scan;
    struct lmdbx_error error = {0};
    if (before != NULL) lmdbx__scan_take_read(scan, before);
    if (read_page(scan, &error) != LMDBX_OK) lmdbx__request_fail(request, &error);
    scan->paged = true;
    before = scan;
  }
}

/* A look at residency needs no more of the reads than their environment. */
static void look_at(struct lmdbx__env *env) {
  struct lmdbx__read *read;
  if (lmdbx__read_begin_wait(env, &read, NULL) != LMDBX_OK) return;
  lmdbx__residency_look(env, read);
  lmdbx__read_end(read);
}

static void scan_run(struct lmdbx_job *job) {
  struct scan_job *scan_job = (struct scan_job *)job;
  struct lmdbx__env *env = scan_job->requests.head->repository->env;
  struct lmdbx__pool_read pool_read;
  lmdbx__residency_begin(&pool_read);
  read_pages(scan_job);
  bool look = scan_job->look != NULL && lmdbx__residency_end(&pool_read, env);
  if (look) {
    post(scan_job, true);
    look_at(env);
  }
  if (scan_job->look != NULL) lmdbx__list_append(&scan_job->requests, scan_job->look);
  post(scan_job, false);
}

static void scan_cancel(struct lmdbx_job *job) {
  struct scan_job *scan_job = (struct scan_job *)job;
  for (struct lmdbx__request *request = scan_job->requests.head; request != NULL;
       request = next_of(request)) {
    lmdbx__request_abort(request);
    request->scan->paged = true;
  }
  if (scan_job->look != NULL) lmdbx__list_append(&scan_job->requests, scan_job->look);
  post(scan_job, true);
}

static void scan_destroy(struct lmdbx_job *job) {
  free(job);
}

/* ------------------------------------------------------------- owner thread */

bool lmdbx__scan_must_wait(struct lmdbx_scan *scan) {
  struct lmdbx_repository *repository = scan->repository;
  if (repository->pending_writes == 0) return false;
  if (scan->kind != LMDBX_MANY && scan->kind != LMDBX_HAS) return true;
  if (scan->takes_moment) return true;
  struct lmdbx_slice keys = scan->keys;
  struct lmdbx_slice text;
  int code;
  while (lmdbx__page_next_key(scan->prefix, &keys, &scan->after, &text, &code)) {
    const struct lmdbx_slice key = {scan->after.data, scan->after.size};
    if (lmdbx__key_pending(repository, key)) return true;
  }
  return code != LMDBX_OK;
}

void lmdbx__scan_dispatch(struct lmdbx__request *request) {
  struct lmdbx_scan *scan = request->scan;
  if (scan->snapshot != NULL && !scan->takes_moment) {
    lmdbx__snapshot_add(request);
  } else if (scan->read == NULL && lmdbx__scan_must_wait(scan)) {
    lmdbx__writes_add(request);
  } else { /* a later page belongs to a moment that is already held */
    lmdbx__scan_start(request);
  }
}

void lmdbx__scans_submit(struct lmdbx__list *requests) {
  struct lmdbx__request *first = requests->head;
  struct lmdbx_host *host = first->repository->host;
  struct scan_job *scan_job = calloc(1, sizeof *scan_job);
  if (scan_job == NULL) {
    struct lmdbx_error error;
    no_memory(first->scan->kind, &error);
    for (struct lmdbx__request *request = first; request != NULL; request = next_of(request)) {
      lmdbx__request_fail(request, &error);
    }
    lmdbx__host_post(host, requests, true);
    return;
  }
  lmdbx__list_join(&scan_job->requests, requests);
  scan_job->look = lmdbx__look_prepare(first->repository);
  scan_job->job.run = scan_run;
  scan_job->job.cancel = scan_cancel;
  scan_job->job.destroy = scan_destroy;
  lmdbx__job_submit(host, &scan_job->job);
}

void lmdbx__scan_start(struct lmdbx__request *request) {
  struct lmdbx_scan *scan = request->scan;
  struct lmdbx__list list = {0};
  if (!scan->holds_use) {
    scan->holds_use = true;
    atomic_fetch_add(&request->repository->uses, 1);
  }
  /* The moment is now; if it cannot be had without waiting, the job begins it. */
  if (scan->read == NULL &&
      lmdbx__read_begin(request->repository->env, &scan->read, NULL) != LMDBX_OK) {
    scan->read = NULL;
  }
  if (scan->takes_moment && scan->read != NULL) {
    lmdbx__repository_complete(request);
    return;
  }
  if (scan->read != NULL) lmdbx__read_pause(scan->read);
  lmdbx__list_append(&list, request);
  lmdbx__scans_submit(&list);
}

/* What needs further pages for its answer ends here if the repository has closed. */
static void end_closed(struct lmdbx__request *request) {
  const struct lmdbx_scan *scan = request->scan;
  struct lmdbx_error error;
  if (scan->complete || !scan->one_moment || !request->repository->closed) return;
  if (scan->snapshot != NULL) {
    (void)lmdbx__snapshot_usable(scan->snapshot, &error);
  } else {
    lmdbx_error_set(&error, LMDBX_CLOSED, 0, "%s: the repository at %s was closed meanwhile",
                    names[scan->kind], request->repository->config.path);
  }
  lmdbx__request_fail(request, &error);
}

bool lmdbx__scan_goes_on(struct lmdbx__request *request) {
  struct lmdbx_scan *scan = request->scan;
  if (request->op.error == NULL && !scan->paged && !scan->takes_moment) {
    lmdbx__scan_start(request); /* its moment has come, behind earlier writes */
    return true;
  }
  if (scan->snapshot != NULL) lmdbx__snapshot_back(request);
  if (request->op.error == NULL && !scan->takes_moment) end_closed(request);
  return false;
}

void lmdbx__scan_idle(struct lmdbx_scan *scan) {
  struct lmdbx_repository *repository = scan->repository;
  scan->paged = false;
  if (scan->read == NULL && scan->holds_use) {
    scan->holds_use = false;
    lmdbx__repository_unuse(repository);
  }
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

struct lmdbx_repository *lmdbx_scan_repository(const struct lmdbx_scan *scan,
                                               struct lmdbx_slice *prefix) {
  *prefix = scan->prefix;
  return scan->repository;
}

static int usable(const struct lmdbx_scan *scan, struct lmdbx_error *error) {
  return scan->snapshot != NULL ? lmdbx__snapshot_usable(scan->snapshot, error) : LMDBX_OK;
}

/* Issues a request for a page. The scan is taken over only on success. */
static int issue_page(struct lmdbx_scan *scan, const struct lmdbx_issue *issue,
                      struct lmdbx_error *error) {
  int code = usable(scan, error);
  if (code != LMDBX_OK) return code;
  struct lmdbx__request *request = lmdbx__request_new(scan->repository, LMDBX__REQUEST_SCAN,
                                                      scan->prefix, (struct lmdbx_slice){0}, issue);
  if (request == NULL) return no_memory(scan->kind, error);
  bool was_idle = scan->link != NULL;
  request->scan = scan;
  request->charge += (uint32_t)(sizeof *scan + scan->size);
  if (was_idle) unlink_scan(scan);
  if (scan->snapshot != NULL) scan->snapshot->pending++;
  code = lmdbx__repository_accept(request, issue, error);
  if (code != LMDBX_OK) {
    if (scan->snapshot != NULL) scan->snapshot->pending--;
    request->scan = NULL;
    lmdbx__request_free(request);
    if (was_idle) lmdbx__scan_idle(scan);
  }
  return code;
}

int lmdbx_scan(struct lmdbx_repository *repository, const struct lmdbx_query *query,
               const struct lmdbx_issue *issue, struct lmdbx_error *error) {
  struct lmdbx_scan *scan;
  int code = lmdbx__scan_new(repository, query, &scan, error);
  if (code != LMDBX_OK) return code;
  code = issue_page(scan, issue, error);
  if (code != LMDBX_OK) lmdbx__scan_free(scan);
  return code;
}

int lmdbx_scan_next(struct lmdbx_scan *scan, const struct lmdbx_issue *issue,
                    struct lmdbx_error *error) {
  return issue_page(scan, issue, error);
}
