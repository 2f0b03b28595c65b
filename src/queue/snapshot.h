/* Snapshots: queries of one moment. */
#ifndef LMDBX_QUEUE_SNAPSHOT_H
#define LMDBX_QUEUE_SNAPSHOT_H

#include "queue/request.h"

#include <stdatomic.h>

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

#endif
