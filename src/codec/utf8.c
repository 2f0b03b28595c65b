#include "codec/utf8.h"

#include "codec/bytes.h"

static bool continuation(uint8_t byte) {
  return (byte & 0xC0) == 0x80;
}

/* Of bytes that are there, one at least. Two bytes are looked for first: they come most often. */
static inline size_t sequence(const uint8_t *at, size_t left) {
  uint8_t lead = at[0];
  if (lead < 0xE0) {
    if (lead < 0x80) return 1;
    /* Below are continuation bytes, and leads of what is overlong in 2 bytes. */
    return lead >= 0xC2 && left >= 2 && continuation(at[1]) ? 2 : 0;
  }
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

size_t lmdbx__utf8_sequence(struct lmdbx_slice text) {
  return text.size == 0 ? 0 : sequence(text.data, text.size);
}

/* Bytes that are looked at together where all of them may be ASCII. In blocks there is no branch
 * inside, for the compiler to do many bytes at once. */
enum { WORD = sizeof(uint64_t), PAIR = 2 * WORD, BLOCK = 64 };

/* A lead byte above is of a character beyond U+00FF. */
#define LATIN1_HIGHEST_LEAD 0xC3

static bool block_is_ascii(const uint8_t *at) {
  uint8_t high = 0;
  for (size_t i = 0; i < BLOCK; i++) high |= at[i];
  return high < 0x80;
}

static bool word_is_ascii(const uint8_t *at) {
  return (lmdbx__load64(at) & LMDBX__HIGH_BITS) == 0;
}

bool lmdbx__utf8_ascii(struct lmdbx_slice text) {
  size_t at = 0;
  for (; text.size - at >= BLOCK; at += BLOCK) {
    if (!block_is_ascii(text.data + at)) return false;
  }
  uint8_t high = 0;
  for (; at < text.size; at++) high |= text.data[at];
  return high < 0x80;
}

/* So many bytes from here on are ASCII, or more. */
static size_t ascii_run(const uint8_t *from, const uint8_t *end) {
  const uint8_t *at = from;
  if (end - at >= WORD && word_is_ascii(at)) {
    for (at += WORD; end - at >= BLOCK && block_is_ascii(at);) at += BLOCK;
    while (end - at >= WORD && word_is_ascii(at)) at += WORD;
  }
  while (at < end && *at < 0x80) at++;
  return (size_t)(at - from);
}

static enum lmdbx__text_width width_of(uint8_t highest_lead) {
  if (highest_lead == 0) return LMDBX__TEXT_ASCII;
  return highest_lead <= LATIN1_HIGHEST_LEAD ? LMDBX__TEXT_LATIN1 : LMDBX__TEXT_UTF16;
}

bool lmdbx__utf8_look(struct lmdbx_slice text, struct lmdbx__text_look *look, size_t *position) {
  size_t units = 0;
  uint8_t highest = 0;
  *look = (struct lmdbx__text_look){0, LMDBX__TEXT_ASCII};
  if (text.size == 0) return true;
  const uint8_t *at = text.data;
  const uint8_t *end = at + text.size;
  while (at < end) {
    size_t run = ascii_run(at, end);
    at += run;
    units += run;
    while (at < end && *at >= 0x80) {
      size_t size = sequence(at, (size_t)(end - at));
      if (size == 0) {
        if (position != NULL) *position = (size_t)(at - text.data);
        return false;
      }
      if (*at > highest) highest = *at;
      units += size < 4 ? 1 : 2;
      at += size;
    }
  }
  *look = (struct lmdbx__text_look){units, width_of(highest)};
  return true;
}

bool lmdbx__utf8_valid(struct lmdbx_slice text, size_t *position) {
  struct lmdbx__text_look look;
  return lmdbx__utf8_look(text, &look, position);
}

/* -------------------------------------------------------------- transcoding */

size_t lmdbx__utf8_to_latin1(struct lmdbx_slice text, uint8_t *out) {
  const uint8_t *at = text.data;
  const uint8_t *end = at + text.size;
  uint8_t *to = out;
  while (at < end) {
    size_t run = ascii_run(at, end);
    memcpy(to, at, run);
    at += run;
    to += run;
    for (; at < end && *at >= 0x80; at += 2) *to++ = (uint8_t)(*at << 6 | (at[1] & 0x3F));
  }
  return (size_t)(to - out);
}

/* A PAIR of bytes; not one after the other, since they lie apart. */
static void widen(const uint8_t *restrict at, uint16_t *restrict to) {
  for (size_t i = 0; i < PAIR; i++) to[i] = at[i];
}

/* One character that is not ASCII; returns its bytes. */
static inline size_t put_utf16(const uint8_t *at, uint16_t **to) {
  uint8_t lead = *at;
  if (lead < 0xE0) {
    *(*to)++ = (uint16_t)((lead & 0x1F) << 6 | (at[1] & 0x3F));
    return 2;
  }
  if (lead < 0xF0) {
    *(*to)++ = (uint16_t)((lead & 0x0F) << 12 | (at[1] & 0x3F) << 6 | (at[2] & 0x3F));
    return 3;
  }
  uint32_t point = (uint32_t)(lead & 0x07) << 18 | (uint32_t)(at[1] & 0x3F) << 12 |
                   (uint32_t)(at[2] & 0x3F) << 6 | (at[3] & 0x3F);
  point -= 0x10000;
  *(*to)++ = (uint16_t)(0xD800 | point >> 10);
  *(*to)++ = (uint16_t)(0xDC00 | (point & 0x3FF));
  return 4;
}

size_t lmdbx__utf8_to_utf16(struct lmdbx_slice text, uint16_t *out) {
  const uint8_t *at = text.data;
  const uint8_t *end = at + text.size;
  uint16_t *to = out;
  while (at < end) {
    for (; end - at >= PAIR && word_is_ascii(at) && word_is_ascii(at + WORD); at += PAIR) {
      widen(at, to);
      to += PAIR;
    }
    for (; at < end && *at < 0x80; at++) *to++ = *at;
    while (at < end && *at >= 0x80) at += put_utf16(at, &to);
  }
  return (size_t)(to - out);
}
