/* LMDB return codes and errno as errors of ours, with what to do about them. */
#include "store/internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Bytes of a path shown in a message; the end of a path says more than its
 * beginning. */
#define SHOWN_PATH 160
/* Bytes of the rest of a message; with the path it fits LMDBX_MESSAGE_SIZE. */
#define MAX_TEXT 288

struct meaning {
  int from;
  int code;
  const char *text;
};

/* Every text completes "Could not <do> in <path>: ". Codes of LMDB are negative,
 * errno values positive. */
static const struct meaning meanings[] = {
    {MDB_NOTFOUND, LMDBX_NOT_FOUND, "no such database exists there. Check the path and the name"},
    {MDB_PAGE_NOTFOUND, LMDBX_CORRUPT,
     "a page that should be there is missing; the file is damaged. Restore it from a backup"},
    {MDB_CORRUPTED, LMDBX_CORRUPT,
     "a page is of the wrong kind; the file is damaged. Restore it from a backup"},
    {MDB_CURSOR_FULL, LMDBX_CORRUPT,
     "the tree of pages is deeper than possible; the file is damaged. Restore it from a backup"},
    {MDB_BAD_TXN, LMDBX_CORRUPT,
     "the transaction met a damaged page before. Restore the file from a backup"},
    {MDB_INVALID, LMDBX_CORRUPT, "the file is not an LMDB file. Check the path"},
    {MDB_PANIC, LMDBX_FAILED,
     "an earlier failure ended the database, and it is not open again yet. Try again"},
    {MDB_VERSION_MISMATCH, LMDBX_FORMAT,
     "the file was written by an incompatible version of LMDB. It is left untouched"},
    {MDB_MAP_FULL, LMDBX_MAP_FULL,
     "the database has reached its mapSize. Open it with a larger mapSize, or delete records"},
    {MDB_DBS_FULL, LMDBX_DATABASES_FULL,
     "too many named databases are open in this environment. Use fewer names for one path"},
    {MDB_READERS_FULL, LMDBX_READERS_FULL,
     "all reader slots are in use. Raise maxReaders, or use fewer processes on this path"},
    {MDB_TXN_FULL, LMDBX_NO_MEMORY, "the transaction changes too many pages. Write less at a time"},
    {MDB_MAP_RESIZED, LMDBX_CONFLICT, "another process is growing the database. Try again"},
    {MDB_INCOMPATIBLE, LMDBX_NAME_CONFLICT,
     "a record and a named database claim the same name, or the database has flags this package "
     "does not use. Choose another name"},
    {MDB_BAD_DBI, LMDBX_NOT_FOUND,
     "another process deleted a named database. Close the repositories on this path and open them "
     "again"},
    {MDB_BAD_VALSIZE, LMDBX_INVALID_ARGUMENT, "the size of a key, name or value is not valid"},
    {EBUSY, LMDBX_CONFLICT, "the map of the file is being moved. Try again"},
    {ENOMEM, LMDBX_NO_MEMORY,
     "memory or address space ran out. Raise the limits of this process, or set a smaller mapSize"},
    {ENOSPC, LMDBX_NO_SPACE, "the disk is full; nothing was stored. Free space and try again"},
    {EDQUOT, LMDBX_NO_SPACE,
     "the disk quota is used up; nothing was stored. Free space and try again"},
    {EFBIG, LMDBX_NO_SPACE,
     "the file may not grow further; nothing was stored. Raise its size limit"},
    {EACCES, LMDBX_ACCESS,
     "permission was denied. Check the owner and mode of the directory, data.mdb and lock.mdb"},
    {EPERM, LMDBX_ACCESS,
     "permission was denied. Check the owner and mode of the directory, data.mdb and lock.mdb"},
    {EROFS, LMDBX_ACCESS, "the file system is mounted read-only. Open with readOnly"},
    {ENOENT, LMDBX_NOT_FOUND, "no database exists there. Check the path"},
    {ENOTDIR, LMDBX_NOT_A_DIRECTORY,
     "a part of the path is not a directory. Move what is in the way, or choose another path"},
    {EEXIST, LMDBX_EXISTS, "something exists there already. Choose another path, or move it away"},
    {ENAMETOOLONG, LMDBX_IO, "the path is too long. Choose a shorter one"},
    {ELOOP, LMDBX_IO, "the path runs through too many symbolic links. Check them"},
    {EMFILE, LMDBX_IO, "this process has too many open files. Raise its limit (ulimit -n)"},
    {ENFILE, LMDBX_IO, "the system has too many open files. Close some"},
    {ENOTRECOVERABLE, LMDBX_FAILED,
     "the locks in lock.mdb are of no use any more. Close every process that uses this path"},
    {EIO, LMDBX_IO, "the disk reported an error. Check it, and the system's log"},
};

static const struct meaning *find_meaning(int mdb_code) {
  for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
    if (meanings[i].from == mdb_code) return &meanings[i];
  return NULL;
}

/* The end of a long path, from a character boundary on. */
static const char *shown_path(const char *path, const char **ellipsis) {
  size_t length = strlen(path);
  *ellipsis = "";
  if (length <= SHOWN_PATH) return path;
  *ellipsis = "...";
  const char *end = path + length;
  const char *from = end - SHOWN_PATH;
  while (from < end && ((unsigned char)*from & 0xC0) == 0x80) from++;
  return from;
}

int lmdbx__error_at(struct lmdbx_error *error, int code, int errnum, const char *doing,
                    const char *path, const char *format, ...) {
  char text[MAX_TEXT];
  const char *ellipsis;
  const char *shown = shown_path(path, &ellipsis);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return lmdbx_error_set(error, code, errnum, "Could not %s in \"%s%s\": %s.", doing, ellipsis,
                         shown, text);
}

int lmdbx__store_error(struct lmdbx_error *error, int mdb_code, const char *doing,
                       const char *path) {
  const struct meaning *meaning = find_meaning(mdb_code);
  if (meaning != NULL)
    return lmdbx__error_at(error, meaning->code, mdb_code, doing, path, "%s", meaning->text);
  /* Either the system's word, or (EINVAL) a mistake of ours. */
  int code = mdb_code > 0 && mdb_code != EINVAL ? LMDBX_IO : LMDBX_INTERNAL;
  return lmdbx__error_at(error, code, mdb_code, doing, path, "%s (code %d)", mdb_strerror(mdb_code),
                         mdb_code);
}

int lmdbx__env_error(struct lmdbx_error *error, struct lmdbx__env *env, int mdb_code,
                     const char *doing) {
  if (mdb_code != MDB_MAP_FULL) return lmdbx__store_error(error, mdb_code, doing, env->path);
  if (env->map_size_given != 0)
    return lmdbx__error_at(error, LMDBX_MAP_FULL, mdb_code, doing, env->path,
                           "the database has reached its mapSize of %zu bytes, which no longer "
                           "grows by itself. Open it with a larger mapSize, or delete records",
                           env->map_limit);
  return lmdbx__error_at(error, LMDBX_MAP_FULL, mdb_code, doing, env->path,
                         "the database has used up the %zu bytes of address space reserved for "
                         "it. Raise the address space limit of this process, set mapSize, or "
                         "delete records",
                         env->map_limit);
}
