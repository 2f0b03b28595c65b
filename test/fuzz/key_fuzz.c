/* Any bytes as a stored key: at most one way to read it, and splitting finds it. */
#include "codec/key.h"

#include "codec/utf8.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct lmdbx_slice stored = {data, size};
  size_t readings = 0;
  size_t tenant = 0;
  for (size_t at = 1; at < size; at++) {
    if (data[at] != ':' || !lmdbx__key_belongs(stored, at + 1)) continue;
    readings++;
    tenant = at;
  }
  if (readings > 1) abort();
  bool readable = readings == 1 && lmdbx__utf8_valid((struct lmdbx_slice){data, tenant}, NULL);
  size_t split = 0;
  if (lmdbx__key_split(stored, &split) != readable) abort();
  if (readable && (split != tenant || data[0] == LMDBX__KEY_INTERNAL_BYTE)) abort();
  return 0;
}
