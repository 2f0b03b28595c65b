#include "codec/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "literals.h"

static struct lmdbx_config parse(struct lmdbx_slice text) {
  struct lmdbx_config config;
  struct lmdbx_error error = {0};
  int code = lmdbx__config_parse(text, &config, &error);
  if (code != LMDBX_OK) fail_msg("%s", error.message);
  return config;
}

static void fills_in_defaults(void **state) {
  (void)state;
  const struct lmdbx_slice texts[] = {
      TEXT("{\"path\":\"/data\"}"),
      TEXT(" { \"path\" : \"/data\", \"name\": null, \"encoding\": null, \"compression\": null,"
           "\"mapSize\": null, \"readOnly\": null, \"maxReaders\": null, "
           "\"maxQueuedBytes\": null } "),
  };
  for (size_t at = 0; at < COUNT(texts); at++) {
    struct lmdbx_config config = parse(texts[at]);
    assert_string_equal(config.path, "/data");
    assert_null(config.name);
    assert_int_equal(config.encoding, LMDBX_MSGPACK);
    assert_false(config.compression);
    assert_false(config.read_only);
    assert_int_equal(config.map_size, 0);
    assert_int_equal(config.max_readers, 0);
    assert_int_equal(config.max_queued_bytes, LMDBX_DEFAULT_QUEUED_BYTES);
    lmdbx__config_free(&config);
    assert_null(config.path);
  }
}

static void reads_every_field(void **state) {
  (void)state;
  struct lmdbx_config config =
      parse(TEXT("{\"path\":\"/d\\u00e9/\\\"x\\\\u0000\",\"name\":\"orders\",\"encoding\":\"json\","
                 "\"compression\":true,\"mapSize\":1099511627776,\"readOnly\":true,"
                 "\"maxReaders\":7,\"maxQueuedBytes\":9007199254740991}"));
  assert_string_equal(config.path, "/d\xC3\xA9/\"x\\u0000");
  assert_string_equal(config.name, "orders");
  assert_int_equal(config.encoding, LMDBX_JSON);
  assert_true(config.compression);
  assert_true(config.read_only);
  assert_int_equal(config.map_size, UINT64_C(1099511627776));
  assert_int_equal(config.max_readers, 7);
  assert_int_equal(config.max_queued_bytes, UINT64_C(9007199254740991));
  lmdbx__config_free(&config);
  config = parse(TEXT("{\"path\":\"/d\",\"encoding\":\"string\",\"mapSize\":0}"));
  assert_int_equal(config.encoding, LMDBX_STRING);
  lmdbx__config_free(&config);
}

static void refuses_bad_fields_by_name(void **state) {
  (void)state;
  const struct {
    struct lmdbx_slice text;
    const char *named;
  } cases[] = {
      {TEXT("{}"), "path"},
      {TEXT("{\"path\":null}"), "path"},
      {TEXT("{\"path\":\"\"}"), "path"},
      {TEXT("{\"path\":7}"), "path"},
      {TEXT("{\"path\":\"relative/path\"}"), "path"},
      {TEXT("{\"path\":\"/a\",\"path\":\"/b\"}"), "path"},
      {TEXT("{\"path\":\"/d\",\"name\":\"\"}"), "name"},
      {TEXT("{\"path\":\"/d\",\"name\":1}"), "name"},
      {TEXT("{\"path\":\"/d\",\"name\":\"acme:1\"}"), "acme:1"},
      {TEXT("{\"path\":\"/d\",\"name\":\"acme:\\\"user\\\"\"}"), "name"},
      {TEXT("{\"path\":\"/d\",\"encoding\":\"msg\"}"), "encoding"},
      {TEXT("{\"path\":\"/d\",\"encoding\":\"Msgpack\"}"), "encoding"},
      {TEXT("{\"path\":\"/d\",\"encoding\":1}"), "encoding"},
      {TEXT("{\"path\":\"/d\",\"compression\":1}"), "compression"},
      {TEXT("{\"path\":\"/d\",\"compression\":\"true\"}"), "compression"},
      {TEXT("{\"path\":\"/d\",\"readOnly\":0}"), "readOnly"},
      {TEXT("{\"path\":\"/d\",\"mapSize\":-1}"), "mapSize"},
      {TEXT("{\"path\":\"/d\",\"mapSize\":1.5}"), "mapSize"},
      {TEXT("{\"path\":\"/d\",\"mapSize\":9007199254740992}"), "mapSize"},
      {TEXT("{\"path\":\"/d\",\"mapSize\":1e999}"), "mapSize"},
      {TEXT("{\"path\":\"/d\",\"mapSize\":\"1024\"}"), "mapSize"},
      {TEXT("{\"path\":\"/d\",\"maxReaders\":0}"), "maxReaders"},
      {TEXT("{\"path\":\"/d\",\"maxReaders\":4294967297}"), "maxReaders"},
      {TEXT("{\"path\":\"/d\",\"maxQueuedBytes\":0}"), "maxQueuedBytes"},
      {TEXT("{\"path\":\"/d\",\"maxQueuedBytes\":true}"), "maxQueuedBytes"},
      {TEXT("{\"path\":\"/d\",\"mapsize\":1}"), "mapsize"},
      {TEXT("{\"path\":\"/d\",\"\":1}"), "unknown"},
  };
  for (size_t at = 0; at < COUNT(cases); at++) {
    struct lmdbx_config config;
    struct lmdbx_error error = {0};
    assert_int_equal(lmdbx__config_parse(cases[at].text, &config, &error), LMDBX_INVALID_CONFIG);
    assert_int_equal(error.code, LMDBX_INVALID_CONFIG);
    if (strstr(error.message, cases[at].named) == NULL) {
      fail_msg("\"%s\" does not name %s", error.message, cases[at].named);
    }
    assert_null(config.path);
    assert_null(config.name);
  }
}

static void refuses_what_cjson_would_misread(void **state) {
  (void)state;
  const struct lmdbx_slice texts[] = {
      TEXT(""),
      TEXT("/data"),
      TEXT("\"/data\""),
      TEXT("[\"/data\"]"),
      TEXT("null"),
      TEXT("{\"path\":\"/d\"} x"),
      TEXT("{\"path\":\"/d\",\"mapSize\":01}"),
      TEXT("{\"path\":\"/d\\u0000/x\"}"),
      TEXT("{\"path\":\"/d\\\\\\u0000/x\"}"),
      TEXT("{\"path\":\"/d\",\"na\\u0000me\":1}"),
      TEXT("{\"path\":\"/d\0\"}"),
      TEXT("{\"path\":\"/\\ud800\"}"),
      TEXT("{\"path\":\"/\xFF\"}"),
  };
  for (size_t at = 0; at < COUNT(texts); at++) {
    struct lmdbx_config config;
    struct lmdbx_error error = {0};
    assert_int_equal(lmdbx__config_parse(texts[at], &config, &error), LMDBX_INVALID_CONFIG);
    assert_true(strlen(error.message) > 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fills_in_defaults),
      cmocka_unit_test(reads_every_field),
      cmocka_unit_test(refuses_bad_fields_by_name),
      cmocka_unit_test(refuses_what_cjson_would_misread),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
