/*
 * What is looked at before liblmdb may have a file. liblmdb trusts what it maps:
 * page size 0 divides by zero, a wild root is a wild pointer, and a second
 * environment on an open file breaks its locks. Everything here only reads.
 *
 * The start of a data file, per meta page (page 0 at 0, page 1 at page size),
 * on a 64-bit machine:
 *
 *    0 page number   u64     16 magic 0xBEEFC0DE u32     136 last page      u64
 *    8 pad           u16     20 version 1        u32     144 transaction id u64
 *   10 flags (8)     u16     24 address, map size u64
 *   12 unused        u32     40 two databases, 48 bytes each: the free pages
 *                               (whose pad is the page size) and the main one
 *
 * and a database: pad u32, flags u16, depth u16, three page counts and a record
 * count u64, root page u64 (all ones: empty). Other page headers have the same
 * first 12 bytes, then lower u16 and upper u16.
 */
#include "store/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#ifdef __linux__
#include <sys/vfs.h>
#else
#include <sys/mount.h>
#include <sys/param.h>
#endif
#include <unistd.h>

static const char doing[] = "open the database";

#define META_MAGIC 0xBEEFC0DEu
#define META_MAGIC_SWAPPED 0xDEC0EFBEu
#define META_VERSION 1u
/* Where LMDB 1.0 (as lmdb-js bundles it) and 32-bit builds have the magic. */
#define MAGIC_OFFSET_LMDB_1 24
#define MAGIC_OFFSET_32_BIT 12
#define PAGE_HEADER_SIZE 16
#define PAGE_FLAG_BRANCH 0x01
#define PAGE_FLAG_LEAF 0x02
#define PAGE_FLAG_META 0x08
#define MIN_PAGE_SIZE 512
#define MAX_PAGE_SIZE 32768
#define MAX_DEPTH 32 /* liblmdb's cursor stack */
#define NO_PAGE UINT64_MAX
#define LOCK_MUTEX_OFFSET 8
/* Completes what is said of a database of version 0.3. */
#define IMPORT_ADVICE                                                                              \
  "It is left untouched: import it into a new directory with `npx @aurora/runtime-storage-lmdbx "  \
  "import <this path> <new path>`"
/* Another process may commit while we read: then we look again. */
#define MAX_LOOKS 10

struct database_record {
  uint32_t pad;
  uint16_t flags, depth;
  uint64_t branch_pages, leaf_pages, overflow_pages, entries, root;
};

struct meta_page {
  uint64_t page_number;
  uint16_t pad, flags;
  uint32_t unused;
  uint32_t magic, version;
  uint64_t address, map_size;
  struct database_record databases[2];
  uint64_t last_page, txn_id;
};

_Static_assert(sizeof(struct meta_page) == 152, "the meta page as LMDB writes it");
_Static_assert(sizeof(size_t) == 8, "LMDB's file format follows the word size");

/* What is wrong with a file. */
struct finding {
  int code;
  const char *text;
};

static const struct finding sound = {LMDBX_OK, NULL};

static struct finding corrupt(const char *text) {
  return (struct finding){LMDBX_CORRUPT, text};
}

static int report(struct lmdbx_error *error, struct finding finding, const char *path) {
  return lmdbx__error_at(error, finding.code, 0, doing, path, "%s", finding.text);
}

static uint32_t word_at(const struct meta_page *meta, size_t offset) {
  uint32_t word;
  memcpy(&word, (const char *)meta + offset, sizeof word);
  return word;
}

/* The file is not of our format: says of which. */
static struct finding foreign(const struct meta_page *meta) {
  if (meta->magic == META_MAGIC)
    return (struct finding){LMDBX_FORMAT, "data.mdb has a version of the LMDB format that this "
                                          "package does not know. It is left untouched"};
  if (word_at(meta, MAGIC_OFFSET_LMDB_1) == META_MAGIC)
    return (struct finding){
        LMDBX_FORMAT,
        "version 0.3 of this package wrote it, in another format of LMDB. " IMPORT_ADVICE};
  if (meta->magic == META_MAGIC_SWAPPED || word_at(meta, MAGIC_OFFSET_32_BIT) == META_MAGIC)
    return (struct finding){LMDBX_FORMAT,
                            "data.mdb was written on a machine with another word size or byte "
                            "order. Move it with mdb_dump and mdb_load"};
  return corrupt("data.mdb is not an LMDB file. Check the path, or restore it from a backup");
}

static struct finding check_meta(const struct meta_page *meta, size_t page_size) {
  if (meta->magic != META_MAGIC || meta->version != META_VERSION) return foreign(meta);
  size_t size = meta->databases[0].pad;
  if ((meta->flags & PAGE_FLAG_META) == 0 || size < MIN_PAGE_SIZE || size > MAX_PAGE_SIZE ||
      (size & (size - 1)) != 0 || (page_size != 0 && size != page_size))
    return corrupt("a meta page of data.mdb is damaged. Restore it from a backup");
  return sound;
}

/* Whether the root page of a database is in the file and looks like one. */
static struct finding check_root(int fd, const struct database_record *database, size_t page_size,
                                 uint64_t last_page, uint64_t file_size) {
  static const char text[] = "data.mdb is damaged or cut off: the first page of a tree is not "
                             "where it should be. Restore it from a backup";
  if (database->root == NO_PAGE) return sound;
  if (database->root < 2 || database->root > last_page || database->depth == 0 ||
      database->depth > MAX_DEPTH || database->root >= file_size / page_size)
    return corrupt(text);
  struct {
    uint64_t page_number;
    uint16_t pad, flags, lower, upper;
  } page;
  if (pread(fd, &page, sizeof page, (off_t)(database->root * page_size)) != (ssize_t)sizeof page)
    return corrupt(text);
  uint16_t kind = database->depth == 1 ? PAGE_FLAG_LEAF : PAGE_FLAG_BRANCH;
  if (page.page_number != database->root || (page.flags & kind) == 0 ||
      page.lower < PAGE_HEADER_SIZE || page.upper < page.lower || page.upper > page_size)
    return corrupt(text);
  return sound;
}

/* One look at the file. *txn_id is the newest transaction seen. */
static struct finding look(int fd, uint64_t *txn_id) {
  struct meta_page metas[2];
  *txn_id = 0;
  ssize_t got = pread(fd, &metas[0], sizeof metas[0], 0);
  if (got == 0)
    return corrupt("data.mdb is empty; a kill in the middle of another program's first opening "
                   "leaves it so. Restore it from a backup, or delete it if nothing was stored");
  if (got < 0) return (struct finding){LMDBX_IO, "data.mdb cannot be read. Check the disk"};
  if (got < (ssize_t)sizeof metas[0])
    memset((char *)&metas[0] + got, 0, sizeof metas[0] - (size_t)got);
  struct finding finding = check_meta(&metas[0], 0);
  if (finding.code != LMDBX_OK) return finding;
  size_t page_size = metas[0].databases[0].pad;
  if (pread(fd, &metas[1], sizeof metas[1], (off_t)page_size) != (ssize_t)sizeof metas[1])
    return corrupt("data.mdb is cut off. Restore it from a backup");
  finding = check_meta(&metas[1], page_size);
  if (finding.code != LMDBX_OK) return finding;

  const struct meta_page *newest = &metas[metas[0].txn_id < metas[1].txn_id];
  *txn_id = newest->txn_id;
  if (newest->last_page < 1 || newest->last_page >= SIZE_MAX / 2 / page_size)
    return corrupt("a meta page of data.mdb is damaged. Restore it from a backup");
  /* After the meta pages, since another process may be making the file grow.
   * It may be shorter than its last page: what was never written is not used. */
  struct stat status;
  if (fstat(fd, &status) != 0) return (struct finding){LMDBX_IO, "data.mdb cannot be examined"};
  for (int i = 0; i < 2 && finding.code == LMDBX_OK; i++)
    finding = check_root(fd, &newest->databases[i], page_size, newest->last_page,
                         (uint64_t)status.st_size);
  return finding;
}

int lmdbx__check_in_the_way(const char *path, struct lmdbx_error *error) {
  struct meta_page meta = {0};
  struct stat status;
  bool old = false;
  /* Not a pipe: opening it would wait. */
  int fd =
      stat(path, &status) == 0 && S_ISREG(status.st_mode) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (fd >= 0) {
    old = pread(fd, &meta, sizeof meta, 0) == (ssize_t)sizeof meta && meta.magic != META_MAGIC &&
          word_at(&meta, MAGIC_OFFSET_LMDB_1) == META_MAGIC;
    close(fd);
  }
  if (!old) return lmdbx__store_error(error, ENOTDIR, doing, path);
  return lmdbx__error_at(error, LMDBX_FORMAT, 0, doing, path, "%s",
                         "it is a single file that version 0.3 of this package wrote, in another "
                         "format of LMDB. " IMPORT_ADVICE);
}

static int check_data(const char *path, const char *data, struct lmdbx_error *error) {
  struct stat status;
  /* Not by opening it: that would block on a pipe. A link would have one data file
   * with two lock files. */
  if (lstat(data, &status) != 0) return lmdbx__store_error(error, errno, doing, path);
  if (!S_ISREG(status.st_mode))
    return report(error, corrupt("data.mdb is not a regular file. Use the path where it is"), path);
  int fd = open(data, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return lmdbx__store_error(error, errno, doing, path);
  uint64_t txn_id, last_txn_id = 0;
  struct finding finding;
  for (int looks = 0; looks < MAX_LOOKS; looks++) {
    finding = look(fd, &txn_id);
    if (finding.code == LMDBX_OK || (looks > 0 && txn_id == last_txn_id)) break;
    last_txn_id = txn_id;
  }
  close(fd);
  return finding.code == LMDBX_OK ? LMDBX_OK : report(error, finding, path);
}

/* ------------------------------------------------------- who else has it */

/* Whether a path lies on a file system over a network, where neither a shared map nor
 * the locks reach the other machines: Linux tells the kind, others say so themselves. */
#ifdef __linux__
static bool on_network(const char *path) {
  static const unsigned long types[] = {
      0x6969,     /* NFS */
      0x517B,     /* SMB */
      0xFF534D42, /* CIFS */
      0xFE534D42, /* SMB 2 */
      0x73757245, /* Coda */
      0x5346414F, /* AFS */
      0x00C36400, /* Ceph */
      0x0BD00BD0, /* Lustre */
  };
  struct statfs status;
  if (statfs(path, &status) != 0) return false;
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if ((unsigned long)status.f_type == types[i]) return true;
  return false;
}
#else
static bool on_network(const char *path) {
  struct statfs status;
  return statfs(path, &status) == 0 && (status.f_flags & MNT_LOCAL) == 0;
}
#endif

#ifdef __linux__
/* Whether the words that a new mutex has set are set alike in this one. They say
 * what kind it is and never change; where they lie, each libc decides. */
static bool same_kind(const char *bytes, bool robust) {
  pthread_mutexattr_t attributes;
  union {
    pthread_mutex_t mutex;
    uint32_t words[sizeof(pthread_mutex_t) / sizeof(uint32_t)];
  } ours, made, theirs;
  memset(&ours, 0, sizeof ours);
  memcpy(&theirs, bytes, sizeof theirs);
  if (pthread_mutexattr_init(&attributes) != 0) return true;
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  if (robust) pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  int rc = pthread_mutex_init(&ours.mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);
  if (rc != 0) return true;
  made = ours;
  pthread_mutex_destroy(&ours.mutex); /* theirs may have been destroyed, too */
  bool same = true;
  for (size_t i = 0; i < sizeof made.words / sizeof *made.words; i++)
    if (made.words[i] != 0 && theirs.words[i] != made.words[i] && theirs.words[i] != ours.words[i])
      same = false;
  return same;
}

/*
 * Whether another process is using lock.mdb with mutexes of another libc. LMDB
 * would take the file, and then wait for ever. An unused file it makes anew. The
 * file begins with magic, format and the readers' mutex.
 */
static bool foreign_lock(const char *lock) {
  char head[LOCK_MUTEX_OFFSET + sizeof(pthread_mutex_t)];
  struct flock use = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
  int fd = open(lock, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false; /* LMDB will say why */
  bool foreign = fcntl(fd, F_GETLK, &use) == 0 && use.l_type != F_UNLCK &&
                 pread(fd, head, sizeof head, 0) == (ssize_t)sizeof head &&
                 memcmp(head, &(uint32_t){META_MAGIC}, sizeof(uint32_t)) == 0 &&
                 !same_kind(head + LOCK_MUTEX_OFFSET, true) &&
                 !same_kind(head + LOCK_MUTEX_OFFSET, false);
  close(fd);
  return foreign;
}
#else
static bool foreign_lock(const char *lock) {
  (void)lock;
  return false;
}
#endif

int lmdbx__check_files(const char *path, const struct lmdbx__file_id *id, bool allow_network,
                       struct lmdbx_error *error) {
  char *data = lmdbx__join_path(path, "data.mdb");
  char *lock = lmdbx__join_path(path, "lock.mdb");
  int code = LMDBX_OK;
  if (data == NULL || lock == NULL)
    code = lmdbx__store_error(error, ENOMEM, doing, path);
  else if (lmdbx__mapping_find(data, id) != NULL)
    code = lmdbx__error_at(error, LMDBX_ALREADY_OPEN, 0, doing, path,
                           "another copy of this package, or another LMDB binding, has it open in "
                           "this process, and two would break each other's locks. Load one only");
  else if (!allow_network && on_network(path))
    code = lmdbx__error_at(error, LMDBX_NETWORK_FS, 0, doing, path,
                           "it lies on a network file system, where LMDB's locks and memory map do "
                           "not hold. Move it to a local disk");
  else if (foreign_lock(lock))
    code = lmdbx__error_at(error, LMDBX_LOCK_FORMAT, 0, doing, path,
                           "a process with another C library (such as musl in an Alpine container) "
                           "is using it, and their locks do not fit. Build both on one C library");
  else
    code = check_data(path, data, error);
  free(data);
  free(lock);
  return code;
}
