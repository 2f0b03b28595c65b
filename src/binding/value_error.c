/* Errors of the encoder, with the path of the field. */
#include "binding/value_state.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Bytes of a field name that a path shows: names can be personal data. */
#define SHOWN_NAME 40
#define STEP_SIZE (SHOWN_NAME + 24)
#define PATH_SIZE 200
#define REASON_SIZE 256

static bool is_identifier(const char *name) {
  for (const char *at = name; *at != '\0'; at++) {
    bool letter = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || *at == '_' ||
                  *at == '$' || (*at & 0x80) != 0;
    bool digit = *at >= '0' && *at <= '9' && at > name;
    if (!letter && !digit) return false;
  }
  return name[0] != '\0';
}

static void field_text(napi_env env, napi_value key, char *out) {
  char name[SHOWN_NAME + 1] = "";
  size_t shown = 0;
  size_t size = 0;
  /* The engine cuts at a character boundary. */
  if (napi_get_value_string_utf8(env, key, name, sizeof name, &shown) != napi_ok ||
      napi_get_value_string_utf8(env, key, NULL, 0, &size) != napi_ok) {
    size = shown = 0;
  }
  for (size_t at = 0; at < shown; at++) {
    if ((unsigned char)name[at] < ' ' || name[at] == '\x7F') name[at] = '?';
  }
  const char *cut = size > shown ? "..." : "";
  const char *form = is_identifier(name) ? ".%s%s" : "[\"%s%s\"]";
  snprintf(out, STEP_SIZE, form, name, cut);
}

static void step_text(napi_env env, const struct lmdbx__place *place, char *out) {
  switch (place->step) {
  case LMDBX__STEP_FIELD: field_text(env, place->key, out); break;
  case LMDBX__STEP_MAP:
    snprintf(out, STEP_SIZE, "(%s %u of Map)", place->index % 2 == 0 ? "key" : "value",
             place->index / 2);
    break;
  case LMDBX__STEP_SET: snprintf(out, STEP_SIZE, "(member %u of Set)", place->index); break;
  default: snprintf(out, STEP_SIZE, "[%u]", place->index);
  }
}

/* A path such as `value.items[3].price`; a long one loses its beginning. */
static void path_text(napi_env env, const struct lmdbx__place *place, char out[PATH_SIZE]) {
  static const char whole[] = "value";
  static const char cut[] = "value...";
  size_t start = PATH_SIZE - 1;
  out[start] = '\0';
  const char *beginning = whole;
  for (; place->parent != NULL; place = place->parent) {
    char step[STEP_SIZE];
    step_text(env, place, step);
    size_t size = strlen(step);
    if (start < size + sizeof cut) {
      beginning = cut;
      break;
    }
    start -= size;
    memcpy(out + start, step, size);
  }
  size_t size = strlen(beginning);
  memmove(out + size, out + start, PATH_SIZE - start);
  memcpy(out, beginning, size);
}

int lmdbx__encode_refuse(struct lmdbx__encoding *encoding, const struct lmdbx__place *at,
                         const char *format, ...) {
  char path[PATH_SIZE];
  char reason[REASON_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(reason, sizeof reason, format, arguments);
  va_end(arguments);
  path_text(encoding->env, at, path);
  return lmdbx_error_set(encoding->error, LMDBX_INVALID_VALUE, 0, "%s is %s", path, reason);
}

int lmdbx__encode_engine_failed(struct lmdbx__encoding *encoding) {
  bool pending = false;
  (void)napi_is_exception_pending(encoding->env, &pending);
  if (pending) return LMDBX__JS_EXCEPTION;
  return lmdbx_error_set(encoding->error, LMDBX_INTERNAL, 0,
                         "encoding the value: the JavaScript engine refused a call");
}

int lmdbx__encode_written(struct lmdbx__encoding *encoding, int code) {
  if (code == LMDBX_OK) return code;
  if (code == LMDBX_VALUE_TOO_LARGE) {
    return lmdbx_error_set(encoding->error, code, 0,
                           "the value is larger than %zu MiB once encoded; split it up",
                           LMDBX_MAX_VALUE_SIZE / 1024 / 1024);
  }
  if (code == LMDBX_NO_MEMORY) {
    return lmdbx_error_set(encoding->error, code, 0,
                           "encoding the value: memory could not be allocated");
  }
  return lmdbx__encode_engine_failed(encoding);
}
