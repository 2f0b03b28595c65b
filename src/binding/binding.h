/*
 * binding - the only place that knows N-API. Arguments in, values, promises and
 * errors out; what they mean is decided in the layers below.
 *
 * Everything here runs on the JavaScript thread of one environment (main thread
 * or worker), except the execute callback of a job and the waking of the thread.
 * State lives in struct lmdbx__addon, the environment's instance data; there are
 * no globals, since the addon is loaded once and used by many environments.
 *
 * No call here throws: what goes wrong rejects the promise that the call
 * returns. Only `open`, which returns no promise, throws. Reads that can be
 * answered at once return the answer itself instead of a promise.
 */
#ifndef LMDBX_BINDING_BINDING_H
#define LMDBX_BINDING_BINDING_H

#include "binding/value.h"
#include "binding/value_tape.h"
#include "lmdbx.h"

#include <node_api.h>

/* lib/pending.js: promises by slot, and the memory in which outcomes are handed over, many
 * at a time. All zero before the environment is initialised. */
struct lmdbx__settling {
  napi_ref settle_many, settle_one, fail_one;
  napi_ref memory; /* keeps `outcomes` where it is */
  int32_t *outcomes;
  size_t limit, count; /* pairs */
  size_t values;       /* of these, how many have their value on the building tape */
};

struct lmdbx__addon {
  napi_env env;
  struct lmdbx_host *host; /* NULL after the environment's end */
  napi_threadsafe_function wake;
  struct lmdbx__value_types types;
  struct lmdbx__value_tape tape;
  struct lmdbx__settling settling;
  napi_ref create_error; /* lib/errors.js */
  napi_ref committed;    /* of lib/diagnostics.js; NULL: commits are not watched */
  napi_ref add_value;    /* lib/decode.js */
  napi_ref after_code;   /* this and after_turn: lib/turn.js */
  napi_ref flush;        /* our own function, for after_code */
  napi_ref after_turn;
  napi_ref turn;             /* our own function, for after_turn */
  struct lmdbx_buffer key;   /* scratch, kept from call to call */
  struct lmdbx_buffer value; /* likewise, given back when large */
};

/* The most scratch memory kept between two calls. */
#define LMDBX__SCRATCH_KEPT ((size_t)1024 * 1024)

/* ------------------------------------------------------------ the functions */

/*
 * What lib/ calls:
 *
 *   open(configuration: string): repository               throws
 *   ready, close(repository): Promise<undefined>
 *   state(repository), counters(repository): string
 *   stats(repository): Promise<string>
 *   get(repository, key, slot): an answer
 *   has, delete(repository, key, slot): an answer
 *   put(repository, key, slot, text): an answer        msgpack, from the packing tape
 *   putValue(repository, key, slot, value): an answer  msgpack, of any value
 *   putText(repository, key, slot, text): an answer    json, string
 *   defineName(name: string): boolean                  the next name of the packing tape
 *   jsonPosition(text: string): number                 where it stops being JSON, in bytes
 *   unit(repository, steps, slot, checkpoint?, named: boolean): undefined   see batch.c; throws
 *     the slot's: undefined | [failed: number, actual]
 *   newSteps, addTape, addValue, addText, addDelete:         see steps.c; throw
 *   encode(repository, text): Buffer              msgpack, from the packing tape; throws
 *     undefined: the packing tape does not do, try encodeValue
 *   encodeValue(repository, value, key): Buffer                 of any value; throws
 *   encodeText(repository, text, key): Buffer                 json, string; throws
 *   decode(repository, bytes: Buffer, stored: boolean, key): what a get answers    throws
 *   getStored(repository, key): Promise<Buffer | undefined>, or that
 *   getCheckpoint(repository, name): Promise<position | undefined>, or that
 *   checkpoints(repository): Promise<[name, position, name, position ...]>
 *   mayJoin(repository, other): undefined                    throws
 *   clear(repository, prefix): Promise<number>
 *   reset(repository): Promise<undefined>
 *   query(repository, prefix, mode, text?, limit?, snapshot?): Promise<page>, or the page
 *   next(scan): Promise<page>
 *   end(scan)
 *   snapshot(repository): snapshot                        throws
 *   closeSnapshot(snapshot)
 *   watch(callback(path, operations, bytes, milliseconds, transactions) | undefined)
 *                                    told of commits
 *   backup(repository, target: string, compact: boolean): Promise<part>
 *   backupNext(backup, abandon: boolean): Promise<part>
 *                                    part: [bytes, total], or [bytes, total, backup]
 *   readers(path, clearStale): [cleared, [pid, transaction][]]        throws, blocks
 *
 * A key is a stored key as a string, or how many bytes of it lie in the shared key
 * memory. An answer is 0: the slot's promise will be settled (settle.c); 1: the
 * packing tape does not do, try putValue; an Error; or what was found, at once:
 * undefined, a boolean, text (encoding string: the value; else that of the building
 * tape, which may also be an array of several), or { value } (json: its text).
 *
 * A query's prefix is the tenant id and a colon; mode is one of enum lmdbx_query_kind
 * with flags; text has the cuts of a range, or the JSON texts of keys, a line each.
 *
 *   page of keys: their text, or [texts, scan] with more to follow or several texts: one, or an
 *     array of them. A text is JSON, an array; a space behind it says that it is of strings alone,
 *     all of ASCII without escapes
 *   page of a count: number, or [number, scan]
 *   pages with values: [values, scan | undefined, text of keys, error]; with an error the
 *     values end before the one that it is about.
 */
#define LMDBX__MODE_KIND 15U
#define LMDBX__MODE_REVERSE 16U
#define LMDBX__MODE_ONE_MOMENT 32U

napi_status lmdbx__repository_functions(napi_env env, napi_value exports);
napi_status lmdbx__point_functions(napi_env env, napi_value exports);
napi_status lmdbx__scan_functions(napi_env env, napi_value exports);
napi_status lmdbx__batch_functions(napi_env env, napi_value exports);
napi_status lmdbx__step_functions(napi_env env, napi_value exports);
napi_status lmdbx__stored_functions(napi_env env, napi_value exports);
napi_status lmdbx__operation_functions(napi_env env, napi_value exports);
napi_status lmdbx__tool_functions(napi_env env, napi_value exports);

/* A table of functions ends with a NULL name. */
struct lmdbx__function {
  const char *name;
  napi_callback function;
};
napi_status lmdbx__export_functions(napi_env env, napi_value exports,
                                    const struct lmdbx__function *functions);

/* ------------------------------------------------------------------- call.c */

#define LMDBX__MAX_ARGUMENTS 6

/* One call: its arguments, and the promise it returns. */
struct lmdbx__call {
  struct lmdbx__addon *addon;
  napi_env env;
  napi_value arguments[LMDBX__MAX_ARGUMENTS];
  struct lmdbx_repository *repository;
  struct lmdbx_slice key; /* taken last; for errors */
  size_t operation;       /* as of struct lmdbx__error_place */
  uint32_t slot;          /* of calls that have one instead of a promise */
  bool has_slot;
  napi_deferred deferred;
  napi_value promise; /* what the call returns; with an answer at once, that */
  bool needs_flush;
  bool needs_turn;
};

/* false: the environment has ended; return NULL. */
bool lmdbx__call_begin(struct lmdbx__call *call, napi_env env, napi_callback_info info);
/* The executor's wake; context: the addon. */
void lmdbx__wake(void *context); /* addon.c; any thread */
/* Makes the promise, if there is none yet. */
int lmdbx__call_promise(struct lmdbx__call *call, struct lmdbx_error *error);
/* Ends a call: what was not accepted rejects its promise; what was is flushed in
 * a microtask, which runs after everything else of this turn. */
napi_value lmdbx__call_end(struct lmdbx__call *call, int code, const struct lmdbx_error *error);
/* The same for a call that throws what was not accepted. */
napi_value lmdbx__call_end_throwing(struct lmdbx__call *call, int code,
                                    const struct lmdbx_error *error);
/* Has lmdbx_host_turn called, and what has finished delivered, when the loop has turned; at
 * once where the engine refuses, as it does when it ends. */
void lmdbx__end_turn_later(struct lmdbx__addon *addon);
struct lmdbx_issue lmdbx__call_issue(struct lmdbx__call *call, lmdbx_done done);
/* The first argument; and the second, a stored key, valid until JavaScript runs. */
int lmdbx__take_repository(struct lmdbx__call *call, struct lmdbx_error *error);
int lmdbx__take_key(struct lmdbx__call *call, struct lmdbx_slice *key, struct lmdbx_error *error);
/* The third: the call then answers instead of returning a promise. */
int lmdbx__take_slot(struct lmdbx__call *call, struct lmdbx_error *error);

/* A call whose one argument is the repository, and whose promise `done` settles. */
typedef int (*lmdbx__request)(struct lmdbx_repository *repository, const struct lmdbx_issue *issue,
                              struct lmdbx_error *error);
napi_value lmdbx__request_call(napi_env env, napi_callback_info info, lmdbx__request request,
                               lmdbx_done done);

/* Appends the UTF-8 of a stored key. */
int lmdbx__take_key_text(struct lmdbx__call *call, napi_value key, struct lmdbx_buffer *out,
                         struct lmdbx_error *error);

/* ----------------------------------------------------------------- points.c */

/* A kind of operation that returns a promise: how it is asked for, and for reads, how
 * it may be answered on this thread. */
typedef int (*lmdbx__convert)(struct lmdbx__addon *addon, const struct lmdbx_result *result,
                              napi_value *out, struct lmdbx_error *error);
struct lmdbx__point {
  int (*request)(struct lmdbx_repository *repository, struct lmdbx_slice key,
                 const struct lmdbx_issue *issue, struct lmdbx_error *error);
  lmdbx_done done;
  bool (*answer)(struct lmdbx_repository *repository, struct lmdbx_slice key,
                 struct lmdbx_now *now); /* NULL: never */
  lmdbx__convert convert;
};
/* One with the arguments repository, key. */
napi_value lmdbx__promise_call(napi_env env, napi_callback_info info,
                               const struct lmdbx__point *point);

/* Append the encoding of a value, as msgpack: of what is on the packing tape
 * (LMDBX__TAPE_UNFIT: it does not do), of any value, whose getters and toJSON run
 * meanwhile; and of a text that is JSON or a string. */
typedef int (*lmdbx__take)(struct lmdbx__call *call, napi_value value, struct lmdbx_buffer *out,
                           struct lmdbx_error *error);
int lmdbx__take_tape(struct lmdbx__call *call, napi_value text, struct lmdbx_buffer *out,
                     struct lmdbx_error *error);
int lmdbx__take_value(struct lmdbx__call *call, napi_value value, struct lmdbx_buffer *out,
                      struct lmdbx_error *error);
int lmdbx__take_text(struct lmdbx__call *call, napi_value text, struct lmdbx_buffer *out,
                     struct lmdbx_error *error);

/* ------------------------------------------------------------------ steps.c */

/* Steps in the making. The bytes lie one behind the other in their order, each key
 * before its value; slices get their pointers when the bytes do not move any more. */
struct lmdbx__step_list {
  struct lmdbx_buffer bytes;
  struct lmdbx_step *step;
  size_t count;
  size_t capacity;
};
/* Appends bytes that are no step's. INVALID_ARGUMENT: more than a unit may hold; NO_MEMORY. */
int lmdbx__steps_keep(struct lmdbx__step_list *steps, struct lmdbx_slice bytes,
                      struct lmdbx_error *error);
/* Adds a step with copies of its slices, which are sizes alone from then on. Likewise. */
int lmdbx__steps_add(struct lmdbx__step_list *steps, struct lmdbx_step step,
                     struct lmdbx_error *error);
/* Frees what they hold; then they are empty. */
void lmdbx__steps_forget(struct lmdbx__step_list *steps);
/* INTERNAL: lib/ gave no steps. */
int lmdbx__steps_wrong(struct lmdbx_error *error);

/* ------------------------------------------------------------------ scans.c */

/* Hands a scan to JavaScript, which closes it when collected. Takes the scan
 * over even if it fails. */
napi_status lmdbx__scan_wrap(napi_env env, struct lmdbx_scan *scan, napi_value *out);

/* ----------------------------------------------------------------- settle.c */

/* What a request's `user` is: its promise's deferred. */
void lmdbx__settle_void(void *context, void *user, const struct lmdbx_result *result);
void lmdbx__settle_page(void *context, void *user, const struct lmdbx_result *result);
void lmdbx__settle_removed(void *context, void *user, const struct lmdbx_result *result);
/* What a request's `user` is: its slot. */
void lmdbx__settle_slot(void *context, void *user, const struct lmdbx_result *result);
void lmdbx__settle_slot_boolean(void *context, void *user, const struct lmdbx_result *result);
void lmdbx__settle_slot_value(void *context, void *user, const struct lmdbx_result *result);
/* Settles a slot's promise at once with what `convert` makes of a result without error. */
void lmdbx__settle_slot_with(struct lmdbx__addon *addon, void *user,
                             const struct lmdbx_result *result, lmdbx__convert convert);
/* Hands over what the three have gathered: whenever lmdbx_host_deliver has run. */
void lmdbx__settle_gathered(struct lmdbx__addon *addon);

/* Results as what JavaScript is answered. LMDBX_OK, an error that is described, or
 * LMDBX__JS_EXCEPTION, and then one is pending. */
int lmdbx__convert_void(struct lmdbx__addon *addon, const struct lmdbx_result *result,
                        napi_value *out, struct lmdbx_error *error);
int lmdbx__convert_boolean(struct lmdbx__addon *addon, const struct lmdbx_result *result,
                           napi_value *out, struct lmdbx_error *error);
int lmdbx__convert_value(struct lmdbx__addon *addon, const struct lmdbx_result *result,
                         napi_value *out, struct lmdbx_error *error);

/* ------------------------------------------------------------------ pages.c */

int lmdbx__convert_page(struct lmdbx__addon *addon, const struct lmdbx_result *result,
                        napi_value *out, struct lmdbx_error *error);

/* Settles with what `convert` makes of the result, or with its error. */
void lmdbx__settle(struct lmdbx__addon *addon, napi_deferred deferred,
                   const struct lmdbx_result *result, lmdbx__convert convert);
/* Rejects with the result's error; operation: as of struct lmdbx__error_place. */
void lmdbx__settle_slot_error(struct lmdbx__addon *addon, void *user,
                              const struct lmdbx_result *result, size_t operation);

/* ------------------------------------------------------------------ error.c */

/* Where an error happened; what is not known is empty or NULL. */
struct lmdbx__error_place {
  const char *path;
  struct lmdbx_slice key; /* stored key, or prefix of a tenant */
  size_t operation;       /* of a unit whose errors are named: 1 + its index; 0: none */
};

/* The JavaScript Error for *error, made by lib/errors.js. NULL only if the
 * engine is out of memory or shutting down. */
napi_value lmdbx__error_create(struct lmdbx__addon *addon, const struct lmdbx_error *error,
                               const struct lmdbx__error_place *place);
/* The pending exception, taken off the engine. */
napi_value lmdbx__error_take_pending(napi_env env);

#endif
