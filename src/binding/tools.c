/* What the tools of lib/cli call: synchronous, for processes that do nothing else. */
#include "binding/binding.h"

#include <stdlib.h>

#define MAX_PATH_SIZE 4096
#define NOT_READING (-1.0)

/* Appends to an array of [pid, transaction or -1, stale], until something fails. */
struct collection {
  napi_env env;
  napi_value array;
  uint32_t count;
  napi_status status;
};

static void collect(void *context, const struct lmdbx_reader *reader) {
  struct collection *list = context;
  napi_value slot = NULL;
  napi_value pid = NULL;
  napi_value transaction = NULL;
  napi_value stale = NULL;
  if (list->status == napi_ok) list->status = napi_create_array_with_length(list->env, 3, &slot);
  if (list->status == napi_ok) list->status = napi_create_int64(list->env, reader->pid, &pid);
  if (list->status == napi_ok)
    list->status = napi_create_double(
        list->env, reader->reading ? (double)reader->txn_id : NOT_READING, &transaction);
  if (list->status == napi_ok) list->status = napi_get_boolean(list->env, reader->stale, &stale);
  if (list->status == napi_ok) list->status = napi_set_element(list->env, slot, 0, pid);
  if (list->status == napi_ok) list->status = napi_set_element(list->env, slot, 1, transaction);
  if (list->status == napi_ok) list->status = napi_set_element(list->env, slot, 2, stale);
  if (list->status == napi_ok)
    list->status = napi_set_element(list->env, list->array, list->count++, slot);
}

static napi_value throw_error(struct lmdbx__addon *addon, const struct lmdbx_error *error,
                              const char *path) {
  const struct lmdbx__error_place place = {.path = path};
  napi_value exception = lmdbx__error_create(addon, error, &place);
  if (exception != NULL) (void)napi_throw(addon->env, exception);
  return NULL;
}

/* readers(path: string, clearStale: boolean): [cleared, [pid, transaction, stale][]] */
static napi_value readers(napi_env env, napi_callback_info info) {
  char path[MAX_PATH_SIZE];
  size_t count = 2;
  size_t size = 0;
  napi_value arguments[2] = {NULL, NULL};
  napi_value result = NULL;
  napi_value number = NULL;
  bool clear = false;
  unsigned cleared = 0;
  void *addon = NULL;
  struct lmdbx_error error = {0};
  struct collection list = {.env = env};
  if (napi_get_instance_data(env, &addon) != napi_ok || addon == NULL) return NULL;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok ||
      napi_get_value_string_utf8(env, arguments[0], path, sizeof path, &size) != napi_ok ||
      size >= sizeof path - 1 || napi_get_value_bool(env, arguments[1], &clear) != napi_ok) {
    lmdbx_error_set(&error, LMDBX_INVALID_ARGUMENT, 0, "readers: give a path and a boolean");
    return throw_error(addon, &error, NULL);
  }
  list.status = napi_create_array(env, &list.array);
  if (lmdbx_readers(path, clear, collect, &list, &cleared, &error) != LMDBX_OK)
    return throw_error(addon, &error, path);
  if (list.status != napi_ok || napi_create_uint32(env, cleared, &number) != napi_ok ||
      napi_create_array_with_length(env, 2, &result) != napi_ok ||
      napi_set_element(env, result, 0, number) != napi_ok ||
      napi_set_element(env, result, 1, list.array) != napi_ok) {
    lmdbx_error_set(&error, LMDBX_NO_MEMORY, 0, "readers: memory ran out");
    return throw_error(addon, &error, path);
  }
  return result;
}

napi_status lmdbx__tool_functions(napi_env env, napi_value exports) {
  static const struct lmdbx__function functions[] = {{"readers", readers}, {NULL, NULL}};
  return lmdbx__export_functions(env, exports, functions);
}
