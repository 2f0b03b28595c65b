/*
 * Steps of a unit in the making, one a call, encoded straight into the memory of the unit:
 *
 *   newSteps(): steps
 *   addTape(repository, key, steps, text): size, or 0: the packing tape does not do
 *   addValue, addText(repository, key, steps, value or text): size
 *   addDelete(repository, key, steps): size
 *
 * The size is that of the keys and values of all steps so far.
 */
#include "binding/binding.h"

#include <stdlib.h>

#define FIRST_STEPS 16

int lmdbx__steps_wrong(struct lmdbx_error *error) {
  return lmdbx_error_set(error, LMDBX_INTERNAL, 0, "commit: the steps are not what they should be");
}

static int no_memory(struct lmdbx_error *error) {
  return lmdbx_error_set(error, LMDBX_NO_MEMORY, 0, "commit: memory ran out; nothing was written");
}

int lmdbx__steps_keep(struct lmdbx__step_list *steps, struct lmdbx_slice bytes,
                      struct lmdbx_error *error) {
  if (steps->bytes.size + bytes.size > LMDBX_MAX_UNIT_SIZE) {
    return lmdbx_error_set(error, LMDBX_INVALID_ARGUMENT, 0,
                           "one commit holds up to %zu bytes of keys and values; split the "
                           "operations up, with the checkpoint in the last part",
                           LMDBX_MAX_UNIT_SIZE);
  }
  return lmdbx_buffer_append(&steps->bytes, bytes.data, bytes.size) == LMDBX_OK ? LMDBX_OK
                                                                                : no_memory(error);
}

int lmdbx__steps_add(struct lmdbx__step_list *steps, struct lmdbx_step step,
                     struct lmdbx_error *error) {
  if (steps->count == steps->capacity) {
    size_t capacity = steps->capacity > 0 ? 2 * steps->capacity : FIRST_STEPS;
    struct lmdbx_step *grown = realloc(steps->step, capacity * sizeof *grown);
    if (grown == NULL) return no_memory(error);
    steps->step = grown;
    steps->capacity = capacity;
  }
  int code = lmdbx__steps_keep(steps, step.key, error);
  if (code == LMDBX_OK) code = lmdbx__steps_keep(steps, step.value, error);
  if (code == LMDBX_OK) steps->step[steps->count++] = step;
  return code;
}

void lmdbx__steps_forget(struct lmdbx__step_list *steps) {
  free(steps->step);
  lmdbx_buffer_free(&steps->bytes);
  *steps = (struct lmdbx__step_list){0};
}

/* ------------------------------------------------------------- one by one */

static void steps_finalize(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  lmdbx__steps_forget(data);
  free(data);
}

static napi_value new_steps(napi_env env, napi_callback_info info) {
  napi_value external = NULL;
  struct lmdbx__call call;
  struct lmdbx_error error = {0};
  if (!lmdbx__call_begin(&call, env, info)) return NULL;
  struct lmdbx__step_list *steps = calloc(1, sizeof *steps);
  if (steps != NULL &&
      napi_create_external(env, steps, steps_finalize, NULL, &external) == napi_ok) {
    return external;
  }
  free(steps);
  return lmdbx__call_end_throwing(&call, no_memory(&error), &error);
}

/* repository, key, steps, and what `take` encodes; NULL: a delete. As a put does it: the
 * value first, since its code may do anything, also to the scratch buffers. */
static napi_value add_call(napi_env env, napi_callback_info info, lmdbx__take take) {
  struct lmdbx__call call;
  struct lmdbx_error error = {0};
  void *steps = NULL;
  if (!lmdbx__call_begin(&call, env, info)) return NULL;
  struct lmdbx_buffer value = call.addon->value;
  call.addon->value = (struct lmdbx_buffer){0};
  value.size = 0;
  int code = lmdbx__take_repository(&call, &error);
  if (code == LMDBX_OK && napi_get_value_external(env, call.arguments[2], &steps) != napi_ok) {
    code = lmdbx__steps_wrong(&error);
  }
  if (code == LMDBX_OK && take != NULL) code = take(&call, call.arguments[3], &value, &error);
  bool unfit = code == LMDBX__TAPE_UNFIT;
  if (!unfit && code != LMDBX__JS_EXCEPTION) {
    struct lmdbx_step step = {.type = take != NULL ? LMDBX_STEP_PUT : LMDBX_STEP_DELETE,
                              .repository = call.repository,
                              .value = {value.data, value.size}};
    struct lmdbx_error key_error = {0};
    int key_code = lmdbx__take_key(&call, &step.key, &key_error);
    if (code == LMDBX_OK && key_code != LMDBX_OK) {
      code = key_code;
      error = key_error;
    }
    if (code == LMDBX_OK) code = lmdbx__steps_add(steps, step, &error);
  }
  if (unfit || code == LMDBX_OK) {
    uint32_t size = unfit ? 0 : (uint32_t)((struct lmdbx__step_list *)steps)->bytes.size;
    code = napi_create_uint32(env, size, &call.promise) == napi_ok ? LMDBX_OK : no_memory(&error);
  }
  lmdbx_buffer_free(&call.addon->value);
  call.addon->value = value;
  return lmdbx__call_end_throwing(&call, code, &error);
}

static napi_value add_tape(napi_env env, napi_callback_info info) {
  return add_call(env, info, lmdbx__take_tape);
}

static napi_value add_value(napi_env env, napi_callback_info info) {
  return add_call(env, info, lmdbx__take_value);
}

static napi_value add_text(napi_env env, napi_callback_info info) {
  return add_call(env, info, lmdbx__take_text);
}

static napi_value add_delete(napi_env env, napi_callback_info info) {
  return add_call(env, info, NULL);
}

napi_status lmdbx__step_functions(napi_env env, napi_value exports) {
  static const struct lmdbx__function functions[] = {
      {"newSteps", new_steps}, {"addTape", add_tape},     {"addValue", add_value},
      {"addText", add_text},   {"addDelete", add_delete}, {NULL, NULL},
  };
  return lmdbx__export_functions(env, exports, functions);
}
