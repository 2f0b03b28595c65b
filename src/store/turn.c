/*
 * Turns: who writes next, among the processes that share a file. LMDB's writer
 * lock is waited for without end, and a runtime that exits waits for its pool;
 * so our processes agree beforehand, on a lock that can be waited for in slices:
 * an open-file-description lock on bytes of data.mdb that no file has. LMDB's
 * lock stays what keeps writers apart; this one only keeps us from sleeping on
 * it. Where the system has no such locks, every turn is granted.
 *
 * The lock goes with the descriptor, so that all threads of a process hold it
 * together: env->turn counts them. env->file stays when the file is reopened in
 * place, and the turn with it.
 */
#include "store/internal.h"

#include <errno.h>
#include <fcntl.h>

#ifdef F_OFD_SETLK

/* Far behind any data, on two bytes: the turn, and those who wait for it. */
#define TURN_BYTE ((off_t)0x7FFFFFFFFFFF0000)
#define WAIT_BYTE (TURN_BYTE + 1)
#define FIRST_PAUSE_NS 100000L
#define LONGEST_PAUSE_NS 1000000L
/* Longer than the longest pause of one who waits. */
#define GIVE_WAY_NS 1500000L
#define NANOSECONDS_PER_MILLISECOND 1000000L

static int lock_byte(struct lmdbx__env *env, int command, short type, off_t byte,
                     struct flock *lock) {
  *lock = (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
  return fcntl(env->file, command, lock);
}

static bool try_turn(struct lmdbx__env *env) {
  struct flock lock;
  if (lock_byte(env, F_OFD_SETLK, F_WRLCK, TURN_BYTE, &lock) == 0) return true;
  return errno != EAGAIN && errno != EACCES; /* no such locks here */
}

static void release(struct lmdbx__env *env, off_t byte) {
  struct flock lock;
  (void)lock_byte(env, F_OFD_SETLK, F_UNLCK, byte, &lock);
}

static bool others_wait(struct lmdbx__env *env) {
  struct flock lock;
  return lock_byte(env, F_OFD_GETLK, F_WRLCK, WAIT_BYTE, &lock) == 0 && lock.l_type != F_UNLCK;
}

static bool join_turn(struct lmdbx__env *env) {
  pthread_mutex_lock(&env->turn.lock);
  bool joined = env->turn.holders > 0 || try_turn(env);
  if (joined) env->turn.holders++;
  pthread_mutex_unlock(&env->turn.lock);
  return joined;
}

bool lmdbx__turn_wait(struct lmdbx__env *env, unsigned milliseconds) {
  if (!env->writable) return true;
  if (atomic_exchange(&env->turn.give_way, false)) lmdbx__pause(GIVE_WAY_NS);
  if (join_turn(env)) return true;
  struct flock lock;
  (void)lock_byte(env, F_OFD_SETLK, F_RDLCK, WAIT_BYTE, &lock);
  long left = (long)milliseconds * NANOSECONDS_PER_MILLISECOND;
  long pause = FIRST_PAUSE_NS;
  bool joined = false;
  while (!joined && left > 0) {
    lmdbx__pause(pause);
    left -= pause;
    if (pause < LONGEST_PAUSE_NS) pause *= 2;
    if (pause > LONGEST_PAUSE_NS) pause = LONGEST_PAUSE_NS;
    joined = join_turn(env);
  }
  release(env, WAIT_BYTE);
  return joined;
}

void lmdbx__turn_end(struct lmdbx__env *env) {
  if (!env->writable) return;
  pthread_mutex_lock(&env->turn.lock);
  if (--env->turn.holders == 0) {
    if (others_wait(env)) atomic_store(&env->turn.give_way, true);
    release(env, TURN_BYTE);
  }
  pthread_mutex_unlock(&env->turn.lock);
}

#else

bool lmdbx__turn_wait(struct lmdbx__env *env, unsigned milliseconds) {
  (void)env;
  (void)milliseconds;
  return true;
}

void lmdbx__turn_end(struct lmdbx__env *env) {
  (void)env;
}

#endif
