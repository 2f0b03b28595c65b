/* Units: all of their steps or none, whatever becomes of the group around them. */
#include "faults.h"
#include "literals.h"
#include "support.h"

#include <stdio.h>
#include <string.h>

static struct lmdbx__step step(enum lmdbx__step_type type, const char *key, const char *value) {
  return (struct lmdbx__step){
      .type = type, .dbi = TEST_MAIN_DBI, .key = text(key), .value = text(value)};
}

static struct lmdbx__step put_step(const char *key, const char *value) {
  return step(LMDBX__STEP_PUT, key, value);
}

static struct lmdbx__step compare_step(const char *key, const char *value) {
  return step(LMDBX__STEP_COMPARE, key, value);
}

/* A step that takes more than a small database has. */
static struct lmdbx__step huge_step(const char *key) {
  static uint8_t bytes[4 * MEBIBYTE];
  struct lmdbx__step huge = put_step(key, "");
  huge.value = (struct lmdbx_slice){bytes, sizeof bytes};
  return huge;
}

static struct lmdbx__op unit_op(struct lmdbx__unit *unit, struct lmdbx__step *steps, size_t count,
                                bool *fence) {
  *unit = (struct lmdbx__unit){.steps = steps, .count = count, .fence = fence};
  return (struct lmdbx__op){.type = LMDBX__OP_UNIT, .dbi = TEST_MAIN_DBI, .unit = unit};
}

static void a_unit_applies_all_of_its_steps_in_order(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 0);
  put(env, "gone", "old");
  put(env, "same", "old");
  struct lmdbx__step steps[] = {
      put_step("a", "1"),
      put_step("a", "2"),
      step(LMDBX__STEP_DELETE, "gone", ""),
      step(LMDBX__STEP_DELETE, "never", ""),
      compare_step("same", "old"),
      step(LMDBX__STEP_ABSENT, "a", ""),
      put_step("same", "new"),
  };
  struct lmdbx__unit unit;
  struct lmdbx__op op = unit_op(&unit, steps, COUNT(steps), NULL);
  assert_int_equal(commit_group(env, &op, 1).commits, 1);
  assert_null(op.error);
  assert_int_equal(unit.failed, unit.count);
  assert_true(holds(env, "a", "2"));
  assert_false(has(env, "gone"));
  assert_true(holds(env, "same", "new"));
  lmdbx__env_release(env);
}

static void a_comparison_that_fails_undoes_its_unit_alone(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 0);
  put(env, "k", "stored");
  struct lmdbx__step wrong[] = {put_step("x", "1"), compare_step("k", "other")};
  struct lmdbx__step there[] = {put_step("x", "1"), step(LMDBX__STEP_ABSENT, "k", "")};
  struct lmdbx__step missing[] = {compare_step("none", ""), put_step("x", "1")};
  struct lmdbx__step longer[] = {compare_step("k", "stored!"), put_step("x", "1")};
  struct lmdbx__unit units[4];
  wrong[1].report = missing[0].report = true;
  struct lmdbx__op ops[] = {put_op("before", "1"),
                            unit_op(&units[0], wrong, 2, NULL),
                            unit_op(&units[1], there, 2, NULL),
                            unit_op(&units[2], missing, 2, NULL),
                            unit_op(&units[3], longer, 2, NULL),
                            put_op("behind", "1")};
  assert_int_equal(commit_group(env, ops, COUNT(ops)).commits, 1);
  for (size_t i = 1; i <= 4; i++) assert_int_equal(code_of(&ops[i]), LMDBX_CONFLICT);
  assert_int_equal(units[0].failed, 1);
  assert_int_equal(units[2].failed, 0);
  assert_true(ops[1].found); /* it reports what is stored instead */
  assert_int_equal(ops[1].result.size, 6);
  assert_memory_equal(ops[1].result.data, "stored", 6);
  assert_null(ops[2].result.data); /* it does not */
  assert_false(ops[3].found);
  assert_false(has(env, "x"));
  assert_true(holds(env, "before", "1"));
  assert_true(holds(env, "behind", "1"));
  free_ops(ops, COUNT(ops));
  lmdbx__env_release(env);
}

static void comparisons_see_what_came_before_in_the_group(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 0);
  struct lmdbx__step first[] = {step(LMDBX__STEP_ABSENT, "n", ""), put_step("n", "1")};
  struct lmdbx__step second[] = {compare_step("n", "1"), put_step("n", "2")};
  struct lmdbx__step stale[] = {compare_step("n", "1"), put_step("n", "3")};
  struct lmdbx__unit units[3];
  struct lmdbx__op ops[] = {unit_op(&units[0], first, 2, NULL), unit_op(&units[1], second, 2, NULL),
                            unit_op(&units[2], stale, 2, NULL), op_of(LMDBX__OP_GET, "n")};
  assert_int_equal(commit_group(env, ops, COUNT(ops)).commits, 1);
  assert_int_equal(code_of(&ops[0]), LMDBX_OK);
  assert_int_equal(code_of(&ops[1]), LMDBX_OK);
  assert_int_equal(code_of(&ops[2]), LMDBX_CONFLICT);
  assert_memory_equal(ops[3].result.data, "2", 1);
  free_ops(ops, COUNT(ops));
  lmdbx__env_release(env);
}

static void a_step_that_is_too_large_refuses_the_unit_before_a_page_is_touched(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 0);
  static char long_key[20000]; /* more than any build of LMDB has room for in a page */
  memset(long_key, 'k', sizeof long_key - 1);
  struct lmdbx__step steps[] = {put_step("a", "1"), put_step(long_key, "2")};
  struct lmdbx__unit unit;
  struct lmdbx__op op = unit_op(&unit, steps, 2, NULL);
  assert_int_equal(commit_group(env, &op, 1).commits, 0);
  assert_int_equal(code_of(&op), LMDBX_KEY_TOO_LARGE);
  assert_int_equal(unit.failed, 1);
  assert_false(has(env, "a"));
  free_ops(&op, 1);
  lmdbx__env_release(env);
}

static void a_unit_that_does_not_fit_fails_alone_and_whole(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), MEBIBYTE);
  struct lmdbx__step steps[] = {put_step("a", "1"), huge_step("b"), put_step("c", "1")};
  struct lmdbx__step small[] = {put_step("d", "1"), put_step("e", "1")};
  struct lmdbx__unit units[2];
  struct lmdbx__op ops[] = {put_op("before", "1"), unit_op(&units[0], steps, COUNT(steps), NULL),
                            unit_op(&units[1], small, COUNT(small), NULL), put_op("behind", "1")};
  commit_group(env, ops, COUNT(ops));
  assert_int_equal(code_of(&ops[1]), LMDBX_MAP_FULL);
  assert_int_equal(units[0].failed, units[0].count);
  static const char *const there[] = {"before", "d", "e", "behind"};
  static const char *const absent[] = {"a", "b", "c"};
  for (size_t i = 0; i < COUNT(there); i++) assert_true(has(env, there[i]));
  for (size_t i = 0; i < COUNT(absent); i++) assert_false(has(env, absent[i]));
  free_ops(ops, COUNT(ops));
  lmdbx__env_release(env);
}

static void deletes_of_a_unit_have_the_reserve_of_a_full_database(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), MEBIBYTE);
  fill_to_the_brim(env);
  struct lmdbx__step steps[] = {step(LMDBX__STEP_DELETE, "fill:000000", ""),
                                step(LMDBX__STEP_DELETE, "fill:000001", "")};
  struct lmdbx__unit unit;
  struct lmdbx__op op = unit_op(&unit, steps, COUNT(steps), NULL);
  commit_group(env, &op, 1);
  assert_null(op.error);
  assert_false(has(env, "fill:000001"));
  lmdbx__env_release(env);
}

static void a_unit_refused_before_fails_in_its_place(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 0);
  const struct lmdbx_error refused = {.code = LMDBX_NO_MEMORY, .message = "refused"};
  struct lmdbx__step steps[] = {put_step("a", "1")};
  struct lmdbx__unit units[3];
  bool fence = false;
  struct lmdbx__op ops[3];
  for (size_t i = 0; i < 3; i++) ops[i] = unit_op(&units[i], steps, 1, &fence);
  units[1].refused = &refused;
  commit_group(env, ops, 3);
  assert_int_equal(code_of(&ops[0]), LMDBX_OK);
  assert_int_equal(code_of(&ops[1]), LMDBX_NO_MEMORY);
  assert_int_equal(code_of(&ops[2]), LMDBX_ABORTED);
  free_ops(ops, 3);
  lmdbx__env_release(env);
}

/* ------------------------------------------------------------------- fences */

static void behind_a_broken_fence_units_fail_in_this_group_and_in_later_ones(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 0);
  struct lmdbx__step sound[] = {put_step("k", "1")};
  struct lmdbx__step wrong[] = {compare_step("none", "1"), put_step("k", "2")};
  struct lmdbx__unit units[5];
  bool fence = false;
  bool other = false;
  struct lmdbx__op ops[] = {
      unit_op(&units[0], sound, 1, &fence), unit_op(&units[1], wrong, 2, &fence),
      unit_op(&units[2], sound, 1, &fence), unit_op(&units[3], sound, 1, &other)};
  commit_group(env, ops, COUNT(ops));
  assert_int_equal(code_of(&ops[0]), LMDBX_OK);
  assert_int_equal(code_of(&ops[1]), LMDBX_CONFLICT);
  assert_int_equal(code_of(&ops[2]), LMDBX_ABORTED);
  assert_int_equal(code_of(&ops[3]), LMDBX_OK);
  struct lmdbx__op later = unit_op(&units[4], sound, 1, &fence);
  commit_group(env, &later, 1);
  assert_int_equal(code_of(&later), LMDBX_ABORTED);
  free_ops(&later, 1);
  free_ops(ops, COUNT(ops));
  lmdbx__env_release(env);
}

/* The first attempt meets the failing unit, and is aborted; then the unit in front
 * of it is tried again and must find the fence whole. */
static void an_attempt_that_was_aborted_leaves_no_broken_fence(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), MEBIBYTE);
  struct lmdbx__step sound[] = {put_step("first", "1")};
  struct lmdbx__step wrong[] = {compare_step("none", "1"), put_step("second", "1")};
  struct lmdbx__step late[] = {put_step("third", "1")};
  struct lmdbx__step huge[] = {huge_step("huge")};
  struct lmdbx__unit units[4];
  for (size_t place = 0; place < 2; place++) {
    bool fence = false;
    struct lmdbx__op poison = unit_op(&units[3], huge, 1, NULL);
    struct lmdbx__op ops[4] = {unit_op(&units[0], sound, 1, &fence),
                               unit_op(&units[1], wrong, 2, &fence)};
    ops[2 + place] = poison;
    ops[3 - place] = unit_op(&units[2], late, 1, &fence);
    commit_group(env, ops, 4);
    assert_int_equal(code_of(&ops[0]), LMDBX_OK);
    assert_int_equal(code_of(&ops[1]), LMDBX_CONFLICT);
    assert_int_equal(code_of(&ops[2 + place]), LMDBX_MAP_FULL);
    assert_int_equal(code_of(&ops[3 - place]), LMDBX_ABORTED);
    assert_true(holds(env, "first", "1"));
    assert_false(has(env, "third"));
    free_ops(ops, 4);
  }
  lmdbx__env_release(env);
}

static void a_unit_that_does_not_fit_breaks_its_fence(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), MEBIBYTE);
  struct lmdbx__step huge[] = {huge_step("huge")};
  struct lmdbx__step late[] = {put_step("late", "1")};
  struct lmdbx__unit units[2];
  bool fence = false;
  struct lmdbx__op ops[] = {unit_op(&units[0], huge, 1, &fence),
                            unit_op(&units[1], late, 1, &fence)};
  commit_group(env, ops, 2);
  assert_int_equal(code_of(&ops[0]), LMDBX_MAP_FULL);
  assert_int_equal(code_of(&ops[1]), LMDBX_ABORTED);
  assert_false(has(env, "late"));
  free_ops(ops, 2);
  lmdbx__env_release(env);
}

/* -------------------------------------------------------------------- reads */

static void comparisons_without_writes_take_no_commit(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 0);
  put(env, "k", "v");
  struct lmdbx__step right[] = {compare_step("k", "v"), step(LMDBX__STEP_ABSENT, "none", "")};
  struct lmdbx__step wrong[] = {compare_step("k", "v"), step(LMDBX__STEP_ABSENT, "k", "")};
  struct lmdbx__unit units[2];
  struct lmdbx__op ops[] = {unit_op(&units[0], right, 2, NULL), unit_op(&units[1], wrong, 2, NULL)};
  assert_false(lmdbx__op_writes(&ops[0]));
  assert_int_equal(commit_group(env, ops, 2).commits, 0);
  assert_int_equal(code_of(&ops[0]), LMDBX_OK);
  assert_int_equal(code_of(&ops[1]), LMDBX_CONFLICT);
  assert_int_equal(units[1].failed, 1);
  free_ops(ops, 2);

  struct lmdbx__read *read;
  assert_int_equal(lmdbx__read_begin(env, &read, NULL), LMDBX_OK);
  for (size_t i = 0; i < 2; i++) lmdbx__read_unit(read, &ops[i]);
  lmdbx__read_end(read);
  assert_int_equal(code_of(&ops[0]), LMDBX_OK);
  assert_int_equal(code_of(&ops[1]), LMDBX_CONFLICT);
  free_ops(ops, 2);
  lmdbx__env_release(env);
}

static size_t count_collected(struct lmdbx_buffer *buffer, const char *last_value) {
  struct lmdbx_slice left = {buffer->data, buffer->size};
  struct lmdbx_slice key;
  struct lmdbx_slice value;
  size_t count = 0;
  for (; lmdbx__collected(&left, &key, &value); count++) assert_memory_equal(key.data, "p:", 2);
  if (count > 0) assert_memory_equal(value.data, last_value, value.size);
  return count;
}

static void records_with_a_prefix_are_collected_in_order(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 0);
  put(env, "o", "1");
  put(env, "q", "1");
  put(env, "p:1", "");
  struct lmdbx__op ops[] = {op_of(LMDBX__OP_COLLECT, "p:"), put_op("p:2", "two"),
                            op_of(LMDBX__OP_COLLECT, "p:"), op_of(LMDBX__OP_COLLECT, "z")};
  commit_group(env, ops, COUNT(ops));
  assert_int_equal(count_collected(&ops[0].result, ""), 1);
  assert_int_equal(count_collected(&ops[2].result, "two"), 2);
  assert_int_equal(count_collected(&ops[3].result, ""), 0);
  free_ops(ops, COUNT(ops));
  struct lmdbx__read *read;
  struct lmdbx_buffer out = {0};
  assert_int_equal(lmdbx__read_begin(env, &read, NULL), LMDBX_OK);
  assert_int_equal(lmdbx__read_collect(read, TEST_MAIN_DBI, text("p:"), &out, NULL), LMDBX_OK);
  lmdbx__read_end(read);
  assert_int_equal(count_collected(&out, "two"), 2);
  lmdbx_buffer_free(&out);
  lmdbx__env_release(env);
}

/* ------------------------------------------------------------------- faults */

enum { STEPS = 20, MAX_CALL = 4, ROUNDS = 40 };

static char keys[STEPS][16];

/* Puts the same value under every key, in two units around a single put. */
static int commit_value(struct lmdbx__env *env, const char *value, bool *fence) {
  struct lmdbx__step steps[2][STEPS];
  struct lmdbx__unit units[2];
  for (size_t i = 0; i < STEPS; i++) {
    steps[0][i] = put_step(fill_key(keys[i], i), value);
    steps[1][i] = steps[0][i];
  }
  struct lmdbx__op ops[] = {unit_op(&units[0], steps[0], STEPS, fence), put_op("single", value),
                            unit_op(&units[1], steps[1], STEPS, fence)};
  commit_group(env, ops, COUNT(ops));
  int code = code_of(&ops[0]);
  for (size_t i = 1; i < COUNT(ops); i++) assert_int_equal(code_of(&ops[i]), code);
  free_ops(ops, COUNT(ops));
  return code;
}

static size_t count_holding(struct lmdbx__env *env, const char *value) {
  size_t count = 0;
  for (size_t i = 0; i < STEPS; i++) count += holds(env, keys[i], value);
  return count;
}

static void writes_that_fail_leave_all_of_a_unit_or_none(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 4 * MEBIBYTE);
  int failures = 0;
  for (long round = 0; round < ROUNDS; round++) {
    bool fence = false;
    struct lmdbx__read *read;
    assert_int_equal(commit_value(env, "old", &fence), LMDBX_OK);
    assert_false(fence);
    arm(&writes, round % MAX_CALL + 1, EIO);
    int code = commit_value(env, "new", &fence);
    no_faults();
    assert_int_equal(fence, code != LMDBX_OK);
    failures += code != LMDBX_OK;
    assert_int_equal(lmdbx__read_begin_wait(env, &read, NULL), LMDBX_OK); /* reopens */
    lmdbx__read_end(read);
    size_t old = count_holding(env, "old");
    assert_true(old == 0 || old == STEPS);
    assert_int_equal(count_holding(env, "new"), STEPS - old);
    if (code == LMDBX_OK) assert_int_equal(old, 0);
  }
  lmdbx__env_release(env);
  assert_true(failures > 0);
}

#define LOADED 400

/* A put of the record of a number; its value says which of two it is. */
static struct lmdbx__step record_step(char key[16], unsigned number, const char *value) {
  (void)snprintf(key, 16, "k%08u", number);
  return put_step(key, value);
}

/* Commits records in ascending order, in units of so many; returns the leaf pages. */
static uint64_t load(struct lmdbx__env *env, unsigned size) {
  static char keys[LOADED][16];
  static char value[1301]; /* three to a page; two, where it was split in the middle */
  static struct lmdbx__step steps[LOADED];
  memset(value, 'v', sizeof value - 1);
  for (unsigned i = 0; i < LOADED; i++) steps[i] = record_step(keys[i], i, value);
  for (unsigned begun = 0; begun < LOADED; begun += size) {
    struct lmdbx__unit unit;
    struct lmdbx__op op = unit_op(&unit, steps + begun, size, NULL);
    assert_int_equal(commit_group(env, &op, 1).commits, 1);
    assert_null(op.error);
  }
  struct lmdbx__read *read;
  struct lmdbx__db_stat stat;
  assert_int_equal(lmdbx__read_begin_wait(env, &read, NULL), LMDBX_OK);
  assert_int_equal(lmdbx__read_stat(read, TEST_MAIN_DBI, &stat, NULL), LMDBX_OK);
  lmdbx__read_end(read);
  assert_int_equal(stat.entries, LOADED);
  for (unsigned i = 0; i < LOADED; i++) assert_true(holds(env, keys[i], value));
  return stat.leaf_pages;
}

static void long_units_in_order_fill_their_pages(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "long"), 0);
  struct lmdbx__env *other = open_env(path_in(state, "short"), 0);
  uint64_t filled = load(env, LOADED / 4);
  /* Unless it is told that records are appended, LMDB splits a full page in the middle. */
  uint64_t split = load(other, LOADED / 20);
  if (filled * 5 > split * 4) fail_msg("%d pages, and %d", (int)filled, (int)split);
  lmdbx__env_release(env);
  lmdbx__env_release(other);
}

static void a_long_unit_that_leaves_the_order_stores_the_last_of_each_key(void **state) {
  enum { HALF = 100 };
  struct lmdbx__env *env = open_env(path_in(state, "db"), 0);
  char keys[2 * HALF + 3][16];
  struct lmdbx__step steps[2 * HALF + 3];
  size_t count = 0;
  put(env, "k00000050", "stored");
  for (unsigned i = 0; i < 2 * HALF; i++, count++) {
    steps[count] = record_step(keys[count], i, i < HALF ? "first" : "second");
  }
  steps[count] = record_step(keys[count], 2 * HALF - 1, "same"); /* the last one, again */
  count++;
  steps[count] = record_step(keys[count], 3, "back");
  count++;
  steps[count] = record_step(keys[count], 2 * HALF, "on");
  count++;
  struct lmdbx__unit unit;
  struct lmdbx__op op = unit_op(&unit, steps, count, NULL);
  assert_int_equal(commit_group(env, &op, 1).commits, 1);
  assert_null(op.error);
  assert_true(holds(env, "k00000002", "first"));
  assert_true(holds(env, "k00000003", "back"));
  assert_true(holds(env, "k00000050", "first"));
  assert_true(holds(env, "k00000198", "second"));
  assert_true(holds(env, "k00000199", "same"));
  assert_true(holds(env, "k00000200", "on"));
  lmdbx__env_release(env);
}

static void appended_records_stay_behind_those_of_other_units(void **state) {
  enum { MANY = 100 };
  struct lmdbx__env *env = open_env(path_in(state, "db"), 0);
  char keys[2][MANY][16];
  struct lmdbx__step steps[2][MANY];
  struct lmdbx__unit units[2];
  for (unsigned i = 0; i < MANY; i++) {
    steps[0][i] = record_step(keys[0][i], 2 * i, "even");
    steps[1][i] = record_step(keys[1][i], 2 * i + 1, "odd");
  }
  /* In one transaction: the second begins in the middle of the first. */
  struct lmdbx__op ops[] = {unit_op(&units[0], steps[0], MANY, NULL),
                            unit_op(&units[1], steps[1], MANY, NULL)};
  assert_int_equal(commit_group(env, ops, 2).commits, 1);
  for (unsigned i = 0; i < MANY; i++) {
    assert_true(holds(env, keys[0][i], "even"));
    assert_true(holds(env, keys[1][i], "odd"));
  }
  free_ops(ops, 2);
  lmdbx__env_release(env);
}

static int forget_faults(void **state) {
  no_faults();
  return remove_directory(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, forget_faults)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_unit_applies_all_of_its_steps_in_order),
      TEST(a_comparison_that_fails_undoes_its_unit_alone),
      TEST(comparisons_see_what_came_before_in_the_group),
      TEST(a_step_that_is_too_large_refuses_the_unit_before_a_page_is_touched),
      TEST(a_unit_that_does_not_fit_fails_alone_and_whole),
      TEST(deletes_of_a_unit_have_the_reserve_of_a_full_database),
      TEST(a_unit_refused_before_fails_in_its_place),
      TEST(behind_a_broken_fence_units_fail_in_this_group_and_in_later_ones),
      TEST(an_attempt_that_was_aborted_leaves_no_broken_fence),
      TEST(a_unit_that_does_not_fit_breaks_its_fence),
      TEST(comparisons_without_writes_take_no_commit),
      TEST(records_with_a_prefix_are_collected_in_order),
      TEST(long_units_in_order_fill_their_pages),
      TEST(a_long_unit_that_leaves_the_order_stores_the_last_of_each_key),
      TEST(appended_records_stay_behind_those_of_other_units),
      TEST(writes_that_fail_leave_all_of_a_unit_or_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
