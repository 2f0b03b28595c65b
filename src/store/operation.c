/*
 * Group commit. A group is one plain write transaction; if an operation poisons
 * it, or there is no room for the commit, it is aborted and run again in halves,
 * down to the operation that fails alone.
 */
#include "store/internal.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

static const char doing[] = "commit";
static const char putting[] = "put a record";
static const char reading[] = "read a record";

/* An encoded value and what a frame may add to one that does not compress. */
#define MAX_STORED_VALUE (LMDBX_MAX_VALUE_SIZE + (size_t)1024 * 1024)
/* LMDB reports a short write, which a full disk causes, as EIO. */
#define FULL_DISK_BYTES ((uint64_t)4 * 1024 * 1024)

/* A stretch of a group. */
struct run {
  struct lmdbx__env *env;
  struct lmdbx__op *first;
  size_t count;
  const struct lmdbx__feed *feed; /* NULL: it has all its operations */
  struct lmdbx__commit_report *report;
};

/* What became of an attempt to run a stretch in one transaction. */
enum outcome {
  DONE, /* committed, or nothing to commit, or failed for good: all is recorded */
  SPLIT /* nothing happened, as if never begun: *rc says why */
};

/* ---------------------------------------------------------- one operation */

int lmdbx__write_check(struct lmdbx__env *env, struct lmdbx_error *error) {
  if (env->writable && atomic_load(&env->may_write)) return LMDBX_OK;
  return lmdbx__error_at(error, LMDBX_READ_ONLY, 0, "write", env->path,
                         "it is open for reading only. Open it without readOnly");
}

int lmdbx__put_check(struct lmdbx__env *env, struct lmdbx_slice key, struct lmdbx_slice value,
                     struct lmdbx_error *error) {
  if (key.size == 0 || key.size > env->max_key)
    return lmdbx__error_at(error, LMDBX_KEY_TOO_LARGE, 0, putting, env->path,
                           "its stored key has %zu bytes, and 1 to %zu are possible. Use a shorter "
                           "key or tenant",
                           key.size, env->max_key);
  if (value.size > MAX_STORED_VALUE)
    return lmdbx__error_at(error, LMDBX_VALUE_TOO_LARGE, 0, putting, env->path,
                           "its stored value has %zu bytes, and %zu are possible. Split it over "
                           "several records",
                           value.size, MAX_STORED_VALUE);
  return LMDBX_OK;
}

/* What is wrong with an operation before a page is touched. */
static int op_check(struct lmdbx__env *env, const struct lmdbx__op *op, struct lmdbx_error *error) {
  int code = LMDBX_OK;
  switch (op->type) {
  case LMDBX__OP_UNIT: return lmdbx__unit_check(env, op->unit, error);
  case LMDBX__OP_DELETE: return lmdbx__write_check(env, error);
  case LMDBX__OP_PUT:
    code = lmdbx__write_check(env, error);
    return code == LMDBX_OK ? lmdbx__put_check(env, op->key, op->value, error) : code;
  default: return LMDBX_OK;
  }
}

/* Forgets an earlier attempt. */
static void op_forget(struct lmdbx__op *op) {
  op->found = false;
  lmdbx_buffer_free(&op->result);
  lmdbx_error_free(op->error);
  op->error = NULL;
  if (op->type == LMDBX__OP_UNIT) lmdbx__unit_forget(op->unit);
}

void lmdbx__op_fail(struct lmdbx__op *op, const struct lmdbx_error *error) {
  op->found = false;
  lmdbx_buffer_free(&op->result);
  lmdbx_error_free(op->error);
  op->error = lmdbx_error_copy(error);
  if (op->type == LMDBX__OP_UNIT) lmdbx__unit_break(op->unit);
}

/* Forgets an earlier attempt, and notes what op_check finds. */
static void op_prepare(struct lmdbx__env *env, struct lmdbx__op *op) {
  struct lmdbx_error error;
  op_forget(op);
  if (op_check(env, op, &error) != LMDBX_OK) lmdbx__op_fail(op, &error);
}

static void out_of_memory(struct lmdbx__env *env, struct lmdbx__op *op) {
  struct lmdbx_error error;
  lmdbx__store_error(&error, ENOMEM, reading, env->path);
  lmdbx__op_fail(op, &error);
}

int lmdbx__op_copy_result(struct lmdbx__env *env, struct lmdbx__op *op, const void *data,
                          size_t size) {
  if (lmdbx_buffer_append(&op->result, data, size) == LMDBX_OK) return LMDBX_OK;
  out_of_memory(env, op);
  return LMDBX_NO_MEMORY;
}

/* Applies a prepared operation. 0, or what LMDB says against it: then the
 * transaction may be poisoned. *changed is set when there is something to commit. */
static int op_apply(struct lmdbx__env *env, MDB_txn *txn, struct lmdbx__op *op, bool *changed) {
  MDB_val key = {op->key.size, (void *)op->key.data};
  MDB_val value = {0};
  int rc = MDB_NOTFOUND; /* LMDB has no empty keys, and no answer for them */
  switch (op->type) {
  case LMDBX__OP_PUT:
    value = (MDB_val){op->value.size, (void *)op->value.data};
    rc = mdb_put(txn, op->dbi, &key, &value, 0);
    if (rc == 0) *changed = true;
    return rc;
  case LMDBX__OP_DELETE:
    if (key.mv_size > 0) rc = mdb_del(txn, op->dbi, &key, NULL);
    if (rc == 0) *changed = true;
    break;
  case LMDBX__OP_UNIT: return lmdbx__unit_apply(env, txn, op, changed);
  case LMDBX__OP_COLLECT:
    rc = lmdbx__collect(txn, op->dbi, op->key, &op->result);
    if (rc != ENOMEM) return rc;
    out_of_memory(env, op);
    return 0;
  case LMDBX__OP_GET:
  case LMDBX__OP_HAS:
    if (key.mv_size > 0) rc = mdb_get(txn, op->dbi, &key, &value);
    /* Running out of memory for the copy is this operation's own affair. */
    if (rc == 0 && op->type == LMDBX__OP_GET &&
        lmdbx__op_copy_result(env, op, value.mv_data, value.mv_size) != LMDBX_OK)
      return 0;
    break;
  }
  if (rc == MDB_NOTFOUND || rc == MDB_BAD_VALSIZE) return 0;
  op->found = rc == 0;
  return rc;
}

/* --------------------------------------------------------------- failures */

/* As if nothing had been tried: before any of it is prepared anew, since a unit's
 * fence is broken by an earlier one. */
static void run_forget(const struct run *run) {
  struct lmdbx__op *op = run->first;
  for (size_t i = 0; i < run->count; i++, op = op->next) op_forget(op);
}

static void run_prepare(const struct run *run) {
  struct lmdbx__op *op = run->first;
  for (size_t i = 0; i < run->count; i++, op = op->next) op_prepare(run->env, op);
}

/* Gives the error to every operation of the run that has none of its own. */
static void run_fail(const struct run *run, const struct lmdbx_error *error) {
  struct lmdbx__op *op = run->first;
  for (size_t i = 0; i < run->count; i++, op = op->next)
    if (op->error == NULL) lmdbx__op_fail(op, error);
}

static void run_fail_with(const struct run *run, int rc) {
  struct lmdbx_error error;
  lmdbx__env_error(&error, run->env, rc, doing);
  run_fail(run, &error);
}

/* LMDB keeps quiet about a commit that failed half-way until the next
 * transaction. If none can be had to see, the worse is assumed. */
static bool given_up(struct lmdbx__env *env) {
  MDB_txn *txn;
  int rc = mdb_txn_begin(env->mdb, NULL, MDB_RDONLY, &txn);
  if (rc == 0) mdb_txn_abort(txn);
  return rc != 0 && rc != MDB_MAP_RESIZED;
}

static bool disk_full(const char *path) {
  struct statvfs disk;
  return statvfs(path, &disk) == 0 && (uint64_t)disk.f_bavail * disk.f_frsize < FULL_DISK_BYTES;
}

int lmdbx__commit_error(struct lmdbx__env *env, int mdb_code, const char *what,
                        struct lmdbx_error *error) {
  if (given_up(env)) {
    atomic_store(&env->failed, true);
    return lmdbx__error_at(error, LMDBX_IO, mdb_code, what, env->path,
                           "writing failed at the very end (%s), so it is unknown whether this was "
                           "stored. Read it before you write it again",
                           mdb_strerror(mdb_code));
  }
  if (mdb_code == EIO && disk_full(env->path)) mdb_code = ENOSPC;
  if (mdb_code == EIO)
    return lmdbx__error_at(error, LMDBX_IO, mdb_code, what, env->path,
                           "the disk reported an error; nothing was stored. Check the disk, and "
                           "the system's log");
  return lmdbx__env_error(error, env, mdb_code, what);
}

/* Whether a smaller transaction may succeed where this one failed: unless it was
 * the system that refused to write. (EINVAL is about one operation's handle.) */
static bool worth_splitting(int rc) {
  return rc < 0 || rc == ENOMEM || rc == EINVAL;
}

/* ------------------------------------------------------------------- runs */

/* Whether there is an operation behind the first `done`; asks for more, once all are
 * done. */
static bool run_has_more(struct run *run, size_t done) {
  if (done < run->count) return true;
  if (run->feed == NULL) return false;
  size_t added = run->feed->more(run->feed->context);
  run->count += added;
  return added > 0;
}

/* Applies a stretch in the transaction. 0, or what LMDB says against it. */
static int run_apply(struct run *run, MDB_txn *txn, bool *changed) {
  /* The link to the next operation, since that may not be there yet. */
  struct lmdbx__op *const *next = &run->first;
  int rc = 0;
  for (size_t done = 0; rc == 0 && run_has_more(run, done); done++) {
    struct lmdbx__op *op = *next;
    op_prepare(run->env, op);
    if (op->error == NULL) rc = op_apply(run->env, txn, op, changed);
    next = &op->next;
  }
  return rc;
}

/* Bytes of keys and values that a stretch writes. */
static size_t run_bytes(const struct run *run) {
  const struct lmdbx__op *op = run->first;
  size_t bytes = 0;
  for (size_t i = 0; i < run->count; i++, op = op->next) {
    if (op->type == LMDBX__OP_PUT) bytes += op->key.size + op->value.size;
    if (op->type == LMDBX__OP_UNIT) bytes += lmdbx__unit_bytes(op->unit);
  }
  return bytes;
}

static bool op_puts(const struct lmdbx__op *op) {
  return op->type == LMDBX__OP_PUT ||
         (op->type == LMDBX__OP_UNIT && lmdbx__unit_has(op->unit, LMDBX__STEP_PUT));
}

static bool op_deletes(const struct lmdbx__op *op) {
  return op->type == LMDBX__OP_DELETE ||
         (op->type == LMDBX__OP_UNIT && lmdbx__unit_has(op->unit, LMDBX__STEP_DELETE));
}

bool lmdbx__op_writes(const struct lmdbx__op *op) {
  return op_puts(op) || op_deletes(op);
}

static bool run_has(const struct run *run, bool (*what)(const struct lmdbx__op *op)) {
  const struct lmdbx__op *op = run->first;
  for (size_t i = 0; i < run->count; i++, op = op->next)
    if (what(op)) return true;
  return false;
}

/* Applies and commits a stretch in the transaction, which it ends. */
static enum outcome run_in(struct run *run, MDB_txn *txn, int *rc) {
  bool changed = false;
  *rc = run_apply(run, txn, &changed);
  if (*rc == 0 && changed) {
    lmdbx__extend_file(run->env, run_bytes(run));
    *rc = mdb_txn_commit(txn);
    if (*rc == 0) {
      run->report->commits++;
      if (run_has(run, op_deletes)) run->env->has_deleted = true;
    }
  } else {
    mdb_txn_abort(txn);
  }
  if (*rc == 0) return DONE;
  run_forget(run);
  if (worth_splitting(*rc)) return SPLIT;
  struct lmdbx_error error;
  lmdbx__commit_error(run->env, *rc, doing, &error);
  run_prepare(run);
  run_fail(run, &error);
  return DONE;
}

static enum outcome run_once(struct run *run, int *rc) {
  MDB_txn *txn;
  *rc = lmdbx__txn_begin(run->env, 0, &txn);
  if (*rc != 0) {
    run_prepare(run);
    run_fail_with(run, *rc);
    return DONE;
  }
  enum outcome outcome = run_in(run, txn, rc);
  lmdbx__gate_leave(&run->env->gate);
  return outcome;
}

/* Deletes need free pages too, to copy those they change. A stretch without
 * puts gets some from behind the limit. */
static enum outcome run_with_reserve(struct run *run, int *rc) {
  struct lmdbx__env *env = run->env;
  if (!lmdbx__reserve_map(env)) {
    if (atomic_load(&env->failed)) *rc = MDB_PANIC;
    return SPLIT;
  }
  enum outcome outcome = run_once(run, rc);
  lmdbx__reserve_release(env);
  return outcome;
}

static void run_all(struct run *run) {
  int rc = 0;
  enum outcome outcome = run_once(run, &rc);
  run->feed = NULL;
  if (outcome == SPLIT && rc == MDB_MAP_FULL && run->count == 1 && run_has(run, op_puts) &&
      lmdbx__reserve_make_room(run->env))
    outcome = run_once(run, &rc);
  if (outcome == SPLIT && rc == MDB_MAP_FULL && !run_has(run, op_puts))
    outcome = run_with_reserve(run, &rc);
  if (outcome == DONE) return;
  if (run->count == 1) {
    run_fail_with(run, rc);
    return;
  }
  struct run half = *run;
  half.count = run->count / 2;
  run_all(&half);
  for (size_t i = 0; i < half.count; i++) half.first = half.first->next;
  half.count = run->count - half.count;
  run_all(&half);
}

/* A group that changes nothing needs no writer lock. */
static void run_reads(const struct run *run) {
  struct lmdbx__read *read;
  struct lmdbx_error error;
  bool changed = false;
  int code = lmdbx__read_begin_wait(run->env, &read, &error);
  struct lmdbx__op *op = run->first;
  for (size_t i = 0; i < run->count; i++, op = op->next) {
    op_prepare(run->env, op);
    if (code != LMDBX_OK || op->error != NULL) continue;
    int rc = op_apply(run->env, read->txn, op, &changed);
    if (rc == 0) continue;
    struct lmdbx_error wrong;
    lmdbx__read_error(read, rc, reading, &wrong);
    lmdbx__op_fail(op, &wrong);
  }
  if (code == LMDBX_OK)
    lmdbx__read_end(read);
  else
    run_fail(run, &error);
}

/* In units one by one. */
static size_t operations_of(const struct lmdbx__op *group) {
  size_t count = 0;
  for (const struct lmdbx__op *op = group; op != NULL; op = op->next)
    count += op->type == LMDBX__OP_UNIT ? op->unit->count : 1;
  return count;
}

void lmdbx__commit(struct lmdbx__env *env, struct lmdbx__op *group,
                   struct lmdbx__commit_report *report) {
  lmdbx__commit_fed(env, group, NULL, report);
}

void lmdbx__commit_fed(struct lmdbx__env *env, struct lmdbx__op *group,
                       const struct lmdbx__feed *feed, struct lmdbx__commit_report *report) {
  *report = (struct lmdbx__commit_report){0};
  struct run run = {env, group, 0, feed, report};
  for (struct lmdbx__op *op = group; op != NULL; op = op->next) run.count++;

  struct lmdbx_error error;
  if (lmdbx__env_usable(env, true, &error, doing) != LMDBX_OK) {
    run_fail(&run, &error);
  } else if (!run_has(&run, lmdbx__op_writes) || !env->writable || !atomic_load(&env->may_write)) {
    run_reads(&run);
  } else {
    lmdbx__reserve_release(env);
    run_all(&run);
  }
  report->operations = operations_of(group);
}
