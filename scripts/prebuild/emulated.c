/*
 * For C tests on musl under qemu's user mode, which does not know the system call
 * that musl asks before it makes a robust mutex. Everything else of the mutex works;
 * that it is given back when its owner dies cannot be tried there.
 */
#include <pthread.h>

enum { ROBUST = 4 };

int pthread_mutexattr_setrobust(pthread_mutexattr_t *attributes, int robust) {
  attributes->__attr &= ~(unsigned)ROBUST;
  if (robust) attributes->__attr |= ROBUST;
  return 0;
}
