#include "codec/config.h"

#include "codec/json.h"
#include "codec/key.h"

#include <cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Integers that a JSON number carries exactly (2^53 - 1). */
#define MAX_SAFE_INTEGER 9007199254740991.0
/* A slot of the reader table is a cache line of the lock file. */
#define MAX_READERS 1000000.0
/* Characters of an offending text that a message shows. */
#define SHOWN "%.64s"

struct parsing {
  struct lmdbx_config *config;
  struct lmdbx_error *error;
};

static int refuse(struct parsing *parsing, const char *field, const char *what) {
  return lmdbx_error_set(parsing->error, LMDBX_INVALID_CONFIG, 0, "config.%s %s", field, what);
}

static int copy_text(struct parsing *parsing, const cJSON *item, char **out) {
  if (!cJSON_IsString(item) || item->valuestring[0] == '\0') {
    return refuse(parsing, item->string, "must be a string that is not empty");
  }
  *out = strdup(item->valuestring);
  if (*out == NULL) {
    return lmdbx_error_set(parsing->error, LMDBX_NO_MEMORY, 0,
                           "reading the configuration: memory could not be allocated");
  }
  return LMDBX_OK;
}

static int read_boolean(struct parsing *parsing, const cJSON *item, bool *out) {
  if (!cJSON_IsBool(item)) return refuse(parsing, item->string, "must be true or false");
  *out = cJSON_IsTrue(item);
  return LMDBX_OK;
}

/* least is not negative, most no more than MAX_SAFE_INTEGER. */
static int read_integer(struct parsing *parsing, const cJSON *item, double least, double most,
                        double *out) {
  double value = cJSON_IsNumber(item) ? item->valuedouble : NAN;
  if (!(value >= least && value <= most) || (double)(uint64_t)value != value) {
    return lmdbx_error_set(parsing->error, LMDBX_INVALID_CONFIG, 0,
                           "config.%s must be an integer from %.0f to %.0f", item->string, least,
                           most);
  }
  *out = value;
  return LMDBX_OK;
}

static int read_path(struct parsing *parsing, const cJSON *item) {
  int code = copy_text(parsing, item, &parsing->config->path);
  if (code == LMDBX_OK && parsing->config->path[0] != '/') {
    return refuse(parsing, item->string, "must be an absolute path");
  }
  return code;
}

static int read_name(struct parsing *parsing, const cJSON *item) {
  int code = copy_text(parsing, item, &parsing->config->name);
  if (code != LMDBX_OK) return code;
  const char *name = parsing->config->name;
  size_t tenant_size;
  if (lmdbx__key_split((struct lmdbx_slice){(const uint8_t *)name, strlen(name)}, &tenant_size)) {
    return lmdbx_error_set(parsing->error, LMDBX_INVALID_CONFIG, 0,
                           "config.name \"" SHOWN "\" reads as a stored key (tenant:JSON), and "
                           "names lie among the keys of the main database; choose another name",
                           name);
  }
  return LMDBX_OK;
}

static int read_encoding(struct parsing *parsing, const cJSON *item) {
  static const char *const names[] = {
      [LMDBX_MSGPACK] = "msgpack", [LMDBX_JSON] = "json", [LMDBX_STRING] = "string"};
  for (int encoding = LMDBX_MSGPACK; cJSON_IsString(item) && encoding <= LMDBX_STRING; encoding++) {
    if (strcmp(item->valuestring, names[encoding]) != 0) continue;
    parsing->config->encoding = (enum lmdbx_encoding)encoding;
    return LMDBX_OK;
  }
  return refuse(parsing, item->string, "must be \"msgpack\", \"json\" or \"string\"");
}

static int read_compression(struct parsing *parsing, const cJSON *item) {
  return read_boolean(parsing, item, &parsing->config->compression);
}

static int read_read_only(struct parsing *parsing, const cJSON *item) {
  return read_boolean(parsing, item, &parsing->config->read_only);
}

static int read_reads(struct parsing *parsing, const cJSON *item) {
  if (cJSON_IsString(item) && strcmp(item->valuestring, "adaptive") == 0) return LMDBX_OK;
  if (!cJSON_IsString(item) || strcmp(item->valuestring, "pool") != 0) {
    return refuse(parsing, item->string, "must be \"adaptive\" or \"pool\"");
  }
  parsing->config->pool_reads = true;
  return LMDBX_OK;
}

static int read_map_size(struct parsing *parsing, const cJSON *item) {
  double value = 0;
  int code = read_integer(parsing, item, 0, MAX_SAFE_INTEGER, &value);
  parsing->config->map_size = (size_t)value;
  return code;
}

static int read_max_readers(struct parsing *parsing, const cJSON *item) {
  double value = 0;
  int code = read_integer(parsing, item, 1, MAX_READERS, &value);
  parsing->config->max_readers = (unsigned)value;
  return code;
}

static int read_max_queued_bytes(struct parsing *parsing, const cJSON *item) {
  double value = 0;
  int code = read_integer(parsing, item, 1, MAX_SAFE_INTEGER, &value);
  parsing->config->max_queued_bytes = (size_t)value;
  return code;
}

static const struct {
  const char *name;
  int (*read)(struct parsing *parsing, const cJSON *item);
} fields[] = {
    {"path", read_path},
    {"name", read_name},
    {"encoding", read_encoding},
    {"compression", read_compression},
    {"mapSize", read_map_size},
    {"readOnly", read_read_only},
    {"reads", read_reads},
    {"maxReaders", read_max_readers},
    {"maxQueuedBytes", read_max_queued_bytes},
};
#define FIELD_COUNT (sizeof fields / sizeof fields[0])

static int read_field(struct parsing *parsing, const cJSON *item, bool seen[FIELD_COUNT]) {
  size_t field = 0;
  while (field < FIELD_COUNT && strcmp(item->string, fields[field].name) != 0) field++;
  if (field == FIELD_COUNT) {
    return lmdbx_error_set(parsing->error, LMDBX_INVALID_CONFIG, 0,
                           "config has the unknown field \"" SHOWN "\"", item->string);
  }
  if (seen[field]) return refuse(parsing, item->string, "is given twice");
  seen[field] = true;
  return cJSON_IsNull(item) ? LMDBX_OK : fields[field].read(parsing, item);
}

/* cJSON ends a string at an escaped NUL: what stands behind it would be lost. */
static bool escapes_nul(struct lmdbx_slice text) {
  static const char nul[] = "u0000";
  size_t length = sizeof nul - 1;
  for (size_t at = 0; at + length < text.size; at++) {
    if (text.data[at] != '\\') continue;
    at++;
    if (at + length <= text.size && memcmp(text.data + at, nul, length) == 0) return true;
  }
  return false;
}

/* NULL: described. */
static cJSON *parse_text(struct lmdbx_slice text, struct lmdbx_error *error) {
  size_t position = 0;
  if (!lmdbx__json_valid(text, &position)) {
    lmdbx_error_set(error, LMDBX_INVALID_CONFIG, 0,
                    "the configuration is no JSON text: it stops being one at byte %zu", position);
    return NULL;
  }
  if (escapes_nul(text)) {
    lmdbx_error_set(error, LMDBX_INVALID_CONFIG, 0,
                    "the configuration must not contain NUL characters");
    return NULL;
  }
  cJSON *root = cJSON_ParseWithLength((const char *)text.data, text.size);
  if (cJSON_IsObject(root)) return root;
  cJSON_Delete(root);
  lmdbx_error_set(error, LMDBX_INVALID_CONFIG, 0,
                  "the configuration must be a JSON object of well-formed strings");
  return NULL;
}

int lmdbx__config_parse(struct lmdbx_slice text, struct lmdbx_config *config,
                        struct lmdbx_error *error) {
  *config = (struct lmdbx_config){.encoding = LMDBX_MSGPACK,
                                  .max_queued_bytes = LMDBX_DEFAULT_QUEUED_BYTES};
  struct parsing parsing = {config, error};
  bool seen[FIELD_COUNT] = {false};
  cJSON *root = parse_text(text, error);
  if (root == NULL) return LMDBX_INVALID_CONFIG;
  int code = LMDBX_OK;
  for (const cJSON *item = root->child; item != NULL && code == LMDBX_OK; item = item->next) {
    code = read_field(&parsing, item, seen);
  }
  if (code == LMDBX_OK && config->path == NULL) {
    code = refuse(&parsing, "path", "is missing: name the directory of the database");
  }
  cJSON_Delete(root);
  if (code != LMDBX_OK) lmdbx__config_free(config);
  return code;
}

void lmdbx__config_free(struct lmdbx_config *config) {
  free(config->path);
  free(config->name);
  *config = (struct lmdbx_config){0};
}
