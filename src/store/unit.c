/* Units: steps that succeed or fail together, inside of a group's transaction. */
#include "store/internal.h"

#include <string.h>

/* Units of so many steps may be part of a load of sorted records. */
#define APPENDING_STEPS 64

static bool is_comparison(const struct lmdbx__step *step) {
  return step->type == LMDBX__STEP_COMPARE || step->type == LMDBX__STEP_ABSENT;
}

bool lmdbx__unit_has(const struct lmdbx__unit *unit, enum lmdbx__step_type type) {
  for (size_t i = 0; i < unit->count; i++)
    if (unit->steps[i].type == type) return true;
  return false;
}

void lmdbx__unit_forget(struct lmdbx__unit *unit) {
  unit->failed = unit->count;
  if (!unit->broke) return;
  unit->broke = false;
  *unit->fence = false;
}

void lmdbx__unit_break(struct lmdbx__unit *unit) {
  if (unit->fence == NULL || *unit->fence) return;
  *unit->fence = true;
  unit->broke = true;
}

int lmdbx__unit_check(struct lmdbx__env *env, struct lmdbx__unit *unit, struct lmdbx_error *error) {
  if (unit->refused != NULL) {
    *error = *unit->refused;
    return error->code;
  }
  if (unit->fence != NULL && *unit->fence)
    return lmdbx__error_at(error, LMDBX_ABORTED, 0, "commit", env->path,
                           "an earlier batch or transaction with the same checkpoint failed, and "
                           "this one must not overtake it. Nothing was written; begin again with "
                           "what failed");
  for (size_t i = 0; i < unit->count; i++) {
    const struct lmdbx__step *step = &unit->steps[i];
    if (is_comparison(step)) continue;
    int code = lmdbx__write_check(env, error);
    if (code == LMDBX_OK && step->type == LMDBX__STEP_PUT)
      code = lmdbx__put_check(env, step->key, step->value, error);
    if (code == LMDBX_OK) continue;
    unit->failed = i;
    return code;
  }
  return LMDBX_OK;
}

size_t lmdbx__unit_bytes(const struct lmdbx__unit *unit) {
  size_t bytes = 0;
  for (size_t i = 0; i < unit->count; i++)
    if (!is_comparison(&unit->steps[i]))
      bytes += unit->steps[i].key.size + unit->steps[i].value.size;
  return bytes;
}

/* Whether a stored record is as the step says: 0 and *conflict, or an LMDB code. */
static int compare(MDB_txn *txn, const struct lmdbx__step *step, MDB_val *value, bool *found,
                   bool *conflict) {
  MDB_val key = {step->key.size, (void *)step->key.data};
  int rc = MDB_NOTFOUND;
  if (key.mv_size > 0) rc = mdb_get(txn, step->dbi, &key, value);
  if (rc != 0 && rc != MDB_NOTFOUND && rc != MDB_BAD_VALSIZE) return rc;
  *found = rc == 0;
  bool same = step->type == LMDBX__STEP_ABSENT
                  ? !*found
                  : *found && value->mv_size == step->value.size &&
                        (value->mv_size == 0 ||
                         memcmp(value->mv_data, step->value.data, value->mv_size) == 0);
  *conflict = !same;
  return 0;
}

static void fail_in_comparison(struct lmdbx__env *env, struct lmdbx__op *op, size_t index,
                               bool found, MDB_val value) {
  struct lmdbx_error error;
  lmdbx__error_at(&error, LMDBX_CONFLICT, 0, "commit", env->path,
                  "a record is no longer what it was when it was read. Nothing was written; read "
                  "again and decide anew");
  lmdbx__op_fail(op, &error);
  op->unit->failed = index;
  if (!op->unit->steps[index].report) return;
  op->found = found;
  if (found) (void)lmdbx__op_copy_result(env, op, value.mv_data, value.mv_size);
}

/* 0, or an LMDB code. The operation has its error if one of them failed. */
static int apply_comparisons(struct lmdbx__env *env, MDB_txn *txn, struct lmdbx__op *op) {
  struct lmdbx__unit *unit = op->unit;
  for (size_t i = 0; i < unit->count; i++) {
    MDB_val value = {0};
    bool found = false;
    bool conflict = false;
    if (!is_comparison(&unit->steps[i])) continue;
    int rc = compare(txn, &unit->steps[i], &value, &found, &conflict);
    if (rc != 0) return rc;
    if (!conflict) continue;
    fail_in_comparison(env, op, i, found, value);
    return 0;
  }
  return 0;
}

/* While records come in order and behind all others, LMDB need not search for their
 * place, and fills its pages. The first that does not ends that: LMDB says so before
 * it touches a page. */
static int put_record(MDB_txn *txn, const struct lmdbx__step *step, MDB_val *key, MDB_val *value,
                      bool *append) {
  if (*append) {
    int rc = mdb_put(txn, step->dbi, key, value, MDB_APPEND);
    if (rc != MDB_KEYEXIST) return rc;
    *append = false;
  }
  return mdb_put(txn, step->dbi, key, value, 0);
}

static int apply_write(MDB_txn *txn, const struct lmdbx__step *step, bool *append, bool *changed) {
  MDB_val key = {step->key.size, (void *)step->key.data};
  MDB_val value = {step->value.size, (void *)step->value.data};
  int rc = MDB_NOTFOUND; /* LMDB has no empty keys, and no answer for them */
  if (step->type == LMDBX__STEP_PUT) {
    rc = put_record(txn, step, &key, &value, append);
  } else if (key.mv_size > 0) {
    rc = mdb_del(txn, step->dbi, &key, NULL);
    if (rc == MDB_BAD_VALSIZE) rc = MDB_NOTFOUND;
  }
  if (rc == 0) *changed = true;
  return rc == MDB_NOTFOUND ? 0 : rc;
}

int lmdbx__unit_apply(struct lmdbx__env *env, MDB_txn *txn, struct lmdbx__op *op, bool *changed) {
  const struct lmdbx__unit *unit = op->unit;
  bool append = unit->count >= APPENDING_STEPS;
  int rc = apply_comparisons(env, txn, op);
  if (op->error != NULL) return rc;
  for (size_t i = 0; i < unit->count && rc == 0; i++)
    if (!is_comparison(&unit->steps[i])) rc = apply_write(txn, &unit->steps[i], &append, changed);
  return rc;
}

void lmdbx__read_unit(struct lmdbx__read *read, struct lmdbx__op *op) {
  struct lmdbx_error error;
  lmdbx__unit_forget(op->unit);
  int rc = apply_comparisons(read->env, read->txn, op);
  if (rc == 0) return;
  lmdbx__read_error(read, rc, "compare records", &error);
  lmdbx__op_fail(op, &error);
}
