/* Units: several steps in one commit, and the fences of their checkpoints. */
#ifndef LMDBX_QUEUE_UNIT_H
#define LMDBX_QUEUE_UNIT_H

#include "queue/request.h"

#include <stdatomic.h>

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

#endif
