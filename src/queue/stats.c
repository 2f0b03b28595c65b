/* What a repository is and does, as JSON text: of one shape for users, tests and
 * tools. What takes pages is gathered by a job; the rest is at hand. */
#include "codec/key.h"
#include "codec/report.h"
#include "queue/host.h"
#include "queue/repository.h"
#include "queue/request.h"
#include "queue/writer.h"

#include <string.h>

/* Up to so many keys in the main database, its records are counted one by one,
 * since the names of named databases are keys like others. */
#define COUNTED_KEYS 65536

#define NANOSECONDS_PER_MILLISECOND 1e6

/* What the job finds out; its bytes are the request's result until it is reported. */
struct facts {
  struct lmdbx__db_stat database;
  uint64_t entries; /* records */
  uint64_t free_pages;
};

const char *lmdbx_state(const struct lmdbx_repository *repository) {
  static const char *const states[] = {
      [LMDBX__OPENING] = "opening", [LMDBX__OPEN] = "open", [LMDBX__FAILED] = "failed"};
  if (repository->closed) return "closed";
  if (repository->state == LMDBX__OPEN && lmdbx__env_has_failed(repository->env)) return "failed";
  return states[repository->state];
}

/* -------------------------------------------------------------- pool thread */

struct count {
  uint64_t keys;
  uint64_t records;
};

static enum lmdbx__visit count_key(void *context, struct lmdbx_slice key,
                                   struct lmdbx_slice value) {
  struct count *count = context;
  size_t tenant_size;
  (void)value;
  count->keys++;
  if (lmdbx__key_split(key, &tenant_size)) count->records++;
  return LMDBX__VISIT_NEXT;
}

/* From a key on, or all. */
static int count_keys(struct lmdbx__read *read, lmdbx__dbi dbi, struct lmdbx_slice from,
                      struct count *count, struct lmdbx_error *error) {
  bool complete;
  const struct lmdbx__scan scan = {
      .dbi = dbi, .lower = {from, false}, .visit = count_key, .context = count};
  return lmdbx__read_scan(read, &scan, &complete, error);
}

/* Keys that are records: not those of the package, not names of named databases. */
static int count_records(const struct lmdbx_repository *repository, struct lmdbx__read *read,
                         struct facts *facts, struct lmdbx_error *error) {
  static const uint8_t reserved[] = {LMDBX__KEY_INTERNAL_BYTE};
  struct count count = {0};
  uint64_t keys = facts->database.entries;
  bool is_main = repository->config.name == NULL;
  int code;
  if (is_main && keys <= COUNTED_KEYS) {
    code = count_keys(read, repository->dbi, (struct lmdbx_slice){0}, &count, error);
    facts->entries = count.records;
    return code;
  }
  code = count_keys(read, repository->dbi, (struct lmdbx_slice){reserved, 1}, &count, error);
  uint64_t others = count.keys + (is_main ? lmdbx__env_databases(repository->env) : 0);
  facts->entries = keys > others ? keys - others : 0;
  return code;
}

static int gather(const struct lmdbx_repository *repository, struct facts *facts,
                  struct lmdbx_error *error) {
  struct lmdbx__read *read;
  int code = lmdbx__read_begin_wait(repository->env, &read, error);
  if (code != LMDBX_OK) return code;
  code = lmdbx__read_stat(read, repository->dbi, &facts->database, error);
  if (code == LMDBX_OK) code = count_records(repository, read, facts, error);
  if (code == LMDBX_OK) code = lmdbx__read_free_pages(read, &facts->free_pages, error);
  lmdbx__read_end(read);
  return code;
}

static void stats_run(struct lmdbx_job *job) {
  struct lmdbx__request_job *single = (struct lmdbx__request_job *)job;
  struct lmdbx__request *request = single->request;
  struct lmdbx_error error = {0};
  struct facts facts = {0};
  int code = gather(request->repository, &facts, &error);
  if (code == LMDBX_OK) {
    code = lmdbx_buffer_append(&request->op.result, &facts, sizeof facts);
    if (code != LMDBX_OK) lmdbx_error_set(&error, code, 0, "stats: memory ran out; try again");
  }
  if (code != LMDBX_OK) lmdbx__request_fail(request, &error);
  lmdbx__request_job_post(single);
}

/* ------------------------------------------------------------- owner thread */

#define MAX_FIELDS 40
struct report {
  struct lmdbx__report_field fields[MAX_FIELDS];
  size_t count;
};

static void add(struct report *report, const char *name, double number) {
  report->fields[report->count++] = (struct lmdbx__report_field){name, NULL, number};
}

static void add_text(struct report *report, const char *name, const char *text) {
  report->fields[report->count++] = (struct lmdbx__report_field){name, text, 0};
}

static void add_error(struct report *report, const struct lmdbx_error *error) {
  add_text(report, "errorCode", lmdbx_code_name(error->code));
  add_text(report, "errorMessage", error->message);
  add(report, "errorNumber", error->errnum);
}

static void add_facts(struct report *report, const struct facts *facts,
                      const struct lmdbx__env_info *info) {
  double free_size = (double)facts->free_pages * (double)info->page_size;
  add(report, "entries", (double)facts->entries);
  add(report, "depth", facts->database.depth);
  add(report, "branchPages", (double)facts->database.branch_pages);
  add(report, "leafPages", (double)facts->database.leaf_pages);
  add(report, "overflowPages", (double)facts->database.overflow_pages);
  add(report, "usedSize", (double)info->file_size - free_size);
  add(report, "freeSize", free_size);
}

static void add_environment(struct report *report, struct lmdbx__env *env,
                            const struct lmdbx__env_info *info) {
  struct lmdbx__writer_counts counts = {0};
  lmdbx__writer_counts(env, &counts);
  add(report, "pageSize", (double)info->page_size);
  add(report, "mapSize", (double)info->map_size);
  add(report, "fileSize", (double)info->file_size);
  add(report, "maxKeySize", (double)lmdbx__env_max_key(env));
  add(report, "readers", info->readers);
  add(report, "maxReaders", info->max_readers);
  add(report, "lastTxnId", (double)info->last_txn_id);
  add(report, "commits", (double)counts.commits);
  add(report, "operations", (double)counts.operations);
  add(report, "operationsPerCommit",
      counts.commits > 0 ? (double)counts.operations / (double)counts.commits : 0);
  uint64_t oldest = lmdbx__env_oldest_snapshot(env);
  add(report, "oldestSnapshotMs",
      oldest > 0 ? (double)(lmdbx__now_ns() - oldest) / NANOSECONDS_PER_MILLISECOND : 0);
  add(report, "writerWaitMs",
      (double)(counts.turn_wait_ns + lmdbx__env_lock_wait(env)) / NANOSECONDS_PER_MILLISECOND);
}

static int report_of(const struct lmdbx_repository *repository, const struct facts *facts,
                     const struct lmdbx_error *error, struct lmdbx_buffer *out) {
  struct report report = {0};
  add_text(&report, "state", lmdbx_state(repository));
  if (repository->open_error != NULL) error = repository->open_error;
  if (error != NULL && !repository->closed) add_error(&report, error);
  if (repository->state == LMDBX__OPEN && !repository->closed) {
    struct lmdbx__env_info info;
    lmdbx__env_info(repository->env, &info);
    add_environment(&report, repository->env, &info);
    if (facts != NULL) add_facts(&report, facts, &info);
  }
  add(&report, "queuedOperations", (double)(repository->pending - repository->looks));
  add(&report, "queuedBytes", (double)repository->queued_bytes);
  add(&report, "inlineReads", (double)repository->inline_reads);
  add(&report, "poolReads", (double)repository->pool_reads);
  add(&report, "readJobs", (double)atomic_load(&repository->host->read_jobs));
  return lmdbx__report(report.fields, report.count, out);
}

void lmdbx__stats_report(struct lmdbx__request *request) {
  struct facts facts;
  struct lmdbx_error error;
  struct lmdbx_buffer *result = &request->op.result;
  bool gathered = request->op.error == NULL;
  if (gathered) {
    memcpy(&facts, result->data, sizeof facts);
  } else {
    error = *request->op.error;
  }
  lmdbx_error_free(request->op.error);
  request->op.error = NULL;
  result->size = 0;
  int code =
      report_of(request->repository, gathered ? &facts : NULL, gathered ? NULL : &error, result);
  if (code == LMDBX_OK) return;
  lmdbx_error_set(&error, code, 0, "stats: memory ran out; try again");
  lmdbx__request_fail(request, &error);
}

int lmdbx_counters(const struct lmdbx_repository *repository, struct lmdbx_buffer *out) {
  return report_of(repository, NULL, NULL, out);
}

int lmdbx_stats(struct lmdbx_repository *repository, const struct lmdbx_issue *issue,
                struct lmdbx_error *error) {
  const struct lmdbx_slice none = {0};
  if (repository->closed || repository->state != LMDBX__OPEN) {
    return lmdbx_error_set(error, LMDBX_CLOSED, 0, "stats: the repository is not open");
  }
  struct lmdbx__request *request =
      lmdbx__request_new(repository, LMDBX__REQUEST_STATS, none, none, issue);
  if (request == NULL) {
    return lmdbx_error_set(error, LMDBX_NO_MEMORY, 0, "stats: memory ran out; try again");
  }
  lmdbx__repository_book_in(request);
  lmdbx__request_job_submit(request, stats_run, lmdbx__request_job_cancel);
  return LMDBX_OK;
}
