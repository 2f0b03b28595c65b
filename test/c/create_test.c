/* Creating, and refusing what liblmdb must not be given. */
#include "support.h"

#include <errno.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

#define PAGE_SIZE 4096

static void a_database_is_created_with_its_parents(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "a/b/c"), 0);
  put(env, "k", "v");
  lmdbx__env_release(env);
  assert_int_equal(access(path_in(state, "a/b/c/data.mdb"), R_OK), 0);
  assert_int_equal(access(path_in(state, "a/b/c/lock.mdb"), R_OK), 0);
  env = open_env(path_in(state, "a/b/c"), 0);
  assert_true(holds(env, "k", "v"));
  lmdbx__env_release(env);
}

static void other_users_may_not_read_the_files(void **state) {
  struct stat status;
  mode_t mask = umask(0);
  lmdbx__env_release(open_env(path_in(state, "db"), 0));
  umask(mask);
  assert_int_equal(stat(path_in(state, "db/data.mdb"), &status), 0);
  assert_int_equal(status.st_mode & 0777, 0660);
  assert_int_equal(stat(path_in(state, "db/lock.mdb"), &status), 0);
  assert_int_equal(status.st_mode & 0777, 0660);
}

static void creation_leaves_nothing_else_and_clears_old_leftovers(void **state) {
  struct utimbuf old = {1000000000, 1000000000};
  assert_int_equal(mkdir(path_in(state, "db"), 0777), 0);
  write_file(path_in(state, "db/data.mdb.new.1.2"), "left", 4);
  write_file(path_in(state, "db/data.mdb.new.3.4"), "live", 4);
  assert_int_equal(utime(path_in(state, "db/data.mdb.new.1.2"), &old), 0);
  lmdbx__env_release(open_env(path_in(state, "db"), 0));
  assert_int_not_equal(access(path_in(state, "db/data.mdb.new.1.2"), F_OK), 0);
  assert_int_equal(unlink(path_in(state, "db/data.mdb.new.3.4")), 0);
  assert_int_equal(unlink(path_in(state, "db/data.mdb")), 0);
  assert_int_equal(unlink(path_in(state, "db/lock.mdb")), 0);
  assert_int_equal(rmdir(path_in(state, "db")), 0);
}

static void reading_only_creates_nothing(void **state) {
  expect_open_error(path_in(state, "db"), true, LMDBX_NOT_FOUND, "no database exists there");
  assert_int_not_equal(access(path_in(state, "db"), F_OK), 0);
  assert_int_equal(mkdir(path_in(state, "db"), 0777), 0);
  expect_open_error(path_in(state, "db"), true, LMDBX_NOT_FOUND, path_in(state, "db"));
  assert_int_equal(rmdir(path_in(state, "db")), 0);
}

static void a_file_in_the_way_is_refused(void **state) {
  write_file(path_in(state, "file"), "text", 4);
  expect_open_error(path_in(state, "file"), false, LMDBX_NOT_A_DIRECTORY, "not a directory");
  expect_open_error(path_in(state, "file/below"), false, LMDBX_NOT_A_DIRECTORY, "not a directory");
  size_t size;
  uint8_t *data = read_file(path_in(state, "file"), &size);
  assert_int_equal(size, 4);
  assert_memory_equal(data, "text", 4);
  free(data);
}

#define NOBODY 65534

/* As a user without rights, whoever runs the tests. */
static int open_without_rights(void *context) {
  struct lmdbx__env_options options = {.path = context, .map_size = MEBIBYTE};
  struct lmdbx__env *env;
  if (geteuid() == 0 && setuid(NOBODY) != 0) return 99;
  return lmdbx__env_acquire(&options, NULL, &env, NULL);
}

static int open_reading_without_rights(void *context) {
  struct lmdbx__env_options options = {.path = context, .read_only = true};
  struct lmdbx__env *env;
  if (geteuid() == 0 && setuid(NOBODY) != 0) return 99;
  return lmdbx__env_acquire(&options, NULL, &env, NULL);
}

static void no_permission_is_an_error_of_its_own(void **state) {
  const char *closed = path_in(state, "closed");
  assert_int_equal(chmod(path_in(state, "."), 0755), 0);
  lmdbx__env_release(open_env(closed, 0));
  assert_int_equal(chmod(path_in(state, "closed/data.mdb"), 0400), 0);
  assert_int_equal(chmod(closed, 0500), 0);
  const char *below = path_in(state, "closed/below");
  assert_int_equal(join_child(start_child(open_without_rights, (void *)closed)), LMDBX_ACCESS);
  assert_int_equal(join_child(start_child(open_without_rights, (void *)below)), LMDBX_ACCESS);
}

static void a_file_that_may_only_be_read_opens_for_reading(void **state) {
  const char *path = path_in(state, "db");
  assert_int_equal(chmod(path_in(state, "."), 0755), 0);
  lmdbx__env_release(open_env(path, 0));
  assert_int_equal(chmod(path, 0755), 0);
  assert_int_equal(chmod(path_in(state, "db/data.mdb"), 0444), 0);
  assert_int_equal(chmod(path_in(state, "db/lock.mdb"), 0666), 0);
  assert_int_equal(join_child(start_child(open_without_rights, (void *)path)), LMDBX_ACCESS);
  assert_int_equal(join_child(start_child(open_reading_without_rights, (void *)path)), LMDBX_OK);
}

static void open_once(const char *path, bool read_only) {
  const struct lmdbx__env_options options = {.path = path, .read_only = read_only};
  struct lmdbx__env *env;
  assert_int_equal(lmdbx__env_acquire(&options, NULL, &env, NULL), LMDBX_OK);
  lmdbx__env_release(env);
}

static void a_lock_file_that_root_creates_is_the_data_owners(void **state) {
  struct stat status;
  const char *path = path_in(state, "db"), *lock = path_in(state, "db/lock.mdb");
  if (geteuid() != 0) skip(); /* only root opens what is another's, and gives it away */
  open_once(path, false);
  if (chown(path_in(state, "db/data.mdb"), NOBODY, NOBODY) != 0)
    skip(); /* nor any root everywhere */
  open_once(path, false);
  assert_int_equal(stat(lock, &status), 0);
  assert_int_equal(status.st_uid, 0); /* what was there is nobody's to give */
  mode_t mask = umask(077);
  for (int read_only = 0; read_only < 2; read_only++) {
    assert_int_equal(unlink(lock), 0);
    open_once(path, read_only != 0);
    assert_int_equal(stat(lock, &status), 0);
    assert_int_equal(status.st_uid, NOBODY);
    assert_int_equal(status.st_gid, NOBODY);
    assert_int_equal(stat(path_in(state, "db/data.mdb"), &status), 0);
    mode_t mode = status.st_mode;
    assert_int_equal(stat(lock, &status), 0);
    assert_int_equal(status.st_mode, mode);
  }
  umask(mask);
}

static void data_that_is_no_file_is_refused(void **state) {
  assert_int_equal(mkdir(path_in(state, "db"), 0777), 0);
  assert_int_equal(mkfifo(path_in(state, "db/data.mdb"), 0666), 0);
  expect_open_error(path_in(state, "db"), false, LMDBX_CORRUPT, "not a regular file");
  assert_int_equal(unlink(path_in(state, "db/data.mdb")), 0);
  assert_int_equal(mkdir(path_in(state, "db/data.mdb"), 0777), 0);
  expect_open_error(path_in(state, "db"), false, LMDBX_CORRUPT, "not a regular file");
}

static void data_behind_a_link_of_its_own_is_refused(void **state) {
  lmdbx__env_release(open_env(path_in(state, "db"), 0));
  assert_int_equal(mkdir(path_in(state, "other"), 0777), 0);
  assert_int_equal(symlink("../db/data.mdb", path_in(state, "other/data.mdb")), 0);
  expect_open_error(path_in(state, "other"), false, LMDBX_CORRUPT, "not a regular file");
  assert_int_not_equal(access(path_in(state, "other/lock.mdb"), F_OK), 0);
}

/* ------------------------------------------------------------- bad files */

/* Puts the bytes at db/data.mdb, expects the refusal, and the bytes untouched
 * and no lock file made. */
static void expect_refused(void **state, const void *data, size_t size, int code,
                           const char *text) {
  const char *path = path_in(state, "db"), *file = path_in(state, "db/data.mdb");
  mkdir(path, 0777);
  write_file(file, data, size);
  expect_open_error(path, false, code, text);
  expect_open_error(path, true, code, text);
  size_t after_size;
  uint8_t *after = read_file(file, &after_size);
  assert_int_equal(after_size, size);
  assert_memory_equal(after, data, size);
  free(after);
  assert_int_not_equal(access(path_in(state, "db/lock.mdb"), F_OK), 0);
}

static void an_empty_file_is_refused(void **state) {
  expect_refused(state, "", 0, LMDBX_CORRUPT, "is empty");
}

static void a_file_that_is_not_lmdb_is_refused(void **state) {
  char page[2 * PAGE_SIZE];
  memset(page, 'x', sizeof page);
  expect_refused(state, page, sizeof page, LMDBX_CORRUPT, "not an LMDB file");
  expect_refused(state, "short", 5, LMDBX_CORRUPT, "not an LMDB file");
  memset(page, 0, sizeof page);
  expect_refused(state, page, sizeof page, LMDBX_CORRUPT, "not an LMDB file");
}

static void a_file_of_the_replaced_package_is_recognised(void **state) {
  static const uint8_t magic[] = {0xde, 0xc0, 0xef, 0xbe, 2, 0, 0, 0};
  char page[2 * PAGE_SIZE] = {0};
  memcpy(page + 24, magic, sizeof magic);
  memcpy(page + PAGE_SIZE + 24, magic, sizeof magic);
  expect_refused(state, page, sizeof page, LMDBX_FORMAT, "version 0.3");
  expect_refused(state, page, sizeof page, LMDBX_FORMAT, "import <this path> <new path>`.");
}

static void a_single_file_of_the_replaced_package_is_recognised(void **state) {
  static const uint8_t magic[] = {0xde, 0xc0, 0xef, 0xbe, 2, 0, 0, 0};
  char page[2 * PAGE_SIZE] = {0};
  size_t size;
  memcpy(page + 24, magic, sizeof magic);
  const char *path = path_in(state, "users.lmdb");
  write_file(path, page, sizeof page);
  for (int read_only = 0; read_only < 2; read_only++) {
    expect_open_error(path, read_only, LMDBX_FORMAT, "single file that version 0.3");
    expect_open_error(path, read_only, LMDBX_FORMAT, "import <this path> <new path>`.");
  }
  uint8_t *after = read_file(path, &size);
  assert_int_equal(size, sizeof page);
  assert_memory_equal(after, page, size);
  free(after);
  /* Others are merely in the way. */
  expect_open_error(path_in(state, "users.lmdb/below"), false, LMDBX_NOT_A_DIRECTORY, "directory");
  write_file(path, page, sizeof magic);
  expect_open_error(path, false, LMDBX_NOT_A_DIRECTORY, "directory");
}

/* A sound file with one record in it. */
static uint8_t *sound_file(void **state, size_t *size) {
  struct lmdbx__env *env = open_env(path_in(state, "sound"), MEBIBYTE);
  put(env, "k", "v");
  put(env, "l", "w");
  lmdbx__env_release(env);
  return read_file(path_in(state, "sound/data.mdb"), size);
}

static void store16(uint8_t *at, uint16_t value) {
  memcpy(at, &value, sizeof value);
}

static void store32(uint8_t *at, uint32_t value) {
  memcpy(at, &value, sizeof value);
}

static void store64(uint8_t *at, uint64_t value) {
  memcpy(at, &value, sizeof value);
}

static void damaged_meta_pages_are_refused(void **state) {
  size_t size;
  uint8_t *file = sound_file(state, &size), *damaged = malloc(size);
  assert_non_null(damaged);
  static const struct damage {
    size_t offset;
    uint32_t value;
    int code;
    const char *text;
  } damages[] = {
      {8, 0, LMDBX_CORRUPT, "meta page"}, /* flags: not a meta page */
      {16, 0xdec0efbe, LMDBX_CORRUPT, "not an LMDB file"},
      {16, 0xdeadbeef, LMDBX_CORRUPT, "not an LMDB file"},
      {20, 2, LMDBX_FORMAT, "version of the LMDB format"},
      {20, 999, LMDBX_FORMAT, "version of the LMDB format"},
      {40, 0, LMDBX_CORRUPT, "meta page"}, /* page size */
      {40, 1, LMDBX_CORRUPT, "meta page"},
      {40, 4095, LMDBX_CORRUPT, "meta page"},
      {40, 256, LMDBX_CORRUPT, "meta page"},
      {40, 0x10000, LMDBX_CORRUPT, "meta page"},
      {40, 0x80000000, LMDBX_CORRUPT, "meta page"},
  };
  for (size_t i = 0; i < sizeof damages / sizeof *damages; i++)
    for (int page = 0; page < 2; page++) {
      memcpy(damaged, file, size);
      store32(damaged + page * PAGE_SIZE + damages[i].offset, damages[i].value);
      int code = damages[i].code;
      const char *expected = damages[i].text;
      if (damages[i].value == 0xdec0efbe) {
        code = LMDBX_FORMAT;
        expected = "byte order";
      }
      expect_refused(state, damaged, size, code, expected);
    }
  free(damaged);
  free(file);
}

/* The offsets of the newest meta page and of its main database's root. */
static size_t newest_meta(const uint8_t *file) {
  uint64_t first, second;
  memcpy(&first, file + 144, sizeof first);
  memcpy(&second, file + PAGE_SIZE + 144, sizeof second);
  return first < second ? PAGE_SIZE : 0;
}

static void wild_roots_are_refused(void **state) {
  size_t size;
  uint8_t *file = sound_file(state, &size), *damaged = malloc(size);
  assert_non_null(damaged);
  size_t meta = newest_meta(file);
  uint64_t root;
  memcpy(&root, file + meta + 128, sizeof root);
  assert_true(root >= 2 && root < size / PAGE_SIZE);
  static const uint64_t wild[] = {0, 1, 1000000, UINT64_MAX - 1, UINT64_MAX / PAGE_SIZE};
  for (size_t i = 0; i < sizeof wild / sizeof *wild; i++) {
    memcpy(damaged, file, size);
    store64(damaged + meta + 128, wild[i]);
    expect_refused(state, damaged, size, LMDBX_CORRUPT, "damaged or cut off");
  }
  static const struct {
    size_t offset;
    uint16_t value;
  } headers[] = {{0, 77}, {10, 0}, {10, 8}, {12, 2}, {14, 0xffff}, {14, 4}};
  for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
    memcpy(damaged, file, size);
    store16(damaged + root * PAGE_SIZE + headers[i].offset, headers[i].value);
    expect_refused(state, damaged, size, LMDBX_CORRUPT, "damaged or cut off");
  }
  memcpy(damaged, file, size);
  store16(damaged + meta + 88 + 6, 33); /* depth */
  expect_refused(state, damaged, size, LMDBX_CORRUPT, "damaged or cut off");
  memcpy(damaged, file, size);
  store64(damaged + meta + 136, UINT64_MAX / 2); /* last page */
  expect_refused(state, damaged, size, LMDBX_CORRUPT, "meta page");
  free(damaged);
  free(file);
}

static void a_file_that_was_cut_off_is_refused(void **state) {
  size_t size;
  uint8_t *file = sound_file(state, &size);
  static const size_t sizes[] = {1, 16, 100, PAGE_SIZE, PAGE_SIZE + 100, 2 * PAGE_SIZE};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    expect_refused(state, file, sizes[i], LMDBX_CORRUPT, i < 3 ? "data.mdb" : "cut off");
  free(file);
}

/* Freed pages at the end are never written, so a sound file may be short. */
static void a_sound_file_shorter_than_its_last_page_opens(void **state) {
  size_t size;
  uint8_t *file = sound_file(state, &size);
  size_t meta = newest_meta(file);
  store64(file + meta + 136, size / PAGE_SIZE + 3);
  assert_int_equal(mkdir(path_in(state, "db"), 0777), 0);
  write_file(path_in(state, "db/data.mdb"), file, size);
  struct lmdbx__env *env = open_env(path_in(state, "db"), MEBIBYTE);
  assert_true(holds(env, "k", "v"));
  lmdbx__env_release(env);
  free(file);
}

/* Any 8 bytes of the first pages overwritten: refused or opened, never a crash. */
static int open_and_read(void *context) {
  struct lmdbx__env_options options = {.path = context, .map_size = MEBIBYTE};
  struct lmdbx__env *env;
  if (lmdbx__env_acquire(&options, NULL, &env, NULL) != LMDBX_OK) return 1;
  lmdbx__env_release(env);
  return 0;
}

static void opening_survives_random_damage_to_the_meta_pages(void **state) {
  size_t size;
  uint8_t *file = sound_file(state, &size), *damaged = malloc(size);
  assert_non_null(damaged);
  unsigned seed = (unsigned)getpid();
  print_message("seed %u\n", seed);
  assert_int_equal(mkdir(path_in(state, "db"), 0777), 0);
  const char *path = path_in(state, "db"), *data = path_in(state, "db/data.mdb");
  int refused = 0;
  for (int round = 0; round < 100; round++) {
    memcpy(damaged, file, size);
    for (int i = 0; i < 2; i++)
      damaged[rand_r(&seed) % 2 * PAGE_SIZE + rand_r(&seed) % 152] ^= 1 << rand_r(&seed) % 8;
    write_file(data, damaged, size);
    int outcome = join_child(start_child(open_and_read, (void *)path));
    assert_in_range(outcome, 0, 1);
    refused += outcome;
  }
  assert_true(refused > 0);
  free(damaged);
  free(file);
}

/* A foreign program's environment without our conventions is opened as it is. */
static void a_database_of_other_programs_opens(void **state) {
  const char *path = path_in(state, "db");
  MDB_env *foreign;
  MDB_txn *txn;
  MDB_dbi dbi;
  MDB_val key = {3, "key"}, value = {5, "value"};
  assert_int_equal(mkdir(path, 0777), 0);
  assert_int_equal(mdb_env_create(&foreign), 0);
  assert_int_equal(mdb_env_open(foreign, path, 0, 0600), 0);
  assert_int_equal(mdb_txn_begin(foreign, NULL, 0, &txn), 0);
  assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
  assert_int_equal(mdb_put(txn, dbi, &key, &value, 0), 0);
  assert_int_equal(mdb_txn_commit(txn), 0);
  mdb_env_close(foreign);
  struct lmdbx__env *env = open_env(path, 0);
  assert_true(holds(env, "key", "value"));
  lmdbx__env_release(env);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void) {
  const struct CMUnitTest tests[] = {
      /* Before an automatic map was opened: after that, each fork of it costs qemu seconds. */
      TEST(opening_survives_random_damage_to_the_meta_pages),
      TEST(a_database_is_created_with_its_parents),
      TEST(other_users_may_not_read_the_files),
      TEST(creation_leaves_nothing_else_and_clears_old_leftovers),
      TEST(reading_only_creates_nothing),
      TEST(a_file_in_the_way_is_refused),
      TEST(no_permission_is_an_error_of_its_own),
      TEST(a_file_that_may_only_be_read_opens_for_reading),
      TEST(a_lock_file_that_root_creates_is_the_data_owners),
      TEST(data_that_is_no_file_is_refused),
      TEST(data_behind_a_link_of_its_own_is_refused),
      TEST(an_empty_file_is_refused),
      TEST(a_file_that_is_not_lmdb_is_refused),
      TEST(a_file_of_the_replaced_package_is_recognised),
      TEST(a_single_file_of_the_replaced_package_is_recognised),
      TEST(damaged_meta_pages_are_refused),
      TEST(wild_roots_are_refused),
      TEST(a_file_that_was_cut_off_is_refused),
      TEST(a_sound_file_shorter_than_its_last_page_opens),
      TEST(a_database_of_other_programs_opens),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
