/*
 * floor - what the rows of the benchmark cost on bare liblmdb, in C: the physical floor. Prints
 * nanoseconds per operation.
 *
 *   floor mix DIR GROUPS GETS PUTS BYTES
 *       groups of GETS random gets in a read transaction, then PUTS random updates in one
 *       commit; each is an operation
 *   floor modify DIR GROUPS GETS PUTS BYTES
 *       the same, where a get and a put are one operation
 *   floor miss DIR GROUPS GETS
 *       groups of gets of absent keys
 *   floor has DIR GROUPS GETS
 *       groups of look-ups, every second of an absent key
 *   floor insert DIR GROUPS PUTS BYTES
 *       groups of new records in ascending order, one commit each
 *   floor handed DIR GROUPS PUTS BYTES
 *       the same by another thread, which is woken for each group and wakes this one behind its
 *       commit, as an event loop and a pool do
 *   floor delete DIR GROUPS DELETES
 *       groups of deletes in ascending order, one commit each
 *   floor scan DIR SCANS
 *       all keys of a tenant, once per scan
 *   floor cold DIR GETS THREADS
 *       random gets, each in a transaction, by several threads
 */
#include <errno.h>
#include <lmdb.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAP_SIZE ((size_t)64 << 30)
#define LARGEST_VALUE ((size_t)1 << 20)
#define KEY_ROOM 64
#define KEY_FORMAT "acme:\"order:%08zu\"" /* of a record, by its number */
#define MOST_THREADS 16

struct floor {
  MDB_env *env;
  MDB_dbi dbi;
  MDB_txn *reader; /* reset; renewed for each group */
  MDB_val *keys;   /* of all records, owned; in stored order */
  size_t key_count;
  unsigned char *value; /* LARGEST_VALUE bytes, written by puts and overwritten by gets */
  uint32_t random;
};

static _Noreturn void fail(int code, const char *doing) {
  fprintf(stderr, "floor: %s: %s\n", doing, mdb_strerror(code));
  exit(1);
}

static void check(int code, const char *doing) {
  if (code != 0) fail(code, doing);
}

static uint32_t next_random(uint32_t *state) {
  uint32_t x = *state;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return *state = x;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void open_env(struct floor *floor, const char *directory) {
  MDB_txn *txn;
  check(mdb_env_create(&floor->env), "mdb_env_create");
  check(mdb_env_set_mapsize(floor->env, MAP_SIZE), "mdb_env_set_mapsize");
  check(mdb_env_open(floor->env, directory, MDB_NOTLS | MDB_NORDAHEAD, 0644), directory);
  check(mdb_txn_begin(floor->env, NULL, MDB_RDONLY, &txn), "mdb_txn_begin");
  check(mdb_dbi_open(txn, NULL, 0, &floor->dbi), "mdb_dbi_open");
  check(mdb_txn_commit(txn), "mdb_txn_commit");
  check(mdb_txn_begin(floor->env, NULL, MDB_RDONLY, &floor->reader), "mdb_txn_begin");
  mdb_txn_reset(floor->reader);
  floor->value = calloc(1, LARGEST_VALUE);
  floor->random = 1;
  if (floor->value == NULL) fail(ENOMEM, "calloc");
}

/* The keys of records to be inserted. */
static void make_keys(struct floor *floor, size_t count) {
  floor->keys = calloc(count + 1, sizeof *floor->keys);
  if (floor->keys == NULL) fail(ENOMEM, "calloc");
  for (; floor->key_count < count; floor->key_count++) {
    char *text = malloc(KEY_ROOM);
    if (text == NULL) fail(ENOMEM, "malloc");
    int length = snprintf(text, KEY_ROOM, KEY_FORMAT, floor->key_count);
    floor->keys[floor->key_count] = (MDB_val){(size_t)length, text};
  }
}

static void copy_keys(struct floor *floor) {
  MDB_stat stat;
  MDB_cursor *cursor;
  MDB_val key;
  MDB_val value;
  check(mdb_txn_renew(floor->reader), "mdb_txn_renew");
  check(mdb_stat(floor->reader, floor->dbi, &stat), "mdb_stat");
  check(mdb_cursor_open(floor->reader, floor->dbi, &cursor), "mdb_cursor_open");
  floor->keys = calloc(stat.ms_entries + 1, sizeof *floor->keys);
  if (floor->keys == NULL) fail(ENOMEM, "calloc");
  while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
    MDB_val *copy = &floor->keys[floor->key_count++];
    copy->mv_size = key.mv_size;
    copy->mv_data = malloc(key.mv_size + 1); /* room for the byte that makes it an absent key */
    if (copy->mv_data == NULL) fail(ENOMEM, "malloc");
    memcpy(copy->mv_data, key.mv_data, key.mv_size);
    ((char *)copy->mv_data)[key.mv_size] = 'x';
  }
  mdb_cursor_close(cursor);
  mdb_txn_reset(floor->reader);
}

static MDB_val random_key(struct floor *floor) {
  if (floor->key_count == 0) fail(MDB_NOTFOUND, "a database without records");
  MDB_val key = floor->keys[next_random(&floor->random) % floor->key_count];
  if (key.mv_data == NULL) fail(EINVAL, "a record without a key");
  return key;
}

static void get_group(struct floor *floor, long gets, size_t extra, int expected) {
  check(mdb_txn_renew(floor->reader), "mdb_txn_renew");
  for (long i = 0; i < gets; i++) {
    MDB_val key = random_key(floor);
    MDB_val value;
    key.mv_size += extra;
    int code = mdb_get(floor->reader, floor->dbi, &key, &value);
    if (code != expected) check(code != 0 ? code : EINVAL, "mdb_get");
    if (code == 0) memcpy(floor->value, value.mv_data, value.mv_size);
  }
  mdb_txn_reset(floor->reader);
}

static void has_group(struct floor *floor, long looks) {
  check(mdb_txn_renew(floor->reader), "mdb_txn_renew");
  for (long i = 0; i < looks; i++) {
    MDB_val key = random_key(floor);
    MDB_val value;
    key.mv_size += (size_t)(i % 2);
    int code = mdb_get(floor->reader, floor->dbi, &key, &value);
    if (code != (i % 2 == 0 ? 0 : MDB_NOTFOUND)) check(code != 0 ? code : EINVAL, "mdb_get");
  }
  mdb_txn_reset(floor->reader);
}

static void put_group(struct floor *floor, long puts, size_t bytes) {
  MDB_txn *txn;
  check(mdb_txn_begin(floor->env, NULL, 0, &txn), "mdb_txn_begin");
  for (long i = 0; i < puts; i++) {
    MDB_val key = random_key(floor);
    MDB_val value = {bytes, floor->value};
    check(mdb_put(txn, floor->dbi, &key, &value, 0), "mdb_put");
  }
  check(mdb_txn_commit(txn), "mdb_txn_commit");
}

static void insert_group(struct floor *floor, size_t first, size_t puts, size_t bytes) {
  MDB_txn *txn;
  check(mdb_txn_begin(floor->env, NULL, 0, &txn), "mdb_txn_begin");
  for (size_t i = first; i < first + puts; i++) {
    MDB_val value = {bytes, floor->value};
    check(mdb_put(txn, floor->dbi, &floor->keys[i], &value, 0), "mdb_put");
  }
  check(mdb_txn_commit(txn), "mdb_txn_commit");
}

struct committer {
  struct floor *floor;
  long groups;
  long puts;
  long bytes;
  pthread_mutex_t mutex;
  pthread_cond_t asked;
  long wanted; /* groups, guarded by mutex */
  int done[2]; /* a pipe: a byte for each commit */
};

static void *commit_what_is_asked(void *argument) {
  struct committer *self = argument;
  for (long i = 0; i < self->groups; i++) {
    pthread_mutex_lock(&self->mutex);
    while (self->wanted <= i) pthread_cond_wait(&self->asked, &self->mutex);
    pthread_mutex_unlock(&self->mutex);
    insert_group(self->floor, (size_t)(i * self->puts), (size_t)self->puts, (size_t)self->bytes);
    if (write(self->done[1], "", 1) != 1) fail(errno, "write");
  }
  return NULL;
}

static void handed(struct floor *floor, const long *arguments) {
  pthread_t id;
  char byte;
  struct committer committer = {.floor = floor,
                                .groups = arguments[0],
                                .puts = arguments[1],
                                .bytes = arguments[2],
                                .mutex = PTHREAD_MUTEX_INITIALIZER,
                                .asked = PTHREAD_COND_INITIALIZER};
  if (pipe(committer.done) != 0) fail(errno, "pipe");
  check(pthread_create(&id, NULL, commit_what_is_asked, &committer), "pthread_create");
  for (long i = 0; i < committer.groups; i++) {
    pthread_mutex_lock(&committer.mutex);
    committer.wanted++;
    pthread_cond_signal(&committer.asked);
    pthread_mutex_unlock(&committer.mutex);
    if (read(committer.done[0], &byte, 1) != 1) fail(errno, "read");
  }
  check(pthread_join(id, NULL), "pthread_join");
  close(committer.done[0]);
  close(committer.done[1]);
}

static void delete_group(struct floor *floor, size_t first, size_t deletes) {
  MDB_txn *txn;
  check(mdb_txn_begin(floor->env, NULL, 0, &txn), "mdb_txn_begin");
  for (size_t i = first; i < first + deletes; i++) {
    check(i < floor->key_count ? mdb_del(txn, floor->dbi, &floor->keys[i], NULL) : MDB_NOTFOUND,
          "mdb_del");
  }
  check(mdb_txn_commit(txn), "mdb_txn_commit");
}

/* Copies the keys of a random record's tenant out. */
static void scan(struct floor *floor) {
  MDB_cursor *cursor;
  MDB_val value;
  MDB_val key = random_key(floor);
  const char *colon = memchr(key.mv_data, ':', key.mv_size);
  if (colon == NULL) fail(EINVAL, "a key without a colon");
  MDB_val prefix = {(size_t)(colon - (char *)key.mv_data) + 1, key.mv_data};
  size_t used = 0;
  check(mdb_txn_renew(floor->reader), "mdb_txn_renew");
  check(mdb_cursor_open(floor->reader, floor->dbi, &cursor), "mdb_cursor_open");
  key = prefix;
  int code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
  while (code == 0 && key.mv_size >= prefix.mv_size &&
         memcmp(key.mv_data, prefix.mv_data, prefix.mv_size) == 0) {
    if (used + key.mv_size > LARGEST_VALUE) used = 0;
    memcpy(floor->value + used, key.mv_data, key.mv_size);
    used += key.mv_size;
    code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
  }
  mdb_cursor_close(cursor);
  mdb_txn_reset(floor->reader);
}

struct cold_thread {
  struct floor *floor;
  long gets;
  uint32_t random;
  uint32_t sum; /* so that the reads happen */
};

/* The keys follow from the number of the record: looking for them would warm the file. */
static void *cold_gets(void *argument) {
  struct cold_thread *self = argument;
  MDB_txn *txn;
  MDB_stat stat;
  check(mdb_txn_begin(self->floor->env, NULL, MDB_RDONLY, &txn), "mdb_txn_begin");
  check(mdb_stat(txn, self->floor->dbi, &stat), "mdb_stat");
  mdb_txn_reset(txn);
  for (long i = 0; i < self->gets; i++) {
    char text[KEY_ROOM];
    int length = snprintf(text, sizeof text, KEY_FORMAT,
                          (size_t)next_random(&self->random) % stat.ms_entries);
    MDB_val key = {(size_t)length, text};
    MDB_val value;
    check(mdb_txn_renew(txn), "mdb_txn_renew");
    check(mdb_get(txn, self->floor->dbi, &key, &value), "mdb_get");
    for (size_t at = 0; at < value.mv_size; at++) self->sum += ((unsigned char *)value.mv_data)[at];
    mdb_txn_reset(txn);
  }
  mdb_txn_abort(txn);
  return NULL;
}

static void cold(struct floor *floor, long gets, long threads) {
  pthread_t ids[MOST_THREADS];
  struct cold_thread arguments[MOST_THREADS];
  if (threads < 1 || threads > MOST_THREADS) fail(EINVAL, "cold: number of threads");
  for (long i = 0; i < threads; i++) {
    arguments[i] = (struct cold_thread){floor, gets / threads, (uint32_t)i + 1, 0};
    check(pthread_create(&ids[i], NULL, cold_gets, &arguments[i]), "pthread_create");
  }
  for (long i = 0; i < threads; i++) check(pthread_join(ids[i], NULL), "pthread_join");
}

/* Runs a command; returns its number of operations. */
static double run(struct floor *floor, const char *command, const long *arguments) {
  long groups = arguments[0];
  if (strcmp(command, "cold") == 0) {
    cold(floor, arguments[0], arguments[1]);
    return (double)arguments[0];
  }
  if (strcmp(command, "handed") == 0) {
    handed(floor, arguments);
    return (double)groups * (double)arguments[1];
  }
  for (long i = 0; i < groups; i++) {
    if (strcmp(command, "mix") == 0 || strcmp(command, "modify") == 0) {
      if (arguments[1] > 0) get_group(floor, arguments[1], 0, 0);
      if (arguments[2] > 0) put_group(floor, arguments[2], (size_t)arguments[3]);
    } else if (strcmp(command, "miss") == 0) {
      get_group(floor, arguments[1], 1, MDB_NOTFOUND);
    } else if (strcmp(command, "has") == 0) {
      has_group(floor, arguments[1]);
    } else if (strcmp(command, "insert") == 0) {
      insert_group(floor, (size_t)(i * arguments[1]), (size_t)arguments[1], (size_t)arguments[2]);
    } else if (strcmp(command, "delete") == 0) {
      delete_group(floor, (size_t)(i * arguments[1]), (size_t)arguments[1]);
    } else if (strcmp(command, "scan") == 0) {
      scan(floor);
    } else {
      fail(EINVAL, command);
    }
  }
  if (strcmp(command, "scan") == 0) return (double)groups;
  if (strcmp(command, "mix") == 0) return (double)groups * (double)(arguments[1] + arguments[2]);
  return (double)groups * (double)arguments[1];
}

int main(int argc, char **argv) {
  struct floor floor = {0};
  long arguments[4] = {0};
  if (argc < 4 || argc > 7) {
    fprintf(stderr, "floor: give a command, a directory and numbers; see floor.c\n");
    return 2;
  }
  for (int i = 3; i < argc; i++) arguments[i - 3] = strtol(argv[i], NULL, 10);
  /* Or the page faults of memory given back and taken anew become part of the floor. */
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 32 * 1024 * 1024);
  mallopt(M_TRIM_THRESHOLD, 1024 * 1024 * 1024);
#endif
  open_env(&floor, argv[2]);
  if (strcmp(argv[1], "insert") == 0 || strcmp(argv[1], "handed") == 0) {
    make_keys(&floor, (size_t)(arguments[0] * arguments[1]));
  } else if (strcmp(argv[1], "cold") != 0) {
    copy_keys(&floor);
  }
  double start = now();
  double operations = run(&floor, argv[1], arguments);
  printf("%.1f\n", (now() - start) / operations);
  mdb_txn_abort(floor.reader);
  mdb_env_close(floor.env);
  for (size_t i = 0; i < floor.key_count; i++) free(floor.keys[i].mv_data);
  free(floor.keys);
  free(floor.value);
  return 0;
}
