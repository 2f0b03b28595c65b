/* What the conversions share: references, and strings as UTF-8. */
#include "binding/value.h"

#include "codec/msgpack_writer.h"

#include <stdlib.h>
#include <string.h>

/* Room for the first try at a string. Most fit; the others are measured. */
#define FIRST_TRY 256
/* The engine ends text with a NUL, and stops early rather than cut a character
 * of up to four bytes. */
#define LONGEST_CHARACTER 4
/* UTF-16 units of text for whose UTF-8 Bun had better take no memory: see take_ascii. */
#define LONG_TEXT 4096

static bool is_high(char16_t unit) {
  return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool is_low(char16_t unit) {
  return unit >= 0xDC00 && unit <= 0xDFFF;
}

static napi_status take(napi_env env, napi_value from, const char *name, napi_ref *out) {
  napi_value value = NULL;
  napi_status status = napi_get_named_property(env, from, name, &value);
  return status == napi_ok ? napi_create_reference(env, value, 1, out) : status;
}

/* Bun before 1.4 leaves some lone surrogates out of the UTF-8 without a trace.
 * There every string is checked in JavaScript. */
static napi_status probe_surrogates(napi_env env, bool *drops) {
  static const struct {
    char16_t units[3];
    size_t length;
    const char *utf8;
  } probes[] = {
      {{0xD800}, 1, "\xEF\xBF\xBD"},
      {{'a', 0xD800}, 2, "a\xEF\xBF\xBD"},
      {{0xDC00, 'a'},
       2,
       "\xEF\xBF\xBD"
       "a"},
      {{'a', 0xD800, 'b'},
       3,
       "a\xEF\xBF\xBD"
       "b"},
  };
  *drops = false;
  for (size_t i = 0; i < sizeof probes / sizeof probes[0] && !*drops; i++) {
    napi_value string = NULL;
    char text[16] = "";
    size_t size = 0;
    napi_status status = napi_create_string_utf16(env, probes[i].units, probes[i].length, &string);
    if (status == napi_ok) {
      status = napi_get_value_string_utf8(env, string, text, sizeof text, &size);
    }
    if (status != napi_ok) return status;
    *drops = size != strlen(probes[i].utf8) || memcmp(text, probes[i].utf8, size) != 0;
  }
  return napi_ok;
}

int lmdbx__value_types_init(napi_env env, struct lmdbx__value_types *types, napi_value helpers) {
  napi_value global = NULL;
  napi_value object = NULL;
  napi_value copies = NULL;
  if (napi_get_global(env, &global) == napi_ok &&
      napi_get_named_property(env, global, "Object", &object) == napi_ok &&
      take(env, object, "prototype", &types->object_prototype) == napi_ok &&
      take(env, helpers, "classify", &types->classify) == napi_ok &&
      take(env, helpers, "itemsOf", &types->items_of) == napi_ok &&
      take(env, helpers, "callToJSON", &types->call_to_json) == napi_ok &&
      take(env, helpers, "toMap", &types->to_map) == napi_ok &&
      take(env, helpers, "toSet", &types->to_set) == napi_ok &&
      take(env, helpers, "isWellFormed", &types->is_well_formed) == napi_ok &&
      napi_get_named_property(env, helpers, "copiesText", &copies) == napi_ok &&
      napi_get_value_bool(env, copies, &types->copies_text) == napi_ok &&
      probe_surrogates(env, &types->drops_surrogates) == napi_ok) {
    return LMDBX_OK;
  }
  bool pending = false;
  (void)napi_is_exception_pending(env, &pending);
  return pending ? LMDBX__JS_EXCEPTION : LMDBX_INTERNAL;
}

void lmdbx__value_types_free(napi_env env, struct lmdbx__value_types *types) {
  napi_ref *refs[] = {&types->object_prototype, &types->classify, &types->items_of,
                      &types->call_to_json,     &types->to_map,   &types->to_set,
                      &types->is_well_formed};
  for (size_t at = 0; at < sizeof refs / sizeof refs[0]; at++) {
    if (*refs[at] != NULL) (void)napi_delete_reference(env, *refs[at]);
    *refs[at] = NULL;
  }
}

/* Whether a string has a surrogate without its other half. */
static int has_lone_surrogate(napi_env env, napi_value string, bool *out) {
  size_t length = 0;
  if (napi_get_value_string_utf16(env, string, NULL, 0, &length) != napi_ok) return LMDBX_INTERNAL;
  char16_t *units = malloc((length + 1) * sizeof *units);
  if (units == NULL) return LMDBX_NO_MEMORY;
  int code = LMDBX_OK;
  *out = false;
  if (napi_get_value_string_utf16(env, string, units, length + 1, &length) != napi_ok) {
    code = LMDBX_INTERNAL;
    length = 0;
  }
  for (size_t at = 0; at < length && !*out; at++) {
    if (is_high(units[at])) {
      bool paired = at + 1 < length && is_low(units[at + 1]);
      *out = !paired;
      at++;
    } else {
      *out = is_low(units[at]);
    }
  }
  free(units);
  return code;
}

/* The engine writes U+FFFD for a lone surrogate; but U+FFFD may also be meant. */
static bool has_replacement(const uint8_t *text, size_t size) {
  const uint8_t *end = text + size;
  for (const uint8_t *at = text; at < end; at++) {
    at = memchr(at, 0xEF, (size_t)(end - at));
    if (at == NULL) return false;
    if (end - at >= 3 && at[1] == 0xBF && at[2] == 0xBD) return true;
  }
  return false;
}

static int ask_well_formed(napi_env env, struct lmdbx__value_types *types, napi_value string,
                           bool *out) {
  napi_value function = NULL;
  napi_value undefined = NULL;
  napi_value answer = NULL;
  if (napi_get_reference_value(env, types->is_well_formed, &function) != napi_ok ||
      napi_get_undefined(env, &undefined) != napi_ok ||
      napi_call_function(env, undefined, function, 1, &string, &answer) != napi_ok ||
      napi_get_value_bool(env, answer, out) != napi_ok) {
    return LMDBX_INTERNAL;
  }
  return LMDBX_OK;
}

/* Writes a string behind *out's size, into what room there is. False: it did not fit, or
 * may not have. */
static bool write_utf8(napi_env env, napi_value string, struct lmdbx_buffer *out, size_t *size,
                       int *code) {
  size_t room = out->capacity - out->size;
  char *text = (char *)out->data + out->size;
  *code = napi_get_value_string_utf8(env, string, text, room, size) == napi_ok ? LMDBX_OK
                                                                               : LMDBX_INTERNAL;
  return *code == LMDBX_OK && *size + LONGEST_CHARACTER < room;
}

/* Makes room for a string: for its units, which engines know at once, and where that is
 * not enough for its bytes, which they count. */
static int make_room(napi_env env, napi_value string, bool count, struct lmdbx_buffer *out) {
  size_t size = 0;
  napi_status status = count ? napi_get_value_string_utf8(env, string, NULL, 0, &size)
                             : napi_get_value_string_utf16(env, string, NULL, 0, &size);
  if (status != napi_ok) return LMDBX_INTERNAL;
  if (size > LMDBX_MAX_VALUE_SIZE) return LMDBX_VALUE_TOO_LARGE;
  return lmdbx_buffer_reserve(out, size + LONGEST_CHARACTER + 1);
}

/*
 * Appends long text that is all ASCII, as its length in UTF-8 shows: every unit counts for at
 * least a byte, also half a surrogate. Bun makes UTF-8 in memory of its own first, whose
 * pages it gives back and has to ask for anew; not so Latin-1. False: not done, in the
 * ordinary way.
 */
static bool take_ascii(napi_env env, napi_value string, struct lmdbx_buffer *out) {
  size_t units = 0;
  size_t size = 0;
  if (napi_get_value_string_utf16(env, string, NULL, 0, &units) != napi_ok || units < LONG_TEXT ||
      units > LMDBX_MAX_VALUE_SIZE || out->size > LMDBX_MAX_VALUE_SIZE - units ||
      napi_get_value_string_utf8(env, string, NULL, 0, &size) != napi_ok || size != units ||
      lmdbx_buffer_reserve(out, units + 1) != LMDBX_OK ||
      napi_get_value_string_latin1(env, string, (char *)out->data + out->size, units + 1, &size) !=
          napi_ok ||
      size != units) {
    return false;
  }
  out->size += units;
  return true;
}

int lmdbx__string_utf8(napi_env env, struct lmdbx__value_types *types, napi_value string,
                       struct lmdbx_buffer *out, bool *well_formed) {
  size_t size = 0;
  *well_formed = true;
  if (types->copies_text && take_ascii(env, string, out)) return LMDBX_OK;
  int code = lmdbx_buffer_reserve(out, FIRST_TRY);
  for (int tries = 0; code == LMDBX_OK && !write_utf8(env, string, out, &size, &code); tries++) {
    if (code == LMDBX_OK) code = make_room(env, string, tries > 0, out);
  }
  if (code != LMDBX_OK) return code;
  if (out->size > LMDBX_MAX_VALUE_SIZE || size > LMDBX_MAX_VALUE_SIZE - out->size) {
    return LMDBX_VALUE_TOO_LARGE;
  }
  if (types->drops_surrogates) {
    code = ask_well_formed(env, types, string, well_formed);
    if (code != LMDBX_OK) return code;
  } else if (has_replacement(out->data + out->size, size)) {
    bool lone = false;
    code = has_lone_surrogate(env, string, &lone);
    if (code != LMDBX_OK) return code;
    *well_formed = !lone;
  }
  out->size += size;
  return LMDBX_OK;
}

/* Bytes of a string header by the size of the string, as msgpack-c chooses it. */
static size_t string_header_size(size_t size) {
  if (size < 32) return 1;
  if (size < 256) return 2;
  return size < 65536 ? 3 : 5;
}

int lmdbx__string_packed(napi_env env, struct lmdbx__value_types *types, napi_value string,
                         size_t units, struct lmdbx_buffer *out, bool *well_formed) {
  static const uint8_t room[5];
  size_t start = out->size;
  size_t guessed = string_header_size(units);
  *well_formed = true;
  int code = lmdbx_buffer_append(out, room, guessed);
  if (code == LMDBX_OK) code = lmdbx__string_utf8(env, types, string, out, well_formed);
  if (code != LMDBX_OK || !*well_formed) return code;
  size_t size = out->size - start - guessed;
  size_t header = string_header_size(size);
  if (header != guessed) {
    code = lmdbx_buffer_reserve(out, header);
    if (code != LMDBX_OK) return code;
    memmove(out->data + start + header, out->data + start + guessed, size);
  }
  out->size = start;
  code = lmdbx__pack_string_header(out, size);
  if (code == LMDBX_OK) out->size += size;
  return code;
}
