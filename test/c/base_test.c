/* What every layer shares: memory. */
#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCKS = 64, BLOCK_SIZE = 100 * 1000 };

static void freed_memory_is_kept_for_the_next_values(void **state) {
  static void *blocks[BLOCKS];
  (void)state;
#ifndef __GLIBC__
  skip(); /* musl's allocator has no such threshold */
#endif
  if (SANITIZED) skip(); /* an allocator of its own */
  /* What the environment sets stands. */
  if (getenv("MALLOC_TRIM_THRESHOLD_") != NULL || getenv("MALLOC_MMAP_THRESHOLD_") != NULL) skip();
  lmdbx_memory_keep();
  for (int i = 0; i < BLOCKS; i++) {
    blocks[i] = malloc(BLOCK_SIZE);
    assert_non_null(blocks[i]);
    memset(blocks[i], 1, BLOCK_SIZE);
  }
  const void *end = sbrk(0);
  for (int i = 0; i < BLOCKS; i++) free(blocks[i]);
  assert_ptr_equal(sbrk(0), end);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(freed_memory_is_kept_for_the_next_values),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
