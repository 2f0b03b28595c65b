/* What every call of the addon begins and ends with. */
#include "binding/binding.h"

bool lmdbx__call_begin(struct lmdbx__call *call, napi_env env, napi_callback_info info) {
  size_t count = LMDBX__MAX_ARGUMENTS;
  void *data = NULL;
  *call = (struct lmdbx__call){.env = env};
  if (napi_get_cb_info(env, info, &count, call->arguments, NULL, NULL) != napi_ok ||
      napi_get_instance_data(env, &data) != napi_ok || data == NULL) {
    return false;
  }
  call->addon = data;
  return true;
}

int lmdbx__call_promise(struct lmdbx__call *call, struct lmdbx_error *error) {
  if (call->promise != NULL ||
      napi_create_promise(call->env, &call->deferred, &call->promise) == napi_ok) {
    return LMDBX_OK;
  }
  return lmdbx_error_set(error, LMDBX_NO_MEMORY, 0, "the engine could not make a promise");
}

/* A call with a slot answers with the reason itself. */
static void call_reject(struct lmdbx__call *call, napi_value reason) {
  if (reason == NULL) return;
  if (call->has_slot) {
    call->promise = reason;
  } else if (lmdbx__call_promise(call, NULL) == LMDBX_OK) {
    (void)napi_reject_deferred(call->env, call->deferred, reason);
  }
}

/* Has one of our functions called by a global of the runtime. */
static bool call_later(struct lmdbx__addon *addon, napi_ref scheduler, napi_ref function) {
  napi_value undefined = NULL;
  napi_value schedule = NULL;
  napi_value later = NULL;
  if (napi_get_undefined(addon->env, &undefined) == napi_ok &&
      napi_get_reference_value(addon->env, scheduler, &schedule) == napi_ok &&
      napi_get_reference_value(addon->env, function, &later) == napi_ok &&
      napi_call_function(addon->env, undefined, schedule, 1, &later, NULL) == napi_ok) {
    return true;
  }
  (void)lmdbx__error_take_pending(addon->env);
  return false;
}

void lmdbx__end_turn_later(struct lmdbx__addon *addon) {
  if (call_later(addon, addon->after_turn, addon->turn)) return;
  lmdbx_host_turn(addon->host);
  lmdbx__wake(addon);
}

/* The exception for a code that is not LMDBX_OK. */
static napi_value exception_of(struct lmdbx__call *call, int code,
                               const struct lmdbx_error *error) {
  if (code == LMDBX__JS_EXCEPTION) return lmdbx__error_take_pending(call->env);
  const struct lmdbx__error_place place = {
      call->repository != NULL ? lmdbx_repository_path(call->repository) : NULL, call->key,
      call->operation};
  return lmdbx__error_create(call->addon, error, &place);
}

/* What was accepted is flushed; large scratch memory is given back. */
static void finish(struct lmdbx__call *call) {
  struct lmdbx__addon *addon = call->addon;
  if (call->needs_flush && !call_later(addon, addon->after_code, addon->flush)) {
    lmdbx_host_flush(addon->host);
  }
  if (call->needs_turn) lmdbx__end_turn_later(addon);
  if (addon->key.capacity > LMDBX__SCRATCH_KEPT) lmdbx_buffer_free(&addon->key);
  if (addon->value.capacity > LMDBX__SCRATCH_KEPT) lmdbx_buffer_free(&addon->value);
}

napi_value lmdbx__call_end(struct lmdbx__call *call, int code, const struct lmdbx_error *error) {
  if (code != LMDBX_OK) call_reject(call, exception_of(call, code, error));
  finish(call);
  return call->promise;
}

napi_value lmdbx__call_end_throwing(struct lmdbx__call *call, int code,
                                    const struct lmdbx_error *error) {
  napi_value exception = code != LMDBX_OK ? exception_of(call, code, error) : NULL;
  napi_value undefined = NULL;
  /* A promise that nobody gets to see: settled, since that is what frees it. */
  if (code != LMDBX_OK && call->deferred != NULL &&
      napi_get_undefined(call->env, &undefined) == napi_ok) {
    (void)napi_resolve_deferred(call->env, call->deferred, undefined);
  }
  finish(call);
  if (exception != NULL) (void)napi_throw(call->env, exception);
  return code == LMDBX_OK ? call->promise : NULL;
}

struct lmdbx_issue lmdbx__call_issue(struct lmdbx__call *call, lmdbx_done done) {
  return (struct lmdbx_issue){.done = done,
                              .user = call->has_slot ? (void *)(uintptr_t)call->slot
                                                     : (void *)call->deferred,
                              .needs_flush = &call->needs_flush};
}

int lmdbx__take_repository(struct lmdbx__call *call, struct lmdbx_error *error) {
  void *data = NULL;
  if (call->addon->host == NULL ||
      napi_get_value_external(call->env, call->arguments[0], &data) != napi_ok) {
    return lmdbx_error_set(error, LMDBX_CLOSED, 0, "the repository's thread has ended");
  }
  call->repository = data;
  return LMDBX_OK;
}

int lmdbx__take_key_text(struct lmdbx__call *call, napi_value key, struct lmdbx_buffer *out,
                         struct lmdbx_error *error) {
  bool well_formed = false;
  size_t before = out->size;
  int code = lmdbx__string_utf8(call->env, &call->addon->types, key, out, &well_formed);
  if (code != LMDBX_OK) {
    out->size = before;
    return lmdbx_error_set(error, code, 0, "reading the key: memory ran out; try again");
  }
  if (well_formed) return LMDBX_OK;
  /* JSON escapes lone surrogates, so it was the tenant's. */
  return lmdbx_error_set(error, LMDBX_INVALID_ARGUMENT, 0,
                         "tenantId contains a lone surrogate and has no UTF-8; use a well-formed "
                         "string");
}

int lmdbx__take_key(struct lmdbx__call *call, struct lmdbx_slice *key, struct lmdbx_error *error) {
  const struct lmdbx__value_tape *tape = &call->addon->tape;
  uint32_t size = 0;
  int code = lmdbx__take_repository(call, error);
  if (code != LMDBX_OK) return code;
  if (napi_get_value_uint32(call->env, call->arguments[1], &size) == napi_ok &&
      size <= tape->key_limit) {
    call->key = (struct lmdbx_slice){tape->key, size};
  } else {
    call->addon->key.size = 0;
    code = lmdbx__take_key_text(call, call->arguments[1], &call->addon->key, error);
    call->key = (struct lmdbx_slice){call->addon->key.data, call->addon->key.size};
  }
  *key = call->key;
  return code;
}

int lmdbx__take_slot(struct lmdbx__call *call, struct lmdbx_error *error) {
  call->has_slot = napi_get_value_uint32(call->env, call->arguments[2], &call->slot) == napi_ok;
  if (call->has_slot) return LMDBX_OK;
  return lmdbx_error_set(error, LMDBX_INTERNAL, 0, "an operation without a slot");
}

napi_value lmdbx__request_call(napi_env env, napi_callback_info info, lmdbx__request request,
                               lmdbx_done done) {
  struct lmdbx__call call;
  struct lmdbx_error error = {0};
  if (!lmdbx__call_begin(&call, env, info)) return NULL;
  int code = lmdbx__take_repository(&call, &error);
  if (code == LMDBX_OK) code = lmdbx__call_promise(&call, &error);
  if (code == LMDBX_OK) {
    const struct lmdbx_issue issue = lmdbx__call_issue(&call, done);
    code = request(call.repository, &issue, &error);
  }
  return lmdbx__call_end(&call, code, &error);
}

napi_status lmdbx__export_functions(napi_env env, napi_value exports,
                                    const struct lmdbx__function *functions) {
  for (; functions->name != NULL; functions++) {
    napi_value function = NULL;
    napi_status status = napi_create_function(env, functions->name, NAPI_AUTO_LENGTH,
                                              functions->function, NULL, &function);
    if (status != napi_ok) return status;
    status = napi_set_named_property(env, exports, functions->name, function);
    if (status != napi_ok) return status;
  }
  return napi_ok;
}
