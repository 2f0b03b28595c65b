/* Any bytes: refused, or read as a value that, written again, reads the same. */
#include "codec/msgpack_reader.h"

#include "../c/msgpack_tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Nodes and their contents per byte of input, at most. */
#define MEMORY_PER_BYTE 512

static struct lmdbx_buffer text_of(const struct tree_node *root) {
  struct lmdbx_buffer text = {0};
  tree_print(root, &text);
  return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct tree first = {0};
  struct tree second = {0};
  struct lmdbx_error error = {0};
  lmdbx_value root = NULL;
  lmdbx_value again = NULL;
  int code =
      lmdbx__msgpack_read((struct lmdbx_slice){data, size}, &tree_builder, &first, &root, &error);
  if (first.allocated > MEMORY_PER_BYTE * (size + 1)) abort();
  if (code == LMDBX_OK) {
    struct lmdbx_buffer bytes = {0};
    if (tree_pack(root, &bytes) != LMDBX_OK) abort();
    struct lmdbx_slice written = {bytes.data, bytes.size};
    if (lmdbx__msgpack_read(written, &tree_builder, &second, &again, &error) != LMDBX_OK) abort();
    struct lmdbx_buffer expected = text_of(root);
    struct lmdbx_buffer actual = text_of(again);
    if (actual.size != expected.size) abort();
    if (memcmp(actual.data, expected.data, actual.size) != 0) abort();
    lmdbx_buffer_free(&expected);
    lmdbx_buffer_free(&actual);
    lmdbx_buffer_free(&bytes);
  } else if (code != LMDBX_DECODE || error.message[0] == '\0') {
    abort();
  }
  tree_free(&first);
  tree_free(&second);
  return 0;
}
