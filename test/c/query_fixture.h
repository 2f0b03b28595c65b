/* What the tests of queries and snapshots share: a pool of two threads, a repository in a
 * temporary directory, and short ways to ask it. One file of a test includes it. */
#ifndef LMDBX_TEST_QUERY_FIXTURE_H
#define LMDBX_TEST_QUERY_FIXTURE_H

#include "executor.h"
#include "faults.h"
#include "support.h"

#include <stdio.h>
#include <string.h>

enum { SHOWN = 512 };

/* What one request came to: a page as text, "key=value " for each record. */
struct outcome {
  bool done;
  int code;
  char page[SHOWN], failed[64];
  size_t count; /* of the records, or what was counted */
  struct lmdbx_scan *scan;
  unsigned order;
};

struct fixture {
  struct executor executor;
  void *directory; /* a path, from make_directory */
  struct lmdbx_repository *repository;
  bool destroyed;
};

static unsigned next_order;
static bool flush_flag;

static inline void show(struct outcome *outcome, const struct lmdbx_page *page) {
  size_t at = 0;
  bool counts = page->kind == LMDBX_COUNT || page->kind == LMDBX_HAS || page->kind == LMDBX_HIDDEN;
  outcome->count = counts ? (size_t)page->counted : page->count;
  if (page->kind == LMDBX_KEYS) {
    snprintf(outcome->page, SHOWN, "%.*s", (int)page->keys.size, (const char *)page->keys.data);
    return;
  }
  for (size_t i = 0; i < page->count && at < SHOWN; i++) {
    const struct lmdbx_record *record = &page->records[i];
    at += (size_t)snprintf(outcome->page + at, SHOWN - at, "%.*s=%.*s ", (int)record->key.size,
                           (const char *)record->key.data,
                           record->found ? (int)record->value.size : 1,
                           record->found ? (const char *)record->value.data : "-");
  }
}

static inline void note(void *context, void *user, const struct lmdbx_result *result) {
  (void)context;
  struct outcome *outcome = user;
  assert_false(outcome->done);
  outcome->done = true;
  outcome->order = next_order++;
  outcome->scan = result->scan;
  if (result->error != NULL) {
    outcome->code = result->error->code;
    snprintf(outcome->failed, sizeof outcome->failed, "%.*s", (int)result->key.size,
             (const char *)result->key.data);
  } else if (result->page != NULL) {
    show(outcome, result->page);
  }
}

static inline struct lmdbx_issue to(struct outcome *outcome) {
  *outcome = (struct outcome){0};
  return (struct lmdbx_issue){.done = note, .user = outcome, .needs_flush = &flush_flag};
}

static inline void finish(struct fixture *fixture, struct outcome *outcome) {
  lmdbx_host_flush(fixture->executor.host);
  while (!outcome->done) executor_turn(&fixture->executor);
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

static inline int teardown(void **state) {
  struct fixture *fixture = *state;
  no_faults();
  lmdbx_repository_release(fixture->repository);
  if (!fixture->destroyed) lmdbx_host_destroy(fixture->executor.host);
  executor_stop(&fixture->executor);
  remove_directory(&fixture->directory);
  free(fixture);
  return 0;
}

static inline void ask_put(struct fixture *fixture, const char *key, const char *value,
                           struct outcome *outcome) {
  const struct lmdbx_issue issue = to(outcome);
  assert_int_equal(lmdbx_put(fixture->repository, text(key), text(value), &issue, NULL), LMDBX_OK);
}

static inline void put_now(struct fixture *fixture, const char *key, const char *value) {
  struct outcome outcome;
  ask_put(fixture, key, value, &outcome);
  finish(fixture, &outcome);
  assert_int_equal(outcome.code, LMDBX_OK);
}

static inline struct lmdbx_query query_of(enum lmdbx_query_kind kind, const char *prefix) {
  return (struct lmdbx_query){
      .kind = kind, .one_moment = true, .prefix = text(prefix), .range = {.limit = LMDBX_NO_LIMIT}};
}

static inline void ask(struct fixture *fixture, const struct lmdbx_query *query,
                       struct outcome *outcome) {
  struct lmdbx_error error = {0};
  const struct lmdbx_issue issue = to(outcome);
  if (lmdbx_scan(fixture->repository, query, &issue, &error) != LMDBX_OK) {
    fail_msg("%s", error.message);
  }
}

static inline const char *answer(struct fixture *fixture, const struct lmdbx_query *query,
                                 struct outcome *outcome) {
  ask(fixture, query, outcome);
  finish(fixture, outcome);
  assert_int_equal(outcome->code, LMDBX_OK);
  return outcome->page;
}

/* The next page of a scan. */
static inline void go_on(struct fixture *fixture, struct outcome *outcome) {
  struct lmdbx_scan *scan = outcome->scan;
  const struct lmdbx_issue issue = to(outcome);
  assert_int_equal(lmdbx_scan_next(scan, &issue, NULL), LMDBX_OK);
  finish(fixture, outcome);
}

static inline struct lmdbx_cut cut(const char *at, enum lmdbx_side side) {
  return (struct lmdbx_cut){text(at), side};
}

static inline struct lmdbx_snapshot *snapshot_of(struct fixture *fixture) {
  struct lmdbx_snapshot *snapshot = NULL;
  assert_int_equal(lmdbx_snapshot(fixture->repository, &snapshot, &flush_flag, NULL), LMDBX_OK);
  return snapshot;
}

/* Puts records of 1 kB, keys of four digits. */
static inline void fill_records(struct fixture *fixture, int count) {
  struct outcome *outcomes = calloc((size_t)count, sizeof *outcomes);
  char value[1025], key[16];
  assert_non_null(outcomes);
  for (int i = 0; i < count; i++) {
    snprintf(key, sizeof key, "t:1%03d", i);
    snprintf(value, sizeof value, "%01024d", i);
    ask_put(fixture, key, value, &outcomes[i]);
  }
  finish(fixture, &outcomes[count - 1]);
  free(outcomes);
}

/* Has the environment fail, and opened again. */
static inline void reopen(struct fixture *fixture) {
  struct outcome failing, next;
  arm(&metas, 1, EIO);
  ask_put(fixture, "u:1", "x", &failing);
  finish(fixture, &failing);
  assert_int_equal(failing.code, LMDBX_IO);
  ask_put(fixture, "u:1", "x", &next);
  finish(fixture, &next);
  assert_int_equal(next.code, LMDBX_OK);
}

#endif
