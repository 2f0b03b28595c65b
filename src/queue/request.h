/* Requests, and lists of them: what travels between the threads. */
#ifndef LMDBX_QUEUE_REQUEST_H
#define LMDBX_QUEUE_REQUEST_H

#include "lmdbx.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
  bool late;                           /* a read that was answered on the owner thread */
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
/* Describes why a request was never carried out. */
void lmdbx__request_abort(struct lmdbx__request *request);
/* Makes the value of a get plain: unpacks it if it is a frame. Pool thread. */
void lmdbx__request_unpack(struct lmdbx__request *request);

#endif
