/*
 * What the files of the store share. Nothing outside src/store includes this.
 *
 * Locks, in the order in which they may be taken:
 *   1. the table's (registry.c), held over the first opening of a file and its
 *      closing (reopen.c needs none: its environment is in the table, and the
 *      gate keeps everyone out of it);
 *   2. env->databases_lock (database.c), held over a transaction that opens a
 *      handle, because liblmdb allows one such transaction at a time;
 *   3. env->gate.lock (gate.c) and env->turn.lock (turn.c), held shortly and
 *      never together.
 * Behind them comes LMDB's writer lock, which other processes share: it is
 * taken with 2 held at most, never with 1 or 3.
 */
#ifndef LMDBX_STORE_INTERNAL_H
#define LMDBX_STORE_INTERNAL_H

#include "store/store.h"

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

/* Read transactions kept for the next reader: about as many as pool and owner thread use
 * at a time. Each holds a reader slot and some 13 kB. */
#define LMDBX__MAX_IDLE_READS 8
/* How often a transaction is begun again because another process grew the map,
 * or a commit failed half-way, once more in between. */
#define LMDBX__MAX_RETRIES 8
/* How long a remap or a reopening waits for read transactions of this process to
 * end, with everybody else waiting for it; and how long it is not tried again, where that
 * was in vain. */
#define LMDBX__REMAP_WAIT_MS 1000
#define LMDBX__STUCK_MS 4000
/* How long, before that, for reads that wait for a thread of the pool: the one that asks may be
 * theirs. With a thread free it takes microseconds. */
#define LMDBX__PAUSED_WAIT_MS 5
/* Permissions of files before the umask: the data of all tenants is nobody
 * else's business. Directories get the usual 0777. */
#define LMDBX__FILE_MODE 0660
#define LMDBX__DIRECTORY_MODE 0777
/* LMDB's list of free pages and its main database in every build (FREE_DBI, MAIN_DBI). */
#define LMDBX__FREE_DBI 0
#define LMDBX__MAIN_DBI 1

/* Which file an environment is: the key of the table. */
struct lmdbx__file_id {
  dev_t device;
  ino_t inode;
};

struct lmdbx__read {
  struct lmdbx__env *env;
  MDB_txn *txn;             /* NULL: expired */
  struct lmdbx__read *next; /* among the idle ones, or the kept ones */
  bool kept;                /* it has been parked; its holder's alone */
  /* Guarded by the gate's lock, as txn is while it is parked. */
  bool parked;
  struct lmdbx__read **link; /* in gate->kept; NULL: expired, or never parked */
  uint64_t kept_since;       /* ns of the monotonic clock; 0: it was only paused */
};

/* Counts the live transactions of this process, so that the map can move, or the
 * file be reopened, when there are none: LMDB would pull it away under them. */
struct lmdbx__gate {
  pthread_mutex_t lock;
  pthread_cond_t changed; /* live became 0, a read was resumed or ended, or the gate opened */
  unsigned live;          /* transactions under way, of either kind */
  bool closed;            /* a thread works behind it: no new transaction */
  bool patient;           /* paused reads may go on behind it */
  bool lost;              /* there is no map: no transaction until it is reopened */
  uint64_t stuck_until;   /* ns: it was closed in vain, and nobody waits again until then, or
                             until live is 0 */
  struct lmdbx__read *idle;
  unsigned idle_count;
  struct lmdbx__read *kept;    /* live ones that have ever been parked */
  struct lmdbx__env_info info; /* as of the last look, shown while closed */
  struct lmdbx__copy *copies;  /* under way: closing interrupts them */
};

/* Who of this process has the turn to write (turn.c). */
struct lmdbx__turn {
  pthread_mutex_t lock; /* held for a few system calls only */
  unsigned holders;
  atomic_bool give_way; /* another process waited when ours ended */
};

struct lmdbx__database {
  struct lmdbx__database *next;
  lmdbx__dbi dbi;
  char name[]; /* NUL-terminated */
};

struct lmdbx__env {
  /* Used within the gate; replaced, and NULL if that fails, behind the closed one. */
  MDB_env *mdb;

  /* Fixed once the environment is in the table. */
  char *path;
  struct lmdbx__file_id id;
  int file; /* a descriptor of data.mdb of its own: so id stays taken */
  bool allow_network;
  unsigned forks;        /* lmdbx__forks of the process that opened it */
  bool writable;         /* opened without MDB_RDONLY */
  size_t map_size_given; /* as the first owner gave it; 0: automatic */
  size_t map_limit;      /* what puts may use: given or reserved */
  unsigned max_readers;  /* as the first owner gave it */
  size_t max_key;
  size_t page_size;
  void *companion;
  void (*companion_destroy)(void *companion);

  atomic_uint references;        /* the last one is given back with the table locked */
  atomic_uint reader_slots;      /* that the lock file has */
  atomic_bool may_write;         /* some owner opened it for writing */
  atomic_bool failed;            /* LMDB refuses everything, or has lost its map. Set within
                                    the gate, cleared behind the closed one (reopen.c) */
  _Atomic uint64_t lock_wait_ns; /* of transactions that write, for LMDB's lock */
  bool reserve_mapped;           /* only lmdbx__commit's thread: map > map_limit */
  bool has_deleted;              /* the same: something, since reserve_make_room */
  uint64_t room_txn_id;          /* the same: the commit that it made last */
  struct lmdbx__env *next;       /* in the table; guarded by it */

  pthread_mutex_t databases_lock;
  /* In the order of their handles. Changed with the lock held and within the
   * gate, so that either the lock or the closed gate suffices to read it. */
  struct lmdbx__database *databases;
  atomic_uint database_count; /* their number, for those who hold neither */

  struct lmdbx__gate gate;
  struct lmdbx__turn turn;
};

/* ---- error.c */

/* Every message of the store: "Could not <doing> in "<path>": <text>." Of a long
 * path it shows the end. Returns code. */
int lmdbx__error_at(struct lmdbx_error *error, int code, int errnum, const char *doing,
                    const char *path, const char *format, ...)
    __attribute__((format(printf, 6, 7)));
/* Like lmdbx__store_error with the environment's path; knows what MAP_FULL
 * means for this environment. */
int lmdbx__env_error(struct lmdbx_error *error, struct lmdbx__env *env, int mdb_code,
                     const char *doing);

/* ---- registry.c */

/* How many forks lie between this process and the one that loaded us. Not getpid,
 * which is a system call: every read asks. Any thread. */
unsigned lmdbx__forks(void);
/* Whether this is a child of the process that opened the environment. */
static inline bool lmdbx__forked(const struct lmdbx__env *env) {
  return lmdbx__forks() != env->forks;
}

/* ---- create.c */

/*
 * Sees to it that path/data.mdb exists, with its directories, and fills *id.
 * create false: LMDBX_NOT_FOUND if it does not. A data.mdb that exists is not
 * touched, and appears complete or not at all.
 */
int lmdbx__create_files(const char *path, bool create, struct lmdbx__file_id *id,
                        struct lmdbx_error *error);
/* "<path>/<name>" in new memory; NULL: out of memory. */
char *lmdbx__join_path(const char *path, const char *name);

/* Creates a directory with its parents, on disk when this returns. Each returns 0 or
 * errno. */
int lmdbx__make_directories(const char *path);
/* Puts the entries of a directory on disk; and of the directory that holds path. */
int lmdbx__sync_directory(const char *path);
int lmdbx__sync_parent(const char *path);

/* ---- lock_file.c */

/*
 * Creates path/lock.mdb if there is none, where LMDB would (if that fails, it says why), and gives
 * it room on the disk for so many readers: LMDB only sets its length, and on a full disk the first
 * use of a page of it would be a SIGBUS. One that root creates, for a look at the database perhaps,
 * gets owner and mode of data.mdb, or it would keep that user out. The file is not open in this
 * process. 0, ENOMEM, or ENOSPC or EDQUOT: it is new and has no room, or not even for one page.
 */
int lmdbx__lock_file_prepare(const char *path, unsigned readers);

/* ---- check.c */

/*
 * Whether the file may be given to liblmdb, which trusts what it maps: the
 * format, both meta pages, their roots; that no other copy of LMDB in this
 * process has it open; that it is on a local file system; that a live lock file
 * was made by our libc. Reads only. To be called while the file is not open in
 * this process, since it opens and closes lock.mdb, and nobody else opens it: with
 * the table locked, or behind the closed gate of an environment in the table.
 */
int lmdbx__check_files(const char *path, const struct lmdbx__file_id *id, bool allow_network,
                       struct lmdbx_error *error);
/* Describes that something which is no directory lies at the path or above it;
 * FORMAT if it is a database in a single file, as version 0.3 made them. */
int lmdbx__check_in_the_way(const char *path, struct lmdbx_error *error);

/* ---- mapping.c */

/* Where code of this process, ours or not, maps the file; NULL: nowhere, or the
 * system does not say. */
void *lmdbx__mapping_find(const char *data, const struct lmdbx__file_id *id);

/* ---- env.c */

/* Opens the environment of checked files. The caller (registry.c) holds the
 * table's lock and puts *out into the table. */
int lmdbx__env_open(const struct lmdbx__env_options *options, const struct lmdbx__file_id *id,
                    struct lmdbx__env **out, struct lmdbx_error *error);
/* Closes and frees. No transaction may be live. */
void lmdbx__env_close(struct lmdbx__env *env);
/* Opens the checked file again, as before, in env->mdb; if this fails, it may be
 * open. And closes it, if it is open. Behind the closed gate. */
int lmdbx__env_attach(struct lmdbx__env *env, struct lmdbx_error *error);
void lmdbx__env_detach(struct lmdbx__env *env);

/* ---- reopen.c */

/*
 * Whether env may be used: LMDBX_OK, LMDBX_FORKED or LMDBX_FAILED. With wait, on a
 * pool thread that has no transaction, a failed environment is reopened;
 * otherwise LMDBX_CONFLICT sends the caller to such a thread.
 */
int lmdbx__env_usable(struct lmdbx__env *env, bool wait, struct lmdbx_error *error,
                      const char *doing);

/* ---- ahead.c */

/* Around the calls that follow: counts faults of this thread. */
void lmdbx__ahead_begin(struct lmdbx__ahead *ahead);
void lmdbx__ahead_end(struct lmdbx__ahead *ahead);
/* To be called for every key that a scan visits, with where it lies in the map. */
void lmdbx__ahead_visit(struct lmdbx__ahead *ahead, const void *key);

/* ---- database.c */

/* Opens the main database, and after a reopening the others under the handles
 * they have. The transaction has to be committed then. An LMDB code. */
int lmdbx__databases_open(struct lmdbx__env *env, MDB_txn *txn);

/* ---- gate.c */

int lmdbx__gate_init(struct lmdbx__gate *gate);
void lmdbx__gate_destroy(struct lmdbx__gate *gate);
/* Counts a transaction in. false: it is closed; with wait, it stayed so for too
 * long; or the map is lost (then env->failed). */
bool lmdbx__gate_enter(struct lmdbx__gate *gate, bool wait);
void lmdbx__gate_leave(struct lmdbx__gate *gate);
/* The same for a read: takes an idle one along if *read is NULL; puts it, reset,
 * among the idle ones (false: there are enough, it is still the caller's, and
 * still counted). */
bool lmdbx__gate_enter_read(struct lmdbx__gate *gate, bool wait, struct lmdbx__read **read);
bool lmdbx__gate_leave_read(struct lmdbx__gate *gate, struct lmdbx__read *read);
/* An idle read to be ended or asked, not to be begun: it is not counted. */
struct lmdbx__read *lmdbx__gate_take_idle(struct lmdbx__gate *gate);
/* Parks a read, or pauses it; if the gate is closed for it, ends it instead. */
void lmdbx__gate_park(struct lmdbx__gate *gate, struct lmdbx__read *read, bool lasting);
/* false: it has expired. */
bool lmdbx__gate_resume(struct lmdbx__gate *gate, struct lmdbx__read *read);
/* Takes a read off the kept ones, to be ended. */
void lmdbx__gate_forget(struct lmdbx__gate *gate, struct lmdbx__read *read);
/*
 * Closes the gate, ends the parked reads (paused ones a little later), and waits for the other
 * live transactions to end, of which the calling thread has none. LMDBX_CONFLICT: they did not.
 * LMDBX_OK: *first says whether this thread has closed it, and opens it; otherwise another had, and
 * has opened it again.
 */
int lmdbx__gate_close(struct lmdbx__gate *gate, bool *first);
/* lost: there is no map, and transactions stay out. */
void lmdbx__gate_open(struct lmdbx__gate *gate, bool lost);
/*
 * Moves the map to map_size bytes, or to what is used if that is more, plus
 * extra, once no transaction of this process is live. The calling thread holds
 * none. by_any: a remap of another thread will do if that came first, whatever came of it (look
 * again). LMDBX_OK; LMDBX_CONFLICT: transactions stayed live; LMDBX_NO_MEMORY: no address space;
 * LMDBX_FAILED: the environment has failed before.
 */
int lmdbx__gate_remap(struct lmdbx__env *env, size_t map_size, size_t extra, bool by_any,
                      struct lmdbx_error *error);

/* ---- operation.c */

/* What is wrong with a write before a page is touched. */
int lmdbx__write_check(struct lmdbx__env *env, struct lmdbx_error *error);
int lmdbx__put_check(struct lmdbx__env *env, struct lmdbx_slice key, struct lmdbx_slice value,
                     struct lmdbx_error *error);
/* Notes an operation's failure, and frees what else it came to. */
void lmdbx__op_fail(struct lmdbx__op *op, const struct lmdbx_error *error);
/* Copies a record's value into the result; if memory runs out, the operation fails. */
int lmdbx__op_copy_result(struct lmdbx__env *env, struct lmdbx__op *op, const void *data,
                          size_t size);

/* ---- extend.c */

/* Sees to it that the file has room behind its last page for a commit of so many
 * bytes of keys and values, and more. Fails in silence. In a transaction that writes,
 * since nobody else may then. */
void lmdbx__extend_file(struct lmdbx__env *env, size_t bytes);

/* ---- unit.c */

/* Forgets an earlier attempt: a fence that this one broke is whole again. */
void lmdbx__unit_forget(struct lmdbx__unit *unit);
/* Breaks the unit's fence, if it has one that is whole. */
void lmdbx__unit_break(struct lmdbx__unit *unit);
/* What is wrong with a unit before a page is touched. */
int lmdbx__unit_check(struct lmdbx__env *env, struct lmdbx__unit *unit, struct lmdbx_error *error);
/* Applies a unit. 0, or what LMDB says against it; an operation that failed in a
 * comparison has its error, and has touched nothing. */
int lmdbx__unit_apply(struct lmdbx__env *env, MDB_txn *txn, struct lmdbx__op *op, bool *changed);
bool lmdbx__unit_has(const struct lmdbx__unit *unit, enum lmdbx__step_type type);
/* Bytes of keys and values that it writes. */
size_t lmdbx__unit_bytes(const struct lmdbx__unit *unit);

/* ---- reserve.c */

/* Lets the map reach behind the limit, for deletes. False: it cannot now. */
bool lmdbx__reserve_map(struct lmdbx__env *env);
/* Takes that back, so that puts meet the limit again. If readers keep that from
 * happening now, the next commit tries again. */
void lmdbx__reserve_release(struct lmdbx__env *env);
/* Pages that a commit has freed are to be had in the next one but one; in a full database the
 * next may lack the room that it would bring, and so never come. Makes one that changes
 * nothing, if the last is not such a one itself; from the reserve only behind deletes, or puts
 * would make the database grow. Whether a put is worth another try. */
bool lmdbx__reserve_make_room(struct lmdbx__env *env);

/* ---- collect.c */

/* Appends all records with the prefix. An LMDB code. */
int lmdbx__collect(MDB_txn *txn, lmdbx__dbi dbi, struct lmdbx_slice prefix,
                   struct lmdbx_buffer *out);

/* ---- copy.c */

/* Has the copies under way end soon. With the gate's lock held. */
void lmdbx__copies_interrupt(struct lmdbx__copy *copies);

/* ---- target.c */

/* Where a copy goes. To begin with all 0 but for the path, and file, which is -1. */
struct lmdbx__target {
  char *path;           /* absolute; owned, as are the next two */
  char *partial, *data; /* the directory until it is published, its file; NULL: none yet */
  int file;             /* -1: none */
  bool published;       /* it lies under its name, perhaps in spite of an error */
  uint64_t bytes;       /* written; and of these, on disk */
  uint64_t synced;
};

/* Finds out what stands against the target before the first byte is copied. This and the
 * next two return 0 or errno. */
int lmdbx__target_create(struct lmdbx__target *target);
/* Appends, and now and then puts what there is on disk. */
int lmdbx__target_write(struct lmdbx__target *target, const uint8_t *bytes, size_t size);
/* The copy is complete: puts it on disk, and gives it its name. */
int lmdbx__target_publish(struct lmdbx__target *target);
/* Frees what it owns; removes what was not published. */
void lmdbx__target_free(struct lmdbx__target *target);

/* ---- txn.c */

/*
 * Begins a transaction of LMDB's kind (flags 0 or MDB_RDONLY) through the gate,
 * remapping as often as other processes grow the file, and reopening it if it
 * has failed. Ended by commit or abort and then lmdbx__gate_leave. Returns an LMDB
 * code or errno; EBUSY: the gate stayed closed. Pool thread.
 */
int lmdbx__txn_begin(struct lmdbx__env *env, unsigned flags, MDB_txn **out);
/* Describes why a read could not begin. */
int lmdbx__begin_error(struct lmdbx__env *env, int rc, struct lmdbx_error *error);
/* Describes what mdb_get or a cursor answered. */
int lmdbx__read_error(struct lmdbx__read *read, int mdb_code, const char *doing,
                      struct lmdbx_error *error);
/* Describes what mdb_txn_commit answered; marks the environment failed if LMDB
 * gave it up. The transaction has ended, but the gate still counts it. */
int lmdbx__commit_error(struct lmdbx__env *env, int mdb_code, const char *what,
                        struct lmdbx_error *error);
/* Ends the idle read transactions. When nobody else can enter the gate. */
void lmdbx__idle_drop(struct lmdbx__env *env);

#endif
