/* The life of a repository: an external whose data is the struct lmdbx_repository,
 * and whose finalizer gives the reference back. */
#include "binding/binding.h"

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

static napi_value ready(napi_env env, napi_callback_info info) {
  return lmdbx__request_call(env, info, lmdbx_ready, lmdbx__settle_void);
}

static napi_value close(napi_env env, napi_callback_info info) {
  return lmdbx__request_call(env, info, lmdbx_close, lmdbx__settle_void);
}

static napi_value reset(napi_env env, napi_callback_info info) {
  return lmdbx__request_call(env, info, lmdbx_reset, lmdbx__settle_void);
}

/* mayJoin(repository, other): throws if one commit cannot span both. */
static napi_value may_join(napi_env env, napi_callback_info info) {
  struct lmdbx__call call;
  struct lmdbx_error error = {0};
  void *other = NULL;
  if (!lmdbx__call_begin(&call, env, info)) return NULL;
  int code = lmdbx__take_repository(&call, &error);
  if (code == LMDBX_OK && napi_get_value_external(env, call.arguments[1], &other) == napi_ok) {
    code = lmdbx_may_join(call.repository, other, &error);
  }
  return lmdbx__call_end_throwing(&call, code, &error);
}

napi_status lmdbx__repository_functions(napi_env env, napi_value exports) {
  static const struct lmdbx__function functions[] = {
      {"open", open},        {"ready", ready}, {"close", close}, {"reset", reset},
      {"mayJoin", may_join}, {NULL, NULL},     {NULL, NULL},
  };
  return lmdbx__export_functions(env, exports, functions);
}
