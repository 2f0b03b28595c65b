/* Scans in the hands of JavaScript. */
#include "binding/binding.h"

#include <stdlib.h>

struct scan_handle {
  struct lmdbx_scan *scan; /* NULL once it has been handed back */
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

static napi_value next(napi_env env, napi_callback_info info) {
  struct lmdbx__call call;
  struct lmdbx_error error = {0};
  void *data = NULL;
  if (!lmdbx__call_begin(&call, env, info)) return NULL;
  int code = LMDBX_OK;
  if (napi_get_value_external(env, call.arguments[0], &data) != napi_ok) {
    code = lmdbx_error_set(&error, LMDBX_INTERNAL, 0, "list: the scan is missing");
  } else {
    code = lmdbx__call_promise(&call, &error);
  }
  if (code == LMDBX_OK) {
    struct scan_handle *handle = data;
    const struct lmdbx_issue issue = lmdbx__call_issue(&call, lmdbx__settle_page);
    code = lmdbx_scan_next(handle->scan, &issue, &error);
    if (code == LMDBX_OK) handle->scan = NULL;
  }
  return lmdbx__call_end(&call, code, &error);
}

napi_status lmdbx__scan_functions(napi_env env, napi_value exports) {
  static const struct lmdbx__function functions[] = {{"next", next}, {NULL, NULL}};
  return lmdbx__export_functions(env, exports, functions);
}
