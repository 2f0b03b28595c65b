/*
 * The core's configuration: one JSON text, parsed with cJSON, so that C tests,
 * tools and the addon speak the same.
 *
 *   {"path": "/data/users", "name": "orders", "encoding": "msgpack",
 *    "compression": false, "mapSize": 1073741824, "readOnly": false, "reads": "adaptive",
 *    "maxReaders": 1024, "maxQueuedBytes": 268435456}
 *
 * Everything but path may be missing or null. Any thread.
 */
#ifndef LMDBX_CODEC_CONFIG_H
#define LMDBX_CODEC_CONFIG_H

#include "lmdbx.h"

struct lmdbx_config {
  char *path; /* of the directory; absolute */
  char *name; /* of the named database, or NULL for the main one */
  enum lmdbx_encoding encoding;
  bool compression;
  bool read_only;
  bool pool_reads;         /* "reads": "pool": never on the calling thread */
  size_t map_size;         /* bytes; 0: automatic */
  unsigned max_readers;    /* 0: LMDBX_DEFAULT_READERS, and no opinion of a later owner */
  size_t max_queued_bytes; /* default LMDBX_DEFAULT_QUEUED_BYTES */
};

#define LMDBX_DEFAULT_QUEUED_BYTES ((size_t)256 * 1024 * 1024)

/* Parses and checks text. On success the caller frees *config with
 * lmdbx__config_free. LMDBX_OK, LMDBX_INVALID_CONFIG (naming the field; this
 * includes unknown fields and a name that reads as tenant:JSON),
 * LMDBX_NO_MEMORY. */
int lmdbx__config_parse(struct lmdbx_slice text, struct lmdbx_config *config,
                        struct lmdbx_error *error);
void lmdbx__config_free(struct lmdbx_config *config);

#endif
