/* Repositories: opening and closing. */
#include "queue/repository.h"
#include "queue/host.h"
#include "queue/request.h"
#include "queue/scan.h"
#include "queue/snapshot.h"
#include "queue/unit.h"
#include "queue/writer.h"

#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- lifetimes */

void lmdbx__repository_unref(struct lmdbx_repository *repository) {
  if (atomic_fetch_sub(&repository->references, 1) != 1) return;
  lmdbx__config_free(&repository->config);
  lmdbx_error_free(repository->open_error);
  lmdbx__fences_free(repository);
  lmdbx__host_unref(repository->host);
  free(repository);
}

void lmdbx__repository_unuse(struct lmdbx_repository *repository) {
  if (atomic_fetch_sub(&repository->uses, 1) != 1) return;
  if (repository->env != NULL) lmdbx__env_release(repository->env);
}

void lmdbx__repository_let_go(struct lmdbx_repository *repository) {
  if (atomic_exchange(&repository->holds_use, false)) lmdbx__repository_unuse(repository);
}

static void link_repository(struct lmdbx_repository *repository) {
  struct lmdbx_host *host = repository->host;
  repository->next = host->repositories;
  repository->link = &host->repositories;
  if (repository->next != NULL) repository->next->link = &repository->next;
  host->repositories = repository;
}

/* Takes the repository off its host's list, which held the caller's reference.
 * Once: a release during close() finds it already done when closing ends. */
static void unlink_repository(struct lmdbx_repository *repository) {
  if (repository->link == NULL) return;
  *repository->link = repository->next;
  if (repository->next != NULL) repository->next->link = repository->link;
  repository->link = NULL;
  lmdbx__repository_unref(repository);
}

const char *lmdbx_repository_path(const struct lmdbx_repository *repository) {
  return repository->config.path;
}

enum lmdbx_encoding lmdbx_repository_encoding(const struct lmdbx_repository *repository) {
  return repository->config.encoding;
}

/* ------------------------------------------------- jobs of one request alone */

void lmdbx__request_job_post(struct lmdbx__request_job *single) {
  struct lmdbx__list list = {0};
  lmdbx__list_append(&list, single->request);
  single->request = NULL;
  lmdbx__host_post(single->job.host, &list, false);
}

void lmdbx__request_job_cancel(struct lmdbx_job *job) {
  struct lmdbx__request_job *single = (struct lmdbx__request_job *)job;
  lmdbx__request_abort(single->request);
  lmdbx__request_job_post(single);
}

static void single_destroy(struct lmdbx_job *job) {
  free(job);
}

void lmdbx__request_job_submit(struct lmdbx__request *request, void (*run)(struct lmdbx_job *),
                               void (*cancel)(struct lmdbx_job *)) {
  struct lmdbx_host *host = request->repository->host;
  struct lmdbx__request_job *single = calloc(1, sizeof *single);
  if (single == NULL) {
    struct lmdbx__list list = {0};
    struct lmdbx_error error;
    lmdbx_error_set(&error, LMDBX_NO_MEMORY, 0, "starting a job: memory ran out");
    lmdbx__request_fail(request, &error);
    lmdbx__list_append(&list, request);
    lmdbx__host_post(host, &list, true);
    return;
  }
  single->request = request;
  single->job.run = run;
  single->job.cancel = cancel;
  single->job.destroy = single_destroy;
  lmdbx__job_submit(host, &single->job);
}

/* ------------------------------------------------------------------ opening */

static void open_run(struct lmdbx_job *job) {
  struct lmdbx__request_job *single = (struct lmdbx__request_job *)job;
  struct lmdbx_repository *repository = single->request->repository;
  const struct lmdbx_config *config = &repository->config;
  if (atomic_load(&job->host->stopping)) { /* directories of a process that ends stay as they are */
    lmdbx__request_job_cancel(job);
    return;
  }
  const struct lmdbx__env_options options = {
      .path = config->path,
      .map_size = config->map_size,
      .max_readers = config->max_readers,
      .read_only = config->read_only,
  };
  struct lmdbx_error error = {0};
  int code = lmdbx__env_acquire(&options, &lmdbx__writer_companion, &repository->env, &error);
  if (code == LMDBX_OK) {
    lmdbx__env_catch_up(repository->env);
    code = lmdbx__db_find(repository->env, config->name, &repository->dbi, &error);
    if (code == LMDBX_NOT_FOUND && !config->read_only) {
      single->request->type = LMDBX__REQUEST_CREATE;
      code = LMDBX_OK;
    }
  }
  if (code != LMDBX_OK) lmdbx__request_fail(single->request, &error);
  lmdbx__request_job_post(single);
}

void lmdbx__openings_next(struct lmdbx_host *host) {
  struct lmdbx__request *request = lmdbx__list_take(&host->openings);
  host->opening = request != NULL;
  if (request != NULL) lmdbx__request_job_submit(request, open_run, lmdbx__request_job_cancel);
}

int lmdbx_open(struct lmdbx_host *host, struct lmdbx_slice config, struct lmdbx_repository **out,
               struct lmdbx_error *error) {
  struct lmdbx_repository *repository = calloc(1, sizeof *repository);
  if (repository == NULL) {
    return lmdbx_error_set(error, LMDBX_NO_MEMORY, 0, "opening a repository: memory ran out");
  }
  int code = lmdbx__config_parse(config, &repository->config, error);
  if (code != LMDBX_OK) {
    free(repository);
    return code;
  }
  atomic_init(&repository->references, 1);
  atomic_init(&repository->uses, 1);
  atomic_init(&repository->holds_use, true);
  atomic_fetch_add(&host->references, 1);
  repository->host = host;
  link_repository(repository);

  const struct lmdbx_slice none = {0};
  const struct lmdbx_issue issue = {0};
  struct lmdbx__request *request =
      lmdbx__request_new(repository, LMDBX__REQUEST_OPEN, none, none, &issue);
  if (request == NULL) {
    unlink_repository(repository);
    return lmdbx_error_set(error, LMDBX_NO_MEMORY, 0, "opening a repository: memory ran out");
  }
  lmdbx__request_use(request);
  lmdbx__list_append(&host->openings, request);
  if (!host->opening) lmdbx__openings_next(host);
  *out = repository;
  return LMDBX_OK;
}

/* ------------------------------------------------------------------ closing */

static void close_run(struct lmdbx_job *job) {
  struct lmdbx__request_job *single = (struct lmdbx__request_job *)job;
  lmdbx__repository_let_go(single->request->repository);
  lmdbx__request_job_post(single);
}

void lmdbx__repository_settle(struct lmdbx_repository *repository) {
  if (!repository->closed || repository->pending > 0 || repository->state == LMDBX__OPENING) return;
  if (repository->backups != NULL) return;
  struct lmdbx__request *closing = repository->closing;
  repository->closing = NULL;
  if (closing != NULL) {
    lmdbx__request_job_submit(closing, close_run, close_run);
  } else if (repository->released) {
    lmdbx__repository_let_go(repository);
  }
  if (repository->released) unlink_repository(repository);
}

void lmdbx_repository_release(struct lmdbx_repository *repository) {
  repository->closed = true;
  repository->released = true;
  lmdbx__scans_end(repository);
  lmdbx__snapshots_end(repository, false);
  if (repository->host->dead) { /* set on this thread */
    unlink_repository(repository);
  } else {
    lmdbx__repository_settle(repository);
  }
}

void lmdbx__repository_end(struct lmdbx_repository *repository) {
  repository->closed = true;
  lmdbx__list_free(&repository->parked);
  lmdbx__scans_end(repository);
  lmdbx__snapshots_end(repository, true);
  if (repository->closing != NULL) lmdbx__request_free(repository->closing);
  repository->closing = NULL;
  lmdbx__repository_let_go(repository);
  if (repository->released) unlink_repository(repository);
}

int lmdbx_close(struct lmdbx_repository *repository, const struct lmdbx_issue *issue,
                struct lmdbx_error *error) {
  if (repository->closed) {
    return lmdbx_error_set(error, LMDBX_CLOSED, 0, "close: the repository is closed");
  }
  const struct lmdbx_slice none = {0};
  struct lmdbx__request *request =
      lmdbx__request_new(repository, LMDBX__REQUEST_CLOSE, none, none, issue);
  if (request == NULL) {
    return lmdbx_error_set(error, LMDBX_NO_MEMORY, 0, "close: memory ran out; try again");
  }
  repository->closed = true;
  repository->closing = request;
  lmdbx__host_pending(repository->host, 1);
  lmdbx__scans_end(repository);
  lmdbx__snapshots_end(repository, false);
  lmdbx__repository_settle(repository);
  return LMDBX_OK;
}

int lmdbx_ready(struct lmdbx_repository *repository, const struct lmdbx_issue *issue,
                struct lmdbx_error *error) {
  const struct lmdbx_slice none = {0};
  struct lmdbx__request *request =
      lmdbx__request_new(repository, LMDBX__REQUEST_READY, none, none, issue);
  if (request == NULL) {
    return lmdbx_error_set(error, LMDBX_NO_MEMORY, 0, "ready: memory ran out; try again");
  }
  int code = lmdbx__repository_accept(request, issue, error);
  if (code != LMDBX_OK) lmdbx__request_free(request);
  return code;
}
