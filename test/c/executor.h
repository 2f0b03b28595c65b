/*
 * A runtime for tests of the queue: a pool of threads, and an owner thread that
 * is the test itself, running its loop while it waits.
 */
#ifndef LMDBX_TEST_EXECUTOR_H
#define LMDBX_TEST_EXECUTOR_H

#include "lmdbx.h"
#include "store/store.h"
#include "support.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define POOL_THREADS 2
#define MAX_JOBS 1024

struct executor {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  pthread_t threads[POOL_THREADS];
  struct lmdbx_job *waiting[MAX_JOBS], *done[MAX_JOBS];
  size_t waiting_count, done_count;
  bool stopping, woken, busy;
  bool refuse;      /* submit fails */
  bool hold;        /* pool threads take no job */
  bool turn_wanted; /* lmdbx_now_end has said so */
  size_t submitted;
  struct lmdbx_host *host;
};

static void *executor_thread(void *data) {
  struct executor *executor = data;
  pthread_mutex_lock(&executor->mutex);
  for (;;) {
    while (!executor->stopping && (executor->hold || executor->waiting_count == 0)) {
      pthread_cond_wait(&executor->changed, &executor->mutex);
    }
    if (executor->stopping) break;
    struct lmdbx_job *job = executor->waiting[0];
    executor->waiting_count--;
    for (size_t i = 0; i < executor->waiting_count; i++) {
      executor->waiting[i] = executor->waiting[i + 1];
    }
    pthread_mutex_unlock(&executor->mutex);
    lmdbx_job_run(job);
    pthread_mutex_lock(&executor->mutex);
    executor->done[executor->done_count++] = job;
    pthread_cond_broadcast(&executor->changed);
  }
  pthread_mutex_unlock(&executor->mutex);
  return NULL;
}

static int executor_submit(void *context, struct lmdbx_job *job) {
  struct executor *executor = context;
  pthread_mutex_lock(&executor->mutex);
  bool refuse = executor->refuse || executor->waiting_count == MAX_JOBS;
  if (!refuse) {
    executor->waiting[executor->waiting_count++] = job;
    executor->submitted++;
  }
  pthread_cond_broadcast(&executor->changed);
  pthread_mutex_unlock(&executor->mutex);
  return refuse ? -1 : 0;
}

static void executor_wake(void *context) {
  struct executor *executor = context;
  pthread_mutex_lock(&executor->mutex);
  executor->woken = true;
  pthread_cond_broadcast(&executor->changed);
  pthread_mutex_unlock(&executor->mutex);
}

static void executor_busy(void *context, bool busy) {
  ((struct executor *)context)->busy = busy;
}

static void executor_start(struct executor *executor) {
  static const struct lmdbx_executor calls = {executor_submit, executor_wake, executor_busy};
  *executor = (struct executor){0};
  pthread_mutex_init(&executor->mutex, NULL);
  pthread_cond_init(&executor->changed, NULL);
  for (size_t i = 0; i < POOL_THREADS; i++) {
    if (pthread_create(&executor->threads[i], NULL, executor_thread, executor) != 0) abort();
  }
  if (lmdbx_host_create(&calls, executor, POOL_THREADS, &executor->host, NULL) != LMDBX_OK) abort();
}

static void executor_deliver(struct executor *executor) {
  lmdbx_host_deliver(executor->host);
  if (lmdbx_host_wants_turn(executor->host)) executor->turn_wanted = true;
}

/* One turn of the owner's loop: waits for something to finish, and delivers. */
static void executor_turn(struct executor *executor) {
  struct lmdbx_job *job = NULL;
  if (executor->turn_wanted) {
    executor->turn_wanted = false;
    lmdbx_host_turn(executor->host);
    executor_deliver(executor);
    return;
  }
  pthread_mutex_lock(&executor->mutex);
  while (executor->done_count == 0 && !executor->woken) {
    pthread_cond_wait(&executor->changed, &executor->mutex);
  }
  executor->woken = false;
  if (executor->done_count > 0) job = executor->done[--executor->done_count];
  pthread_mutex_unlock(&executor->mutex);
  if (job != NULL) lmdbx_job_done(job);
  executor_deliver(executor);
}

/* Goes on for longer than a turn may answer reads on the owner thread. */
static inline void spend_turn(void) {
  uint64_t end = lmdbx__now_ns() + UINT64_C(2000000);
  while (lmdbx__now_ns() < end) {
  }
}

static void executor_set(struct executor *executor, bool *flag, bool value) {
  pthread_mutex_lock(&executor->mutex);
  *flag = value;
  pthread_cond_broadcast(&executor->changed);
  pthread_mutex_unlock(&executor->mutex);
}

/* Ends the pool. Jobs that it has not begun are dropped, as runtimes do. */
static void executor_stop(struct executor *executor) {
  executor_set(executor, &executor->stopping, true);
  for (size_t i = 0; i < POOL_THREADS; i++) pthread_join(executor->threads[i], NULL);
  for (size_t i = 0; i < executor->done_count; i++) lmdbx_job_done(executor->done[i]);
  for (size_t i = 0; i < executor->waiting_count; i++) lmdbx_job_done(executor->waiting[i]);
  pthread_cond_destroy(&executor->changed);
  pthread_mutex_destroy(&executor->mutex);
}

/* A repository in the directory; more: of its configuration, ",\"name\":value". */
static inline struct lmdbx_repository *open_with(struct executor *executor, const char *directory,
                                                 const char *more) {
  char config[512];
  struct lmdbx_error error = {0};
  struct lmdbx_repository *repository = NULL;
  snprintf(config, sizeof config, "{\"path\":\"%s\"%s}", directory, more);
  if (lmdbx_open(executor->host, text(config), &repository, &error) != LMDBX_OK) {
    fail_msg("%s", error.message);
  }
  return repository;
}

#endif
