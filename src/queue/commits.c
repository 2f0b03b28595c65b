/* Commits, told to those who watch them: by requests that travel behind the outcomes. */
#include "queue/host.h"
#include "queue/repository.h"
#include "queue/request.h"
#include "queue/writer.h"

#include <string.h>

void lmdbx_host_watch(struct lmdbx_host *host, lmdbx_committed committed) {
  host->committed = committed;
  atomic_store(&host->watching, committed != NULL);
}

static const struct lmdbx__request *next_of(const struct lmdbx__request *request) {
  return (const struct lmdbx__request *)request->op.next;
}

static bool is_told(const struct lmdbx__list *notices, const struct lmdbx_host *host) {
  const struct lmdbx__request *notice = notices->head;
  while (notice != NULL && notice->repository->host != host) notice = next_of(notice);
  return notice != NULL;
}

static void measure_unit(const struct lmdbx__unit *unit, struct lmdbx_commit *commit) {
  for (size_t i = 0; i < unit->count; i++) {
    const struct lmdbx__step *step = &unit->steps[i];
    if (step->type != LMDBX__STEP_PUT && step->type != LMDBX__STEP_DELETE) continue;
    commit->operations++;
    commit->bytes += step->key.size + step->value.size;
  }
}

static void measure(const struct lmdbx__list *group, struct lmdbx_commit *commit) {
  for (const struct lmdbx__request *request = group->head; request != NULL;
       request = next_of(request)) {
    if (!lmdbx__request_is_write(request) || request->op.error != NULL) continue;
    if (request->type == LMDBX__REQUEST_CLEAR) {
      commit->operations += request->removed;
    } else if (request->op.type == LMDBX__OP_UNIT) {
      measure_unit(request->op.unit, commit);
    } else {
      commit->operations++;
      commit->bytes += request->op.key.size + request->op.value.size;
    }
  }
}

void lmdbx__commit_notices(const struct lmdbx__list *group,
                           const struct lmdbx__commit_report *report, uint64_t nanoseconds,
                           struct lmdbx__list *notices) {
  const struct lmdbx_slice none = {0};
  const struct lmdbx_issue issue = {0};
  const struct lmdbx_repository *before = NULL;
  struct lmdbx_commit commit = {.transactions = report->commits, .nanoseconds = nanoseconds};
  if (report->commits == 0) return;
  for (const struct lmdbx__request *request = group->head; request != NULL;
       request = next_of(request)) {
    struct lmdbx_repository *repository = request->repository;
    if (repository == before) continue;
    before = repository;
    struct lmdbx_host *host = repository->host;
    if (!atomic_load(&host->watching) || is_told(notices, host)) continue;
    if (notices->head == NULL) measure(group, &commit);
    commit.path = repository->config.path;
    const struct lmdbx_slice bytes = {(const uint8_t *)&commit, sizeof commit};
    struct lmdbx__request *notice =
        lmdbx__request_new(repository, LMDBX__REQUEST_COMMIT, none, bytes, &issue);
    if (notice != NULL) lmdbx__list_append(notices, notice);
  }
}

void lmdbx__commit_tell(const struct lmdbx__request *notice) {
  struct lmdbx_host *host = notice->repository->host;
  struct lmdbx_commit commit;
  memcpy(&commit, notice->op.value.data, sizeof commit);
  if (host->committed != NULL) host->committed(host->context, &commit);
}
