/* Read-ahead of scans, on a file that is not in memory. */
#include "support.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { RECORDS = 30000, GROUP = 1000, VALUE_SIZE = 200, KEY_SIZE = 24 };

static size_t pages_in_memory(int fd, size_t size) {
  size_t page_size = (size_t)sysconf(_SC_PAGESIZE), count = size / page_size, resident = 0;
  unsigned char *pages = malloc(count);
  assert_non_null(pages);
  void *start = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
  assert_ptr_not_equal(start, MAP_FAILED);
  assert_int_equal(mincore(start, size, (void *)pages), 0);
  for (size_t i = 0; i < count; i++) resident += pages[i] & 1;
  munmap(start, size);
  free(pages);
  return resident;
}

/* Drops the file, which nobody maps, from memory. false: the file system keeps it. */
static bool make_cold(const char *data) {
  struct stat status;
  int fd = open(data, O_RDWR | O_CLOEXEC);
  assert_true(fd >= 0);
  assert_int_equal(fsync(fd), 0);
  assert_int_equal(fstat(fd, &status), 0);
  (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  bool cold = pages_in_memory(fd, (size_t)status.st_size) == 0;
  close(fd);
  return cold;
}

/* Puts the records in the order of their keys, or strewn over the file. */
static void put_records(struct lmdbx__env *env, size_t stride) {
  static struct lmdbx__op ops[GROUP];
  static char keys[GROUP][KEY_SIZE];
  static uint8_t value[VALUE_SIZE];
  for (size_t i = 0; i < RECORDS; i += GROUP) {
    for (size_t k = 0; k < GROUP; k++) {
      snprintf(keys[k], sizeof keys[k], "key:%08zu", (i + k) * stride % RECORDS);
      ops[k] = put_op(keys[k], "");
      ops[k].value = (struct lmdbx_slice){value, sizeof value};
    }
    commit_group(env, ops, GROUP);
    for (size_t k = 0; k < GROUP; k++) assert_null(ops[k].error);
  }
}

static enum lmdbx__visit count_key(void *context, struct lmdbx_slice key,
                                   struct lmdbx_slice value) {
  (void)key;
  (void)value;
  ++*(size_t *)context;
  return LMDBX__VISIT_NEXT;
}

/* How often a scan of everything had to wait for the disk. */
static long faults_of_scan(struct lmdbx__env *env, bool reverse) {
  struct lmdbx__read *read;
  struct rusage before, after;
  size_t count = 0;
  bool complete;
  struct lmdbx__ahead ahead = {0};
  const struct lmdbx__scan scan = {.dbi = TEST_MAIN_DBI,
                                   .lower = {text("key:"), false},
                                   .upper = {text("key;"), true},
                                   .reverse = reverse,
                                   .ahead = &ahead,
                                   .visit = count_key,
                                   .context = &count};
  assert_int_equal(lmdbx__read_begin(env, &read, NULL), LMDBX_OK);
  assert_int_equal(getrusage(RUSAGE_THREAD, &before), 0);
  assert_int_equal(lmdbx__read_scan(read, &scan, &complete, NULL), LMDBX_OK);
  assert_int_equal(getrusage(RUSAGE_THREAD, &after), 0);
  lmdbx__read_end(read);
  assert_true(complete);
  assert_int_equal(count, RECORDS);
  return after.ru_majflt - before.ru_majflt;
}

/* A cold scan waits for at most that share of the pages, a second one for none. */
static void check_cold_scan(void **state, size_t stride, bool reverse, long share) {
  const char *path = path_in(state, "db");
  struct lmdbx__env *env = open_env(path, 64 * MEBIBYTE);
  put_records(env, stride);
  lmdbx__env_release(env);
  if (!make_cold(path_in(state, "db/data.mdb"))) skip();
  env = open_env(path, 64 * MEBIBYTE);
  long pages = RECORDS / (4096 / VALUE_SIZE); /* at the least */
  assert_in_range(faults_of_scan(env, reverse), 1, pages / share);
  assert_in_range(faults_of_scan(env, reverse), 0, pages / 100);
  lmdbx__env_release(env);
}

/* Of the file, as much as the values are. */
static bool waited_until_in_memory(const char *data) {
  time_t patience = time(NULL) + 20;
  int fd = open(data, O_RDONLY | O_CLOEXEC);
  assert_true(fd >= 0);
  size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
  size_t pages = (size_t)RECORDS * VALUE_SIZE / page_size, size = pages * page_size;
  while (pages_in_memory(fd, size) < pages && time(NULL) < patience) (void)sched_yield();
  bool in_memory = pages_in_memory(fd, size) == pages;
  close(fd);
  return in_memory;
}

/* Asked for once. */
static void a_small_file_that_has_become_cold_is_brought_back(void **state) {
  if (is_emulated()) skip(); /* qemu takes MADV_WILLNEED and does nothing */
  const char *path = path_in(state, "db");
  struct lmdbx__env *env = open_env(path, 64 * MEBIBYTE);
  struct lmdbx__read *read;
  put_records(env, 1);
  lmdbx__env_release(env);
  if (!make_cold(path_in(state, "db/data.mdb"))) skip();
  env = open_env(path, 64 * MEBIBYTE);
  assert_int_equal(lmdbx__read_begin(env, &read, NULL), LMDBX_OK);
  assert_int_equal(lmdbx__read_residence(read), LMDBX__MENDING);
  assert_true(waited_until_in_memory(path_in(state, "db/data.mdb")));
  lmdbx__read_end(read);
  lmdbx__env_release(env);
}

static void a_cold_scan_of_neighbours_reads_ahead(void **state) {
  check_cold_scan(state, 1, false, 10);
}

static void a_cold_scan_of_strewn_pages_reads_ahead(void **state) {
  check_cold_scan(state, 7919, false, 2);
}

static void a_cold_scan_in_reverse_reads_ahead(void **state) {
  check_cold_scan(state, 1, true, 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_small_file_that_has_become_cold_is_brought_back),
      TEST(a_cold_scan_of_neighbours_reads_ahead),
      TEST(a_cold_scan_of_strewn_pages_reads_ahead),
      TEST(a_cold_scan_in_reverse_reads_ahead),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
