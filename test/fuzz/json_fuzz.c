/*
 * Any bytes as JSON. cJSON is the second opinion: it accepts more than JSON, so
 * what it refuses must be refused, but for what it is known to lack. A second
 * look at the same text inside an array must come to the same verdict.
 */
#include "codec/json.h"

#include <cJSON.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* cJSON refuses escaped lone surrogates, more than 1000 levels, and numbers of
 * more than 63 characters. */
static bool beyond_cjson(const uint8_t *data, size_t size) {
  size_t brackets = 0;
  size_t digits = 0;
  for (size_t at = 0; at < size; at++) {
    if (data[at] == '[' || data[at] == '{') brackets++;
    bool numeric = (data[at] >= '0' && data[at] <= '9') || strchr("+-.eE", data[at]) != NULL;
    digits = numeric ? digits + 1 : 0;
    if (brackets >= 1000 || digits >= 63) return true;
    if (at + 2 < size && data[at] == 'u' && (data[at + 1] == 'd' || data[at + 1] == 'D')) {
      return true;
    }
  }
  return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  size_t position = 0;
  bool valid = lmdbx__json_valid((struct lmdbx_slice){data, size}, &position);
  if (!valid && position > size) abort();
  if (!valid && lmdbx__json_is_simple((struct lmdbx_slice){data, size})) abort();

  const char *end = NULL;
  cJSON *parsed = cJSON_ParseWithLengthOpts((const char *)data, size, &end, 0);
  if (valid && parsed == NULL && !beyond_cjson(data, size)) abort();
  cJSON_Delete(parsed);

  uint8_t *wrapped = malloc(size + 2);
  if (wrapped == NULL) return 0;
  wrapped[0] = '[';
  if (size > 0) memcpy(wrapped + 1, data, size);
  wrapped[size + 1] = ']';
  bool wrapped_valid = lmdbx__json_valid((struct lmdbx_slice){wrapped, size + 2}, NULL);
  if (valid && !wrapped_valid && size < LMDBX__JSON_DEPTH) abort();
  free(wrapped);
  return 0;
}
