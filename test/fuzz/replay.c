/* Feeds files to a fuzz target, for compilers without libFuzzer. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_FILE ((size_t)16 * 1024 * 1024)

/* The content in memory of exactly its size, so that sanitizers see every byte
 * read behind it. */
static uint8_t *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return NULL;
  uint8_t *content = malloc(MAX_FILE);
  if (content != NULL) {
    *size = fread(content, 1, MAX_FILE, file);
    uint8_t *exact = realloc(content, *size > 0 ? *size : 1);
    if (exact != NULL) content = exact;
  }
  fclose(file);
  return content;
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: %s file...\n", argv[0]);
    return 2;
  }
  for (int at = 1; at < argc; at++) {
    size_t size = 0;
    uint8_t *content = read_file(argv[at], &size);
    if (content == NULL) {
      perror(argv[at]);
      return 1;
    }
    LLVMFuzzerTestOneInput(content, size);
    free(content);
  }
  printf("%s: %d inputs\n", argv[0], argc - 1);
  return 0;
}
