/* Queries and snapshots where allocations fail: an error, nothing more. */
#include "faults.h"
#include "queue_fixture.h"

enum { RECORDS = 3000, MANY_KEYS = 40, PATIENCE_SECONDS = 120 };

/* What a query has given so far. */
struct answer {
  struct lmdbx_scan *scan;
  int code;
  size_t count;
  bool done;
};

static void note_page(void *context, void *user, const struct lmdbx_result *result) {
  struct answer *answer = user;
  (void)context;
  answer->done = true;
  answer->code = result->error != NULL ? result->error->code : LMDBX_OK;
  answer->scan = result->scan;
  if (answer->code != LMDBX_OK) return;
  answer->count += result->page->kind == LMDBX_COUNT || result->page->kind == LMDBX_HAS
                       ? result->page->counted
                       : result->page->count;
  if (result->page->kind == LMDBX_KEYS)
    for (size_t i = 0; i < result->page->keys.size; i++)
      answer->count += result->page->keys.data[i] == '"';
}

static void turn_until_done(struct executor *executor, struct answer *answer) {
  lmdbx_host_flush(executor->host);
  while (!answer->done) executor_turn(executor);
}

/* All pages of a query: how many records, or the error that ended it. */
static int ask_all(struct fixture *fixture, const struct lmdbx_query *query, size_t *count) {
  struct answer answer = {0};
  const struct lmdbx_issue issue = {.done = note_page, .user = &answer, .needs_flush = &flush_flag};
  int code = lmdbx_scan(fixture->repository, query, &issue, NULL);
  if (code == LMDBX_OK) turn_until_done(&fixture->executor, &answer);
  while (code == LMDBX_OK && answer.code == LMDBX_OK && answer.scan != NULL) {
    answer.done = false;
    struct lmdbx_scan *scan = answer.scan;
    code = lmdbx_scan_next(scan, &issue, NULL);
    if (code == LMDBX_OK) turn_until_done(&fixture->executor, &answer);
    if (code != LMDBX_OK) lmdbx_scan_close(scan);
  }
  *count = answer.count;
  return code != LMDBX_OK ? code : answer.code;
}

/* A query of every kind; one of them is of `snapshot`, if that is given. */
static int ask_every_kind(struct fixture *fixture, struct lmdbx_snapshot *snapshot) {
  static const size_t expected[] = {
      [LMDBX_KEYS] = 2 * RECORDS, /* quotes */
      [LMDBX_VALUES] = RECORDS,   [LMDBX_ENTRIES] = RECORDS, [LMDBX_COUNT] = RECORDS,
      [LMDBX_TENANTS] = 1,        [LMDBX_MANY] = MANY_KEYS,  [LMDBX_HAS] = 1,
  };
  char many[MANY_KEYS * 16] = "";
  for (int i = 0; i < MANY_KEYS; i++) {
    size_t size = strlen(many);
    snprintf(many + size, sizeof many - size, "\"%06d\"\n", i * (RECORDS / MANY_KEYS));
  }
  for (int kind = LMDBX_KEYS; kind <= LMDBX_HAS; kind++) {
    size_t count;
    struct lmdbx_query query = {.kind = (enum lmdbx_query_kind)kind,
                                .one_moment = true,
                                .prefix = text("t:"),
                                .range = {.limit = LMDBX_NO_LIMIT},
                                .snapshot = snapshot};
    if (kind == LMDBX_TENANTS) query.prefix = text("");
    if (kind == LMDBX_MANY) query.keys = text(many);
    if (kind == LMDBX_HAS) query.keys = text("\"000007\"\n");
    int code = ask_all(fixture, &query, &count);
    if (code != LMDBX_OK) return code;
    assert_int_equal(count, expected[kind]);
  }
  return LMDBX_OK;
}

static int query_and_snapshot(struct fixture *fixture) {
  struct lmdbx_snapshot *snapshot = NULL;
  int code = ask_every_kind(fixture, NULL);
  if (code == LMDBX_OK) code = lmdbx_snapshot(fixture->repository, &snapshot, &flush_flag, NULL);
  if (code != LMDBX_OK) return code;
  lmdbx_host_flush(fixture->executor.host);
  code = ask_every_kind(fixture, snapshot);
  lmdbx_snapshot_release(snapshot);
  return code;
}

static void fill_repository(struct fixture *fixture) {
  struct outcome outcome;
  for (int i = 0; i < RECORDS; i++) {
    static struct outcome ignored[RECORDS];
    char key[16], value[128];
    snprintf(key, sizeof key, "t:\"%06d\"", i);
    memset(value, 'v', sizeof value - 1); /* several pages */
    value[sizeof value - 1] = '\0';
    ask_put(fixture->repository, key, value, &ignored[i]);
  }
  ask_get(fixture->repository, "t:\"000000\"", &outcome);
  finish(&fixture->executor, &outcome);
  assert_true(outcome.found);
}

static void every_failing_allocation_fails_its_query_alone(void **state) {
  struct fixture *fixture = *state;
  bool finished = false;
  int reported = 0;
  if (!ALLOCATIONS_FAIL) skip(); /* a sanitizer has its own allocator */
  fill_repository(fixture);
  assert_int_equal(query_and_snapshot(fixture), LMDBX_OK);
  for (long call = 1; !finished; call++) {
    (void)alarm(PATIENCE_SECONDS); /* an answer that got lost would hang */
    arm(&allocations, call, ENOMEM);
    int code = query_and_snapshot(fixture);
    finished = atomic_load(&allocations.countdown) > 0;
    no_faults();
    if (code != LMDBX_OK && code != LMDBX_NO_MEMORY) fail_msg("allocation %ld: %d", call, code);
    reported += code == LMDBX_NO_MEMORY;
    assert_int_equal(query_and_snapshot(fixture), LMDBX_OK);
    assert_int_equal(counter(fixture->repository, "queuedOperations"), 0);
  }
  (void)alarm(0);
  assert_true(reported > 40);
}

static int teardown_without_faults(void **state) {
  no_faults();
  return teardown(state);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(every_failing_allocation_fails_its_query_alone, setup,
                                      teardown_without_faults),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
