/* Short ways to write what C tests compare. */
#ifndef LMDBX_TEST_LITERALS_H
#define LMDBX_TEST_LITERALS_H

#include <stddef.h>
#include <stdint.h>

#include "lmdbx.h"

/* A slice of a string literal, zeros within included. */
#define TEXT(literal) ((struct lmdbx_slice){(const uint8_t *)(literal), sizeof(literal) - 1})
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
