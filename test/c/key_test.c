#include "codec/key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "literals.h"

#define LONG_TENANT 10000

static char long_tenant[LONG_TENANT];

/* Tenants that try to be read as another one's keys. */
static const struct lmdbx_slice tenants[] = {
    TEXT("a"),
    TEXT("a:"),
    TEXT("a:b"),
    TEXT("a:\"x\""),
    TEXT("a:1"),
    TEXT("a:[1"),
    TEXT("a:{\"k\""),
    TEXT("a\0b"),
    TEXT("a\0"),
    TEXT(":"),
    TEXT("::"),
    TEXT("\""),
    TEXT("a:\""),
    TEXT("a:\"\\"),
    TEXT("a:{\"k\":1,\"l\""),
    TEXT("a: "),
    TEXT("a:null"),
    TEXT("{\"a\""),
    TEXT("\xC3\xA9:"),
    TEXT("a:[\"x"),
    TEXT("a:{\"x:\":\""),
    {(const uint8_t *)long_tenant, LONG_TENANT},
};

static const struct lmdbx_slice keys[] = {
    TEXT("1"),
    TEXT("-0.5e7"),
    TEXT("\"x\""),
    TEXT("\":\""),
    TEXT("\"a:\\\"b\""),
    TEXT("null"),
    TEXT("{\"a\":1}"),
    TEXT("{\":\":\":1\"}"),
    TEXT("[1,\"a:1\"]"),
    TEXT("\"\\ud800\""),
    TEXT("\"a:1\""),
    TEXT("{}"),
    TEXT("[\"a:\",\"\"]"),
    TEXT("{\"a:1\":{\"b\":[1,2]}}"),
    TEXT("\"b:\\\"\""),
    TEXT("true"),
};

static struct lmdbx_buffer store(struct lmdbx_slice tenant, struct lmdbx_slice key) {
  struct lmdbx_buffer stored = {0};
  assert_int_equal(lmdbx_buffer_append(&stored, tenant.data, tenant.size), LMDBX_OK);
  assert_int_equal(lmdbx_buffer_append(&stored, ":", 1), LMDBX_OK);
  assert_int_equal(lmdbx_buffer_append(&stored, key.data, key.size), LMDBX_OK);
  return stored;
}

static void splits_every_key_of_hostile_tenants_as_it_was_joined(void **state) {
  (void)state;
  for (size_t tenant = 0; tenant < COUNT(tenants); tenant++) {
    for (size_t key = 0; key < COUNT(keys); key++) {
      struct lmdbx_buffer stored = store(tenants[tenant], keys[key]);
      size_t tenant_size = SIZE_MAX;
      assert_true(lmdbx__key_split((struct lmdbx_slice){stored.data, stored.size}, &tenant_size));
      assert_int_equal(tenant_size, tenants[tenant].size);
      lmdbx_buffer_free(&stored);
    }
  }
}

static void gives_every_key_to_exactly_one_tenant(void **state) {
  (void)state;
  for (size_t tenant = 0; tenant < COUNT(tenants); tenant++) {
    for (size_t key = 0; key < COUNT(keys); key++) {
      struct lmdbx_buffer stored = store(tenants[tenant], keys[key]);
      size_t owners = 0;
      for (size_t at = 0; at < stored.size; at++) {
        if (stored.data[at] != ':') continue;
        struct lmdbx_slice slice = {stored.data, stored.size};
        if (!lmdbx__key_belongs(slice, at + 1)) continue;
        owners++;
        assert_int_equal(at, tenants[tenant].size);
      }
      assert_int_equal(owners, 1);
      lmdbx_buffer_free(&stored);
    }
  }
}

static void refuses_foreign_and_internal_keys(void **state) {
  (void)state;
  const struct lmdbx_slice foreign[] = {
      TEXT(""),           TEXT("a"),
      TEXT(":1"),         TEXT("a:"),
      TEXT("orders"),     TEXT("a:user"),
      TEXT("a:01"),       TEXT("a:1 2"),
      TEXT("a:'x'"),      TEXT("a:\"x"),
      TEXT("\xFF:1"),     TEXT("\xFF\"c\":1"),
      TEXT("a\xFF:1"),    TEXT("\xED\xA0\x80:1"),
      TEXT("a:\"\xFF\""), TEXT(":"),
      TEXT("a:b:c"),      TEXT("a:\"\x01\""),
  };
  for (size_t at = 0; at < COUNT(foreign); at++) {
    size_t tenant_size;
    if (lmdbx__key_split(foreign[at], &tenant_size)) {
      fail_msg("accepted: %s", (const char *)foreign[at].data);
    }
  }
}

static void belongs_only_with_a_whole_json_text_behind_the_prefix(void **state) {
  (void)state;
  assert_true(lmdbx__key_belongs(TEXT("a:1"), 2));
  assert_false(lmdbx__key_belongs(TEXT("a:"), 2));
  assert_false(lmdbx__key_belongs(TEXT("a:b:1"), 2));
  assert_true(lmdbx__key_belongs(TEXT("a:b:1"), 4));
  assert_false(lmdbx__key_belongs(TEXT("a:\"x\":1"), 2));
  assert_true(lmdbx__key_belongs(TEXT("a:\"x\":1"), 6));
}

/* Random texts over the characters that matter: never two readings. */
static void no_text_can_be_read_two_ways(void **state) {
  (void)state;
  static const char alphabet[] = ":::\"\"\\[]{},1a t";
  unsigned seed = 20240611;
  print_message("seed %u\n", seed);
  size_t splittable = 0;
  for (int round = 0; round < 400000; round++) {
    uint8_t text[14];
    size_t size = 3 + (size_t)(rand_r(&seed) % 12);
    for (size_t at = 0; at < size; at++) {
      text[at] = (uint8_t)alphabet[(size_t)rand_r(&seed) % (sizeof alphabet - 1)];
    }
    struct lmdbx_slice stored = {text, size};
    size_t readings = 0;
    size_t found = 0;
    for (size_t at = 1; at < size; at++) {
      if (text[at] != ':' || !lmdbx__key_belongs(stored, at + 1)) continue;
      readings++;
      found = at;
    }
    size_t tenant_size = SIZE_MAX;
    assert_true(readings <= 1);
    assert_int_equal(lmdbx__key_split(stored, &tenant_size), readings == 1);
    if (readings == 1) assert_int_equal(tenant_size, found);
    splittable += readings;
  }
  assert_true(splittable > 1000);
}

int main(void) {
  memset(long_tenant, ':', sizeof long_tenant);
  memset(long_tenant, 'a', sizeof long_tenant / 2);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(splits_every_key_of_hostile_tenants_as_it_was_joined),
      cmocka_unit_test(gives_every_key_to_exactly_one_tenant),
      cmocka_unit_test(refuses_foreign_and_internal_keys),
      cmocka_unit_test(belongs_only_with_a_whole_json_text_behind_the_prefix),
      cmocka_unit_test(no_text_can_be_read_two_ways),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
