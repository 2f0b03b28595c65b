/* Backups: a copy of the file in parts, a job a part, so that others get the pool's
 * threads in between, and closing and exit need not wait for all of it. */
#include "queue/backup.h"
#include "queue/host.h"
#include "queue/repository.h"
#include "queue/request.h"

#include <stdlib.h>
#include <string.h>

/* How long a part takes. */
#define PART_MS 50

struct lmdbx_backup {
  struct lmdbx_repository *repository; /* counted */
  pthread_mutex_t mutex;               /* held during a part; guards the copy */
  struct lmdbx__copy *copy; /* from its moment on; it makes no file before the next part */
  bool holds_use;           /* of the environment, from its moment on */
  bool compact;
  bool idle; /* between two parts; its owner's */
  bool complete;
  bool abandoned; /* its next part ends it */
  bool closed;    /* since the repository is closed */
  uint64_t bytes, total;
  struct lmdbx_backup *next, **link; /* in repository->backups, behind its first part */
  char target[];
};

void lmdbx__backup_free(struct lmdbx_backup *backup) {
  if (backup == NULL) return;
  lmdbx__copy_free(backup->copy);
  if (backup->holds_use) lmdbx__repository_unuse(backup->repository);
  lmdbx__repository_unref(backup->repository);
  pthread_mutex_destroy(&backup->mutex);
  free(backup);
}

/* -------------------------------------------------------------- pool thread */

void lmdbx__backup_begin(struct lmdbx__request *request) {
  struct lmdbx_backup *backup = request->backup;
  struct lmdbx_error error = {0};
  const struct lmdbx__copy_options options = {backup->target, backup->compact};
  if (lmdbx__copy_begin(backup->repository->env, &options, &backup->copy, &error) != LMDBX_OK) {
    lmdbx__request_fail(request, &error);
    return;
  }
  backup->holds_use = true;
  atomic_fetch_add(&backup->repository->uses, 1);
  lmdbx__copy_progress(backup->copy, &backup->bytes, &backup->total);
}

/* By a pool thread, since removing a large file may take long, unless the host stops. */
static void end(struct lmdbx_backup *backup) {
  lmdbx__copy_free(backup->copy);
  backup->copy = NULL;
}

static int abandon(struct lmdbx_backup *backup, struct lmdbx_error *error) {
  end(backup);
  if (!backup->closed) return LMDBX_OK;
  return lmdbx_error_set(error, LMDBX_CLOSED, 0,
                         "backup: the repository at %s was closed meanwhile; nothing is left of it",
                         backup->repository->config.path);
}

static int stopped_error(struct lmdbx_error *error) {
  return lmdbx_error_set(error, LMDBX_ABORTED, 0,
                         "backup: the process or thread ends; nothing is left of it");
}

static int go_on(struct lmdbx_backup *backup, struct lmdbx_host *host, struct lmdbx_error *error) {
  if (backup->abandoned) return abandon(backup, error);
  if (backup->copy == NULL) return stopped_error(error);
  int code = lmdbx__copy_go_on(backup->copy, PART_MS, &host->stopping, &backup->complete, error);
  lmdbx__copy_progress(backup->copy, &backup->bytes, &backup->total);
  bool stopped = code == LMDBX_OK && !backup->complete && atomic_load(&host->stopping);
  if (code == LMDBX_OK && !backup->complete && !stopped) return LMDBX_OK;
  end(backup);
  return stopped ? stopped_error(error) : code;
}

static void part_run(struct lmdbx_job *job) {
  struct lmdbx__request_job *single = (struct lmdbx__request_job *)job;
  struct lmdbx_backup *backup = single->request->backup;
  struct lmdbx_error error = {0};
  pthread_mutex_lock(&backup->mutex);
  int code = go_on(backup, job->host, &error);
  pthread_mutex_unlock(&backup->mutex);
  if (code != LMDBX_OK) lmdbx__request_fail(single->request, &error);
  lmdbx__request_job_post(single);
}

/* ------------------------------------------------------------- owner thread */

static void link_backup(struct lmdbx_backup *backup) {
  struct lmdbx_repository *repository = backup->repository;
  backup->next = repository->backups;
  backup->link = &repository->backups;
  if (backup->next != NULL) backup->next->link = &backup->next;
  repository->backups = backup;
}

static void unlink_backup(struct lmdbx_backup *backup) {
  if (backup->link == NULL) return;
  *backup->link = backup->next;
  if (backup->next != NULL) backup->next->link = backup->link;
  backup->next = NULL;
  backup->link = NULL;
}

void lmdbx__backup_report(struct lmdbx__request *request, struct lmdbx_result *result) {
  struct lmdbx_backup *backup = request->backup;
  struct lmdbx_error error;
  bool over = request->op.error != NULL || backup->complete || backup->abandoned;
  result->bytes = backup->bytes;
  result->total = backup->total;
  if (!over && atomic_load(&backup->repository->host->stopping)) {
    stopped_error(&error);
    lmdbx__request_fail(request, &error);
    result->error = request->op.error;
    over = true;
  }
  if (over) {
    unlink_backup(backup); /* the request frees it */
    return;
  }
  result->backup = backup;
  request->backup = NULL;
  backup->idle = true;
  if (backup->link == NULL) link_backup(backup);
}

/* Those that are idle stay for their owners to release, without a use; the others end
 * with their parts. */
void lmdbx__backups_end(struct lmdbx_repository *repository) {
  struct lmdbx_backup *backup;
  while ((backup = repository->backups) != NULL) {
    pthread_mutex_lock(&backup->mutex);
    end(backup);
    pthread_mutex_unlock(&backup->mutex);
    if (backup->idle && backup->holds_use) {
      backup->holds_use = false;
      lmdbx__repository_unuse(repository);
    }
    unlink_backup(backup);
  }
}

static struct lmdbx__request *request_of(struct lmdbx_backup *backup,
                                         const struct lmdbx_issue *issue) {
  const struct lmdbx_slice none = {0};
  struct lmdbx__request *request =
      lmdbx__request_new(backup->repository, LMDBX__REQUEST_BACKUP, none, none, issue);
  if (request != NULL) request->backup = backup;
  return request;
}

static int no_memory(struct lmdbx_error *error) {
  return lmdbx_error_set(error, LMDBX_NO_MEMORY, 0, "backup: memory ran out; try again");
}

int lmdbx_backup(struct lmdbx_repository *repository, struct lmdbx_slice target, bool compact,
                 const struct lmdbx_issue *issue, struct lmdbx_error *error) {
  struct lmdbx_backup *backup = calloc(1, sizeof *backup + target.size + 1);
  if (backup == NULL || pthread_mutex_init(&backup->mutex, NULL) != 0) {
    free(backup);
    return no_memory(error);
  }
  memcpy(backup->target, target.data, target.size);
  backup->compact = compact;
  backup->repository = repository;
  atomic_fetch_add(&repository->references, 1);
  struct lmdbx__request *request = request_of(backup, issue);
  if (request == NULL) {
    lmdbx__backup_free(backup);
    return no_memory(error);
  }
  int code = lmdbx__repository_accept(request, issue, error);
  if (code != LMDBX_OK) lmdbx__request_free(request);
  return code;
}

int lmdbx_backup_next(struct lmdbx_backup *backup, bool abandoned, const struct lmdbx_issue *issue,
                      struct lmdbx_error *error) {
  struct lmdbx_repository *repository = backup->repository;
  struct lmdbx__request *request = request_of(backup, issue);
  if (request == NULL) return no_memory(error);
  backup->closed = repository->closed && !abandoned;
  backup->abandoned = abandoned || backup->closed;
  backup->idle = false;
  lmdbx__repository_book_in(request);
  lmdbx__request_job_submit(request, part_run, lmdbx__request_job_cancel);
  return LMDBX_OK;
}

void lmdbx_backup_release(struct lmdbx_backup *backup) {
  struct lmdbx_repository *repository = backup->repository;
  bool alive = !repository->host->dead; /* set on this thread */
  atomic_fetch_add(&repository->references, 1);
  unlink_backup(backup);
  lmdbx__backup_free(backup);
  if (alive) lmdbx__repository_settle(repository);
  lmdbx__repository_unref(repository);
}
