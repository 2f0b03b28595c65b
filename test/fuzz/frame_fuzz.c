/* Any bytes as a stored frame, and as a plain value that is packed. */
#include "codec/frame.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIMIT ((size_t)1024 * 1024)

static void unpack(const uint8_t *data, size_t size) {
  struct lmdbx_buffer out = {0};
  struct lmdbx_error error = {0};
  int code = lmdbx__frame_unpack((struct lmdbx_slice){data, size}, LIMIT, &out, &error);
  if (code == LMDBX_OK ? out.size > LIMIT : code != LMDBX_DECODE || out.size != 0) abort();
  lmdbx_buffer_free(&out);
}

static void round_trip(struct lmdbx_slice plain, bool compress) {
  struct lmdbx_buffer stored = {0};
  struct lmdbx_buffer out = {0};
  bool framed = false;
  if (lmdbx__frame_pack(plain, compress, &stored, &framed, NULL) != LMDBX_OK) abort();
  if (!framed && (lmdbx__frame_is(plain) || stored.size != 0)) abort();
  if (framed) {
    struct lmdbx_slice frame = {stored.data, stored.size};
    if (!lmdbx__frame_is(plain) && stored.size >= plain.size) abort();
    if (lmdbx__frame_unpack(frame, plain.size, &out, NULL) != LMDBX_OK) abort();
    if (out.size != plain.size || memcmp(out.data, plain.data, out.size) != 0) abort();
  }
  lmdbx_buffer_free(&stored);
  lmdbx_buffer_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  unpack(data, size);
  round_trip((struct lmdbx_slice){data, size}, true);
  round_trip((struct lmdbx_slice){data, size}, false);
  return 0;
}
