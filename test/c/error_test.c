/* LMDB's codes and errno as errors of ours. */
#include "support.h"

#include <errno.h>
#include <lmdb.h>
#include <stdio.h>
#include <string.h>

static void codes_of_lmdb_and_the_system_find_their_meaning(void **state) {
  (void)state;
  static const struct {
    int from, code;
  } cases[] = {
      {MDB_MAP_FULL, LMDBX_MAP_FULL},
      {MDB_READERS_FULL, LMDBX_READERS_FULL},
      {MDB_DBS_FULL, LMDBX_DATABASES_FULL},
      {MDB_CORRUPTED, LMDBX_CORRUPT},
      {MDB_PAGE_NOTFOUND, LMDBX_CORRUPT},
      {MDB_INVALID, LMDBX_CORRUPT},
      {MDB_VERSION_MISMATCH, LMDBX_FORMAT},
      {MDB_PANIC, LMDBX_FAILED},
      {MDB_NOTFOUND, LMDBX_NOT_FOUND},
      {MDB_INCOMPATIBLE, LMDBX_NAME_CONFLICT},
      {ENOSPC, LMDBX_NO_SPACE},
      {EDQUOT, LMDBX_NO_SPACE},
      {ENOMEM, LMDBX_NO_MEMORY},
      {EACCES, LMDBX_ACCESS},
      {EROFS, LMDBX_ACCESS},
      {ENOENT, LMDBX_NOT_FOUND},
      {ENOTDIR, LMDBX_NOT_A_DIRECTORY},
      {EIO, LMDBX_IO},
      {EMFILE, LMDBX_IO},
      {ETXTBSY, LMDBX_IO},
      {EINVAL, LMDBX_INTERNAL},
      {-12345, LMDBX_INTERNAL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct lmdbx_error error;
    assert_int_equal(lmdbx__store_error(&error, cases[i].from, "do this", "/here"), cases[i].code);
    assert_int_equal(error.code, cases[i].code);
    assert_int_equal(error.errnum, cases[i].from);
    assert_ptr_equal(strstr(error.message, "Could not do this in \"/here\": "), error.message);
    assert_int_equal(error.message[strlen(error.message) - 1], '.');
  }
}

static void unknown_codes_are_shown(void **state) {
  struct lmdbx_error error;
  (void)state;
  lmdbx__store_error(&error, ETXTBSY, "do this", "/here");
  assert_non_null(strstr(error.message, strerror(ETXTBSY)));
  lmdbx__store_error(&error, -12345, "do this", "/here");
  assert_non_null(strstr(error.message, "-12345"));
}

static void of_a_long_path_the_end_is_shown_and_the_advice_stays(void **state) {
  struct lmdbx_error error;
  char path[4096];
  (void)state;
  memset(path, 'x', sizeof path);
  memcpy(path + sizeof path - 10, "/the/end!", 10);
  lmdbx__store_error(&error, ENOSPC, "commit", path);
  assert_non_null(strstr(error.message, "\"...xxx"));
  assert_non_null(strstr(error.message, "/the/end!\""));
  assert_non_null(strstr(error.message, "Free space"));
}

static void a_cut_path_begins_with_a_whole_character(void **state) {
  struct lmdbx_error error;
  char path[1024] = "/";
  (void)state;
  for (int i = 0; i < 300; i++) strcat(path, "\xc3\xa4");
  for (int shift = 0; shift < 2; shift++) {
    lmdbx__store_error(&error, ENOSPC, "commit", path);
    const char *cut = strstr(error.message, "...");
    assert_non_null(cut);
    assert_int_equal((unsigned char)cut[3], 0xc3);
    strcat(path, "x");
  }
}

static void an_error_need_not_be_asked_for(void **state) {
  (void)state;
  assert_int_equal(lmdbx__store_error(NULL, ENOSPC, "commit", "/here"), LMDBX_NO_SPACE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(codes_of_lmdb_and_the_system_find_their_meaning),
      cmocka_unit_test(unknown_codes_are_shown),
      cmocka_unit_test(of_a_long_path_the_end_is_shown_and_the_advice_stays),
      cmocka_unit_test(a_cut_path_begins_with_a_whole_character),
      cmocka_unit_test(an_error_need_not_be_asked_for),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
