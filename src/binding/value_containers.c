#include "binding/value_state.h"
#include "codec/msgpack_writer.h"

/* Handles that pile up before a scope is opened to drop them. */
#define HANDLES_KEPT 256
/* Every so many levels an object is compared with those around it: a cycle is
 * found soon, and flat values pay nothing. */
#define CYCLE_CHECK_LEVELS 8

/* One loop's scope: replaced once enough handles have piled up in it. */
struct scope {
  napi_handle_scope handle;
  size_t handles_outside;
};

static int scope_renew(struct lmdbx__encoding *encoding, struct scope *scope) {
  if (encoding->handles < HANDLES_KEPT) return LMDBX_OK;
  if (scope->handle == NULL) {
    scope->handles_outside = encoding->handles;
  } else if (napi_close_handle_scope(encoding->env, scope->handle) != napi_ok) {
    scope->handle = NULL;
    return lmdbx__encode_engine_failed(encoding);
  }
  scope->handle = NULL;
  encoding->handles = 0;
  if (napi_open_handle_scope(encoding->env, &scope->handle) == napi_ok) return LMDBX_OK;
  scope->handle = NULL;
  return lmdbx__encode_engine_failed(encoding);
}

static void scope_end(struct lmdbx__encoding *encoding, struct scope *scope) {
  if (scope->handle == NULL) return;
  (void)napi_close_handle_scope(encoding->env, scope->handle);
  encoding->handles = scope->handles_outside;
}

static bool same(struct lmdbx__encoding *encoding, napi_value a, napi_value b) {
  bool equal = false;
  return napi_strict_equals(encoding->env, a, b, &equal) == napi_ok && equal;
}

static int check_cycle(struct lmdbx__encoding *encoding, const struct lmdbx__place *at) {
  const struct lmdbx__place *around = at->parent;
  while (around != NULL && !same(encoding, around->value, at->value)) around = around->parent;
  if (around == NULL) return LMDBX_OK;
  /* Back to where the cycle closes for the first time. */
  while (around->parent != NULL && same(encoding, around->parent->value, at->parent->value)) {
    around = around->parent;
    at = at->parent;
  }
  return lmdbx__encode_refuse(encoding, at,
                              "a cycle: it is also one of the objects that contain it");
}

static int check_nesting(struct lmdbx__encoding *encoding, const struct lmdbx__place *at) {
  if (at->depth % CYCLE_CHECK_LEVELS == CYCLE_CHECK_LEVELS - 1) {
    int code = check_cycle(encoding, at);
    if (code != LMDBX_OK) return code;
  }
  if (at->depth < LMDBX_MAX_DEPTH) return LMDBX_OK;
  return lmdbx__encode_refuse(encoding, at, "nested too deep: a value has at most %d levels",
                              LMDBX_MAX_DEPTH);
}

static int take_items(struct lmdbx__encoding *encoding, size_t count) {
  if (count <= LMDBX_MAX_ITEMS - encoding->items) {
    encoding->items += count;
    return LMDBX_OK;
  }
  return lmdbx_error_set(encoding->error, LMDBX_VALUE_TOO_LARGE, 0,
                         "the value has more than %zu items; split it up, or store numbers in a "
                         "typed array",
                         LMDBX_MAX_ITEMS);
}

/* The items of an array, an array-like proxy, or the list that itemsOf made.
 * What has vanished meanwhile is undefined. */
static int encode_items(struct lmdbx__encoding *encoding, const struct lmdbx__place *at,
                        napi_value list, uint32_t count, enum lmdbx__step step) {
  struct scope scope = {0};
  int code = LMDBX_OK;
  for (uint32_t index = 0; index < count && code == LMDBX_OK; index++) {
    struct lmdbx__place item = {.parent = at, .step = step, .depth = at->depth + 1, .index = index};
    code = scope_renew(encoding, &scope);
    if (code != LMDBX_OK) break;
    encoding->handles++;
    if (napi_get_element(encoding->env, list, index, &item.value) != napi_ok) {
      code = lmdbx__encode_engine_failed(encoding);
    } else {
      code = lmdbx__encode_item(encoding, &item, true);
    }
  }
  scope_end(encoding, &scope);
  return code;
}

int lmdbx__encode_array(struct lmdbx__encoding *encoding, const struct lmdbx__place *at) {
  uint32_t count = 0;
  int code = check_nesting(encoding, at);
  if (code != LMDBX_OK) return code;
  if (napi_get_array_length(encoding->env, at->value, &count) != napi_ok) {
    napi_value length = NULL; /* a proxy, of which only some engines say that it is an array */
    if (napi_get_named_property(encoding->env, at->value, "length", &length) != napi_ok ||
        napi_get_value_uint32(encoding->env, length, &count) != napi_ok) {
      return lmdbx__encode_engine_failed(encoding);
    }
  }
  code = take_items(encoding, count);
  if (code != LMDBX_OK) return code;
  code = lmdbx__pack_array(encoding->out, count);
  if (code != LMDBX_OK) return lmdbx__encode_written(encoding, code);
  return encode_items(encoding, at, at->value, count, LMDBX__STEP_ELEMENT);
}

int lmdbx__encode_map_or_set(struct lmdbx__encoding *encoding, const struct lmdbx__place *at,
                             bool map) {
  napi_value items = NULL;
  uint32_t count = 0;
  size_t mark = 0;
  int code = check_nesting(encoding, at);
  if (code == LMDBX_OK) {
    code = lmdbx__encode_call(encoding, encoding->types->items_of, 1, &at->value, &items);
  }
  if (code != LMDBX_OK) return code;
  if (napi_get_array_length(encoding->env, items, &count) != napi_ok)
    return lmdbx__encode_engine_failed(encoding);
  code = take_items(encoding, count);
  if (code != LMDBX_OK) return code;
  code = map ? lmdbx__pack_map_begin(encoding->out, count / 2, &mark)
             : lmdbx__pack_set_begin(encoding->out, count, &mark);
  if (code != LMDBX_OK) return lmdbx__encode_written(encoding, code);
  code = encode_items(encoding, at, items, count, map ? LMDBX__STEP_MAP : LMDBX__STEP_SET);
  return code == LMDBX_OK
             ? lmdbx__encode_written(encoding, lmdbx__pack_ext_end(encoding->out, mark))
             : code;
}

/* The names of own enumerable fields, without symbols: a list of our own. */
static int list_names(struct lmdbx__encoding *encoding, napi_value object, napi_value *names,
                      uint32_t *count) {
  encoding->handles++;
  if (napi_get_all_property_names(encoding->env, object, napi_key_own_only,
                                  napi_key_enumerable | napi_key_skip_symbols,
                                  napi_key_numbers_to_strings, names) != napi_ok ||
      napi_get_array_length(encoding->env, *names, count) != napi_ok) {
    return lmdbx__encode_engine_failed(encoding);
  }
  return LMDBX_OK;
}

static int encode_field(struct lmdbx__encoding *encoding, struct lmdbx__place *item) {
  int code = lmdbx__encode_string(encoding, item, item->key);
  if (code != LMDBX_OK) return code;
  encoding->handles++;
  if (napi_get_property(encoding->env, item->parent->value, item->key, &item->value) != napi_ok) {
    return lmdbx__encode_engine_failed(encoding);
  }
  return lmdbx__encode_item(encoding, item, true);
}

int lmdbx__encode_fields(struct lmdbx__encoding *encoding, const struct lmdbx__place *at) {
  napi_value names = NULL;
  uint32_t count = 0;
  struct scope scope = {0};
  int code = check_nesting(encoding, at);
  if (code == LMDBX_OK) code = list_names(encoding, at->value, &names, &count);
  if (code == LMDBX_OK) code = take_items(encoding, (size_t)count * 2);
  if (code != LMDBX_OK) return code;
  code = lmdbx__encode_written(encoding, lmdbx__pack_object(encoding->out, count));
  for (uint32_t index = 0; index < count && code == LMDBX_OK; index++) {
    struct lmdbx__place item = {.parent = at, .step = LMDBX__STEP_FIELD, .depth = at->depth + 1};
    code = scope_renew(encoding, &scope);
    if (code != LMDBX_OK) break;
    encoding->handles++;
    if (napi_get_element(encoding->env, names, index, &item.key) != napi_ok) {
      code = lmdbx__encode_engine_failed(encoding);
    } else {
      code = encode_field(encoding, &item);
    }
  }
  scope_end(encoding, &scope);
  return code;
}
