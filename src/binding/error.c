/* Errors of the core as JavaScript errors. */
#include "binding/binding.h"

#include "codec/key.h"

#include <string.h>

napi_value lmdbx__error_take_pending(napi_env env) {
  bool pending = false;
  napi_value exception = NULL;
  if (napi_is_exception_pending(env, &pending) != napi_ok || !pending) return NULL;
  if (napi_get_and_clear_last_exception(env, &exception) != napi_ok) return NULL;
  return exception;
}

static napi_value string_or_undefined(napi_env env, struct lmdbx_slice text) {
  napi_value value = NULL;
  if (text.data == NULL ||
      napi_create_string_utf8(env, (const char *)text.data, text.size, &value) != napi_ok) {
    (void)napi_get_undefined(env, &value);
  }
  return value;
}

/* Tenant id and JSON text of the key, as far as the place names them. */
static void split(struct lmdbx_slice stored, struct lmdbx_slice *tenant, struct lmdbx_slice *key) {
  size_t tenant_size = 0;
  *tenant = *key = (struct lmdbx_slice){0};
  if (stored.size == 0) return;
  if (lmdbx__key_split(stored, &tenant_size)) {
    *tenant = (struct lmdbx_slice){stored.data, tenant_size};
    *key = (struct lmdbx_slice){stored.data + tenant_size + 1, stored.size - tenant_size - 1};
  } else if (stored.data[stored.size - 1] == ':') {
    *tenant = (struct lmdbx_slice){stored.data, stored.size - 1};
  }
}

napi_value lmdbx__error_create(struct lmdbx__addon *addon, const struct lmdbx_error *error,
                               const struct lmdbx__error_place *place) {
  enum { CODE, MESSAGE, PATH, TENANT, KEY, ERRNO, KIND, OPERATION, COUNT };
  napi_env env = addon->env;
  napi_value arguments[COUNT];
  napi_value create = NULL;
  napi_value undefined = NULL;
  napi_value created = NULL;
  struct lmdbx_slice tenant;
  struct lmdbx_slice key;
  split(place->key, &tenant, &key);
  const char *name = lmdbx_code_name(error->code);
  const struct lmdbx_slice path = {(const uint8_t *)place->path,
                                   place->path != NULL ? strlen(place->path) : 0};
  arguments[CODE] =
      string_or_undefined(env, (struct lmdbx_slice){(const uint8_t *)name, strlen(name)});
  arguments[MESSAGE] = string_or_undefined(
      env, (struct lmdbx_slice){(const uint8_t *)error->message, strlen(error->message)});
  arguments[PATH] = string_or_undefined(env, path);
  arguments[TENANT] = string_or_undefined(env, tenant);
  arguments[KEY] = string_or_undefined(env, key);
  if (napi_create_int32(env, error->errnum, &arguments[ERRNO]) != napi_ok ||
      napi_create_int32(env, (int32_t)lmdbx_code_kind(error->code), &arguments[KIND]) != napi_ok ||
      napi_create_uint32(env, (uint32_t)place->operation, &arguments[OPERATION]) != napi_ok ||
      napi_get_undefined(env, &undefined) != napi_ok ||
      napi_get_reference_value(env, addon->create_error, &create) != napi_ok ||
      napi_call_function(env, undefined, create, COUNT, arguments, &created) != napi_ok) {
    return lmdbx__error_take_pending(env);
  }
  return created;
}
