/* What the tests of the msgpack reader assert. */
#ifndef LMDBX_TEST_MSGPACK_ASSERT_H
#define LMDBX_TEST_MSGPACK_ASSERT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "literals.h"
#include "msgpack_tree.h"

/* Reads bytes, compares what came out with a text, and writes it to *again. */
static void read_and_compare(struct lmdbx_slice bytes, const char *expected,
                             struct lmdbx_buffer *again) {
  struct tree tree = {0};
  struct lmdbx_error error = {0};
  struct lmdbx_buffer text = {0};
  lmdbx_value root = NULL;
  int code = lmdbx__msgpack_read(bytes, &tree_builder, &tree, &root, &error);
  if (code != LMDBX_OK) fail_msg("%s: %s", expected, error.message);
  tree_print(root, &text);
  assert_int_equal(lmdbx_buffer_append(&text, "", 1), LMDBX_OK);
  assert_string_equal((const char *)text.data, expected);
  assert_int_equal(tree_pack(root, again), LMDBX_OK);
  lmdbx_buffer_free(&text);
  tree_free(&tree);
}

/* What is read reads the same once the writer has written it, and from then on
 * the bytes stay as they are. */
static void assert_reads(struct lmdbx_slice bytes, const char *expected) {
  struct lmdbx_buffer first = {0};
  struct lmdbx_buffer second = {0};
  read_and_compare(bytes, expected, &first);
  read_and_compare((struct lmdbx_slice){first.data, first.size}, expected, &second);
  assert_int_equal(first.size, second.size);
  assert_memory_equal(first.data, second.data, first.size);
  lmdbx_buffer_free(&first);
  lmdbx_buffer_free(&second);
}

static void assert_refused(struct lmdbx_slice bytes, size_t position, const char *why) {
  struct tree tree = {0};
  struct lmdbx_error error = {0};
  lmdbx_value root = NULL;
  char where[64];
  snprintf(where, sizeof where, "at byte %zu of %zu:", position, bytes.size);
  int code = lmdbx__msgpack_read(bytes, &tree_builder, &tree, &root, &error);
  if (code != LMDBX_DECODE) fail_msg("not refused: %s", why);
  assert_int_equal(error.code, LMDBX_DECODE);
  if (strstr(error.message, why) == NULL || strstr(error.message, where) == NULL) {
    fail_msg("\"%s\" lacks \"%s\" or \"%s\"", error.message, where, why);
  }
  tree_free(&tree);
}

#endif
