/* Repositories: their state, and the requests booked in and out. */
#ifndef LMDBX_QUEUE_REPOSITORY_H
#define LMDBX_QUEUE_REPOSITORY_H

#include "codec/config.h"
#include "queue/host.h"

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

uint32_t *lmdbx__pending_slot(struct lmdbx_repository *repository, struct lmdbx_slice key);
/* Whether a write that is pending may change a key. Owner thread. */
bool lmdbx__key_pending(struct lmdbx_repository *repository, struct lmdbx_slice key);

/* Turns what the job of a stats request has gathered into JSON text. Owner thread. */
void lmdbx__stats_report(struct lmdbx__request *request);

#endif
