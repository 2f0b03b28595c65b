/*
 * What the C tests of the store share: directories that are removed again, short
 * ways to write and read, children. Everything here fails the running test
 * instead of returning an error.
 */
#ifndef LMDBX_TEST_SUPPORT_H
#define LMDBX_TEST_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store.h"

/* Whether a sanitizer, which has its own allocator and huge maps, is compiled in. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#define THREAD_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#elif __has_feature(thread_sanitizer)
#define SANITIZED 1
#define THREAD_SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif
#ifndef THREAD_SANITIZED
#define THREAD_SANITIZED 0
#endif

#define MEBIBYTE ((size_t)1024 * 1024)
#define TEST_MAIN_DBI 1

/* cmocka's setup and teardown: *state is the path of a new empty directory. */
int make_directory(void **state);
int remove_directory(void **state);

/* "<directory>/<name>", in memory that remove_directory frees. */
const char *path_in(void **state, const char *name);

struct lmdbx__env *open_env(const char *path, size_t map_size);
/* Expects the opening to fail with this code, and a message with this text. */
void expect_open_error(const char *path, bool read_only, int code, const char *text);

struct lmdbx_slice text(const char *string);
/* One operation of a group on the main database; puts a text value. */
struct lmdbx__op put_op(const char *key, const char *value);
struct lmdbx__op op_of(enum lmdbx__op_type type, const char *key);
/* Links the operations, commits them as one group, and reports. */
struct lmdbx__commit_report commit_group(struct lmdbx__env *env, struct lmdbx__op *ops,
                                         size_t count);
/* Frees what lmdbx__commit left in them. */
void free_ops(struct lmdbx__op *ops, size_t count);
int code_of(const struct lmdbx__op *op);
/* A group of one that must succeed. */
void put(struct lmdbx__env *env, const char *key, const char *value);
/* Whether the key has exactly this value; NULL: any. */
bool sees(struct lmdbx__read *read, lmdbx__dbi dbi, const char *key, const char *value);
/* The same, in a read transaction of its own. */
bool holds(struct lmdbx__env *env, const char *key, const char *value);
bool has(struct lmdbx__env *env, const char *key);
/* Puts records of value_size bytes until MAP_FULL; returns how many fitted. */
size_t fill(struct lmdbx__env *env, size_t value_size);
/* The same until not even a small record fits; returns how many there are. */
size_t fill_to_the_brim(struct lmdbx__env *env);
/* The key of the i-th record of fill; the buffer has 16 bytes. */
const char *fill_key(char *buffer, size_t i);

/* The whole file; *size is its size; the caller frees it. */
uint8_t *read_file(const char *path, size_t *size);
void write_file(const char *path, const void *data, size_t size);

/* Whether the tests run under qemu's user mode, which lacks some of what Linux
 * does: above all it does not tell the kernel which robust mutexes a thread holds. */
bool is_emulated(void);

/* Runs body in a forked child: its return value is the exit code (keep it below
 * 100). Bodies use no cmocka assertions. Returns the child's process id. */
int start_child(int (*body)(void *context), void *context);
/* Waits for it; returns its exit code, or 100 and the signal's number. */
int join_child(int pid);

/* A process that keeps a read transaction open, so that freed pages cannot be
 * used again. To be started while this process has nothing open; creates the
 * database. */
struct pin {
  int pid, stop;
};
void start_pin(struct pin *pin, const char *path);
void end_pin(struct pin *pin);

#endif
