#include "codec/checkpoint.h"

#include "codec/key.h"
#include "codec/utf8.h"

#include <string.h>

static const uint8_t prefix[] = {
    LMDBX__KEY_INTERNAL_BYTE, 'c', 'h', 'e', 'c', 'k', 'p', 'o', 'i', 'n', 't', ':',
};

struct lmdbx_slice lmdbx__checkpoint_prefix(void) {
  return (struct lmdbx_slice){prefix, sizeof prefix};
}

int lmdbx__checkpoint_key(struct lmdbx_slice name, struct lmdbx_buffer *out,
                          struct lmdbx_error *error) {
  if (name.size == 0 || name.size > LMDBX_MAX_CHECKPOINT_NAME || !lmdbx__utf8_valid(name, NULL)) {
    return lmdbx_error_set(error, LMDBX_INVALID_ARGUMENT, 0,
                           "checkpoint: its name has %zu bytes; give 1 to %d bytes of UTF-8",
                           name.size, LMDBX_MAX_CHECKPOINT_NAME);
  }
  int code = lmdbx_buffer_append(out, prefix, sizeof prefix);
  if (code == LMDBX_OK) code = lmdbx_buffer_append(out, name.data, name.size);
  if (code == LMDBX_OK) return LMDBX_OK;
  return lmdbx_error_set(error, code, 0, "checkpoint: memory ran out; nothing was done");
}

bool lmdbx__checkpoint_name(struct lmdbx_slice stored, struct lmdbx_slice *name) {
  if (stored.size <= sizeof prefix || memcmp(stored.data, prefix, sizeof prefix) != 0) return false;
  *name = (struct lmdbx_slice){stored.data + sizeof prefix, stored.size - sizeof prefix};
  return lmdbx__utf8_valid(*name, NULL);
}

bool lmdbx__checkpoint_is_position(struct lmdbx_slice value) {
  if (value.size == 0) return false;
  uint8_t first = value.data[0];
  bool integer = first <= 0x7F || first >= 0xE0 || (first >= 0xCC && first <= 0xD3);
  bool number = first == 0xCA || first == 0xCB;
  bool string = (first >= 0xA0 && first <= 0xBF) || (first >= 0xD9 && first <= 0xDB);
  return integer || number || string;
}
