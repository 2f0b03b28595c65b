/*
 * What the files of this layer share.
 *
 * Threads. A host, its repositories and its scans belong to their owner thread;
 * pool threads see requests, the mailbox (under host->mutex) and the writer's
 * queue (under writer->mutex). A request is handed from thread to thread and has
 * one holder at any time.
 *
 * Lock order: workers.mutex -> writer->mutex -> host->mutex. The executor's wake
 * is called under host->mutex, so that it cannot run after lmdbx_host_destroy.
 */
#ifndef LMDBX_QUEUE_INTERNAL_H
#define LMDBX_QUEUE_INTERNAL_H

#include "codec/config.h"
#include "lmdbx.h"
#include "store/store.h"

#include <pthread.h>
#include <stdatomic.h>

/* ---------------------------------------------------------------- requests */

enum lmdbx__request_type {
  LMDBX__REQUEST_OPERATION, /* get, has, put, delete, unit: op.type says which */
  LMDBX__REQUEST_SCAN,      /* one page; in a writer's queue, where its moment lies */
  LMDBX__REQUEST_CLEAR,     /* removes what begins with op.key; all, if that is empty */
  LMDBX__REQUEST_OPEN,
  LMDBX__REQUEST_CREATE, /* an OPEN whose database is new: one of the writes */
  LMDBX__REQUEST_READY,
  LMDBX__REQUEST_STATS,
  LMDBX__REQUEST_BACKUP, /* a part of one; the first in a writer's queue, where its moment lies */
  LMDBX__REQUEST_COMMIT, /* nobody's: tells a host of a group */
  LMDBX__REQUEST_LOOK,   /* nobody's: has closing wait for a look at residency */
  LMDBX__REQUEST_CLOSE,
};

/* Small, since a million of them may be queued, and they are charged for. */
struct lmdbx__request {
  struct lmdbx__op op; /* first: a group is a list of these, linked by op.next */
  enum lmdbx__request_type type : 8;
  bool holds_use;                      /* of the repository's environment */
  bool stored;                         /* get: the value as it lies on disk */
  uint32_t charge;                     /* bytes that count as queued */
  struct lmdbx_repository *repository; /* counted */
  lmdbx_done done;
  void *user;
  union {
    struct lmdbx_scan *scan;     /* REQUEST_SCAN: owned */
    uint8_t *packed;             /* put: the value, if not in bytes[], or its frame; owned */
    struct lmdbx__steps *steps;  /* unit: owned; op.unit is its first member */
    size_t removed;              /* REQUEST_CLEAR */
    struct lmdbx_backup *backup; /* REQUEST_BACKUP: owned */
  };
  uint8_t bytes[]; /* key, then value */
};

struct lmdbx__list {
  struct lmdbx__request *head;
  struct lmdbx__request *tail;
};

void lmdbx__list_append(struct lmdbx__list *list, struct lmdbx__request *request);
/* Moves all of `from` behind `list`. */
void lmdbx__list_join(struct lmdbx__list *list, struct lmdbx__list *from);
struct lmdbx__request *lmdbx__list_take(struct lmdbx__list *list);
/* The one behind it in its list, or NULL. */
struct lmdbx__request *lmdbx__request_next(const struct lmdbx__request *request);

/* A request with copies of key and value. NULL: out of memory. Owner thread. */
struct lmdbx__request *lmdbx__request_new(struct lmdbx_repository *repository,
                                          enum lmdbx__request_type type, struct lmdbx_slice key,
                                          struct lmdbx_slice value,
                                          const struct lmdbx_issue *issue);
/* Takes a use of the environment: once the request has been accepted, since a
 * closed repository has none left to share. */
void lmdbx__request_use(struct lmdbx__request *request);
/* Gives it back before the request ends. */
void lmdbx__request_unuse(struct lmdbx__request *request);
/* Frees without calling back. Any thread. */
void lmdbx__request_free(struct lmdbx__request *request);
void lmdbx__list_free(struct lmdbx__list *list);
/* Notes an error as the outcome (the first one stays). The request's holder. */
void lmdbx__request_fail(struct lmdbx__request *request, const struct lmdbx_error *error);
bool lmdbx__request_is_write(const struct lmdbx__request *request);

/* ------------------------------------------------------------ repositories */

enum lmdbx__state { LMDBX__OPENING, LMDBX__OPEN, LMDBX__FAILED };

/* Counters of pending writes by key hash: a read whose slot is 0 need not wait
 * for any of them. A power of two; collisions only make a read wait in vain. */
#define LMDBX__PENDING_SLOTS 4096

struct lmdbx_repository {
  atomic_int references;   /* the list's below, and one for each request and scan */
  atomic_int uses;         /* of the environment: one while open, one a request or scan */
  atomic_bool holds_use;   /* the use "while open" has not been given back */
  struct lmdbx_host *host; /* counted */
  struct lmdbx_config config;
  struct lmdbx__env *env; /* set by the open job, before its request is posted */
  lmdbx__dbi dbi;

  /* Owner thread alone. */
  enum lmdbx__state state;
  bool closed;   /* closing or released: takes no more requests */
  bool released; /* the caller's reference goes once nothing is pending */
  struct lmdbx_error *open_error;
  struct lmdbx__list parked; /* issued while opening */
  bool creating;             /* its database is in the writer's queue to be created */
  size_t pending;            /* requests not called back, but for open and close */
  size_t looks;              /* of these, nobody's: see REQUEST_LOOK */
  size_t pending_writes;
  size_t pending_clears; /* those that may touch any key */
  size_t queued_bytes;   /* charged to config.max_queued_bytes */
  uint64_t inline_reads, pool_reads;
  uint32_t pending_keys[LMDBX__PENDING_SLOTS];
  struct lmdbx__fence *fences;
  struct lmdbx__request *closing;
  struct lmdbx_backup *backups; /* that may have files: closing waits for their ends */
  struct lmdbx_scan *scans;     /* idle ones */
  struct lmdbx_snapshot *snapshots;
  struct lmdbx_repository *next, **link; /* in host->repositories */
};

void lmdbx__repository_unref(struct lmdbx_repository *repository); /* any thread */
void lmdbx__repository_unuse(struct lmdbx_repository *repository); /* any thread */
/* Gives the use "while open" back, once. Any thread; may close the environment. */
void lmdbx__repository_let_go(struct lmdbx_repository *repository);
/* An opening has ended, so the next one may begin. Owner thread. */
void lmdbx__openings_next(struct lmdbx_host *host);
/* The host dies: ends what has not started. Owner thread. */
void lmdbx__repository_end(struct lmdbx_repository *repository);
/* Goes on with closing once nothing is under way. Owner thread. */
void lmdbx__repository_settle(struct lmdbx_repository *repository);
/* Books a finished request out and calls its done. Owner thread. */
void lmdbx__repository_complete(struct lmdbx__request *request);
/* Counts a request that nothing stands against as pending. Owner thread. */
void lmdbx__repository_book_in(struct lmdbx__request *request);
/* Refuses at once what cannot succeed, books the request in and sends it on its
 * way, or parks it until the repository is open. Takes the request over only on
 * success. Owner thread. */
int lmdbx__repository_accept(struct lmdbx__request *request, const struct lmdbx_issue *issue,
                             struct lmdbx_error *error);

/* ------------------------------------------------------------------- units */

/*
 * What units of one checkpoint share, so that a position cannot overtake what was
 * lost: see lmdbx_unit. A fence is in its repository's list, for the next unit of
 * the name to join, until all of its units have completed, or one has failed. With
 * each failure that was reported begins a new one.
 */
struct lmdbx__fence {
  atomic_int references;             /* the list's, and one for each unit */
  bool broken;                       /* the workers', who are one after the other */
  bool lost;                         /* the owner's: a unit ended that no worker has seen */
  size_t units;                      /* not completed; owner thread */
  struct lmdbx__fence *next, **link; /* in repository->fences; link NULL: no longer there */
  size_t key_size;
  uint8_t key[];
};

/* The fence for the next unit of a checkpoint, with a reference. NULL: out of memory. Owner
 * thread. */
struct lmdbx__fence *lmdbx__fence_join(struct lmdbx_repository *repository, struct lmdbx_slice key);
void lmdbx__fence_unref(struct lmdbx__fence *fence); /* any thread */
/* The last reference to the repository is gone, perhaps before its units have
 * completed. Any thread. */
void lmdbx__fences_free(struct lmdbx_repository *repository);

/* What the layer below need not know of a step. */
struct lmdbx__step_note {
  struct lmdbx_repository *repository;
  bool pack;   /* its value is stored as a put would store it */
  bool framed; /* it was, as a frame in `packed` */
};

/* The steps of a unit, with their bytes, in one piece of memory. */
struct lmdbx__steps {
  struct lmdbx__unit unit; /* first */
  struct lmdbx__step_note *notes;
  size_t before;              /* steps of the checkpoint in front of the caller's */
  size_t given;               /* the caller's */
  uint8_t *packed;            /* owned */
  struct lmdbx__fence *fence; /* counted; NULL without a checkpoint */
  size_t others;
  struct lmdbx_repository **other; /* counted; those besides the request's own */
};

/* Frees them, and gives back what they count. Any thread. */
void lmdbx__steps_free(struct lmdbx__steps *steps);
/* The repositories that a request touches, by index: its own first. NULL: no more. */
struct lmdbx_repository *lmdbx__request_touches(const struct lmdbx__request *request, size_t index);
/* Counts the keys that a request writes as pending, or no longer. Owner thread. */
void lmdbx__unit_count_keys(const struct lmdbx__request *request, int change);
/* Whether a write to a key of the unit is pending. Owner thread. */
bool lmdbx__unit_must_wait(const struct lmdbx__request *request);
/* The handles of the databases, once they are known. Owner thread. */
void lmdbx__unit_set_databases(const struct lmdbx__request *request);
/* Compresses what is to be stored; failure becomes the unit's own. Pool thread. */
void lmdbx__unit_pack(struct lmdbx__request *request);
/* A unit has completed, or was never accepted: leaves its fence. Owner thread. */
void lmdbx__unit_leave_fence(const struct lmdbx__request *request);
/* A unit ends that no worker has seen. Owner thread. */
void lmdbx__unit_lose_fence(const struct lmdbx__request *request);
/* Which step of the caller's made it fail. */
size_t lmdbx__unit_failed(const struct lmdbx__request *request);

/* ------------------------------------------------------------------- scans */

/* The page that is being made, and was made last. Buffers are used again. */
struct lmdbx__page {
  struct lmdbx_buffer text;    /* of keys: a JSON array */
  struct lmdbx_buffer values;  /* one behind the other */
  struct lmdbx_buffer records; /* struct lmdbx_record */
  size_t count;
  uint64_t counted;
  struct lmdbx_buffer failed; /* stored key whose record could not be read */
};

struct lmdbx_scan {
  struct lmdbx_repository *repository; /* counted */
  struct lmdbx_snapshot *snapshot;     /* counted; NULL: none */
  bool holds_use;                      /* of its environment, as long as it has a read */
  struct lmdbx__read *read;            /* parked while the scan is idle */
  bool paged;                          /* a page has been read since the request was issued */
  bool complete;
  bool takes_moment; /* it is the beginning of its snapshot, and nothing else */

  enum lmdbx_query_kind kind;
  bool one_moment;
  bool reverse;
  uint64_t left; /* of the limit */
  struct lmdbx_slice prefix;
  struct lmdbx__span {
    struct lmdbx__bound lower, upper;
  } spans[LMDBX_MAX_INTERVALS]; /* in the order of reading */
  size_t span_count;
  size_t span;               /* where it is */
  struct lmdbx_buffer after; /* the last key seen in there; empty: none */
  struct lmdbx_slice keys;   /* left to be looked up */
  struct lmdbx__ahead *ahead;
  struct lmdbx__page page;

  struct lmdbx_scan *next, **link; /* in repository->scans, while idle */
  size_t size;                     /* of what follows */
  uint8_t bytes[];
};

/* How much one page may take. */
struct lmdbx__page_limits {
  size_t visits;  /* keys looked at, whoever they belong to */
  size_t text;    /* bytes of keys, all of one moment */
  size_t values;  /* bytes of values */
  size_t records; /* with values */
  /* A larger value ends the page: a plain one, a frame. One that unpacks to more
   * fails it. */
  size_t plain_size, frame_size, unpacked_size;
  bool read_ahead;
};
extern const struct lmdbx__page_limits lmdbx__pool_page;

/* Reads the next page; scan->complete says whether it is the last. Any thread. */
int lmdbx__page_read(struct lmdbx_scan *scan, struct lmdbx__read *read,
                     const struct lmdbx__page_limits *limits, struct lmdbx_error *error);
/* Shows it, until the next one or the scan's end. */
void lmdbx__page_show(const struct lmdbx_scan *scan, struct lmdbx_page *out);
void lmdbx__page_free(struct lmdbx__page *page);
/* The next of the keys to be looked up, as a stored key in *stored; its JSON text
 * in *text. *code is LMDBX_NO_MEMORY if false means that. */
bool lmdbx__page_next_key(struct lmdbx_slice prefix, struct lmdbx_slice *keys,
                          struct lmdbx_buffer *stored, struct lmdbx_slice *text, int *code);

/* A scan of a query, which is checked. Owner thread. */
int lmdbx__scan_new(struct lmdbx_repository *repository, const struct lmdbx_query *query,
                    struct lmdbx_scan **out, struct lmdbx_error *error);
void lmdbx__scan_free(struct lmdbx_scan *scan); /* any thread */
/* Whether a scan that has no moment yet must wait for writes. Owner thread. */
bool lmdbx__scan_must_wait(struct lmdbx_scan *scan);
/* Sends a page on its way. Owner thread. */
void lmdbx__scan_dispatch(struct lmdbx__request *request);
void lmdbx__scan_start(struct lmdbx__request *request);
/* One job for several, whose read the first one holds. Takes the list over. */
void lmdbx__scans_submit(struct lmdbx__list *requests);
/* Moves a read, with the use that goes with it. The holder of both. */
void lmdbx__scan_take_read(struct lmdbx_scan *scan, struct lmdbx_scan *from);
/* A request comes back: whether it has to go on, and is not finished. Owner thread. */
bool lmdbx__scan_goes_on(struct lmdbx__request *request);
void lmdbx__scan_idle(struct lmdbx_scan *scan);             /* owner: waits for scan_next */
void lmdbx__scans_end(struct lmdbx_repository *repository); /* owner: all idle ones */

/* --------------------------------------------------------------- snapshots */

/*
 * Its read goes from the request that takes the moment to the snapshot, with the
 * request of a query to a pool thread, and back with it (or with the last of several
 * small ones): so it has one holder at any time, and ends with its holder.
 */
struct lmdbx_snapshot {
  atomic_int references;               /* its owner's or list's, and one for each scan */
  struct lmdbx_repository *repository; /* counted */

  /* Owner thread alone. */
  bool waits; /* for its moment */
  bool closed;
  bool released;
  struct lmdbx__read *read;       /* parked; NULL: none, or lent to `running` */
  bool holds_use;                 /* of the environment: goes with the read */
  struct lmdbx_error *error;      /* why there is no moment */
  size_t pending;                 /* queries that were accepted and have not come back */
  struct lmdbx__request *running; /* the last of those that are; compared, never followed */
  struct lmdbx__list queue;
  struct lmdbx_snapshot *next, **link; /* in repository->snapshots, till it is idle and released */
};

/* Whether a query may be issued. Owner thread. */
int lmdbx__snapshot_usable(const struct lmdbx_snapshot *snapshot, struct lmdbx_error *error);
void lmdbx__snapshot_add(struct lmdbx__request *request);    /* owner: a query waits its turn */
void lmdbx__snapshot_back(struct lmdbx__request *request);   /* owner: one has come back */
void lmdbx__snapshot_unref(struct lmdbx_snapshot *snapshot); /* any thread */
/* The repository closes: ends those that are idle. With its host dead, also drops
 * what waits. Owner thread. */
void lmdbx__snapshots_end(struct lmdbx_repository *repository, bool dead);

/* ----------------------------------------------------------- jobs and hosts */

enum lmdbx__job_state { LMDBX__JOB_SUBMITTED, LMDBX__JOB_RAN, LMDBX__JOB_CANCELLED };

struct lmdbx_job {
  void (*run)(struct lmdbx_job *job);    /* pool thread */
  void (*cancel)(struct lmdbx_job *job); /* instead of run; owner thread */
  void (*destroy)(struct lmdbx_job *job);
  atomic_int state;               /* who comes first, run or cancel, has the job */
  atomic_int references;          /* one for run, one for done */
  struct lmdbx_host *host;        /* counted */
  struct lmdbx_job *next, **link; /* in host->jobs; owner thread */
};

struct lmdbx__batch;

/* What a turn of the loop has given to one writer, the first it gave to: see feed.c. */
struct lmdbx__gathering {
  struct lmdbx__writer *writer; /* NULL: none; kept open by the requests */
  unsigned round;               /* the writer's, when the turn was counted */
  size_t requests;
  size_t bytes;
};

struct lmdbx_host {
  atomic_int references; /* the owner's, and one for each repository and job */
  struct lmdbx_executor executor;
  void *context;
  atomic_bool stopping; /* its workers wait for no other process any more */
  atomic_bool watching; /* `committed` wants to be called */

  pthread_mutex_t mutex; /* guards the next three */
  bool dead;
  bool woken;
  struct lmdbx__list mailbox; /* finished requests */

  /* Owner thread alone. */
  size_t pending; /* requests not called back */
  lmdbx_committed committed;
  struct lmdbx_repository *repositories;
  struct lmdbx_job *jobs;
  struct lmdbx__batch *batches; /* reads of this turn */
  struct lmdbx__list openings;  /* wait for the one under way: who was first decides */
  bool opening;
  bool flush_wanted; /* the owner has been told to flush this turn */
  struct lmdbx__gathering gathering;
  bool turn_wanted;           /* the owner has been told to call lmdbx_host_turn */
  uint64_t turn_began;        /* first inline read of this turn, in ns; 0: none */
  long faults;                /* major faults of the owner thread, as last seen */
  _Atomic uint64_t read_jobs; /* counted on pool threads */
};

void lmdbx__host_unref(struct lmdbx_host *host); /* any thread */
/* Hands finished requests to their owner thread. Without `wake` the caller's job
 * is about to end, which delivers. Frees them if the host is dead. Any thread. */
void lmdbx__host_post(struct lmdbx_host *host, struct lmdbx__list *list, bool wake);
void lmdbx__host_pending(struct lmdbx_host *host, int change); /* owner */
/* Initialises job (whose other fields are set) and submits it; if that fails,
 * cancels and destroys it. Owner thread. */
void lmdbx__job_submit(struct lmdbx_host *host, struct lmdbx_job *job);

/* A job of one request alone. */
struct lmdbx__request_job {
  struct lmdbx_job job;
  struct lmdbx__request *request;
};
/* Submits one. Both calls end in lmdbx__request_job_post; without memory for a job the
 * request is posted with that error. Owner thread. */
void lmdbx__request_job_submit(struct lmdbx__request *request, void (*run)(struct lmdbx_job *),
                               void (*cancel)(struct lmdbx_job *));
/* Posts the job's request. Pool thread, or owner thread in cancel. */
void lmdbx__request_job_post(struct lmdbx__request_job *job);
/* A cancel: posts the request as never carried out. */
void lmdbx__request_job_cancel(struct lmdbx_job *job);

/* ----------------------------------------------------------------- commits */

/* For each host that watches, and has writes in a finished group, a request that tells
 * it. Where memory is short, nobody is told. Pool thread. */
void lmdbx__commit_notices(const struct lmdbx__list *group,
                           const struct lmdbx__commit_report *report, uint64_t nanoseconds,
                           struct lmdbx__list *notices);
void lmdbx__commit_tell(const struct lmdbx__request *notice); /* owner thread */

/* ----------------------------------------------------------------- backups */

/* Gives a backup its moment. The worker of its writer, which has the turn. */
void lmdbx__backup_begin(struct lmdbx__request *request);
/* Fills in the result of a part; the backup is the callee's if more follows. Owner
 * thread. */
void lmdbx__backup_report(struct lmdbx__request *request, struct lmdbx_result *result);
void lmdbx__backup_free(struct lmdbx_backup *backup); /* any thread; NULL is fine */
/* The host stops: ends all, and removes their files. Waits for a part that is under
 * way, which ends soon. Owner thread. */
void lmdbx__backups_end(struct lmdbx_repository *repository);

/* ------------------------------------------------------------------- stats */

/* Turns what the job of a stats request has gathered into JSON text. Owner thread. */
void lmdbx__stats_report(struct lmdbx__request *request);

/* ------------------------------------------------------------------- reads */

/* Adds a read to this turn's batch of its environment. Owner thread. */
void lmdbx__reads_add(struct lmdbx__request *request);
void lmdbx__reads_flush(struct lmdbx_host *host);
void lmdbx__reads_drop(struct lmdbx_host *host);
/* Describes why a request was never carried out. */
void lmdbx__request_abort(struct lmdbx__request *request);
/* Makes the value of a get plain: unpacks it if it is a frame. Pool thread. */
void lmdbx__request_unpack(struct lmdbx__request *request);

/* ------------------------------------------------------------ inline reads */

/* Whether an environment's pages are in memory, as last seen: times in ns of the
 * monotonic clock. Written by pool threads and owners. */
struct lmdbx__residency {
  _Atomic uint64_t open_until; /* inline reads are allowed until then */
  _Atomic uint64_t next_look;  /* when a pool job looks again */
};

struct lmdbx__pool_read {
  long faults;
};

/* Whether a look is due. Owner thread. */
bool lmdbx__residency_due(struct lmdbx__env *env);
/* A request to be posted behind the results of a job that is to look, or NULL if none
 * is due. The environment must not be given back meanwhile, nor closing be reported:
 * hence a request of its own. Owner thread. */
struct lmdbx__request *lmdbx__look_prepare(struct lmdbx_repository *repository);
/* Around the reads of a pool job. The end says whether this job is to look at
 * residency, once it has posted its results. */
void lmdbx__residency_begin(struct lmdbx__pool_read *pool_read);
bool lmdbx__residency_end(struct lmdbx__pool_read *pool_read, struct lmdbx__env *env);
void lmdbx__residency_look(struct lmdbx__env *env, struct lmdbx__read *read);
struct lmdbx__residency *lmdbx__residency_of(struct lmdbx__env *env); /* writer.c */
uint32_t *lmdbx__pending_slot(struct lmdbx_repository *repository, struct lmdbx_slice key);
/* Whether a write that is pending may change a key. Owner thread. */
bool lmdbx__key_pending(struct lmdbx_repository *repository, struct lmdbx_slice key);

/* ------------------------------------------------------------------ writes */

/* One for each environment, its companion: a queue in order of issue. */
extern const struct lmdbx__env_companion lmdbx__writer_companion;

struct lmdbx__writer_counts {
  uint64_t commits;
  uint64_t operations;
  uint64_t turn_wait_ns; /* for the turn of other processes to end */
};

enum lmdbx__writer_state { LMDBX__WRITER_IDLE, LMDBX__WRITER_READY, LMDBX__WRITER_BUSY };

struct lmdbx__writer {
  struct lmdbx__env *env;
  pthread_mutex_t mutex; /* guards the next five */
  struct lmdbx__list queue;
  unsigned gathering;             /* hosts whose turn goes on and has given to the queue... */
  unsigned round;                 /* ... in this round: see give_up */
  enum lmdbx__writer_state state; /* READY: on the ready list. IDLE: the queue is empty */
  struct lmdbx__writer_counts counts;
  pthread_cond_t gathered;    /* gathering became 0 */
  struct lmdbx__writer *next; /* on the ready list, under workers.mutex */
  struct lmdbx__residency residency;
};

/* What a group has taken from the queue. */
struct lmdbx__taken {
  size_t requests;
  size_t bytes;
};

/* Takes what goes into the next group: operations, or one request of another type; or
 * what a group of operations still has room for. Under writer->mutex. */
void lmdbx__group_take(struct lmdbx__writer *writer, struct lmdbx__list *group,
                       struct lmdbx__taken *taken);
/* Carries out a group that is not empty. The worker, which has the turn. */
void lmdbx__group_run(struct lmdbx_host *self, struct lmdbx__writer *writer,
                      struct lmdbx__list *group, const struct lmdbx__taken *taken,
                      struct lmdbx__commit_report *report);
/* Sorts a finished group by owner. The worker's own results go to *own, to be
 * posted when the worker ends or turns to another group. */
void lmdbx__group_distribute(struct lmdbx_host *self, struct lmdbx__list *group,
                             struct lmdbx__list *own);

int lmdbx__gathering_init(struct lmdbx__writer *writer);
/* A request was queued: whether a worker had better begin now, before the turn ends.
 * Owner thread. */
bool lmdbx__gathering_add(const struct lmdbx__request *request, struct lmdbx__writer *writer);
/* The turn has ended. Owner thread. */
void lmdbx__gathering_end(struct lmdbx_host *host);

/* What has come since a group was taken, or comes shortly from a turn that goes on. */
struct lmdbx__gatherer {
  struct lmdbx_host *self;
  struct lmdbx__writer *writer;
  struct lmdbx__taken taken;
  uint64_t began, last; /* when the group was taken, and when it last grew; ns */
};

/* Moves it to *more, which is empty. The worker, in the group's transaction. */
void lmdbx__gatherer_take(struct lmdbx__gatherer *gatherer, struct lmdbx__list *more);

/* Appends a write, or a read that must see one. Owner thread. */
void lmdbx__writes_add(struct lmdbx__request *request);
/* Sees to it that a worker is at work. Owner thread. */
void lmdbx__writes_flush(struct lmdbx_host *host);
/* Takes this host's requests out of all queues and aborts them, since it can run
 * no worker (it is dying, or its pool refuses), and wakes another host for what
 * others have queued. Owner thread. */
void lmdbx__writes_drop(struct lmdbx_host *host);
void lmdbx__writer_counts(struct lmdbx__env *env, struct lmdbx__writer_counts *out);
void lmdbx__workers_limit(unsigned pool_threads);

#endif
