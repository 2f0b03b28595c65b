/* Keys of checkpoints: made, recognised, and never anybody else's. */
#include "support.h"

#include "codec/checkpoint.h"
#include "codec/key.h"
#include "codec/msgpack_writer.h"

#include <stdlib.h>
#include <string.h>

static void a_key_has_its_name_and_belongs_to_no_tenant(void **state) {
  (void)state;
  static const char *const names[] = {"orders", "1", "\"x\"", "a:1", "\xc3\xbc"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    struct lmdbx_buffer key = {0};
    struct lmdbx_slice name;
    size_t tenant_size;
    assert_int_equal(lmdbx__checkpoint_key(text(names[i]), &key, NULL), LMDBX_OK);
    const struct lmdbx_slice stored = {key.data, key.size};
    assert_int_equal(key.data[0], LMDBX__KEY_INTERNAL_BYTE);
    assert_true(lmdbx__checkpoint_name(stored, &name));
    assert_int_equal(name.size, strlen(names[i]));
    assert_memory_equal(name.data, names[i], name.size);
    assert_false(lmdbx__key_split(stored, &tenant_size));
    const struct lmdbx_slice prefix = lmdbx__checkpoint_prefix();
    assert_memory_equal(stored.data, prefix.data, prefix.size);
    lmdbx_buffer_free(&key);
  }
}

static void names_have_limits(void **state) {
  (void)state;
  static char longest[LMDBX_MAX_CHECKPOINT_NAME + 2];
  struct lmdbx_buffer key = {0};
  struct lmdbx_error error;
  memset(longest, 'n', sizeof longest - 1);
  assert_int_equal(lmdbx__checkpoint_key(text(""), &key, &error), LMDBX_INVALID_ARGUMENT);
  assert_int_equal(lmdbx__checkpoint_key(text("\xff"), &key, &error), LMDBX_INVALID_ARGUMENT);
  assert_int_equal(lmdbx__checkpoint_key(text(longest), &key, &error), LMDBX_INVALID_ARGUMENT);
  assert_non_null(strstr(error.message, "257 bytes"));
  assert_int_equal(key.size, 0);
  longest[LMDBX_MAX_CHECKPOINT_NAME] = '\0';
  assert_int_equal(lmdbx__checkpoint_key(text(longest), &key, &error), LMDBX_OK);
  assert_true(key.size < 511);
  lmdbx_buffer_free(&key);
}

static void other_keys_are_no_checkpoints(void **state) {
  (void)state;
  static const char *const others[] = {"",
                                       "a:1",
                                       "\xff",
                                       "\xff"
                                       "checkpoint",
                                       "\xff"
                                       "checkpoint:",
                                       "\xff"
                                       "other:x",
                                       "\xff"
                                       "checkpoint:\xff"};
  struct lmdbx_slice name;
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    assert_false(lmdbx__checkpoint_name(text(others[i]), &name));
  }
}

static bool is_position(struct lmdbx_buffer *value) {
  bool is = lmdbx__checkpoint_is_position((struct lmdbx_slice){value->data, value->size});
  lmdbx_buffer_free(value);
  return is;
}

static void positions_are_strings_numbers_and_integers(void **state) {
  (void)state;
  static const double numbers[] = {0,     5,      -5,           127,          128,
                                   65536, -40000, 4294967295.0, 4294967296.0, 0.5};
  struct lmdbx_buffer value = {0};
  assert_false(is_position(&value));
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    assert_int_equal(lmdbx__pack_number(&value, numbers[i]), LMDBX_OK);
    assert_true(is_position(&value));
  }
  assert_int_equal(lmdbx__pack_bigint_signed(&value, -1), LMDBX_OK);
  assert_true(is_position(&value));
  assert_int_equal(lmdbx__pack_bigint_unsigned(&value, UINT64_MAX), LMDBX_OK);
  assert_true(is_position(&value));
  for (size_t size = 0; size < 70000; size = size * 3 + 1) {
    char *string = calloc(1, size + 1);
    assert_non_null(string);
    memset(string, 's', size);
    assert_int_equal(lmdbx__pack_string(&value, text(string)), LMDBX_OK);
    assert_true(is_position(&value));
    free(string);
  }
  assert_int_equal(lmdbx__pack_nil(&value), LMDBX_OK);
  assert_false(is_position(&value));
  assert_int_equal(lmdbx__pack_boolean(&value, true), LMDBX_OK);
  assert_false(is_position(&value));
  assert_int_equal(lmdbx__pack_array(&value, 1), LMDBX_OK);
  assert_false(is_position(&value));
  assert_int_equal(lmdbx__pack_bytes(&value, text("x")), LMDBX_OK);
  assert_false(is_position(&value));
  assert_int_equal(lmdbx__pack_date(&value, 0), LMDBX_OK);
  assert_false(is_position(&value));
  assert_int_equal(lmdbx__pack_object(&value, 0), LMDBX_OK);
  assert_false(is_position(&value));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_key_has_its_name_and_belongs_to_no_tenant),
      cmocka_unit_test(names_have_limits),
      cmocka_unit_test(other_keys_are_no_checkpoints),
      cmocka_unit_test(positions_are_strings_numbers_and_integers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
