#include "binding/binding.h"

/* ------------------------------------------------------------ shared memory */

napi_status lmdbx__shared_memory(napi_env env, napi_value holder, const char *name, napi_ref *keep,
                                 void **data, size_t *length) {
  napi_value array = NULL;
  napi_status status = napi_get_named_property(env, holder, name, &array);
  if (status == napi_ok) {
    status = napi_get_typedarray_info(env, array, NULL, length, data, NULL, NULL);
  }
  return status == napi_ok ? napi_create_reference(env, array, 1, keep) : status;
}

/* Has lib/assemble.js compile a function for a shape. */
static bool define_shape_of(void *context, uint32_t number, const struct lmdbx_slice *names,
                            size_t count) {
  struct lmdbx__value_tape *tape = context;
  napi_env env = tape->env;
  napi_value arguments[2] = {NULL, NULL}; /* number, names */
  napi_value function = NULL;
  napi_value undefined = NULL;
  napi_value answer = NULL;
  bool defined = false;
  napi_status status = napi_create_uint32(env, number, &arguments[0]);
  if (status == napi_ok) status = napi_create_array_with_length(env, count, &arguments[1]);
  for (size_t i = 0; i < count && status == napi_ok; i++) {
    napi_value name = NULL;
    status = napi_create_string_utf8(env, (const char *)names[i].data, names[i].size, &name);
    if (status == napi_ok) status = napi_set_element(env, arguments[1], (uint32_t)i, name);
  }
  if (status == napi_ok) status = napi_get_reference_value(env, tape->define_shape, &function);
  if (status == napi_ok) status = napi_get_undefined(env, &undefined);
  if (status == napi_ok) {
    status = napi_call_function(env, undefined, function, 2, arguments, &answer);
  }
  if (status == napi_ok) status = napi_get_value_bool(env, answer, &defined);
  if (status == napi_ok) return defined;
  (void)lmdbx__error_take_pending(env);
  return false;
}

napi_status lmdbx__value_tape_init(napi_env env, struct lmdbx__value_tape *tape, napi_value memory,
                                   napi_value define_shape) {
  enum { B_OPS, B_NUMBERS, B_BYTES, P_OPS, P_NUMBERS, P_BYTES, KEY, COUNT };
  static const char *const names[COUNT] = {"ops",     "numbers", "bytes", "ops",
                                           "numbers", "bytes",   "key"};
  void *data[COUNT] = {NULL};
  size_t length[COUNT] = {0};
  napi_value building = NULL;
  napi_value packing = NULL;
  tape->env = env;
  napi_status status = napi_create_reference(env, define_shape, 1, &tape->define_shape);
  if (status == napi_ok) status = napi_get_named_property(env, memory, "building", &building);
  if (status == napi_ok) status = napi_get_named_property(env, memory, "packing", &packing);
  for (size_t i = 0; i < COUNT && status == napi_ok; i++) {
    napi_value holder = i < P_OPS ? building : i < KEY ? packing : memory;
    status = lmdbx__shared_memory(env, holder, names[i], &tape->memory[i], &data[i], &length[i]);
  }
  tape->building = (struct lmdbx__tape){
      .ops = data[B_OPS],
      .op_limit = length[B_OPS],
      .numbers = data[B_NUMBERS],
      .number_limit = length[B_NUMBERS],
      .bytes = data[B_BYTES],
      .byte_limit = length[B_BYTES],
      .shapes = {.define = define_shape_of, .context = tape},
  };
  tape->packing = (struct lmdbx__tape_source){
      .ops = data[P_OPS],
      .op_limit = length[P_OPS],
      .numbers = data[P_NUMBERS],
      .number_limit = length[P_NUMBERS],
      .bytes = data[P_BYTES],
      .byte_limit = length[P_BYTES],
  };
  tape->key = data[KEY];
  tape->key_limit = length[KEY];
  return status;
}

void lmdbx__value_tape_free(napi_env env, struct lmdbx__value_tape *tape) {
  if (tape->define_shape != NULL) (void)napi_delete_reference(env, tape->define_shape);
  for (size_t i = 0; i < sizeof tape->memory / sizeof tape->memory[0]; i++) {
    if (tape->memory[i] != NULL) (void)napi_delete_reference(env, tape->memory[i]);
  }
  lmdbx_buffer_free(&tape->building.text);
  lmdbx__tape_names_free(&tape->names);
  lmdbx__shapes_free(&tape->building.shapes);
  *tape = (struct lmdbx__value_tape){0};
}

/* ------------------------------------------------------------------ building */

static napi_status create_chunk(struct lmdbx__value_tape *tape, size_t index, napi_value *out) {
  const struct lmdbx__tape_chunk *chunk = &tape->building.chunks[index];
  const uint8_t *data = chunk->data != NULL ? chunk->data : tape->building.text.data + chunk->start;
  return lmdbx__text_create(tape->env, (struct lmdbx_slice){data, chunk->size}, chunk->width, out);
}

napi_status lmdbx__value_tape_text(struct lmdbx__value_tape *tape, napi_value *out) {
  size_t count = tape->building.chunk_count;
  if (count == 0) return napi_create_string_latin1(tape->env, "", 0, out);
  if (count == 1) return create_chunk(tape, 0, out);
  napi_status status = napi_create_array_with_length(tape->env, count, out);
  for (size_t i = 0; i < count && status == napi_ok; i++) {
    napi_value piece = NULL;
    status = create_chunk(tape, i, &piece);
    if (status == napi_ok) status = napi_set_element(tape->env, *out, (uint32_t)i, piece);
  }
  return status;
}

int lmdbx__value_tape_build(struct lmdbx__value_tape *tape, struct lmdbx_slice value, bool json,
                            napi_value *out, struct lmdbx_error *error) {
  int code = json ? lmdbx__tape_build_json(&tape->building, value)
                  : lmdbx__tape_build(&tape->building, value, error);
  if (code != LMDBX_OK) return code;
  if (lmdbx__value_tape_text(tape, out) == napi_ok) return LMDBX_OK;
  bool pending = false;
  (void)napi_is_exception_pending(tape->env, &pending);
  if (pending) return LMDBX__JS_EXCEPTION;
  return lmdbx_error_set(error, LMDBX_NO_MEMORY, 0,
                         "building the value: the JavaScript engine could not create its text");
}

int lmdbx__value_tape_next(struct lmdbx__value_tape *tape, struct lmdbx_slice value,
                           enum lmdbx_encoding encoding, bool first) {
  if (first) lmdbx__tape_begin(&tape->building);
  return lmdbx__tape_next(&tape->building, value, encoding);
}

/* ------------------------------------------------------------------- packing */

/* Whether the tape is one string, and nothing else. */
static bool is_text(const struct lmdbx__tape_source *tape) {
  const uint32_t op = (1U << LMDBX__TAPE_OP_BITS) - 1;
  return ((uint32_t)tape->ops[0] & op) == LMDBX__TAPE_TEXT &&
         ((uint32_t)tape->ops[1] & op) == LMDBX__TAPE_END;
}

int lmdbx__value_tape_pack(struct lmdbx__value_tape *tape, struct lmdbx__value_types *types,
                           napi_value text, struct lmdbx_buffer *scratch,
                           struct lmdbx_buffer *out) {
  bool well_formed = true;
  size_t start = scratch->size;
  napi_valuetype type = napi_undefined;
  int code = LMDBX_OK;
  if (napi_typeof(tape->env, text, &type) != napi_ok) return LMDBX_INTERNAL;
  if (type == napi_string && is_text(&tape->packing)) {
    size_t units = (size_t)(tape->packing.ops[0] >> LMDBX__TAPE_OP_BITS);
    code = lmdbx__string_packed(tape->env, types, text, units, out, &well_formed);
    return code == LMDBX_OK && !well_formed ? LMDBX__TAPE_UNFIT : code;
  }
  if (type == napi_string) code = lmdbx__string_utf8(tape->env, types, text, scratch, &well_formed);
  if (code != LMDBX_OK) return code;
  if (!well_formed) return LMDBX__TAPE_UNFIT;
  tape->packing.text = (struct lmdbx_slice){scratch->data + start, scratch->size - start};
  return lmdbx__tape_pack(&tape->packing, &tape->names, out);
}
