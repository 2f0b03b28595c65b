#include "codec/utf8.h"

#include "codec/bytes.h"

static bool continuation(uint8_t byte) {
  return (byte & 0xC0) == 0x80;
}

size_t lmdbx__utf8_sequence(struct lmdbx_slice text) {
  const uint8_t *at = text.data;
  size_t left = text.size;
  if (left == 0) return 0;
  uint8_t lead = at[0];
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0; /* a continuation byte, or overlong in 2 bytes */
  if (lead < 0xE0) return left >= 2 && continuation(at[1]) ? 2 : 0;
  if (lead < 0xF0) {
    if (left < 3 || !continuation(at[1]) || !continuation(at[2])) return 0;
    if (lead == 0xE0 && at[1] < 0xA0) return 0;  /* overlong */
    if (lead == 0xED && at[1] >= 0xA0) return 0; /* a surrogate */
    return 3;
  }
  if (lead > 0xF4) return 0;
  if (left < 4 || !continuation(at[1]) || !continuation(at[2]) || !continuation(at[3])) return 0;
  if (lead == 0xF0 && at[1] < 0x90) return 0;  /* overlong */
  if (lead == 0xF4 && at[1] >= 0x90) return 0; /* beyond U+10FFFF */
  return 4;
}

bool lmdbx__utf8_valid(struct lmdbx_slice text, size_t *position) {
  size_t at = 0;
  while (at < text.size) {
    while (text.size - at >= sizeof(uint64_t)) {
      if ((lmdbx__load64(text.data + at) & LMDBX__HIGH_BITS) != 0) break;
      at += sizeof(uint64_t);
    }
    while (at < text.size && text.data[at] < 0x80) at++;
    if (at == text.size) break;
    size_t length = lmdbx__utf8_sequence((struct lmdbx_slice){text.data + at, text.size - at});
    if (length == 0) {
      if (position != NULL) *position = at;
      return false;
    }
    at += length;
  }
  return true;
}

/* In blocks without a branch inside, for the compiler to do many bytes at once. */
bool lmdbx__utf8_ascii(struct lmdbx_slice text) {
  enum { BLOCK = 64 };
  size_t at = 0;
  for (; text.size - at >= BLOCK; at += BLOCK) {
    uint8_t high = 0;
    for (size_t i = 0; i < BLOCK; i++) high |= text.data[at + i];
    if (high >= 0x80) return false;
  }
  uint8_t high = 0;
  for (; at < text.size; at++) high |= text.data[at];
  return high < 0x80;
}
