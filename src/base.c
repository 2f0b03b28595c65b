/* Errors and growing bytes: what every layer shares. */
#include "lmdbx.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_FIRST_CAPACITY 64
/* See lmdbx_memory_keep. */
#define KEPT_BLOCK ((size_t)8 * 1024 * 1024)

static const struct {
  const char *name;
  const char *text;
  enum lmdbx_error_kind kind;
} codes[LMDBX_CODE_COUNT] = {[LMDBX_OK] = {"LMDBX_OK", "no error", LMDBX_KIND_ERROR},
#define XX(name, kind, text) [LMDBX_##name] = {"LMDBX_" #name, text, LMDBX_KIND_##kind},
                             LMDBX_ERROR_MAP(XX)
#undef XX
};

static int known(int code) {
  return code >= 0 && code < LMDBX_CODE_COUNT ? code : LMDBX_INTERNAL;
}

const char *lmdbx_code_name(int code) {
  return codes[known(code)].name;
}

const char *lmdbx_code_text(int code) {
  return codes[known(code)].text;
}

enum lmdbx_error_kind lmdbx_code_kind(int code) {
  return codes[known(code)].kind;
}

int lmdbx_error_set(struct lmdbx_error *error, int code, int errnum, const char *format, ...) {
  if (error == NULL) return code;
  error->code = code;
  error->errnum = errnum;
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(error->message, sizeof error->message, format, arguments);
  va_end(arguments);
  if (length < 0) error->message[0] = '\0';
  if (length >= (int)sizeof error->message) {
    size_t end = sizeof error->message - 1;
    while (end > 0 && ((unsigned char)error->message[end - 1] & 0xC0) == 0x80) end--;
    if (end > 0 && ((unsigned char)error->message[end - 1] & 0x80) != 0) end--;
    error->message[end] = '\0';
  }
  return code;
}

/* Handed out when an error cannot be copied. Never written to, never freed. */
static struct lmdbx_error out_of_memory = {.code = LMDBX_NO_MEMORY,
                                           .message = "memory ran out while reporting an error"};

struct lmdbx_error *lmdbx_error_copy(const struct lmdbx_error *error) {
  struct lmdbx_error *copy = malloc(sizeof *copy);
  if (copy == NULL) return &out_of_memory;
  *copy = *error;
  return copy;
}

void lmdbx_error_free(struct lmdbx_error *error) {
  if (error != &out_of_memory) free(error);
}

/* glibc takes the size of the largest block that was mapped and freed as its threshold of mapping
 * blocks, and twice that as the one of giving memory back (mallopt(3), M_MMAP_THRESHOLD). Where
 * the program, or the environment, has set its own, that stays. */
void lmdbx_memory_keep(void) {
#ifdef __GLIBC__
  void *volatile block = malloc(KEPT_BLOCK); /* volatile: or the compiler leaves both out */
  free(block);
#endif
}

int lmdbx_buffer_reserve(struct lmdbx_buffer *buffer, size_t more) {
  if (more <= buffer->capacity - buffer->size) return LMDBX_OK;
  if (more > SIZE_MAX / 2 - buffer->size) return LMDBX_NO_MEMORY;
  size_t capacity = buffer->capacity > 0 ? buffer->capacity : BUFFER_FIRST_CAPACITY;
  while (capacity - buffer->size < more) capacity *= 2;
  uint8_t *data = realloc(buffer->data, capacity);
  if (data == NULL) return LMDBX_NO_MEMORY;
  buffer->data = data;
  buffer->capacity = capacity;
  return LMDBX_OK;
}

int lmdbx_buffer_append(struct lmdbx_buffer *buffer, const void *data, size_t size) {
  if (lmdbx_buffer_reserve(buffer, size) != LMDBX_OK) return LMDBX_NO_MEMORY;
  if (size > 0) memcpy(buffer->data + buffer->size, data, size);
  buffer->size += size;
  return LMDBX_OK;
}

void lmdbx_buffer_free(struct lmdbx_buffer *buffer) {
  free(buffer->data);
  *buffer = (struct lmdbx_buffer){0};
}
