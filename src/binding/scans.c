/* Queries, and the scans and snapshots that JavaScript holds meanwhile. */
#include "binding/binding.h"

#include <stdlib.h>
#include <string.h>

enum { REPOSITORY, PREFIX, MODE, TEXT, LIMIT, SNAPSHOT };

/* ------------------------------------------------------------------ handles */

struct scan_handle {
  struct lmdbx_scan *scan; /* NULL once it has been handed back, or closed */
};

static void scan_finalize(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  struct scan_handle *handle = data;
  if (handle->scan != NULL) lmdbx_scan_close(handle->scan);
  free(handle);
}

napi_status lmdbx__scan_wrap(napi_env env, struct lmdbx_scan *scan, napi_value *out) {
  napi_status status = napi_generic_failure;
  struct scan_handle *handle = malloc(sizeof *handle);
  if (handle != NULL) {
    handle->scan = scan;
    status = napi_create_external(env, handle, scan_finalize, NULL, out);
  }
  if (status != napi_ok) {
    lmdbx_scan_close(scan);
    free(handle);
  }
  return status;
}

static void snapshot_finalize(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  lmdbx_snapshot_release(data);
}

/* ------------------------------------------------------------------ queries */

/* The cuts of a range, one a line: '<' before, '=' after, '*' beyond the text that
 * follows; two for each interval. JSON texts hold no line ends. */
static bool parse_range(struct lmdbx_slice text, struct lmdbx_range *range) {
  size_t cuts = 0;
  for (size_t at = 0; at < text.size; cuts++) {
    const uint8_t *line = text.data + at;
    const uint8_t *end = memchr(line, '\n', text.size - at);
    if (end == NULL || end == line || cuts == 2 * (size_t)LMDBX_MAX_INTERVALS) return false;
    const struct lmdbx_cut cut = {
        .text = {line + 1, (size_t)(end - line) - 1},
        .side = *line == '<'   ? LMDBX_BEFORE
                : *line == '=' ? LMDBX_AFTER
                               : LMDBX_BEYOND,
    };
    struct lmdbx_interval *interval = &range->intervals[cuts / 2];
    *(cuts % 2 == 0 ? &interval->from : &interval->to) = cut;
    at = (size_t)(end - text.data) + 1;
  }
  range->count = cuts / 2;
  return cuts % 2 == 0;
}

static bool is_undefined(struct lmdbx__call *call, size_t argument) {
  napi_valuetype type = napi_undefined;
  return napi_typeof(call->env, call->arguments[argument], &type) == napi_ok &&
         type == napi_undefined;
}

static int malformed(struct lmdbx_error *error) {
  return lmdbx_error_set(error, LMDBX_INTERNAL, 0, "reading: the query is malformed");
}

/* Takes the arguments; text and prefix lie in the scratch buffers. */
static int take_query(struct lmdbx__call *call, struct lmdbx_query *query,
                      struct lmdbx_error *error) {
  struct lmdbx__addon *addon = call->addon;
  struct lmdbx_slice text = {0};
  uint32_t mode = 0;
  void *snapshot = NULL;
  *query = (struct lmdbx_query){.range = {.limit = LMDBX_NO_LIMIT}};
  int code = lmdbx__take_key(call, &query->prefix, error);
  if (code != LMDBX_OK) return code;
  if (napi_get_value_uint32(call->env, call->arguments[MODE], &mode) != napi_ok) {
    return malformed(error);
  }
  query->kind = (enum lmdbx_query_kind)(mode & LMDBX__MODE_KIND);
  query->one_moment = (mode & LMDBX__MODE_ONE_MOMENT) != 0;
  query->range.reverse = (mode & LMDBX__MODE_REVERSE) != 0;
  if (!is_undefined(call, TEXT)) {
    bool well_formed = false;
    addon->value.size = 0;
    code = lmdbx__string_utf8(call->env, &addon->types, call->arguments[TEXT], &addon->value,
                              &well_formed);
    if (code != LMDBX_OK) {
      return lmdbx_error_set(error, code, 0, "reading the keys: memory ran out; try again");
    }
    text = (struct lmdbx_slice){addon->value.data, addon->value.size};
  }
  if (query->kind == LMDBX_MANY || query->kind == LMDBX_HAS) {
    query->keys = text;
  } else if (!parse_range(text, &query->range)) {
    return malformed(error);
  }
  if (!is_undefined(call, LIMIT)) {
    double limit = 0;
    if (napi_get_value_double(call->env, call->arguments[LIMIT], &limit) != napi_ok) {
      return malformed(error);
    }
    query->range.limit = (uint64_t)limit;
  }
  if (!is_undefined(call, SNAPSHOT)) {
    if (napi_get_value_external(call->env, call->arguments[SNAPSHOT], &snapshot) != napi_ok) {
      return malformed(error);
    }
    query->snapshot = snapshot;
  }
  return LMDBX_OK;
}

/* Answers on this thread if that can be done without waiting. */
static bool answer_now(struct lmdbx__call *call, const struct lmdbx_query *query, int *code,
                       struct lmdbx_error *error) {
  struct lmdbx_now now;
  napi_value value = NULL;
  if (!lmdbx_scan_now(call->repository, query, &now)) return false;
  const struct lmdbx_result result = {
      .repository = call->repository, .key = query->prefix, .page = &now.page};
  *code = lmdbx__convert_page(call->addon, &result, &value, error);
  call->needs_turn = lmdbx_now_end(call->repository, &now);
  if (*code == LMDBX_OK) call->promise = value;
  return true;
}

static napi_value query_call(napi_env env, napi_callback_info info) {
  struct lmdbx__call call;
  struct lmdbx_error error = {0};
  struct lmdbx_query query;
  if (!lmdbx__call_begin(&call, env, info)) return NULL;
  int code = take_query(&call, &query, &error);
  if (code != LMDBX_OK || answer_now(&call, &query, &code, &error)) {
    return lmdbx__call_end(&call, code, &error);
  }
  code = lmdbx__call_promise(&call, &error);
  if (code == LMDBX_OK) {
    const struct lmdbx_issue issue = lmdbx__call_issue(&call, lmdbx__settle_page);
    code = lmdbx_scan(call.repository, &query, &issue, &error);
  }
  return lmdbx__call_end(&call, code, &error);
}

static napi_value next(napi_env env, napi_callback_info info) {
  struct lmdbx__call call;
  struct lmdbx_error error = {0};
  void *data = NULL;
  if (!lmdbx__call_begin(&call, env, info)) return NULL;
  if (napi_get_value_external(env, call.arguments[0], &data) != napi_ok ||
      ((struct scan_handle *)data)->scan == NULL) {
    return lmdbx__call_end(&call, malformed(&error), &error);
  }
  struct scan_handle *handle = data;
  call.repository = lmdbx_scan_repository(handle->scan, &call.key);
  int code = lmdbx__call_promise(&call, &error);
  if (code == LMDBX_OK) {
    const struct lmdbx_issue issue = lmdbx__call_issue(&call, lmdbx__settle_page);
    code = lmdbx_scan_next(handle->scan, &issue, &error);
    if (code == LMDBX_OK) handle->scan = NULL;
  }
  return lmdbx__call_end(&call, code, &error);
}

static napi_value undefined(napi_env env) {
  napi_value value = NULL;
  (void)napi_get_undefined(env, &value);
  return value;
}

/* The data of the one argument, an external; NULL if it is none. */
static void *external_argument(napi_env env, napi_callback_info info) {
  napi_value argument = NULL;
  void *data = NULL;
  size_t count = 1;
  if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL) != napi_ok ||
      napi_get_value_external(env, argument, &data) != napi_ok) {
    return NULL;
  }
  return data;
}

static napi_value end(napi_env env, napi_callback_info info) {
  struct scan_handle *handle = external_argument(env, info);
  if (handle != NULL && handle->scan != NULL) {
    lmdbx_scan_close(handle->scan);
    handle->scan = NULL;
  }
  return undefined(env);
}

/* ---------------------------------------------------------------- snapshots */

static napi_value snapshot(napi_env env, napi_callback_info info) {
  struct lmdbx__call call;
  struct lmdbx_error error = {0};
  struct lmdbx_snapshot *taken = NULL;
  napi_value external = NULL;
  if (!lmdbx__call_begin(&call, env, info)) return NULL;
  int code = lmdbx__take_repository(&call, &error);
  if (code == LMDBX_OK) {
    code = lmdbx_snapshot(call.repository, &taken, &call.needs_flush, &error);
  }
  if (code == LMDBX_OK &&
      napi_create_external(env, taken, snapshot_finalize, NULL, &external) != napi_ok) {
    lmdbx_snapshot_release(taken);
    code = lmdbx_error_set(&error, LMDBX_NO_MEMORY, 0,
                           "taking a snapshot: the engine could not make it");
  }
  (void)lmdbx__call_end(&call, LMDBX_OK, NULL);
  if (code == LMDBX_OK) return external;
  const struct lmdbx__error_place place = {
      .path = call.repository != NULL ? lmdbx_repository_path(call.repository) : NULL};
  napi_value exception = lmdbx__error_create(call.addon, &error, &place);
  if (exception != NULL) (void)napi_throw(env, exception);
  return NULL;
}

static napi_value close_snapshot(napi_env env, napi_callback_info info) {
  struct lmdbx_snapshot *taken = external_argument(env, info);
  if (taken != NULL) lmdbx_snapshot_close(taken);
  return undefined(env);
}

napi_status lmdbx__scan_functions(napi_env env, napi_value exports) {
  static const struct lmdbx__function functions[] = {
      {"query", query_call},
      {"next", next},
      {"end", end},
      {"snapshot", snapshot},
      {"closeSnapshot", close_snapshot},
      {NULL, NULL},
  };
  return lmdbx__export_functions(env, exports, functions);
}
