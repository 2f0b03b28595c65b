/* Short pieces of bytes: the same as the library's functions, for every size and place. */
#include "codec/bytes.h"
#include "support.h"

enum { LONGEST = 40 };

static void fill_bytes(uint8_t *bytes, uint8_t first) {
  for (size_t i = 0; i < LONGEST; i++) bytes[i] = (uint8_t)((first + i * 7) % 0x80);
}

static void pieces_are_equal_only_if_every_byte_is(void **state) {
  uint8_t one[LONGEST], other[LONGEST];
  (void)state;
  for (size_t size = 0; size <= LONGEST; size++) {
    fill_bytes(one, 3);
    fill_bytes(other, 3);
    assert_true(lmdbx__bytes_equal(one, other, size));
    for (size_t at = 0; at < LONGEST; at++) {
      other[at] ^= 1U << at % 8;
      assert_int_equal(lmdbx__bytes_equal(one, other, size), at >= size);
      other[at] = one[at];
    }
  }
}

static void a_copy_has_every_byte_and_none_behind(void **state) {
  uint8_t from[LONGEST], to[LONGEST + 1];
  (void)state;
  for (size_t size = 0; size <= LONGEST; size++) {
    fill_bytes(from, 5);
    memset(to, 0xEE, sizeof to);
    assert_true(lmdbx__bytes_copy(to, from, size));
    assert_memory_equal(to, from, size);
    assert_int_equal(to[size], 0xEE);
  }
}

static void a_copy_tells_whether_all_is_ascii(void **state) {
  uint8_t from[LONGEST], to[LONGEST];
  (void)state;
  for (size_t size = 0; size <= LONGEST; size++) {
    fill_bytes(from, 9);
    for (size_t at = 0; at < LONGEST; at++) {
      from[at] |= 0x80;
      assert_int_equal(lmdbx__bytes_copy(to, from, size), at >= size);
      from[at] &= 0x7F;
    }
  }
}

static void big_endian_numbers_are_read_by_any_size(void **state) {
  static const uint8_t bytes[8] = {0x81, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF};
  (void)state;
  for (size_t size = 1; size <= sizeof bytes; size++) {
    assert_true(lmdbx__load_big_endian(bytes, size) ==
                UINT64_C(0x8123456789ABCDEF) >> (sizeof bytes - size) * 8);
  }
}

static void a_word_is_special_if_one_of_its_bytes_is(void **state) {
  uint8_t bytes[8];
  (void)state;
  for (unsigned byte = 0; byte < 256; byte++) {
    bool special = byte < ' ' || byte >= 0x80 || byte == '"' || byte == '\\';
    for (size_t at = 0; at < sizeof bytes; at++) {
      memset(bytes, 'x', sizeof bytes);
      bytes[at] = (uint8_t)byte;
      assert_int_equal(lmdbx__has_special(lmdbx__load64(bytes)), special);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pieces_are_equal_only_if_every_byte_is),
      cmocka_unit_test(a_copy_has_every_byte_and_none_behind),
      cmocka_unit_test(a_copy_tells_whether_all_is_ascii),
      cmocka_unit_test(big_endian_numbers_are_read_by_any_size),
      cmocka_unit_test(a_word_is_special_if_one_of_its_bytes_is),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
