/* Results of requests into promises. Called by lmdbx_host_deliver, inside the
 * runtime's callback scope; must leave no exception pending. */
#include "binding/binding.h"

#include "codec/json.h"
#include "codec/utf8.h"

/* Refusals of the engine here mean that it is shutting down; the promise can
 * then have no listener any more. */
static void resolve(struct lmdbx__addon *addon, napi_deferred deferred, napi_value value) {
  (void)napi_resolve_deferred(addon->env, deferred, value);
}

static void reject(struct lmdbx__addon *addon, napi_deferred deferred,
                   const struct lmdbx_error *error, const struct lmdbx_result *result) {
  const struct lmdbx__error_place place = {lmdbx_repository_path(result->repository), result->key};
  napi_value value = lmdbx__error_create(addon, error, &place);
  if (value == NULL) (void)napi_get_undefined(addon->env, &value);
  (void)napi_reject_deferred(addon->env, deferred, value);
}

/* Settles one promise in a handle scope of its own: a job brings thousands. */
static void settle(void *context, void *user, const struct lmdbx_result *result,
                   lmdbx__convert convert) {
  struct lmdbx__addon *addon = context;
  napi_deferred deferred = user;
  napi_handle_scope scope = NULL;
  if (napi_open_handle_scope(addon->env, &scope) != napi_ok) return;
  napi_value value = NULL;
  struct lmdbx_error error = {0};
  if (result->error != NULL) {
    reject(addon, deferred, result->error, result);
  } else {
    int code = convert(addon, result, &value, &error);
    if (code == LMDBX_OK) {
      resolve(addon, deferred, value);
    } else if (code == LMDBX__JS_EXCEPTION) {
      napi_value exception = lmdbx__error_take_pending(addon->env);
      if (exception != NULL) (void)napi_reject_deferred(addon->env, deferred, exception);
    } else {
      reject(addon, deferred, &error, result);
    }
  }
  (void)napi_close_handle_scope(addon->env, scope);
}

static int engine_refused(struct lmdbx_error *error, const char *doing) {
  return lmdbx_error_set(error, LMDBX_NO_MEMORY, 0, "%s: the engine could not make the result",
                         doing);
}

static int convert_void(struct lmdbx__addon *addon, const struct lmdbx_result *result,
                        napi_value *out, struct lmdbx_error *error) {
  (void)result;
  return napi_get_undefined(addon->env, out) == napi_ok ? LMDBX_OK
                                                        : engine_refused(error, "settling");
}

int lmdbx__convert_boolean(struct lmdbx__addon *addon, const struct lmdbx_result *result,
                           napi_value *out, struct lmdbx_error *error) {
  return napi_get_boolean(addon->env, result->found, out) == napi_ok
             ? LMDBX_OK
             : engine_refused(error, "settling");
}

/* The engine would replace ill-formed sequences in silence. */
static int convert_text(struct lmdbx__addon *addon, struct lmdbx_slice text, const char *encoding,
                        napi_value *out, struct lmdbx_error *error) {
  size_t position = 0;
  if (!lmdbx__utf8_valid(text, &position)) {
    return lmdbx_error_set(error, LMDBX_DECODE, 0,
                           "get: the stored value is not valid UTF-8 at byte %zu; was this written "
                           "with an encoding other than %s?",
                           position, encoding);
  }
  if (napi_create_string_utf8(addon->env, (const char *)text.data, text.size, out) != napi_ok) {
    return engine_refused(error, "get");
  }
  return LMDBX_OK;
}

static int convert_json(struct lmdbx__addon *addon, struct lmdbx_slice text, napi_value *out,
                        struct lmdbx_error *error) {
  napi_value parse = NULL;
  napi_value undefined = NULL;
  napi_value string = NULL;
  if (lmdbx__json_has_too_many(text)) {
    return lmdbx_error_set(error, LMDBX_DECODE, 0,
                           "get: the stored JSON of %zu bytes has more than %zu items", text.size,
                           LMDBX_MAX_ITEMS);
  }
  int code = convert_text(addon, text, "json", &string, error);
  if (code != LMDBX_OK) return code;
  if (napi_get_undefined(addon->env, &undefined) != napi_ok ||
      napi_get_reference_value(addon->env, addon->parse_json, &parse) != napi_ok) {
    return engine_refused(error, "get");
  }
  if (napi_call_function(addon->env, undefined, parse, 1, &string, out) == napi_ok) {
    return LMDBX_OK;
  }
  (void)lmdbx__error_take_pending(addon->env);
  size_t position = 0;
  (void)lmdbx__json_valid(text, &position);
  return lmdbx_error_set(error, LMDBX_DECODE, 0,
                         "get: the stored value is not JSON at byte %zu; was this written with "
                         "encoding msgpack or string?",
                         position);
}

int lmdbx__convert_value(struct lmdbx__addon *addon, const struct lmdbx_result *result,
                         napi_value *out, struct lmdbx_error *error) {
  if (!result->found) return convert_void(addon, result, out, error);
  switch (lmdbx_repository_encoding(result->repository)) {
  case LMDBX_JSON: return convert_json(addon, result->value, out, error);
  case LMDBX_STRING: return convert_text(addon, result->value, "string", out, error);
  default: return lmdbx__value_decode(addon->env, &addon->types, result->value, out, error);
  }
}

/* A last page is its text; an earlier one is an array of text and scan. */
int lmdbx__convert_page(struct lmdbx__addon *addon, const struct lmdbx_result *result,
                        napi_value *out, struct lmdbx_error *error) {
  napi_env env = addon->env;
  napi_value text = NULL;
  napi_value scan = NULL;
  if (napi_create_string_utf8(env, (const char *)result->value.data, result->value.size, &text) !=
      napi_ok) {
    if (result->scan != NULL) lmdbx_scan_close(result->scan);
    return engine_refused(error, "list");
  }
  if (result->scan == NULL) {
    *out = text;
    return LMDBX_OK;
  }
  if (lmdbx__scan_wrap(env, result->scan, &scan) != napi_ok ||
      napi_create_array_with_length(env, 2, out) != napi_ok ||
      napi_set_element(env, *out, 0, text) != napi_ok ||
      napi_set_element(env, *out, 1, scan) != napi_ok) {
    return engine_refused(error, "list");
  }
  return LMDBX_OK;
}

void lmdbx__settle_void(void *context, void *user, const struct lmdbx_result *result) {
  settle(context, user, result, convert_void);
}

void lmdbx__settle_boolean(void *context, void *user, const struct lmdbx_result *result) {
  settle(context, user, result, lmdbx__convert_boolean);
}

void lmdbx__settle_value(void *context, void *user, const struct lmdbx_result *result) {
  settle(context, user, result, lmdbx__convert_value);
}

void lmdbx__settle_page(void *context, void *user, const struct lmdbx_result *result) {
  settle(context, user, result, lmdbx__convert_page);
}
