/*
 * A builder for lmdbx__msgpack_read that makes a tree of nodes, and what tests
 * do with a tree: print it as text, write it again as msgpack.
 */
#ifndef LMDBX_TEST_MSGPACK_TREE_H
#define LMDBX_TEST_MSGPACK_TREE_H

#include "codec/msgpack_reader.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum tree_kind {
  TREE_NIL,
  TREE_UNDEFINED,
  TREE_BOOLEAN,
  TREE_NUMBER,
  TREE_INT64,
  TREE_UINT64,
  TREE_DATE,
  TREE_STRING,
  TREE_BYTES,
  TREE_TYPED_ARRAY,
  TREE_ARRAY,
  TREE_OBJECT, /* key, value, key, value ... */
  TREE_MAP,    /* the same */
  TREE_SET
};

struct tree_node {
  enum tree_kind kind;
  double number;
  int64_t int64;
  uint64_t uint64;
  enum lmdbx_typed_array code;
  struct lmdbx_buffer bytes;
  struct tree_node **children;
  size_t count;
  struct tree_node *older; /* in the tree's list of all nodes */
};

/* Owns the nodes; all zero is an empty one. */
struct tree {
  struct tree_node *newest;
  size_t allocated; /* bytes of nodes and what they hold */
  int refuse_after; /* if not 0: the builder fails at that many calls */
  int calls;
};

static void tree_free(struct tree *tree) {
  while (tree->newest != NULL) {
    struct tree_node *node = tree->newest;
    tree->newest = node->older;
    lmdbx_buffer_free(&node->bytes);
    free(node->children);
    free(node);
  }
}

static int tree_add(void *context, enum tree_kind kind, lmdbx_value *out) {
  struct tree *tree = context;
  if (tree->refuse_after != 0 && ++tree->calls >= tree->refuse_after) return LMDBX_ABORTED;
  struct tree_node *node = calloc(1, sizeof *node);
  if (node == NULL) return LMDBX_NO_MEMORY;
  tree->allocated += sizeof *node;
  node->kind = kind;
  node->older = tree->newest;
  tree->newest = node;
  *out = node;
  return LMDBX_OK;
}

static int tree_nil(void *context, lmdbx_value *out) {
  return tree_add(context, TREE_NIL, out);
}

static int tree_undefined(void *context, lmdbx_value *out) {
  return tree_add(context, TREE_UNDEFINED, out);
}

static int tree_double(void *context, enum tree_kind kind, double value, lmdbx_value *out) {
  int code = tree_add(context, kind, out);
  if (code == LMDBX_OK) ((struct tree_node *)*out)->number = value;
  return code;
}

static int tree_boolean(void *context, bool value, lmdbx_value *out) {
  return tree_double(context, TREE_BOOLEAN, value, out);
}

static int tree_integer(void *context, int64_t value, lmdbx_value *out) {
  return tree_double(context, TREE_NUMBER, (double)value, out);
}

static int tree_number(void *context, double value, lmdbx_value *out) {
  return tree_double(context, TREE_NUMBER, value, out);
}

static int tree_date(void *context, double value, lmdbx_value *out) {
  return tree_double(context, TREE_DATE, value, out);
}

static int tree_int64(void *context, int64_t value, lmdbx_value *out) {
  int code = tree_add(context, TREE_INT64, out);
  if (code == LMDBX_OK) ((struct tree_node *)*out)->int64 = value;
  return code;
}

static int tree_uint64(void *context, uint64_t value, lmdbx_value *out) {
  int code = tree_add(context, TREE_UINT64, out);
  if (code == LMDBX_OK) ((struct tree_node *)*out)->uint64 = value;
  return code;
}

static int tree_slice(void *context, enum tree_kind kind, struct lmdbx_slice bytes,
                      lmdbx_value *out) {
  int code = tree_add(context, kind, out);
  if (code != LMDBX_OK) return code;
  ((struct tree *)context)->allocated += bytes.size;
  return lmdbx_buffer_append(&((struct tree_node *)*out)->bytes, bytes.data, bytes.size);
}

static int tree_string(void *context, struct lmdbx_slice text, lmdbx_value *out) {
  return tree_slice(context, TREE_STRING, text, out);
}

static int tree_bytes(void *context, struct lmdbx_slice bytes, lmdbx_value *out) {
  return tree_slice(context, TREE_BYTES, bytes, out);
}

static int tree_typed_array(void *context, enum lmdbx_typed_array type, struct lmdbx_slice bytes,
                            lmdbx_value *out) {
  int code = tree_slice(context, TREE_TYPED_ARRAY, bytes, out);
  if (code == LMDBX_OK) ((struct tree_node *)*out)->code = type;
  return code;
}

static int tree_container(void *context, enum tree_kind kind, const lmdbx_value *items,
                          size_t count, lmdbx_value *out) {
  int code = tree_add(context, kind, out);
  if (code != LMDBX_OK || count == 0) return code;
  struct tree_node *node = *out;
  node->children = calloc(count, sizeof *node->children);
  if (node->children == NULL) return LMDBX_NO_MEMORY;
  ((struct tree *)context)->allocated += count * sizeof *node->children;
  node->count = count;
  for (size_t at = 0; items != NULL && at < count; at++) node->children[at] = items[at];
  return LMDBX_OK;
}

static int tree_array(void *context, const lmdbx_value *items, size_t count, lmdbx_value *out) {
  return tree_container(context, TREE_ARRAY, items, count, out);
}

static int tree_set(void *context, const lmdbx_value *items, size_t count, lmdbx_value *out) {
  return tree_container(context, TREE_SET, items, count, out);
}

static int tree_map(void *context, const lmdbx_value *pairs, size_t count, lmdbx_value *out) {
  return tree_container(context, TREE_MAP, pairs, count * 2, out);
}

static int tree_object(void *context, const struct lmdbx_slice *keys, const lmdbx_value *values,
                       size_t count, lmdbx_value *out) {
  int code = tree_container(context, TREE_OBJECT, NULL, count * 2, out);
  struct tree_node *node = *out;
  for (size_t at = 0; code == LMDBX_OK && at < count; at++) {
    lmdbx_value key = NULL;
    code = tree_string(context, keys[at], &key);
    node->children[2 * at] = key;
    node->children[2 * at + 1] = values[at];
  }
  return code;
}

static const struct lmdbx_builder tree_builder = {
    .nil = tree_nil,
    .undefined = tree_undefined,
    .boolean = tree_boolean,
    .integer = tree_integer,
    .number = tree_number,
    .bigint_signed = tree_int64,
    .bigint_unsigned = tree_uint64,
    .date = tree_date,
    .string = tree_string,
    .bytes = tree_bytes,
    .typed_array = tree_typed_array,
    .array = tree_array,
    .object = tree_object,
    .map = tree_map,
    .set = tree_set,
};

/* Appends the tree as msgpack. Code of the first failure. */
static int tree_pack(const struct tree_node *node, struct lmdbx_buffer *out) {
  struct lmdbx_slice bytes = {node->bytes.data, node->bytes.size};
  uint32_t count = (uint32_t)node->count;
  size_t mark = 0;
  int code = LMDBX_INTERNAL;
  switch (node->kind) {
  case TREE_NIL: return lmdbx__pack_nil(out);
  case TREE_UNDEFINED: return lmdbx__pack_undefined(out);
  case TREE_BOOLEAN: return lmdbx__pack_boolean(out, node->number != 0);
  case TREE_NUMBER: return lmdbx__pack_number(out, node->number);
  case TREE_INT64: return lmdbx__pack_bigint_signed(out, node->int64);
  case TREE_UINT64: return lmdbx__pack_bigint_unsigned(out, node->uint64);
  case TREE_DATE: return lmdbx__pack_date(out, node->number);
  case TREE_STRING: return lmdbx__pack_string(out, bytes);
  case TREE_BYTES: return lmdbx__pack_bytes(out, bytes);
  case TREE_TYPED_ARRAY: return lmdbx__pack_typed_array(out, node->code, bytes);
  case TREE_ARRAY: code = lmdbx__pack_array(out, count); break;
  case TREE_OBJECT: code = lmdbx__pack_object(out, count / 2); break;
  case TREE_MAP: code = lmdbx__pack_map_begin(out, count / 2, &mark); break;
  case TREE_SET: code = lmdbx__pack_set_begin(out, count, &mark); break;
  }
  for (size_t at = 0; code == LMDBX_OK && at < node->count; at++) {
    code = tree_pack(node->children[at], out);
  }
  if (code == LMDBX_OK && (node->kind == TREE_MAP || node->kind == TREE_SET)) {
    code = lmdbx__pack_ext_end(out, mark);
  }
  return code;
}

/* Appends a text that tells every tree from every other. */
static void tree_print(const struct tree_node *node, struct lmdbx_buffer *out) {
  static const char *const opening[] = {
      [TREE_ARRAY] = "[", [TREE_OBJECT] = "{", [TREE_MAP] = "Map(", [TREE_SET] = "Set("};
  static const char *const closing[] = {
      [TREE_ARRAY] = "]", [TREE_OBJECT] = "}", [TREE_MAP] = ")", [TREE_SET] = ")"};
  char text[64] = "";
  switch (node->kind) {
  case TREE_NIL: strcpy(text, "null"); break;
  case TREE_UNDEFINED: strcpy(text, "undefined"); break;
  case TREE_BOOLEAN: strcpy(text, node->number != 0 ? "true" : "false"); break;
  case TREE_NUMBER: snprintf(text, sizeof text, "%.17g", node->number); break;
  case TREE_INT64: snprintf(text, sizeof text, "%" PRId64 "n", node->int64); break;
  case TREE_UINT64: snprintf(text, sizeof text, "%" PRIu64 "un", node->uint64); break;
  case TREE_DATE: snprintf(text, sizeof text, "Date(%.17g)", node->number); break;
  case TREE_STRING: strcpy(text, "\""); break;
  case TREE_BYTES: strcpy(text, "bytes("); break;
  case TREE_TYPED_ARRAY: snprintf(text, sizeof text, "typed%d(", (int)node->code); break;
  default: strcpy(text, opening[node->kind]);
  }
  lmdbx_buffer_append(out, text, strlen(text));
  if (node->kind == TREE_STRING) {
    lmdbx_buffer_append(out, node->bytes.data, node->bytes.size);
    lmdbx_buffer_append(out, "\"", 1);
  } else if (node->kind == TREE_BYTES || node->kind == TREE_TYPED_ARRAY) {
    for (size_t at = 0; at < node->bytes.size; at++) {
      snprintf(text, sizeof text, "%02x", node->bytes.data[at]);
      lmdbx_buffer_append(out, text, 2);
    }
    lmdbx_buffer_append(out, ")", 1);
  } else if (node->kind >= TREE_ARRAY) {
    for (size_t at = 0; at < node->count; at++) {
      if (at > 0) lmdbx_buffer_append(out, ",", 1);
      tree_print(node->children[at], out);
    }
    lmdbx_buffer_append(out, closing[node->kind], strlen(closing[node->kind]));
  }
}

#endif
