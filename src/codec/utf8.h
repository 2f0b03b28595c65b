/* UTF-8 as RFC 3629 has it: no surrogates, no overlong forms. Any thread. */
#ifndef LMDBX_CODEC_UTF8_H
#define LMDBX_CODEC_UTF8_H

#include "lmdbx.h"

/* Length of the well-formed sequence (1 to 4 bytes) at the start of text, or 0
 * if there is none, which includes the empty text. */
size_t lmdbx__utf8_sequence(struct lmdbx_slice text);

/* Whether text is well formed. If not, *position (may be NULL) is the offset of
 * the first byte of the first ill-formed sequence. */
bool lmdbx__utf8_valid(struct lmdbx_slice text, size_t *position);

/* Whether all bytes are ASCII. Any thread. */
bool lmdbx__utf8_ascii(struct lmdbx_slice text);

/* What an engine keeps a string in: each holds what those before it do. */
enum lmdbx__text_width { LMDBX__TEXT_ASCII, LMDBX__TEXT_LATIN1, LMDBX__TEXT_UTF16 };

struct lmdbx__text_look {
  size_t units; /* of UTF-16 */
  enum lmdbx__text_width width;
};

/* The narrowest width, and units. false: as of lmdbx__utf8_valid. Any thread. */
bool lmdbx__utf8_look(struct lmdbx_slice text, struct lmdbx__text_look *look, size_t *position);

/* Transcode well-formed text, the first if it is no wider than Latin-1. out has room for as many
 * units as text has bytes. They return the number of units. Any thread. */
size_t lmdbx__utf8_to_latin1(struct lmdbx_slice text, uint8_t *out);
size_t lmdbx__utf8_to_utf16(struct lmdbx_slice text, uint16_t *out);

#endif
