/* Scans: a range of keys, in stored order or against it. */
#include "store/internal.h"

#include <errno.h>
#include <string.h>

static int compare(MDB_val a, struct lmdbx_slice b) {
  size_t shorter = a.mv_size < b.size ? a.mv_size : b.size;
  int order = shorter > 0 ? memcmp(a.mv_data, b.data, shorter) : 0;
  return order != 0 ? order : (a.mv_size > b.size) - (a.mv_size < b.size);
}

/* Whether the key lies on the near side of the bound that a scan runs towards. */
static bool is_within(MDB_val key, const struct lmdbx__scan *scan) {
  const struct lmdbx__bound *end = scan->reverse ? &scan->lower : &scan->upper;
  if (end->key.size == 0) return true;
  int order = compare(key, end->key);
  if (order == 0) return !end->open;
  return scan->reverse ? order > 0 : order < 0;
}

/* Puts the cursor on the first key at or above the lower bound. */
static int seek_up(MDB_cursor *cursor, const struct lmdbx__bound *lower, MDB_val *key,
                   MDB_val *value) {
  if (lower->key.size == 0) return mdb_cursor_get(cursor, key, value, MDB_FIRST);
  *key = (MDB_val){lower->key.size, (void *)lower->key.data};
  int rc = mdb_cursor_get(cursor, key, value, MDB_SET_RANGE);
  if (rc == 0 && lower->open && compare(*key, lower->key) == 0)
    return mdb_cursor_get(cursor, key, value, MDB_NEXT);
  return rc;
}

/* Puts the cursor on the last key at or below the upper bound. */
static int seek_down(MDB_cursor *cursor, const struct lmdbx__bound *upper, MDB_val *key,
                     MDB_val *value) {
  int rc = MDB_NOTFOUND;
  if (upper->key.size > 0) {
    *key = (MDB_val){upper->key.size, (void *)upper->key.data};
    rc = mdb_cursor_get(cursor, key, value, MDB_SET_RANGE);
    if (rc == 0 && !upper->open && compare(*key, upper->key) == 0) return 0;
    if (rc == 0) return mdb_cursor_get(cursor, key, value, MDB_PREV);
  }
  return rc == MDB_NOTFOUND ? mdb_cursor_get(cursor, key, value, MDB_LAST) : rc;
}

int lmdbx__read_scan(struct lmdbx__read *read, const struct lmdbx__scan *scan, bool *complete,
                     struct lmdbx_error *error) {
  static const char doing[] = "scan records";
  *complete = false;
  MDB_cursor *cursor;
  int rc = mdb_cursor_open(read->txn, scan->dbi, &cursor);
  if (rc != 0) return lmdbx__read_error(read, rc, doing, error);

  MDB_val key, value;
  enum lmdbx__visit visit = LMDBX__VISIT_NEXT;
  if (scan->ahead != NULL) lmdbx__ahead_begin(scan->ahead);
  rc = scan->reverse ? seek_down(cursor, &scan->upper, &key, &value)
                     : seek_up(cursor, &scan->lower, &key, &value);
  while (rc == 0 && is_within(key, scan)) {
    if (scan->ahead != NULL) lmdbx__ahead_visit(scan->ahead, key.mv_data);
    visit = scan->visit(scan->context, (struct lmdbx_slice){key.mv_data, key.mv_size},
                        (struct lmdbx_slice){value.mv_data, value.mv_size});
    if (visit != LMDBX__VISIT_NEXT) break;
    rc = mdb_cursor_get(cursor, &key, &value, scan->reverse ? MDB_PREV : MDB_NEXT);
  }
  if (scan->ahead != NULL) lmdbx__ahead_end(scan->ahead);
  mdb_cursor_close(cursor);

  if (visit == LMDBX__VISIT_FAIL) return lmdbx__env_error(error, read->env, ENOMEM, doing);
  if (visit == LMDBX__VISIT_STOP) return LMDBX_OK;
  if (rc != 0 && rc != MDB_NOTFOUND) return lmdbx__read_error(read, rc, doing, error);
  *complete = true;
  return LMDBX_OK;
}
