/*
 * The layout of stored keys.
 *
 *   +--------------------+-----+-------------------------------+
 *   | tenant id, UTF-8   | ':' | JSON.stringify(key), UTF-8    |
 *   +--------------------+-----+-------------------------------+
 *      a c m e             :     " u s e r : 1 2 3 "
 *
 * A tenant id may hold colons, so a scan of "a:" also meets the keys of tenant
 * "a:b". A stored key belongs to the tenant before a colon exactly if the rest
 * is one JSON text. No stored key can be read two ways: if X ':' K and K were
 * both JSON texts, the colon would lie in a string or an object of the first
 * that K, being complete, could not close.
 *
 * Keys that begin with byte 0xFF are the package's own (checkpoints); no tenant
 * in UTF-8 can produce them.
 * Any thread, no allocation.
 */
#ifndef LMDBX_CODEC_KEY_H
#define LMDBX_CODEC_KEY_H

#include "lmdbx.h"

#define LMDBX__KEY_INTERNAL_BYTE 0xFF

/* Whether stored (which begins with the tenant and a colon, prefix_size bytes
 * together) belongs to that tenant. */
bool lmdbx__key_belongs(struct lmdbx_slice stored, size_t prefix_size);

/* Splits a stored key. On success *tenant_size is the length of the tenant id,
 * and what follows the colon behind it is the key's JSON text. False for the
 * names of sub-databases, the package's own keys and foreign keys. */
bool lmdbx__key_split(struct lmdbx_slice stored, size_t *tenant_size);

#endif
