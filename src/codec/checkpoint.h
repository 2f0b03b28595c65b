/*
 * Checkpoints: how far a worker has come, stored beside what it has written.
 *
 *   +------+---------------------------------------+--------------------+
 *   | 0xFF | c  h  e  c  k  p  o  i  n  t  :       | name, UTF-8        |
 *   +------+---------------------------------------+--------------------+
 *
 * The value is the position: one msgpack string, number or 64-bit integer
 * (a BigInt), as msgpack_writer.h writes them. No tenant id can produce such a
 * key, since 0xFF is no part of UTF-8.
 * Any thread, no allocation but in the buffer.
 */
#ifndef LMDBX_CODEC_CHECKPOINT_H
#define LMDBX_CODEC_CHECKPOINT_H

#include "lmdbx.h"

/* What the keys of all checkpoints begin with. */
struct lmdbx_slice lmdbx__checkpoint_prefix(void);

/* Appends the stored key of a checkpoint to *out.
 * LMDBX_OK; LMDBX_INVALID_ARGUMENT: the name is empty, too long or not UTF-8;
 * LMDBX_NO_MEMORY. */
int lmdbx__checkpoint_key(struct lmdbx_slice name, struct lmdbx_buffer *out,
                          struct lmdbx_error *error);

/* The name in a stored key. False: it is not that of a checkpoint. */
bool lmdbx__checkpoint_name(struct lmdbx_slice stored, struct lmdbx_slice *name);

/* Whether a stored value is a position, as far as its kind tells. */
bool lmdbx__checkpoint_is_position(struct lmdbx_slice value);

#endif
