#include "support.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIGNAL_BASE 100

struct name {
  struct name *next;
  char path[];
};

struct directory {
  char path[256];
  struct name *names; /* what path_in gave out */
};

int make_directory(void **state) {
  struct directory *directory = calloc(1, sizeof *directory);
  const char *base = getenv("TMPDIR");
  assert_non_null(directory);
  snprintf(directory->path, sizeof directory->path, "%s/lmdbx-test-XXXXXX",
           base != NULL ? base : "/tmp");
  assert_non_null(mkdtemp(directory->path));
  *state = directory->path; /* the first member */
  return 0;
}

static int remove_entry(const char *path, const struct stat *status, int flag, struct FTW *ftw) {
  (void)status;
  (void)flag;
  (void)ftw;
  return remove(path);
}

/* A test may have taken permissions away. */
static int permit_entry(const char *path, const struct stat *status, int flag, struct FTW *ftw) {
  (void)flag;
  (void)ftw;
  if (S_ISDIR(status->st_mode)) chmod(path, 0700);
  return 0;
}

int remove_directory(void **state) {
  struct directory *directory = *state;
  nftw(directory->path, permit_entry, 16, FTW_PHYS);
  int rc = nftw(directory->path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  for (struct name *name; (name = directory->names) != NULL;) {
    directory->names = name->next;
    free(name);
  }
  free(directory);
  return rc;
}

const char *path_in(void **state, const char *name) {
  struct directory *directory = *state;
  size_t size = strlen(directory->path) + 1 + strlen(name) + 1;
  struct name *entry = malloc(sizeof *entry + size);
  assert_non_null(entry);
  snprintf(entry->path, size, "%s/%s", directory->path, name);
  entry->next = directory->names;
  directory->names = entry;
  return entry->path;
}

struct lmdbx__env *open_env(const char *path, size_t map_size) {
  struct lmdbx__env_options options = {.path = path, .map_size = map_size};
  struct lmdbx_error error = {0};
  struct lmdbx__env *env = NULL;
  if (lmdbx__env_acquire(&options, NULL, &env, &error) != LMDBX_OK) fail_msg("%s", error.message);
  return env;
}

void expect_open_error(const char *path, bool read_only, int code, const char *text) {
  struct lmdbx__env_options options = {.path = path, .read_only = read_only};
  struct lmdbx_error error = {0};
  struct lmdbx__env *env = NULL;
  int got = lmdbx__env_acquire(&options, NULL, &env, &error);
  if (got != code || error.code != code || strstr(error.message, text) == NULL)
    fail_msg("expected %s (%s), got %s: %s", lmdbx_code_name(code), text, lmdbx_code_name(got),
             error.message);
  assert_null(env);
}

struct lmdbx_slice text(const char *string) {
  return (struct lmdbx_slice){(const uint8_t *)string, strlen(string)};
}

struct lmdbx__op op_of(enum lmdbx__op_type type, const char *key) {
  return (struct lmdbx__op){.type = type, .dbi = TEST_MAIN_DBI, .key = text(key)};
}

struct lmdbx__op put_op(const char *key, const char *value) {
  struct lmdbx__op op = op_of(LMDBX__OP_PUT, key);
  op.value = text(value);
  return op;
}

struct lmdbx__commit_report commit_group(struct lmdbx__env *env, struct lmdbx__op *ops,
                                         size_t count) {
  struct lmdbx__commit_report report;
  size_t operations = 0;
  for (size_t i = 0; i < count; i++) {
    ops[i].next = i + 1 < count ? &ops[i + 1] : NULL;
    operations += ops[i].type == LMDBX__OP_UNIT ? ops[i].unit->count : 1;
  }
  lmdbx__commit(env, ops, &report);
  assert_int_equal(report.operations, operations);
  return report;
}

void free_ops(struct lmdbx__op *ops, size_t count) {
  for (size_t i = 0; i < count; i++) {
    lmdbx_buffer_free(&ops[i].result);
    lmdbx_error_free(ops[i].error);
    ops[i].error = NULL;
  }
}

int code_of(const struct lmdbx__op *op) {
  return op->error == NULL ? LMDBX_OK : op->error->code;
}

void put(struct lmdbx__env *env, const char *key, const char *value) {
  struct lmdbx__op op = put_op(key, value);
  commit_group(env, &op, 1);
  if (op.error != NULL) fail_msg("%s", op.error->message);
}

bool sees(struct lmdbx__read *read, lmdbx__dbi dbi, const char *key, const char *value) {
  struct lmdbx_slice got;
  struct lmdbx_error error;
  bool found;
  if (lmdbx__read_get(read, dbi, text(key), &found, &got, &error) != LMDBX_OK)
    fail_msg("%s", error.message);
  if (!found || value == NULL) return found;
  return got.size == strlen(value) && memcmp(got.data, value, got.size) == 0;
}

static bool look_up(struct lmdbx__env *env, const char *key, const char *value) {
  struct lmdbx__read *read;
  struct lmdbx_error error;
  assert_int_equal(lmdbx__read_begin(env, &read, &error), LMDBX_OK);
  bool found = sees(read, TEST_MAIN_DBI, key, value);
  lmdbx__read_end(read);
  return found;
}

bool holds(struct lmdbx__env *env, const char *key, const char *value) {
  return look_up(env, key, value);
}

bool has(struct lmdbx__env *env, const char *key) {
  return look_up(env, key, NULL);
}

const char *fill_key(char *buffer, size_t i) {
  snprintf(buffer, 16, "fill:%06zu", i);
  return buffer;
}

size_t fill(struct lmdbx__env *env, size_t value_size) {
  uint8_t *value = calloc(1, value_size);
  assert_non_null(value);
  int code = LMDBX_OK;
  size_t i = 0;
  for (; code == LMDBX_OK; i++) {
    char key[16];
    struct lmdbx__op op = put_op(fill_key(key, i), "");
    op.value = (struct lmdbx_slice){value, value_size};
    commit_group(env, &op, 1);
    code = code_of(&op);
    free_ops(&op, 1);
  }
  free(value);
  assert_int_equal(code, LMDBX_MAP_FULL);
  return i - 1;
}

size_t fill_to_the_brim(struct lmdbx__env *env) {
  size_t fitted = fill(env, 3000);
  fill(env, 10);
  return fitted;
}

uint8_t *read_file(const char *path, size_t *size) {
  struct stat status;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  assert_true(fd >= 0);
  assert_int_equal(fstat(fd, &status), 0);
  *size = (size_t)status.st_size;
  uint8_t *data = malloc(*size + 1);
  assert_non_null(data);
  assert_int_equal(read(fd, data, *size), *size);
  close(fd);
  return data;
}

void write_file(const char *path, const void *data, size_t size) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, data, size), size);
  close(fd);
}

bool is_emulated(void) {
  return getenv("LMDBX_TEST_EMULATED") != NULL;
}

int start_child(int (*body)(void *context), void *context) {
  fflush(NULL);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) _exit(body(context));
  return pid;
}

int join_child(int pid) {
  int status;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  return WIFSIGNALED(status) ? SIGNAL_BASE + WTERMSIG(status) : WEXITSTATUS(status);
}

struct pin_pipes {
  const char *path;
  int ready[2], stop[2];
};

static int hold_read(void *context) {
  struct pin_pipes *pipes = context;
  struct lmdbx__env_options options = {.path = pipes->path, .map_size = MEBIBYTE};
  struct lmdbx__env *env;
  struct lmdbx__read *transaction;
  char byte = 'r';
  close(pipes->stop[1]);
  if (lmdbx__env_acquire(&options, NULL, &env, NULL) != LMDBX_OK) return 1;
  if (lmdbx__read_begin(env, &transaction, NULL) != LMDBX_OK) return 2;
  if (write(pipes->ready[1], &byte, 1) != 1) return 3;
  if (read(pipes->stop[0], &byte, 1) != 0) return 4; /* until the other end closes */
  lmdbx__read_end(transaction);
  lmdbx__env_release(env);
  return 0;
}

void start_pin(struct pin *pin, const char *path) {
  struct pin_pipes pipes = {.path = path};
  char byte;
  assert_int_equal(pipe(pipes.ready), 0);
  assert_int_equal(pipe(pipes.stop), 0);
  pin->pid = start_child(hold_read, &pipes);
  pin->stop = pipes.stop[1];
  close(pipes.stop[0]);
  close(pipes.ready[1]);
  assert_int_equal(read(pipes.ready[0], &byte, 1), 1);
  close(pipes.ready[0]);
}

void end_pin(struct pin *pin) {
  close(pin->stop);
  assert_int_equal(join_child(pin->pid), 0);
}
