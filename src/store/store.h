/*
 * store - environments, transactions and operations on bytes, on liblmdb. Knows
 * nothing of tenants, encodings or JavaScript.
 *
 * One environment per data file and process. liblmdb forbids opening a file
 * twice in one process, so a process-wide table keyed by the (device, inode) of
 * data.mdb hands every owner the same struct lmdbx__env, reference-counted.
 *
 * When a commit fails at its very end LMDB refuses everything from then on. Then
 * the environment has failed, and the next call that may wait opens the file
 * again in place: the struct and its handles stay what they are. For that the
 * live read transactions of this process must end, for which it waits a second
 * (parked ones are ended), and the file must be sound; otherwise that call answers LMDBX_FAILED,
 * and the next one tries again.
 *
 * Lock order: table (registry.c) -> database handles (database.c) -> gate
 * (gate.c). No callback is called with one of them held.
 */
#ifndef LMDBX_STORE_STORE_H
#define LMDBX_STORE_STORE_H

#include "lmdbx.h"

#include <pthread.h>
#include <stdatomic.h>

struct lmdbx__env;
struct lmdbx__read;
typedef unsigned int lmdbx__dbi; /* MDB_dbi */

/* ------------------------------------------------------------ environments */

struct lmdbx__env_options {
  const char *path;     /* absolute path of the directory */
  size_t map_size;      /* bytes; 0: reserve address space and grow by itself */
  unsigned max_readers; /* reader slots; 0: LMDBX_DEFAULT_READERS */
  bool read_only;       /* never creates, never writes */
  bool allow_network;   /* open also on a network file system */
};

/* What the layer above keeps with an environment. create runs once, before
 * anyone else can see the environment; destroy runs after its last owner let
 * go. Both with the table locked: they must not call back. */
struct lmdbx__env_companion {
  void *(*create)(struct lmdbx__env *env); /* NULL: out of memory */
  void (*destroy)(void *companion);
};

/*
 * Opens the environment in a directory, or joins the one this process already
 * has open there. Creates the directory with its parents, and data.mdb
 * atomically, unless read_only; files get mode 0660 and directories 0777, less the
 * umask. Since a process has one environment for all owners, it is opened for
 * writing where that is permitted, and the layer above keeps a read_only owner
 * from writing. Pool thread (blocks on the file system). The caller owns one
 * reference and gives it back with lmdbx__env_release.
 * Errors: ACCESS, NOT_FOUND (read_only), NOT_A_DIRECTORY, CORRUPT, FORMAT, IO,
 * NO_SPACE, NO_MEMORY, ALREADY_OPEN, LOCK_FORMAT, PID_CLASH, NETWORK_FS,
 * CONFIG_CONFLICT, FORKED, FAILED.
 */
int lmdbx__env_acquire(const struct lmdbx__env_options *options,
                       const struct lmdbx__env_companion *companion, struct lmdbx__env **out,
                       struct lmdbx_error *error);
/* Another reference for one that the caller holds. Any thread. */
void lmdbx__env_retain(struct lmdbx__env *env);
/* Gives a reference back; the last one closes. No transaction of this owner may
 * be live. Any thread; the last one blocks shortly on the file system. */
void lmdbx__env_release(struct lmdbx__env *env);

void *lmdbx__env_companion_of(struct lmdbx__env *env);
/* The directory, as first opened. Lives as long as the environment. */
const char *lmdbx__env_path(const struct lmdbx__env *env);
/* Longest stored key that put accepts (mdb_env_get_maxkeysize). */
size_t lmdbx__env_max_key(const struct lmdbx__env *env);

/* Reader slots there are, for all processes. Any thread. */
unsigned lmdbx__env_reader_slots(const struct lmdbx__env *env);

struct lmdbx__env_info {
  size_t map_size;      /* bytes of address space */
  size_t file_size;     /* bytes up to the last used page */
  uint64_t last_txn_id; /* of the last commit, by any process */
  unsigned readers;     /* slots in use */
  unsigned max_readers;
  size_t page_size;
};
/* Any thread; does not block. Walks the reader slots: some microseconds. */
void lmdbx__env_info(struct lmdbx__env *env, struct lmdbx__env_info *out);
/* last_txn_id alone, in well under a microsecond; 0 while a remap is in progress
 * or the file is not open. Any thread; does not block. */
uint64_t lmdbx__env_last_txn_id(struct lmdbx__env *env);
/* Whether the environment has failed and nobody has opened the file again yet. Any
 * thread; does not block. */
bool lmdbx__env_has_failed(struct lmdbx__env *env);
/* How many named databases this process has opened in it. Any thread. */
unsigned lmdbx__env_databases(struct lmdbx__env *env);
/* Nanoseconds that this process's writers have waited for LMDB's lock. Any thread. */
uint64_t lmdbx__env_lock_wait(struct lmdbx__env *env);

/*
 * The handle of a named database, or of the main one if name is NULL; created
 * unless the environment is read-only. Handles live as long as the environment.
 * Pool thread; takes the writer lock to create, for which it should have the
 * turn (below).
 * Errors: DATABASES_FULL, NAME_CONFLICT (a record of that name, or a database
 * with flags this package does not use), NOT_FOUND (read-only),
 * INVALID_ARGUMENT (a name of 0 or too many bytes), and those of a commit.
 */
int lmdbx__db_open(struct lmdbx__env *env, const char *name, lmdbx__dbi *out,
                   struct lmdbx_error *error);
/* The same for a database that exists: never creates, and so never waits for
 * another process's writes. */
int lmdbx__db_find(struct lmdbx__env *env, const char *name, lmdbx__dbi *out,
                   struct lmdbx_error *error);

/* ------------------------------------------------------- read transactions */

/*
 * Begins a read transaction: from then on it sees one moment. Any thread; never
 * waits (a remap in progress or a failed environment makes it fail with
 * LMDBX_CONFLICT: try again on a pool thread with lmdbx__read_begin_wait). May be used by any one
 * thread at a time, and ended on another than it began. Handles that lmdbx__db_open returned before
 * it began are valid in it, later ones are not (LMDBX_CONFLICT). Errors: READERS_FULL, NO_MEMORY,
 * IO, FORKED, PID_CLASH, CONFLICT.
 */
int lmdbx__read_begin(struct lmdbx__env *env, struct lmdbx__read **out, struct lmdbx_error *error);
/* The same, waiting for a remap to end, or remapping itself when another process
 * has grown the file: for that the live read transactions of this process must
 * end, for which it waits a second (then LMDBX_CONFLICT). Pool thread, without a
 * read of its own. Errors: those, and FAILED. */
int lmdbx__read_begin_wait(struct lmdbx__env *env, struct lmdbx__read **out,
                           struct lmdbx_error *error);
/* Also of one that is parked, or has expired meanwhile. */
void lmdbx__read_end(struct lmdbx__read *read);

/*
 * Between two uses a read that lives long is parked: it goes on seeing its moment,
 * but whoever has to wait for all reads of this process (to move the map, to open
 * the file again) ends it instead. Then it has expired. A parked read is resumed
 * before it is used: LMDBX_OK, or LMDBX_SNAPSHOT_EXPIRED, after which it can only
 * be ended. Any thread; neither waits.
 */
void lmdbx__read_park(struct lmdbx__read *read);
/* The same for the time that a job waits for a thread of the pool: whoever has to wait for
 * all reads may himself be what keeps that thread from it. No snapshot to be shown. */
void lmdbx__read_pause(struct lmdbx__read *read);
int lmdbx__read_resume(struct lmdbx__read *read, struct lmdbx_error *error);
/* When the oldest of this environment's live reads that have ever been parked was
 * parked for the first time, in ns of the monotonic clock; 0: there is none. Any
 * thread; does not block. */
uint64_t lmdbx__env_oldest_snapshot(struct lmdbx__env *env);
/* The transaction id whose commit this read sees. */
uint64_t lmdbx__read_txn_id(const struct lmdbx__read *read);

/* Looks a key up. *found says whether it is there; *value points into the map
 * until lmdbx__read_end. A key of 0 bytes or over the page-derived limit is not
 * found. Any thread. Errors: CORRUPT (other records may well be readable),
 * CONFLICT (begin a new read). */
int lmdbx__read_get(struct lmdbx__read *read, lmdbx__dbi dbi, struct lmdbx_slice key, bool *found,
                    struct lmdbx_slice *value, struct lmdbx_error *error);

/* Whether the pages in use of the mapping are in memory, as far as the system
 * tells this process; ABSENT where it would not. Missing ones that are few, or no more
 * than 64 MB, are asked for (MENDING): look again shortly. Costs some 10 us for each 4 MB. Pool
 * thread. */
enum lmdbx__residence { LMDBX__RESIDENT, LMDBX__MENDING, LMDBX__ABSENT };
enum lmdbx__residence lmdbx__read_residence(struct lmdbx__read *read);

struct lmdbx__db_stat {
  uint64_t entries; /* keys; in the main database, also the names of named ones */
  unsigned depth;   /* of the tree; 0: empty */
  uint64_t branch_pages, leaf_pages, overflow_pages;
};
/* The size of a database. Any thread. Errors: those of lmdbx__read_get. */
int lmdbx__read_stat(struct lmdbx__read *read, lmdbx__dbi dbi, struct lmdbx__db_stat *out,
                     struct lmdbx_error *error);
/* The pages of the file that hold nothing any more. Reads the whole list of them.
 * Pool thread. Errors: CORRUPT, NO_MEMORY, CONFLICT. */
int lmdbx__read_free_pages(struct lmdbx__read *read, uint64_t *pages, struct lmdbx_error *error);

/* What a scan's visitor answers. */
enum lmdbx__visit { LMDBX__VISIT_NEXT, LMDBX__VISIT_STOP, LMDBX__VISIT_FAIL };

/* An end of a range; with no key, the range has none there. */
struct lmdbx__bound {
  struct lmdbx_slice key;
  bool open; /* the key itself lies outside */
};

#define LMDBX__AHEAD_WINDOWS 128
/* The read-ahead of one scan (ahead.c); all zero at its beginning. Kept from call
 * to call, on any one thread at a time. */
struct lmdbx__ahead {
  uintptr_t page; /* where the last key was */
  size_t pages;   /* visited */
  size_t credit;  /* pages that may be asked for */
  bool counted;
  long faults;                             /* of this thread when last counted */
  uintptr_t windows[LMDBX__AHEAD_WINDOWS]; /* asked for, by number */
};

/* A range of stored keys, in the order of their bytes. Bounds may be any bytes. */
struct lmdbx__scan {
  lmdbx__dbi dbi;
  struct lmdbx__bound lower, upper;
  bool reverse;               /* from upper down to lower */
  struct lmdbx__ahead *ahead; /* NULL: none. Serves both directions */
  /* Called for every key of the range in turn, with no lock held. Key and value
   * point into the map. VISIT_STOP ends the scan after this key, VISIT_FAIL ends
   * it with LMDBX_NO_MEMORY. In the main database the names of named databases
   * are keys like others: liblmdb does not tell them apart, the layer above does
   * by their form. */
  enum lmdbx__visit (*visit)(void *context, struct lmdbx_slice key, struct lmdbx_slice value);
  void *context;
};
/* Runs a scan; *complete says whether it came to the end of the range (rather
 * than to a VISIT_STOP). Any thread. Errors: CORRUPT, IO, NO_MEMORY. */
int lmdbx__read_scan(struct lmdbx__read *read, const struct lmdbx__scan *scan, bool *complete,
                     struct lmdbx_error *error);

/* ------------------------------------------------------------------ writes */

enum lmdbx__op_type {
  LMDBX__OP_PUT,
  LMDBX__OP_DELETE,
  LMDBX__OP_GET,
  LMDBX__OP_HAS,
  LMDBX__OP_COLLECT, /* all records whose keys begin with `key` */
  LMDBX__OP_UNIT     /* several steps that succeed or fail together */
};

enum lmdbx__step_type {
  LMDBX__STEP_COMPARE, /* the key must be there, with exactly this stored value */
  LMDBX__STEP_ABSENT,  /* the key must not be there */
  LMDBX__STEP_PUT,
  LMDBX__STEP_DELETE
};

/* One step of a unit. The databases may differ. */
struct lmdbx__step {
  enum lmdbx__step_type type;
  lmdbx__dbi dbi;
  bool report; /* COMPARE, ABSENT: if it fails, the operation's result is what is stored */
  struct lmdbx_slice key;
  struct lmdbx_slice value; /* PUT, COMPARE */
};

/*
 * A unit is carried out in order: first all that can be found wrong before a page
 * is touched, then all comparisons against what the transaction holds (so that
 * they see the operations before it in the group), then the writes. One that
 * fails has written nothing, and is never spread over two commits.
 * The puts of long units are appended while they come in the order of their keys,
 * behind all others of the database.
 */
struct lmdbx__unit {
  struct lmdbx__step *steps;
  size_t count;
  /* Shared by units that must not overtake each other, or NULL. Once one of them has
   * failed, those behind it fail with ABORTED. Belongs to the committing thread. */
  bool *fence;
  const struct lmdbx_error *refused; /* not NULL: it fails with this, in its place */

  size_t failed; /* result: the step that made it fail, or count */
  bool broke;    /* it is the one that broke the fence */
};

/*
 * One operation of a group. Reads in a group see the writes before them and
 * none behind them. Owned by the caller, who fills the first part.
 */
struct lmdbx__op {
  enum lmdbx__op_type type;
  lmdbx__dbi dbi;
  struct lmdbx_slice key;
  union {
    struct lmdbx_slice value; /* PUT */
    struct lmdbx__unit *unit; /* UNIT */
  };

  /* Results, valid once lmdbx__commit returned. */
  bool found;                 /* DELETE, GET, HAS: whether the key was there; a unit that failed
                                 in a step that reports: likewise */
  struct lmdbx_buffer result; /* GET: a copy of the value, likewise; COLLECT: see below. The caller
                                 frees it */
  struct lmdbx_error *error;  /* NULL: done, and on disk; else from lmdbx_error_copy, the
                                 caller frees it with lmdbx_error_free. A pointer, since
                                 millions of operations may be queued. */
  struct lmdbx__op *next;     /* in the group */
};

struct lmdbx__commit_report {
  unsigned commits;  /* commits it took (0 if nothing was changed) */
  size_t operations; /* those in units counted one by one */
};

/* What is to be removed at once. */
struct lmdbx__clear {
  lmdbx__dbi dbi;
  struct lmdbx_slice prefix; /* of the keys to look at */
  /* Whether a key is to be removed; NULL: all of the database are, whatever the prefix
   * (not for the main one, which holds the names of the others). The key points into
   * the map. */
  bool (*belongs)(void *context, struct lmdbx_slice key);
  /* Asked every now and then: then nothing is removed, and the answer is ABORTED. */
  bool (*stop)(void *context);
  void *context;
};

/* Removes records in one commit, and says how many. Where and when as lmdbx__commit;
 * errors as there, and ABORTED. */
int lmdbx__clear(struct lmdbx__env *env, const struct lmdbx__clear *clear, size_t *removed,
                 struct lmdbx_error *error);

/* Takes the next record off the result of a COLLECT. False: there is none. */
bool lmdbx__collected(struct lmdbx_slice *result, struct lmdbx_slice *key,
                      struct lmdbx_slice *value);
/* Appends to *out what a COLLECT has as its result. Any thread. Errors: those of
 * lmdbx__read_scan. */
int lmdbx__read_collect(struct lmdbx__read *read, lmdbx__dbi dbi, struct lmdbx_slice prefix,
                        struct lmdbx_buffer *out, struct lmdbx_error *error);
/* Makes the comparisons of an operation of type UNIT that has no writes; its
 * results are as after lmdbx__commit. Any thread. */
void lmdbx__read_unit(struct lmdbx__read *read, struct lmdbx__op *op);
/* Whether an operation writes. */
bool lmdbx__op_writes(const struct lmdbx__op *op);

/*
 * Waits up to that long for this process's turn to write; false: it has not come
 * yet. Whoever has it calls lmdbx__turn_end. Several threads may have it at once:
 * LMDB's own lock keeps them apart. It makes waiting for other processes
 * bounded, so that a process that exits need not wait for them. Pool thread.
 */
bool lmdbx__turn_wait(struct lmdbx__env *env, unsigned milliseconds);
void lmdbx__turn_end(struct lmdbx__env *env);

/*
 * Sees to it that reads which begin now see the last commit. LMDB shows a commit once
 * its writer has noted it in lock.mdb; one that was killed just before that has left a
 * commit which only the next writer would bring to light, later. Pool thread; waits
 * shortly for the turn, and does without where another process has it, since that is
 * such a writer.
 */
void lmdbx__env_catch_up(struct lmdbx__env *env);

/*
 * Applies a group in order, in as few commits as possible: one, unless an
 * operation fails in a way that poisons the transaction; then in halves, so that
 * one failing operation fails alone. Returns when everything that succeeded is
 * on disk; every outcome stands in the operations. A group must not be empty.
 * Pool thread, which has the turn; takes LMDB's writer lock, and no second call
 * for the same environment may run at the same time (the caller sees to that).
 * At the mapSize puts fail and deletes get room behind it, for which the live
 * read transactions of this process must end; if they do not within a second,
 * deletes fail with MAP_FULL too.
 * Outcomes: KEY_TOO_LARGE, VALUE_TOO_LARGE, READ_ONLY, MAP_FULL, NO_SPACE, IO
 * (nothing was stored; or that is unknown, since writing failed at the very end:
 * then the message says so), FAILED (nothing was stored), NO_MEMORY, CORRUPT, NAME_CONFLICT
 * (the key is the name of a database), CONFLICT (a comparison of a unit failed; or another process
 * has grown the file, and read transactions kept the map from following), ABORTED (a unit behind a
 * broken fence), FORKED.
 */
void lmdbx__commit(struct lmdbx__env *env, struct lmdbx__op *group,
                   struct lmdbx__commit_report *report);

/* Where a group may grow while it is carried out. */
struct lmdbx__feed {
  /* Asked when all operations have been applied: links more to the last one, and says
   * how many; 0: commit. On the thread of the commit, which holds LMDB's writer lock. */
  size_t (*more)(void *context);
  void *context;
};
/* The same, with a group that may grow; feed NULL: it does not. */
void lmdbx__commit_fed(struct lmdbx__env *env, struct lmdbx__op *group,
                       const struct lmdbx__feed *feed, struct lmdbx__commit_report *report);

/* ------------------------------------------------------------------ copies */

/*
 * A copy of the whole file as of one moment, taken while reading and writing go on,
 * into a directory that appears when the copy is complete and on disk. Until then
 * it has the name "<target>.partial.<process>.<number>"; what a killed process left
 * under such a name is removed by a later copy to the same target, ten minutes on.
 *
 * LMDB copies to a descriptor, from a thread of its own, and knows neither progress
 * nor an end before the end. So it is given a pipe, and the holder of the copy
 * carries what comes out of it to the file, part by part; when the holder gives up
 * reading, LMDB's next write fails, and the thread ends at once.
 *
 * A copy has one holder at a time, who may be any thread. It keeps a read
 * transaction live, so that the file grows by what is written meanwhile. Where
 * the map has to move or the file to be opened again, the copy ends with CONFLICT.
 */
struct lmdbx__copy;

struct lmdbx__copy_options {
  const char *target; /* an absolute path */
  bool compact;       /* without free pages, in order; slower, and no total is known */
};

/*
 * Begins one. Its moment is now, or for a compact one before its first byte. Pool thread, which
 * has the turn, and during which nobody else of this process writes: LMDB takes its
 * writer lock for a moment. The caller owns *out, and the environment stays open for
 * as long as there is a copy. Touches no file yet.
 * Errors: those of lmdbx__read_begin_wait.
 */
int lmdbx__copy_begin(struct lmdbx__env *env, const struct lmdbx__copy_options *options,
                      struct lmdbx__copy **out, struct lmdbx_error *error);
/*
 * Copies on for about that long, at most 16 MB, or until *stop is set. Once all is copied, a
 * call of its own puts it in place: *complete says that the target is there, and on
 * disk. Pool thread. After an error the copy has to be freed; the target is not there, unless
 * the message says so (its name could neither be put on disk nor be taken away).
 * Errors: EXISTS (the target), ACCESS, NOT_A_DIRECTORY, NO_SPACE, IO, NO_MEMORY,
 * CONFLICT, CORRUPT.
 */
int lmdbx__copy_go_on(struct lmdbx__copy *copy, unsigned milliseconds, const atomic_bool *stop,
                      bool *complete, struct lmdbx_error *error);
/* Bytes copied, and bytes in all: 0 as long as that is not known. Its holder. */
void lmdbx__copy_progress(const struct lmdbx__copy *copy, uint64_t *bytes, uint64_t *total);
/* Ends it, and removes what is not complete. NULL is fine. Any thread; blocks shortly
 * on the file system. */
void lmdbx__copy_free(struct lmdbx__copy *copy);

/* ------------------------------------------------------------------- clock */

/* The monotonic clock, in nanoseconds. Any thread. */
uint64_t lmdbx__now_ns(void);
void lmdbx__pause(uint64_t nanoseconds);
/* A condition whose waits have their ends on that clock. 0 or errno. */
int lmdbx__condition_init(pthread_cond_t *condition);
/* Waits, with the mutex held; false: until that time, in vain. */
bool lmdbx__condition_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, uint64_t until);

/* ------------------------------------------------------------------ errors */

/* Describes an LMDB return code or errno: "Could not <doing> in <path>: what
 * happened. What to do." doing is a verb and its object. Returns the code. Any
 * thread. */
int lmdbx__store_error(struct lmdbx_error *error, int mdb_code, const char *doing,
                       const char *path);

#endif
