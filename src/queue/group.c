/* Groups of the writer: what goes into one commit, carried out, and handed back. */
#include "queue/internal.h"

#include "codec/frame.h"

/* One group: bounds the pages a transaction dirties (LMDB's limit is 131,072),
 * and the time until the first of a long queue is reported. */
#define GROUP_OPERATIONS 16384
#define GROUP_BYTES ((size_t)64 * 1024 * 1024)
void lmdbx__group_take(struct lmdbx__writer *writer, struct lmdbx__list *group) {
  size_t operations = 0;
  size_t bytes = 0;
  while (writer->queue.head != NULL && operations < GROUP_OPERATIONS && bytes < GROUP_BYTES) {
    if (writer->queue.head->type != LMDBX__REQUEST_OPERATION && operations > 0) return;
    struct lmdbx__request *request = lmdbx__list_take(&writer->queue);
    lmdbx__list_append(group, request);
    operations++;
    bytes += request->op.key.size + request->op.value.size;
    if (request->type != LMDBX__REQUEST_OPERATION) return;
  }
}

/* Compresses before the writer lock is taken. */
static int prepare(struct lmdbx__request *request, struct lmdbx_error *error) {
  if (request->op.type != LMDBX__OP_PUT) return LMDBX_OK;
  bool framed = false;
  struct lmdbx_buffer frame = {0};
  int code = lmdbx__frame_pack(request->op.value, request->repository->config.compression, &frame,
                               &framed, error);
  if (code != LMDBX_OK || !framed) {
    lmdbx_buffer_free(&frame);
    return code;
  }
  request->packed = frame.data;
  request->op.value = (struct lmdbx_slice){frame.data, frame.size};
  return LMDBX_OK;
}

static void commit_operations(struct lmdbx__writer *writer, struct lmdbx__list *group,
                              struct lmdbx__commit_report *report) {
  struct lmdbx__list failed = {0};
  struct lmdbx__list sound = {0};
  struct lmdbx__request *request;
  while ((request = lmdbx__list_take(group)) != NULL) {
    struct lmdbx_error error = {0};
    int code = prepare(request, &error);
    if (code != LMDBX_OK) lmdbx__request_fail(request, &error);
    lmdbx__list_append(code == LMDBX_OK ? &sound : &failed, request);
  }
  if (sound.head != NULL) lmdbx__commit(writer->env, &sound.head->op, report);
  for (request = sound.head; request != NULL; request = lmdbx__request_next(request)) {
    lmdbx__request_unpack(request);
  }
  lmdbx__list_join(group, &sound);
  lmdbx__list_join(group, &failed);
}

/* A scan has come to the head of the queue: all writes before it are committed
 * and none behind it, so its moment is now. Its pages are read by jobs of their
 * own. */
static void begin_scan(struct lmdbx__writer *writer, struct lmdbx__request *request) {
  struct lmdbx_error error = {0};
  if (lmdbx__read_begin_wait(writer->env, &request->scan->read, &error) != LMDBX_OK) {
    lmdbx__request_fail(request, &error);
  }
}

/* Creates a named database, as a part of opening. */
static void create_database(struct lmdbx__writer *writer, struct lmdbx__request *request) {
  struct lmdbx_repository *repository = request->repository;
  struct lmdbx_error error = {0};
  if (lmdbx__db_open(writer->env, repository->config.name, &repository->dbi, &error) != LMDBX_OK) {
    lmdbx__request_fail(request, &error);
  }
  request->type = LMDBX__REQUEST_OPEN;
}

void lmdbx__group_run(struct lmdbx__writer *writer, struct lmdbx__list *group,
                      struct lmdbx__commit_report *report) {
  switch (group->head->type) {
  case LMDBX__REQUEST_SCAN: begin_scan(writer, group->head); break;
  case LMDBX__REQUEST_CREATE: create_database(writer, group->head); break;
  default: commit_operations(writer, group, report);
  }
}

void lmdbx__group_distribute(struct lmdbx_host *self, struct lmdbx__list *group,
                             struct lmdbx__list *own) {
  while (group->head != NULL) {
    struct lmdbx_host *host = group->head->repository->host;
    struct lmdbx__list run = {0};
    while (group->head != NULL && group->head->repository->host == host) {
      lmdbx__list_append(&run, lmdbx__list_take(group));
    }
    if (host == self) {
      lmdbx__list_join(own, &run);
    } else {
      lmdbx__host_post(host, &run, true);
    }
  }
}
