/* Builds JavaScript values for the msgpack reader. */
#include "binding/value.h"
#include "codec/msgpack_reader.h"

#include <stdlib.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "typed arrays are stored little endian and copied as they are"
#endif

/* Fields that are defined in one call. */
#define FIELDS_AT_ONCE 32
/* Names of fields whose handles pile up before they are dropped at once. */
#define NAMES_KEPT 256

/* Bytes of text that is transcoded without memory of its own. */
#define SHORT_TEXT 4096

/* Engines take several times as long for UTF-8 as for what they keep strings in. */
napi_status lmdbx__text_create(napi_env env, struct lmdbx_slice text, enum lmdbx__text_width width,
                               napi_value *out) {
  const char *data = (const char *)text.data;
  uint16_t few[SHORT_TEXT];
  if (width == LMDBX__TEXT_ASCII) return napi_create_string_latin1(env, data, text.size, out);
  uint16_t *units = text.size <= SHORT_TEXT ? few : malloc(text.size * sizeof *units);
  if (units == NULL) return napi_create_string_utf8(env, data, text.size, out);
  napi_status status;
  if (width == LMDBX__TEXT_LATIN1) {
    size_t length = lmdbx__utf8_to_latin1(text, (uint8_t *)units);
    status = napi_create_string_latin1(env, (const char *)units, length, out);
  } else {
    status = napi_create_string_utf16(env, units, lmdbx__utf8_to_utf16(text, units), out);
  }
  if (units != few) free(units);
  return status;
}

struct decoding {
  napi_env env;
  struct lmdbx__value_types *types;
  struct lmdbx_error *error;
  size_t names; /* handles of names in the caller's scope */
};

/* The reader's code for the status of the engine's call. */
static int engine(struct decoding *decoding, napi_status status) {
  if (status == napi_ok) return LMDBX_OK;
  bool pending = false;
  (void)napi_is_exception_pending(decoding->env, &pending);
  if (pending) return LMDBX__JS_EXCEPTION;
  return lmdbx_error_set(decoding->error, LMDBX_NO_MEMORY, 0,
                         "building the value: the JavaScript engine could not create a part of it");
}

static int build_nil(void *context, lmdbx_value *out) {
  struct decoding *decoding = context;
  napi_value value = NULL;
  int code = engine(decoding, napi_get_null(decoding->env, &value));
  *out = value;
  return code;
}

static int build_undefined(void *context, lmdbx_value *out) {
  struct decoding *decoding = context;
  napi_value value = NULL;
  int code = engine(decoding, napi_get_undefined(decoding->env, &value));
  *out = value;
  return code;
}

static int build_boolean(void *context, bool boolean, lmdbx_value *out) {
  struct decoding *decoding = context;
  napi_value value = NULL;
  int code = engine(decoding, napi_get_boolean(decoding->env, boolean, &value));
  *out = value;
  return code;
}

static int build_integer(void *context, int64_t integer, lmdbx_value *out) {
  struct decoding *decoding = context;
  napi_value value = NULL;
  int code = engine(decoding, napi_create_int64(decoding->env, integer, &value));
  *out = value;
  return code;
}

static int build_number(void *context, double number, lmdbx_value *out) {
  struct decoding *decoding = context;
  napi_value value = NULL;
  int code = engine(decoding, napi_create_double(decoding->env, number, &value));
  *out = value;
  return code;
}

static int build_bigint_signed(void *context, int64_t integer, lmdbx_value *out) {
  struct decoding *decoding = context;
  napi_value value = NULL;
  int code = engine(decoding, napi_create_bigint_int64(decoding->env, integer, &value));
  *out = value;
  return code;
}

static int build_bigint_unsigned(void *context, uint64_t integer, lmdbx_value *out) {
  struct decoding *decoding = context;
  napi_value value = NULL;
  int code = engine(decoding, napi_create_bigint_uint64(decoding->env, integer, &value));
  *out = value;
  return code;
}

static int build_date(void *context, double milliseconds, lmdbx_value *out) {
  struct decoding *decoding = context;
  napi_value value = NULL;
  int code = engine(decoding, napi_create_date(decoding->env, milliseconds, &value));
  *out = value;
  return code;
}

static int build_string(void *context, struct lmdbx_slice text, lmdbx_value *out) {
  struct decoding *decoding = context;
  struct lmdbx__text_look look;
  napi_value value = NULL;
  (void)lmdbx__utf8_look(text, &look, NULL); /* the reader has: it is well formed */
  int code = engine(decoding, lmdbx__text_create(decoding->env, text, look.width, &value));
  *out = value;
  return code;
}

static int build_bytes(void *context, struct lmdbx_slice bytes, lmdbx_value *out) {
  struct decoding *decoding = context;
  napi_value value = NULL;
  int code = engine(decoding,
                    napi_create_buffer_copy(decoding->env, bytes.size, bytes.data, NULL, &value));
  *out = value;
  return code;
}

static int build_typed_array(void *context, enum lmdbx_typed_array type,
                             struct lmdbx_slice elements, lmdbx_value *out) {
  static const napi_typedarray_type types[LMDBX_DATA_VIEW] = {
      [LMDBX_INT8_ARRAY] = napi_int8_array,
      [LMDBX_UINT8_ARRAY] = napi_uint8_array,
      [LMDBX_UINT8_CLAMPED_ARRAY] = napi_uint8_clamped_array,
      [LMDBX_INT16_ARRAY] = napi_int16_array,
      [LMDBX_UINT16_ARRAY] = napi_uint16_array,
      [LMDBX_INT32_ARRAY] = napi_int32_array,
      [LMDBX_UINT32_ARRAY] = napi_uint32_array,
      [LMDBX_FLOAT32_ARRAY] = napi_float32_array,
      [LMDBX_FLOAT64_ARRAY] = napi_float64_array,
      [LMDBX_BIGINT64_ARRAY] = napi_bigint64_array,
      [LMDBX_BIGUINT64_ARRAY] = napi_biguint64_array,
  };
  struct decoding *decoding = context;
  napi_env env = decoding->env;
  napi_value buffer = NULL;
  napi_value value = NULL;
  void *data = NULL;
  napi_status status = napi_create_arraybuffer(env, elements.size, &data, &buffer);
  if (status != napi_ok) return engine(decoding, status);
  if (elements.size > 0) memcpy(data, elements.data, elements.size);
  if (type == LMDBX_DATA_VIEW) {
    status = napi_create_dataview(env, elements.size, buffer, 0, &value);
  } else {
    size_t length = elements.size / lmdbx__typed_array_element_size(type);
    status = napi_create_typedarray(env, types[type], length, buffer, 0, &value);
  }
  *out = value;
  return engine(decoding, status);
}

static int build_array(void *context, const lmdbx_value *items, size_t count, lmdbx_value *out) {
  struct decoding *decoding = context;
  napi_value array = NULL;
  napi_status status = napi_create_array_with_length(decoding->env, count, &array);
  for (size_t at = 0; at < count && status == napi_ok; at++) {
    status = napi_set_element(decoding->env, array, (uint32_t)at, items[at]);
  }
  *out = array;
  return engine(decoding, status);
}

/* Defines fields rather than setting them: `__proto__` is a field like others,
 * and a repeated name keeps its first place and takes its last value, as with
 * JSON.parse. Bun 1.2 defines no field with an empty name: that one is set. */
static napi_status define_fields(napi_env env, napi_value object, const struct lmdbx_slice *keys,
                                 const lmdbx_value *values, size_t count) {
  napi_property_descriptor fields[FIELDS_AT_ONCE];
  size_t ready = 0;
  for (size_t at = 0; at < count; at++) {
    napi_value name = NULL;
    napi_status status =
        napi_create_string_utf8(env, (const char *)keys[at].data, keys[at].size, &name);
    if (status != napi_ok) return status;
    if (keys[at].size > 0) {
      fields[ready++] = (napi_property_descriptor){
          .name = name,
          .value = values[at],
          .attributes = napi_writable | napi_enumerable | napi_configurable,
      };
      continue;
    }
    status = napi_define_properties(env, object, ready, fields);
    if (status == napi_ok) status = napi_set_property(env, object, name, values[at]);
    if (status != napi_ok) return status;
    ready = 0;
  }
  return napi_define_properties(env, object, ready, fields);
}

static int build_object(void *context, const struct lmdbx_slice *keys, const lmdbx_value *values,
                        size_t count, lmdbx_value *out) {
  struct decoding *decoding = context;
  napi_env env = decoding->env;
  napi_value object = NULL;
  napi_status status = napi_create_object(env, &object);
  decoding->names += count;
  bool scoped = decoding->names > NAMES_KEPT;
  for (size_t at = 0; at < count && status == napi_ok; at += FIELDS_AT_ONCE) {
    size_t batch = count - at < FIELDS_AT_ONCE ? count - at : FIELDS_AT_ONCE;
    napi_handle_scope scope = NULL;
    if (scoped) status = napi_open_handle_scope(env, &scope);
    if (status != napi_ok) break;
    status = define_fields(env, object, keys + at, values + at, batch);
    if (scoped) (void)napi_close_handle_scope(env, scope);
  }
  *out = object;
  return engine(decoding, status);
}

/* By a function of lib/values.js, which runs no code but its own. */
static int build_by(struct decoding *decoding, napi_ref helper, const lmdbx_value *items,
                    size_t count, lmdbx_value *out) {
  napi_env env = decoding->env;
  lmdbx_value list = NULL;
  napi_value function = NULL;
  napi_value undefined = NULL;
  napi_value value = NULL;
  int code = build_array(decoding, items, count, &list);
  if (code != LMDBX_OK) return code;
  const napi_value argument = list;
  napi_status status = napi_get_reference_value(env, helper, &function);
  if (status == napi_ok) status = napi_get_undefined(env, &undefined);
  if (status == napi_ok) {
    status = napi_call_function(env, undefined, function, 1, &argument, &value);
  }
  *out = value;
  return engine(decoding, status);
}

static int build_map(void *context, const lmdbx_value *pairs, size_t pair_count, lmdbx_value *out) {
  struct decoding *decoding = context;
  return build_by(decoding, decoding->types->to_map, pairs, pair_count * 2, out);
}

static int build_set(void *context, const lmdbx_value *members, size_t count, lmdbx_value *out) {
  struct decoding *decoding = context;
  return build_by(decoding, decoding->types->to_set, members, count, out);
}

int lmdbx__value_decode(napi_env env, struct lmdbx__value_types *types, struct lmdbx_slice bytes,
                        napi_value *out, struct lmdbx_error *error) {
  static const struct lmdbx_builder builder = {
      .nil = build_nil,
      .undefined = build_undefined,
      .boolean = build_boolean,
      .integer = build_integer,
      .number = build_number,
      .bigint_signed = build_bigint_signed,
      .bigint_unsigned = build_bigint_unsigned,
      .date = build_date,
      .string = build_string,
      .bytes = build_bytes,
      .typed_array = build_typed_array,
      .array = build_array,
      .object = build_object,
      .map = build_map,
      .set = build_set,
  };
  struct decoding decoding = {.env = env, .types = types, .error = error};
  lmdbx_value value = NULL;
  int code = lmdbx__msgpack_read(bytes, &builder, &decoding, &value, error);
  if (code == LMDBX_NO_MEMORY && error != NULL && error->code == LMDBX_OK) {
    return lmdbx_error_set(error, code, 0, "reading the value: memory could not be allocated");
  }
  *out = value;
  return code;
}
