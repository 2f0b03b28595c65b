/* Units: several steps in one commit. */
#include "queue/unit.h"
#include "codec/checkpoint.h"
#include "codec/frame.h"
#include "queue/repository.h"
#include "queue/request.h"

#include <stdlib.h>
#include <string.h>

static const struct lmdbx_error overtaking = {
    .code = LMDBX_ABORTED,
    .message = "an earlier batch or transaction with the same checkpoint failed, and this one must "
               "not overtake it. Nothing was written; begin again with what failed",
};

/* -------------------------------------------------------------------- steps */

/* What a unit is made of, before it is copied into one piece. */
struct draft {
  struct lmdbx_repository *repository;
  const struct lmdbx_step *steps;
  size_t count;
  const struct lmdbx_checkpoint *checkpoint; /* NULL: none */
  struct lmdbx_buffer key;                   /* of the checkpoint */
  size_t bytes;                              /* of all keys and values */
  size_t others;                             /* steps of other repositories, at most */
};

void lmdbx__steps_free(struct lmdbx__steps *steps) {
  if (steps->fence != NULL) lmdbx__fence_unref(steps->fence);
  for (size_t i = 0; i < steps->others; i++) lmdbx__repository_unref(steps->other[i]);
  free(steps->packed);
  free(steps);
}

static bool writes(enum lmdbx_step_type type) {
  return type == LMDBX_STEP_PUT || type == LMDBX_STEP_DELETE;
}

int lmdbx_may_join(const struct lmdbx_repository *repository, const struct lmdbx_repository *other,
                   struct lmdbx_error *error) {
  if (other->closed || repository->closed) {
    return lmdbx_error_set(error, LMDBX_CLOSED, 0,
                           "the repository at %s is closed; open a new one to go on",
                           other->closed ? other->config.path : repository->config.path);
  }
  bool open = repository->state == LMDBX__OPEN && other->state == LMDBX__OPEN;
  if (!open || repository->env == other->env) return LMDBX_OK;
  return lmdbx_error_set(error, LMDBX_INVALID_ARGUMENT, 0,
                         "one commit cannot span the databases at %s and %s; use repositories on "
                         "one path",
                         repository->config.path, other->config.path);
}

static int check_other(const struct draft *draft, const struct lmdbx_repository *other,
                       struct lmdbx_error *error) {
  const struct lmdbx_repository *own = draft->repository;
  int code = lmdbx_may_join(own, other, error);
  if (code != LMDBX_OK) return code;
  if (own->state == LMDBX__OPEN && other->state == LMDBX__OPEN && own->host == other->host) {
    return LMDBX_OK;
  }
  return lmdbx_error_set(error, LMDBX_INVALID_ARGUMENT, 0,
                         "the repositories at %s and %s are not both open here", own->config.path,
                         other->config.path);
}

static int check_step(struct draft *draft, const struct lmdbx_step *step,
                      struct lmdbx_error *error) {
  if (step->key.size > LMDBX_MAX_STORED_KEY) {
    return lmdbx_error_set(error, LMDBX_KEY_TOO_LARGE, 0,
                           "the stored key (tenant, colon, JSON) has %zu bytes, the limit is %d; "
                           "use a shorter key, or a hash of it",
                           step->key.size, LMDBX_MAX_STORED_KEY);
  }
  if (step->type == LMDBX_STEP_PUT && step->value.size > LMDBX_MAX_VALUE_SIZE) {
    return lmdbx_error_set(error, LMDBX_VALUE_TOO_LARGE, 0,
                           "the encoded value has %zu bytes, the limit is %zu; split it",
                           step->value.size, LMDBX_MAX_VALUE_SIZE);
  }
  if (writes(step->type) && step->repository->config.read_only) {
    return lmdbx_error_set(error, LMDBX_READ_ONLY, 0,
                           "the repository at %s was opened with readOnly: true",
                           step->repository->config.path);
  }
  draft->bytes += step->key.size + step->value.size;
  if (step->repository == draft->repository) return LMDBX_OK;
  draft->others++;
  return check_other(draft, step->repository, error);
}

static int check_position(struct lmdbx_slice position, struct lmdbx_error *error) {
  if (position.size <= LMDBX_MAX_CHECKPOINT_POSITION && lmdbx__checkpoint_is_position(position)) {
    return LMDBX_OK;
  }
  return lmdbx_error_set(
      error, LMDBX_INVALID_ARGUMENT, 0,
      "checkpoint: a position is a string of up to %d bytes of UTF-8, a number or "
      "a BigInt of 64 bits",
      LMDBX_MAX_CHECKPOINT_TEXT);
}

static int check_checkpoint(struct draft *draft, struct lmdbx_error *error) {
  const struct lmdbx_checkpoint *checkpoint = draft->checkpoint;
  int code = lmdbx__checkpoint_key(checkpoint->name, &draft->key, error);
  if (code == LMDBX_OK && checkpoint->position.size > 0) {
    code = check_position(checkpoint->position, error);
  }
  if (code == LMDBX_OK && checkpoint->expect == LMDBX_EXPECT_EQUAL) {
    code = check_position(checkpoint->expected, error);
  }
  if (code == LMDBX_OK && draft->repository->config.read_only) {
    code = lmdbx_error_set(error, LMDBX_READ_ONLY, 0,
                           "the repository at %s was opened with readOnly: true",
                           draft->repository->config.path);
  }
  draft->bytes += 2 * draft->key.size + checkpoint->position.size + checkpoint->expected.size;
  return code;
}

static int check(struct draft *draft, size_t *failed, struct lmdbx_error *error) {
  int code = draft->checkpoint != NULL ? check_checkpoint(draft, error) : LMDBX_OK;
  *failed = LMDBX_FAILED_NONE;
  if (code != LMDBX_OK) {
    *failed = LMDBX_FAILED_CHECKPOINT;
    return code;
  }
  if (draft->count > LMDBX_MAX_UNIT_STEPS) {
    return lmdbx_error_set(error, LMDBX_INVALID_ARGUMENT, 0,
                           "%zu operations, and one commit holds up to %zu; split them up, with "
                           "the checkpoint in the last part",
                           draft->count, LMDBX_MAX_UNIT_STEPS);
  }
  for (size_t i = 0; i < draft->count; i++) {
    code = check_step(draft, &draft->steps[i], error);
    if (code == LMDBX_OK) continue;
    *failed = i;
    return code;
  }
  if (draft->bytes <= LMDBX_MAX_UNIT_SIZE) return LMDBX_OK;
  return lmdbx_error_set(error, LMDBX_INVALID_ARGUMENT, 0,
                         "%zu bytes of keys and values, and one commit holds up to %zu; split them "
                         "up, with the checkpoint in the last part",
                         draft->bytes, LMDBX_MAX_UNIT_SIZE);
}

/* Where the parts of the piece of memory go; they are laid out by alignment. */
struct layout {
  struct lmdbx__steps *steps;
  uint8_t *bytes; /* free so far */
};

static struct lmdbx_slice copy(struct layout *layout, struct lmdbx_slice bytes) {
  const struct lmdbx_slice copied = {layout->bytes, bytes.size};
  if (bytes.size > 0) memcpy(layout->bytes, bytes.data, bytes.size);
  layout->bytes += bytes.size;
  return copied;
}

static void add_step(struct layout *layout, struct lmdbx__step step, struct lmdbx__step_note note) {
  struct lmdbx__unit *unit = &layout->steps->unit;
  step.key = copy(layout, step.key);
  step.value = copy(layout, step.value);
  unit->steps[unit->count] = step;
  layout->steps->notes[unit->count] = note;
  unit->count++;
}

static void add_given(struct layout *layout, const struct lmdbx_step *given) {
  static const enum lmdbx__step_type types[] = {
      [LMDBX_STEP_PUT] = LMDBX__STEP_PUT,
      [LMDBX_STEP_DELETE] = LMDBX__STEP_DELETE,
      [LMDBX_STEP_COMPARE_STORED] = LMDBX__STEP_COMPARE,
      [LMDBX_STEP_COMPARE_VALUE] = LMDBX__STEP_COMPARE,
      [LMDBX_STEP_ABSENT] = LMDBX__STEP_ABSENT,
  };
  bool pack = given->type == LMDBX_STEP_PUT || given->type == LMDBX_STEP_COMPARE_VALUE;
  add_step(layout,
           (struct lmdbx__step){.type = types[given->type],
                                .report = given->report,
                                .key = given->key,
                                .value = given->value},
           (struct lmdbx__step_note){.repository = given->repository, .pack = pack});
}

static void add_other(struct lmdbx__steps *steps, struct lmdbx_repository *repository) {
  for (size_t i = 0; i < steps->others; i++) {
    if (steps->other[i] == repository) return;
  }
  steps->other[steps->others++] = repository;
  atomic_fetch_add(&repository->references, 1);
}

static void fill(struct layout *layout, const struct draft *draft) {
  const struct lmdbx_checkpoint *checkpoint = draft->checkpoint;
  const struct lmdbx_slice key = {draft->key.data, draft->key.size};
  const struct lmdbx__step_note note = {.repository = draft->repository};
  if (checkpoint != NULL && checkpoint->expect != LMDBX_EXPECT_ANY) {
    bool absent = checkpoint->expect == LMDBX_EXPECT_ABSENT;
    add_step(layout,
             (struct lmdbx__step){.type = absent ? LMDBX__STEP_ABSENT : LMDBX__STEP_COMPARE,
                                  .report = true,
                                  .key = key,
                                  .value = checkpoint->expected},
             note);
    layout->steps->before = 1;
  }
  for (size_t i = 0; i < draft->count; i++) {
    add_given(layout, &draft->steps[i]);
    if (draft->steps[i].repository != draft->repository) {
      add_other(layout->steps, draft->steps[i].repository);
    }
  }
  if (checkpoint == NULL) return;
  bool removed = checkpoint->position.size == 0;
  add_step(layout,
           (struct lmdbx__step){.type = removed ? LMDBX__STEP_DELETE : LMDBX__STEP_PUT,
                                .key = key,
                                .value = checkpoint->position},
           note);
}

/* Copies the draft into one piece of memory, of *size bytes. NULL: out of memory. */
static struct lmdbx__steps *steps_new(const struct draft *draft, size_t *size) {
  size_t count = draft->count + 2; /* the checkpoint's */
  size_t heads = sizeof(struct lmdbx__steps) + count * sizeof(struct lmdbx__step) +
                 count * sizeof(struct lmdbx__step_note) +
                 draft->others * sizeof(struct lmdbx_repository *);
  *size = heads + draft->bytes;
  struct lmdbx__steps *steps = malloc(*size);
  if (steps == NULL) return NULL;
  *steps = (struct lmdbx__steps){.given = draft->count};
  steps->unit.steps = (struct lmdbx__step *)(steps + 1);
  steps->notes = (struct lmdbx__step_note *)(steps->unit.steps + count);
  steps->other = (struct lmdbx_repository **)(steps->notes + count);
  struct layout layout = {steps, (uint8_t *)steps + heads};
  fill(&layout, draft);
  steps->unit.failed = steps->unit.count;
  if (draft->checkpoint == NULL) return steps;
  const struct lmdbx_slice key = {draft->key.data, draft->key.size};
  steps->fence = lmdbx__fence_join(draft->repository, key);
  if (steps->fence == NULL) {
    lmdbx__steps_free(steps);
    return NULL;
  }
  steps->unit.fence = &steps->fence->broken;
  if (steps->fence->lost) steps->unit.refused = &overtaking;
  return steps;
}

/* ------------------------------------------------------------- owner thread */

struct lmdbx_repository *lmdbx__request_touches(const struct lmdbx__request *request,
                                                size_t index) {
  if (index == 0) return request->repository;
  if (request->op.type != LMDBX__OP_UNIT || index > request->steps->others) return NULL;
  return request->steps->other[index - 1];
}

void lmdbx__unit_count_keys(const struct lmdbx__request *request, int change) {
  const struct lmdbx__steps *steps = request->steps;
  for (size_t i = 0; i < steps->unit.count; i++) {
    const struct lmdbx__step *step = &steps->unit.steps[i];
    if (step->type != LMDBX__STEP_PUT && step->type != LMDBX__STEP_DELETE) continue;
    uint32_t *slot = lmdbx__pending_slot(steps->notes[i].repository, step->key);
    *slot = change > 0 ? *slot + 1 : *slot - 1;
  }
}

bool lmdbx__unit_must_wait(const struct lmdbx__request *request) {
  const struct lmdbx__steps *steps = request->steps;
  for (size_t i = 0; i < steps->unit.count; i++) {
    if (lmdbx__key_pending(steps->notes[i].repository, steps->unit.steps[i].key)) return true;
  }
  return false;
}

void lmdbx__unit_set_databases(const struct lmdbx__request *request) {
  const struct lmdbx__steps *steps = request->steps;
  for (size_t i = 0; i < steps->unit.count; i++) {
    steps->unit.steps[i].dbi = steps->notes[i].repository->dbi;
  }
}

size_t lmdbx__unit_failed(const struct lmdbx__request *request) {
  const struct lmdbx__steps *steps = request->steps;
  size_t failed = steps->unit.failed;
  if (failed >= steps->unit.count) return LMDBX_FAILED_NONE;
  if (failed < steps->before || failed >= steps->before + steps->given) {
    return LMDBX_FAILED_CHECKPOINT;
  }
  return failed - steps->before;
}

int lmdbx_unit(struct lmdbx_repository *repository, const struct lmdbx_step *steps, size_t count,
               const struct lmdbx_checkpoint *checkpoint, size_t *failed,
               const struct lmdbx_issue *issue, struct lmdbx_error *error) {
  const struct lmdbx_slice none = {0};
  struct draft draft = {
      .repository = repository, .steps = steps, .count = count, .checkpoint = checkpoint};
  struct lmdbx__request *request = NULL;
  size_t size = 0;
  int code = check(&draft, failed, error);
  if (code != LMDBX_OK) goto done;
  code = lmdbx_error_set(error, LMDBX_NO_MEMORY, 0, "commit: memory ran out; nothing was done");
  request = lmdbx__request_new(repository, LMDBX__REQUEST_OPERATION, none, none, issue);
  if (request == NULL) goto done;
  request->steps = steps_new(&draft, &size);
  if (request->steps == NULL) goto done;
  request->op.type = LMDBX__OP_UNIT;
  request->op.unit = &request->steps->unit;
  request->charge += (uint32_t)size;
  code = lmdbx__repository_accept(request, issue, error);
  if (code != LMDBX_OK) lmdbx__unit_leave_fence(request);
done:
  if (code != LMDBX_OK && request != NULL) lmdbx__request_free(request);
  lmdbx_buffer_free(&draft.key);
  return code;
}

/* -------------------------------------------------------------- pool thread */

/* A frame's place in `packed`, which moves while it grows. */
static void place_frames(struct lmdbx__steps *steps) {
  size_t at = 0;
  for (size_t i = 0; i < steps->unit.count; i++) {
    if (!steps->notes[i].framed) continue;
    steps->unit.steps[i].value.data = steps->packed + at;
    at += steps->unit.steps[i].value.size;
  }
}

void lmdbx__unit_pack(struct lmdbx__request *request) {
  struct lmdbx__steps *steps = request->steps;
  static const struct lmdbx_error no_memory = {
      .code = LMDBX_NO_MEMORY, .message = "commit: memory ran out; nothing was written"};
  struct lmdbx_buffer frames = {0};
  for (size_t i = 0; i < steps->unit.count; i++) {
    struct lmdbx__step *step = &steps->unit.steps[i];
    struct lmdbx__step_note *note = &steps->notes[i];
    size_t before = frames.size;
    if (!note->pack) continue;
    int code = lmdbx__frame_pack(step->value, note->repository->config.compression, &frames,
                                 &note->framed, NULL);
    if (code != LMDBX_OK) steps->unit.refused = &no_memory;
    if (code != LMDBX_OK) note->framed = false;
    if (note->framed) step->value.size = frames.size - before;
  }
  steps->packed = frames.data;
  place_frames(steps);
}
