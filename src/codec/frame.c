#include "codec/frame.h"

#include <lz4frame.h>
#include <string.h>

/* The least space that decompression is offered: one block of the size that
 * frames have by default, so that it goes straight to its place. */
#define CHUNK_SIZE ((size_t)64 * 1024)
/* What a content size found in a header is trusted with at first: typical
 * values shrink to no less than a quarter. */
#define USUAL_RATIO 4
/* Bytes of a frame around its one block: header with content size, block
 * header, end mark, checksum. */
#define FRAME_OVERHEAD 27

static const uint8_t magic[4] = {0x04, 0x22, 0x4D, 0x18};

bool lmdbx__frame_is(struct lmdbx_slice stored) {
  return stored.size >= sizeof magic && memcmp(stored.data, magic, sizeof magic) == 0;
}

static int no_memory(struct lmdbx_error *error, const char *doing, size_t size) {
  return lmdbx_error_set(error, LMDBX_NO_MEMORY, 0,
                         "%s a value of %zu bytes: memory could not be allocated", doing, size);
}

int lmdbx__frame_pack(struct lmdbx_slice plain, bool compress, struct lmdbx_buffer *out,
                      bool *framed, struct lmdbx_error *error) {
  bool must = lmdbx__frame_is(plain);
  *framed = false;
  if (!must && (!compress || plain.size <= FRAME_OVERHEAD)) return LMDBX_OK;

  LZ4F_preferences_t preferences = LZ4F_INIT_PREFERENCES;
  preferences.frameInfo.contentSize = plain.size;
  preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
  size_t bound = LZ4F_compressFrameBound(plain.size, &preferences);
  if (lmdbx_buffer_reserve(out, bound) != LMDBX_OK) {
    return no_memory(error, "compressing", plain.size);
  }
  size_t size =
      LZ4F_compressFrame(out->data + out->size, bound, plain.data, plain.size, &preferences);
  /* With room for the bound, memory is all that can be missing. */
  if (LZ4F_isError(size)) return no_memory(error, "compressing", plain.size);
  if (!must && size >= plain.size) return LMDBX_OK;
  out->size += size;
  *framed = true;
  return LMDBX_OK;
}

struct unpacking {
  LZ4F_dctx *decoder;
  struct lmdbx_slice stored;
  size_t at; /* bytes of stored that were consumed */
  struct lmdbx_buffer *out;
  size_t start; /* where the content begins in out */
  size_t limit;
  struct lmdbx_error *error;
};

static int damaged(struct unpacking *unpacking, const char *what) {
  return lmdbx_error_set(unpacking->error, LMDBX_DECODE, 0,
                         "the LZ4 frame cannot be read at byte %zu of %zu: %s", unpacking->at,
                         unpacking->stored.size, what);
}

/* Reads the header at the current position and makes a first room. */
static int begin_frame(struct unpacking *unpacking) {
  LZ4F_frameInfo_t info = LZ4F_INIT_FRAMEINFO;
  size_t consumed = unpacking->stored.size - unpacking->at;
  size_t hint = LZ4F_getFrameInfo(unpacking->decoder, &info, unpacking->stored.data + unpacking->at,
                                  &consumed);
  if (LZ4F_isError(hint)) return damaged(unpacking, LZ4F_getErrorName(hint));
  if (info.dictID != 0) return damaged(unpacking, "it needs a dictionary");
  if (info.contentSize > unpacking->limit) return damaged(unpacking, "it claims too much content");
  unpacking->at += consumed;
  size_t room = unpacking->stored.size * USUAL_RATIO;
  if (info.contentSize < room) room = (size_t)info.contentSize;
  if (lmdbx_buffer_reserve(unpacking->out, room) != LMDBX_OK) {
    return no_memory(unpacking->error, "decompressing", room);
  }
  return LMDBX_OK;
}

/* Decompresses up to the end of the frame, growing with what comes out. */
static int finish_frame(struct unpacking *unpacking) {
  struct lmdbx_buffer *out = unpacking->out;
  for (;;) {
    size_t done = out->size - unpacking->start;
    size_t room = out->capacity - out->size;
    if (room == 0) {
      if (lmdbx_buffer_reserve(out, CHUNK_SIZE) != LMDBX_OK) {
        return no_memory(unpacking->error, "decompressing", done);
      }
      room = out->capacity - out->size;
    }
    /* One byte over the limit tells what fills it from what exceeds it. */
    if (room > unpacking->limit - done + 1) room = unpacking->limit - done + 1;
    size_t produced = room;
    size_t consumed = unpacking->stored.size - unpacking->at;
    size_t hint = LZ4F_decompress(unpacking->decoder, out->data + out->size, &produced,
                                  unpacking->stored.data + unpacking->at, &consumed, NULL);
    if (LZ4F_isError(hint)) return damaged(unpacking, LZ4F_getErrorName(hint));
    out->size += produced;
    unpacking->at += consumed;
    if (done + produced > unpacking->limit) return damaged(unpacking, "it holds too much content");
    if (hint == 0) return LMDBX_OK;
    if (produced == 0 && consumed == 0) return damaged(unpacking, "it is cut short");
  }
}

int lmdbx__frame_unpack(struct lmdbx_slice stored, size_t limit, struct lmdbx_buffer *out,
                        struct lmdbx_error *error) {
  struct unpacking unpacking = {
      .stored = stored, .out = out, .start = out->size, .limit = limit, .error = error};
  if (!lmdbx__frame_is(stored)) return damaged(&unpacking, "it is no LZ4 frame");
  if (LZ4F_isError(LZ4F_createDecompressionContext(&unpacking.decoder, LZ4F_VERSION))) {
    return no_memory(error, "decompressing", stored.size);
  }
  int code = LMDBX_OK;
  while (code == LMDBX_OK && unpacking.at < stored.size) {
    code = begin_frame(&unpacking);
    if (code == LMDBX_OK) code = finish_frame(&unpacking);
  }
  LZ4F_freeDecompressionContext(unpacking.decoder);
  if (code != LMDBX_OK) out->size = unpacking.start;
  return code;
}
