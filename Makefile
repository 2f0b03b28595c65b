# Commands for people who work on this package; `make` alone lists them.
# Variables: CC, BUILD (where C objects go), SANITIZE, FUZZ_SECONDS.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

BUILD ?= build
FUZZ_SECONDS ?= 60
BUN := node_modules/.bin/bun
# Where a test says nothing else; without it Bun gives up after 5 s, however busy the machine is.
BUN_TEST := $(BUN) test --timeout 120000
CLANG_FORMAT := node_modules/.bin/clang-format
ADDON := build/Release/lmdbx.node

# ---------------------------------------------------------------- the C core

# Debian 13 renamed the pkg-config file of msgpack-c.
LIBRARIES := lmdb libcjson liblz4 $(shell pkg-config --exists msgpack-c 2>/dev/null && echo msgpack-c || echo msgpack)
LIBRARY_CFLAGS := $(shell pkg-config --cflags $(LIBRARIES) 2>/dev/null)
LIBRARY_LIBS := $(shell pkg-config --libs $(LIBRARIES) 2>/dev/null)
CPPFLAGS += -Isrc -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 $(LIBRARY_CFLAGS)
CFLAGS += -std=c11 -O2 -g -fPIC -pthread -fvisibility=hidden -Wall -Wextra -Werror $(SANITIZE)
LDFLAGS += -pthread $(SANITIZE)
LDLIBS += $(LIBRARY_LIBS)

CORE := $(BUILD)/core/liblmdbx_core.a
CORE_SOURCES := src/base.c $(wildcard src/codec/*.c src/store/*.c src/queue/*.c)
CORE_OBJECTS := $(CORE_SOURCES:%.c=$(BUILD)/obj/%.o)
C_TEST_SOURCES := $(wildcard test/c/*_test.c)
C_TESTS = $(C_TEST_SOURCES:%.c=$(BUILD)/%)
C_SUPPORT := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard test/c/support.c))
FUZZERS := $(wildcard test/fuzz/*_fuzz.c)
REPLAYS := $(FUZZERS:test/fuzz/%.c=$(BUILD)/replay/%)
C_FILES := $(shell find src test bench examples -name node_modules -prune -o -name '*.[ch]' -print 2>/dev/null)
NODE_INCLUDE = $(shell node -p "path.resolve(fs.realpathSync(process.execPath), '../../include/node')")

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(CORE): $(CORE_OBJECTS)
	@mkdir -p $(@D)
	rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/test/c/%: $(BUILD)/obj/test/c/%.o $(C_SUPPORT) $(CORE)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -lcmocka $(LDLIBS)

# A fuzz target linked with a main that feeds it files: the corpus as a test.
$(BUILD)/replay/%: $(BUILD)/obj/test/fuzz/%.o $(BUILD)/obj/test/fuzz/replay.o $(CORE)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# The same target under libFuzzer.
build/fuzz/%: test/fuzz/%.c $(CORE_SOURCES) $(wildcard src/*.h src/*/*.h test/fuzz/*.h)
	@mkdir -p $(@D)
	clang $(CPPFLAGS) $(CFLAGS) -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
	  -o $@ $< $(CORE_SOURCES) $(LDLIBS)

.SECONDARY:
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

# ------------------------------------------------------------- what to run

.PHONY: help
help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## set up, build, and run the example projection on real events
	@sh scripts/setup.sh demo
	@$(MAKE) --no-print-directory build
	@$(BUN) examples/github-projection/main.js

.PHONY: demo-crash
demo-crash: ## kill that projection again and again, and compare with an undisturbed one
	@sh scripts/setup.sh demo
	@$(MAKE) --no-print-directory build
	@$(BUN) examples/github-projection/crash.js

.PHONY: demo-clean
demo-clean: ## remove what the demo stored
	rm -rf examples/github-projection/data

.PHONY: test
test: ## set up, then run everything below up to package-test
	@sh scripts/test.sh

.PHONY: setup
setup: ## install what building and testing needs
	@sh scripts/setup.sh test

.PHONY: format
format: ## check the formatting of the C files
	@$(CLANG_FORMAT) --dry-run --Werror $(C_FILES)
	@echo "format: $(words $(C_FILES)) C files are formatted"

.PHONY: format-fix
format-fix: ## format the C files
	$(CLANG_FORMAT) -i $(C_FILES)

.PHONY: layers
layers: ## check who includes whom
	node scripts/check-layers.js

.PHONY: c-test
c-test: $(C_TESTS) $(REPLAYS) ## run the C tests, and replay the fuzzing corpus
	@failed=""; \
	for test in $(C_TESTS); do echo "$$test"; $$test || failed="$$failed $$test"; done; \
	for replay in $(REPLAYS); do \
	  $$replay test/fuzz/corpus/$$(basename $$replay _fuzz)/* || failed="$$failed $$replay"; done; \
	test -z "$$failed" || { echo "failed:$$failed"; exit 1; }

.PHONY: build
build: $(ADDON) ## build the addon
$(ADDON): binding.gyp $(CORE_SOURCES) $(wildcard src/binding/*.c src/*.h src/*/*.h)
	npm_config_build_from_source=1 node scripts/install.js
	@touch $@

.PHONY: js-test
js-test: build ## run the JavaScript tests under Bun, then under Node.js
	$(BUN_TEST) $(patsubst %,./%,$(wildcard test/*.test.js))
	node --test $(wildcard test/*.test.js)

.PHONY: type-test
type-test: ## check index.d.ts with the oldest and the newest TypeScript
	node scripts/type-test.js

.PHONY: package-test
package-test: ## pack, install the tarball in an empty project, and use it
	node --test test/package/*.test.js

.PHONY: prebuild
prebuild: ## make the binaries of the package, and test them in all runtimes; PREBUILD="--help"
	@sh scripts/setup.sh prebuild
	node scripts/prebuild $(PREBUILD)

.PHONY: check-package
check-package: ## the gate before publishing: what is in the tarball
	@node scripts/check-package

.PHONY: tidy
tidy: ## run clang-tidy over the C files
	printf '%s\n' $(filter %.c,$(C_FILES)) | \
	  xargs -P 2 -n 1 sh -c 'clang-tidy --quiet "$$@" -- $(CPPFLAGS) $(CFLAGS) -I$(NODE_INCLUDE)' tidy

.PHONY: sanitize
sanitize: ## run the C tests under ASan + UBSan, those with threads under TSan
	$(MAKE) c-test BUILD=build/asan SANITIZE="-fsanitize=address,undefined -fno-sanitize-recover=all"
	$(MAKE) c-test BUILD=build/tsan SANITIZE=-fsanitize=thread FUZZERS= \
	  C_TEST_SOURCES="$$(grep -lE 'pthread_|executor\.h' test/c/*_test.c | tr '\n' ' ')"

# The addon with sanitizers, in a copy of the tree where the tests find it. Those
# that look at the addon file or the repository stay out, those that load npm lmdb,
# whose C++ frees with delete what it got with new[], and those that crash on purpose.
SANITIZED := build/sanitized
UNSANITIZED := demo tooling command-verify \
  $(patsubst test/%.test.js,%,$(shell grep -lE '/(old|upgrading)\.js"|"old-' test/*.test.js))
.PHONY: sanitize-js
sanitize-js: ## run the JavaScript tests with an addon under ASan + UBSan
	rm -rf $(SANITIZED)
	mkdir -p $(SANITIZED)/build/Release
	tar -cf - --exclude=./build --exclude=./node_modules --exclude=./.git . | tar -xf - -C $(SANITIZED)
	ln -s $(CURDIR)/node_modules $(SANITIZED)/node_modules
	$(CC) -shared $(CPPFLAGS) -DNAPI_VERSION=8 -I$(NODE_INCLUDE) $(CFLAGS) -fno-omit-frame-pointer \
	  -fsanitize=address,undefined -fno-sanitize-recover=all $(LDFLAGS) \
	  -o $(SANITIZED)/build/Release/lmdbx.node $(CORE_SOURCES) $(wildcard src/binding/*.c) $(LDLIBS)
	cd $(SANITIZED) && tests="$(patsubst %,./%,$(filter-out $(UNSANITIZED:%=test/%.test.js), \
	  $(wildcard test/*.test.js)))" && export LMDBX_SANITIZED=1 ASAN_OPTIONS=detect_leaks=0 && \
	  export LD_PRELOAD="$$($(CC) -print-file-name=libasan.so) $$($(CC) -print-file-name=libubsan.so)" && \
	  $(BUN_TEST) $$tests && node --test $$tests

.PHONY: torture
TORTURE := workers processes kills queue-limits leaks model import-large import-killed
torture: build ## run the tests of threads, processes and memory far longer
	LMDBX_TORTURE=1 $(BUN_TEST) $(TORTURE:%=./test/%.test.js)
	LMDBX_TORTURE=1 node --test $(TORTURE:%=test/%.test.js)

.PHONY: fuzz
fuzz: $(FUZZERS:test/fuzz/%.c=build/fuzz/%) ## fuzz each target for FUZZ_SECONDS
	@for fuzzer in $^; do corpus=build/fuzz/corpus/$$(basename $$fuzzer); mkdir -p $$corpus; \
	  echo "$$fuzzer"; $$fuzzer -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=512 -print_final_stats=1 \
	    -artifact_prefix=build/fuzz/ $$corpus test/fuzz/corpus/$$(basename $$fuzzer _fuzz) || exit 1; done

.PHONY: bench
bench: ## compare with the replaced package and others; BENCH="--rows put-*" passes options
	@sh scripts/setup.sh demo
	@$(MAKE) --no-print-directory build
	@node bench/main.js $(BENCH)

.PHONY: bench-check
bench-check: ## fail if one of four short rows has become slower
	@sh scripts/setup.sh demo
	@$(MAKE) --no-print-directory build
	@node bench/main.js --rows get-seq,get-pipe,put-lanes,list --peers ours,replaced --rounds 3 \
	  --quick --check 1.5

.PHONY: clean
clean: ## remove what was built
	rm -rf build
