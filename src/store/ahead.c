/*
 * Read-ahead for scans. Environments open with MDB_NORDAHEAD, so that a scan of
 * cold data would read page by page. liblmdb does not say where the next pages of
 * a tree lie: after many changes they are anywhere in the file. So what lies
 * around a page is asked for on credit, which a scan earns by meeting pages that
 * were not in memory, and by using what was asked for. A scan of hot data asks
 * for nothing; one of records scattered among others asks for a bounded part too
 * much; a long one, and one of neighbours, soon has all it asks for. Windows lie
 * on both sides of a page, so that scans in either direction are served, and what
 * a scan has learnt is kept from one of its pages of results to the next.
 */
#include "store/internal.h"

#include <sys/mman.h>
#include <sys/resource.h>

#define UNIT_SIZE 4096 /* the page that is reckoned with, whatever the system has */
/* Measured on a cold file of 200,000 records against 64 kB, 128 kB and 1 MB. */
#define WINDOW_SIZE ((size_t)256 * 1024)
#define WINDOW_PAGES (WINDOW_SIZE / UNIT_SIZE)
/* Pages asked for in vain, at most, for each that had to be waited for. */
#define CREDIT_PER_PAGE 4
#define MAX_CREDIT (16 * WINDOW_PAGES)
/* Asking the system for the faults costs as much as visiting ten keys. */
#define PAGES_PER_LOOK 16

#ifdef RUSAGE_THREAD

static void earn(struct lmdbx__ahead *ahead, size_t credit) {
  ahead->credit += credit;
  if (ahead->credit > MAX_CREDIT) ahead->credit = MAX_CREDIT;
}

static void count_faults(struct lmdbx__ahead *ahead) {
  struct rusage usage;
  if (getrusage(RUSAGE_THREAD, &usage) != 0) return;
  if (ahead->counted) earn(ahead, (size_t)(usage.ru_majflt - ahead->faults) * CREDIT_PER_PAGE);
  ahead->faults = usage.ru_majflt;
  ahead->counted = true;
}

void lmdbx__ahead_begin(struct lmdbx__ahead *ahead) {
  ahead->counted = false; /* this may be another thread */
  count_faults(ahead);
}

void lmdbx__ahead_end(struct lmdbx__ahead *ahead) {
  count_faults(ahead);
}

void lmdbx__ahead_visit(struct lmdbx__ahead *ahead, const void *key) {
  uintptr_t page = (uintptr_t)key / UNIT_SIZE;
  if (page == ahead->page) return;
  ahead->page = page;
  if (++ahead->pages % PAGES_PER_LOOK == 0) count_faults(ahead);
  uintptr_t window = (uintptr_t)key / WINDOW_SIZE;
  uintptr_t *slot = &ahead->windows[window % LMDBX__AHEAD_WINDOWS];
  if (*slot == window) {
    earn(ahead, CREDIT_PER_PAGE);
  } else if (ahead->credit >= WINDOW_PAGES) {
    ahead->credit -= WINDOW_PAGES;
    *slot = window;
    /* Where the window reaches beyond the map this is without effect, or an
     * error, or a hint about memory that is in use anyway. */
    (void)madvise((void *)(window * WINDOW_SIZE), WINDOW_SIZE, MADV_WILLNEED);
  }
}

#else

void lmdbx__ahead_begin(struct lmdbx__ahead *ahead) {
  (void)ahead;
}

void lmdbx__ahead_end(struct lmdbx__ahead *ahead) {
  (void)ahead;
}

void lmdbx__ahead_visit(struct lmdbx__ahead *ahead, const void *key) {
  (void)ahead;
  (void)key;
}

#endif
