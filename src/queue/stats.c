/* Counters as JSON text, for tests and tools. */
#include "queue/internal.h"

#include "codec/report.h"

int lmdbx_stats(struct lmdbx_repository *repository, struct lmdbx_buffer *out) {
  static const char *const states[] = {
      [LMDBX__OPENING] = "opening", [LMDBX__OPEN] = "open", [LMDBX__FAILED] = "failed"};
  struct lmdbx__env_info info = {0};
  struct lmdbx__writer_counts counts = {0};
  if (repository->state == LMDBX__OPEN && !repository->closed) {
    lmdbx__env_info(repository->env, &info);
    lmdbx__writer_counts(repository->env, &counts);
  }
  const struct lmdbx_host *host = repository->host;
  const struct lmdbx__report_field fields[] = {
      {"state", repository->closed ? "closed" : states[repository->state], 0},
      {"mapSize", NULL, (double)info.map_size},
      {"usedSize", NULL, (double)info.used_size},
      {"lastTxnId", NULL, (double)info.last_txn_id},
      {"readers", NULL, info.readers},
      {"maxReaders", NULL, info.max_readers},
      {"commits", NULL, (double)counts.commits},
      {"operations", NULL, (double)counts.operations},
      {"readJobs", NULL, (double)atomic_load(&host->read_jobs)},
      {"reads", NULL, (double)atomic_load(&host->reads)},
      {"inlineReads", NULL, (double)host->inline_reads},
      {"pending", NULL, (double)repository->pending},
      {"queuedBytes", NULL, (double)repository->queued_bytes},
  };
  return lmdbx__report(fields, sizeof fields / sizeof fields[0], out);
}
