#include "codec/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "literals.h"

#define MAGIC "\x04\x22\x4D\x18"
#define NO_LIMIT LMDBX_MAX_VALUE_SIZE

static struct lmdbx_slice slice_of(const struct lmdbx_buffer *buffer) {
  return (struct lmdbx_slice){buffer->data, buffer->size};
}

static struct lmdbx_buffer pack(struct lmdbx_slice plain, bool compress) {
  struct lmdbx_buffer out = {0};
  bool framed = false;
  struct lmdbx_error error = {0};
  assert_int_equal(lmdbx__frame_pack(plain, compress, &out, &framed, &error), LMDBX_OK);
  assert_true(framed);
  assert_true(lmdbx__frame_is(slice_of(&out)));
  return out;
}

static void assert_unpacks_to(struct lmdbx_slice stored, struct lmdbx_slice plain) {
  struct lmdbx_buffer out = {0};
  struct lmdbx_error error = {0};
  int code = lmdbx__frame_unpack(stored, NO_LIMIT, &out, &error);
  if (code != LMDBX_OK) fail_msg("%s", error.message);
  assert_int_equal(out.size, plain.size);
  if (plain.size > 0) assert_memory_equal(out.data, plain.data, plain.size);
  lmdbx_buffer_free(&out);
}

static void assert_refused(struct lmdbx_slice stored, size_t limit, const char *why) {
  struct lmdbx_buffer out = {0};
  struct lmdbx_error error = {0};
  assert_int_equal(lmdbx_buffer_append(&out, "before", 6), LMDBX_OK);
  assert_int_equal(lmdbx__frame_unpack(stored, limit, &out, &error), LMDBX_DECODE);
  assert_int_equal(error.code, LMDBX_DECODE);
  if (strstr(error.message, why) == NULL) fail_msg("\"%s\" lacks \"%s\"", error.message, why);
  assert_int_equal(out.size, 6);
  lmdbx_buffer_free(&out);
}

/* Compressible, with some variety. */
static struct lmdbx_buffer repetitive(size_t size) {
  struct lmdbx_buffer text = {0};
  char line[64];
  for (unsigned number = 0; text.size < size; number++) {
    int length = snprintf(line, sizeof line, "{\"order\":%u,\"status\":\"pending\"},", number);
    assert_int_equal(lmdbx_buffer_append(&text, line, (size_t)length), LMDBX_OK);
  }
  text.size = size;
  return text;
}

static struct lmdbx_buffer noise(size_t size) {
  struct lmdbx_buffer bytes = {0};
  unsigned seed = 7;
  assert_int_equal(lmdbx_buffer_reserve(&bytes, size), LMDBX_OK);
  for (size_t at = 0; at < size; at++) bytes.data[at] = (uint8_t)(rand_r(&seed) >> 7);
  bytes.size = size;
  return bytes;
}

static void round_trips_values_of_all_sizes(void **state) {
  (void)state;
  const size_t sizes[] = {100, 1000, 65535, 65536, 65537, 200000, 5000000};
  for (size_t at = 0; at < sizeof sizes / sizeof sizes[0]; at++) {
    struct lmdbx_buffer plain = repetitive(sizes[at]);
    struct lmdbx_buffer stored = pack(slice_of(&plain), true);
    assert_true(stored.size < plain.size);
    assert_unpacks_to(slice_of(&stored), slice_of(&plain));
    lmdbx_buffer_free(&plain);
    lmdbx_buffer_free(&stored);
  }
}

static void leaves_alone_what_does_not_shrink(void **state) {
  (void)state;
  struct lmdbx_buffer random = noise(10000);
  const struct lmdbx_slice plain[] = {TEXT(""), TEXT("short"), slice_of(&random)};
  for (size_t at = 0; at < sizeof plain / sizeof plain[0]; at++) {
    struct lmdbx_buffer out = {0};
    bool framed = true;
    assert_int_equal(lmdbx__frame_pack(plain[at], true, &out, &framed, NULL), LMDBX_OK);
    assert_false(framed);
    assert_int_equal(out.size, 0);
    lmdbx_buffer_free(&out);
  }
  lmdbx_buffer_free(&random);
}

static void compresses_nothing_unless_asked(void **state) {
  (void)state;
  struct lmdbx_buffer plain = repetitive(10000);
  struct lmdbx_buffer out = {0};
  bool framed = true;
  assert_int_equal(lmdbx__frame_pack(slice_of(&plain), false, &out, &framed, NULL), LMDBX_OK);
  assert_false(framed);
  assert_int_equal(out.size, 0);
  lmdbx_buffer_free(&plain);
}

static void frames_plain_values_that_begin_with_the_magic(void **state) {
  (void)state;
  const struct lmdbx_slice plain[] = {TEXT(MAGIC), TEXT(MAGIC "and more")};
  for (size_t at = 0; at < sizeof plain / sizeof plain[0]; at++) {
    for (int compress = 0; compress < 2; compress++) {
      struct lmdbx_buffer stored = pack(plain[at], compress == 1);
      assert_unpacks_to(slice_of(&stored), plain[at]);
      lmdbx_buffer_free(&stored);
    }
  }
  assert_false(lmdbx__frame_is(TEXT("\x04\x22\x4D")));
  assert_false(lmdbx__frame_is(TEXT("")));
}

static void reads_frames_in_a_row_and_skippable_ones(void **state) {
  (void)state;
  struct lmdbx_buffer first = pack(TEXT(MAGIC "one"), false);
  struct lmdbx_buffer second = pack(TEXT(MAGIC "two"), false);
  struct lmdbx_slice skippable = TEXT("\x50\x2A\x4D\x18\x03\0\0\0abc");
  assert_int_equal(lmdbx_buffer_append(&first, skippable.data, skippable.size), LMDBX_OK);
  assert_int_equal(lmdbx_buffer_append(&first, second.data, second.size), LMDBX_OK);
  assert_unpacks_to(slice_of(&first), TEXT(MAGIC "one" MAGIC "two"));
  lmdbx_buffer_free(&first);
  lmdbx_buffer_free(&second);
}

static void refuses_every_cut_frame(void **state) {
  (void)state;
  struct lmdbx_buffer plain = repetitive(300);
  struct lmdbx_buffer stored = pack(slice_of(&plain), true);
  for (size_t size = 0; size < stored.size; size++) {
    assert_refused((struct lmdbx_slice){stored.data, size}, NO_LIMIT, "at byte");
  }
  lmdbx_buffer_free(&plain);
  lmdbx_buffer_free(&stored);
}

/* Some flipped bits lead to another copy of the same text. None may lead to
 * another text. */
static void never_reads_a_flipped_bit_as_another_value(void **state) {
  (void)state;
  struct lmdbx_buffer plain = repetitive(300);
  struct lmdbx_buffer stored = pack(slice_of(&plain), true);
  size_t refused = 0;
  for (size_t bit = 0; bit < stored.size * 8; bit++) {
    struct lmdbx_buffer out = {0};
    stored.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    if (lmdbx__frame_unpack(slice_of(&stored), NO_LIMIT, &out, NULL) == LMDBX_OK) {
      assert_int_equal(out.size, plain.size);
      assert_memory_equal(out.data, plain.data, plain.size);
    } else {
      refused++;
    }
    stored.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    lmdbx_buffer_free(&out);
  }
  assert_true(refused > stored.size * 7);
  lmdbx_buffer_free(&plain);
  lmdbx_buffer_free(&stored);
}

static void refuses_bytes_behind_the_frame(void **state) {
  (void)state;
  struct lmdbx_buffer stored = pack(TEXT(MAGIC "one"), false);
  char position[32];
  snprintf(position, sizeof position, "at byte %zu of", stored.size);
  assert_int_equal(lmdbx_buffer_append(&stored, "some more bytes", 15), LMDBX_OK);
  assert_refused(slice_of(&stored), NO_LIMIT, position);
  lmdbx_buffer_free(&stored);
}

static void refuses_content_over_the_limit(void **state) {
  (void)state;
  struct lmdbx_buffer plain = repetitive(100000);
  struct lmdbx_buffer stored = pack(slice_of(&plain), true);
  struct lmdbx_buffer out = {0};
  assert_int_equal(lmdbx__frame_unpack(slice_of(&stored), plain.size, &out, NULL), LMDBX_OK);
  assert_refused(slice_of(&stored), plain.size - 1, "too much content");
  assert_refused(slice_of(&stored), 0, "too much content");
  lmdbx_buffer_free(&out);
  lmdbx_buffer_free(&plain);
  lmdbx_buffer_free(&stored);
}

/* Five bytes in a block that is not compressed; the header claims no size. */
#define UNSIZED MAGIC "\x60\x40\x82\x05\x00\x00\x80hello\x00\x00\x00\x00"

static void holds_frames_without_a_size_to_the_limit_too(void **state) {
  (void)state;
  struct lmdbx_buffer out = {0};
  assert_int_equal(lmdbx__frame_unpack(TEXT(UNSIZED), 5, &out, NULL), LMDBX_OK);
  assert_int_equal(lmdbx__frame_unpack(TEXT(UNSIZED UNSIZED), 10, &out, NULL), LMDBX_OK);
  assert_int_equal(out.size, 15);
  assert_memory_equal(out.data, "hellohellohello", 15);
  assert_refused(TEXT(UNSIZED), 4, "too much content");
  assert_refused(TEXT(UNSIZED UNSIZED), 9, "too much content");
  lmdbx_buffer_free(&out);
}

static void refuses_frames_that_need_a_dictionary(void **state) {
  (void)state;
  /* FLG with version 01 and the dictionary flag, BD 64 KB, dictionary id 1. */
  assert_refused(TEXT(MAGIC "\x61\x40\x01\x00\x00\x00\xD0\x00\x00\x00\x00"), NO_LIMIT,
                 "dictionary");
}

static size_t peak_kilobytes(void) {
  struct rusage usage;
  assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
  return (size_t)usage.ru_maxrss;
}

/* 256 MiB claimed by a frame of a few bytes. */
static void spends_no_memory_on_a_lying_header(void **state) {
  (void)state;
  struct lmdbx_buffer plain = repetitive(NO_LIMIT / 4);
  struct lmdbx_buffer stored = pack(slice_of(&plain), true);
  lmdbx_buffer_free(&plain);
  stored.size = 64;
  size_t before = peak_kilobytes();
  for (int round = 0; round < 10; round++) {
    assert_refused(slice_of(&stored), NO_LIMIT, "cut short");
    struct lmdbx_buffer out = {0};
    lmdbx__frame_unpack(slice_of(&stored), NO_LIMIT, &out, NULL);
    assert_true(out.capacity < 1024 * 1024);
    lmdbx_buffer_free(&out);
  }
  assert_true(peak_kilobytes() - before < 16 * 1024);
  lmdbx_buffer_free(&stored);
}

/* Both ways with the lz4 command line tool, where it is installed. */
static void speaks_with_the_lz4_tool(void **state) {
  (void)state;
  if (system("command -v lz4 >/dev/null 2>&1") != 0) skip();
  char directory[] = "/tmp/lmdbx-frame-XXXXXX";
  assert_non_null(mkdtemp(directory));
  char path[128];
  char command[512];
  struct lmdbx_buffer plain = repetitive(300000);
  struct lmdbx_buffer stored = pack(slice_of(&plain), true);
  snprintf(path, sizeof path, "%s/value.lz4", directory);
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(stored.data, 1, stored.size, file), stored.size);
  assert_int_equal(fclose(file), 0);
  snprintf(command, sizeof command,
           "cd %s && lz4 -q -d value.lz4 value && lz4 -q -9 -B7 -BD value again.lz4", directory);
  assert_int_equal(system(command), 0);
  snprintf(path, sizeof path, "%s/again.lz4", directory);
  file = fopen(path, "rb");
  assert_non_null(file);
  struct lmdbx_buffer again = {0};
  assert_int_equal(lmdbx_buffer_reserve(&again, 300000), LMDBX_OK);
  again.size = fread(again.data, 1, 300000, file);
  assert_int_equal(fclose(file), 0);
  assert_unpacks_to(slice_of(&again), slice_of(&plain));
  snprintf(command, sizeof command, "rm -r %s", directory);
  assert_int_equal(system(command), 0);
  lmdbx_buffer_free(&plain);
  lmdbx_buffer_free(&stored);
  lmdbx_buffer_free(&again);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(round_trips_values_of_all_sizes),
      cmocka_unit_test(leaves_alone_what_does_not_shrink),
      cmocka_unit_test(compresses_nothing_unless_asked),
      cmocka_unit_test(frames_plain_values_that_begin_with_the_magic),
      cmocka_unit_test(reads_frames_in_a_row_and_skippable_ones),
      cmocka_unit_test(refuses_every_cut_frame),
      cmocka_unit_test(never_reads_a_flipped_bit_as_another_value),
      cmocka_unit_test(refuses_bytes_behind_the_frame),
      cmocka_unit_test(refuses_content_over_the_limit),
      cmocka_unit_test(holds_frames_without_a_size_to_the_limit_too),
      cmocka_unit_test(refuses_frames_that_need_a_dictionary),
      cmocka_unit_test(spends_no_memory_on_a_lying_header),
      cmocka_unit_test(speaks_with_the_lz4_tool),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
