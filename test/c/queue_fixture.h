/* What the tests of the queue share: a pool of two threads, a repository in a
 * temporary directory, and short ways to ask it. One file of a test includes it. */
#ifndef LMDBX_TEST_QUEUE_FIXTURE_H
#define LMDBX_TEST_QUEUE_FIXTURE_H

#include "executor.h"
#include "support.h"

#include <stdio.h>
#include <string.h>

/* What one request came to. */
struct outcome {
  bool done;
  int code;
  bool found;
  char value[64];
  size_t value_size;
  struct lmdbx_scan *scan;
  unsigned order; /* among all outcomes of the test */
};

struct fixture {
  struct executor executor;
  void *directory; /* a path, from make_directory */
  struct lmdbx_repository *repository;
};

static unsigned next_order;

static inline void note(void *context, void *user, const struct lmdbx_result *result) {
  (void)context;
  struct outcome *outcome = user;
  assert_false(outcome->done);
  outcome->done = true;
  outcome->code = result->error != NULL ? result->error->code : LMDBX_OK;
  outcome->found = result->found;
  const struct lmdbx_slice value = result->page != NULL ? result->page->keys : result->value;
  outcome->value_size = value.size;
  size_t shown = value.size < sizeof outcome->value - 1 ? value.size : sizeof outcome->value - 1;
  if (shown > 0) memcpy(outcome->value, value.data, shown);
  outcome->value[shown] = '\0';
  outcome->scan = result->scan;
  outcome->order = next_order++;
}

static inline int setup(void **state) {
  struct fixture *fixture = calloc(1, sizeof *fixture);
  assert_non_null(fixture);
  executor_start(&fixture->executor);
  if (make_directory(&fixture->directory) != 0) return -1;
  fixture->repository = open_with(&fixture->executor, fixture->directory, "");
  next_order = 0;
  *state = fixture;
  return 0;
}

static inline void finish(struct executor *executor, struct outcome *outcome) {
  lmdbx_host_flush(executor->host);
  while (!outcome->done) executor_turn(executor);
}

static inline int teardown(void **state) {
  struct fixture *fixture = *state;
  if (fixture->repository != NULL) lmdbx_repository_release(fixture->repository);
  lmdbx_host_destroy(fixture->executor.host);
  executor_stop(&fixture->executor);
  remove_directory(&fixture->directory);
  free(fixture);
  return 0;
}

static bool flush_flag;

static inline struct lmdbx_issue to(struct outcome *outcome) {
  *outcome = (struct outcome){0};
  return (struct lmdbx_issue){.done = note, .user = outcome, .needs_flush = &flush_flag};
}

static inline void ask_put(struct lmdbx_repository *repository, const char *key, const char *value,
                           struct outcome *outcome) {
  const struct lmdbx_issue issue = to(outcome);
  assert_int_equal(lmdbx_put(repository, text(key), text(value), &issue, NULL), LMDBX_OK);
}

static inline void ask_get(struct lmdbx_repository *repository, const char *key,
                           struct outcome *outcome) {
  const struct lmdbx_issue issue = to(outcome);
  assert_int_equal(lmdbx_get(repository, text(key), &issue, NULL), LMDBX_OK);
}

static inline void ask_delete(struct lmdbx_repository *repository, const char *key,
                              struct outcome *outcome) {
  const struct lmdbx_issue issue = to(outcome);
  assert_int_equal(lmdbx_delete(repository, text(key), &issue, NULL), LMDBX_OK);
}

static inline void ask_list(struct lmdbx_repository *repository, const char *prefix,
                            struct outcome *outcome) {
  const struct lmdbx_issue issue = to(outcome);
  const struct lmdbx_query query = {.kind = LMDBX_KEYS,
                                    .one_moment = true,
                                    .prefix = text(prefix),
                                    .range = {.limit = LMDBX_NO_LIMIT}};
  assert_int_equal(lmdbx_scan(repository, &query, &issue, NULL), LMDBX_OK);
}

static inline void ready(struct fixture *fixture) {
  struct outcome outcome;
  const struct lmdbx_issue issue = to(&outcome);
  assert_int_equal(lmdbx_ready(fixture->repository, &issue, NULL), LMDBX_OK);
  finish(&fixture->executor, &outcome);
  assert_int_equal(outcome.code, LMDBX_OK);
}

static inline long counter(struct lmdbx_repository *repository, const char *name) {
  struct lmdbx_buffer buffer = {0};
  char pattern[32];
  assert_int_equal(lmdbx_counters(repository, &buffer), LMDBX_OK);
  assert_int_equal(lmdbx_buffer_append(&buffer, "", 1), LMDBX_OK);
  snprintf(pattern, sizeof pattern, "\"%s\":", name);
  const char *at = strstr((const char *)buffer.data, pattern);
  assert_non_null(at);
  long value = strtol(at + strlen(pattern), NULL, 10);
  lmdbx_buffer_free(&buffer);
  return value;
}

#endif
