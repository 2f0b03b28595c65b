/* Point operations: get, has, delete, put, and lists that may be answered at once. */
#include "binding/binding.h"

#include "codec/json.h"

/* What a call answers when its slot's promise will be settled; when the packing tape
 * does not do. lib/repository.js has the same numbers. */
#define ANSWER_PENDING 0
#define ANSWER_UNFIT 1

/* Answers on this thread if that can be done without waiting. */
static bool answer_now(struct lmdbx__call *call, const struct lmdbx__point *point,
                       struct lmdbx_slice key, int *code, struct lmdbx_error *error) {
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

static int answer_number(struct lmdbx__call *call, uint32_t number, struct lmdbx_error *error) {
  if (napi_create_uint32(call->env, number, &call->promise) == napi_ok) return LMDBX_OK;
  return lmdbx_error_set(error, LMDBX_NO_MEMORY, 0, "the engine could not make an answer");
}

/* get, has, delete: repository, key, slot. */
static napi_value point_call(napi_env env, napi_callback_info info,
                             const struct lmdbx__point *point) {
  struct lmdbx__call call;
  struct lmdbx_error error = {0};
  struct lmdbx_slice key = {0};
  if (!lmdbx__call_begin(&call, env, info)) return NULL;
  int code = lmdbx__take_slot(&call, &error);
  if (code == LMDBX_OK) code = lmdbx__take_key(&call, &key, &error);
  if (code == LMDBX_OK && !answer_now(&call, point, key, &code, &error)) {
    const struct lmdbx_issue issue = lmdbx__call_issue(&call, point->done);
    code = point->request(call.repository, key, &issue, &error);
    if (code == LMDBX_OK) code = answer_number(&call, ANSWER_PENDING, &error);
  }
  return lmdbx__call_end(&call, code, &error);
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
  static const struct lmdbx__point point = {lmdbx_get, lmdbx__settle_slot_value, get_now,
                                            lmdbx__convert_value};
  return point_call(env, info, &point);
}

static napi_value has(napi_env env, napi_callback_info info) {
  static const struct lmdbx__point point = {lmdbx_has, lmdbx__settle_slot_boolean, has_now,
                                            lmdbx__convert_boolean};
  return point_call(env, info, &point);
}

static napi_value delete_(napi_env env, napi_callback_info info) {
  static const struct lmdbx__point point = {lmdbx_delete, lmdbx__settle_slot_boolean, NULL, NULL};
  return point_call(env, info, &point);
}

napi_value lmdbx__promise_call(napi_env env, napi_callback_info info,
                               const struct lmdbx__point *point) {
  struct lmdbx__call call;
  struct lmdbx_error error = {0};
  struct lmdbx_slice key = {0};
  if (!lmdbx__call_begin(&call, env, info)) return NULL;
  int code = lmdbx__take_key(&call, &key, &error);
  if (code != LMDBX_OK || answer_now(&call, point, key, &code, &error)) {
    return lmdbx__call_end(&call, code, &error);
  }
  code = lmdbx__call_promise(&call, &error);
  if (code == LMDBX_OK) {
    const struct lmdbx_issue issue = lmdbx__call_issue(&call, point->done);
    code = point->request(call.repository, key, &issue, &error);
  }
  return lmdbx__call_end(&call, code, &error);
}

static napi_value clear(napi_env env, napi_callback_info info) {
  static const struct lmdbx__point point = {lmdbx_clear, lmdbx__settle_removed, NULL, NULL};
  return lmdbx__promise_call(env, info, &point);
}

/* ---------------------------------------------------------------------- puts */

/* repository, key, slot, and what `encode` takes. Encodes first, into memory of our
 * own; the core looks at the repository's state afterwards, since getters and toJSON
 * may have closed it. The scratch buffer is taken for the call: such code may also
 * call put. */
static napi_value put_call(napi_env env, napi_callback_info info,
                           int (*encode)(struct lmdbx__call *, napi_value, struct lmdbx_buffer *,
                                         struct lmdbx_error *)) {
  struct lmdbx__call call;
  struct lmdbx_error error = {0};
  struct lmdbx_slice key = {0};
  if (!lmdbx__call_begin(&call, env, info)) return NULL;
  struct lmdbx__addon *addon = call.addon;
  struct lmdbx_buffer value = addon->value;
  addon->value = (struct lmdbx_buffer){0};
  value.size = 0;
  int code = lmdbx__take_slot(&call, &error);
  if (code == LMDBX_OK) code = lmdbx__take_repository(&call, &error);
  if (code == LMDBX_OK) code = encode(&call, call.arguments[3], &value, &error);
  if (code == LMDBX__TAPE_UNFIT) {
    code = answer_number(&call, ANSWER_UNFIT, &error);
  } else if (code != LMDBX__JS_EXCEPTION) {
    /* The key also of a value that was refused: its error has it. */
    struct lmdbx_error key_error = {0};
    int key_code = lmdbx__take_key(&call, &key, &key_error);
    if (code == LMDBX_OK && key_code != LMDBX_OK) {
      code = key_code;
      error = key_error;
    }
    if (code == LMDBX_OK) {
      const struct lmdbx_issue issue = lmdbx__call_issue(&call, lmdbx__settle_slot);
      code = lmdbx_put_buffer(call.repository, key, &value, &issue, &error);
      if (code == LMDBX_OK) code = answer_number(&call, ANSWER_PENDING, &error);
    }
  }
  lmdbx_buffer_free(&addon->value);
  addon->value = value;
  return lmdbx__call_end(&call, code, &error);
}

/* No code of the user's runs. */
int lmdbx__take_tape(struct lmdbx__call *call, napi_value text, struct lmdbx_buffer *out,
                     struct lmdbx_error *error) {
  struct lmdbx__addon *addon = call->addon;
  addon->key.size = 0; /* scratch; the key is taken afterwards */
  int code = lmdbx__value_tape_pack(&addon->tape, &addon->types, text, &addon->key, out);
  if (code == LMDBX_OK || code == LMDBX__TAPE_UNFIT) return code;
  if (code == LMDBX_VALUE_TOO_LARGE) return LMDBX__TAPE_UNFIT; /* the walk says it in full */
  return lmdbx_error_set(error, code, 0,
                         "put: the value could not be encoded; nothing was written");
}

int lmdbx__take_value(struct lmdbx__call *call, napi_value value, struct lmdbx_buffer *out,
                      struct lmdbx_error *error) {
  return lmdbx__value_encode(call->env, &call->addon->types, value, out, error);
}

int lmdbx__take_text(struct lmdbx__call *call, napi_value text, struct lmdbx_buffer *out,
                     struct lmdbx_error *error) {
  bool well_formed = false;
  int code = lmdbx__string_utf8(call->env, &call->addon->types, text, out, &well_formed);
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
  return put_call(env, info, lmdbx__take_tape);
}

static napi_value put_value(napi_env env, napi_callback_info info) {
  return put_call(env, info, lmdbx__take_value);
}

static napi_value put_text(napi_env env, napi_callback_info info) {
  return put_call(env, info, lmdbx__take_text);
}

/* The next name of the packing tape; false: no more. */
static napi_value define_name(napi_env env, napi_callback_info info) {
  struct lmdbx__call call;
  napi_value answer = NULL;
  bool well_formed = false;
  if (!lmdbx__call_begin(&call, env, info)) return NULL;
  struct lmdbx_buffer *name = &call.addon->key;
  name->size = 0;
  bool defined = lmdbx__string_utf8(env, &call.addon->types, call.arguments[0], name,
                                    &well_formed) == LMDBX_OK &&
                 well_formed &&
                 lmdbx__tape_name_add(&call.addon->tape.names,
                                      (struct lmdbx_slice){name->data, name->size}) == LMDBX_OK;
  return napi_get_boolean(env, defined, &answer) == napi_ok ? answer : NULL;
}

/* Where a text, which JSON.parse has refused, stops being JSON: in bytes. */
static napi_value json_position(napi_env env, napi_callback_info info) {
  struct lmdbx__call call;
  napi_value answer = NULL;
  bool well_formed = false;
  size_t position = 0;
  if (!lmdbx__call_begin(&call, env, info)) return NULL;
  struct lmdbx_buffer text = {0};
  if (lmdbx__string_utf8(env, &call.addon->types, call.arguments[0], &text, &well_formed) ==
      LMDBX_OK) {
    (void)lmdbx__json_valid((struct lmdbx_slice){text.data, text.size}, &position);
  }
  lmdbx_buffer_free(&text);
  return napi_create_double(env, (double)position, &answer) == napi_ok ? answer : NULL;
}

napi_status lmdbx__point_functions(napi_env env, napi_value exports) {
  static const struct lmdbx__function functions[] = {
      {"get", get},
      {"has", has},
      {"delete", delete_},
      {"put", put},
      {"putValue", put_value},
      {"putText", put_text},
      {"clear", clear},
      {"defineName", define_name},
      {"jsonPosition", json_position},
      {NULL, NULL},
  };
  return lmdbx__export_functions(env, exports, functions);
}
