# Gold labels. `make help` lists the targets.
#
# Everything that is made lies under $(B). SANITIZE=address,undefined or SANITIZE=thread builds and tests another variant of
# the whole beside the ordinary one.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
SHELL := /bin/bash
comma := ,

B ?= build
SANITIZE ?=
VERSION := 0.1.0
# Of make install. The units lie where systemd looks for them, for /usr and for /usr/local.
PREFIX ?= /usr/local

PROGRAMS := ingress worker producer-tool
BINARY_ingress := gold-label-ingress
BINARY_worker := gold-label-worker
BINARY_producer-tool := gold-label
DAEMONS := $(BINARY_ingress) $(BINARY_worker)

# ---- compilers and flags ----
CC := gcc
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla -Werror
HARDENING := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE
CPPFLAGS = -I. -I$(B) -D_GNU_SOURCE -DGOLD_LABEL_VERSION='"$(VERSION)"' -isystem $(shell pg_config --includedir)
CFLAGS := -std=gnu11 -O2 -g $(WARNINGS)
LDFLAGS := -pie -Wl,-z,relro,-z,now
LIBS := -lrdkafka -lavro -lpq -ljwt -lcurl -lcrypto -luuid -lmicrohttpd -lgnutls -lyajl -linih -lz -lpthread -lm

# The worker frees in bursts what it took message by message: jemalloc makes that 0.7 µs cheaper per label than glibc's malloc. So
# does the producer tool. The sanitizers bring their own.
plain_LIBS_worker := -ljemalloc
plain_LIBS_producer-tool := -ljemalloc

# A variant is a folder of objects and the flags they are made with.
plain_FLAGS := $(HARDENING)
sanitized = -fno-omit-frame-pointer -fsanitize=$(1) -fno-sanitize-recover=all -fPIE
tests_FLAGS := $(call sanitized,address$(comma)undefined)
chosen_FLAGS := $(call sanitized,$(SANITIZE))
VARIANT := $(if $(SANITIZE),chosen,plain)
plain_DIR := $(B)/obj
tests_DIR := $(B)/tests
chosen_DIR := $(B)/$(subst $(comma),-,$(SANITIZE))
UNIT_VARIANT := $(if $(SANITIZE),chosen,tests)
BIN := $(if $(SANITIZE),$(chosen_DIR)/bin,$(B)/bin)
# What ThreadSanitizer does not see by itself.
chosen_OBJECTS := $(if $(filter thread,$(SANITIZE)),$(chosen_DIR)/tests/sanitize/c11_threads.o)

# ---- sources ----
SOURCES := $(wildcard common/*.c $(foreach p,$(PROGRAMS),$(p)/*.c))
UNIT_TESTS := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
EMBEDDED := $(patsubst %,$(B)/gen/%.inc,$(wildcard worker/sql/*.sql ingress/sql/*.sql) $(wildcard schemas/openapi.yaml))
GENERATED := $(EMBEDDED) $(B)/gen/avro_schemas.inc

# ---- what people call ----
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

build: $(B)/.packages $(foreach p,$(PROGRAMS),$(BIN)/$(BINARY_$(p))) $(B)/share/.made ## the three programs, in build/bin/

run: build ## start everything, send one label, show its 201, follow the logs (Ctrl-C stops all)
	deploy/dev/run

up: build ## the same system in the background
	deploy/dev/up

down: ## stop it
	deploy/dev/down

test: build $(B)/.packages-check ## unit and integration tests on real servers
	@tests/run $(BIN)

check: $(B)/.packages-check $(GENERATED) ## format, lint, schemas, one-way includes
	tests/check

BENCH_PROGRAMS := pace preload db_limit floors one_command raw open_load
bench: build $(B)/.packages-check $(addprefix $(B)/bench/,$(BENCH_PROGRAMS)) ## the measurements of the README (BENCH_ONLY, BENCH_QUICK=1 …)
	tests/venv $(B)
	BIN=$(BIN) $(B)/venv/bin/python tests/bench/run

valgrind: $(B)/.packages-check $(addprefix $(plain_DIR)/bin/,$(UNIT_TESTS)) ## the unit tests under valgrind
	@tests/valgrind $(filter $(plain_DIR)/bin/%,$^)

SECONDS ?= 60
faults: build $(B)/.packages-check ## random faults on real servers (SECONDS, SEED, DELIVERY=exactly-once, CLUSTER=1)
	@B=$(B) BIN=$(BIN) tests/faults/run checker --seconds $(SECONDS) $(if $(SEED),--seed $(SEED)) \
		$(if $(DELIVERY),--delivery $(DELIVERY)) $(if $(CLUSTER),--cluster) $(FAULTS_OPTIONS)

faults-table: build $(B)/.packages-check ## the bugs that `make faults` must find, each planted and found
	@B=$(B) BIN=$(BIN) tests/faults/run table $(BUGS)

schemathesis: build $(B)/.packages-check ## requests made up from openapi.yaml on a system of its own (SECONDS)
	@B=$(B) BIN=$(BIN) tests/schemathesis/run $(SECONDS)

FUZZ_SECONDS ?= 60
fuzz: $(B)/.packages-check $(GENERATED) ## libFuzzer on every parser (FUZZ_SECONDS each)
	tests/fuzz/run $(B) $(FUZZ_SECONDS) $(FUZZERS)

# Paths go to the shell as variables, for DESTDIR may hold anything. PREFIX stands in the units.
install uninstall: export PREFIX := $(PREFIX)
install uninstall: export TO := $(DESTDIR)$(PREFIX)
install uninstall: export ETC := $(DESTDIR)/etc/gold-label
define check_prefix
@[[ $$PREFIX =~ ^(/[A-Za-z0-9._+~-]+)*/?$$ ]] || { \
	echo "PREFIX = $$PREFIX: must be an absolute path of letters, digits and . _ + ~ -" >&2; exit 1; }
endef

install: build ## programs, man pages, completion, systemd units, configuration (PREFIX=/usr/local, DESTDIR)
	$(check_prefix)
	install -D -t "$$TO/bin" $(foreach p,$(PROGRAMS),$(BIN)/$(BINARY_$(p)))
	set -e; for n in 1 8; do install -D -m 644 -t "$$TO/share/man/man$$n" $(B)/share/man/man$$n/*.$$n; done
	install -D -m 644 -t "$$TO/share/bash-completion/completions" $(B)/share/bash-completion/completions/*
	install -D -m 644 deploy/systemd/sysusers.conf "$$TO/lib/sysusers.d/gold-label.conf"
	install -D -m 644 -t "$$TO/lib/systemd/system" deploy/systemd/*.service
	sed -i "s|^ExecStart=/usr/local/|ExecStart=$$PREFIX/|" "$$TO"/lib/systemd/system/gold-label-*.service
	install -d "$$ETC"
	@# What is there is the operator's. It holds passwords.
	set -e; for file in ingress.ini worker.ini; do \
		[[ -e $$ETC/$$file ]] || install -m 640 -t "$$ETC" deploy/etc/$$file; done

uninstall: ## remove what install made, but for the configuration
	$(check_prefix)
	rm -f $(addprefix "$$TO"/,lib/systemd/system/gold-label-*.service $(foreach p,$(PROGRAMS),bin/$(BINARY_$(p))) \
		share/man/man1/gold-label.1 share/man/man1/gold-label-*.1 share/man/man8/gold-label-*.8 \
		share/bash-completion/completions/gold-label lib/sysusers.d/gold-label.conf)

clean: ## remove what was made (a running system must be stopped first)
	rm -rf $(B)

.PHONY: help build run up down test check bench fuzz install uninstall clean unit valgrind faults faults-table schemathesis

# ---- how things are made ----
$(B)/.packages: deploy/dev/packages.txt deploy/dev/install-packages
	@mkdir -p $(@D)
	deploy/dev/install-packages deploy/dev/packages.txt
	@touch $@

$(B)/.packages-check: deploy/dev/packages-check.txt $(B)/.packages
	deploy/dev/install-packages deploy/dev/packages-check.txt
	@touch $@

# Man pages and completion, from the option tables of the programs.
$(B)/share/.made: $(BIN)/gold-label $(addprefix $(BIN)/,$(DAEMONS))
	@rm -rf $(@D) && mkdir -p $(@D)/man/man1 $(@D)/man/man8 $(@D)/bash-completion/completions
	@$< help --man >$(@D)/man/man1/gold-label.1
	@set -e; for verb in $$($< help --names); do $< help --man $$verb >$(@D)/man/man1/gold-label-$$verb.1; done
	@set -e; for daemon in $(DAEMONS); do $(BIN)/$$daemon --man >$(@D)/man/man8/$$daemon.8; done
	@$< help --completion bash >$(@D)/bash-completion/completions/gold-label
	@touch $@

# A text file as a C string literal.
$(EMBEDDED): $(B)/gen/%.inc: % | $(B)/.packages
	@mkdir -p $(@D)
	sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$$/\\n"/' $< >$@

$(B)/gen/avro_schemas.inc: schemas/avro/embed.py $(wildcard schemas/avro/*.avsc) | $(B)/.packages
	@mkdir -p $(@D)
	python3 schemas/avro/embed.py $(filter %.avsc,$^) >$@

define variant
$($(1)_DIR)/%.o: %.c | $$(GENERATED)
	@mkdir -p $$(@D)
	@echo "  CC      $$@"
	@$$(CC) $$(CPPFLAGS) $$(CFLAGS) $$($(1)_FLAGS) -MMD -MP -c -o $$@ $$<

$($(1)_DIR)/all.a: $$(patsubst %.c,$($(1)_DIR)/%.o,$$(filter-out %/main.c,$$(SOURCES)))
	@rm -f $$@
	@ar rcs $$@ $$^
endef
$(foreach v,plain tests $(if $(SANITIZE),chosen),$(eval $(call variant,$(v))))

define program
$(BIN)/$(BINARY_$(1)): $$($(VARIANT)_DIR)/$(1)/main.o $$($(VARIANT)_OBJECTS) $$($(VARIANT)_DIR)/all.a
	@mkdir -p $$(@D)
	@echo "  LINK    $$@"
	@$$(CC) $$($(VARIANT)_FLAGS) $$(LDFLAGS) -o $$@ $$^ $$($(VARIANT)_LIBS_$(1)) $$(LIBS)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

unit: $(addprefix $($(UNIT_VARIANT)_DIR)/bin/,$(UNIT_TESTS) $(addprefix replay_,$(FUZZERS)))

define unit_test
$($(1)_DIR)/bin/test_%: $($(1)_DIR)/tests/unit/test_%.o $($(1)_OBJECTS) $($(1)_DIR)/all.a
	@mkdir -p $$(@D)
	@echo "  LINK    $$@"
	@$$(CC) $$($(1)_FLAGS) $$(LDFLAGS) -o $$@ $$^ $$(LIBS) -lcmocka
endef
$(foreach v,plain $(UNIT_VARIANT),$(eval $(call unit_test,$(v))))

$($(UNIT_VARIANT)_DIR)/bin/replay_fuzz_%: $($(UNIT_VARIANT)_DIR)/tests/fuzz/fuzz_%.o $($(UNIT_VARIANT)_DIR)/tests/fuzz/replay.o $($(UNIT_VARIANT)_DIR)/all.a
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@$(CC) $($(UNIT_VARIANT)_FLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/bench/%: $(plain_DIR)/tests/bench/%.o $(addprefix $(plain_DIR)/tests/bench/,client.o program.o stream.o times.o) $(plain_DIR)/all.a
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@$(CC) $(plain_FLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

.SECONDARY:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
