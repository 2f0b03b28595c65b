/* Queries and snapshots through the core's public header, with a pool of two threads. */
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

static void show(struct outcome *outcome, const struct lmdbx_page *page) {
  size_t at = 0;
  outcome->count =
      page->kind == LMDBX_COUNT || page->kind == LMDBX_HAS ? (size_t)page->counted : page->count;
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

static void note(void *context, void *user, const struct lmdbx_result *result) {
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

static struct lmdbx_issue to(struct outcome *outcome) {
  *outcome = (struct outcome){0};
  return (struct lmdbx_issue){.done = note, .user = outcome, .needs_flush = &flush_flag};
}

static void finish(struct fixture *fixture, struct outcome *outcome) {
  lmdbx_host_flush(fixture->executor.host);
  while (!outcome->done) executor_turn(&fixture->executor);
}

static struct lmdbx_repository *open_repository(struct fixture *fixture, const char *more) {
  char config[512];
  struct lmdbx_error error = {0};
  struct lmdbx_repository *repository = NULL;
  snprintf(config, sizeof config, "{\"path\":\"%s\"%s}", (const char *)fixture->directory, more);
  if (lmdbx_open(fixture->executor.host, text(config), &repository, &error) != LMDBX_OK) {
    fail_msg("%s", error.message);
  }
  return repository;
}

static int setup(void **state) {
  struct fixture *fixture = calloc(1, sizeof *fixture);
  assert_non_null(fixture);
  executor_start(&fixture->executor);
  if (make_directory(&fixture->directory) != 0) return -1;
  fixture->repository = open_repository(fixture, "");
  next_order = 0;
  *state = fixture;
  return 0;
}

static int teardown(void **state) {
  struct fixture *fixture = *state;
  no_faults();
  lmdbx_repository_release(fixture->repository);
  if (!fixture->destroyed) lmdbx_host_destroy(fixture->executor.host);
  executor_stop(&fixture->executor);
  remove_directory(&fixture->directory);
  free(fixture);
  return 0;
}

static void ask_put(struct fixture *fixture, const char *key, const char *value,
                    struct outcome *outcome) {
  const struct lmdbx_issue issue = to(outcome);
  assert_int_equal(lmdbx_put(fixture->repository, text(key), text(value), &issue, NULL), LMDBX_OK);
}

static void put_now(struct fixture *fixture, const char *key, const char *value) {
  struct outcome outcome;
  ask_put(fixture, key, value, &outcome);
  finish(fixture, &outcome);
  assert_int_equal(outcome.code, LMDBX_OK);
}

static struct lmdbx_query query_of(enum lmdbx_query_kind kind, const char *prefix) {
  return (struct lmdbx_query){
      .kind = kind, .one_moment = true, .prefix = text(prefix), .range = {.limit = LMDBX_NO_LIMIT}};
}

static void ask(struct fixture *fixture, const struct lmdbx_query *query, struct outcome *outcome) {
  struct lmdbx_error error = {0};
  const struct lmdbx_issue issue = to(outcome);
  if (lmdbx_scan(fixture->repository, query, &issue, &error) != LMDBX_OK) {
    fail_msg("%s", error.message);
  }
}

static const char *answer(struct fixture *fixture, const struct lmdbx_query *query,
                          struct outcome *outcome) {
  ask(fixture, query, outcome);
  finish(fixture, outcome);
  assert_int_equal(outcome->code, LMDBX_OK);
  return outcome->page;
}

/* The next page of a scan. */
static void go_on(struct fixture *fixture, struct outcome *outcome) {
  struct lmdbx_scan *scan = outcome->scan;
  const struct lmdbx_issue issue = to(outcome);
  assert_int_equal(lmdbx_scan_next(scan, &issue, NULL), LMDBX_OK);
  finish(fixture, outcome);
}

static struct lmdbx_cut cut(const char *at, enum lmdbx_side side) {
  return (struct lmdbx_cut){text(at), side};
}

static struct lmdbx_snapshot *snapshot_of(struct fixture *fixture) {
  struct lmdbx_snapshot *snapshot = NULL;
  assert_int_equal(lmdbx_snapshot(fixture->repository, &snapshot, &flush_flag, NULL), LMDBX_OK);
  return snapshot;
}

/* ------------------------------------------------------------------ queries */

static void queries_of_all_kinds_answer_of_one_tenant(void **state) {
  struct fixture *fixture = *state;
  struct outcome outcome;
  put_now(fixture, "t:1", "one");
  put_now(fixture, "t:2", "two");
  put_now(fixture, "t:x:3", "three");
  struct lmdbx_query query = query_of(LMDBX_KEYS, "t:");
  assert_string_equal(answer(fixture, &query, &outcome), "[1,2]");
  query.kind = LMDBX_VALUES;
  assert_string_equal(answer(fixture, &query, &outcome), "1=one 2=two ");
  query.kind = LMDBX_ENTRIES;
  query.range.reverse = true;
  assert_string_equal(answer(fixture, &query, &outcome), "2=two 1=one ");
  query.kind = LMDBX_COUNT;
  (void)answer(fixture, &query, &outcome);
  assert_int_equal(outcome.count, 2);
  query.kind = LMDBX_MANY;
  query.keys = text("2\n7\n1\n");
  assert_string_equal(answer(fixture, &query, &outcome), "2=two 7=- 1=one ");
  query.kind = LMDBX_HAS;
  (void)answer(fixture, &query, &outcome);
  assert_int_equal(outcome.count, 2);
  query = query_of(LMDBX_TENANTS, "");
  assert_string_equal(answer(fixture, &query, &outcome), "=t =t:x ");
}

/* Which lib/reads.js goes by. */
static void a_space_behind_the_keys_says_that_they_are_simple(void **state) {
  struct fixture *fixture = *state;
  static const struct {
    const char *keys[2];
    const char *seen;
  } cases[] = {
      {{NULL}, "[]"},
      {{"\"\""}, "[\"\"] "},
      {{"\"a\"", "\"b c\""}, "[\"a\",\"b c\"] "},
      {{"\"a\"", "1"}, "[\"a\",1]"},
      {{"\"a\"", "\"b\\\"\""}, "[\"a\",\"b\\\"\"]"},
      {{"\"\xC3\xA9\""}, "[\"\xC3\xA9\"]"},
      {{"[\" \"]"}, "[[\" \"]]"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char prefix[8];
    struct outcome outcome;
    snprintf(prefix, sizeof prefix, "t%zu:", i);
    for (size_t k = 0; k < 2 && cases[i].keys[k] != NULL; k++) {
      char key[32];
      snprintf(key, sizeof key, "%s%s", prefix, cases[i].keys[k]);
      put_now(fixture, key, "x");
    }
    const struct lmdbx_query query = query_of(LMDBX_KEYS, prefix);
    assert_string_equal(answer(fixture, &query, &outcome), cases[i].seen);
  }
}

static void cuts_bound_a_range(void **state) {
  struct fixture *fixture = *state;
  static const char *const keys[] = {"t:[1,2]", "t:[1.5]", "t:[12]", "t:[1]", "t:[2]", "t:[\"\"]"};
  static const struct {
    const char *from, *to;
    enum lmdbx_side from_side, to_side;
    const char *seen;
  } cases[] = {
      {"[1,", "[1,", LMDBX_BEFORE, LMDBX_BEYOND, "[[1,2]]"},
      {"[1]", "[1]", LMDBX_BEFORE, LMDBX_AFTER, "[[1]]"},
      {"[1]", "[1]", LMDBX_BEFORE, LMDBX_BEFORE, "[]"},
      {"[1", "[1", LMDBX_BEFORE, LMDBX_BEYOND, "[[1,2],[1.5],[12],[1]]"},
      {"[1,2]", "[1]", LMDBX_AFTER, LMDBX_BEFORE, "[[1.5],[12]]"},
      {"[1", "", LMDBX_BEYOND, LMDBX_BEYOND, "[[2]]"},
      {"", "", LMDBX_BEFORE, LMDBX_BEYOND, "[[\"\"],[1,2],[1.5],[12],[1],[2]]"},
  };
  struct outcome outcome;
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) put_now(fixture, keys[i], "x");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct lmdbx_query query = query_of(LMDBX_KEYS, "t:");
    query.range.count = 1;
    query.range.intervals[0].from = cut(cases[i].from, cases[i].from_side);
    query.range.intervals[0].to = cut(cases[i].to, cases[i].to_side);
    assert_string_equal(answer(fixture, &query, &outcome), cases[i].seen);
  }
  struct lmdbx_query two = query_of(LMDBX_KEYS, "t:");
  two.range.count = 2;
  two.range.intervals[0].from = cut("[1,", LMDBX_BEFORE);
  two.range.intervals[0].to = cut("[1,", LMDBX_BEYOND);
  two.range.intervals[1].from = cut("[1]", LMDBX_BEFORE);
  two.range.intervals[1].to = cut("[1]", LMDBX_AFTER);
  assert_string_equal(answer(fixture, &two, &outcome), "[[1,2],[1]]");
  two.range.reverse = true;
  assert_string_equal(answer(fixture, &two, &outcome), "[[1],[1,2]]");
  two.range.limit = 1;
  assert_string_equal(answer(fixture, &two, &outcome), "[[1]]");
  two.range.limit = 0;
  assert_string_equal(answer(fixture, &two, &outcome), "[]");
  assert_null(outcome.scan);
}

/* Puts records of 1 kB, keys of four digits. */
static void fill_records(struct fixture *fixture, int count) {
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

static void values_come_in_pages_and_each_sees_what_was_written_before(void **state) {
  enum { COUNT = 200 };
  struct fixture *fixture = *state;
  struct outcome outcome;
  fill_records(fixture, COUNT);
  struct lmdbx_query query = query_of(LMDBX_VALUES, "t:");
  for (int one_moment = 0; one_moment <= 1; one_moment++) {
    size_t seen = 0, pages = 1;
    query.one_moment = one_moment == 1;
    (void)answer(fixture, &query, &outcome);
    put_now(fixture, one_moment == 1 ? "t:3" : "t:2", "late");
    for (; outcome.scan != NULL; pages++) {
      assert_in_range(outcome.count, 1, LMDBX_PAGE_SIZE / 1024);
      seen += outcome.count;
      go_on(fixture, &outcome);
      assert_int_equal(outcome.code, LMDBX_OK);
    }
    seen += outcome.count;
    assert_int_equal(seen, COUNT + 1); /* t:2 comes in the first round, t:3 in none */
    assert_true(pages >= 3);
  }
}

static void many_keys_wait_for_their_own_writes_alone(void **state) {
  struct fixture *fixture = *state;
  struct outcome written, own, other, late;
  put_now(fixture, "t:1", "old");
  put_now(fixture, "t:2", "old");
  ask_put(fixture, "t:1", "new", &written);
  struct lmdbx_query query = query_of(LMDBX_MANY, "t:");
  query.keys = text("1\n2\n");
  ask(fixture, &query, &own);
  query.keys = text("2\n");
  executor_set(&fixture->executor, &fixture->executor.hold, true);
  ask(fixture, &query, &other);
  ask_put(fixture, "t:1", "newer", &late);
  lmdbx_host_flush(fixture->executor.host);
  executor_set(&fixture->executor, &fixture->executor.hold, false);
  finish(fixture, &own);
  finish(fixture, &other);
  finish(fixture, &late);
  assert_string_equal(own.page, "1=new 2=old ");
  assert_string_equal(other.page, "2=old ");
}

static void a_damaged_frame_ends_a_page_before_it_and_names_its_key(void **state) {
  static const char frame[] = "\x04\x22\x4d\x18 and no more";
  struct fixture *fixture = *state;
  struct outcome outcome;
  struct lmdbx_query query = query_of(LMDBX_VALUES, "t:");
  put_now(fixture, "t:1", "sound");
  put_now(fixture, "t:3", "sound");
  /* Whatever we put is framed soundly, so it is stored underneath. */
  struct lmdbx__env *env = open_env(fixture->directory, 0);
  put(env, "t:2", frame);
  assert_string_equal(answer(fixture, &query, &outcome), "1=sound ");
  assert_non_null(outcome.scan);
  go_on(fixture, &outcome);
  assert_int_equal(outcome.code, LMDBX_DECODE);
  assert_string_equal(outcome.failed, "t:2");
  query.range.reverse = true;
  assert_string_equal(answer(fixture, &query, &outcome), "3=sound ");
  lmdbx_scan_close(outcome.scan);
  query = query_of(LMDBX_MANY, "t:");
  query.keys = text("2\n1\n");
  ask(fixture, &query, &outcome);
  finish(fixture, &outcome);
  assert_int_equal(outcome.code, LMDBX_DECODE);
  assert_string_equal(outcome.failed, "t:2");
  lmdbx__env_release(env);
}

static void long_keys_and_bounds_are_refused(void **state) {
  struct fixture *fixture = *state;
  static char key[LMDBX_MAX_STORED_KEY + 1];
  struct outcome outcome;
  struct lmdbx_error error;
  const struct lmdbx_issue issue = to(&outcome);
  memset(key, '1', sizeof key - 1);
  struct lmdbx_query query = query_of(LMDBX_MANY, "t:");
  query.keys = text(key);
  assert_int_equal(lmdbx_scan(fixture->repository, &query, &issue, &error), LMDBX_KEY_TOO_LARGE);
  query = query_of(LMDBX_KEYS, "t:");
  query.range.count = 1;
  query.range.intervals[0].from = cut(key, LMDBX_BEFORE);
  query.range.intervals[0].to = cut("", LMDBX_BEYOND);
  assert_int_equal(lmdbx_scan(fixture->repository, &query, &issue, &error), LMDBX_KEY_TOO_LARGE);
  assert_non_null(strstr(error.message, "1982"));
}

/* Has the environment fail, and opened again. */
static void reopen(struct fixture *fixture) {
  struct outcome failing, next;
  arm(&metas, 1, EIO);
  ask_put(fixture, "u:1", "x", &failing);
  finish(fixture, &failing);
  assert_int_equal(failing.code, LMDBX_IO);
  ask_put(fixture, "u:1", "x", &next);
  finish(fixture, &next);
  assert_int_equal(next.code, LMDBX_OK);
}

static void a_reopening_ends_scans_of_one_moment_between_pages(void **state) {
  struct fixture *fixture = *state;
  struct outcome outcome;
  fill_records(fixture, 100);
  struct lmdbx_query query = query_of(LMDBX_VALUES, "t:");
  (void)answer(fixture, &query, &outcome);
  reopen(fixture);
  go_on(fixture, &outcome);
  assert_int_equal(outcome.code, LMDBX_SNAPSHOT_EXPIRED);
  assert_null(outcome.scan);
  query.one_moment = false; /* the others go on */
  (void)answer(fixture, &query, &outcome);
  reopen(fixture);
  go_on(fixture, &outcome);
  assert_int_equal(outcome.code, LMDBX_OK);
}

/* ---------------------------------------------------------------- snapshots */

static void a_snapshot_sees_earlier_writes_and_no_later_ones(void **state) {
  struct fixture *fixture = *state;
  struct outcome first, second, early, late;
  struct lmdbx_query query = query_of(LMDBX_KEYS, "t:");
  ask_put(fixture, "t:1", "x", &first); /* while it opens */
  struct lmdbx_snapshot *before = snapshot_of(fixture);
  ask_put(fixture, "t:2", "x", &second);
  struct lmdbx_snapshot *after = snapshot_of(fixture);
  query.snapshot = before;
  ask(fixture, &query, &early);
  query.snapshot = after;
  assert_string_equal(answer(fixture, &query, &late), "[1,2]");
  finish(fixture, &early);
  assert_string_equal(early.page, "[1]");
  put_now(fixture, "t:3", "x");
  query.snapshot = before;
  assert_string_equal(answer(fixture, &query, &early), "[1]");
  lmdbx_snapshot_release(before);
  lmdbx_snapshot_release(after);
}

static void queries_of_a_snapshot_are_answered_one_after_another(void **state) {
  enum { COUNT = 20 };
  struct fixture *fixture = *state;
  struct outcome outcomes[COUNT];
  put_now(fixture, "t:1", "x");
  struct lmdbx_query query = query_of(LMDBX_COUNT, "t:");
  query.snapshot = snapshot_of(fixture);
  size_t submitted = fixture->executor.submitted;
  for (int i = 0; i < COUNT; i++) ask(fixture, &query, &outcomes[i]);
  lmdbx_host_flush(fixture->executor.host);
  assert_int_equal(fixture->executor.submitted, submitted + 1);
  finish(fixture, &outcomes[COUNT - 1]);
  for (int i = 0; i < COUNT; i++) {
    assert_int_equal(outcomes[i].count, 1);
    assert_int_equal(outcomes[i].order, outcomes[0].order + (unsigned)i);
  }
  lmdbx_snapshot_release(query.snapshot);
}

static void a_closed_snapshot_answers_what_was_asked_before(void **state) {
  struct fixture *fixture = *state;
  struct outcome running, waiting, late, page;
  fill_records(fixture, 100);
  struct lmdbx_query query = query_of(LMDBX_VALUES, "t:");
  query.snapshot = snapshot_of(fixture);
  (void)answer(fixture, &query, &page);
  assert_non_null(page.scan);
  ask(fixture, &query, &running);
  ask(fixture, &query, &waiting);
  lmdbx_snapshot_close(query.snapshot);
  const struct lmdbx_issue issue = to(&late);
  assert_int_equal(lmdbx_scan(fixture->repository, &query, &issue, NULL), LMDBX_CLOSED);
  assert_int_equal(lmdbx_scan_next(page.scan, &issue, NULL), LMDBX_CLOSED);
  lmdbx_scan_close(page.scan);
  lmdbx_snapshot_release(query.snapshot); /* the requests keep what they need */
  finish(fixture, &waiting);
  finish(fixture, &running);
  assert_int_equal(running.code, LMDBX_OK);
  assert_int_equal(waiting.code, LMDBX_OK);
  lmdbx_scan_close(running.scan);
  lmdbx_scan_close(waiting.scan);
}

static void a_snapshot_expires_with_its_repository_and_does_not_hold_it_up(void **state) {
  struct fixture *fixture = *state;
  struct outcome under_way, closed, late;
  put_now(fixture, "t:1", "x");
  struct lmdbx_query query = query_of(LMDBX_KEYS, "t:");
  query.snapshot = snapshot_of(fixture);
  ask(fixture, &query, &under_way);
  const struct lmdbx_issue issue = to(&closed);
  assert_int_equal(lmdbx_close(fixture->repository, &issue, NULL), LMDBX_OK);
  finish(fixture, &closed);
  assert_string_equal(under_way.page, "[1]");
  const struct lmdbx_issue again = to(&late);
  assert_int_equal(lmdbx_scan(fixture->repository, &query, &again, NULL), LMDBX_SNAPSHOT_EXPIRED);
  lmdbx_snapshot_release(query.snapshot);
}

static void a_reopening_ends_snapshots(void **state) {
  struct fixture *fixture = *state;
  struct outcome outcome;
  put_now(fixture, "t:1", "x");
  struct lmdbx_query query = query_of(LMDBX_KEYS, "t:");
  struct lmdbx_snapshot *expired = query.snapshot = snapshot_of(fixture);
  reopen(fixture);
  for (int i = 0; i < 2; i++) {
    ask(fixture, &query, &outcome);
    finish(fixture, &outcome);
    assert_int_equal(outcome.code, LMDBX_SNAPSHOT_EXPIRED);
  }
  query.snapshot = snapshot_of(fixture);
  assert_string_equal(answer(fixture, &query, &outcome), "[1]");
  lmdbx_snapshot_release(expired);
  lmdbx_snapshot_release(query.snapshot);
}

static void a_host_ends_at_any_moment_of_a_snapshot(void **state) {
  struct fixture *fixture = *state;
  struct outcome running, waiting, written, page;
  fill_records(fixture, 100);
  struct lmdbx_query query = query_of(LMDBX_VALUES, "t:");
  struct lmdbx_snapshot *used = snapshot_of(fixture);
  query.snapshot = used;
  (void)answer(fixture, &query, &page);
  executor_set(&fixture->executor, &fixture->executor.hold, true);
  ask(fixture, &query, &running);
  ask(fixture, &query, &waiting);
  struct lmdbx_snapshot *idle = snapshot_of(fixture);
  ask_put(fixture, "t:2", "x", &written);
  struct lmdbx_snapshot *early = snapshot_of(fixture); /* its moment has not come */
  query.snapshot = early;
  struct outcome never;
  ask(fixture, &query, &never);
  struct lmdbx_snapshot *dropped = snapshot_of(fixture);
  lmdbx_snapshot_release(dropped);
  lmdbx_host_flush(fixture->executor.host);
  lmdbx_snapshot_release(used); /* with one query under way and one behind it */
  lmdbx_host_destroy(fixture->executor.host);
  fixture->destroyed = true;
  lmdbx_snapshot_release(idle); /* finalizers come late */
  lmdbx_scan_close(page.scan);
  lmdbx_snapshot_release(early);
  executor_set(&fixture->executor, &fixture->executor.hold, false);
  assert_false(running.done || waiting.done || never.done);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(queries_of_all_kinds_answer_of_one_tenant),
      TEST(a_space_behind_the_keys_says_that_they_are_simple),
      TEST(cuts_bound_a_range),
      TEST(values_come_in_pages_and_each_sees_what_was_written_before),
      TEST(many_keys_wait_for_their_own_writes_alone),
      TEST(a_damaged_frame_ends_a_page_before_it_and_names_its_key),
      TEST(long_keys_and_bounds_are_refused),
      TEST(a_reopening_ends_scans_of_one_moment_between_pages),
      TEST(a_snapshot_sees_earlier_writes_and_no_later_ones),
      TEST(queries_of_a_snapshot_are_answered_one_after_another),
      TEST(a_closed_snapshot_answers_what_was_asked_before),
      TEST(a_snapshot_expires_with_its_repository_and_does_not_hold_it_up),
      TEST(a_reopening_ends_snapshots),
      TEST(a_host_ends_at_any_moment_of_a_snapshot),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
