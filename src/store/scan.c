/* Scans: the keys with a prefix, in stored order. */
#include "store/internal.h"

#include <errno.h>
#include <string.h>

static int compare(struct lmdbx_slice a, struct lmdbx_slice b) {
  size_t shorter = a.size < b.size ? a.size : b.size;
  int order = shorter > 0 ? memcmp(a.data, b.data, shorter) : 0;
  return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static bool has_prefix(MDB_val key, struct lmdbx_slice prefix) {
  return key.mv_size >= prefix.size &&
         (prefix.size == 0 || memcmp(key.mv_data, prefix.data, prefix.size) == 0);
}

/* Puts the cursor on the first key of the scan. */
static int seek(MDB_cursor *cursor, const struct lmdbx__scan *scan, MDB_val *key, MDB_val *value) {
  bool resume = scan->after.size > 0 && compare(scan->after, scan->prefix) >= 0;
  struct lmdbx_slice from = resume ? scan->after : scan->prefix;
  if (from.size == 0) return mdb_cursor_get(cursor, key, value, MDB_FIRST);
  *key = (MDB_val){from.size, (void *)from.data};
  int rc = mdb_cursor_get(cursor, key, value, MDB_SET_RANGE);
  if (rc != 0 || !resume) return rc;
  struct lmdbx_slice at = {key->mv_data, key->mv_size};
  return compare(at, scan->after) == 0 ? mdb_cursor_get(cursor, key, value, MDB_NEXT) : 0;
}

int lmdbx__read_scan(struct lmdbx__read *read, const struct lmdbx__scan *scan, bool *complete,
                     struct lmdbx_error *error) {
  static const char doing[] = "scan records";
  *complete = false;
  MDB_cursor *cursor;
  int rc = mdb_cursor_open(read->txn, scan->dbi, &cursor);
  if (rc != 0) return lmdbx__read_error(read, rc, doing, error);

  MDB_val key, value;
  struct lmdbx__ahead ahead = {0};
  enum lmdbx__visit visit = LMDBX__VISIT_NEXT;
  rc = seek(cursor, scan, &key, &value);
  while (rc == 0 && has_prefix(key, scan->prefix)) {
    lmdbx__ahead_visit(&ahead, key.mv_data);
    visit = scan->visit(scan->context, (struct lmdbx_slice){key.mv_data, key.mv_size},
                        (struct lmdbx_slice){value.mv_data, value.mv_size});
    if (visit != LMDBX__VISIT_NEXT) break;
    rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
  }
  mdb_cursor_close(cursor);

  if (visit == LMDBX__VISIT_FAIL) return lmdbx__env_error(error, read->env, ENOMEM, doing);
  if (visit == LMDBX__VISIT_STOP) return LMDBX_OK;
  if (rc != 0 && rc != MDB_NOTFOUND) return lmdbx__read_error(read, rc, doing, error);
  *complete = true;
  return LMDBX_OK;
}
