/* Pages of scans: what one job reads, on a pool thread, or on the owner's if it is
 * little. */
#include "codec/frame.h"
#include "codec/json.h"
#include "codec/key.h"
#include "queue/repository.h"
#include "queue/scan.h"

#include <stdlib.h>
#include <string.h>

const struct lmdbx__page_limits lmdbx__pool_page = {
    .visits = 65536, /* bounds a job among the keys of other tenants */
    .text = LMDBX_PAGE_SIZE,
    .values = LMDBX_PAGE_SIZE,
    .records = LMDBX_PAGE_RECORDS,
    .plain_size = SIZE_MAX,
    .frame_size = SIZE_MAX,
    .unpacked_size = LMDBX_MAX_VALUE_SIZE,
    .read_ahead = true,
};

struct visit {
  struct lmdbx_scan *scan;
  const struct lmdbx__page_limits *limits;
  struct lmdbx_error *error;
  size_t visits; /* left */
  int code;      /* what the visitor failed with */
};

static bool append(struct lmdbx_buffer *buffer, const void *data, size_t size) {
  return lmdbx_buffer_append(buffer, data, size) == LMDBX_OK;
}

static int no_memory(struct lmdbx_error *error) {
  return lmdbx_error_set(error, LMDBX_NO_MEMORY, 0, "reading records: memory ran out; try again");
}

void lmdbx__page_free(struct lmdbx__page *page) {
  lmdbx_buffer_free(&page->text);
  lmdbx_buffer_free(&page->values);
  lmdbx_buffer_free(&page->records);
  lmdbx_buffer_free(&page->failed);
}

static void page_clear(struct lmdbx__page *page) {
  page->text.size = page->values.size = page->records.size = page->failed.size = 0;
  page->count = page->cut_count = 0;
  page->counted = 0;
  page->simple = true;
}

/* ------------------------------------------------------------------ records */

/* Bytes of the piece under way. */
static size_t piece_size(const struct lmdbx__page *page) {
  return page->text.size - (page->cut_count > 0 ? page->cuts[page->cut_count - 1] : 0);
}

static bool append_key(struct lmdbx__page *page, struct lmdbx_slice text) {
  page->simple = page->simple && lmdbx__json_is_simple(text);
  return append(&page->text, piece_size(page) == 0 ? "[" : ",", 1) &&
         append(&page->text, text.data, text.size);
}

static bool end_piece(struct lmdbx__page *page) {
  bool simple = page->simple && piece_size(page) > 0;
  return (piece_size(page) > 0 || append(&page->text, "[", 1)) &&
         append(&page->text, "] ", simple ? 2 : 1);
}

static bool begin_piece(struct lmdbx__page *page) {
  if (!end_piece(page)) return false;
  page->cuts[page->cut_count++] = page->text.size;
  page->simple = true;
  return true;
}

/* Where key and value lie is filled in when the page is done, and moves no more. */
static bool append_record(struct lmdbx__page *page, size_t key_size, size_t value_size,
                          bool found) {
  const struct lmdbx_record record = {{NULL, key_size}, {NULL, value_size}, found};
  page->count++;
  return append(&page->records, &record, sizeof record);
}

static bool place_records(struct lmdbx__page *page) {
  struct lmdbx_record *records = (struct lmdbx_record *)(void *)page->records.data;
  size_t key_at = 1; /* behind the bracket, then behind commas */
  size_t value_at = 0;
  if (!append(&page->values, "", 1)) return false; /* an empty value lies somewhere, too */
  for (size_t i = 0; i < page->count; i++) {
    records[i].key.data = page->text.size > 0 ? page->text.data + key_at : NULL;
    records[i].value.data = page->values.data + value_at;
    key_at += records[i].key.size + 1;
    value_at += records[i].value.size;
  }
  return true;
}

/* Whether the next key begins another piece. */
static bool ends_piece(const struct visit *visit) {
  const struct lmdbx__page *page = &visit->scan->page;
  return visit->scan->kind == LMDBX_KEYS && page->cut_count < LMDBX_PAGE_PIECES - 1 &&
         piece_size(page) >= visit->limits->text;
}

static bool is_full(const struct visit *visit) {
  const struct lmdbx__page *page = &visit->scan->page;
  const struct lmdbx__page_limits *limits = visit->limits;
  return (piece_size(page) >= limits->text && !ends_piece(visit)) ||
         page->values.size >= limits->values || page->count >= limits->records;
}

/* Appends a plain value. false: this page does not take it, or visit->code says
 * why it cannot be read. */
static bool take_value(struct visit *visit, struct lmdbx_slice value, size_t *size) {
  struct lmdbx_buffer *values = &visit->scan->page.values;
  const struct lmdbx__page_limits *limits = visit->limits;
  size_t before = values->size;
  if (!lmdbx__frame_is(value)) {
    if (value.size > limits->plain_size) return false;
    if (!append(values, value.data, value.size)) visit->code = no_memory(visit->error);
  } else {
    if (value.size > limits->frame_size) return false;
    visit->code = lmdbx__frame_unpack(value, limits->unpacked_size, values, visit->error);
  }
  *size = values->size - before;
  if (visit->code != LMDBX_OK) values->size = before;
  return visit->code == LMDBX_OK;
}

/* Ends the page before a record that it does not take. If that cannot be read, the
 * next page will say so, unless this one is empty. */
static void end_before(struct visit *visit, struct lmdbx_slice key) {
  struct lmdbx_scan *scan = visit->scan;
  struct lmdbx__page *page = &scan->page;
  if (page->count == 0) {
    if (visit->code != LMDBX_OK && !append(&page->failed, key.data, key.size)) {
      visit->code = no_memory(visit->error);
    }
    return;
  }
  const struct lmdbx_record *records = (const struct lmdbx_record *)(void *)page->records.data;
  size_t size = records[page->count - 1].key.size;
  scan->after.size = 0;
  visit->code = LMDBX_OK;
  if (!append(&scan->after, scan->prefix.data, scan->prefix.size) ||
      !append(&scan->after, page->text.data + page->text.size - size, size)) {
    visit->code = no_memory(visit->error);
  }
}

/* Takes a record that belongs; false: the page ends before it. */
static bool take(struct visit *visit, struct lmdbx_slice key, struct lmdbx_slice value) {
  struct lmdbx_scan *scan = visit->scan;
  struct lmdbx__page *page = &scan->page;
  const struct lmdbx_slice text = {key.data + scan->prefix.size, key.size - scan->prefix.size};
  size_t value_size = 0;
  if (scan->kind == LMDBX_COUNT) {
    page->counted++;
    return true;
  }
  if (scan->kind != LMDBX_KEYS && !take_value(visit, value, &value_size)) {
    end_before(visit, key);
    return false;
  }
  if ((!ends_piece(visit) || begin_piece(page)) && append_key(page, text) &&
      (scan->kind == LMDBX_KEYS || append_record(page, text.size, value_size, true))) {
    return true;
  }
  visit->code = no_memory(visit->error);
  return false;
}

static enum lmdbx__visit go_on(struct visit *visit, struct lmdbx_slice key) {
  if (--visit->visits > 0 && !is_full(visit)) return LMDBX__VISIT_NEXT;
  visit->scan->after.size = 0;
  return append(&visit->scan->after, key.data, key.size) ? LMDBX__VISIT_STOP : LMDBX__VISIT_FAIL;
}

static enum lmdbx__visit visit_record(void *context, struct lmdbx_slice key,
                                      struct lmdbx_slice value) {
  struct visit *visit = context;
  struct lmdbx_scan *scan = visit->scan;
  if (lmdbx__key_belongs(key, scan->prefix.size)) {
    if (!take(visit, key, value)) return LMDBX__VISIT_STOP;
    if (scan->left != LMDBX_NO_LIMIT && --scan->left == 0) return LMDBX__VISIT_STOP;
  }
  return go_on(visit, key);
}

/* ------------------------------------------------------------------ tenants */

/* Whether a key is one of the tenant that was seen last. */
static bool same_tenant(const struct lmdbx__page *page, struct lmdbx_slice key) {
  if (page->count == 0) return false;
  const struct lmdbx_record *records = (const struct lmdbx_record *)(void *)page->records.data;
  size_t size = records[page->count - 1].value.size;
  return key.size > size && key.data[size] == ':' &&
         memcmp(key.data, page->values.data + page->values.size - size, size) == 0 &&
         lmdbx__key_belongs(key, size + 1);
}

static enum lmdbx__visit visit_tenant(void *context, struct lmdbx_slice key,
                                      struct lmdbx_slice value) {
  struct visit *visit = context;
  struct lmdbx__page *page = &visit->scan->page;
  size_t size = 0;
  (void)value;
  if (!same_tenant(page, key) && lmdbx__key_split(key, &size) &&
      (!append(&page->values, key.data, size) || !append_record(page, 0, size, true))) {
    return LMDBX__VISIT_FAIL;
  }
  return go_on(visit, key);
}

/* ----------------------------------------------------------- hidden entries */

/* LMDB passes over what some damaged pages hid without a word, but each tree counts its entries. */
static int count_entries(struct lmdbx_scan *scan, struct lmdbx__read *read,
                         struct lmdbx_error *error) {
  struct lmdbx__db_stat stat;
  if (scan->left != LMDBX_NO_LIMIT) return LMDBX_OK;
  int code = lmdbx__read_stat(read, scan->repository->dbi, &stat, error);
  if (code == LMDBX_OK) scan->left = stat.entries;
  return code;
}

static enum lmdbx__visit visit_any(void *context, struct lmdbx_slice key,
                                   struct lmdbx_slice value) {
  struct visit *visit = context;
  (void)value;
  if (--visit->scan->left == 0) return LMDBX__VISIT_STOP;
  return go_on(visit, key);
}

/* ----------------------------------------------------------- ranges of keys */

static int read_spans(struct visit *visit, struct lmdbx__read *read, struct lmdbx_error *error) {
  struct lmdbx_scan *scan = visit->scan;
  bool ended = true;
  while (scan->span < scan->span_count && scan->left > 0) {
    struct lmdbx__scan range = {
        .dbi = scan->repository->dbi,
        .lower = scan->spans[scan->span].lower,
        .upper = scan->spans[scan->span].upper,
        .reverse = scan->reverse,
        .ahead = scan->ahead,
        .visit = visit_record,
        .context = visit,
    };
    if (scan->kind == LMDBX_TENANTS) range.visit = visit_tenant;
    if (scan->kind == LMDBX_HIDDEN) range.visit = visit_any;
    if (scan->after.size > 0) {
      const struct lmdbx__bound after = {{scan->after.data, scan->after.size}, true};
      *(scan->reverse ? &range.upper : &range.lower) = after;
    }
    int code = lmdbx__read_scan(read, &range, &ended, error);
    if (code == LMDBX_OK) code = visit->code;
    if (code != LMDBX_OK) return code;
    if (!ended) break;
    scan->span++;
    scan->after.size = 0;
  }
  scan->complete = ended || scan->left == 0;
  return LMDBX_OK;
}

/* -------------------------------------------------------------- single keys */

bool lmdbx__page_next_key(struct lmdbx_slice prefix, struct lmdbx_slice *keys,
                          struct lmdbx_buffer *stored, struct lmdbx_slice *text, int *code) {
  *code = LMDBX_OK;
  if (keys->size == 0) return false;
  const uint8_t *end = memchr(keys->data, '\n', keys->size);
  size_t size = end != NULL ? (size_t)(end - keys->data) : keys->size;
  *text = (struct lmdbx_slice){keys->data, size};
  size_t gone = end != NULL ? size + 1 : size;
  *keys = (struct lmdbx_slice){keys->data + gone, keys->size - gone};
  stored->size = 0;
  if (append(stored, prefix.data, prefix.size) && append(stored, text->data, size)) return true;
  *code = LMDBX_NO_MEMORY;
  return false;
}

static int read_keys(struct visit *visit, struct lmdbx__read *read, struct lmdbx_error *error) {
  struct lmdbx_scan *scan = visit->scan;
  struct lmdbx__page *page = &scan->page;
  struct lmdbx_slice keys = scan->keys;
  struct lmdbx_slice text;
  int code = LMDBX_OK;
  while (visit->visits > 0 && !is_full(visit) &&
         lmdbx__page_next_key(scan->prefix, &keys, &scan->after, &text, &code)) {
    const struct lmdbx_slice key = {scan->after.data, scan->after.size};
    struct lmdbx_slice value = {0};
    bool found = false;
    visit->visits--;
    code = lmdbx__read_get(read, scan->repository->dbi, key, &found, &value, error);
    if (code != LMDBX_OK)
      return append(&page->failed, key.data, key.size) ? code : no_memory(error);
    if (scan->kind == LMDBX_HAS) {
      page->counted += found;
    } else if (found) {
      if (!take(visit, key, value)) return visit->code;
    } else if (!append_key(page, text) || !append_record(page, text.size, 0, false)) {
      return no_memory(error);
    }
    scan->keys = keys;
  }
  if (code != LMDBX_OK) return no_memory(error);
  scan->complete = scan->keys.size == 0;
  return LMDBX_OK;
}

/* -------------------------------------------------------------------- pages */

int lmdbx__page_read(struct lmdbx_scan *scan, struct lmdbx__read *read,
                     const struct lmdbx__page_limits *limits, struct lmdbx_error *error) {
  struct lmdbx__page *page = &scan->page;
  struct visit visit = {scan, limits, error, limits->visits, LMDBX_OK};
  page_clear(page);
  if (limits->read_ahead && scan->ahead == NULL) scan->ahead = calloc(1, sizeof *scan->ahead);
  bool single = scan->kind == LMDBX_MANY || scan->kind == LMDBX_HAS;
  int code = scan->kind == LMDBX_HIDDEN ? count_entries(scan, read, error) : LMDBX_OK;
  if (code == LMDBX_OK)
    code = single ? read_keys(&visit, read, error) : read_spans(&visit, read, error);
  if (code != LMDBX_OK) return code;
  if (scan->kind == LMDBX_HIDDEN && scan->complete) page->counted = scan->left;
  bool lists = scan->kind == LMDBX_KEYS || scan->kind == LMDBX_VALUES ||
               scan->kind == LMDBX_ENTRIES || scan->kind == LMDBX_MANY;
  if (lists && !end_piece(page)) return no_memory(error);
  return scan->kind == LMDBX_KEYS || place_records(page) ? LMDBX_OK : no_memory(error);
}

void lmdbx__page_show(const struct lmdbx_scan *scan, struct lmdbx_page *out) {
  const struct lmdbx__page *page = &scan->page;
  *out = (struct lmdbx_page){
      .kind = scan->kind,
      .keys = {page->text.data, page->text.size},
      .cuts = page->cuts,
      .cut_count = page->cut_count,
      .records = (const struct lmdbx_record *)(void *)page->records.data,
      .count = page->count,
      .counted = page->counted,
  };
}
