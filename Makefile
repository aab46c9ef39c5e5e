# rt: build, test, install. `make help` lists the targets.
#
# Objects go to build/VARIANT/ and mirror the sources. A variant is a set of flags:
# `make` builds build/release, `make SAN=address,undefined` builds build/address-undefined.

VERSION := 0.1.0
PREFIX ?= /usr/local
DESTDIR ?=
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHCOMPDIR ?= $(PREFIX)/share/zsh/site-functions
# fish looks below /usr/local only if XDG_DATA_DIRS says so; /etc is for what administrators install.
FISHCOMPDIR ?= $(if $(filter /usr/local,$(PREFIX)),/etc/fish/completions,$(PREFIX)/share/fish/vendor_completions.d)

ifeq ($(origin CC),default)
CC := gcc
endif
PKG_CONFIG ?= pkg-config
SAN ?=
comma := ,
VARIANT := $(if $(SAN),$(subst $(comma),-,$(SAN)),release)
BUILD ?= build
OUT := $(BUILD)/$(VARIANT)

TOOLS := rt-serve rt-pub rt-sub rt-poll rt-bench
LAYERS := net store hub api
LLHTTP ?= /usr/share/llhttp
LLHTTP_INC ?= /usr/share/include/llhttp

CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wpointer-arith -Wformat=2
ifdef CI
WARN += -Werror
endif
ALL_CPPFLAGS = -D_GNU_SOURCE -DJSMN_STRICT -DJSMN_PARENT_LINKS -DLLHTTP_STRICT_MODE=1 \
	-Ilibcommon -I$(rooms) -I. -I$(LLHTTP_INC) $(CPPFLAGS)
# Whose folders `#include "ROOM/x.h"` means.
rooms := cmd/rt-serve
$(OUT)/cmd/rt-bench/%.o $(OUT)/tests/unit/rt-bench/%.o $(OUT)/tests/bench/loader/%.o: rooms := cmd/rt-bench
# The same bytes, wherever the sources lie.
ANYWHERE := '-ffile-prefix-map=$(subst ','\'',$(CURDIR))=.'
ALL_CFLAGS := -std=c11 $(CFLAGS) $(WARN) $(ANYWHERE) -pthread -fno-common -fstack-protector-strong \
	$(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer -O1)
ALL_LDFLAGS := $(LDFLAGS) -pthread $(if $(SAN),-fsanitize=$(SAN))

# Asked only when something is linked: `make demo` may have to install pkg-config first.
CURL_LIBS = $(shell $(PKG_CONFIG) --libs libcurl)
CRYPTO_LIBS = $(shell $(PKG_CONFIG) --libs libcrypto)
SQLITE_LIBS = $(shell $(PKG_CONFIG) --libs sqlite3)
SERVE_LIBS = -lev -lwslay $(SQLITE_LIBS) $(CRYPTO_LIBS) $(URING_LIBS)
CLIENT_LIBS = $(CURL_LIBS) -lev -lwslay $(CRYPTO_LIBS)
BENCH_LIBS = -lev $(CRYPTO_LIBS) -lm

# io_uring: with liburing if it is there, unless USE_URING=no; an error without it if USE_URING=yes. As
# above, asked only when something is compiled or linked.
USE_URING ?= auto
no_uring = $(if $(filter yes,$(USE_URING)),$(error USE_URING=yes, but liburing is not there))
have_uring = $(if $(filter no,$(USE_URING)),,$(if $(shell $(PKG_CONFIG) --exists liburing && echo yes),yes,$(no_uring)))
URING_LIBS = $(if $(have_uring),-luring)
URING_CPPFLAGS = $(if $(have_uring),-DHAVE_LIBURING)

# `make V=1` shows the whole command lines.
V ?=
say = $(if $(V),,@printf '  %-3s %s\n' $(1) $(patsubst $(OUT)/%,%,$@);)

objs = $(patsubst %.c,$(OUT)/%.o,$(1))
common_objs := $(call objs,$(wildcard libcommon/*.c))
layer_objs = $(call objs,$(wildcard cmd/rt-serve/$(1)/*.c))
llhttp_objs := $(addprefix $(OUT)/llhttp/,api.o http.o llhttp.o)
tool_objs = $(call objs,$(filter-out cmd/$(1)/main.c,$(wildcard cmd/$(1)/*.c) $(call rooms_of,$(1))))
# The layers of rt-serve are libraries of their own.
rooms_of = $(if $(filter-out rt-serve,$(1)),$(wildcard cmd/$(1)/*/*.c))

COMMON := $(OUT)/libcommon.a
ar_layer = $(OUT)/lib$(1).a
SERVE_ARS := $(OUT)/libserve.a $(foreach l,api hub store net,$(call ar_layer,$(l))) $(COMMON)

bins := $(addprefix $(OUT)/,$(TOOLS))

.PHONY: faults all tools tests objects demo test unit cli lint bench install uninstall clean help
all: $(addprefix bin/,$(TOOLS))
tools: $(bins)

help:
	@sed -n 's/^## *//p' Makefile

## make              build the tools; bin/ then has them
## make demo         install what is missing, build, and show the main job
## make test         install what is missing, build, and run every test
## make unit         tests of modules        make cli      tests of the tools
## make faults       tests of the promises   make lint     warnings, static checks, manuals
## make unit ONLY='store api/draft'          a room of tests/unit, a file
## make cli ONLY='publish poll'              some of the files in tests/cli, or tests/faults
## make bench        install other servers, measure rt beside them: tests/bench/RESULTS.md
## make bench QUICK=1                        rt and the floor alone, once: two minutes
## make bench LONG=1                         twice as many pairs of each: less chance in the figures
## make bench ONLY='fanout idle' REPEATS=1   some of it; tests/bench/run --list names all
## make install      to PREFIX (/usr/local), below DESTDIR if set; make uninstall
## make clean        remove build/ and bin/
##
## With any of them: SAN=address,undefined or SAN=thread (sanitizers, in a build of their own),
## CI=1 (a warning is an error), V=1 (whole command lines)

# --- libraries -------------------------------------------------------------------------------

$(COMMON): $(common_objs)
	$(call say,AR)rm -f $@; $(AR) rcs $@ $^

define layer_rule
$(call ar_layer,$(1)): $(call layer_objs,$(1)) $(if $(filter net,$(1)),$(llhttp_objs))
	$$(call say,AR)rm -f $$@; $$(AR) rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call layer_rule,$(l))))

$(OUT)/libserve.a: $(call tool_objs,rt-serve)
	$(call say,AR)rm -f $@; $(AR) rcs $@ $^

# rt-bench without main(): its tests link with it.
$(OUT)/libbench.a: $(call tool_objs,rt-bench)
	$(call say,AR)rm -f $@; $(AR) rcs $@ $^

# Debian ships llhttp as generated C; strict mode must be the same in every file that sees it.
$(OUT)/llhttp/%.o: $(LLHTTP)/%.c
	@mkdir -p $(@D)
	$(call say,CC)$(CC) -std=c11 $(CFLAGS) $(ANYWHERE) $(if $(SAN),-fsanitize=$(SAN)) \
		-DLLHTTP_STRICT_MODE=1 -I$(LLHTTP_INC) -w -c -o $@ $<

# --- programs --------------------------------------------------------------------------------

$(OUT)/rt-serve: $(OUT)/cmd/rt-serve/main.o $(SERVE_ARS)
	$(call say,LD)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(SERVE_LIBS)

tool_libs = $(if $(filter rt-bench,$(1)),$(BENCH_LIBS),$(CLIENT_LIBS))
define client_rule
$(OUT)/$(1): $(OUT)/cmd/$(1)/main.o $(call tool_objs,$(1)) $(COMMON)
	$$(call say,LD)$$(CC) $$(ALL_CFLAGS) $$(ALL_LDFLAGS) -o $$@ $$^ $$(call tool_libs,$(1))
endef
$(foreach t,$(filter-out rt-serve,$(TOOLS)),$(eval $(call client_rule,$(t))))

# bin/ always points at the variant built last, so that PATH=$PWD/bin is all a person needs.
bin/%: $(OUT)/%
	@mkdir -p bin && ln -sf $(if $(filter /%,$<),$<,../$<) $@

$(OUT)/cmd/rt-serve/net/ring.o: more_cppflags = $(URING_CPPFLAGS)
$(OUT)/libcommon/opt.o: ALL_CPPFLAGS += -DRT_VERSION='"$(VERSION)"'
$(OUT)/libcommon/opt.o: Makefile

# Nothing compiles without the packages: say so before a hundred files do.
$(LLHTTP)/%.c:
	@echo 'make: $@ is missing: scripts/deps.sh build installs what rt needs' >&2; exit 1

$(OUT)/%.o: %.c | $(LLHTTP)/llhttp.c
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(ALL_CPPFLAGS) $(more_cppflags) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# --- unit tests: tests/unit/ROOM/test_X.c, linked with that room and what is below it ---------

UNIT_libcommon := $(COMMON)
UNIT_store := $(call ar_layer,store) $(COMMON)
UNIT_hub := $(call ar_layer,hub) $(call ar_layer,store) $(COMMON)
UNIT_net := $(call ar_layer,net) $(COMMON)
# Routes are asked over a loop that is turned by hand, and a store that is held back.
UNIT_api := $(call objs,tests/unit/net/helper_net.c tests/unit/store/helper_twodomain.c) $(SERVE_ARS)
UNIT_rt-serve := $(SERVE_ARS)
UNIT_rt-sub := $(call tool_objs,rt-sub) $(COMMON)
UNIT_rt-pub := $(call tool_objs,rt-pub) $(COMMON)
UNIT_rt-poll := $(call tool_objs,rt-poll) $(COMMON)
UNIT_rt-bench := $(OUT)/libbench.a $(COMMON)
unit_rooms := libcommon store hub net api rt-serve rt-sub rt-pub rt-poll rt-bench
unit_libs = $(if $(filter rt-bench,$(1)),$(BENCH_LIBS),$(if $(filter rt-sub rt-pub rt-poll libcommon,$(1)),\
	$(CLIENT_LIBS),$(SERVE_LIBS)))
unit_srcs = $(wildcard tests/unit/$(1)/test_*.c)
unit_bins := $(foreach r,$(unit_rooms),$(patsubst %.c,$(OUT)/%,$(call unit_srcs,$(r))))

define unit_rule
$(patsubst %.c,$(OUT)/%,$(call unit_srcs,$(1))): $(OUT)/tests/unit/$(1)/test_%: \
		$(OUT)/tests/unit/$(1)/test_%.o $(call objs,$(wildcard tests/unit/$(1)/helper_*.c)) $(UNIT_$(1))
	$$(call say,LD)$$(CC) $$(ALL_CFLAGS) $$(ALL_LDFLAGS) -o $$@ $$^ $$(call unit_libs,$(1))
endef
$(foreach r,$(unit_rooms),$(eval $(call unit_rule,$(r))))

# One test by name: make unit-store-seam
unit-%:
	$(MAKE) $(OUT)/tests/unit/$(firstword $(subst -, ,$*))/test_$(lastword $(subst -, ,$*))
	$(OUT)/tests/unit/$(firstword $(subst -, ,$*))/test_$(lastword $(subst -, ,$*))

.PRECIOUS: $(OUT)/%.o

# --- helpers for tests: tests/helpers/X.c, a program each ------------------------------------

helper_bins := $(patsubst %.c,$(OUT)/%,$(wildcard tests/helpers/*.c))
$(helper_bins): $(OUT)/tests/helpers/%: $(OUT)/tests/helpers/%.o $(call ar_layer,net) $(COMMON)
	$(call say,LD)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(SERVE_LIBS)

# --- the floor, to measure others beside ------------------------------------------------------

bench_bins := $(addprefix $(OUT)/tests/bench/,floor load matching pipeline)

$(OUT)/tests/bench/floor.o: more_cppflags = $(URING_CPPFLAGS)
$(OUT)/tests/bench/floor: $(OUT)/tests/bench/floor.o
	$(call say,LD)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(CRYPTO_LIBS) $(URING_LIBS)

# Requests without end, on connections that stay full.
$(OUT)/tests/bench/pipeline: $(OUT)/tests/bench/pipeline.o
	$(call say,LD)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^

# The index of subscriptions alone.
$(OUT)/tests/bench/matching: $(OUT)/tests/bench/matching.o $(call ar_layer,hub) $(call ar_layer,store) $(COMMON)
	$(call say,LD)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(SERVE_LIBS)

# The load for it and for the servers of others: it shares what rt-bench judges by.
load_objs := $(call objs,$(wildcard tests/bench/loader/*.c))
$(OUT)/tests/bench/load: $(load_objs) $(OUT)/libbench.a $(COMMON)
	$(call say,LD)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(BENCH_LIBS)

tests: $(unit_bins) $(helper_bins) $(bench_bins)
objects: $(call objs,$(shell find libcommon cmd tests -name '*.c'))

# --- what people call -------------------------------------------------------------------------

JOBS ?= $(shell nproc)
SUBMAKE = $(MAKE) --no-print-directory -j$(JOBS)
RUN_TESTS = MAKE='$(SUBMAKE)' SAN='$(SAN)' OUT='$(OUT)' ONLY='$(ONLY)' sh scripts/test.sh

demo:
	@sh scripts/deps.sh demo
	@$(SUBMAKE) $(if $(V),,-s) all
	@RT_BIN='$(abspath $(OUT))' sh scripts/demo.sh

test:
	@sh scripts/deps.sh test
	@$(RUN_TESTS) lint unit cli faults

unit cli faults lint:
	@sh scripts/deps.sh test
	@$(RUN_TESTS) $@

# Who is not there is left out, and named.
REPEATS ?= 3
bench:
	@sh scripts/deps.sh build
	@sh scripts/deps.sh $(if $(QUICK),quick,bench)
	@$(SUBMAKE) $(if $(V),,-s) all $(bench_bins)
	@$(if $(QUICK),,sh tests/bench/peers/install.sh '$(BUILD)/bench/node' $(WITH))
	@/usr/bin/python3 tests/bench/run --out '$(OUT)' $(if $(QUICK),--quick,--rows '$(BUILD)/bench' \
		--repeats '$(REPEATS)') $(if $(LONG),--long) $(ONLY)

MAN1 := $(wildcard man/*.1)
MAN7 := $(wildcard man/*.7)
MAN8 := $(wildcard man/*.8)
# Quoted: a path may have spaces.
DEST_BIN = "$(DESTDIR)$(BINDIR)"
DEST_MAN = "$(DESTDIR)$(MANDIR)"
DEST_BASH = "$(DESTDIR)$(BASHCOMPDIR)"
DEST_ZSH = "$(DESTDIR)$(ZSHCOMPDIR)"
DEST_FISH = "$(DESTDIR)$(FISHCOMPDIR)"

install: tools
	@install -d $(DEST_BIN) $(DEST_MAN)/man1 $(DEST_MAN)/man7 $(DEST_MAN)/man8 \
		$(DEST_BASH) $(DEST_ZSH) $(DEST_FISH) && test -w $(DEST_BIN) || { echo \
		'make: cannot install there: sudo make install, or make install PREFIX=$$HOME/.local' >&2; exit 1; }
	install -m 755 $(bins) $(DEST_BIN)
	install -m 644 $(MAN1) $(DEST_MAN)/man1
	install -m 644 $(MAN7) $(DEST_MAN)/man7
	install -m 644 $(MAN8) $(DEST_MAN)/man8
	for t in $(TOOLS); do \
		install -m 644 completions/bash/$$t $(DEST_BASH) && \
		install -m 644 completions/zsh/_$$t $(DEST_ZSH) && \
		install -m 644 completions/fish/$$t.fish $(DEST_FISH) || exit 1; \
	done

uninstall:
	rm -f $(foreach t,$(TOOLS),$(DEST_BIN)/$t $(DEST_BASH)/$t $(DEST_ZSH)/_$t $(DEST_FISH)/$t.fish) \
		$(foreach n,1 7 8,$(foreach m,$(MAN$n),$(DEST_MAN)/man$n/$(notdir $m)))

clean:
	rm -rf build bin

-include $(shell find $(OUT) -name '*.d' 2>/dev/null)
