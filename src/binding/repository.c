/*
 * The functions that lib/ calls. A repository is an external whose data is the
 * struct lmdbx_repository; its finalizer gives the reference back.
 *
 *   open(configuration: string): repository               throws
 *   get(repository, storedKey: string): Promise<value | undefined>, or the value
 *   has(repository, storedKey): Promise<boolean>, or the boolean
 *   delete(repository, storedKey): Promise<boolean>
 *   put(repository, storedKey, value): Promise<undefined>      msgpack
 *   putText(repository, storedKey, text): Promise<undefined>   json, string
 *   list(repository, prefix: string): Promise<page>, or the page
 *   next(scan): Promise<page>        page: string, or [string, scan]
 *   ready, close(repository): Promise<undefined>
 *   stats(repository): string
 */
#include "binding/binding.h"

#include "codec/json.h"

#include <stdlib.h>

#define MAX_ARGUMENTS 3

/* One call: its arguments, and the promise it returns. */
struct call {
  struct lmdbx__addon *addon;
  napi_env env;
  napi_value arguments[MAX_ARGUMENTS];
  struct lmdbx_repository *repository;
  napi_deferred deferred;
  napi_value promise; /* what the call returns; with an answer at once, that */
  bool needs_flush;
  bool needs_turn;
};

struct scan_handle {
  struct lmdbx_scan *scan; /* NULL once it has been handed back */
};

/* -------------------------------------------------------------------- calls */

static bool call_begin(struct call *call, napi_env env, napi_callback_info info) {
  size_t count = MAX_ARGUMENTS;
  void *data = NULL;
  *call = (struct call){.env = env};
  if (napi_get_cb_info(env, info, &count, call->arguments, NULL, NULL) != napi_ok ||
      napi_get_instance_data(env, &data) != napi_ok || data == NULL) {
    return false;
  }
  call->addon = data;
  return true;
}

static int call_promise(struct call *call, struct lmdbx_error *error) {
  if (call->promise != NULL ||
      napi_create_promise(call->env, &call->deferred, &call->promise) == napi_ok) {
    return LMDBX_OK;
  }
  return lmdbx_error_set(error, LMDBX_NO_MEMORY, 0, "the engine could not make a promise");
}

static void call_reject(struct call *call, napi_value reason) {
  if (reason == NULL || call_promise(call, NULL) != LMDBX_OK) return;
  (void)napi_reject_deferred(call->env, call->deferred, reason);
}

/* Has one of our functions called by a global of the runtime. */
static bool call_later(struct call *call, napi_ref scheduler, napi_ref function) {
  napi_value undefined = NULL;
  napi_value schedule = NULL;
  napi_value later = NULL;
  if (napi_get_undefined(call->env, &undefined) == napi_ok &&
      napi_get_reference_value(call->env, scheduler, &schedule) == napi_ok &&
      napi_get_reference_value(call->env, function, &later) == napi_ok &&
      napi_call_function(call->env, undefined, schedule, 1, &later, NULL) == napi_ok) {
    return true;
  }
  (void)lmdbx__error_take_pending(call->env);
  return false;
}

/* Ends a call: what was not accepted rejects its promise; what was is flushed in
 * a microtask, which runs after everything else of this turn. */
static napi_value call_end(struct call *call, int code, const struct lmdbx_error *error) {
  struct lmdbx__addon *addon = call->addon;
  if (code == LMDBX__JS_EXCEPTION) {
    call_reject(call, lmdbx__error_take_pending(call->env));
  } else if (code != LMDBX_OK) {
    const struct lmdbx__error_place place = {
        call->repository != NULL ? lmdbx_repository_path(call->repository) : NULL,
        {addon->key.data, addon->key.size}};
    call_reject(call, lmdbx__error_create(addon, error, &place));
  }
  if (call->needs_flush && !call_later(call, addon->queue_microtask, addon->flush)) {
    lmdbx_host_flush(addon->host);
  }
  if (call->needs_turn && !call_later(call, addon->set_immediate, addon->turn)) {
    lmdbx_host_turn(addon->host);
  }
  if (addon->key.capacity > LMDBX__SCRATCH_KEPT) lmdbx_buffer_free(&addon->key);
  if (addon->value.capacity > LMDBX__SCRATCH_KEPT) lmdbx_buffer_free(&addon->value);
  return call->promise;
}

static struct lmdbx_issue issue_of(struct call *call, lmdbx_done done) {
  return (struct lmdbx_issue){
      .done = done, .user = call->deferred, .needs_flush = &call->needs_flush};
}

static int take_repository(struct call *call, struct lmdbx_error *error) {
  void *data = NULL;
  call->addon->key.size = 0;
  if (call->addon->host == NULL ||
      napi_get_value_external(call->env, call->arguments[0], &data) != napi_ok) {
    return lmdbx_error_set(error, LMDBX_CLOSED, 0, "the repository's thread has ended");
  }
  call->repository = data;
  return LMDBX_OK;
}

/* Repository and stored key, which every point operation begins with. */
static int take_key(struct call *call, struct lmdbx_slice *key, struct lmdbx_error *error) {
  int code = take_repository(call, error);
  if (code != LMDBX_OK) return code;
  struct lmdbx_buffer *buffer = &call->addon->key;
  bool well_formed = false;
  code =
      lmdbx__string_utf8(call->env, &call->addon->types, call->arguments[1], buffer, &well_formed);
  if (code != LMDBX_OK) {
    buffer->size = 0;
    return lmdbx_error_set(error, code, 0, "reading the key: memory ran out; try again");
  }
  *key = (struct lmdbx_slice){buffer->data, buffer->size};
  if (well_formed) return LMDBX_OK;
  /* JSON escapes lone surrogates, so it was the tenant's. */
  return lmdbx_error_set(error, LMDBX_INVALID_ARGUMENT, 0,
                         "tenantId contains a lone surrogate and has no UTF-8; use a well-formed "
                         "string");
}

/* ---------------------------------------------------------- point operations */

/* A kind of point operation: how it is asked for, and for reads, how it may be
 * answered on this thread. */
struct point {
  int (*request)(struct lmdbx_repository *repository, struct lmdbx_slice key,
                 const struct lmdbx_issue *issue, struct lmdbx_error *error);
  lmdbx_done done;
  bool (*answer)(struct lmdbx_repository *repository, struct lmdbx_slice key,
                 struct lmdbx_now *now);
  lmdbx__convert convert;
};

/* Answers on this thread if that can be done without waiting. */
static bool answer_now(struct call *call, const struct point *point, struct lmdbx_slice key,
                       int *code, struct lmdbx_error *error) {
  struct lmdbx_now now;
  napi_value value = NULL;
  if (point->answer == NULL || !point->answer(call->repository, key, &now)) return false;
  const struct lmdbx_result result = {
      .repository = call->repository, .key = key, .found = now.found, .value = now.value};
  *code = point->convert(call->addon, &result, &value, error);
  call->needs_turn = lmdbx_now_end(call->repository, &now);
  if (*code == LMDBX_OK) call->promise = value;
  return true;
}

static napi_value point_call(napi_env env, napi_callback_info info, const struct point *point) {
  struct call call;
  struct lmdbx_error error = {0};
  struct lmdbx_slice key = {0};
  if (!call_begin(&call, env, info)) return NULL;
  int code = take_key(&call, &key, &error);
  if (code != LMDBX_OK || answer_now(&call, point, key, &code, &error)) {
    return call_end(&call, code, &error);
  }
  code = call_promise(&call, &error);
  if (code == LMDBX_OK) {
    const struct lmdbx_issue issue = issue_of(&call, point->done);
    code = point->request(call.repository, key, &issue, &error);
  }
  return call_end(&call, code, &error);
}

static bool get_now(struct lmdbx_repository *repository, struct lmdbx_slice key,
                    struct lmdbx_now *now) {
  return lmdbx_read_now(repository, key, true, now);
}

static bool has_now(struct lmdbx_repository *repository, struct lmdbx_slice key,
                    struct lmdbx_now *now) {
  return lmdbx_read_now(repository, key, false, now);
}

static napi_value get(napi_env env, napi_callback_info info) {
  static const struct point point = {lmdbx_get, lmdbx__settle_value, get_now, lmdbx__convert_value};
  return point_call(env, info, &point);
}

static napi_value has(napi_env env, napi_callback_info info) {
  static const struct point point = {lmdbx_has, lmdbx__settle_boolean, has_now,
                                     lmdbx__convert_boolean};
  return point_call(env, info, &point);
}

static napi_value delete_(napi_env env, napi_callback_info info) {
  static const struct point point = {lmdbx_delete, lmdbx__settle_boolean, NULL, NULL};
  return point_call(env, info, &point);
}

static napi_value list(napi_env env, napi_callback_info info) {
  static const struct point point = {lmdbx_list, lmdbx__settle_page, lmdbx_list_now,
                                     lmdbx__convert_page};
  return point_call(env, info, &point);
}

/* Encodes first, into memory of our own; the core looks at the repository's state
 * afterwards, since getters and toJSON may have closed it. The scratch buffers
 * are taken for the call: such code may also call put. */
static napi_value put_call(napi_env env, napi_callback_info info,
                           int (*encode)(struct call *, struct lmdbx_buffer *,
                                         struct lmdbx_error *)) {
  struct call call;
  struct lmdbx_error error = {0};
  struct lmdbx_slice key = {0};
  if (!call_begin(&call, env, info)) return NULL;
  struct lmdbx__addon *addon = call.addon;
  int code = take_repository(&call, &error);
  if (code == LMDBX_OK) {
    struct lmdbx_buffer value = addon->value;
    addon->value = (struct lmdbx_buffer){0};
    value.size = 0;
    code = encode(&call, &value, &error);
    struct lmdbx_error key_error = {0};
    int key_code = code == LMDBX__JS_EXCEPTION ? code : take_key(&call, &key, &key_error);
    if (code == LMDBX_OK && key_code != LMDBX_OK) {
      code = key_code;
      error = key_error;
    }
    if (code == LMDBX_OK) code = call_promise(&call, &error);
    if (code == LMDBX_OK) {
      const struct lmdbx_issue issue = issue_of(&call, lmdbx__settle_void);
      const struct lmdbx_slice bytes = {value.data, value.size};
      code = lmdbx_put(call.repository, key, bytes, &issue, &error);
    }
    lmdbx_buffer_free(&addon->value);
    addon->value = value;
  }
  return call_end(&call, code, &error);
}

static int encode_value(struct call *call, struct lmdbx_buffer *out, struct lmdbx_error *error) {
  return lmdbx__value_encode(call->env, &call->addon->types, call->arguments[2], out, error);
}

static int encode_text(struct call *call, struct lmdbx_buffer *out, struct lmdbx_error *error) {
  bool well_formed = false;
  int code =
      lmdbx__string_utf8(call->env, &call->addon->types, call->arguments[2], out, &well_formed);
  if (code == LMDBX_VALUE_TOO_LARGE) {
    return lmdbx_error_set(error, code, 0, "put: the string is larger than %zu bytes; split it",
                           LMDBX_MAX_VALUE_SIZE);
  }
  if (code != LMDBX_OK) {
    return lmdbx_error_set(error, code, 0, "put: memory ran out; nothing was written");
  }
  if (lmdbx_repository_encoding(call->repository) == LMDBX_JSON &&
      lmdbx__json_has_too_many((struct lmdbx_slice){out->data, out->size})) {
    return lmdbx_error_set(error, LMDBX_VALUE_TOO_LARGE, 0,
                           "put: the value has more than %zu items; split it up", LMDBX_MAX_ITEMS);
  }
  if (well_formed) return LMDBX_OK;
  return lmdbx_error_set(error, LMDBX_INVALID_VALUE, 0,
                         "put: the string contains a lone surrogate and has no UTF-8; see "
                         "String.prototype.toWellFormed");
}

static napi_value put(napi_env env, napi_callback_info info) {
  return put_call(env, info, encode_value);
}

static napi_value put_text(napi_env env, napi_callback_info info) {
  return put_call(env, info, encode_text);
}

/* -------------------------------------------------------------------- scans */

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

static napi_value next(napi_env env, napi_callback_info info) {
  struct call call;
  struct lmdbx_error error = {0};
  void *data = NULL;
  if (!call_begin(&call, env, info)) return NULL;
  int code = LMDBX_OK;
  call.addon->key.size = 0;
  if (napi_get_value_external(env, call.arguments[0], &data) != napi_ok) {
    code = lmdbx_error_set(&error, LMDBX_INTERNAL, 0, "list: the scan is missing");
  } else {
    code = call_promise(&call, &error);
  }
  if (code == LMDBX_OK) {
    struct scan_handle *handle = data;
    const struct lmdbx_issue issue = issue_of(&call, lmdbx__settle_page);
    code = lmdbx_scan_next(handle->scan, &issue, &error);
    if (code == LMDBX_OK) handle->scan = NULL;
  }
  return call_end(&call, code, &error);
}

/* --------------------------------------------------------------- life cycle */

static void repository_finalize(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  lmdbx_repository_release(data);
}

static napi_value open(napi_env env, napi_callback_info info) {
  napi_value configuration = NULL;
  napi_value external = NULL;
  size_t count = 1;
  void *data = NULL;
  struct lmdbx_error error = {0};
  struct lmdbx_repository *repository = NULL;
  if (napi_get_cb_info(env, info, &count, &configuration, NULL, NULL) != napi_ok ||
      napi_get_instance_data(env, &data) != napi_ok || data == NULL) {
    return NULL;
  }
  struct lmdbx__addon *addon = data;
  bool well_formed = false;
  addon->value.size = 0;
  int code = lmdbx__string_utf8(env, &addon->types, configuration, &addon->value, &well_formed);
  if (code == LMDBX_OK && addon->host != NULL) {
    const struct lmdbx_slice text = {addon->value.data, addon->value.size};
    code = lmdbx_open(addon->host, text, &repository, &error);
  } else {
    code = lmdbx_error_set(&error, LMDBX_INVALID_CONFIG, 0, "opening: no configuration text");
  }
  if (code != LMDBX_OK) {
    const struct lmdbx__error_place place = {0};
    napi_value exception = lmdbx__error_create(addon, &error, &place);
    if (exception != NULL) (void)napi_throw(env, exception);
    return NULL;
  }
  if (napi_create_external(env, repository, repository_finalize, NULL, &external) != napi_ok) {
    lmdbx_repository_release(repository);
    return NULL;
  }
  return external;
}

typedef int (*life_request)(struct lmdbx_repository *repository, const struct lmdbx_issue *issue,
                            struct lmdbx_error *error);

static napi_value life_call(napi_env env, napi_callback_info info, life_request request) {
  struct call call;
  struct lmdbx_error error = {0};
  if (!call_begin(&call, env, info)) return NULL;
  int code = take_repository(&call, &error);
  if (code == LMDBX_OK) code = call_promise(&call, &error);
  if (code == LMDBX_OK) {
    const struct lmdbx_issue issue = issue_of(&call, lmdbx__settle_void);
    code = request(call.repository, &issue, &error);
  }
  return call_end(&call, code, &error);
}

static napi_value ready(napi_env env, napi_callback_info info) {
  return life_call(env, info, lmdbx_ready);
}

static napi_value close(napi_env env, napi_callback_info info) {
  return life_call(env, info, lmdbx_close);
}

static napi_value stats(napi_env env, napi_callback_info info) {
  napi_value argument = NULL;
  napi_value text = NULL;
  size_t count = 1;
  void *repository = NULL;
  struct lmdbx_buffer out = {0};
  if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL) == napi_ok &&
      napi_get_value_external(env, argument, &repository) == napi_ok &&
      lmdbx_stats(repository, &out) == LMDBX_OK) {
    (void)napi_create_string_utf8(env, (const char *)out.data, out.size, &text);
  }
  lmdbx_buffer_free(&out);
  return text;
}

napi_status lmdbx__repository_functions(napi_env env, napi_value exports) {
  static const struct {
    const char *name;
    napi_callback function;
  } functions[] = {
      {"open", open},   {"get", get},          {"has", has},     {"delete", delete_},
      {"put", put},     {"putText", put_text}, {"list", list},   {"next", next},
      {"ready", ready}, {"close", close},      {"stats", stats},
  };
  for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
    napi_value function = NULL;
    napi_status status = napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH,
                                              functions[i].function, NULL, &function);
    if (status != napi_ok) return status;
    status = napi_set_named_property(env, exports, functions[i].name, function);
    if (status != napi_ok) return status;
  }
  return napi_ok;
}
