/*
 * A strict check of JSON texts (RFC 8259, valid UTF-8), the judge of stored
 * keys. cJSON is no judge: it accepts 01, raw control bytes and invalid UTF-8.
 * No recursion, no allocation. Any thread.
 */
#ifndef LMDBX_CODEC_JSON_H
#define LMDBX_CODEC_JSON_H

#include "lmdbx.h"

/* Nesting that the check follows; more than any stored key can hold. */
#define LMDBX__JSON_DEPTH 2048

/* Whether text is exactly one JSON text. If not, *position (may be NULL) is
 * where it stops being one. Deeper than LMDBX__JSON_DEPTH is "not". */
bool lmdbx__json_valid(struct lmdbx_slice text, size_t *position);

/* Whether text is a JSON string of ASCII without escapes, as most keys are: told many bytes
 * at once. If not, it may be anything. */
bool lmdbx__json_is_simple(struct lmdbx_slice text);

/* Whether a sound text has more than LMDBX_MAX_ITEMS items (an empty array or
 * object counts as one more). Cheap for texts too short for that. */
bool lmdbx__json_has_too_many(struct lmdbx_slice text);

#endif
