/* Groups of the writer: what goes into one commit, carried out, and handed back. */
#include "codec/frame.h"
#include "codec/key.h"
#include "queue/backup.h"
#include "queue/host.h"
#include "queue/repository.h"
#include "queue/request.h"
#include "queue/scan.h"
#include "queue/unit.h"
#include "queue/writer.h"

#include <stdlib.h>

/* One group: bounds the pages a transaction dirties (LMDB's limit is 131,072),
 * and the time until the first of a long queue is reported. */
#define GROUP_OPERATIONS 16384
#define GROUP_BYTES ((size_t)16 * 1024 * 1024)

void lmdbx__group_take(struct lmdbx__writer *writer, struct lmdbx__list *group,
                       struct lmdbx__taken *taken) {
  while (writer->queue.head != NULL && taken->requests < GROUP_OPERATIONS &&
         taken->bytes < GROUP_BYTES) {
    bool alone = writer->queue.head->type != LMDBX__REQUEST_OPERATION;
    if (alone && taken->requests > 0) return;
    struct lmdbx__request *request = lmdbx__list_take(&writer->queue);
    lmdbx__list_append(group, request);
    taken->requests++;
    taken->bytes += request->charge;
    if (alone) return;
  }
}

/* Compresses: before the writer lock is taken, but for what joins a group later. */
static int prepare(struct lmdbx__request *request, struct lmdbx_error *error) {
  if (request->op.type == LMDBX__OP_UNIT) lmdbx__unit_pack(request);
  if (request->op.type != LMDBX__OP_PUT) return LMDBX_OK;
  bool framed = false;
  struct lmdbx_buffer frame = {0};
  int code = lmdbx__frame_pack(request->op.value, request->repository->config.compression, &frame,
                               &framed, error);
  if (code != LMDBX_OK || !framed) {
    lmdbx_buffer_free(&frame);
    return code;
  }
  free(request->packed);
  request->packed = frame.data;
  request->op.value = (struct lmdbx_slice){frame.data, frame.size};
  return LMDBX_OK;
}

/* A group of operations under way. */
struct growing {
  struct lmdbx__list sound, failed;
  struct lmdbx__gatherer gatherer;
};

/* Sorts requests by whether they can be carried out; returns how many can. */
static size_t sort(struct growing *growing, struct lmdbx__list *requests) {
  struct lmdbx__request *request;
  size_t sound = 0;
  while ((request = lmdbx__list_take(requests)) != NULL) {
    struct lmdbx_error error = {0};
    int code = prepare(request, &error);
    if (code != LMDBX_OK) lmdbx__request_fail(request, &error);
    if (code == LMDBX_OK) sound++;
    lmdbx__list_append(code == LMDBX_OK ? &growing->sound : &growing->failed, request);
  }
  return sound;
}

static size_t grow(void *context) {
  struct growing *growing = context;
  struct lmdbx__list more;
  size_t sound = 0;
  do {
    more = (struct lmdbx__list){0};
    lmdbx__gatherer_take(&growing->gatherer, &more);
    if (more.head == NULL) return 0;
    sound = sort(growing, &more);
  } while (sound == 0);
  return sound;
}

static void commit_operations(struct lmdbx_host *self, struct lmdbx__writer *writer,
                              struct lmdbx__list *group, const struct lmdbx__taken *taken,
                              struct lmdbx__commit_report *report) {
  uint64_t now = lmdbx__now_ns();
  struct growing growing = {.gatherer = {self, writer, *taken, now, now}};
  const struct lmdbx__feed feed = {grow, &growing};
  if (sort(&growing, group) > 0)
    lmdbx__commit_fed(writer->env, &growing.sound.head->op, &feed, report);
  for (struct lmdbx__request *request = growing.sound.head; request != NULL;
       request = lmdbx__request_next(request)) {
    lmdbx__request_unpack(request);
  }
  lmdbx__list_join(group, &growing.sound);
  lmdbx__list_join(group, &growing.failed);
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

/* --------------------------------------------------------------- clearing */

struct clearing {
  const struct lmdbx_host *self;
  size_t prefix_size;
};

static bool belongs_to_tenant(void *context, struct lmdbx_slice key) {
  return lmdbx__key_belongs(key, ((const struct clearing *)context)->prefix_size);
}

/* Records and what is the package's own, in the main database. */
static bool belongs_to_us(void *context, struct lmdbx_slice key) {
  (void)context;
  size_t tenant_size;
  return key.data[0] == LMDBX__KEY_INTERNAL_BYTE || lmdbx__key_split(key, &tenant_size);
}

static bool host_stops(void *context) {
  return atomic_load(&((const struct clearing *)context)->self->stopping);
}

/* A stopping worker leaves what is not its own host's to another one. */
static void put_at_head(struct lmdbx__writer *writer, struct lmdbx__list *group) {
  pthread_mutex_lock(&writer->mutex);
  lmdbx__list_join(group, &writer->queue);
  writer->queue = *group;
  pthread_mutex_unlock(&writer->mutex);
  *group = (struct lmdbx__list){0};
}

static void clear_records(struct lmdbx_host *self, struct lmdbx__writer *writer,
                          struct lmdbx__list *group, struct lmdbx__commit_report *report) {
  struct lmdbx__request *request = group->head;
  const struct lmdbx_repository *repository = request->repository;
  struct clearing clearing = {self, request->op.key.size};
  struct lmdbx__clear clear = {
      .dbi = request->op.dbi,
      .prefix = request->op.key,
      .belongs = belongs_to_tenant,
      .stop = host_stops,
      .context = &clearing,
  };
  if (request->op.key.size == 0)
    clear.belongs = repository->config.name == NULL ? belongs_to_us : NULL;
  struct lmdbx_error error = {0};
  int code = lmdbx__clear(writer->env, &clear, &request->removed, &error);
  if (code == LMDBX_ABORTED && repository->host != self) {
    put_at_head(writer, group);
    return;
  }
  if (code != LMDBX_OK) lmdbx__request_fail(request, &error);
  report->commits = request->removed > 0;
  report->operations = request->removed;
}

void lmdbx__group_run(struct lmdbx_host *self, struct lmdbx__writer *writer,
                      struct lmdbx__list *group, const struct lmdbx__taken *taken,
                      struct lmdbx__commit_report *report) {
  switch (group->head->type) {
  case LMDBX__REQUEST_SCAN: begin_scan(writer, group->head); break;
  case LMDBX__REQUEST_CLEAR: clear_records(self, writer, group, report); break;
  case LMDBX__REQUEST_CREATE: create_database(writer, group->head); break;
  case LMDBX__REQUEST_BACKUP: lmdbx__backup_begin(group->head); break;
  default: commit_operations(self, writer, group, taken, report);
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
