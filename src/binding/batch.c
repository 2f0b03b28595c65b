/*
 * Units: several steps in one commit.
 *
 *   unit(repository, steps, slot, checkpoint, named, overLimit)
 *
 * steps is one flat array, STEP_FIELDS items a step: its kind, the repository
 * (undefined: the first argument), the stored key, and what the kind needs; or what
 * newSteps() made (steps.c).
 *
 * checkpoint is undefined, or [name, position | null, expected | null | undefined].
 * What is refused at once is thrown. Then the slot is settled: to undefined once the
 * commit is on disk, or to what a comparison met: the index of the step (-1: the
 * checkpoint's) and what is stored instead, if it was to say so. named: errors say
 * which step they are about, in `index`. overLimit: it is let in though the queue is full.
 *
 * Everything is first copied into memory of our own: getters, proxies and toJSON
 * may do anything meanwhile. Then the core looks at the repositories' state.
 */
#include "binding/binding.h"

enum step_kind {            /* shared with lib/unit.js */
                 PUT_BYTES, /* a value that has been encoded */
                 DELETE,
                 COMPARE_STORED, /* bytes as they lie on disk */
                 COMPARE_VALUE,  /* bytes as they were put */
                 ABSENT
};
#define REPORTS 8 /* added to the kind of a comparison that says what is stored */

enum step_field { FIELD_KIND, FIELD_REPOSITORY, FIELD_KEY, FIELD_DATA, STEP_FIELDS };

struct unit {
  struct lmdbx__call *call;
  struct lmdbx__step_list steps; /* those of the checkpoint's bytes come last */
  struct lmdbx_buffer scratch;   /* one key or value */
  bool has_checkpoint;
  struct lmdbx_checkpoint checkpoint;
  size_t at_fault; /* the step that was refused */
};

/* ------------------------------------------------------------- from an array */

static int take_data(struct unit *unit, enum step_kind kind, napi_value data,
                     struct lmdbx_slice *out, struct lmdbx_error *error) {
  void *bytes = NULL;
  if (kind == DELETE || kind == ABSENT) return LMDBX_OK;
  if (napi_get_buffer_info(unit->call->env, data, &bytes, &out->size) != napi_ok) {
    return lmdbx__steps_wrong(error);
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
    return lmdbx__steps_wrong(error);
  }
  if (type != napi_undefined &&
      napi_get_value_external(env, fields[FIELD_REPOSITORY], &repository) != napi_ok) {
    return lmdbx__steps_wrong(error);
  }
  step.report = kind >= REPORTS;
  kind %= REPORTS;
  if (kind > ABSENT) return lmdbx__steps_wrong(error);
  step.type = types[kind];
  step.repository = repository;
  unit->scratch.size = 0;
  int code = lmdbx__take_key_text(unit->call, fields[FIELD_KEY], &unit->scratch, error);
  step.key = (struct lmdbx_slice){unit->scratch.data, unit->scratch.size};
  unit->call->key = step.key; /* for errors */
  if (code == LMDBX_OK) code = take_data(unit, kind, fields[FIELD_DATA], &step.value, error);
  return code == LMDBX_OK ? lmdbx__steps_add(&unit->steps, step, error) : code;
}

static int take_array(struct unit *unit, napi_value array, struct lmdbx_error *error) {
  napi_env env = unit->call->env;
  uint32_t length = 0;
  if (napi_get_array_length(env, array, &length) != napi_ok || length % STEP_FIELDS != 0) {
    return lmdbx__steps_wrong(error);
  }
  int code = LMDBX_OK;
  for (uint32_t at = 0; at < length && code == LMDBX_OK; at += STEP_FIELDS) {
    napi_handle_scope scope = NULL;
    napi_value fields[STEP_FIELDS];
    if (napi_open_handle_scope(env, &scope) != napi_ok) return lmdbx__steps_wrong(error);
    for (uint32_t i = 0; i < STEP_FIELDS && code == LMDBX_OK; i++) {
      if (napi_get_element(env, array, at + i, &fields[i]) != napi_ok)
        code = lmdbx__steps_wrong(error);
    }
    if (code == LMDBX_OK) code = take_step(unit, fields, error);
    (void)napi_close_handle_scope(env, scope);
  }
  if (code == LMDBX_OK) unit->call->key = (struct lmdbx_slice){0};
  return code;
}

/* Steps from either; those of newSteps are used up. */
static int take_steps(struct unit *unit, napi_value given, struct lmdbx_error *error) {
  void *steps = NULL;
  if (napi_get_value_external(unit->call->env, given, &steps) != napi_ok) {
    return take_array(unit, given, error);
  }
  unit->steps = *(struct lmdbx__step_list *)steps;
  *(struct lmdbx__step_list *)steps = (struct lmdbx__step_list){0};
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
  return code == LMDBX_OK ? lmdbx__steps_keep(&unit->steps, bytes, error) : code;
}

static int take_checkpoint(struct unit *unit, napi_value array, struct lmdbx_error *error) {
  enum { NAME, POSITION, EXPECTED, COUNT };
  napi_env env = unit->call->env;
  struct lmdbx_checkpoint *checkpoint = &unit->checkpoint;
  napi_value fields[COUNT];
  napi_valuetype types[COUNT];
  napi_valuetype type = napi_undefined;
  if (napi_typeof(env, array, &type) != napi_ok) return lmdbx__steps_wrong(error);
  if (type == napi_undefined) return LMDBX_OK;
  for (uint32_t i = 0; i < COUNT; i++) {
    if (napi_get_element(env, array, i, &fields[i]) != napi_ok ||
        napi_typeof(env, fields[i], &types[i]) != napi_ok) {
      return lmdbx__steps_wrong(error);
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
  lmdbx__settle_slot_error(context, user, result, result->failed + 1);
}

/* Issues what has been taken. */
static int issue(struct unit *unit, bool named, bool over_limit, struct lmdbx_error *error) {
  struct lmdbx__call *call = unit->call;
  int code = lmdbx__take_repository(call, error); /* it may have ended meanwhile */
  if (code != LMDBX_OK) return code;
  place_all(unit);
  struct lmdbx_issue to = lmdbx__call_issue(call, named ? settle_named : settle_unit);
  to.over_limit = over_limit;
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
  bool over_limit = false;
  if (!lmdbx__call_begin(&call, env, info)) return NULL;
  struct unit unit = {.call = &call, .at_fault = LMDBX_FAILED_NONE};
  int code = lmdbx__take_slot(&call, &error);
  if (code == LMDBX_OK) code = lmdbx__take_repository(&call, &error);
  if (code == LMDBX_OK && (napi_get_value_bool(env, call.arguments[4], &named) != napi_ok ||
                           napi_get_value_bool(env, call.arguments[5], &over_limit) != napi_ok)) {
    code = lmdbx__steps_wrong(&error);
  }
  if (code == LMDBX_OK) code = take_steps(&unit, call.arguments[1], &error);
  if (code == LMDBX_OK) code = take_checkpoint(&unit, call.arguments[3], &error);
  if (code == LMDBX_OK) code = issue(&unit, named, over_limit, &error);
  if (code > LMDBX_OK && named && unit.at_fault < unit.steps.count) {
    call.operation = unit.at_fault + 1;
  }
  napi_value nothing = lmdbx__call_end_throwing(&call, code, &error);
  lmdbx__steps_forget(&unit.steps); /* holds the key of the error */
  lmdbx_buffer_free(&unit.scratch);
  return nothing;
}

napi_status lmdbx__batch_functions(napi_env env, napi_value exports) {
  static const struct lmdbx__function functions[] = {{"unit", unit_call}, {NULL, NULL}};
  return lmdbx__export_functions(env, exports, functions);
}
