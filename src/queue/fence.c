/* Fences: no unit of a checkpoint overtakes one that failed. */
#include "queue/repository.h"
#include "queue/request.h"
#include "queue/unit.h"

#include <stdlib.h>
#include <string.h>

void lmdbx__fence_unref(struct lmdbx__fence *fence) {
  if (atomic_fetch_sub(&fence->references, 1) == 1) free(fence);
}

static void fence_unlink(struct lmdbx__fence *fence) {
  if (fence->link == NULL) return;
  *fence->link = fence->next;
  if (fence->next != NULL) fence->next->link = fence->link;
  fence->link = NULL;
  lmdbx__fence_unref(fence);
}

void lmdbx__fences_free(struct lmdbx_repository *repository) {
  while (repository->fences != NULL) fence_unlink(repository->fences);
}

struct lmdbx__fence *lmdbx__fence_join(struct lmdbx_repository *repository,
                                       struct lmdbx_slice key) {
  struct lmdbx__fence *fence = repository->fences;
  while (fence != NULL &&
         (fence->key_size != key.size || memcmp(fence->key, key.data, key.size) != 0)) {
    fence = fence->next;
  }
  if (fence == NULL) {
    fence = calloc(1, sizeof *fence + key.size);
    if (fence == NULL) return NULL;
    atomic_init(&fence->references, 1);
    fence->key_size = key.size;
    memcpy(fence->key, key.data, key.size);
    fence->next = repository->fences;
    fence->link = &repository->fences;
    if (fence->next != NULL) fence->next->link = &fence->next;
    repository->fences = fence;
  }
  fence->units++;
  atomic_fetch_add(&fence->references, 1);
  return fence;
}

void lmdbx__unit_leave_fence(const struct lmdbx__request *request) {
  if (request->op.type != LMDBX__OP_UNIT || request->steps->fence == NULL) return;
  struct lmdbx__fence *fence = request->steps->fence;
  fence->units--;
  if (fence->units == 0 || request->op.error != NULL) fence_unlink(fence);
}

void lmdbx__unit_lose_fence(const struct lmdbx__request *request) {
  if (request->op.type != LMDBX__OP_UNIT || request->steps->fence == NULL) return;
  request->steps->fence->lost = true;
}
