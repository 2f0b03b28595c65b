#include "codec/key.h"

#include "codec/json.h"
#include "codec/utf8.h"

#include <string.h>

static struct lmdbx_slice from(struct lmdbx_slice stored, size_t start) {
  return (struct lmdbx_slice){stored.data + start, stored.size - start};
}

bool lmdbx__key_belongs(struct lmdbx_slice stored, size_t prefix_size) {
  if (stored.size <= prefix_size) return false;
  struct lmdbx_slice text = from(stored, prefix_size);
  return lmdbx__json_is_simple(text) || lmdbx__json_valid(text, NULL);
}

bool lmdbx__key_split(struct lmdbx_slice stored, size_t *tenant_size) {
  size_t at = 1; /* no tenant id is empty */
  while (at < stored.size) {
    const uint8_t *colon = memchr(stored.data + at, ':', stored.size - at);
    if (colon == NULL) return false;
    at = (size_t)(colon - stored.data);
    if (lmdbx__key_belongs(stored, at + 1)) {
      *tenant_size = at;
      return lmdbx__utf8_valid((struct lmdbx_slice){stored.data, at}, NULL);
    }
    at++;
  }
  return false;
}
