/* Pages of scans as JavaScript values. */
#include "binding/binding.h"

static int refused(struct lmdbx_error *error) {
  return lmdbx_error_set(error, LMDBX_NO_MEMORY, 0,
                         "reading: the engine could not make the result");
}

/* The error of one record, as a JavaScript value. */
static napi_value record_error(struct lmdbx__addon *addon, const struct lmdbx_result *result,
                               const struct lmdbx_record *record, const struct lmdbx_error *error) {
  struct lmdbx_buffer key = {0};
  struct lmdbx__error_place place = {lmdbx_repository_path(result->repository), result->key, 0};
  if (lmdbx_buffer_append(&key, result->key.data, result->key.size) == LMDBX_OK &&
      lmdbx_buffer_append(&key, record->key.data, record->key.size) == LMDBX_OK) {
    place.key = (struct lmdbx_slice){key.data, key.size};
  }
  napi_value value = lmdbx__error_create(addon, error, &place);
  lmdbx_buffer_free(&key);
  return value;
}

/* Where a piece of the keys begins; behind the last one, where they end. */
static size_t piece_at(const struct lmdbx_page *page, size_t index) {
  if (index == 0) return 0;
  return index > page->cut_count ? page->keys.size : page->cuts[index - 1];
}

static napi_status create_piece(napi_env env, const struct lmdbx_page *page, size_t index,
                                napi_value *out) {
  size_t start = piece_at(page, index);
  const struct lmdbx_slice text = {page->keys.data + start, piece_at(page, index + 1) - start};
  struct lmdbx__text_look look = {text.size, LMDBX__TEXT_ASCII};
  bool simple = text.data[text.size - 1] == ' ';
  if (!simple && !lmdbx__utf8_look(text, &look, NULL)) return napi_generic_failure;
  return lmdbx__text_create(env, text, look.width, out);
}

/* A string, or an array of those of several pieces. */
static napi_status create_keys(napi_env env, const struct lmdbx_page *page, napi_value *out) {
  /* A page of tenants has no keys, and Bun 1.2.0 makes no empty string of NULL. */
  if (page->keys.size == 0) return napi_create_string_utf8(env, "", 0, out);
  if (page->cut_count == 0) return create_piece(env, page, 0, out);
  napi_status status = napi_create_array_with_length(env, page->cut_count + 1, out);
  for (size_t i = 0; i <= page->cut_count && status == napi_ok; i++) {
    napi_value piece = NULL;
    status = create_piece(env, page, i, &piece);
    if (status == napi_ok) status = napi_set_element(env, *out, (uint32_t)i, piece);
  }
  return status;
}

/* What is on the tape is taken off at once, by lib/decode.js. */
static int add_from_tape(struct lmdbx__addon *addon, napi_value values, napi_value answer,
                         bool json, struct lmdbx_error *error) {
  napi_value undefined = NULL;
  napi_value add = NULL;
  napi_value arguments[] = {values, answer, NULL};
  if (napi_get_boolean(addon->env, json, &arguments[2]) != napi_ok ||
      napi_get_undefined(addon->env, &undefined) != napi_ok ||
      napi_get_reference_value(addon->env, addon->add_value, &add) != napi_ok) {
    return refused(error);
  }
  return napi_call_function(addon->env, undefined, add, 3, arguments, NULL) == napi_ok
             ? LMDBX_OK
             : LMDBX__JS_EXCEPTION;
}

static int add_record(struct lmdbx__addon *addon, const struct lmdbx_result *result, size_t at,
                      napi_value values, struct lmdbx_error *error) {
  const struct lmdbx_record *record = &result->page->records[at];
  const struct lmdbx_result one = {
      .repository = result->repository, .found = record->found, .value = record->value};
  napi_value answer = NULL;
  int code = LMDBX_OK;
  if (result->page->kind == LMDBX_TENANTS) {
    if (napi_create_string_utf8(addon->env, (const char *)record->value.data, record->value.size,
                                &answer) != napi_ok) {
      return refused(error);
    }
  } else {
    code = lmdbx__convert_value(addon, &one, &answer, error);
    enum lmdbx_encoding encoding = lmdbx_repository_encoding(result->repository);
    if (code == LMDBX_OK && encoding != LMDBX_STRING) {
      return add_from_tape(addon, values, answer, encoding == LMDBX_JSON, error);
    }
  }
  if (code != LMDBX_OK) return code;
  return napi_set_element(addon->env, values, (uint32_t)at, answer) == napi_ok ? LMDBX_OK
                                                                               : refused(error);
}

/* The values of a page, up to one that cannot be decoded, and then its error. */
static int add_records(struct lmdbx__addon *addon, const struct lmdbx_result *result,
                       napi_value values, napi_value *failure, struct lmdbx_error *error) {
  for (size_t i = 0; i < result->page->count; i++) {
    napi_handle_scope scope = NULL;
    if (napi_open_handle_scope(addon->env, &scope) != napi_ok) return refused(error);
    int code = add_record(addon, result, i, values, error);
    (void)napi_close_handle_scope(addon->env, scope);
    if (code == LMDBX_DECODE) {
      *failure = record_error(addon, result, &result->page->records[i], error);
      return *failure != NULL ? LMDBX_OK : refused(error);
    }
    if (code != LMDBX_OK) return code;
  }
  return LMDBX_OK;
}

static int convert_values(struct lmdbx__addon *addon, const struct lmdbx_result *result,
                          napi_value scan, napi_value *out, struct lmdbx_error *error) {
  enum { VALUES, SCAN, KEYS, ERROR, COUNT };
  napi_env env = addon->env;
  napi_value parts[COUNT];
  if (napi_get_undefined(env, &parts[ERROR]) != napi_ok ||
      napi_create_array(env, &parts[VALUES]) != napi_ok ||
      create_keys(env, result->page, &parts[KEYS]) != napi_ok ||
      napi_create_array_with_length(env, COUNT, out) != napi_ok) {
    return refused(error);
  }
  parts[SCAN] = scan != NULL ? scan : parts[ERROR];
  int code = add_records(addon, result, parts[VALUES], &parts[ERROR], error);
  if (code != LMDBX_OK) return code;
  for (uint32_t i = 0; i < COUNT; i++) {
    if (napi_set_element(env, *out, i, parts[i]) != napi_ok) return refused(error);
  }
  return LMDBX_OK;
}

int lmdbx__convert_page(struct lmdbx__addon *addon, const struct lmdbx_result *result,
                        napi_value *out, struct lmdbx_error *error) {
  napi_env env = addon->env;
  const struct lmdbx_page *page = result->page;
  napi_value scan = NULL;
  napi_value content = NULL;
  napi_status status;
  if (result->scan != NULL && lmdbx__scan_wrap(env, result->scan, &scan) != napi_ok) {
    return refused(error);
  }
  switch (page->kind) {
  case LMDBX_KEYS: status = create_keys(env, page, &content); break;
  case LMDBX_COUNT:
  case LMDBX_HAS:
  case LMDBX_HIDDEN: status = napi_create_double(env, (double)page->counted, &content); break;
  default: return convert_values(addon, result, scan, out, error);
  }
  if (status != napi_ok) return refused(error);
  *out = content;
  bool alone = page->kind != LMDBX_KEYS || page->cut_count == 0;
  if (scan == NULL && alone) return LMDBX_OK;
  if (scan == NULL && napi_get_undefined(env, &scan) != napi_ok) return refused(error);
  if (napi_create_array_with_length(env, 2, out) != napi_ok ||
      napi_set_element(env, *out, 0, content) != napi_ok ||
      napi_set_element(env, *out, 1, scan) != napi_ok) {
    return refused(error);
  }
  return LMDBX_OK;
}
