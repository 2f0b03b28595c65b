/* Short pieces of bytes, eight at once and without a call: for a name or a word of text, to
 * call memcmp or memcpy costs more than the work. Any thread. */
#ifndef LMDBX_CODEC_BYTES_H
#define LMDBX_CODEC_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Set in the bytes that are no ASCII. */
#define LMDBX__HIGH_BITS UINT64_C(0x8080808080808080)

static inline uint64_t lmdbx__load64(const uint8_t *at) {
  uint64_t word;
  memcpy(&word, at, sizeof word);
  return word;
}

static inline uint32_t lmdbx__load32(const uint8_t *at) {
  uint32_t word;
  memcpy(&word, at, sizeof word);
  return word;
}

/* A number of 1 to 8 bytes, the highest first. */
static inline uint64_t lmdbx__load_big_endian(const uint8_t *at, size_t size) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  if (size == 8) return __builtin_bswap64(lmdbx__load64(at));
  if (size == 4) return __builtin_bswap32(lmdbx__load32(at));
#endif
  uint64_t number = 0;
  for (size_t i = 0; i < size; i++) number = number << 8 | at[i];
  return number;
}

/* Of a word of eight bytes, whether one is not ASCII, a control character, a quote or a
 * backslash. A borrow may reach bytes behind such a one, but there is one then. */
static inline bool lmdbx__has_special(uint64_t word) {
  const uint64_t ones = UINT64_C(0x0101010101010101);
  uint64_t quotes = word ^ ones * '"';
  uint64_t escapes = word ^ ones * '\\';
  uint64_t special = word | ((word - ones * ' ') & ~word) | ((quotes - ones) & ~quotes) |
                     ((escapes - ones) & ~escapes);
  return (special & LMDBX__HIGH_BITS) != 0;
}

static inline bool lmdbx__bytes_equal(const uint8_t *a, const uint8_t *b, size_t size) {
  uint64_t different = 0;
  if (size >= 8) {
    for (size_t at = 0; at + 8 < size && different == 0; at += 8)
      different = lmdbx__load64(a + at) ^ lmdbx__load64(b + at);
    /* The last eight, whatever of them has been seen. */
    return (different | (lmdbx__load64(a + size - 8) ^ lmdbx__load64(b + size - 8))) == 0;
  }
  if (size >= 4)
    return ((lmdbx__load32(a) ^ lmdbx__load32(b)) |
            (lmdbx__load32(a + size - 4) ^ lmdbx__load32(b + size - 4))) == 0;
  for (size_t at = 0; at < size; at++) different |= (uint64_t)(a[at] ^ b[at]);
  return different == 0;
}

/* Copies, and says whether all is ASCII. */
static inline bool lmdbx__bytes_copy(uint8_t *to, const uint8_t *from, size_t size) {
  uint64_t high = 0;
  size_t at = 0;
  for (; at + 8 <= size; at += 8) {
    uint64_t word = lmdbx__load64(from + at);
    high |= word;
    memcpy(to + at, &word, sizeof word);
  }
  if (at + 4 <= size) {
    uint32_t word = lmdbx__load32(from + at);
    high |= word;
    memcpy(to + at, &word, sizeof word);
    at += 4;
  }
  for (; at < size; at++) high |= to[at] = from[at];
  return (high & LMDBX__HIGH_BITS) == 0;
}

#endif
