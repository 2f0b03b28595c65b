/* Queries through the core's public header. */
#include "query_fixture.h"

#include "codec/json.h"

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
  query = query_of(LMDBX_HIDDEN, "");
  (void)answer(fixture, &query, &outcome);
  assert_int_equal(outcome.code, LMDBX_OK);
  assert_int_equal(outcome.count, 0); /* that a damaged page is told of, the command's tests show */
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

struct pieces {
  bool done;
  size_t count, sizes[LMDBX_PAGE_PIECES];
  bool sound[LMDBX_PAGE_PIECES], simple[LMDBX_PAGE_PIECES];
  struct lmdbx_scan *scan;
};

static void note_pieces(void *context, void *user, const struct lmdbx_result *result) {
  (void)context;
  struct pieces *pieces = user;
  const struct lmdbx_page *page = result->page;
  assert_null(result->error);
  size_t start = 0;
  for (size_t i = 0; i <= page->cut_count; i++) {
    size_t end = i < page->cut_count ? page->cuts[i] : page->keys.size;
    const struct lmdbx_slice piece = {page->keys.data + start, end - start};
    pieces->sizes[i] = piece.size;
    pieces->sound[i] = lmdbx__json_valid(piece, NULL);
    pieces->simple[i] = piece.data[piece.size - 1] == ' ';
    start = end;
  }
  pieces->count = page->cut_count + 1;
  pieces->scan = result->scan;
  pieces->done = true;
}

/* A key that is no string in one of the first page's pieces takes nothing from the other. */
static void keys_come_in_pieces_that_are_arrays_each(void **state) {
  enum { COUNT = 320, KEY = 450 };
  struct fixture *fixture = *state;
  struct outcome written[COUNT + 1];
  struct pieces pieces = {0};
  for (int i = 0; i <= COUNT; i++) {
    char key[KEY + 8];
    snprintf(key, sizeof key, i == COUNT ? "t:\"%04d%0*d\\n\"" : "t:\"%04d%0*d\"",
             i == COUNT ? 0 : i, KEY - 8, 0);
    ask_put(fixture, key, "x", &written[i]);
  }
  finish(fixture, &written[COUNT]);
  const struct lmdbx_query query = query_of(LMDBX_KEYS, "t:");
  const struct lmdbx_issue issue = {
      .done = note_pieces, .user = &pieces, .needs_flush = &flush_flag};
  assert_int_equal(lmdbx_scan(fixture->repository, &query, &issue, NULL), LMDBX_OK);
  lmdbx_host_flush(fixture->executor.host);
  while (!pieces.done) executor_turn(&fixture->executor);
  assert_int_equal(pieces.count, LMDBX_PAGE_PIECES);
  for (size_t i = 0; i < LMDBX_PAGE_PIECES; i++) {
    assert_in_range(pieces.sizes[i], LMDBX_PAGE_SIZE, LMDBX_PAGE_SIZE + KEY);
    assert_true(pieces.sound[i]);
    assert_int_equal(pieces.simple[i], i > 0);
  }
  assert_non_null(pieces.scan);
  lmdbx_scan_close(pieces.scan);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(queries_of_all_kinds_answer_of_one_tenant),
      TEST(a_space_behind_the_keys_says_that_they_are_simple),
      TEST(keys_come_in_pieces_that_are_arrays_each),
      TEST(cuts_bound_a_range),
      TEST(values_come_in_pages_and_each_sees_what_was_written_before),
      TEST(many_keys_wait_for_their_own_writes_alone),
      TEST(a_damaged_frame_ends_a_page_before_it_and_names_its_key),
      TEST(long_keys_and_bounds_are_refused),
      TEST(a_reopening_ends_scans_of_one_moment_between_pages),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
