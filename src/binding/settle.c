/* Results of requests into promises. Called by lmdbx_host_deliver, inside the
 * runtime's callback scope; must leave no exception pending. */
#include "binding/binding.h"

#include "codec/json.h"
#include "codec/utf8.h"

#include <string.h>

/* Refusals of the engine here mean that it is shutting down; the promise can
 * then have no listener any more. */
static void resolve(struct lmdbx__addon *addon, napi_deferred deferred, napi_value value) {
  (void)napi_resolve_deferred(addon->env, deferred, value);
}

static void reject(struct lmdbx__addon *addon, napi_deferred deferred,
                   const struct lmdbx_error *error, const struct lmdbx_result *result) {
  const struct lmdbx__error_place place = {lmdbx_repository_path(result->repository), result->key,
                                           0};
  napi_value value = lmdbx__error_create(addon, error, &place);
  if (value == NULL) (void)napi_get_undefined(addon->env, &value);
  (void)napi_reject_deferred(addon->env, deferred, value);
}

/* Settles one promise in a handle scope of its own: a job brings thousands. */
void lmdbx__settle(struct lmdbx__addon *addon, napi_deferred deferred,
                   const struct lmdbx_result *result, lmdbx__convert convert) {
  napi_handle_scope scope = NULL;
  if (napi_open_handle_scope(addon->env, &scope) != napi_ok) return;
  napi_value value = NULL;
  struct lmdbx_error error = {0};
  if (addon->settling.values > 0) lmdbx__settle_gathered(addon); /* the tape is needed */
  if (result->error != NULL) {
    reject(addon, deferred, result->error, result);
  } else {
    int code = convert(addon, result, &value, &error);
    if (code == LMDBX_OK) {
      resolve(addon, deferred, value);
    } else if (code == LMDBX__JS_EXCEPTION) {
      napi_value exception = lmdbx__error_take_pending(addon->env);
      if (exception != NULL) (void)napi_reject_deferred(addon->env, deferred, exception);
    } else {
      reject(addon, deferred, &error, result);
    }
  }
  (void)napi_close_handle_scope(addon->env, scope);
}

static int engine_refused(struct lmdbx_error *error, const char *doing) {
  return lmdbx_error_set(error, LMDBX_NO_MEMORY, 0, "%s: the engine could not make the result",
                         doing);
}

int lmdbx__convert_void(struct lmdbx__addon *addon, const struct lmdbx_result *result,
                        napi_value *out, struct lmdbx_error *error) {
  (void)result;
  return napi_get_undefined(addon->env, out) == napi_ok ? LMDBX_OK
                                                        : engine_refused(error, "settling");
}

int lmdbx__convert_boolean(struct lmdbx__addon *addon, const struct lmdbx_result *result,
                           napi_value *out, struct lmdbx_error *error) {
  return napi_get_boolean(addon->env, result->found, out) == napi_ok
             ? LMDBX_OK
             : engine_refused(error, "settling");
}

static int convert_removed(struct lmdbx__addon *addon, const struct lmdbx_result *result,
                           napi_value *out, struct lmdbx_error *error) {
  return napi_create_double(addon->env, (double)result->removed, out) == napi_ok
             ? LMDBX_OK
             : engine_refused(error, "settling");
}

/* The engine would replace ill-formed sequences in silence. */
static int convert_text(struct lmdbx__addon *addon, struct lmdbx_slice text, const char *encoding,
                        napi_value *out, struct lmdbx_error *error) {
  struct lmdbx__text_look look;
  size_t position = 0;
  if (!lmdbx__utf8_look(text, &look, &position)) {
    return lmdbx_error_set(error, LMDBX_DECODE, 0,
                           "get: the stored value is not valid UTF-8 at byte %zu; was this written "
                           "with an encoding other than %s?",
                           position, encoding);
  }
  if (lmdbx__text_create(addon->env, text, look.width, out) == napi_ok) return LMDBX_OK;
  (void)lmdbx__error_take_pending(addon->env);
  return engine_refused(error, "get");
}

/* What the tape does not hold goes another way, and wrapped: the answer is no text. */
static int wrap(struct lmdbx__addon *addon, napi_value value, napi_value *out,
                struct lmdbx_error *error) {
  if (napi_create_object(addon->env, out) == napi_ok &&
      napi_set_named_property(addon->env, *out, "value", value) == napi_ok) {
    return LMDBX_OK;
  }
  return engine_refused(error, "get");
}

/* Else the text itself, for JSON.parse. */
static int convert_json(struct lmdbx__addon *addon, struct lmdbx_slice text, napi_value *out,
                        struct lmdbx_error *error) {
  napi_value string = NULL;
  int code = lmdbx__value_tape_build(&addon->tape, text, true, out, error);
  if (code != LMDBX__TAPE_UNFIT) return code;
  if (lmdbx__json_has_too_many(text)) {
    return lmdbx_error_set(error, LMDBX_DECODE, 0,
                           "get: the stored JSON of %zu bytes has more than %zu items", text.size,
                           LMDBX_MAX_ITEMS);
  }
  code = convert_text(addon, text, "json", &string, error);
  return code == LMDBX_OK ? wrap(addon, string, out, error) : code;
}

/* Else the value, built part by part. */
static int convert_msgpack(struct lmdbx__addon *addon, struct lmdbx_slice bytes, napi_value *out,
                           struct lmdbx_error *error) {
  napi_value value = NULL;
  int code = lmdbx__value_tape_build(&addon->tape, bytes, false, out, error);
  if (code != LMDBX__TAPE_UNFIT) return code;
  code = lmdbx__value_decode(addon->env, &addon->types, bytes, &value, error);
  return code == LMDBX_OK ? wrap(addon, value, out, error) : code;
}

int lmdbx__convert_value(struct lmdbx__addon *addon, const struct lmdbx_result *result,
                         napi_value *out, struct lmdbx_error *error) {
  if (!result->found) return lmdbx__convert_void(addon, result, out, error);
  switch (lmdbx_repository_encoding(result->repository)) {
  case LMDBX_JSON: return convert_json(addon, result->value, out, error);
  case LMDBX_STRING: return convert_text(addon, result->value, "string", out, error);
  default: return convert_msgpack(addon, result->value, out, error);
  }
}

void lmdbx__settle_void(void *context, void *user, const struct lmdbx_result *result) {
  lmdbx__settle(context, user, result, lmdbx__convert_void);
}

void lmdbx__settle_removed(void *context, void *user, const struct lmdbx_result *result) {
  lmdbx__settle(context, user, result, convert_removed);
}

void lmdbx__settle_page(void *context, void *user, const struct lmdbx_result *result) {
  lmdbx__settle(context, user, result, lmdbx__convert_page);
}

/* -------------------------------------------------------------------- slots */

/* As RESULTS in lib/pending.js; a value is the next one on the building tape. */
enum { OUTCOME_UNDEFINED, OUTCOME_FALSE, OUTCOME_TRUE, OUTCOME_VALUE };

static uint32_t slot_of(void *user) {
  return (uint32_t)(uintptr_t)user;
}

/* Calls a function of lib/pending.js. What the engine refuses here is lost with the
 * environment. */
static void call_pending(struct lmdbx__addon *addon, napi_ref function, size_t count,
                         const napi_value *arguments) {
  napi_value undefined = NULL;
  napi_value settle = NULL;
  if (napi_get_undefined(addon->env, &undefined) == napi_ok &&
      napi_get_reference_value(addon->env, function, &settle) == napi_ok &&
      napi_call_function(addon->env, undefined, settle, count, arguments, NULL) == napi_ok) {
    return;
  }
  (void)lmdbx__error_take_pending(addon->env);
}

static void call_slot(struct lmdbx__addon *addon, napi_ref function, uint32_t slot,
                      napi_value value) {
  napi_value arguments[2] = {NULL, value};
  if (napi_create_uint32(addon->env, slot, &arguments[0]) == napi_ok) {
    call_pending(addon, function, 2, arguments);
  }
}

static void fail_slot(struct lmdbx__addon *addon, uint32_t slot, const struct lmdbx_error *error,
                      const struct lmdbx_result *result, size_t operation) {
  const struct lmdbx__error_place place = {lmdbx_repository_path(result->repository), result->key,
                                           operation};
  napi_value value = lmdbx__error_create(addon, error, &place);
  if (value == NULL) (void)napi_get_undefined(addon->env, &value);
  call_slot(addon, addon->settling.fail_one, slot, value);
}

void lmdbx__settle_slot_error(struct lmdbx__addon *addon, void *user,
                              const struct lmdbx_result *result, size_t operation) {
  napi_handle_scope scope = NULL;
  if (napi_open_handle_scope(addon->env, &scope) != napi_ok) return;
  fail_slot(addon, slot_of(user), result->error, result, operation);
  (void)napi_close_handle_scope(addon->env, scope);
}

/* The engine could not make their text: they fail, and the others are left. */
static void fail_values(struct lmdbx__addon *addon) {
  struct lmdbx__settling *settling = &addon->settling;
  struct lmdbx_error error;
  const struct lmdbx__error_place nowhere = {0};
  size_t kept = 0;
  (void)lmdbx__error_take_pending(addon->env);
  (void)engine_refused(&error, "get");
  napi_value reason = lmdbx__error_create(addon, &error, &nowhere);
  if (reason == NULL) (void)napi_get_undefined(addon->env, &reason);
  for (size_t i = 0; i < settling->count; i++) {
    const int32_t *pair = settling->outcomes + i * 2;
    if (pair[1] == OUTCOME_VALUE) {
      call_slot(addon, settling->fail_one, (uint32_t)pair[0], reason);
    } else {
      memmove(settling->outcomes + kept++ * 2, pair, 2 * sizeof *pair);
    }
  }
  settling->count = kept;
}

void lmdbx__settle_gathered(struct lmdbx__addon *addon) {
  struct lmdbx__settling *settling = &addon->settling;
  napi_handle_scope scope = NULL;
  napi_value arguments[2] = {NULL, NULL}; /* count, text */
  if (settling->count == 0) return;
  size_t given = settling->values > 0 ? 2 : 1;
  settling->values = 0;
  if (napi_open_handle_scope(addon->env, &scope) != napi_ok) {
    settling->count = 0;
    return;
  }
  if (given == 2 && lmdbx__value_tape_text(&addon->tape, &arguments[1]) != napi_ok) {
    fail_values(addon);
    given = 1;
  }
  napi_status status = napi_create_uint32(addon->env, (uint32_t)settling->count, &arguments[0]);
  settling->count = 0; /* before the call, which may gather others */
  if (status == napi_ok) call_pending(addon, settling->settle_many, given, arguments);
  (void)napi_close_handle_scope(addon->env, scope);
}

static void gather(struct lmdbx__addon *addon, void *user, const struct lmdbx_result *result,
                   int32_t outcome) {
  struct lmdbx__settling *settling = &addon->settling;
  if (result->error != NULL) {
    lmdbx__settle_slot_error(addon, user, result, 0);
    return;
  }
  int32_t *pair = settling->outcomes + settling->count++ * 2;
  pair[0] = (int32_t)slot_of(user);
  pair[1] = outcome;
  if (settling->count == settling->limit) lmdbx__settle_gathered(addon);
}

/* Puts a value onto the tape behind those that are there, for settle_gathered. False: it
 * is none that may follow others. */
static bool gather_value(struct lmdbx__addon *addon, void *user,
                         const struct lmdbx_result *result) {
  struct lmdbx__settling *settling = &addon->settling;
  enum lmdbx_encoding encoding = lmdbx_repository_encoding(result->repository);
  int code = lmdbx__value_tape_next(&addon->tape, result->value, encoding, settling->values == 0);
  if (code != LMDBX_OK && settling->values > 0) { /* the tape may be full */
    lmdbx__settle_gathered(addon);
    code = lmdbx__value_tape_next(&addon->tape, result->value, encoding, true);
  }
  if (code != LMDBX_OK) return false;
  settling->values++;
  gather(addon, user, result, OUTCOME_VALUE);
  return true;
}

void lmdbx__settle_slot(void *context, void *user, const struct lmdbx_result *result) {
  gather(context, user, result, OUTCOME_UNDEFINED);
}

void lmdbx__settle_slot_boolean(void *context, void *user, const struct lmdbx_result *result) {
  gather(context, user, result, result->found ? OUTCOME_TRUE : OUTCOME_FALSE);
}

void lmdbx__settle_slot_value(void *context, void *user, const struct lmdbx_result *result) {
  if (result->error != NULL || !result->found) {
    gather(context, user, result, OUTCOME_UNDEFINED);
  } else if (!gather_value(context, user, result)) {
    lmdbx__settle_slot_with(context, user, result, lmdbx__convert_value);
  }
}

void lmdbx__settle_slot_with(struct lmdbx__addon *addon, void *user,
                             const struct lmdbx_result *result, lmdbx__convert convert) {
  struct lmdbx_error error = {0};
  napi_handle_scope scope = NULL;
  napi_value answer = NULL;
  if (addon->settling.values > 0) lmdbx__settle_gathered(addon); /* the tape is needed */
  if (napi_open_handle_scope(addon->env, &scope) != napi_ok) return;
  int code = convert(addon, result, &answer, &error);
  if (code == LMDBX_OK) {
    call_slot(addon, addon->settling.settle_one, slot_of(user), answer);
  } else if (code == LMDBX__JS_EXCEPTION) {
    napi_value exception = lmdbx__error_take_pending(addon->env);
    if (exception != NULL) call_slot(addon, addon->settling.fail_one, slot_of(user), exception);
  } else {
    fail_slot(addon, slot_of(user), &error, result, 0);
  }
  (void)napi_close_handle_scope(addon->env, scope);
}
