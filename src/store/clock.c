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
#ifndef __APPLE__
  rc = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
#endif
  if (rc == 0) rc = pthread_cond_init(condition, &attributes);
  pthread_condattr_destroy(&attributes);
  return rc;
}

static struct timespec timespec_of(uint64_t nanoseconds) {
  return (struct timespec){(time_t)(nanoseconds / NANOSECONDS_PER_SECOND),
                           (long)(nanoseconds % NANOSECONDS_PER_SECOND)};
}

void lmdbx__pause(uint64_t nanoseconds) {
  const struct timespec time = timespec_of(nanoseconds);
  (void)nanosleep(&time, NULL);
}

bool lmdbx__condition_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, uint64_t until) {
#ifdef __APPLE__
  /* Its conditions know no clock but that of the day; they also wait for a length of time. */
  uint64_t now = lmdbx__now_ns();
  const struct timespec length = timespec_of(until > now ? until - now : 0);
  return pthread_cond_timedwait_relative_np(condition, mutex, &length) != ETIMEDOUT;
#else
  const struct timespec end = timespec_of(until);
  return pthread_cond_timedwait(condition, mutex, &end) != ETIMEDOUT;
#endif
}
