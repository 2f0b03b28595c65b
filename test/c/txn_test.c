/* Read transactions, and maps that move. */
#include "support.h"

#include <lmdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void a_read_sees_the_moment_it_began(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 0);
  struct lmdbx__read *before, *after;
  put(env, "k", "old");
  assert_int_equal(lmdbx__read_begin(env, &before, NULL), LMDBX_OK);
  uint64_t moment = lmdbx__read_txn_id(before);
  assert_int_equal(moment, lmdbx__env_last_txn_id(env));
  for (int i = 0; i < 20; i++) {
    put(env, "k", "new");
    put(env, "other", "new");
  }
  assert_int_equal(lmdbx__read_begin(env, &after, NULL), LMDBX_OK);
  assert_true(sees(before, TEST_MAIN_DBI, "k", "old"));
  assert_false(sees(before, TEST_MAIN_DBI, "other", "new"));
  assert_true(sees(after, TEST_MAIN_DBI, "k", "new"));
  assert_int_equal(lmdbx__read_txn_id(before), moment);
  assert_int_equal(lmdbx__read_txn_id(after), moment + 40);
  lmdbx__read_end(before);
  lmdbx__read_end(after);
  lmdbx__env_release(env);
}

static void a_reused_read_sees_the_newest_commit(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 0);
  for (int i = 0; i < 50; i++) {
    char value[16];
    snprintf(value, sizeof value, "%d", i);
    put(env, "k", value);
    assert_true(holds(env, "k", value));
  }
  struct lmdbx__env_info info;
  lmdbx__env_info(env, &info);
  assert_int_equal(info.readers, 1);
  lmdbx__env_release(env);
}

static void ended_reads_keep_a_bounded_number_of_slots(void **state) {
  enum { COUNT = 50 };
  struct lmdbx__env *env = open_env(path_in(state, "db"), 0);
  struct lmdbx__read *reads[COUNT];
  struct lmdbx__env_info info;
  for (int i = 0; i < COUNT; i++)
    assert_int_equal(lmdbx__read_begin(env, &reads[i], NULL), LMDBX_OK);
  lmdbx__env_info(env, &info);
  assert_int_equal(info.readers, COUNT);
  for (int i = 0; i < COUNT; i++) lmdbx__read_end(reads[i]);
  lmdbx__env_info(env, &info);
  assert_in_range(info.readers, 1, 16);
  lmdbx__env_release(env);
}

static void full_reader_slots_are_an_error_that_passes(void **state) {
  enum { SLOTS = 5 };
  struct lmdbx__env_options options = {.path = path_in(state, "db"), .max_readers = SLOTS};
  struct lmdbx__env *env;
  struct lmdbx__read *reads[SLOTS + 1];
  struct lmdbx_error error;
  assert_int_equal(lmdbx__env_acquire(&options, NULL, &env, NULL), LMDBX_OK);
  struct lmdbx__env_info info;
  lmdbx__env_info(env, &info);
  assert_int_equal(info.max_readers, SLOTS);
  for (int i = 0; i < SLOTS; i++)
    assert_int_equal(lmdbx__read_begin(env, &reads[i], &error), LMDBX_OK);
  assert_int_equal(lmdbx__read_begin(env, &reads[SLOTS], &error), LMDBX_READERS_FULL);
  assert_non_null(strstr(error.message, "maxReaders"));
  lmdbx__read_end(reads[0]);
  assert_int_equal(lmdbx__read_begin(env, &reads[0], &error), LMDBX_OK);
  for (int i = 0; i < SLOTS; i++) lmdbx__read_end(reads[i]);
  lmdbx__env_release(env);
}

struct holder {
  const char *path;
  int ready[2], go[2];
};

/* Holds the environment open, so that the lock file with its slots lives on,
 * while another process takes the other slots and dies with them. */
static int hold_then_read(void *context) {
  struct holder *holder = context;
  struct lmdbx__env_options options = {.path = holder->path, .max_readers = 5};
  struct lmdbx__env *env;
  struct lmdbx__read *reads[5];
  char byte = 'r';
  close(holder->ready[0]);
  close(holder->go[1]);
  if (lmdbx__env_acquire(&options, NULL, &env, NULL) != LMDBX_OK) return 1;
  if (write(holder->ready[1], &byte, 1) != 1 || read(holder->go[0], &byte, 1) != 1) return 2;
  for (int i = 0; i < 5; i++)
    if (lmdbx__read_begin(env, &reads[i], NULL) != LMDBX_OK) return 10 + i;
  for (int i = 0; i < 5; i++) lmdbx__read_end(reads[i]);
  lmdbx__env_release(env);
  return 0;
}

static int die_reading(void *context) {
  struct lmdbx__env_options options = {.path = context, .max_readers = 5};
  struct lmdbx__env *env;
  struct lmdbx__read *read;
  if (lmdbx__env_acquire(&options, NULL, &env, NULL) != LMDBX_OK) return 1;
  for (int i = 0; i < 4; i++)
    if (lmdbx__read_begin(env, &read, NULL) != LMDBX_OK) return 2;
  return lmdbx__read_begin(env, &read, NULL) == LMDBX_READERS_FULL ? 0 : 3;
}

static void slots_of_dead_processes_are_reclaimed_when_full(void **state) {
  struct holder holder = {.path = path_in(state, "db")};
  char byte = 'g';
  assert_int_equal(pipe(holder.ready), 0);
  assert_int_equal(pipe(holder.go), 0);
  int child = start_child(hold_then_read, &holder);
  close(holder.ready[1]);
  close(holder.go[0]);
  assert_int_equal(read(holder.ready[0], &byte, 1), 1);
  assert_int_equal(join_child(start_child(die_reading, (void *)holder.path)), 0);
  assert_int_equal(write(holder.go[1], &byte, 1), 1);
  assert_int_equal(join_child(child), 0);
  close(holder.ready[0]);
  close(holder.go[1]);
}

static void *end_read(void *context) {
  lmdbx__read_end(context);
  return NULL;
}

static void a_read_may_end_on_another_thread(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 0);
  struct lmdbx__read *read, *again;
  pthread_t thread;
  assert_int_equal(lmdbx__read_begin(env, &read, NULL), LMDBX_OK);
  assert_int_equal(pthread_create(&thread, NULL, end_read, read), 0);
  pthread_join(thread, NULL);
  assert_int_equal(lmdbx__read_begin(env, &again, NULL), LMDBX_OK);
  lmdbx__read_end(again);
  lmdbx__env_release(env);
}

static void keys_that_lmdb_cannot_hold_are_not_found(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), 0);
  struct lmdbx__read *read;
  struct lmdbx_slice value;
  bool found = true;
  static uint8_t bytes[LMDBX_MAX_STORED_KEY];
  put(env, "k", "v");
  assert_int_equal(lmdbx__read_begin(env, &read, NULL), LMDBX_OK);
  struct lmdbx_slice keys[] = {{bytes, 0}, {bytes, 512}, {bytes, sizeof bytes}};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    assert_int_equal(lmdbx__read_get(read, TEST_MAIN_DBI, keys[i], &found, &value, NULL), LMDBX_OK);
    assert_false(found);
  }
  lmdbx__read_end(read);
  lmdbx__env_release(env);
}

/* Zeroes the kind of the leaf page that begins with this key. */
static void damage_leaf(const char *file, const char *key) {
  enum { PAGE = 4096, FLAGS = 10, HEADER = 16, LEAF = 2 };
  size_t size;
  uint8_t *data = read_file(file, &size);
  int damaged = 0;
  for (size_t page = 2; page < size / PAGE; page++) {
    uint8_t *at = data + page * PAGE;
    uint16_t first;
    memcpy(&first, at + HEADER, sizeof first);
    if (at[FLAGS] != LEAF || first + 8 + strlen(key) > PAGE) continue;
    if (memcmp(at + first + 8, key, strlen(key)) != 0) continue;
    at[FLAGS] = 0;
    damaged++;
  }
  assert_true(damaged > 0);
  write_file(file, data, size);
  free(data);
}

static void records_beside_a_damaged_page_stay_readable(void **state) {
  enum { COUNT = 1000 };
  static struct lmdbx__op ops[COUNT];
  static char keys[COUNT][16];
  const char *path = path_in(state, "db");
  struct lmdbx__env *env = open_env(path, 4 * MEBIBYTE);
  for (size_t i = 0; i < COUNT; i++) ops[i] = put_op(fill_key(keys[i], i), "value");
  commit_group(env, ops, COUNT);
  lmdbx__env_release(env);
  damage_leaf(path_in(state, "db/data.mdb"), keys[0]);
  env = open_env(path, 4 * MEBIBYTE);
  struct lmdbx__read *read;
  struct lmdbx_slice value;
  bool found;
  int readable = 0;
  assert_int_equal(lmdbx__read_begin(env, &read, NULL), LMDBX_OK);
  for (size_t i = 0; i < COUNT; i++) {
    int code = lmdbx__read_get(read, TEST_MAIN_DBI, text(keys[i]), &found, &value, NULL);
    if (code != LMDBX_OK) assert_int_equal(code, LMDBX_CORRUPT);
    if (code == LMDBX_OK) assert_true(found);
    readable += code == LMDBX_OK;
  }
  assert_in_range(readable, COUNT / 2, COUNT - 1);
  lmdbx__read_end(read);
  /* In a group, too, only the operations that meet it fail. */
  struct lmdbx__op mixed[] = {op_of(LMDBX__OP_GET, keys[0]), op_of(LMDBX__OP_GET, keys[COUNT - 1]),
                              put_op(keys[0], "new"), put_op(keys[COUNT - 1], "new")};
  commit_group(env, mixed, 4);
  for (size_t i = 0; i < 4; i++)
    assert_int_equal(code_of(&mixed[i]), i % 2 ? LMDBX_OK : LMDBX_CORRUPT);
  assert_true(holds(env, keys[COUNT - 1], "new"));
  free_ops(mixed, 4);
  lmdbx__env_release(env);
}

/* ------------------------------------------- maps grown by other processes */

/* A child that waits for a byte, grows the file, and reports. */
struct grower {
  const char *path;
  int commands[2], reports[2];
};

static int grow(void *context) {
  struct grower *grower = context;
  struct lmdbx__env_options options = {.path = grower->path, .map_size = 64 * MEBIBYTE};
  static uint8_t value[100 * 1024];
  struct lmdbx__env *env;
  char byte;
  close(grower->commands[1]);
  close(grower->reports[0]);
  if (lmdbx__env_acquire(&options, NULL, &env, NULL) != LMDBX_OK) return 1;
  for (int i = 0; read(grower->commands[0], &byte, 1) == 1; i++) {
    struct lmdbx__commit_report report;
    for (int record = 0; record < 30; record++) {
      char key[32];
      snprintf(key, sizeof key, "grown:%d:%d", i, record);
      struct lmdbx__op op = put_op(key, "");
      op.value = (struct lmdbx_slice){value, sizeof value};
      lmdbx__commit(env, &op, &report);
      if (op.error != NULL) return 2;
    }
    if (write(grower->reports[1], &byte, 1) != 1) return 3;
  }
  lmdbx__env_release(env);
  return 0;
}

static void start_grower(struct grower *grower, const char *path, int *child) {
  grower->path = path;
  assert_int_equal(pipe(grower->commands), 0);
  assert_int_equal(pipe(grower->reports), 0);
  *child = start_child(grow, grower);
  close(grower->commands[0]);
  close(grower->reports[1]);
}

static void let_grow(struct grower *grower) {
  char byte = 'g';
  assert_int_equal(write(grower->commands[1], &byte, 1), 1);
  assert_int_equal(read(grower->reports[0], &byte, 1), 1);
}

static void stop_grower(struct grower *grower, int child) {
  close(grower->commands[1]);
  assert_int_equal(join_child(child), 0);
  close(grower->reports[0]);
}

static void a_map_that_another_process_outgrew_is_followed(void **state) {
  const char *path = path_in(state, "db");
  struct grower grower;
  int child;
  start_grower(&grower, path, &child);
  struct lmdbx__env *env = open_env(path, MEBIBYTE);
  put(env, "own", "1");
  for (int i = 0; i < 4; i++) {
    char key[32];
    struct lmdbx__read *read;
    let_grow(&grower);
    snprintf(key, sizeof key, "grown:%d:29", i);
    /* Without waiting the map cannot be moved, so the caller is sent away. */
    assert_int_equal(lmdbx__read_begin(env, &read, NULL), LMDBX_CONFLICT);
    assert_int_equal(lmdbx__read_begin_wait(env, &read, NULL), LMDBX_OK);
    lmdbx__read_end(read);
    assert_true(has(env, key));
    assert_true(holds(env, "own", "1"));
  }
  /* Writing finds out by itself. Puts are over the limit, deletes are not. */
  let_grow(&grower);
  struct lmdbx__op ops[] = {put_op("big", ""), op_of(LMDBX__OP_DELETE, "own")};
  static uint8_t value[200 * 1024];
  ops[0].value = (struct lmdbx_slice){value, sizeof value};
  commit_group(env, ops, 2);
  assert_int_equal(code_of(&ops[0]), LMDBX_MAP_FULL);
  assert_int_equal(code_of(&ops[1]), LMDBX_OK);
  assert_true(ops[1].found);
  free_ops(ops, 2);
  stop_grower(&grower, child);
  lmdbx__env_release(env);
}

static void a_live_read_keeps_the_map_and_its_data(void **state) {
  const char *path = path_in(state, "db");
  struct grower grower;
  struct lmdbx__read *old, *read;
  struct lmdbx_slice value;
  bool found;
  int child;
  start_grower(&grower, path, &child);
  struct lmdbx__env *env = open_env(path, MEBIBYTE);
  put(env, "own", "1");
  assert_int_equal(lmdbx__read_begin(env, &old, NULL), LMDBX_OK);
  assert_int_equal(lmdbx__read_get(old, TEST_MAIN_DBI, text("own"), &found, &value, NULL),
                   LMDBX_OK);
  let_grow(&grower);
  assert_int_equal(lmdbx__read_begin_wait(env, &read, NULL), LMDBX_CONFLICT);
  assert_memory_equal(value.data, "1", 1);
  assert_true(sees(old, TEST_MAIN_DBI, "own", "1"));
  lmdbx__read_end(old);
  assert_int_equal(lmdbx__read_begin_wait(env, &read, NULL), LMDBX_OK);
  lmdbx__read_end(read);
  assert_true(has(env, "grown:0:0"));
  stop_grower(&grower, child);
  lmdbx__env_release(env);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_read_sees_the_moment_it_began),
      TEST(a_reused_read_sees_the_newest_commit),
      TEST(ended_reads_keep_a_bounded_number_of_slots),
      TEST(full_reader_slots_are_an_error_that_passes),
      TEST(slots_of_dead_processes_are_reclaimed_when_full),
      TEST(a_read_may_end_on_another_thread),
      TEST(keys_that_lmdb_cannot_hold_are_not_found),
      TEST(records_beside_a_damaged_page_stay_readable),
      TEST(a_map_that_another_process_outgrew_is_followed),
      TEST(a_live_read_keeps_the_map_and_its_data),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
