/* One clock, and waiting by it. */
#include "store/store.h"

#include <errno.h>
#include <time.h>

#define NANOSECONDS_PER_SECOND UINT64_C(1000000000)

uint64_t lmdbx__now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * NANOSECONDS_PER_SECOND + (uint64_t)now.tv_nsec;
}

int lmdbx__condition_init(pthread_cond_t *condition) {
  pthread_condattr_t attributes;
  int rc = pthread_condattr_init(&attributes);
  if (rc != 0) return rc;
  rc = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  if (rc == 0) rc = pthread_cond_init(condition, &attributes);
  pthread_condattr_destroy(&attributes);
  return rc;
}

bool lmdbx__condition_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, uint64_t until) {
  const struct timespec end = {(time_t)(until / NANOSECONDS_PER_SECOND),
                               (long)(until % NANOSECONDS_PER_SECOND)};
  return pthread_cond_timedwait(condition, mutex, &end) != ETIMEDOUT;
}
