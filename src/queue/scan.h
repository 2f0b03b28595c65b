/* Scans: answers to queries, a page at a time. */
#ifndef LMDBX_QUEUE_SCAN_H
#define LMDBX_QUEUE_SCAN_H

#include "queue/request.h"

/* The page that is being made, and was made last. Buffers are used again. */
struct lmdbx__page {
  struct lmdbx_buffer text; /* of keys: see struct lmdbx_page */
  bool simple;              /* all of the last piece are lmdbx__json_is_simple */
  size_t cuts[LMDBX_PAGE_PIECES - 1];
  size_t cut_count;
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
  bool begun;                          /* a page has been read */
  bool paged;                          /* likewise, since the request was issued */
  bool complete;
  bool takes_moment; /* it is the beginning of its snapshot, and nothing else */

  enum lmdbx_query_kind kind;
  bool one_moment;
  bool reverse;
  uint64_t left; /* of the limit; of HIDDEN: entries of the tree that have not been met */
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
  size_t text;    /* bytes of keys; of keys alone, of each piece */
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

#endif
