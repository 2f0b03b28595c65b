/* Groups that grow while they are carried out. */
#include "queue_fixture.h"

/* --------------------------------------------------------------- the store's */

enum { FED = 60, FIRST = 4, HELPING = 7, MISFIT = 37 };

/* Hands its operations out, some at a time, behind those that were handed out before. */
struct feeder {
  struct lmdbx__op ops[FED];
  char keys[FED][16];
  size_t handed;
  unsigned asked;
};

static size_t feed_more(void *context) {
  struct feeder *feeder = context;
  size_t count = FED - feeder->handed < HELPING ? FED - feeder->handed : HELPING;
  feeder->asked++;
  for (size_t i = 0; i < count; i++, feeder->handed++)
    feeder->ops[feeder->handed - 1].next = &feeder->ops[feeder->handed];
  return count;
}

static struct lmdbx__commit_report commit_fed(struct lmdbx__env *env, struct feeder *feeder) {
  const struct lmdbx__feed feed = {feed_more, feeder};
  struct lmdbx__commit_report report;
  for (size_t i = 0; i + 1 < FIRST; i++) feeder->ops[i].next = &feeder->ops[i + 1];
  feeder->handed = FIRST;
  lmdbx__commit_fed(env, feeder->ops, &feed, &report);
  assert_int_equal(report.operations, feeder->handed);
  return report;
}

static struct feeder *feeder_of_puts(void) {
  static struct feeder feeder;
  feeder = (struct feeder){0};
  for (size_t i = 0; i < FED; i++) {
    snprintf(feeder.keys[i], sizeof feeder.keys[i], "t:%zu", i);
    feeder.ops[i] = put_op(feeder.keys[i], "small");
  }
  return &feeder;
}

static void what_joins_a_group_is_in_its_commit(void **state) {
  void *directory = ((struct fixture *)*state)->directory;
  struct lmdbx__env *env = open_env(path_in(&directory, "db"), 0);
  struct feeder *feeder = feeder_of_puts();
  feeder->ops[FED - 1] = op_of(LMDBX__OP_GET, feeder->keys[0]);
  struct lmdbx__commit_report report = commit_fed(env, feeder);
  assert_int_equal(report.commits, 1);
  assert_int_equal(feeder->handed, FED);
  assert_int_equal(feeder->asked, (FED - FIRST) / HELPING + 1);
  for (size_t i = 0; i + 1 < FED; i++) assert_true(holds(env, feeder->keys[i], "small"));
  assert_memory_equal(feeder->ops[FED - 1].result.data, "small", 5);
  free_ops(feeder->ops, FED);
  lmdbx__env_release(env);
}

static void what_joins_a_group_and_does_not_fit_fails_alone(void **state) {
  void *directory = ((struct fixture *)*state)->directory;
  struct lmdbx__env *env = open_env(path_in(&directory, "db"), MEBIBYTE);
  struct feeder *feeder = feeder_of_puts();
  uint8_t *big = calloc(2, MEBIBYTE);
  assert_non_null(big);
  feeder->ops[MISFIT].value = (struct lmdbx_slice){big, 2 * MEBIBYTE};
  feeder->ops[0].key.size = 0;
  commit_fed(env, feeder);
  /* The group does not grow any more once it had to be begun again. */
  assert_in_range(feeder->handed, MISFIT + 1, MISFIT + HELPING);
  for (size_t i = 0; i < feeder->handed; i++) {
    int expected = i == 0 ? LMDBX_KEY_TOO_LARGE : i == MISFIT ? LMDBX_MAP_FULL : LMDBX_OK;
    assert_int_equal(code_of(&feeder->ops[i]), expected);
    assert_int_equal(has(env, feeder->keys[i]), expected == LMDBX_OK);
  }
  free_ops(feeder->ops, FED);
  free(big);
  lmdbx__env_release(env);
}

/* --------------------------------------------------------------- the queue's */

enum { PUTS = 40, EARLY = 20, TRIES = 200 };

static size_t submitted(struct executor *executor) {
  pthread_mutex_lock(&executor->mutex);
  size_t count = executor->submitted;
  pthread_mutex_unlock(&executor->mutex);
  return count;
}

static void put_some(struct lmdbx_repository *repository, int from, int to,
                     struct outcome *outcomes) {
  char key[16];
  for (int i = from; i < to; i++) {
    snprintf(key, sizeof key, "t:%d", i);
    ask_put(repository, key, "value", &outcomes[i]);
  }
}

/* Whether they do is a race, which a turn that is held up loses: then it is two. */
static void writes_of_a_turn_join_the_group_that_began_with_its_first(void **state) {
  struct fixture *fixture = *state;
  struct outcome outcomes[PUTS];
  long took = 0;
  ready(fixture);
  for (int i = 0; i < TRIES && took != 1; i++) {
    long before = counter(fixture->repository, "commits");
    size_t jobs = submitted(&fixture->executor);
    put_some(fixture->repository, 0, EARLY, outcomes);
    assert_int_equal(submitted(&fixture->executor), jobs + 1);
    put_some(fixture->repository, EARLY, PUTS, outcomes);
    for (int k = 0; k < PUTS; k++) {
      finish(&fixture->executor, &outcomes[k]);
      assert_int_equal(outcomes[k].code, LMDBX_OK);
      if (k > 0) assert_true(outcomes[k].order > outcomes[k - 1].order);
    }
    took = counter(fixture->repository, "commits") - before;
    assert_in_range(took, 1, 3);
  }
  assert_int_equal(took, 1);
}

static void a_few_writes_wait_for_the_end_of_the_turn(void **state) {
  struct fixture *fixture = *state;
  struct outcome outcomes[PUTS];
  ready(fixture);
  size_t jobs = submitted(&fixture->executor);
  put_some(fixture->repository, 0, 3, outcomes);
  assert_int_equal(submitted(&fixture->executor), jobs);
  finish(&fixture->executor, &outcomes[2]);
  assert_int_equal(outcomes[0].code, LMDBX_OK);
}

static void a_turn_that_does_not_end_is_not_waited_for(void **state) {
  struct fixture *fixture = *state;
  struct outcome outcomes[PUTS];
  ready(fixture);
  put_some(fixture->repository, 0, EARLY, outcomes);
  while (!outcomes[EARLY - 1].done) executor_turn(&fixture->executor); /* without a flush */
  assert_int_equal(outcomes[EARLY - 1].code, LMDBX_OK);
}

static void a_host_may_end_in_such_a_turn(void **state) {
  struct fixture *fixture = *state;
  struct outcome outcomes[PUTS];
  struct outcome outcome;
  struct executor other;
  executor_start(&other);
  struct lmdbx_repository *repository = open_with(&other, fixture->directory, "");
  const struct lmdbx_issue issue = to(&outcome);
  assert_int_equal(lmdbx_ready(repository, &issue, NULL), LMDBX_OK);
  finish(&other, &outcome);
  ready(fixture);
  put_some(repository, 0, EARLY, outcomes);
  lmdbx_repository_release(repository);
  lmdbx_host_destroy(other.host);
  put_some(fixture->repository, 0, PUTS, outcomes);
  finish(&fixture->executor, &outcomes[PUTS - 1]);
  assert_int_equal(outcomes[PUTS - 1].code, LMDBX_OK);
  executor_stop(&other);
}

int main(void) {
#define GATHER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      GATHER_TEST(what_joins_a_group_is_in_its_commit),
      GATHER_TEST(what_joins_a_group_and_does_not_fit_fails_alone),
      GATHER_TEST(writes_of_a_turn_join_the_group_that_began_with_its_first),
      GATHER_TEST(a_few_writes_wait_for_the_end_of_the_turn),
      GATHER_TEST(a_turn_that_does_not_end_is_not_waited_for),
      GATHER_TEST(a_host_may_end_in_such_a_turn),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
