/* What a service in operation asks of a repository: its state, its numbers, backups. */
#include "binding/binding.h"

#include <stdlib.h>

/* ---------------------------------------------------------- state and stats */

/* The repository that a call without a promise is about, or NULL. */
static struct lmdbx_repository *argument_of(napi_env env, napi_callback_info info) {
  napi_value argument = NULL;
  size_t count = 1;
  void *repository = NULL;
  if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL) != napi_ok ||
      napi_get_value_external(env, argument, &repository) != napi_ok) {
    return NULL;
  }
  return repository;
}

static napi_value state(napi_env env, napi_callback_info info) {
  napi_value text = NULL;
  const struct lmdbx_repository *repository = argument_of(env, info);
  if (repository != NULL) {
    (void)napi_create_string_utf8(env, lmdbx_state(repository), NAPI_AUTO_LENGTH, &text);
  }
  return text;
}

static napi_value counters(napi_env env, napi_callback_info info) {
  napi_value text = NULL;
  struct lmdbx_buffer out = {0};
  const struct lmdbx_repository *repository = argument_of(env, info);
  if (repository != NULL && lmdbx_counters(repository, &out) == LMDBX_OK) {
    (void)napi_create_string_utf8(env, (const char *)out.data, out.size, &text);
  }
  lmdbx_buffer_free(&out);
  return text;
}

static int convert_report(struct lmdbx__addon *addon, const struct lmdbx_result *result,
                          napi_value *out, struct lmdbx_error *error) {
  if (napi_create_string_utf8(addon->env, (const char *)result->value.data, result->value.size,
                              out) == napi_ok) {
    return LMDBX_OK;
  }
  return lmdbx_error_set(error, LMDBX_NO_MEMORY, 0, "stats: the engine could not make the result");
}

static void settle_report(void *context, void *user, const struct lmdbx_result *result) {
  lmdbx__settle(context, user, result, convert_report);
}

static napi_value stats(napi_env env, napi_callback_info info) {
  return lmdbx__request_call(env, info, lmdbx_stats, settle_report);
}

/* ------------------------------------------------------------------ backups */

struct backup_handle {
  struct lmdbx_backup *backup; /* NULL once it has been handed back */
};

static void backup_finalize(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  struct backup_handle *handle = data;
  if (handle->backup != NULL) lmdbx_backup_release(handle->backup);
  free(handle);
}

/* Takes the backup over even if it fails. */
static napi_status backup_wrap(napi_env env, struct lmdbx_backup *backup, napi_value *out) {
  napi_status status = napi_generic_failure;
  struct backup_handle *handle = malloc(sizeof *handle);
  if (handle != NULL) {
    handle->backup = backup;
    status = napi_create_external(env, handle, backup_finalize, NULL, out);
  }
  if (status != napi_ok) {
    lmdbx_backup_release(backup);
    free(handle);
  }
  return status;
}

/* What a part of a backup came to: [bytes, total], and if more follows, its handle. */
static int convert_part(struct lmdbx__addon *addon, const struct lmdbx_result *result,
                        napi_value *out, struct lmdbx_error *error) {
  napi_env env = addon->env;
  napi_value items[3] = {NULL, NULL, NULL};
  uint32_t count = result->backup != NULL ? 3 : 2;
  napi_status status =
      result->backup != NULL ? backup_wrap(env, result->backup, &items[2]) : napi_ok;
  if (status == napi_ok) status = napi_create_double(env, (double)result->bytes, &items[0]);
  if (status == napi_ok) status = napi_create_double(env, (double)result->total, &items[1]);
  if (status == napi_ok) status = napi_create_array_with_length(env, count, out);
  for (uint32_t i = 0; i < count && status == napi_ok; i++) {
    status = napi_set_element(env, *out, i, items[i]);
  }
  if (status == napi_ok) return LMDBX_OK;
  return lmdbx_error_set(error, LMDBX_NO_MEMORY, 0, "backup: the engine could not make the result");
}

static void settle_part(void *context, void *user, const struct lmdbx_result *result) {
  lmdbx__settle(context, user, result, convert_part);
}

static int take_target(struct lmdbx__call *call, struct lmdbx_buffer *target, bool *compact,
                       struct lmdbx_error *error) {
  bool well_formed = false;
  target->size = 0;
  int code =
      lmdbx__string_utf8(call->env, &call->addon->types, call->arguments[1], target, &well_formed);
  if (code != LMDBX_OK) return lmdbx_error_set(error, code, 0, "backup: memory ran out; try again");
  if (!well_formed || napi_get_value_bool(call->env, call->arguments[2], compact) != napi_ok) {
    return lmdbx_error_set(error, LMDBX_INVALID_ARGUMENT, 0, "backup: the arguments are not valid");
  }
  return LMDBX_OK;
}

static napi_value backup(napi_env env, napi_callback_info info) {
  struct lmdbx__call call;
  struct lmdbx_error error = {0};
  bool compact = false;
  if (!lmdbx__call_begin(&call, env, info)) return NULL;
  struct lmdbx_buffer *target = &call.addon->value;
  int code = lmdbx__take_repository(&call, &error);
  if (code == LMDBX_OK) code = take_target(&call, target, &compact, &error);
  if (code == LMDBX_OK) code = lmdbx__call_promise(&call, &error);
  if (code == LMDBX_OK) {
    const struct lmdbx_issue issue = lmdbx__call_issue(&call, settle_part);
    code = lmdbx_backup(call.repository, (struct lmdbx_slice){target->data, target->size}, compact,
                        &issue, &error);
  }
  return lmdbx__call_end(&call, code, &error);
}

static napi_value backup_next(napi_env env, napi_callback_info info) {
  struct lmdbx__call call;
  struct lmdbx_error error = {0};
  void *data = NULL;
  bool abandon = false;
  if (!lmdbx__call_begin(&call, env, info)) return NULL;
  int code = LMDBX_OK;
  if (call.addon->host == NULL ||
      napi_get_value_external(env, call.arguments[0], &data) != napi_ok ||
      napi_get_value_bool(env, call.arguments[1], &abandon) != napi_ok ||
      ((struct backup_handle *)data)->backup == NULL) {
    code = lmdbx_error_set(&error, LMDBX_INTERNAL, 0, "backup: its next part is missing");
  } else {
    code = lmdbx__call_promise(&call, &error);
  }
  if (code == LMDBX_OK) {
    struct backup_handle *handle = data;
    const struct lmdbx_issue issue = lmdbx__call_issue(&call, settle_part);
    code = lmdbx_backup_next(handle->backup, abandon, &issue, &error);
    if (code == LMDBX_OK) handle->backup = NULL;
  }
  return lmdbx__call_end(&call, code, &error);
}

/* ------------------------------------------------------------------ commits */

#define NANOSECONDS_PER_MILLISECOND 1e6

/* In a handle scope of its own, and without leaving an exception behind. */
static void tell(void *context, const struct lmdbx_commit *commit) {
  enum { PATH, OPERATIONS, BYTES, MILLISECONDS, TRANSACTIONS, COUNT };
  struct lmdbx__addon *addon = context;
  napi_env env = addon->env;
  napi_handle_scope scope = NULL;
  napi_value arguments[COUNT];
  napi_value callback = NULL;
  napi_value undefined = NULL;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  if (napi_create_string_utf8(env, commit->path, NAPI_AUTO_LENGTH, &arguments[PATH]) != napi_ok ||
      napi_create_double(env, (double)commit->operations, &arguments[OPERATIONS]) != napi_ok ||
      napi_create_double(env, (double)commit->bytes, &arguments[BYTES]) != napi_ok ||
      napi_create_double(env, (double)commit->nanoseconds / NANOSECONDS_PER_MILLISECOND,
                         &arguments[MILLISECONDS]) != napi_ok ||
      napi_create_double(env, (double)commit->transactions, &arguments[TRANSACTIONS]) != napi_ok ||
      napi_get_undefined(env, &undefined) != napi_ok ||
      napi_get_reference_value(env, addon->committed, &callback) != napi_ok ||
      napi_call_function(env, undefined, callback, COUNT, arguments, NULL) != napi_ok) {
    (void)lmdbx__error_take_pending(env);
  }
  (void)napi_close_handle_scope(env, scope);
}

static napi_value watch(napi_env env, napi_callback_info info) {
  struct lmdbx__call call;
  napi_value undefined = NULL;
  napi_valuetype type = napi_undefined;
  if (napi_get_undefined(env, &undefined) != napi_ok || !lmdbx__call_begin(&call, env, info) ||
      call.addon->host == NULL || napi_typeof(env, call.arguments[0], &type) != napi_ok) {
    return undefined;
  }
  struct lmdbx__addon *addon = call.addon;
  lmdbx_host_watch(addon->host, NULL);
  if (addon->committed != NULL) (void)napi_delete_reference(env, addon->committed);
  addon->committed = NULL;
  if (type == napi_function &&
      napi_create_reference(env, call.arguments[0], 1, &addon->committed) == napi_ok) {
    lmdbx_host_watch(addon->host, tell);
  }
  return undefined;
}

napi_status lmdbx__operation_functions(napi_env env, napi_value exports) {
  static const struct lmdbx__function functions[] = {
      {"state", state},   {"counters", counters},      {"stats", stats},
      {"backup", backup}, {"backupNext", backup_next}, {"watch", watch},
      {NULL, NULL},
  };
  return lmdbx__export_functions(env, exports, functions);
}
