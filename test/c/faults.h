/*
 * A system that fails on purpose. The functions that liblmdb and the store call
 * are defined here, ahead of the C library's, so only one file of a test may
 * include this.
 */
#ifndef LMDBX_TEST_FAULTS_H
#define LMDBX_TEST_FAULTS_H

#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* The call that fails, counted from 1; 0: none. Threads may meet it. */
struct fault {
  atomic_long countdown;
  atomic_int errnum; /* 0: a write writes half */
};

static struct fault writes, syncs, allocations;
static struct fault full_syncs, renames; /* fsync and rename: of whole files and directories */
static struct fault rooms;               /* fallocate */
static struct fault metas;               /* the writes of meta pages among the writes */
static bool die_behind_meta;             /* the process is killed once a meta page is written */
static size_t largest_map;               /* 0: any */
static int map_flags;                    /* that the refused maps have */

#define META_PAGES_SIZE 8192

static bool strikes(struct fault *fault) {
  long left = atomic_load(&fault->countdown);
  while (left > 0 && !atomic_compare_exchange_weak(&fault->countdown, &left, left - 1)) {
  }
  if (left != 1) return false;
  errno = fault->errnum;
  return true;
}

static void arm(struct fault *fault, long call, int errnum) {
  atomic_store(&fault->errnum, errnum);
  atomic_store(&fault->countdown, call);
}

#define INTERPOSED(name) __asm__(#name) __attribute__((visibility("default")))

static ssize_t write_at(int fd, const void *data, size_t size, off_t offset) {
  if (offset < META_PAGES_SIZE && strikes(&metas)) return -1;
  if (strikes(&writes)) {
    if (writes.errnum != 0) return -1;
    size /= 2;
  }
  ssize_t written = syscall(SYS_pwrite64, fd, data, size, offset);
  if (die_behind_meta && offset < META_PAGES_SIZE) raise(SIGKILL);
  return written;
}

/* By both names, since one may be compiled for large files and another not. */
ssize_t fault_pwrite(int fd, const void *data, size_t size, off_t offset) INTERPOSED(pwrite);
ssize_t fault_pwrite(int fd, const void *data, size_t size, off_t offset) {
  return write_at(fd, data, size, offset);
}

ssize_t fault_pwrite64(int fd, const void *data, size_t size, off_t offset) INTERPOSED(pwrite64);
ssize_t fault_pwrite64(int fd, const void *data, size_t size, off_t offset) {
  return write_at(fd, data, size, offset);
}

ssize_t fault_writev(int fd, const struct iovec *parts, int count) INTERPOSED(writev);
ssize_t fault_writev(int fd, const struct iovec *parts, int count) {
  if (strikes(&writes)) {
    if (writes.errnum != 0) return -1;
    count /= 2;
  }
  return syscall(SYS_writev, fd, parts, count);
}

int fault_fdatasync(int fd) INTERPOSED(fdatasync);
int fault_fdatasync(int fd) {
  return strikes(&syncs) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int fault_fsync(int fd) INTERPOSED(fsync);
int fault_fsync(int fd) {
  return strikes(&full_syncs) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fault_fallocate(int fd, int mode, off_t offset, off_t size) INTERPOSED(fallocate);
int fault_fallocate(int fd, int mode, off_t offset, off_t size) {
  return strikes(&rooms) ? -1 : (int)syscall(SYS_fallocate, fd, mode, offset, size);
}

int fault_fallocate64(int fd, int mode, off_t offset, off_t size) INTERPOSED(fallocate64);
int fault_fallocate64(int fd, int mode, off_t offset, off_t size) {
  return fault_fallocate(fd, mode, offset, size);
}

int fault_rename(const char *from, const char *to) INTERPOSED(rename);
int fault_rename(const char *from, const char *to) {
  return strikes(&renames) ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* ThreadSanitizer maps before it can stand to be called from here. */
#if !THREAD_SANITIZED
#define MAPS_FAIL 1
static void *map(void *at, size_t size, int prot, int flags, int fd, off_t offset) {
  if (largest_map != 0 && size > largest_map && (flags & map_flags) == map_flags) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  return (void *)syscall(SYS_mmap, at, size, prot, flags, fd, offset);
}

void *fault_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset) INTERPOSED(mmap);
void *fault_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset) {
  return map(at, size, prot, flags, fd, offset);
}

void *fault_mmap64(void *at, size_t size, int prot, int flags, int fd, off_t offset)
    INTERPOSED(mmap64);
void *fault_mmap64(void *at, size_t size, int prot, int flags, int fd, off_t offset) {
  return map(at, size, prot, flags, fd, offset);
}
#else
#define MAPS_FAIL 0
#endif

#if !SANITIZED && defined(__GLIBC__)
#define ALLOCATIONS_FAIL 1
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *data, size_t size);

__attribute__((visibility("default"))) void *malloc(size_t size) {
  return strikes(&allocations) ? NULL : __libc_malloc(size);
}

__attribute__((visibility("default"))) void *calloc(size_t count, size_t size) {
  return strikes(&allocations) ? NULL : __libc_calloc(count, size);
}

__attribute__((visibility("default"))) void *realloc(void *data, size_t size) {
  return strikes(&allocations) ? NULL : __libc_realloc(data, size);
}
#else
#define ALLOCATIONS_FAIL 0
#endif

static void no_faults(void) {
  struct fault *faults[] = {&writes, &syncs, &full_syncs, &renames, &allocations, &rooms, &metas};
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) arm(faults[i], 0, 0);
  largest_map = 0;
  map_flags = 0;
}

#endif
