/*
 * lmdbx.h - the core of @aurora/runtime-storage-lmdbx: a multi-tenant
 * key-value repository on liblmdb, in C, without a JavaScript engine.
 *
 * Caveats first.
 *
 *  - Threads. Every call says on which thread it may run. "Owner thread" is
 *    the one thread that created the host (in the addon: the JavaScript
 *    thread); "pool thread" is any thread the executor lends us. The owner
 *    thread never waits for a job and never takes LMDB's writer lock.
 *  - Ownership. What a call allocates, its counterpart frees; slices point
 *    into memory that somebody else owns, for as long as that call says.
 *  - Errors. Calls that can fail return a code of LMDBX_ERROR_MAP (0 is
 *    success) and describe it in the struct lmdbx_error they were given. Nobody
 *    parses messages.
 *  - Fork. Nothing here may be used in a forked child.
 *
 * Names: lmdbx_ is public, lmdbx__ is internal to the core, LMDBX_ are codes
 * and limits.
 */
#ifndef LMDBX_H
#define LMDBX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ------------------------------------------------------------------ limits */

/* Containers inside containers, in values, both ways. */
#define LMDBX_MAX_DEPTH 512
/* Items of one value, both ways: those of arrays, Maps and Sets, names and values
 * of fields, at all levels together. An engine takes some hundred bytes for an
 * item of one byte, and ends the process when it has no more. */
#define LMDBX_MAX_ITEMS ((size_t)4 * 1024 * 1024)
/* Bytes of one encoded value, before compression. LMDB before 0.9.36 cannot
 * commit values of 2 GB, and one value is one contiguous run of pages. */
#define LMDBX_MAX_VALUE_SIZE ((size_t)256 * 1024 * 1024)
/* Bytes of a stored key that LMDB's page size of 4096 can carry in any build:
 * the longest key that get, has and delete accept (see lmdbx_key_limit). */
#define LMDBX_MAX_STORED_KEY 1980
/* Named databases in one environment. */
#define LMDBX_MAX_DATABASES 256
/* Steps of one unit, and bytes of their keys and values together: what one
 * transaction holds in memory at most. LMDB lists the pages that it dirties, up to
 * 131,072, and writes some of them out early when they are more. */
#define LMDBX_MAX_UNIT_STEPS ((size_t)262144)
#define LMDBX_MAX_UNIT_SIZE ((size_t)512 * 1024 * 1024)
/* Bytes of the name of a checkpoint, and of its position as it is stored: msgpack, whose
 * header of a string that long has 3 bytes. */
#define LMDBX_MAX_CHECKPOINT_NAME 256
#define LMDBX_MAX_CHECKPOINT_POSITION 1024
#define LMDBX_MAX_CHECKPOINT_TEXT (LMDBX_MAX_CHECKPOINT_POSITION - 3)
/* Reader slots of one environment, unless configured. */
#define LMDBX_DEFAULT_READERS 1024
/* Bytes of a message in struct lmdbx_error. */
#define LMDBX_MESSAGE_SIZE 512

/* ------------------------------------------------------------------ errors */

/*
 * The one list of errors: code, the JavaScript class that carries it, and what
 * it means. JavaScript sees the name LMDBX_<code>. Append only: the order is
 * part of no interface, the names are.
 */
#define LMDBX_ERROR_MAP(XX)                                                                        \
  XX(INVALID_CONFIG, TYPE, "the configuration is not valid")                                       \
  XX(INVALID_ARGUMENT, TYPE, "an argument is not valid")                                           \
  XX(INVALID_KEY, TYPE, "the key cannot be stored exactly")                                        \
  XX(INVALID_VALUE, TYPE, "the value cannot be stored exactly")                                    \
  XX(KEY_TOO_LARGE, RANGE, "the stored key is too long")                                           \
  XX(VALUE_TOO_LARGE, RANGE, "the encoded value is too large")                                     \
  XX(DECODE, ERROR, "the stored value cannot be decoded")                                          \
  XX(CLOSED, ERROR, "the repository is closed")                                                    \
  XX(READ_ONLY, ERROR, "the repository is open for reading only")                                  \
  XX(MAP_FULL, ERROR, "the database has reached its mapSize")                                      \
  XX(QUEUE_FULL, ERROR, "too many bytes of operations are queued")                                 \
  XX(NO_SPACE, ERROR, "no space is left on the device")                                            \
  XX(NO_MEMORY, ERROR, "memory could not be allocated")                                            \
  XX(IO, ERROR, "the operating system reported an error")                                          \
  XX(ACCESS, ERROR, "permission was denied")                                                       \
  XX(NOT_FOUND, ERROR, "no database exists there")                                                 \
  XX(NOT_A_DIRECTORY, ERROR, "something that is not a directory is in the way")                    \
  XX(CORRUPT, ERROR, "the data file is damaged or not an LMDB file")                               \
  XX(FORMAT, ERROR, "the data file has a format this package cannot open")                         \
  XX(LOCK_FORMAT, ERROR, "the lock file belongs to an incompatible build of LMDB")                 \
  XX(READERS_FULL, ERROR, "all reader slots are in use")                                           \
  XX(DATABASES_FULL, ERROR, "the environment holds too many named databases")                      \
  XX(NAME_CONFLICT, ERROR, "the database name cannot be used here")                                \
  XX(CONFIG_CONFLICT, ERROR, "another owner opened this path with other options")                  \
  XX(ALREADY_OPEN, ERROR, "another copy of LMDB in this process has this path open")               \
  XX(FORKED, ERROR, "the environment was opened before a fork")                                    \
  XX(PID_CLASH, ERROR, "another process with the same process id uses this path")                  \
  XX(NETWORK_FS, ERROR, "the path lies on a network file system")                                  \
  XX(FAILED, ERROR, "the environment failed and could not be reopened yet")                        \
  XX(CONFLICT, ERROR, "another writer was faster")                                                 \
  XX(ABORTED, ERROR, "the operation was abandoned")                                                \
  XX(SNAPSHOT_EXPIRED, ERROR, "the snapshot has expired")                                          \
  XX(NATIVE_MISSING, ERROR, "the native addon is missing")                                         \
  XX(INTERNAL, ERROR, "an internal error occurred")                                                \
  XX(EXISTS, ERROR, "something exists there already")                                              \
  XX(IN_USE, ERROR, "another program is using it")                                                 \
  XX(PEER_MISSING, ERROR, "an optional package is missing")

enum lmdbx_code {
  LMDBX_OK = 0,
#define XX(name, kind, text) LMDBX_##name,
  LMDBX_ERROR_MAP(XX)
#undef XX
      LMDBX_CODE_COUNT
};

/* Which JavaScript class carries an error. */
enum lmdbx_error_kind { LMDBX_KIND_ERROR, LMDBX_KIND_TYPE, LMDBX_KIND_RANGE };

/* Says what went wrong. Plain memory of the caller; contains no pointers. */
struct lmdbx_error {
  int code;                         /* enum lmdbx_code; LMDBX_OK when nothing is wrong */
  int errnum;                       /* errno or LMDB return code behind it, or 0 */
  char message[LMDBX_MESSAGE_SIZE]; /* UTF-8: what was being done, what to do */
};

/* Static text for a code: "LMDBX_MAP_FULL". Any thread. */
const char *lmdbx_code_name(int code);
/* The one-line meaning from LMDBX_ERROR_MAP. Any thread. */
const char *lmdbx_code_text(int code);
enum lmdbx_error_kind lmdbx_code_kind(int code);

/*
 * Fills *error (which may be NULL) and returns code, so that a failing function
 * can end in `return lmdbx_error_set(...)`. The message is cut at a character
 * boundary if it does not fit. Any thread.
 */
int lmdbx_error_set(struct lmdbx_error *error, int code, int errnum, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A copy on the heap, for results that are kept. Never NULL: where memory is
 * short it is a shared constant that says so. Free with lmdbx_error_free (which
 * accepts NULL). Any thread. */
struct lmdbx_error *lmdbx_error_copy(const struct lmdbx_error *error);
void lmdbx_error_free(struct lmdbx_error *error);

/* ------------------------------------------------------------------- bytes */

/* Bytes that somebody else owns. */
struct lmdbx_slice {
  const uint8_t *data;
  size_t size;
};

/*
 * Bytes that grow. All zero is an empty buffer without a limit. The owner frees
 * it with lmdbx_buffer_free, which leaves it empty and usable. Any one thread.
 */
struct lmdbx_buffer {
  uint8_t *data;
  size_t size;
  size_t capacity;
};

/* Makes room for `more` bytes behind size. LMDBX_OK or LMDBX_NO_MEMORY (then
 * the buffer is as it was). */
int lmdbx_buffer_reserve(struct lmdbx_buffer *buffer, size_t more);
int lmdbx_buffer_append(struct lmdbx_buffer *buffer, const void *data, size_t size);
void lmdbx_buffer_free(struct lmdbx_buffer *buffer);

/*
 * Has glibc keep memory that was freed for the next blocks: an end of a heap goes back to the
 * system from 16 MB on, not from 128 kB, and blocks of up to 8 MB, not of 128 kB, lie in heaps.
 * The page faults of taking memory anew cost more than the rest of a put. glibc itself comes
 * to the same in a program that frees such blocks, as Node.js does; Bun has an allocator of
 * its own. After a burst the process may stay as large as it was. For the whole process.
 * Any thread.
 */
void lmdbx_memory_keep(void);

/* ------------------------------------------------------------------- hosts */

/*
 * A host is one owner thread with a thread pool behind it: one for each
 * JavaScript environment (main thread, every worker). Everything it owns is used
 * on its thread alone, unless a call says otherwise.
 */
struct lmdbx_host;
struct lmdbx_job; /* one piece of work for a pool thread */
struct lmdbx_repository;
struct lmdbx_scan;
struct lmdbx_backup;
struct lmdbx_snapshot;

/* What the host borrows from its surroundings. */
struct lmdbx_executor {
  /* Arranges that lmdbx_job_run(job) is called once on a pool thread, then
   * lmdbx_job_done(job) on the owner thread; or, where the pool drops the job,
   * lmdbx_job_done alone. Nonzero: cannot; then neither is called. Owner thread. */
  int (*submit)(void *context, struct lmdbx_job *job);
  /* Arranges that lmdbx_host_deliver runs soon on the owner thread. Any thread;
   * never after lmdbx_host_destroy. Must not call back. */
  void (*wake)(void *context);
  /* Whether requests are under way, so that the owner thread must stay alive for
   * their results. Called at each change. Owner thread. */
  void (*busy)(void *context, bool busy);
};

/* Creates a host for the calling thread. pool_threads is the size of the pool
 * that all hosts of the process share: at most half of it ever works on writes,
 * which may wait for another process; reads that wait for the disk may take all of it. LMDBX_OK,
 * LMDBX_NO_MEMORY. */
int lmdbx_host_create(const struct lmdbx_executor *executor, void *context, unsigned pool_threads,
                      struct lmdbx_host **out, struct lmdbx_error *error);

/*
 * Starts what was issued since the last flush and is not under way yet: reads of one turn
 * of the loop travel as one job in one read transaction, or as several of one moment where
 * they wait for the disk, writes join the next group commit.
 * Of a turn that issues many, jobs are submitted before it ends, within the call that
 * issues. Call it at the end of each turn in which a call said *needs_flush. Owner thread.
 */
void lmdbx_host_flush(struct lmdbx_host *host);

/* The loop has turned: inline reads get their time anew, and answers that have waited for
 * this can be delivered: do it afterwards. Owner thread. */
void lmdbx_host_turn(struct lmdbx_host *host);

/* Calls back for what has finished, as much as a turn of the loop had better take in; for
 * nothing in a turn with inline reads that has lasted long. Then the rest follows when the
 * turn has ended. Owner thread; lmdbx_job_done does the same. */
void lmdbx_host_deliver(struct lmdbx_host *host);
/* After deliveries: whether the host wants lmdbx_host_turn at the next turn of the loop; it
 * says so once a turn, here or from lmdbx_now_end. Owner thread. */
bool lmdbx_host_wants_turn(struct lmdbx_host *host);

/* Announces the end: no more writes are begun, and jobs of this host that wait
 * for other processes give up, so that a runtime that waits for its pool can exit
 * at once. What they would have written is not acknowledged. Backups end, and nothing is
 * left of them: this waits for a part of one that is under way, which stops within 16 MB.
 * Owner thread. */
void lmdbx_host_stop(struct lmdbx_host *host);

/* Ends a host, at the end of its thread: calls back for nothing more, drops what
 * has not started, gives its environments back as soon as running jobs allow.
 * Repositories and scans stay to be released, and are closed. Owner thread. */
void lmdbx_host_destroy(struct lmdbx_host *host);

/* A group of writes that was committed. */
struct lmdbx_commit {
  const char *path;      /* of a repository of this host whose writes were in it */
  uint64_t transactions; /* that it took: more than 1 if something in it failed */
  uint64_t operations;   /* that are on disk now */
  uint64_t bytes;        /* of their keys and values, as stored */
  uint64_t nanoseconds;  /* from the first page to the last */
};
typedef void (*lmdbx_committed)(void *host_context, const struct lmdbx_commit *commit);

/* From now on, calls back for each group in which writes of this host were, with their
 * outcomes. NULL: no more. Owner thread. */
void lmdbx_host_watch(struct lmdbx_host *host, lmdbx_committed committed);

void lmdbx_job_run(struct lmdbx_job *job);  /* pool thread */
void lmdbx_job_done(struct lmdbx_job *job); /* owner thread */
/* Any thread; valid until the job is done. */
struct lmdbx_host *lmdbx_job_host(const struct lmdbx_job *job);

/* ------------------------------------------------------------ repositories */

/* How values are encoded. The core stores bytes; owners encode and decode. */
enum lmdbx_encoding { LMDBX_MSGPACK, LMDBX_JSON, LMDBX_STRING };

/* What a request came to. Everything in it lives until the callback returns. */
struct lmdbx_result {
  struct lmdbx_repository *repository;
  const struct lmdbx_error *error; /* NULL: success */
  struct lmdbx_slice key;          /* of the request; empty for ready and close */
  bool found;                      /* get, has, delete: whether the key was there */
  struct lmdbx_slice value;        /* get: the value, unpacked */
  size_t failed;                   /* a unit that failed: see lmdbx_unit */
  size_t removed;                  /* clear, reset: how many records */
  const struct lmdbx_page *page;   /* of a scan */
  struct lmdbx_scan *scan;         /* of a scan: not NULL if more follows; the callee's */
  struct lmdbx_backup *backup;     /* of a backup: not NULL if more follows; the callee's */
  uint64_t bytes, total;           /* of a backup: copied so far; in all, or 0: not known */
};

/* Called once for every request that was accepted, on the owner thread, from
 * lmdbx_host_deliver; not after lmdbx_host_destroy. */
typedef void (*lmdbx_done)(void *host_context, void *user, const struct lmdbx_result *result);

/*
 * Opens a repository. The configuration is one JSON text (codec/config.h) and is
 * checked at once; opening happens on a pool thread, and what is issued
 * meanwhile waits for it in order. If opening fails, every request fails with
 * the same error. The caller owns one reference. Owner thread.
 * LMDBX_OK, LMDBX_INVALID_CONFIG, LMDBX_NO_MEMORY.
 */
int lmdbx_open(struct lmdbx_host *host, struct lmdbx_slice config, struct lmdbx_repository **out,
               struct lmdbx_error *error);

/* Gives the reference back. A repository that was not closed is, once its
 * requests have settled. Owner thread. */
void lmdbx_repository_release(struct lmdbx_repository *repository);

const char *lmdbx_repository_path(const struct lmdbx_repository *repository);
enum lmdbx_encoding lmdbx_repository_encoding(const struct lmdbx_repository *repository);

/*
 * The requests. All on the owner thread; the bytes they are given are copied. A
 * key is a stored key: tenant id, colon, JSON text, in UTF-8 (codec/key.h).
 * LMDBX_OK means that `done` will be called; with anything else it will not, and
 * nothing has happened. *needs_flush is set when the host wants
 * lmdbx_host_flush at the end of this turn (it is never cleared).
 * Refused at once: CLOSED, the error of a failed opening, KEY_TOO_LARGE,
 * VALUE_TOO_LARGE, READ_ONLY, QUEUE_FULL, NO_MEMORY. Results add those of
 * store.h.
 *
 * Order: a read sees what this repository was asked to write before it, and
 * nothing that it was asked to write later. Writes are carried out in order. A
 * write is reported once it is on disk.
 */
struct lmdbx_issue {
  lmdbx_done done;
  void *user;
  bool *needs_flush;
  bool over_limit; /* let in though the queue is full: the caller bounds these */
};

int lmdbx_get(struct lmdbx_repository *repository, struct lmdbx_slice key,
              const struct lmdbx_issue *issue, struct lmdbx_error *error);
int lmdbx_has(struct lmdbx_repository *repository, struct lmdbx_slice key,
              const struct lmdbx_issue *issue, struct lmdbx_error *error);
int lmdbx_put(struct lmdbx_repository *repository, struct lmdbx_slice key, struct lmdbx_slice value,
              const struct lmdbx_issue *issue, struct lmdbx_error *error);
/* The same, of a value in a buffer, which it may take over rather than copy: then *value is
 * empty afterwards. */
int lmdbx_put_buffer(struct lmdbx_repository *repository, struct lmdbx_slice key,
                     struct lmdbx_buffer *value, const struct lmdbx_issue *issue,
                     struct lmdbx_error *error);
int lmdbx_delete(struct lmdbx_repository *repository, struct lmdbx_slice key,
                 const struct lmdbx_issue *issue, struct lmdbx_error *error);

/* The value as it lies on disk, perhaps as a frame: what lmdbx_unit compares. */
int lmdbx_get_stored(struct lmdbx_repository *repository, struct lmdbx_slice key,
                     const struct lmdbx_issue *issue, struct lmdbx_error *error);

/* What a step of a unit does. */
enum lmdbx_step_type {
  LMDBX_STEP_PUT,
  LMDBX_STEP_DELETE,
  LMDBX_STEP_COMPARE_STORED, /* the record must be there, stored as exactly these bytes */
  LMDBX_STEP_COMPARE_VALUE,  /* likewise, as a put of this value would store it */
  LMDBX_STEP_ABSENT          /* there must be no such record */
};

struct lmdbx_step {
  enum lmdbx_step_type type;
  struct lmdbx_repository *repository; /* of the same host and environment */
  bool report;                         /* a comparison: its failure says what is stored instead */
  struct lmdbx_slice key;
  struct lmdbx_slice value;
};

/* How far a worker has come, written with a unit. */
struct lmdbx_checkpoint {
  struct lmdbx_slice name;     /* 1 to LMDBX_MAX_CHECKPOINT_NAME bytes of UTF-8 */
  struct lmdbx_slice position; /* msgpack; empty: the checkpoint is removed */
  enum { LMDBX_EXPECT_ANY, LMDBX_EXPECT_ABSENT, LMDBX_EXPECT_EQUAL } expect;
  struct lmdbx_slice expected; /* EQUAL: the position that must be stored */
};

/* Results of a unit: the failed step, where it is none of the caller's. */
#define LMDBX_FAILED_NONE SIZE_MAX
#define LMDBX_FAILED_CHECKPOINT (SIZE_MAX - 1)

/*
 * A unit: steps in one commit, all or nothing. All comparisons are made against
 * the records before any of the writes; the comparison of the checkpoint comes
 * first. One that fails answers LMDBX_CONFLICT; then `failed` is the index of the
 * step, the result's key is its key, and if it reports, found and value are what
 * is stored instead (value as by lmdbx_get_stored). Other errors name the step
 * at fault likewise, if there is one; refused at once, in *failed.
 *
 * Once a unit with a checkpoint has failed, those with the same name that this
 * repository issued before that was reported fail with LMDBX_ABORTED.
 *
 * The repositories of all steps have to be open, unless it is this one alone; a
 * unit counts as pending in each. INVALID_ARGUMENT: they are not of one
 * environment; the checkpoint is none; there are more steps or bytes than allowed.
 */
int lmdbx_unit(struct lmdbx_repository *repository, const struct lmdbx_step *steps, size_t count,
               const struct lmdbx_checkpoint *checkpoint, size_t *failed,
               const struct lmdbx_issue *issue, struct lmdbx_error *error);

/* Whether one unit may span two repositories, as far as that is known before both are
 * open: LMDBX_OK, CLOSED, INVALID_ARGUMENT. Owner thread. */
int lmdbx_may_join(const struct lmdbx_repository *repository, const struct lmdbx_repository *other,
                   struct lmdbx_error *error);

/* Removes all records of a tenant (prefix: tenant id and colon) in one commit. Takes its
 * place among the writes like any other. Ends early with LMDBX_ABORTED when the host
 * stops; then nothing was removed. */
int lmdbx_clear(struct lmdbx_repository *repository, struct lmdbx_slice prefix,
                const struct lmdbx_issue *issue, struct lmdbx_error *error);
/* Removes all records and checkpoints of the repository's database, likewise. In the main
 * database the names of others stay, and keys that are no tenant's. */
int lmdbx_reset(struct lmdbx_repository *repository, const struct lmdbx_issue *issue,
                struct lmdbx_error *error);

/* The position of a checkpoint: found, and value as msgpack. */
int lmdbx_get_checkpoint(struct lmdbx_repository *repository, struct lmdbx_slice name,
                         const struct lmdbx_issue *issue, struct lmdbx_error *error);
/* All checkpoints, by name. The result's value is read with lmdbx_checkpoints_next. */
int lmdbx_checkpoints(struct lmdbx_repository *repository, const struct lmdbx_issue *issue,
                      struct lmdbx_error *error);
/* Takes the next one off the value. False: there is none. Any thread. */
bool lmdbx_checkpoints_next(struct lmdbx_slice *value, struct lmdbx_slice *name,
                            struct lmdbx_slice *position);

/* ------------------------------------------------------------ scans, snapshots */

/*
 * A cut between stored keys, given by a JSON text: before the key of that text,
 * right behind it, or behind all keys whose texts begin with it. The text need be
 * no key. With an empty text: before or behind all keys of the tenant.
 */
enum lmdbx_side { LMDBX_BEFORE, LMDBX_AFTER, LMDBX_BEYOND };
struct lmdbx_cut {
  struct lmdbx_slice text;
  enum lmdbx_side side;
};

/* The most intervals of one range: the keys with an array's first elements are
 * those that go on behind them, and that array itself. */
#define LMDBX_MAX_INTERVALS 2

/* Keys of a tenant between cuts: in ascending order and disjoint. */
struct lmdbx_range {
  struct lmdbx_interval {
    struct lmdbx_cut from, to;
  } intervals[LMDBX_MAX_INTERVALS];
  size_t count;   /* of the intervals; 0: all keys */
  bool reverse;   /* from the last to the first */
  uint64_t limit; /* the most records; LMDBX_NO_LIMIT: all */
};
#define LMDBX_NO_LIMIT UINT64_MAX

enum lmdbx_query_kind {
  LMDBX_KEYS,    /* of a range; page: keys */
  LMDBX_VALUES,  /* of a range; page: keys, and records in the same order */
  LMDBX_ENTRIES, /* the same, for one who wants both */
  LMDBX_COUNT,   /* of a range; page: counted, in this page */
  LMDBX_TENANTS, /* of all keys; page: records whose values are tenant ids, some perhaps twice */
  LMDBX_MANY,    /* of these keys; page: a record for each, in their order, and the keys */
  LMDBX_HAS,     /* of these keys; page: counted, those that are there */
  LMDBX_HIDDEN, /* of all keys; last page: counted, entries of the tree that a walk does not meet */
};

struct lmdbx_query {
  enum lmdbx_query_kind kind;
  bool one_moment;                 /* all pages; else each sees what was written before it was asked
                                      for, and no read transaction is held between them */
  struct lmdbx_slice prefix;       /* tenant id and colon; empty for TENANTS, HIDDEN */
  struct lmdbx_range range;        /* KEYS, VALUES, ENTRIES, COUNT */
  struct lmdbx_slice keys;         /* MANY, HAS: JSON texts, a newline behind each */
  struct lmdbx_snapshot *snapshot; /* NULL: the repository as it is */
};

/* A part of an answer: of keys alone up to LMDBX_PAGE_PIECES times some 64 kB, each an array; or
 * of values 512 records or 64 kB, whichever is less, but one at least; so that no page keeps its
 * receiver long. It may be empty with more to follow. */
struct lmdbx_page {
  enum lmdbx_query_kind kind;
  struct lmdbx_slice keys; /* JSON texts of arrays, one behind the other. A space behind one says
                              that it is simple: strings alone, all of ASCII without escapes */
  const size_t *cuts;      /* where the second and those behind it begin */
  size_t cut_count;
  const struct lmdbx_record {
    struct lmdbx_slice key;   /* its JSON text */
    struct lmdbx_slice value; /* unpacked */
    bool found;
  } *records;
  size_t count; /* of the records */
  uint64_t counted;
};

#define LMDBX_PAGE_SIZE ((size_t)64 * 1024)
/* In pieces, since V8 keeps strings of more than 128 kB apart, and takes new memory for each. */
#define LMDBX_PAGE_PIECES 2
#define LMDBX_PAGE_RECORDS 512

/*
 * Asks for the first page; if the result's scan is not NULL, lmdbx_scan_next
 * brings the next one. Between pages of one moment its transaction is parked
 * (store.h), so that a scan may end with SNAPSHOT_EXPIRED; then ask anew. A value
 * that cannot be unpacked ends the page before it, and fails the next one, whose
 * key then is that of its record.
 */
int lmdbx_scan(struct lmdbx_repository *repository, const struct lmdbx_query *query,
               const struct lmdbx_issue *issue, struct lmdbx_error *error);
/* Takes the scan over; the result brings it back while there is more. If this
 * fails at once, the scan is still the caller's. */
int lmdbx_scan_next(struct lmdbx_scan *scan, const struct lmdbx_issue *issue,
                    struct lmdbx_error *error);
void lmdbx_scan_close(struct lmdbx_scan *scan);
/* Whose it is; the prefix lives as long as the scan is the caller's. */
struct lmdbx_repository *lmdbx_scan_repository(const struct lmdbx_scan *scan,
                                               struct lmdbx_slice *prefix);

/*
 * A snapshot: what this repository was asked to write before, and nothing later.
 * Its queries are answered one after another. The caller owns it and gives it
 * back with lmdbx_snapshot_release, which closes it too. Owner thread. Errors: as
 * for requests; whatever keeps the snapshot from being taken after that is what
 * its queries fail with.
 * Queries answer CLOSED once it is closed, and SNAPSHOT_EXPIRED once its
 * repository is, or its transaction had to end (store.h); what was asked before
 * the closing is still answered.
 */
int lmdbx_snapshot(struct lmdbx_repository *repository, struct lmdbx_snapshot **out,
                   bool *needs_flush, struct lmdbx_error *error);
void lmdbx_snapshot_close(struct lmdbx_snapshot *snapshot);
void lmdbx_snapshot_release(struct lmdbx_snapshot *snapshot);

/*
 * Reads on the calling thread. Where all signs say that a read cannot wait for
 * the disk (see queue/inline.c) these answer at once; then the caller uses the
 * answer, calls lmdbx_now_end before anything else of this host, and calls
 * lmdbx_host_turn once the loop has turned, if that says it is wanted. Otherwise
 * they return false, and the request has to be made in the ordinary way. (It may be
 * answered on this thread all the same, and then lmdbx_host_turn and a delivery tell of it.)
 * Owner thread.
 */
struct lmdbx_now {
  bool found;
  struct lmdbx_slice value; /* plain; in the map, or unpacked: until lmdbx_now_end */
  struct lmdbx_page page;   /* until lmdbx_now_end */
  struct lmdbx_scan *scan;
  struct lmdbx__read *read;
  struct lmdbx_buffer plain;
  uint64_t began;
};

bool lmdbx_read_now(struct lmdbx_repository *repository, struct lmdbx_slice key, bool with_value,
                    struct lmdbx_now *answer);
/* As lmdbx_get_stored. */
bool lmdbx_stored_now(struct lmdbx_repository *repository, struct lmdbx_slice key,
                      struct lmdbx_now *answer);
/* page: all there is. Not for queries of a snapshot. */
bool lmdbx_scan_now(struct lmdbx_repository *repository, const struct lmdbx_query *query,
                    struct lmdbx_now *answer);
/* Returns whether the host wants lmdbx_host_turn at the next turn of the loop; it
 * says so once a turn. */
bool lmdbx_now_end(struct lmdbx_repository *repository, struct lmdbx_now *answer);

/* --------------------------------------------------------------------- backups */

/*
 * Copies the whole environment, with all its databases, into a directory that must
 * not exist, and does not until the copy is complete (store.h). target is an absolute
 * path. The copy is of one moment: all that this repository was asked to write
 * before is in it. It proceeds in parts, of 50 ms or 16 MB each: if the result's backup is
 * not NULL, lmdbx_backup_next carries out the next one. The last one copies nothing, and
 * puts the copy in its place. Closing the repository waits for that call, which then
 * ends the backup.
 * Errors: those of lmdbx__copy_begin and lmdbx__copy_go_on; CLOSED; ABORTED, where
 * the host was stopped.
 */
int lmdbx_backup(struct lmdbx_repository *repository, struct lmdbx_slice target, bool compact,
                 const struct lmdbx_issue *issue, struct lmdbx_error *error);
/* Takes the backup over; the result brings it back while there is more. If this fails
 * at once, it is still the caller's. abandon: removes what there is, and reports
 * success without more to follow. Owner thread. NO_MEMORY. */
int lmdbx_backup_next(struct lmdbx_backup *backup, bool abandon, const struct lmdbx_issue *issue,
                      struct lmdbx_error *error);
/* Gives up, and removes what there is: for a backup that nobody will go on with. Owner
 * thread, which it blocks shortly; also after lmdbx_host_destroy. */
void lmdbx_backup_release(struct lmdbx_backup *backup);

/* Reports when opening has succeeded or failed. */
int lmdbx_ready(struct lmdbx_repository *repository, const struct lmdbx_issue *issue,
                struct lmdbx_error *error);
/* Closes: later requests are refused with LMDBX_CLOSED, those under way
 * complete, scans between two pages end. Reports when the environment has been
 * given back; never with an error. Once for a repository. */
int lmdbx_close(struct lmdbx_repository *repository, const struct lmdbx_issue *issue,
                struct lmdbx_error *error);

/*
 * What a repository is and does. The fields are those of LMDBXStats in index.d.ts;
 * an error is told by errorCode, errorMessage and errorNumber.
 */

/* "opening", "open", "failed" or "closed". Static text. Owner thread. */
const char *lmdbx_state(const struct lmdbx_repository *repository);
/* Appends the JSON text of what is at hand: all but the fields that take pages of
 * the database (entries, depth, branchPages, leafPages, overflowPages, usedSize,
 * freeSize). Does not wait. Owner thread. LMDBX_OK, LMDBX_NO_MEMORY. */
int lmdbx_counters(const struct lmdbx_repository *repository, struct lmdbx_buffer *out);
/* The same with all fields, for an open repository: the result's value is the text.
 * Where pages could not be read, their fields are missing and the error is told.
 * Owner thread. Refused at once: CLOSED (it is not open), NO_MEMORY. */
int lmdbx_stats(struct lmdbx_repository *repository, const struct lmdbx_issue *issue,
                struct lmdbx_error *error);

/* ------------------------------------------------------------------- tools */

/*
 * For tools in a process of their own, which has nothing open at the path: blocks
 * on the file system. A slot of lock.mdb that a process has taken to read.
 */
struct lmdbx_reader {
  int64_t pid;     /* as that process sees itself */
  bool stale;      /* it has ended without giving the slot back */
  bool reading;    /* false: it keeps the slot for its next transaction */
  uint64_t txn_id; /* the commit it sees while it reads */
};
typedef void (*lmdbx_reader_visit)(void *context, const struct lmdbx_reader *reader);

/*
 * Visits the reader slots in use, after clearing those of dead processes if asked
 * to; *cleared is their number. Where nobody has the database open there are none. Creates nothing.
 * Any thread, but no other may open the path meanwhile. Errors: NOT_FOUND, NOT_A_DIRECTORY, ACCESS,
 * CORRUPT, FORMAT, LOCK_FORMAT, ALREADY_OPEN, IO, NO_MEMORY.
 */
int lmdbx_readers(const char *path, bool clear_stale, lmdbx_reader_visit visit, void *context,
                  unsigned *cleared, struct lmdbx_error *error);

#endif
