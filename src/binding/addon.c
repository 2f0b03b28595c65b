/*
 * Loading: the addon's state for one JavaScript environment, and the executor
 * that lends the core the runtime's thread pool.
 *
 * Life. lib/index.js calls initialize once for each environment. At the
 * environment's end the cleanup hook destroys the host, which drops what has not
 * started; jobs that run on hold the host's memory, not the addon's. Finalizers
 * of externals come in any order, and after it.
 */
#include "binding/binding.h"

#include <stdlib.h>

static struct lmdbx__addon *addon_of(napi_env env) {
  void *data = NULL;
  return napi_get_instance_data(env, &data) == napi_ok ? data : NULL;
}

/* ------------------------------------------------------------------ executor */

struct work {
  napi_async_work handle;
  struct lmdbx_job *job;
};

static void work_execute(napi_env env, void *data) { /* pool thread */
  (void)env;
  lmdbx_job_run(((struct work *)data)->job);
}

/* Whether the environment is being torn down: then no call may reach JavaScript. */
static bool is_ending(napi_env env) {
  napi_value value = NULL;
  napi_value text = NULL;
  return napi_get_boolean(env, true, &value) != napi_ok ||
         napi_coerce_to_string(env, value, &text) != napi_ok;
}

/* Settling runs JavaScript, which may end the environment. */
static void end_delivery(struct lmdbx__addon *addon) {
  lmdbx__settle_gathered(addon);
  if (addon->host != NULL && lmdbx_host_wants_turn(addon->host)) lmdbx__end_turn_later(addon);
}

/* Under some runtimes this never comes for work that outlives its environment;
 * the few bytes of `work` are then lost with it. Node.js waits for all work of a
 * terminated worker before its cleanup hooks run, so the host must learn here
 * that it is to start none anew. */
static void work_complete(napi_env env, napi_status status, void *data) {
  (void)status; /* a dropped job is recognised by not having run */
  struct work *work = data;
  (void)napi_delete_async_work(env, work->handle);
  if (is_ending(env)) lmdbx_host_stop(lmdbx_job_host(work->job));
  struct lmdbx__addon *addon = addon_of(env);
  lmdbx_job_done(work->job);
  if (addon != NULL && addon->host != NULL) end_delivery(addon);
  free(work);
}

static int executor_submit(void *context, struct lmdbx_job *job) {
  struct lmdbx__addon *addon = context;
  napi_value name = NULL;
  struct work *work = malloc(sizeof *work);
  if (work == NULL) return -1;
  work->job = job;
  if (napi_create_string_utf8(addon->env, "lmdbx", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_async_work(addon->env, NULL, name, work_execute, work_complete, work,
                             &work->handle) != napi_ok) {
    free(work);
    return -1;
  }
  if (napi_queue_async_work(addon->env, work->handle) != napi_ok) {
    (void)napi_delete_async_work(addon->env, work->handle);
    free(work);
    return -1;
  }
  return 0;
}

void lmdbx__wake(void *context) { /* any thread, under the host's mutex */
  struct lmdbx__addon *addon = context;
  (void)napi_call_threadsafe_function(addon->wake, NULL, napi_tsfn_nonblocking);
}

static void executor_busy(void *context, bool busy) {
  struct lmdbx__addon *addon = context;
  if (busy) {
    (void)napi_ref_threadsafe_function(addon->env, addon->wake);
  } else {
    (void)napi_unref_threadsafe_function(addon->env, addon->wake);
  }
}

static void deliver_now(struct lmdbx__addon *addon) {
  lmdbx_host_deliver(addon->host);
  end_delivery(addon);
}

static void deliver(napi_env env, napi_value callback, void *context, void *data) {
  (void)callback;
  (void)data;
  struct lmdbx__addon *addon = context;
  if (env != NULL && addon->host != NULL) deliver_now(addon);
}

/* What a function without a result returns: Bun before 1.2.5 aborts where a
 * microtask or an event listener returns no value at all. */
static napi_value undefined(napi_env env) {
  napi_value value = NULL;
  (void)napi_get_undefined(env, &value);
  return value;
}

static napi_value turn(napi_env env, napi_callback_info info) {
  (void)info;
  struct lmdbx__addon *addon = addon_of(env);
  napi_handle_scope scope = NULL;
  if (addon != NULL && addon->host != NULL && napi_open_handle_scope(env, &scope) == napi_ok) {
    lmdbx_host_turn(addon->host);
    deliver_now(addon);
    (void)napi_close_handle_scope(env, scope);
  }
  return undefined(env);
}

static napi_value flush(napi_env env, napi_callback_info info) {
  (void)info;
  struct lmdbx__addon *addon = addon_of(env);
  napi_handle_scope scope = NULL;
  if (addon != NULL && addon->host != NULL && napi_open_handle_scope(env, &scope) == napi_ok) {
    lmdbx_host_flush(addon->host);
    (void)napi_close_handle_scope(env, scope);
  }
  return undefined(env);
}

/* For process.on("exit"): Node.js joins its pool on the way out. */
static napi_value stop(napi_env env, napi_callback_info info) {
  (void)info;
  struct lmdbx__addon *addon = addon_of(env);
  if (addon != NULL && addon->host != NULL) lmdbx_host_stop(addon->host);
  return undefined(env);
}

/* --------------------------------------------------------------------- state */

static void addon_end(void *data) { /* the cleanup hook */
  struct lmdbx__addon *addon = data;
  if (addon->host == NULL) return;
  lmdbx_host_destroy(addon->host);
  addon->host = NULL;
}

static void addon_finalize(napi_env env, void *data, void *hint) {
  (void)hint;
  struct lmdbx__addon *addon = data;
  if (addon->committed != NULL) (void)napi_delete_reference(env, addon->committed);
  const napi_ref references[] = {addon->create_error,        addon->add_value,
                                 addon->after_code,          addon->flush,
                                 addon->after_turn,          addon->turn,
                                 addon->settling.memory,     addon->settling.settle_many,
                                 addon->settling.settle_one, addon->settling.fail_one};
  addon_end(addon);
  for (size_t i = 0; i < sizeof references / sizeof references[0]; i++) {
    (void)napi_delete_reference(env, references[i]);
  }
  lmdbx__value_types_free(env, &addon->types);
  lmdbx__value_tape_free(env, &addon->tape);
  lmdbx_buffer_free(&addon->key);
  lmdbx_buffer_free(&addon->value);
  free(addon);
}

static napi_status take_function(napi_env env, napi_value from, const char *name, napi_ref *out) {
  napi_value function = NULL;
  napi_status status = napi_get_named_property(env, from, name, &function);
  if (status != napi_ok) return status;
  return napi_create_reference(env, function, 1, out);
}

static napi_status own_function(napi_env env, const char *name, napi_callback call, napi_ref *out) {
  napi_value function = NULL;
  napi_status status = napi_create_function(env, name, NAPI_AUTO_LENGTH, call, NULL, &function);
  return status == napi_ok ? napi_create_reference(env, function, 1, out) : status;
}

static napi_status create_wake(struct lmdbx__addon *addon) {
  napi_value name = NULL;
  napi_status status = napi_create_string_utf8(addon->env, "lmdbx", NAPI_AUTO_LENGTH, &name);
  if (status != napi_ok) return status;
  status = napi_create_threadsafe_function(addon->env, NULL, NULL, name, 0, 1, NULL, NULL, addon,
                                           deliver, &addon->wake);
  if (status != napi_ok) return status;
  return napi_unref_threadsafe_function(addon->env, addon->wake);
}

static napi_status take_schedulers(struct lmdbx__addon *addon, napi_value helpers) {
  napi_env env = addon->env;
  napi_status status = take_function(env, helpers, "afterCode", &addon->after_code);
  if (status == napi_ok) status = take_function(env, helpers, "afterTurn", &addon->after_turn);
  if (status == napi_ok) status = own_function(env, "flush", flush, &addon->flush);
  return status == napi_ok ? own_function(env, "turn", turn, &addon->turn) : status;
}

/* pending: the exports of lib/pending.js. */
static napi_status take_settling(struct lmdbx__addon *addon, napi_value pending) {
  struct lmdbx__settling *settling = &addon->settling;
  void *outcomes = NULL;
  size_t length = 0;
  napi_status status =
      lmdbx__shared_memory(addon->env, pending, "outcomes", &settling->memory, &outcomes, &length);
  settling->outcomes = outcomes;
  settling->limit = length / 2;
  if (status == napi_ok) {
    status = take_function(addon->env, pending, "settleMany", &settling->settle_many);
  }
  if (status == napi_ok) {
    status = take_function(addon->env, pending, "settleOne", &settling->settle_one);
  }
  return status == napi_ok ? take_function(addon->env, pending, "failOne", &settling->fail_one)
                           : status;
}

/* What lib/ hands over. */
static bool take_helpers(struct lmdbx__addon *addon, napi_value helpers, uint32_t *pool_threads) {
  napi_env env = addon->env;
  napi_value value = NULL;
  napi_value define_shape = NULL;
  return take_function(env, helpers, "createError", &addon->create_error) == napi_ok &&
         take_function(env, helpers, "addValue", &addon->add_value) == napi_ok &&
         napi_get_named_property(env, helpers, "poolThreads", &value) == napi_ok &&
         napi_get_value_uint32(env, value, pool_threads) == napi_ok &&
         napi_get_named_property(env, helpers, "values", &value) == napi_ok &&
         lmdbx__value_types_init(env, &addon->types, value) == LMDBX_OK &&
         napi_get_named_property(env, helpers, "pending", &value) == napi_ok &&
         take_settling(addon, value) == napi_ok &&
         napi_get_named_property(env, helpers, "defineShape", &define_shape) == napi_ok &&
         napi_get_named_property(env, helpers, "tape", &value) == napi_ok &&
         lmdbx__value_tape_init(env, &addon->tape, value, define_shape) == napi_ok;
}

/* initialize({ createError, poolThreads, values, pending, tape, defineShape, addValue, afterCode,
 * afterTurn }): once an environment. */
static napi_value initialize(napi_env env, napi_callback_info info) {
  static const struct lmdbx_executor executor = {executor_submit, lmdbx__wake, executor_busy};
  napi_value helpers = NULL;
  size_t count = 1;
  uint32_t pool_threads = 0;
  if (addon_of(env) != NULL) return undefined(env);
  struct lmdbx__addon *addon = calloc(1, sizeof *addon);
  if (addon == NULL) goto failed;
  addon->env = env;
  lmdbx_memory_keep();
  if (napi_get_cb_info(env, info, &count, &helpers, NULL, NULL) != napi_ok ||
      take_schedulers(addon, helpers) != napi_ok || !take_helpers(addon, helpers, &pool_threads) ||
      create_wake(addon) != napi_ok ||
      lmdbx_host_create(&executor, addon, pool_threads, &addon->host, NULL) != LMDBX_OK) {
    goto failed;
  }
  /* After the threadsafe function: hooks run last in, first out. */
  if (napi_set_instance_data(env, addon, addon_finalize, NULL) != napi_ok) goto failed;
  if (napi_add_env_cleanup_hook(env, addon_end, addon) != napi_ok) {
    (void)napi_throw_error(env, "LMDBX_INTERNAL", "loading: no cleanup hook could be added");
  }
  return undefined(env);
failed:
  if (addon != NULL && addon->host != NULL) lmdbx_host_destroy(addon->host);
  free(addon); /* references die with the environment, which cannot use them */
  (void)napi_throw_error(env, "LMDBX_INTERNAL", "loading: the addon could not be initialised");
  return NULL;
}

NAPI_MODULE_INIT() {
  napi_value function = NULL;
  if (napi_create_function(env, "initialize", NAPI_AUTO_LENGTH, initialize, NULL, &function) !=
          napi_ok ||
      napi_set_named_property(env, exports, "initialize", function) != napi_ok ||
      napi_create_function(env, "stop", NAPI_AUTO_LENGTH, stop, NULL, &function) != napi_ok ||
      napi_set_named_property(env, exports, "stop", function) != napi_ok ||
      lmdbx__repository_functions(env, exports) != napi_ok ||
      lmdbx__point_functions(env, exports) != napi_ok ||
      lmdbx__batch_functions(env, exports) != napi_ok ||
      lmdbx__step_functions(env, exports) != napi_ok ||
      lmdbx__stored_functions(env, exports) != napi_ok ||
      lmdbx__scan_functions(env, exports) != napi_ok ||
      lmdbx__operation_functions(env, exports) != napi_ok ||
      lmdbx__tool_functions(env, exports) != napi_ok) {
    return NULL;
  }
  return exports;
}
