/*
 * The core's reports: one JSON text of a flat object, printed with cJSON, so
 * that C tests, tools and the addon read the same. Any thread.
 */
#ifndef LMDBX_CODEC_REPORT_H
#define LMDBX_CODEC_REPORT_H

#include "lmdbx.h"

struct lmdbx__report_field {
  const char *name;
  const char *text; /* well-formed UTF-8; NULL: the number counts */
  double number;    /* finite */
};

/* Appends the text to *out. LMDBX_OK or LMDBX_NO_MEMORY. */
int lmdbx__report(const struct lmdbx__report_field *fields, size_t count, struct lmdbx_buffer *out);

#endif
