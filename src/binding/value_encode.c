#include "binding/value_state.h"
#include "codec/msgpack_writer.h"

#include <string.h>

int lmdbx__encode_string(struct lmdbx__encoding *encoding, const struct lmdbx__place *at,
                         napi_value string) {
  bool well_formed = false;
  int code =
      lmdbx__string_packed(encoding->env, encoding->types, string, 0, encoding->out, &well_formed);
  if (code != LMDBX_OK || well_formed) return lmdbx__encode_written(encoding, code);
  const char *what = string == at->value ? "a string with" : "in an object whose field name has";
  return lmdbx__encode_refuse(encoding, at, "%s a lone surrogate, for which there is no UTF-8",
                              what);
}

static int encode_number(struct lmdbx__encoding *encoding, const struct lmdbx__place *at) {
  double number = 0;
  if (napi_get_value_double(encoding->env, at->value, &number) != napi_ok) {
    return lmdbx__encode_engine_failed(encoding);
  }
  return lmdbx__encode_written(encoding, lmdbx__pack_number(encoding->out, number));
}

static int encode_boolean(struct lmdbx__encoding *encoding, const struct lmdbx__place *at) {
  bool boolean = false;
  if (napi_get_value_bool(encoding->env, at->value, &boolean) != napi_ok) {
    return lmdbx__encode_engine_failed(encoding);
  }
  return lmdbx__encode_written(encoding, lmdbx__pack_boolean(encoding->out, boolean));
}

static int encode_bigint(struct lmdbx__encoding *encoding, const struct lmdbx__place *at) {
  napi_env env = encoding->env;
  struct lmdbx_buffer *out = encoding->out;
  int sign = 0;
  uint64_t word = 0;
  size_t words = 1;
  /* Not the calls that say `lossless`: this one counts words in every engine. */
  if (napi_get_value_bigint_words(env, at->value, NULL, &words, NULL) != napi_ok) {
    return lmdbx__encode_engine_failed(encoding);
  }
  bool fits = words <= 1;
  if (fits) {
    words = 1;
    if (napi_get_value_bigint_words(env, at->value, &sign, &words, &word) != napi_ok) {
      return lmdbx__encode_engine_failed(encoding);
    }
    fits = sign == 0 || word <= (uint64_t)INT64_MAX + 1;
  }
  if (!fits) return lmdbx__encode_refuse(encoding, at, "a BigInt of more than 64 bits");
  if (sign != 0) {
    int64_t negative = word > INT64_MAX ? INT64_MIN : -(int64_t)word;
    return lmdbx__encode_written(encoding, lmdbx__pack_bigint_signed(out, negative));
  }
  int code = word > INT64_MAX ? lmdbx__pack_bigint_unsigned(out, word)
                              : lmdbx__pack_bigint_signed(out, (int64_t)word);
  return lmdbx__encode_written(encoding, code);
}

static int encode_text(struct lmdbx__encoding *encoding, const struct lmdbx__place *at) {
  int code = lmdbx__encode_string(encoding, at, at->value);
  if (code != LMDBX_INTERNAL) return code;
  /* Bun 1.2 calls a String object a string, and then does not read it as one. */
  return lmdbx__encode_refuse(encoding, at, "a boxed primitive; store value.valueOf()");
}

static int refuse_function(struct lmdbx__encoding *encoding, const struct lmdbx__place *at) {
  char name[8] = ""; /* room for "then", a little more, and the NUL */
  size_t size = 0;
  bool thenable =
      at->parent != NULL && at->step == LMDBX__STEP_FIELD &&
      napi_get_value_string_utf8(encoding->env, at->key, name, sizeof name, &size) == napi_ok &&
      strcmp(name, "then") == 0;
  const char *hint = thenable ? " of a thenable; did you forget await?" : "";
  return lmdbx__encode_refuse(encoding, at, "a function%s", hint);
}

static int encode_undefined(struct lmdbx__encoding *encoding, const struct lmdbx__place *at) {
  if (at->parent == NULL) {
    return lmdbx__encode_refuse(encoding, at,
                                "undefined, which is what get returns for a missing "
                                "record; to remove a record use delete");
  }
  return lmdbx__encode_written(encoding, lmdbx__pack_undefined(encoding->out));
}

int lmdbx__encode_item(struct lmdbx__encoding *encoding, struct lmdbx__place *at, bool may_call) {
  napi_valuetype type = napi_undefined;
  if (napi_typeof(encoding->env, at->value, &type) != napi_ok) {
    return lmdbx__encode_engine_failed(encoding);
  }
  switch (type) {
  case napi_undefined: return encode_undefined(encoding, at);
  case napi_null: return lmdbx__encode_written(encoding, lmdbx__pack_nil(encoding->out));
  case napi_boolean: return encode_boolean(encoding, at);
  case napi_number: return encode_number(encoding, at);
  case napi_string: return encode_text(encoding, at);
  case napi_bigint: return encode_bigint(encoding, at);
  case napi_object: return lmdbx__encode_object(encoding, at, may_call);
  case napi_symbol: return lmdbx__encode_refuse(encoding, at, "a symbol");
  case napi_function: return refuse_function(encoding, at);
  default: return lmdbx__encode_refuse(encoding, at, "an external value of an addon");
  }
}

int lmdbx__value_encode(napi_env env, struct lmdbx__value_types *types, napi_value value,
                        struct lmdbx_buffer *out, struct lmdbx_error *error) {
  struct lmdbx__encoding encoding = {.env = env, .types = types, .out = out, .error = error};
  struct lmdbx__place root = {.value = value};
  napi_handle_scope scope = NULL;
  napi_valuetype type = napi_undefined;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return lmdbx__encode_engine_failed(&encoding);
  int code = LMDBX_OK;
  if (napi_typeof(env, value, &type) != napi_ok ||
      (type == napi_object && (napi_get_reference_value(env, types->object_prototype,
                                                        &encoding.object_prototype) != napi_ok ||
                               napi_create_string_utf8(env, "toJSON", NAPI_AUTO_LENGTH,
                                                       &encoding.to_json_name) != napi_ok))) {
    code = lmdbx__encode_engine_failed(&encoding);
  }
  if (code == LMDBX_OK) code = lmdbx__encode_item(&encoding, &root, true);
  (void)napi_close_handle_scope(env, scope);
  return code;
}
