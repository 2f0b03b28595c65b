/* Requests: made from what the owner thread passes in, freed anywhere. */
#include "queue/request.h"
#include "codec/checkpoint.h"
#include "codec/frame.h"
#include "queue/backup.h"
#include "queue/repository.h"
#include "queue/scan.h"
#include "queue/unit.h"

#include <stdlib.h>
#include <string.h>

/* A buffer of so much is worth more than a copy. */
#define TAKEN_SIZE ((size_t)16 * 1024)

struct lmdbx__request *lmdbx__request_new(struct lmdbx_repository *repository,
                                          enum lmdbx__request_type type, struct lmdbx_slice key,
                                          struct lmdbx_slice value,
                                          const struct lmdbx_issue *issue) {
  size_t key_size = key.size;
  struct lmdbx__request *request = malloc(sizeof *request + key_size + value.size);
  if (request == NULL) return NULL;
  *request = (struct lmdbx__request){
      .type = type,
      .repository = repository,
      .done = issue->done,
      .user = issue->user,
      .charge = (uint32_t)(sizeof *request + key_size + value.size),
  };
  if (key_size > 0) memcpy(request->bytes, key.data, key_size);
  if (value.size > 0) memcpy(request->bytes + key_size, value.data, value.size);
  request->op.key = (struct lmdbx_slice){request->bytes, key_size};
  request->op.value = (struct lmdbx_slice){request->bytes + key_size, value.size};
  atomic_fetch_add(&repository->references, 1);
  return request;
}

void lmdbx__request_use(struct lmdbx__request *request) {
  request->holds_use = true;
  atomic_fetch_add(&request->repository->uses, 1);
}

void lmdbx__request_unuse(struct lmdbx__request *request) {
  if (!request->holds_use) return;
  request->holds_use = false;
  lmdbx__repository_unuse(request->repository);
}

void lmdbx__request_free(struct lmdbx__request *request) {
  if (request->type == LMDBX__REQUEST_SCAN) {
    if (request->scan != NULL) lmdbx__scan_free(request->scan);
  } else if (request->type == LMDBX__REQUEST_BACKUP) {
    lmdbx__backup_free(request->backup);
  } else if (request->op.type == LMDBX__OP_UNIT) {
    lmdbx__steps_free(request->steps);
  } else if (request->type == LMDBX__REQUEST_OPERATION) {
    free(request->packed);
  }
  lmdbx_buffer_free(&request->op.result);
  lmdbx_error_free(request->op.error);
  lmdbx__request_unuse(request);
  lmdbx__repository_unref(request->repository);
  free(request);
}

void lmdbx__request_fail(struct lmdbx__request *request, const struct lmdbx_error *error) {
  if (request->op.error == NULL) request->op.error = lmdbx_error_copy(error);
}

void lmdbx__request_abort(struct lmdbx__request *request) {
  struct lmdbx_error error;
  lmdbx_error_set(&error, LMDBX_ABORTED, 0,
                  "the runtime's thread pool gave no thread; nothing was done, try again");
  lmdbx__request_fail(request, &error);
  lmdbx__unit_lose_fence(request);
}

bool lmdbx__request_is_write(const struct lmdbx__request *request) {
  return request->type == LMDBX__REQUEST_CLEAR ||
         (request->type == LMDBX__REQUEST_OPERATION && lmdbx__op_writes(&request->op));
}

void lmdbx__request_unpack(struct lmdbx__request *request) {
  struct lmdbx_slice stored = {request->op.result.data, request->op.result.size};
  if (request->op.type != LMDBX__OP_GET || request->stored || !request->op.found ||
      !lmdbx__frame_is(stored)) {
    return;
  }
  struct lmdbx_buffer plain = {0};
  struct lmdbx_error error = {0};
  if (lmdbx__frame_unpack(stored, LMDBX_MAX_VALUE_SIZE, &plain, &error) != LMDBX_OK) {
    lmdbx__request_fail(request, &error);
  }
  lmdbx_buffer_free(&request->op.result);
  request->op.result = plain;
}

/* ----------------------------------------------------------- point requests */

/* Longer keys than any build of LMDB can hold name no record; saying so beats
 * answering "not found" to what is surely a mistake. put's own, smaller limit is
 * the environment's and is checked when the group commits. */
static int check_key(const char *doing, struct lmdbx_slice key, struct lmdbx_error *error) {
  if (key.size <= LMDBX_MAX_STORED_KEY) return LMDBX_OK;
  return lmdbx_error_set(error, LMDBX_KEY_TOO_LARGE, 0,
                         "%s: the stored key (tenant, colon, JSON) has %zu bytes, the limit is %d; "
                         "use a shorter key, or a hash of it",
                         doing, key.size, LMDBX_MAX_STORED_KEY);
}

/* owned: memory of value, which becomes the request's if that is accepted; or NULL. */
static int issue_owning(struct lmdbx_repository *repository, enum lmdbx__op_type type, bool stored,
                        struct lmdbx_slice key, struct lmdbx_slice value, uint8_t *owned,
                        const struct lmdbx_issue *issue, struct lmdbx_error *error) {
  static const char *const names[] = {
      [LMDBX__OP_PUT] = "put", [LMDBX__OP_DELETE] = "delete",       [LMDBX__OP_GET] = "get",
      [LMDBX__OP_HAS] = "has", [LMDBX__OP_COLLECT] = "checkpoints",
  };
  int code = check_key(names[type], key, error);
  if (code != LMDBX_OK) return code;
  const struct lmdbx_slice none = {0};
  struct lmdbx__request *request = lmdbx__request_new(repository, LMDBX__REQUEST_OPERATION, key,
                                                      owned != NULL ? none : value, issue);
  if (request == NULL) {
    return lmdbx_error_set(error, LMDBX_NO_MEMORY, 0, "%s: memory ran out; nothing was done",
                           names[type]);
  }
  request->op.type = type;
  request->stored = stored;
  if (owned != NULL) {
    request->packed = owned;
    request->op.value = value;
    request->charge += (uint32_t)value.size;
  }
  code = lmdbx__repository_accept(request, issue, error);
  if (code == LMDBX_OK) return LMDBX_OK;
  if (owned != NULL) request->packed = NULL;
  lmdbx__request_free(request);
  return code;
}

static int issue_operation(struct lmdbx_repository *repository, enum lmdbx__op_type type,
                           bool stored, struct lmdbx_slice key, struct lmdbx_slice value,
                           const struct lmdbx_issue *issue, struct lmdbx_error *error) {
  return issue_owning(repository, type, stored, key, value, NULL, issue, error);
}

int lmdbx_get(struct lmdbx_repository *repository, struct lmdbx_slice key,
              const struct lmdbx_issue *issue, struct lmdbx_error *error) {
  const struct lmdbx_slice none = {0};
  return issue_operation(repository, LMDBX__OP_GET, false, key, none, issue, error);
}

int lmdbx_has(struct lmdbx_repository *repository, struct lmdbx_slice key,
              const struct lmdbx_issue *issue, struct lmdbx_error *error) {
  const struct lmdbx_slice none = {0};
  return issue_operation(repository, LMDBX__OP_HAS, false, key, none, issue, error);
}

static int check_value(struct lmdbx_slice value, struct lmdbx_error *error) {
  if (value.size <= LMDBX_MAX_VALUE_SIZE) return LMDBX_OK;
  return lmdbx_error_set(error, LMDBX_VALUE_TOO_LARGE, 0,
                         "put: the encoded value has %zu bytes, the limit is %zu; split it",
                         value.size, LMDBX_MAX_VALUE_SIZE);
}

int lmdbx_put(struct lmdbx_repository *repository, struct lmdbx_slice key, struct lmdbx_slice value,
              const struct lmdbx_issue *issue, struct lmdbx_error *error) {
  int code = check_value(value, error);
  if (code != LMDBX_OK) return code;
  return issue_operation(repository, LMDBX__OP_PUT, false, key, value, issue, error);
}

/* Gives back what a buffer has more than it needs: what is queued is charged for by its
 * size. */
static void trim(struct lmdbx_buffer *buffer) {
  uint8_t *data = realloc(buffer->data, buffer->size);
  if (data == NULL) return;
  buffer->data = data;
  buffer->capacity = buffer->size;
}

int lmdbx_put_buffer(struct lmdbx_repository *repository, struct lmdbx_slice key,
                     struct lmdbx_buffer *value, const struct lmdbx_issue *issue,
                     struct lmdbx_error *error) {
  if (value->size >= TAKEN_SIZE) trim(value);
  const struct lmdbx_slice bytes = {value->data, value->size};
  int code = check_value(bytes, error);
  if (code != LMDBX_OK) return code;
  if (value->size < TAKEN_SIZE)
    return issue_operation(repository, LMDBX__OP_PUT, false, key, bytes, issue, error);
  code = issue_owning(repository, LMDBX__OP_PUT, false, key, bytes, value->data, issue, error);
  if (code == LMDBX_OK) *value = (struct lmdbx_buffer){0};
  return code;
}

int lmdbx_delete(struct lmdbx_repository *repository, struct lmdbx_slice key,
                 const struct lmdbx_issue *issue, struct lmdbx_error *error) {
  const struct lmdbx_slice none = {0};
  return issue_operation(repository, LMDBX__OP_DELETE, false, key, none, issue, error);
}

int lmdbx_get_stored(struct lmdbx_repository *repository, struct lmdbx_slice key,
                     const struct lmdbx_issue *issue, struct lmdbx_error *error) {
  const struct lmdbx_slice none = {0};
  return issue_operation(repository, LMDBX__OP_GET, true, key, none, issue, error);
}

int lmdbx_get_checkpoint(struct lmdbx_repository *repository, struct lmdbx_slice name,
                         const struct lmdbx_issue *issue, struct lmdbx_error *error) {
  const struct lmdbx_slice none = {0};
  struct lmdbx_buffer key = {0};
  int code = lmdbx__checkpoint_key(name, &key, error);
  if (code == LMDBX_OK) {
    const struct lmdbx_slice stored_key = {key.data, key.size};
    code = issue_operation(repository, LMDBX__OP_GET, true, stored_key, none, issue, error);
  }
  lmdbx_buffer_free(&key);
  return code;
}

int lmdbx_checkpoints(struct lmdbx_repository *repository, const struct lmdbx_issue *issue,
                      struct lmdbx_error *error) {
  const struct lmdbx_slice none = {0};
  return issue_operation(repository, LMDBX__OP_COLLECT, false, lmdbx__checkpoint_prefix(), none,
                         issue, error);
}

bool lmdbx_checkpoints_next(struct lmdbx_slice *value, struct lmdbx_slice *name,
                            struct lmdbx_slice *position) {
  struct lmdbx_slice key;
  while (lmdbx__collected(value, &key, position)) {
    if (lmdbx__checkpoint_name(key, name) && lmdbx__checkpoint_is_position(*position)) return true;
  }
  return false;
}

static int issue_clear(struct lmdbx_repository *repository, struct lmdbx_slice prefix,
                       const struct lmdbx_issue *issue, struct lmdbx_error *error) {
  const struct lmdbx_slice none = {0};
  struct lmdbx__request *request =
      lmdbx__request_new(repository, LMDBX__REQUEST_CLEAR, prefix, none, issue);
  if (request == NULL) {
    return lmdbx_error_set(error, LMDBX_NO_MEMORY, 0, "clear: memory ran out; nothing was done");
  }
  int code = lmdbx__repository_accept(request, issue, error);
  if (code != LMDBX_OK) lmdbx__request_free(request);
  return code;
}

int lmdbx_clear(struct lmdbx_repository *repository, struct lmdbx_slice prefix,
                const struct lmdbx_issue *issue, struct lmdbx_error *error) {
  return issue_clear(repository, prefix, issue, error);
}

int lmdbx_reset(struct lmdbx_repository *repository, const struct lmdbx_issue *issue,
                struct lmdbx_error *error) {
  const struct lmdbx_slice everything = {0};
  return issue_clear(repository, everything, issue, error);
}
