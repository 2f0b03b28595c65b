/*
 * Several owner threads, each with hosts, pools and repositories of its own, work
 * on one database and end their hosts at any moment. Every read must show what
 * the same repository was asked to write before, and nothing acknowledged may be
 * lost. Under ThreadSanitizer this is the search for races in store and queue.
 */
#include "executor.h"
#include "support.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { OWNERS = 4, ROUNDS = 120, STEPS = 24, REPOSITORIES = 2, KEYS = 8, MAX_ASKS = 1024 };
enum { PATIENCE_SECONDS = 300 };

/* A key goes through numbered states: absent in every fifth, else it holds the
 * number as text. */
struct key {
  char text[16];
  unsigned issued, acknowledged;
  bool certain; /* it is in the state last issued: not after a host's sudden end */
};

enum kind { PUT, DELETE, GET, HAS, LIST, SNAPSHOT, CLOSE };

struct owner;

struct ask {
  struct owner *owner;
  struct key *key;
  enum kind kind;
  unsigned least, most; /* the states that a read may show, or that a change makes */
  char list[64];        /* LIST and SNAPSHOT: what is expected, if that is certain */
};

/* A snapshot of a repository, and the list that it shows for as long as it lives. */
struct held {
  struct lmdbx_snapshot *snapshot;
  char list[64];
};

struct owner {
  pthread_t thread;
  const char *directory;
  unsigned number, random;
  struct key keys[REPOSITORIES][KEYS];
  struct executor executor;
  struct lmdbx_repository *repositories[REPOSITORIES];
  struct held held[REPOSITORIES];
  struct ask asks[MAX_ASKS];
  size_t count, pending;
  bool closing;
  char failure[256]; /* the first one */
};

static unsigned below(struct owner *owner, unsigned limit) {
  owner->random = owner->random * 1664525u + 1013904223u;
  return (owner->random >> 8) % limit;
}

static void complain(const struct ask *ask, const char *what, int code) {
  static const char *const kinds[] = {"put", "delete", "get", "has", "list", "snapshot", "close"};
  struct owner *owner = ask->owner;
  if (owner->failure[0] != '\0') return;
  snprintf(owner->failure, sizeof owner->failure, "%s %s: %s (states %u to %u, code %s)",
           kinds[ask->kind], ask->key != NULL ? ask->key->text : "", what, ask->least, ask->most,
           lmdbx_code_name(code));
}

static bool present(unsigned state) {
  return state != 0 && state % 5 != 4;
}

static bool shows(const struct ask *ask, unsigned state, const struct lmdbx_result *result) {
  char text[16];
  if (present(state) != result->found) return false;
  if (!result->found || ask->kind == HAS) return true;
  size_t size = (size_t)snprintf(text, sizeof text, "%u", state);
  return result->value.size == size && memcmp(result->value.data, text, size) == 0;
}

static void check_read(const struct ask *ask, const struct lmdbx_result *result) {
  for (unsigned state = ask->least; state <= ask->most; state++)
    if (shows(ask, state, result)) return;
  complain(ask, "found no possible state", LMDBX_OK);
}

static void note(void *context, void *user, const struct lmdbx_result *result) {
  (void)context;
  struct ask *ask = user;
  ask->owner->pending--;
  if (result->error != NULL) {
    int expected = ask->kind == LIST ? LMDBX_CLOSED : LMDBX_SNAPSHOT_EXPIRED;
    bool lists = ask->kind == LIST || ask->kind == SNAPSHOT;
    bool ended = lists && ask->owner->closing && result->error->code == expected;
    if (!ended) complain(ask, result->error->message, result->error->code);
    return;
  }
  switch (ask->kind) {
  case PUT:
  case DELETE:
    if (ask->key->acknowledged >= ask->most) complain(ask, "acknowledged out of order", 0);
    ask->key->acknowledged = ask->most;
    break;
  case GET:
  case HAS: check_read(ask, result); break;
  case LIST:
  case SNAPSHOT:
    if (result->scan != NULL) complain(ask, "more than one page", 0);
    if (ask->list[0] != '\0' &&
        (result->page->keys.size != strlen(ask->list) ||
         memcmp(result->page->keys.data, ask->list, strlen(ask->list)) != 0))
      complain(ask, "not the keys expected", 0);
    break;
  case CLOSE: break;
  }
}

/* The list of an owner's keys, as far as it is certain. */
static void expect_list(struct ask *ask, const struct key *keys) {
  size_t size = 0;
  for (unsigned i = 0; i < KEYS; i++)
    if (!keys[i].certain) return;
  for (unsigned i = 0; i < KEYS; i++) {
    if (!present(keys[i].issued)) continue;
    size += (size_t)snprintf(ask->list + size, sizeof ask->list - size, "%s%u",
                             size == 0 ? "[" : ",", i);
  }
  snprintf(ask->list + size, sizeof ask->list - size, "%s", size == 0 ? "[]" : "]");
}

static void let_go(struct held *held) {
  if (held->snapshot != NULL) lmdbx_snapshot_release(held->snapshot);
  held->snapshot = NULL;
}

/* The snapshot that is held, or now and then a new one, which must see what was written
 * before and nothing of what is written from now on. */
static int take_snapshot(struct owner *owner, unsigned index, struct ask *ask) {
  struct held *held = &owner->held[index];
  bool needs_flush = false;
  int code = LMDBX_OK;
  if (below(owner, 4) == 0) let_go(held);
  if (held->snapshot == NULL) {
    ask->list[0] = '\0';
    expect_list(ask, owner->keys[index]);
    memcpy(held->list, ask->list, sizeof held->list);
    code = lmdbx_snapshot(owner->repositories[index], &held->snapshot, &needs_flush, NULL);
  }
  memcpy(ask->list, held->list, sizeof ask->list);
  return code;
}

static void issue(struct owner *owner, unsigned index, enum kind kind) {
  bool needs_flush = false; /* every step flushes, whatever it says */
  struct lmdbx_repository *repository = owner->repositories[index];
  struct key *key = &owner->keys[index][below(owner, KEYS)];
  struct ask *ask = &owner->asks[owner->count++];
  char value[16], prefix[16];
  struct lmdbx_query query = {
      .kind = LMDBX_KEYS, .one_moment = true, .range = {.limit = LMDBX_NO_LIMIT}};
  int code = LMDBX_OK;
  if (kind <= DELETE) {
    key->issued++;
    kind = present(key->issued) ? PUT : DELETE;
    key->certain = true;
  }
  *ask = (struct ask){.owner = owner, .key = key, .kind = kind, .most = key->issued};
  ask->least = key->certain ? key->issued : key->acknowledged;
  const struct lmdbx_issue to = {.done = note, .user = ask, .needs_flush = &needs_flush};
  owner->pending++;
  switch (kind) {
  case PUT:
    snprintf(value, sizeof value, "%u", key->issued);
    code = lmdbx_put(repository, text(key->text), text(value), &to, NULL);
    break;
  case DELETE: code = lmdbx_delete(repository, text(key->text), &to, NULL); break;
  case GET: code = lmdbx_get(repository, text(key->text), &to, NULL); break;
  case HAS: code = lmdbx_has(repository, text(key->text), &to, NULL); break;
  case SNAPSHOT:
  case LIST:
    ask->key = NULL;
    if (kind == LIST) {
      expect_list(ask, owner->keys[index]);
    } else {
      code = take_snapshot(owner, index, ask);
      query.snapshot = owner->held[index].snapshot;
    }
    if (code != LMDBX_OK) break;
    snprintf(prefix, sizeof prefix, "t%u:", owner->number);
    query.prefix = text(prefix);
    code = lmdbx_scan(repository, &query, &to, NULL);
    break;
  case CLOSE: code = lmdbx_close(repository, &to, NULL); break;
  }
  if (code != LMDBX_OK) complain(ask, "refused", code);
}

/* The same on the calling thread, where it can be had. The turn that it begins may be spent
 * when the next reads are issued. */
static void read_now(struct owner *owner, unsigned index) {
  const struct key *key = &owner->keys[index][below(owner, KEYS)];
  struct lmdbx_now answer;
  if (!lmdbx_read_now(owner->repositories[index], text(key->text), true, &answer)) return;
  const struct lmdbx_result result = {.found = answer.found, .value = answer.value};
  struct ask ask = {.owner = owner, .key = (struct key *)key, .kind = GET, .most = key->issued};
  ask.least = key->certain ? key->issued : key->acknowledged;
  check_read(&ask, &result);
  if (lmdbx_now_end(owner->repositories[index], &answer)) owner->executor.turn_wanted = true;
  if (below(owner, 4) == 0) spend_turn();
}

static void open_all(struct owner *owner) {
  for (unsigned i = 0; i < REPOSITORIES; i++) {
    char config[256];
    struct lmdbx_error error = {0};
    snprintf(config, sizeof config, "{\"path\":\"%s\"%s,\"reads\":\"%s\"}", owner->directory,
             i == 0 ? "" : ",\"name\":\"second\"", below(owner, 2) ? "pool" : "adaptive");
    if (lmdbx_open(owner->executor.host, text(config), &owner->repositories[i], &error) != LMDBX_OK)
      abort();
  }
}

/* The snapshots before or behind their repositories. */
static void release_all(struct owner *owner) {
  bool first = below(owner, 2) == 0;
  for (unsigned i = 0; i < REPOSITORIES; i++) {
    if (first) let_go(&owner->held[i]);
    lmdbx_repository_release(owner->repositories[i]);
    let_go(&owner->held[i]);
  }
}

static void settle(struct owner *owner) {
  lmdbx_host_flush(owner->executor.host);
  while (owner->pending > 0) executor_turn(&owner->executor);
}

/* After a sudden end, unacknowledged changes may or may not have happened. */
static void doubt(struct owner *owner) {
  for (unsigned i = 0; i < REPOSITORIES * KEYS; i++) {
    struct key *key = &owner->keys[i / KEYS][i % KEYS];
    if (key->acknowledged != key->issued) key->certain = false;
  }
}

static void live(struct owner *owner) {
  owner->count = owner->pending = 0;
  owner->closing = false;
  executor_start(&owner->executor);
  open_all(owner);
  for (int step = 0; step < STEPS && owner->failure[0] == '\0'; step++) {
    for (unsigned left = 1 + below(owner, 8); left > 0; left--)
      issue(owner, below(owner, REPOSITORIES), (enum kind)below(owner, CLOSE));
    lmdbx_host_flush(owner->executor.host);
    if (below(owner, 3) > 0) settle(owner);
    read_now(owner, below(owner, REPOSITORIES));
  }
  owner->closing = below(owner, 2) == 0;
  if (owner->closing)
    for (unsigned i = 0; i < REPOSITORIES; i++) issue(owner, i, CLOSE);
  enum { SETTLE_FIRST, RELEASE_FIRST, SUDDENLY, ENDS };
  unsigned end = below(owner, ENDS);
  if (end == SETTLE_FIRST) settle(owner);
  if (end != SUDDENLY) release_all(owner);
  if (end == RELEASE_FIRST) settle(owner);
  lmdbx_host_destroy(owner->executor.host);
  executor_stop(&owner->executor);
  if (end == SUDDENLY) release_all(owner);
  doubt(owner);
}

static void *owner_run(void *data) {
  struct owner *owner = data;
  for (int round = 0; round < ROUNDS && owner->failure[0] == '\0'; round++) live(owner);
  return NULL;
}

/* Reads every key once more, in a life of its own. */
static void verify(struct owner *owner) {
  executor_start(&owner->executor);
  open_all(owner);
  owner->count = owner->pending = 0;
  for (int i = 0; i < 20 * KEYS; i++) issue(owner, i % REPOSITORIES, GET);
  settle(owner);
  lmdbx_host_destroy(owner->executor.host);
  executor_stop(&owner->executor);
  release_all(owner);
  if (owner->failure[0] != '\0') fail_msg("%s", owner->failure);
}

static void owners_on_many_threads_see_their_own_writes_and_lose_none(void **state) {
  static struct owner owners[OWNERS];
  unsigned seed = (unsigned)time(NULL);
  const char *given = getenv("LMDBX_TEST_SEED");
  if (given != NULL) seed = (unsigned)strtoul(given, NULL, 10);
  print_message("LMDBX_TEST_SEED=%u\n", seed);
  (void)alarm(PATIENCE_SECONDS); /* a lost wake-up would hang for ever */
  memset(owners, 0, sizeof owners);
  for (unsigned i = 0; i < OWNERS; i++) {
    struct owner *owner = &owners[i];
    owner->directory = *state;
    owner->number = i;
    owner->random = seed + i;
    for (unsigned j = 0; j < REPOSITORIES * KEYS; j++) {
      struct key *key = &owner->keys[j / KEYS][j % KEYS];
      snprintf(key->text, sizeof key->text, "t%u:%u", i, j % KEYS);
      key->certain = true;
    }
    assert_int_equal(pthread_create(&owner->thread, NULL, owner_run, owner), 0);
  }
  for (unsigned i = 0; i < OWNERS; i++) pthread_join(owners[i].thread, NULL);
  for (unsigned i = 0; i < OWNERS; i++) {
    if (owners[i].failure[0] != '\0') fail_msg("%s", owners[i].failure);
    verify(&owners[i]);
  }
  (void)alarm(0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(owners_on_many_threads_see_their_own_writes_and_lose_none,
                                      make_directory, remove_directory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
