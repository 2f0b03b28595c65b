/*
 * Units: several steps in one commit.
 *
 *   unit(repository, steps, slot, checkpoint, named)
 *
 * steps is one flat array, STEP_FIELDS items a step: its kind, the repository
 * (undefined: the first argument), the stored key, and what the kind needs; or what
 * newSteps() made and these have filled, one step a call:
 *
 *   addTape(repository, key, steps, text): 0, or 1: the packing tape does not do
 *   addValue, addText(repository, key, steps, value or text): 0
 *   addDelete(repository, key, steps): 0
 *
 * checkpoint is undefined, or [name, position | null, expected | null | undefined].
 * What is refused at once is thrown. Then the slot is settled: to undefined once the
 * commit is on disk, or to what a comparison met: the index of the step (-1: the
 * checkpoint's) and what is stored instead, if it was to say so. named: errors say
 * which operation they are about.
 *
 * Everything is first copied into memory of our own: getters, proxies and toJSON
 * may do anything meanwhile. Then the core looks at the repositories' state.
 */
#include "binding/binding.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum step_kind {            /* shared with lib/unit.js */
                 PUT_BYTES, /* a value that has been encoded */
                 DELETE,
                 COMPARE_STORED, /* bytes as they lie on disk */
                 COMPARE_VALUE,  /* bytes as they were put */
                 ABSENT
};
#define FIRST_STEPS 16
#define REPORTS 8 /* added to the kind of a comparison that says what is stored */

enum step_field { FIELD_KIND, FIELD_REPOSITORY, FIELD_KEY, FIELD_DATA, STEP_FIELDS };

/* Steps in the making. The bytes lie one behind the other in their order, each key
 * before its value; slices get their pointers when the bytes do not move any more. */
struct steps {
  struct lmdbx_buffer bytes;
  struct lmdbx_step *step;
  size_t count;
  size_t capacity;
};

struct unit {
  struct lmdbx__call *call;
  struct steps steps;          /* those of the checkpoint's bytes come last */
  struct lmdbx_buffer scratch; /* one key or value */
  bool has_checkpoint;
  struct lmdbx_checkpoint checkpoint;
  size_t at_fault; /* the step that was refused */
};

static int internal(struct lmdbx_error *error) {
  return lmdbx_error_set(error, LMDBX_INTERNAL, 0, "commit: the steps are not what they should be");
}

static int no_memory(struct lmdbx_error *error) {
  return lmdbx_error_set(error, LMDBX_NO_MEMORY, 0, "commit: memory ran out; nothing was written");
}

static int keep(struct steps *steps, struct lmdbx_slice bytes, struct lmdbx_error *error) {
  if (steps->bytes.size + bytes.size > LMDBX_MAX_UNIT_SIZE) {
    return lmdbx_error_set(error, LMDBX_INVALID_ARGUMENT, 0,
                           "one commit holds up to %zu bytes of keys and values; split the "
                           "operations up, with the checkpoint in the last part",
                           LMDBX_MAX_UNIT_SIZE);
  }
  return lmdbx_buffer_append(&steps->bytes, bytes.data, bytes.size) == LMDBX_OK ? LMDBX_OK
                                                                                : no_memory(error);
}

/* Adds a step; its slices are sizes alone until place_all. */
static int add(struct steps *steps, struct lmdbx_step step, struct lmdbx_error *error) {
  if (steps->count == steps->capacity) {
    size_t capacity = steps->capacity > 0 ? 2 * steps->capacity : FIRST_STEPS;
    struct lmdbx_step *grown = realloc(steps->step, capacity * sizeof *grown);
    if (grown == NULL) return no_memory(error);
    steps->step = grown;
    steps->capacity = capacity;
  }
  int code = keep(steps, step.key, error);
  if (code == LMDBX_OK) code = keep(steps, step.value, error);
  if (code == LMDBX_OK) steps->step[steps->count++] = step;
  return code;
}

static void free_steps(struct steps *steps) {
  free(steps->step);
  lmdbx_buffer_free(&steps->bytes);
  *steps = (struct steps){0};
}

/* ------------------------------------------------------------- from an array */

static int take_data(struct unit *unit, enum step_kind kind, napi_value data,
                     struct lmdbx_slice *out, struct lmdbx_error *error) {
  void *bytes = NULL;
  if (kind == DELETE || kind == ABSENT) return LMDBX_OK;
  if (napi_get_buffer_info(unit->call->env, data, &bytes, &out->size) != napi_ok) {
    return internal(error);
  }
  out->data = bytes;
  return LMDBX_OK;
}

static int take_step(struct unit *unit, const napi_value *fields, struct lmdbx_error *error) {
  static const enum lmdbx_step_type types[] = {
      [PUT_BYTES] = LMDBX_STEP_PUT,
      [DELETE] = LMDBX_STEP_DELETE,
      [COMPARE_STORED] = LMDBX_STEP_COMPARE_STORED,
      [COMPARE_VALUE] = LMDBX_STEP_COMPARE_VALUE,
      [ABSENT] = LMDBX_STEP_ABSENT,
  };
  napi_env env = unit->call->env;
  struct lmdbx_step step = {0};
  uint32_t kind = 0;
  napi_valuetype type = napi_undefined;
  void *repository = unit->call->repository;
  if (napi_get_value_uint32(env, fields[FIELD_KIND], &kind) != napi_ok ||
      napi_typeof(env, fields[FIELD_REPOSITORY], &type) != napi_ok) {
    return internal(error);
  }
  if (type != napi_undefined &&
      napi_get_value_external(env, fields[FIELD_REPOSITORY], &repository) != napi_ok) {
    return internal(error);
  }
  step.report = kind >= REPORTS;
  kind %= REPORTS;
  if (kind > ABSENT) return internal(error);
  step.type = types[kind];
  step.repository = repository;
  unit->scratch.size = 0;
  int code = lmdbx__take_key_text(unit->call, fields[FIELD_KEY], &unit->scratch, error);
  step.key = (struct lmdbx_slice){unit->scratch.data, unit->scratch.size};
  unit->call->key = step.key; /* for errors */
  if (code == LMDBX_OK) code = take_data(unit, kind, fields[FIELD_DATA], &step.value, error);
  return code == LMDBX_OK ? add(&unit->steps, step, error) : code;
}

static int take_array(struct unit *unit, napi_value array, struct lmdbx_error *error) {
  napi_env env = unit->call->env;
  uint32_t length = 0;
  if (napi_get_array_length(env, array, &length) != napi_ok || length % STEP_FIELDS != 0) {
    return internal(error);
  }
  int code = LMDBX_OK;
  for (uint32_t at = 0; at < length && code == LMDBX_OK; at += STEP_FIELDS) {
    napi_handle_scope scope = NULL;
    napi_value fields[STEP_FIELDS];
    if (napi_open_handle_scope(env, &scope) != napi_ok) return internal(error);
    for (uint32_t i = 0; i < STEP_FIELDS && code == LMDBX_OK; i++) {
      if (napi_get_element(env, array, at + i, &fields[i]) != napi_ok) code = internal(error);
    }
    if (code == LMDBX_OK) code = take_step(unit, fields, error);
    (void)napi_close_handle_scope(env, scope);
  }
  if (code == LMDBX_OK) unit->call->key = (struct lmdbx_slice){0};
  return code;
}

/* ----------------------------------------------------------- from one by one */

static void steps_finalize(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  free_steps(data);
  free(data);
}

static napi_value new_steps(napi_env env, napi_callback_info info) {
  napi_value external = NULL;
  struct lmdbx__call call;
  struct lmdbx_error error = {0};
  if (!lmdbx__call_begin(&call, env, info)) return NULL;
  struct steps *steps = calloc(1, sizeof *steps);
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
    code = internal(&error);
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
    if (code == LMDBX_OK) code = add(steps, step, &error);
  }
  if (unfit || code == LMDBX_OK) {
    code = napi_create_uint32(env, unfit, &call.promise) == napi_ok ? LMDBX_OK : no_memory(&error);
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

/* Steps from either; those of newSteps are used up. */
static int take_steps(struct unit *unit, napi_value given, struct lmdbx_error *error) {
  void *steps = NULL;
  if (napi_get_value_external(unit->call->env, given, &steps) != napi_ok) {
    return take_array(unit, given, error);
  }
  unit->steps = *(struct steps *)steps;
  *(struct steps *)steps = (struct steps){0};
  return LMDBX_OK;
}

/* ---------------------------------------------------------------- checkpoint */

/* A name, or msgpack of a position, into the bytes. */
static int take_part(struct unit *unit, napi_value value, bool name, struct lmdbx_slice *part,
                     struct lmdbx_error *error) {
  unit->scratch.size = 0;
  bool well_formed = true;
  int code = name ? lmdbx__string_utf8(unit->call->env, &unit->call->addon->types, value,
                                       &unit->scratch, &well_formed)
                  : lmdbx__take_value(unit->call, value, &unit->scratch, error);
  if (name && code != LMDBX_OK) {
    return lmdbx_error_set(error, code, 0, "checkpoint: its name could not be read");
  }
  part->size = unit->scratch.size;
  const struct lmdbx_slice bytes = {unit->scratch.data, unit->scratch.size};
  return code == LMDBX_OK ? keep(&unit->steps, bytes, error) : code;
}

static int take_checkpoint(struct unit *unit, napi_value array, struct lmdbx_error *error) {
  enum { NAME, POSITION, EXPECTED, COUNT };
  napi_env env = unit->call->env;
  struct lmdbx_checkpoint *checkpoint = &unit->checkpoint;
  napi_value fields[COUNT];
  napi_valuetype types[COUNT];
  napi_valuetype type = napi_undefined;
  if (napi_typeof(env, array, &type) != napi_ok) return internal(error);
  if (type == napi_undefined) return LMDBX_OK;
  for (uint32_t i = 0; i < COUNT; i++) {
    if (napi_get_element(env, array, i, &fields[i]) != napi_ok ||
        napi_typeof(env, fields[i], &types[i]) != napi_ok) {
      return internal(error);
    }
  }
  unit->has_checkpoint = true;
  unit->at_fault = LMDBX_FAILED_CHECKPOINT;
  int code = take_part(unit, fields[NAME], true, &checkpoint->name, error);
  if (code == LMDBX_OK && types[POSITION] != napi_null) {
    code = take_part(unit, fields[POSITION], false, &checkpoint->position, error);
  }
  if (types[EXPECTED] == napi_null) {
    checkpoint->expect = LMDBX_EXPECT_ABSENT;
  } else if (types[EXPECTED] != napi_undefined) {
    checkpoint->expect = LMDBX_EXPECT_EQUAL;
    if (code == LMDBX_OK) {
      code = take_part(unit, fields[EXPECTED], false, &checkpoint->expected, error);
    }
  }
  if (code == LMDBX_OK) unit->at_fault = LMDBX_FAILED_NONE;
  return code;
}

/* ------------------------------------------------------------------- issuing */

static void place(struct lmdbx_slice *slice, const uint8_t **at) {
  slice->data = *at;
  *at += slice->size;
}

static void place_all(struct unit *unit) {
  const uint8_t *at = unit->steps.bytes.data;
  for (size_t i = 0; i < unit->steps.count; i++) {
    place(&unit->steps.step[i].key, &at);
    place(&unit->steps.step[i].value, &at);
  }
  place(&unit->checkpoint.name, &at);
  place(&unit->checkpoint.position, &at);
  place(&unit->checkpoint.expected, &at);
}

/* "operation 3: " in front of a message. */
static void name_operation(struct lmdbx_error *error, size_t index) {
  char message[LMDBX_MESSAGE_SIZE];
  memcpy(message, error->message, sizeof message);
  (void)lmdbx_error_set(error, error->code, error->errnum, "operation %zu: %s", index, message);
}

static int convert_conflict(struct lmdbx__addon *addon, const struct lmdbx_result *result,
                            napi_value *out, struct lmdbx_error *error) {
  napi_env env = addon->env;
  napi_value index = NULL;
  napi_value actual = NULL;
  bool checkpoint = result->failed == LMDBX_FAILED_CHECKPOINT;
  int code = LMDBX_OK;
  if (!result->found) {
    code = lmdbx__convert_void(addon, result, &actual, error);
  } else if (checkpoint) {
    code = lmdbx__value_decode(env, &addon->types, result->value, &actual, error);
  } else if (napi_create_buffer_copy(env, result->value.size, result->value.data, NULL, &actual) !=
             napi_ok) {
    code = lmdbx_error_set(error, LMDBX_NO_MEMORY, 0, "the engine could not make the result");
  }
  if (code != LMDBX_OK) return code;
  if (napi_create_double(env, checkpoint ? -1 : (double)result->failed, &index) != napi_ok ||
      napi_create_array_with_length(env, 2, out) != napi_ok ||
      napi_set_element(env, *out, 0, index) != napi_ok ||
      napi_set_element(env, *out, 1, actual) != napi_ok) {
    return lmdbx_error_set(error, LMDBX_NO_MEMORY, 0, "the engine could not make the result");
  }
  return LMDBX_OK;
}

static void settle_unit(void *context, void *user, const struct lmdbx_result *result) {
  if (result->error == NULL || result->error->code != LMDBX_CONFLICT ||
      result->failed == LMDBX_FAILED_NONE) {
    lmdbx__settle_slot(context, user, result);
    return;
  }
  struct lmdbx_result conflict = *result;
  conflict.error = NULL;
  lmdbx__settle_slot_with(context, user, &conflict, convert_conflict);
}

static void settle_named(void *context, void *user, const struct lmdbx_result *result) {
  if (result->error == NULL || result->failed >= LMDBX_FAILED_CHECKPOINT) {
    settle_unit(context, user, result);
    return;
  }
  struct lmdbx_error error = *result->error;
  name_operation(&error, result->failed);
  struct lmdbx_result named = *result;
  named.error = &error;
  settle_unit(context, user, &named);
}

/* Issues what has been taken. */
static int issue(struct unit *unit, bool named, struct lmdbx_error *error) {
  struct lmdbx__call *call = unit->call;
  int code = lmdbx__take_repository(call, error); /* it may have ended meanwhile */
  if (code != LMDBX_OK) return code;
  place_all(unit);
  const struct lmdbx_issue to = lmdbx__call_issue(call, named ? settle_named : settle_unit);
  code = lmdbx_unit(call->repository, unit->steps.step, unit->steps.count,
                    unit->has_checkpoint ? &unit->checkpoint : NULL, &unit->at_fault, &to, error);
  if (code != LMDBX_OK && unit->at_fault < unit->steps.count) {
    call->key = unit->steps.step[unit->at_fault].key;
  }
  return code;
}

static napi_value unit_call(napi_env env, napi_callback_info info) {
  struct lmdbx__call call;
  struct lmdbx_error error = {0};
  bool named = false;
  if (!lmdbx__call_begin(&call, env, info)) return NULL;
  struct unit unit = {.call = &call, .at_fault = LMDBX_FAILED_NONE};
  int code = lmdbx__take_slot(&call, &error);
  if (code == LMDBX_OK) code = lmdbx__take_repository(&call, &error);
  if (code == LMDBX_OK && napi_get_value_bool(env, call.arguments[4], &named) != napi_ok) {
    code = internal(&error);
  }
  if (code == LMDBX_OK) code = take_steps(&unit, call.arguments[1], &error);
  if (code == LMDBX_OK) code = take_checkpoint(&unit, call.arguments[3], &error);
  if (code == LMDBX_OK) code = issue(&unit, named, &error);
  if (code > LMDBX_OK && named && unit.at_fault < unit.steps.count) {
    name_operation(&error, unit.at_fault);
  }
  napi_value nothing = lmdbx__call_end_throwing(&call, code, &error);
  free_steps(&unit.steps); /* holds the key of the error */
  lmdbx_buffer_free(&unit.scratch);
  return nothing;
}

napi_status lmdbx__batch_functions(napi_env env, napi_value exports) {
  static const struct lmdbx__function functions[] = {
      {"unit", unit_call},   {"newSteps", new_steps},
      {"addTape", add_tape}, {"addValue", add_value},
      {"addText", add_text}, {"addDelete", add_delete},
      {NULL, NULL},
  };
  return lmdbx__export_functions(env, exports, functions);
}
