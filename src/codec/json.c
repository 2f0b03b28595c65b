#include "codec/json.h"

#include "codec/bytes.h"
#include "codec/utf8.h"

#include <string.h>

#define BITS_PER_BYTE 8

/* The text and where the check stands in it. */
struct scanner {
  const uint8_t *at;
  const uint8_t *end;
};

static bool take(struct scanner *scanner, uint8_t byte) {
  if (scanner->at == scanner->end || *scanner->at != byte) return false;
  scanner->at++;
  return true;
}

static void skip_space(struct scanner *scanner) {
  while (scanner->at < scanner->end && (*scanner->at == ' ' || *scanner->at == '\t' ||
                                        *scanner->at == '\n' || *scanner->at == '\r')) {
    scanner->at++;
  }
}

static bool take_word(struct scanner *scanner, const char *word) {
  for (; *word != '\0'; word++) {
    if (!take(scanner, (uint8_t)*word)) return false;
  }
  return true;
}

static bool take_digits(struct scanner *scanner) {
  const uint8_t *start = scanner->at;
  while (scanner->at < scanner->end && *scanner->at >= '0' && *scanner->at <= '9') scanner->at++;
  return scanner->at > start;
}

static bool take_number(struct scanner *scanner) {
  take(scanner, '-');
  if (!take(scanner, '0') && !take_digits(scanner)) return false;
  if (take(scanner, '.') && !take_digits(scanner)) return false;
  if (take(scanner, 'e') || take(scanner, 'E')) {
    if (!take(scanner, '+')) take(scanner, '-');
    if (!take_digits(scanner)) return false;
  }
  return true;
}

/* What follows a backslash. */
static bool take_escape(struct scanner *scanner) {
  if (scanner->at == scanner->end) return false;
  uint8_t letter = *scanner->at;
  if (letter == '\0' || strchr("\"\\/bfnrtu", letter) == NULL) return false;
  scanner->at++;
  if (letter != 'u') return true;
  for (int digit = 0; digit < 4; digit++) {
    if (scanner->at == scanner->end) return false;
    uint8_t byte = *scanner->at;
    uint8_t lower = byte | 0x20;
    if (!(byte >= '0' && byte <= '9') && !(lower >= 'a' && lower <= 'f')) return false;
    scanner->at++;
  }
  return true;
}

static bool take_string(struct scanner *scanner) {
  if (!take(scanner, '"')) return false;
  while (scanner->at < scanner->end) {
    uint8_t byte = *scanner->at;
    if (byte < 0x20) return false;
    if (byte == '"') {
      scanner->at++;
      return true;
    }
    if (byte == '\\') {
      scanner->at++;
      if (!take_escape(scanner)) return false;
      continue;
    }
    if (byte < 0x80) {
      scanner->at++;
      continue;
    }
    size_t left = (size_t)(scanner->end - scanner->at);
    size_t length = lmdbx__utf8_sequence((struct lmdbx_slice){scanner->at, left});
    if (length == 0) return false;
    scanner->at += length;
  }
  return false;
}

static bool take_scalar(struct scanner *scanner) {
  if (scanner->at == scanner->end) return false;
  switch (*scanner->at) {
  case '"': return take_string(scanner);
  case 't': return take_word(scanner, "true");
  case 'f': return take_word(scanner, "false");
  case 'n': return take_word(scanner, "null");
  default: return take_number(scanner);
  }
}

static bool take_member_name(struct scanner *scanner) {
  skip_space(scanner);
  if (!take_string(scanner)) return false;
  skip_space(scanner);
  return take(scanner, ':');
}

/* The open containers, one bit each: set for an object. */
struct nesting {
  uint8_t bits[LMDBX__JSON_DEPTH / BITS_PER_BYTE];
  size_t depth;
};

static bool push(struct nesting *nesting, bool object) {
  if (nesting->depth == LMDBX__JSON_DEPTH) return false;
  uint8_t mask = (uint8_t)(1u << (nesting->depth % BITS_PER_BYTE));
  uint8_t *byte = &nesting->bits[nesting->depth / BITS_PER_BYTE];
  *byte = object ? (uint8_t)(*byte | mask) : (uint8_t)(*byte & ~mask);
  nesting->depth++;
  return true;
}

static bool in_object(const struct nesting *nesting) {
  size_t top = nesting->depth - 1;
  return (nesting->bits[top / BITS_PER_BYTE] >> (top % BITS_PER_BYTE) & 1) != 0;
}

/* Takes brackets that open, down to and including a first scalar or an empty
 * container. */
static bool take_down(struct scanner *scanner, struct nesting *nesting) {
  for (;;) {
    skip_space(scanner);
    bool object = scanner->at < scanner->end && *scanner->at == '{';
    if (!object && !(scanner->at < scanner->end && *scanner->at == '[')) {
      return take_scalar(scanner);
    }
    if (!push(nesting, object)) return false;
    scanner->at++;
    skip_space(scanner);
    if (take(scanner, object ? '}' : ']')) {
      nesting->depth--;
      return true;
    }
    if (object && !take_member_name(scanner)) return false;
  }
}

static bool take_text(struct scanner *scanner) {
  struct nesting nesting = {.depth = 0};
  for (;;) {
    if (!take_down(scanner, &nesting)) return false;
    skip_space(scanner);
    while (nesting.depth > 0 && !take(scanner, ',')) {
      if (!take(scanner, in_object(&nesting) ? '}' : ']')) return false;
      nesting.depth--;
      skip_space(scanner);
    }
    if (nesting.depth == 0) return scanner->at == scanner->end;
    if (in_object(&nesting) && !take_member_name(scanner)) return false;
  }
}

bool lmdbx__json_valid(struct lmdbx_slice text, size_t *position) {
  static const uint8_t nothing[1] = {0};
  const uint8_t *start = text.size > 0 ? text.data : nothing;
  struct scanner scanner = {start, start + text.size};
  bool valid = take_text(&scanner);
  if (!valid && position != NULL) *position = (size_t)(scanner.at - start);
  return valid;
}

bool lmdbx__json_is_simple(struct lmdbx_slice text) {
  if (text.size < 2 || text.data[0] != '"' || text.data[text.size - 1] != '"') return false;
  const uint8_t *at = text.data + 1;
  size_t left = text.size - 2;
  uint64_t word;
  for (; left >= sizeof word; left -= sizeof word, at += sizeof word) {
    if (lmdbx__has_special(lmdbx__load64(at))) return false;
  }
  word = UINT64_C(0x0101010101010101) * ' ';
  memcpy(&word, at, left);
  return !lmdbx__has_special(word);
}

bool lmdbx__json_has_too_many(struct lmdbx_slice text) {
  /* An item takes at least a byte and a comma. */
  if (text.size / 2 <= LMDBX_MAX_ITEMS) return false;
  size_t items = 0;
  bool in_string = false;
  for (size_t at = 0; at < text.size; at++) {
    uint8_t byte = text.data[at];
    if (byte == '"') {
      in_string = !in_string;
    } else if (in_string) {
      if (byte == '\\') at++;
    } else if (byte == ',' || byte == ':' || byte == '[' || byte == '{') {
      items++;
    }
  }
  return items > LMDBX_MAX_ITEMS;
}
