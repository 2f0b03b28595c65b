/* Objects: what they are, and those that are not containers. */
#include "binding/value_state.h"
#include "codec/msgpack_writer.h"

/* The answers of classify in lib/values.js. */
enum object_class {
  CLASS_FIELDS,
  CLASS_ARRAY,
  CLASS_DATE,
  CLASS_ARRAY_BUFFER,
  CLASS_MAP,
  CLASS_SET,
  CLASS_TO_JSON,
  CLASS_TYPED_ARRAY = 16 /* plus enum lmdbx_typed_array */
};

#define REASON_SIZE 160

int lmdbx__encode_call(struct lmdbx__encoding *encoding, napi_ref helper, size_t count,
                       const napi_value *arguments, napi_value *out) {
  napi_value function = NULL;
  napi_value undefined = NULL;
  encoding->handles += 3;
  if (napi_get_reference_value(encoding->env, helper, &function) != napi_ok ||
      napi_get_undefined(encoding->env, &undefined) != napi_ok ||
      napi_call_function(encoding->env, undefined, function, count, arguments, out) != napi_ok) {
    return lmdbx__encode_engine_failed(encoding);
  }
  return LMDBX_OK;
}

static int encode_buffer(struct lmdbx__encoding *encoding, const struct lmdbx__place *at,
                         uint32_t class) {
  void *data = NULL;
  size_t size = 0;
  napi_status status;
  if (class == CLASS_ARRAY_BUFFER) {
    status = napi_get_arraybuffer_info(encoding->env, at->value, &data, &size);
  } else if (class == CLASS_TYPED_ARRAY + LMDBX_DATA_VIEW) {
    status = napi_get_dataview_info(encoding->env, at->value, &size, &data, NULL, NULL);
  } else {
    status = napi_get_typedarray_info(encoding->env, at->value, NULL, &size, &data, NULL, NULL);
    size *= lmdbx__typed_array_element_size(class - CLASS_TYPED_ARRAY);
  }
  if (status != napi_ok) return lmdbx__encode_engine_failed(encoding);
  struct lmdbx_slice bytes = {data, size};
  bool bin = class == CLASS_ARRAY_BUFFER || class == CLASS_TYPED_ARRAY + LMDBX_UINT8_ARRAY;
  int code = bin ? lmdbx__pack_bytes(encoding->out, bytes)
                 : lmdbx__pack_typed_array(encoding->out, class - CLASS_TYPED_ARRAY, bytes);
  return lmdbx__encode_written(encoding, code);
}

static int encode_date(struct lmdbx__encoding *encoding, const struct lmdbx__place *at) {
  double milliseconds = 0;
  if (napi_get_date_value(encoding->env, at->value, &milliseconds) != napi_ok) {
    return lmdbx__encode_engine_failed(encoding);
  }
  return lmdbx__encode_written(encoding, lmdbx__pack_date(encoding->out, milliseconds));
}

/* What toJSON is called with: the name of the field as JSON.stringify gives it. */
static int key_text(struct lmdbx__encoding *encoding, const struct lmdbx__place *at,
                    napi_value *out) {
  napi_value index = NULL;
  napi_status status;
  if (at->parent != NULL && at->step == LMDBX__STEP_FIELD) {
    *out = at->key;
    return LMDBX_OK;
  }
  encoding->handles += 2;
  if (at->parent == NULL) {
    status = napi_create_string_utf8(encoding->env, "", 0, out);
  } else {
    status = napi_create_uint32(encoding->env, at->index, &index);
    if (status == napi_ok) status = napi_coerce_to_string(encoding->env, index, out);
  }
  return status == napi_ok ? LMDBX_OK : lmdbx__encode_engine_failed(encoding);
}

static int encode_to_json(struct lmdbx__encoding *encoding, struct lmdbx__place *at) {
  napi_value arguments[2] = {at->value, NULL};
  napi_value result = NULL;
  int code = key_text(encoding, at, &arguments[1]);
  if (code == LMDBX_OK) {
    code = lmdbx__encode_call(encoding, encoding->types->call_to_json, 2, arguments, &result);
  }
  if (code != LMDBX_OK) return code;
  at->value = result;
  return lmdbx__encode_item(encoding, at, false);
}

/* Asks lib/values.js what an object is. A reason to refuse it is described. */
static int classify(struct lmdbx__encoding *encoding, const struct lmdbx__place *at, bool may_call,
                    uint32_t *class) {
  napi_value arguments[2] = {at->value, NULL};
  napi_value answer = NULL;
  encoding->handles++;
  if (napi_get_boolean(encoding->env, may_call, &arguments[1]) != napi_ok) {
    return lmdbx__encode_engine_failed(encoding);
  }
  int code = lmdbx__encode_call(encoding, encoding->types->classify, 2, arguments, &answer);
  if (code != LMDBX_OK) return code;
  if (napi_get_value_uint32(encoding->env, answer, class) == napi_ok) return LMDBX_OK;
  char reason[REASON_SIZE] = "";
  size_t size = 0;
  if (napi_get_value_string_utf8(encoding->env, answer, reason, sizeof reason, &size) != napi_ok) {
    return lmdbx__encode_engine_failed(encoding);
  }
  return lmdbx__encode_refuse(encoding, at, "%s", reason);
}

static int encode_class(struct lmdbx__encoding *encoding, struct lmdbx__place *at, uint32_t class) {
  switch (class) {
  case CLASS_FIELDS: return lmdbx__encode_fields(encoding, at);
  case CLASS_ARRAY: return lmdbx__encode_array(encoding, at);
  case CLASS_DATE: return encode_date(encoding, at);
  case CLASS_MAP:
  case CLASS_SET: return lmdbx__encode_map_or_set(encoding, at, class == CLASS_MAP);
  case CLASS_TO_JSON: return encode_to_json(encoding, at);
  default: return encode_buffer(encoding, at, class);
  }
}

/* Whether an object is plain by its prototype, and has no toJSON to call. */
static int is_plain(struct lmdbx__encoding *encoding, const struct lmdbx__place *at, bool may_call,
                    bool *plain) {
  napi_env env = encoding->env;
  napi_value prototype = NULL;
  napi_value to_json = NULL;
  napi_valuetype type = napi_undefined;
  encoding->handles += 2;
  if (napi_get_prototype(env, at->value, &prototype) != napi_ok ||
      napi_strict_equals(env, prototype, encoding->object_prototype, plain) != napi_ok) {
    return lmdbx__encode_engine_failed(encoding);
  }
  if (!*plain || !may_call) return LMDBX_OK;
  if (napi_get_property(env, at->value, encoding->to_json_name, &to_json) != napi_ok ||
      napi_typeof(env, to_json, &type) != napi_ok) {
    return lmdbx__encode_engine_failed(encoding);
  }
  *plain = type != napi_function;
  return LMDBX_OK;
}

int lmdbx__encode_object(struct lmdbx__encoding *encoding, struct lmdbx__place *at, bool may_call) {
  bool array = false;
  bool plain = false;
  uint32_t class = CLASS_FIELDS;
  size_t start = encoding->out->size;
  if (napi_is_array(encoding->env, at->value, &array) != napi_ok) {
    return lmdbx__encode_engine_failed(encoding);
  }
  if (array) return lmdbx__encode_array(encoding, at);
  int code = is_plain(encoding, at, may_call, &plain);
  if (code == LMDBX_OK && plain) {
    code = lmdbx__encode_fields(encoding, at);
    /* Without fields it may be anything that was given this prototype. */
    if (code != LMDBX_OK || encoding->out->size - start > 1) return code;
    encoding->out->size = start;
  }
  if (code == LMDBX_OK) code = classify(encoding, at, may_call, &class);
  return code == LMDBX_OK ? encode_class(encoding, at, class) : code;
}
