/*
 * Compressed values: standard LZ4 frames (magic 04 22 4D 18), as the lz4
 * command line tool reads and writes them. A stored value is a frame exactly if
 * it begins with the magic; a plain value that happens to begin with it is
 * framed whatever its size. Any thread.
 */
#ifndef LMDBX_CODEC_FRAME_H
#define LMDBX_CODEC_FRAME_H

#include "lmdbx.h"

/* Whether a stored value is a frame. */
bool lmdbx__frame_is(struct lmdbx_slice stored);

/*
 * Decides how plain is stored. With `compress`, or if plain begins with the
 * magic, appends a frame to *out and sets *framed, but with `compress` alone
 * only where the frame is smaller. Otherwise *framed is false, *out untouched,
 * and plain is stored as it is.
 * LMDBX_OK, LMDBX_NO_MEMORY.
 */
int lmdbx__frame_pack(struct lmdbx_slice plain, bool compress, struct lmdbx_buffer *out,
                      bool *framed, struct lmdbx_error *error);

/*
 * Appends the content of a frame to *out. Refuses more than `limit` bytes of
 * content, dictionaries, damaged or cut frames and bytes behind the frame; a
 * frame that claims more than it holds costs no more than what it holds.
 * Several frames in a row (as `lz4` concatenates them) are read as one.
 * LMDBX_OK, LMDBX_DECODE (the message gives the byte position), LMDBX_NO_MEMORY.
 */
int lmdbx__frame_unpack(struct lmdbx_slice stored, size_t limit, struct lmdbx_buffer *out,
                        struct lmdbx_error *error);

#endif
