/* All records with a prefix, copied out: for prefixes that few records have. */
#include "store/internal.h"

#include <errno.h>
#include <string.h>

/*
 *   +---------------+-----------------+-----+-------+
 *   | size of key   | size of value   | key | value |   ... one after the other
 *   +---------------+-----------------+-----+-------+
 */
struct sizes {
  size_t key;
  size_t value;
};

static int append(struct lmdbx_buffer *out, MDB_val key, MDB_val value) {
  const struct sizes sizes = {key.mv_size, value.mv_size};
  size_t before = out->size;
  if (lmdbx_buffer_append(out, &sizes, sizeof sizes) == LMDBX_OK &&
      lmdbx_buffer_append(out, key.mv_data, key.mv_size) == LMDBX_OK &&
      lmdbx_buffer_append(out, value.mv_data, value.mv_size) == LMDBX_OK)
    return 0;
  out->size = before;
  return ENOMEM;
}

int lmdbx__collect(MDB_txn *txn, lmdbx__dbi dbi, struct lmdbx_slice prefix,
                   struct lmdbx_buffer *out) {
  MDB_cursor *cursor;
  MDB_val key = {prefix.size, (void *)prefix.data};
  MDB_val value;
  int rc = mdb_cursor_open(txn, dbi, &cursor);
  if (rc != 0) return rc;
  rc = mdb_cursor_get(cursor, &key, &value, prefix.size > 0 ? MDB_SET_RANGE : MDB_FIRST);
  while (rc == 0 && key.mv_size >= prefix.size &&
         memcmp(key.mv_data, prefix.data, prefix.size) == 0) {
    rc = append(out, key, value);
    if (rc == 0) rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
  }
  mdb_cursor_close(cursor);
  return rc == MDB_NOTFOUND ? 0 : rc;
}

bool lmdbx__collected(struct lmdbx_slice *result, struct lmdbx_slice *key,
                      struct lmdbx_slice *value) {
  struct sizes sizes;
  if (result->size < sizeof sizes) return false;
  memcpy(&sizes, result->data, sizeof sizes);
  const uint8_t *at = result->data + sizeof sizes;
  *key = (struct lmdbx_slice){at, sizes.key};
  *value = (struct lmdbx_slice){at + sizes.key, sizes.value};
  size_t size = sizeof sizes + sizes.key + sizes.value;
  *result = (struct lmdbx_slice){result->data + size, result->size - size};
  return true;
}

int lmdbx__read_collect(struct lmdbx__read *read, lmdbx__dbi dbi, struct lmdbx_slice prefix,
                        struct lmdbx_buffer *out, struct lmdbx_error *error) {
  static const char doing[] = "read records";
  int rc = lmdbx__collect(read->txn, dbi, prefix, out);
  if (rc == ENOMEM) return lmdbx__env_error(error, read->env, rc, doing);
  return rc == 0 ? LMDBX_OK : lmdbx__read_error(read, rc, doing, error);
}
