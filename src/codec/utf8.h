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

#endif
