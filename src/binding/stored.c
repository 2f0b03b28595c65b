/*
 * Values as bytes in the hands of JavaScript: read as they are stored, encoded
 * ahead of a commit, decoded. And checkpoints, which are stored values of a kind
 * of their own.
 */
#include "binding/binding.h"

#include "codec/frame.h"

/* --------------------------------------------------------------- converting */

static int engine_refused(struct lmdbx_error *error) {
  return lmdbx_error_set(error, LMDBX_NO_MEMORY, 0, "the engine could not make the result");
}

static int bytes_to_buffer(napi_env env, struct lmdbx_slice bytes, napi_value *out,
                           struct lmdbx_error *error) {
  return napi_create_buffer_copy(env, bytes.size, bytes.data, NULL, out) == napi_ok
             ? LMDBX_OK
             : engine_refused(error);
}

static int convert_stored(struct lmdbx__addon *addon, const struct lmdbx_result *result,
                          napi_value *out, struct lmdbx_error *error) {
  if (!result->found) return lmdbx__convert_void(addon, result, out, error);
  return bytes_to_buffer(addon->env, result->value, out, error);
}

static int convert_position(struct lmdbx__addon *addon, const struct lmdbx_result *result,
                            napi_value *out, struct lmdbx_error *error) {
  if (!result->found) return lmdbx__convert_void(addon, result, out, error);
  return lmdbx__value_decode(addon->env, &addon->types, result->value, out, error);
}

/* One array: name, position, name, position ... */
static int convert_checkpoints(struct lmdbx__addon *addon, const struct lmdbx_result *result,
                               napi_value *out, struct lmdbx_error *error) {
  napi_env env = addon->env;
  struct lmdbx_slice left = result->value;
  struct lmdbx_slice name;
  struct lmdbx_slice position;
  uint32_t count = 0;
  if (napi_create_array(env, out) != napi_ok) return engine_refused(error);
  while (lmdbx_checkpoints_next(&left, &name, &position)) {
    napi_value text = NULL;
    napi_value value = NULL;
    int code = lmdbx__value_decode(env, &addon->types, position, &value, error);
    if (code != LMDBX_OK) return code;
    if (napi_create_string_utf8(env, (const char *)name.data, name.size, &text) != napi_ok ||
        napi_set_element(env, *out, count++, text) != napi_ok ||
        napi_set_element(env, *out, count++, value) != napi_ok) {
      return engine_refused(error);
    }
  }
  return LMDBX_OK;
}

static void settle_stored(void *context, void *user, const struct lmdbx_result *result) {
  lmdbx__settle(context, user, result, convert_stored);
}

static void settle_position(void *context, void *user, const struct lmdbx_result *result) {
  lmdbx__settle(context, user, result, convert_position);
}

static void settle_checkpoints(void *context, void *user, const struct lmdbx_result *result) {
  lmdbx__settle(context, user, result, convert_checkpoints);
}

/* ------------------------------------------------------------------ reading */

static napi_value get_stored(napi_env env, napi_callback_info info) {
  static const struct lmdbx__point point = {lmdbx_get_stored, settle_stored, lmdbx_stored_now,
                                            convert_stored};
  return lmdbx__promise_call(env, info, &point);
}

static napi_value get_checkpoint(napi_env env, napi_callback_info info) {
  static const struct lmdbx__point point = {lmdbx_get_checkpoint, settle_position, NULL,
                                            convert_position};
  return lmdbx__promise_call(env, info, &point);
}

static napi_value checkpoints(napi_env env, napi_callback_info info) {
  return lmdbx__request_call(env, info, lmdbx_checkpoints, settle_checkpoints);
}

/* ------------------------------------------------------ encoding, decoding */

/* For errors: the key, if there is one, as it stands in scratch. */
static void name_key(struct lmdbx__call *call, napi_value key) {
  struct lmdbx_buffer *scratch = &call->addon->key;
  scratch->size = 0;
  if (key == NULL || lmdbx__take_key_text(call, key, scratch, NULL) != LMDBX_OK) return;
  call->key = (struct lmdbx_slice){scratch->data, scratch->size};
}

/* The scratch buffer is taken for the call: getters may call back. */
static napi_value encode_call(napi_env env, napi_callback_info info,
                              int (*take)(struct lmdbx__call *, napi_value, struct lmdbx_buffer *,
                                          struct lmdbx_error *)) {
  struct lmdbx__call call;
  struct lmdbx_error error = {0};
  if (!lmdbx__call_begin(&call, env, info)) return NULL;
  int code = lmdbx__take_repository(&call, &error);
  if (code == LMDBX_OK) {
    struct lmdbx__addon *addon = call.addon;
    struct lmdbx_buffer value = addon->value;
    addon->value = (struct lmdbx_buffer){0};
    value.size = 0;
    code = take(&call, call.arguments[1], &value, &error);
    const struct lmdbx_slice bytes = {value.data, value.size};
    if (code == LMDBX_OK) {
      code = bytes_to_buffer(env, bytes, &call.promise, &error);
    } else if (code == LMDBX__TAPE_UNFIT) {
      code = LMDBX_OK; /* answers undefined */
    } else if (code > LMDBX_OK) {
      name_key(&call, call.arguments[2]);
    }
    lmdbx_buffer_free(&addon->value);
    addon->value = value;
  }
  return lmdbx__call_end_throwing(&call, code, &error);
}

static napi_value encode(napi_env env, napi_callback_info info) {
  return encode_call(env, info, lmdbx__take_tape);
}

static napi_value encode_value(napi_env env, napi_callback_info info) {
  return encode_call(env, info, lmdbx__take_value);
}

static napi_value encode_text(napi_env env, napi_callback_info info) {
  return encode_call(env, info, lmdbx__take_text);
}

/* decode(repository, bytes, stored): stored bytes may be a frame. */
static napi_value decode(napi_env env, napi_callback_info info) {
  struct lmdbx__call call;
  struct lmdbx_error error = {0};
  struct lmdbx_buffer plain = {0};
  void *data = NULL;
  size_t size = 0;
  bool stored = false;
  if (!lmdbx__call_begin(&call, env, info)) return NULL;
  int code = lmdbx__take_repository(&call, &error);
  if (code == LMDBX_OK && (napi_get_buffer_info(env, call.arguments[1], &data, &size) != napi_ok ||
                           napi_get_value_bool(env, call.arguments[2], &stored) != napi_ok)) {
    code = lmdbx_error_set(&error, LMDBX_INTERNAL, 0, "decoding: there are no bytes");
  }
  struct lmdbx_slice bytes = {data, size};
  if (code == LMDBX_OK && stored && lmdbx__frame_is(bytes)) {
    code = lmdbx__frame_unpack(bytes, LMDBX_MAX_VALUE_SIZE, &plain, &error);
    bytes = (struct lmdbx_slice){plain.data, plain.size};
  }
  if (code == LMDBX_OK) {
    const struct lmdbx_result result = {
        .repository = call.repository, .found = true, .value = bytes};
    code = lmdbx__convert_value(call.addon, &result, &call.promise, &error);
  }
  if (code > LMDBX_OK) name_key(&call, call.arguments[3]);
  lmdbx_buffer_free(&plain);
  return lmdbx__call_end_throwing(&call, code, &error);
}

napi_status lmdbx__stored_functions(napi_env env, napi_value exports) {
  static const struct lmdbx__function functions[] = {
      {"getStored", get_stored},
      {"getCheckpoint", get_checkpoint},
      {"checkpoints", checkpoints},
      {"encode", encode},
      {"encodeValue", encode_value},
      {"encodeText", encode_text},
      {"decode", decode},
      {NULL, NULL},
  };
  return lmdbx__export_functions(env, exports, functions);
}
