/* One environment: its map, facts about it, and who else may hold its locks. */
#include "support.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define GIBIBYTE ((size_t)1 << 30)
#define PAGE 4096

static void the_automatic_map_has_room_for_twice_the_file_system(void **state) {
  const char *path = path_in(state, "db");
  struct lmdbx__env *env = open_env(path, 0);
  struct lmdbx__env_info info;
  struct statvfs disk;
  struct rlimit limit;
  lmdbx__env_info(env, &info);
  lmdbx__env_release(env);
  assert_int_equal(statvfs(path, &disk), 0);
  assert_int_equal(getrlimit(RLIMIT_AS, &limit), 0);
  size_t expected = 2 * (size_t)disk.f_blocks * disk.f_frsize;
  if (expected > 1024 * GIBIBYTE) expected = 1024 * GIBIBYTE;
  if (expected < GIBIBYTE) expected = GIBIBYTE;
  assert_true(info.map_size <= expected + PAGE);
  void *probe = mmap(NULL, expected, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (probe == MAP_FAILED || limit.rlim_cur != RLIM_INFINITY) skip();
  if (is_emulated()) skip(); /* qemu does not map a file so far beyond its end */
  munmap(probe, expected);
  assert_true(info.map_size >= expected);
}

static int open_in_little_space(void *context) {
  struct lmdbx__env_options options = {.path = context};
  struct lmdbx__env *env;
  struct lmdbx__env_info info;
  struct lmdbx__commit_report report;
  struct rlimit limit = {4 * GIBIBYTE, 4 * GIBIBYTE};
  struct lmdbx__op op = put_op("k", "v");
  if (setrlimit(RLIMIT_AS, &limit) != 0) return 1;
  if (lmdbx__env_acquire(&options, NULL, &env, NULL) != LMDBX_OK) return 2;
  lmdbx__env_info(env, &info);
  if (info.map_size > 4 * GIBIBYTE / 8 || info.map_size < GIBIBYTE / 64) return 3;
  lmdbx__commit(env, &op, &report);
  if (op.error != NULL) return 4;
  lmdbx__env_release(env);
  return 0;
}

static void a_limited_address_space_is_respected(void **state) {
  if (SANITIZED || is_emulated()) skip(); /* qemu does not carry RLIMIT_AS out */
  const char *path = path_in(state, "db");
  assert_int_equal(join_child(start_child(open_in_little_space, (void *)path)), 0);
}

static void a_given_map_size_is_the_map_rounded_up_to_pages(void **state) {
  struct lmdbx__env_info info;
  struct lmdbx__env *env = open_env(path_in(state, "db"), MEBIBYTE + 1);
  lmdbx__env_info(env, &info);
  assert_int_equal(info.map_size, MEBIBYTE + (size_t)sysconf(_SC_PAGESIZE));
  lmdbx__env_release(env);
  env = open_env(path_in(state, "tiny"), 1);
  struct lmdbx__op op = put_op("k", "v");
  commit_group(env, &op, 1);
  assert_int_equal(code_of(&op), LMDBX_MAP_FULL);
  free_ops(&op, 1);
  lmdbx__env_release(env);
}

static void the_facts_follow_what_happens(void **state) {
  struct lmdbx__env *env = open_env(path_in(state, "db"), MEBIBYTE);
  struct lmdbx__env_info before, after;
  lmdbx__env_info(env, &before);
  assert_int_equal(before.last_txn_id, 0);
  assert_int_equal(before.file_size, 2 * (size_t)sysconf(_SC_PAGESIZE));
  assert_int_equal(before.max_readers, LMDBX_DEFAULT_READERS);
  put(env, "k", "v");
  lmdbx__env_info(env, &after);
  assert_int_equal(after.last_txn_id, 1);
  assert_int_equal(lmdbx__env_last_txn_id(env), 1);
  assert_true(after.file_size > before.file_size);
  assert_string_equal(lmdbx__env_path(env), path_in(state, "db"));
  /* The binaries in the package are built for all that a page can hold. */
  assert_true(lmdbx__env_max_key(env) >= (getenv("LMDBX_TEST_PREBUILT") != NULL ? 1980 : 511));
  lmdbx__env_release(env);
}

/* ------------------------------------------------------------ other holders */

#define NOT_PERMITTED 77

/* A process that is number 1 of a namespace of its own and opens the database. */
struct container {
  const char *path;
  int pid, code; /* what opening gave, or -1: no such namespace may be made */
  int ready[2], stop[2];
};

static int open_and_wait(struct container *container) {
  struct lmdbx__env_options options = {.path = container->path, .map_size = MEBIBYTE};
  struct lmdbx__env *env = NULL;
  if (getpid() != 1) return 1;
  char byte = (char)lmdbx__env_acquire(&options, NULL, &env, NULL);
  if (write(container->ready[1], &byte, 1) != 1) return 2;
  if (read(container->stop[0], &byte, 1) != 0) return 3; /* until the other end closes */
  if (env != NULL) lmdbx__env_release(env);
  return 0;
}

static int run_container(void *context) {
  struct container *container = context;
  int status;
  close(container->stop[1]);
  if (unshare(CLONE_NEWPID) != 0) return NOT_PERMITTED;
  pid_t pid = fork();
  if (pid == 0) _exit(open_and_wait(container));
  if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return 1;
  return WEXITSTATUS(status);
}

static void start_container(struct container *container, const char *path) {
  char byte;
  *container = (struct container){.path = path, .code = -1};
  assert_int_equal(pipe(container->ready), 0);
  assert_int_equal(pipe(container->stop), 0);
  container->pid = start_child(run_container, container);
  close(container->ready[1]);
  close(container->stop[0]);
  if (read(container->ready[0], &byte, 1) == 1) container->code = (unsigned char)byte;
  close(container->ready[0]);
}

static void stop_container(struct container *container) {
  close(container->stop[1]);
  assert_int_equal(join_child(container->pid), container->code == -1 ? NOT_PERMITTED : 0);
}

static void two_processes_with_one_process_id_do_not_share_a_database(void **state) {
  const char *path = path_in(state, "db");
  struct container first, second;
  start_container(&first, path);
  if (first.code == -1) {
    stop_container(&first);
    skip();
  }
  start_container(&second, path);
  assert_int_equal(first.code, LMDBX_OK);
  assert_int_equal(second.code, LMDBX_PID_CLASH);
  stop_container(&second);
  stop_container(&first);
  lmdbx__env_release(open_env(path, MEBIBYTE));
}

/* In a mount namespace of its own, with the directory mounted read-only. */
static int open_on_a_read_only_mount(void *context) {
  struct lmdbx__env_options options = {.path = context, .map_size = MEBIBYTE};
  struct lmdbx__env *env;
  struct lmdbx__read *read;
  struct lmdbx__commit_report report;
  struct lmdbx__op op = op_of(LMDBX__OP_GET, "k");
  if (unshare(CLONE_NEWNS) != 0) return NOT_PERMITTED;
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
      mount(context, context, NULL, MS_BIND, NULL) != 0 ||
      mount(NULL, context, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) != 0)
    return NOT_PERMITTED;
  if (lmdbx__env_acquire(&options, NULL, &env, NULL) != LMDBX_ACCESS) return 1;
  options.read_only = true;
  if (lmdbx__env_acquire(&options, NULL, &env, NULL) != LMDBX_OK) return 2;
  lmdbx__commit(env, &op, &report);
  if (op.error != NULL || op.result.size != 1) return 3;
  free_ops(&op, 1);
  op = put_op("k", "w");
  lmdbx__commit(env, &op, &report);
  if (code_of(&op) != LMDBX_READ_ONLY) return 4;
  free_ops(&op, 1);
  if (lmdbx__read_begin(env, &read, NULL) != LMDBX_OK) return 5;
  lmdbx__read_end(read);
  options.read_only = false;
  struct lmdbx__env *second;
  if (lmdbx__env_acquire(&options, NULL, &second, NULL) != LMDBX_ACCESS) return 6;
  lmdbx__env_release(env);
  return 0;
}

static void a_read_only_mount_opens_for_reading(void **state) {
  const char *path = path_in(state, "db");
  struct lmdbx__env *env = open_env(path, 0);
  put(env, "k", "v");
  lmdbx__env_release(env);
  int outcome = join_child(start_child(open_on_a_read_only_mount, (void *)path));
  if (outcome == NOT_PERMITTED) skip();
  assert_int_equal(outcome, 0);
}

/* The mutex of a lock file in use, as the other C library lays it out: musl has
 * the kind of a mutex first, glibc behind its owner. */
#ifdef __GLIBC__
#define FOREIGN_MUTEX [0] = 0x84
#else
#define FOREIGN_MUTEX [4] = 0x90
#endif

static void a_lock_file_of_another_libc_is_refused(void **state) {
  static const uint32_t foreign[sizeof(pthread_mutex_t) / sizeof(uint32_t)] = {FOREIGN_MUTEX};
  const char *path = path_in(state, "db"), *lock = path_in(state, "db/lock.mdb");
  uint8_t ours[sizeof foreign];
  struct pin pin;
  start_pin(&pin, path);
  int fd = open(lock, O_RDWR | O_CLOEXEC);
  assert_true(fd >= 0);
  assert_int_equal(pread(fd, ours, sizeof ours, 8), sizeof ours);
  assert_int_equal(pwrite(fd, foreign, sizeof foreign, 8), sizeof foreign);
  expect_open_error(path, false, LMDBX_LOCK_FORMAT, "C library");
  assert_int_equal(pwrite(fd, ours, sizeof ours, 8), sizeof ours);
  close(fd);
  lmdbx__env_release(open_env(path, MEBIBYTE));
  end_pin(&pin);
}

static void a_lock_file_of_another_lmdb_is_refused_while_in_use(void **state) {
  const char *path = path_in(state, "db"), *lock = path_in(state, "db/lock.mdb");
  uint32_t format, other = 0x7777;
  struct pin pin;
  start_pin(&pin, path);
  int fd = open(lock, O_RDWR | O_CLOEXEC);
  assert_true(fd >= 0);
  assert_int_equal(pread(fd, &format, sizeof format, 4), sizeof format);
  assert_int_equal(pwrite(fd, &other, sizeof other, 4), sizeof other);
  expect_open_error(path, false, LMDBX_LOCK_FORMAT, "another build");
  assert_int_equal(pwrite(fd, &format, sizeof format, 4), sizeof format);
  close(fd);
  end_pin(&pin);
}

#define HOLDER_SECONDS 120 /* opening takes many of them under qemu */

struct holder {
  const char *path, *lock;
  int ready[2];
};

/* Holds an environment whose mutexes are as the last one leaves them that closed it, until
 * somebody else has opened it and closed it again. It dies with it open: closing would
 * make the other one wait. */
static int hold_destroyed_mutexes(void *context) {
  const struct holder *holder = context;
  struct lmdbx__env_options options = {.path = holder->path, .map_size = MEBIBYTE};
  struct lmdbx__env *env;
  struct inotify_event event;
  pthread_mutex_t mutex;
  alarm(HOLDER_SECONDS); /* where the other one never comes so far */
  if (lmdbx__env_acquire(&options, NULL, &env, NULL) != LMDBX_OK) return 1;
  int fd = open(holder->lock, O_RDWR | O_CLOEXEC);
  if (fd < 0 || pthread_mutex_init(&mutex, NULL) != 0 || pthread_mutex_destroy(&mutex) != 0)
    return 2;
  if (pwrite(fd, &mutex, sizeof mutex, 8) != sizeof mutex) return 3;
  int closed = inotify_init1(IN_CLOEXEC);
  if (closed < 0 || inotify_add_watch(closed, holder->lock, IN_CLOSE_WRITE) < 0) return 4;
  if (write(holder->ready[1], "", 1) != 1) return 5;
  return read(closed, &event, sizeof event) == sizeof event ? 0 : 6;
}

static void an_environment_opens_beside_others_whose_mutexes_were_destroyed(void **state) {
#ifndef __GLIBC__
  skip(); /* musl's are as before when they have been destroyed */
#endif
  if (SANITIZED) skip(); /* ThreadSanitizer sees the lock that is tried, and rightly objects */
  struct holder holder = {.path = path_in(state, "db"), .lock = path_in(state, "db/lock.mdb")};
  char byte;
  assert_int_equal(pipe(holder.ready), 0);
  int child = start_child(hold_destroyed_mutexes, &holder);
  close(holder.ready[1]);
  assert_int_equal(read(holder.ready[0], &byte, 1), 1);
  close(holder.ready[0]);
  struct lmdbx__env *env = open_env(holder.path, MEBIBYTE);
  assert_int_equal(join_child(child), 0);
  put(env, "k", "v");
  assert_true(holds(env, "k", "v"));
  lmdbx__env_release(env);
}

static void an_unused_lock_file_of_any_kind_is_made_anew(void **state) {
  const char *path = path_in(state, "db");
  lmdbx__env_release(open_env(path, MEBIBYTE));
  write_file(path_in(state, "db/lock.mdb"), "nonsense", 8);
  struct lmdbx__env *env = open_env(path, MEBIBYTE);
  put(env, "k", "v");
  assert_true(holds(env, "k", "v"));
  lmdbx__env_release(env);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_limited_address_space_is_respected),
      TEST(a_given_map_size_is_the_map_rounded_up_to_pages),
      TEST(the_facts_follow_what_happens),
      TEST(two_processes_with_one_process_id_do_not_share_a_database),
      TEST(a_read_only_mount_opens_for_reading),
      TEST(a_lock_file_of_another_libc_is_refused),
      TEST(a_lock_file_of_another_lmdb_is_refused_while_in_use),
      TEST(an_environment_opens_beside_others_whose_mutexes_were_destroyed),
      TEST(an_unused_lock_file_of_any_kind_is_made_anew),
      /* The last: to fork with an automatic map costs qemu seconds. */
      TEST(the_automatic_map_has_room_for_twice_the_file_system),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
