# SPDX-License-Identifier: Apache-2.0
#
# make            build everything into build/release
# make run        install what is missing, build, start the demonstration
# make test       install what tests need, run every test
# make check      build and unit tests only
# make sim        the simulation, SEEDS=2000 runs
# make install    into DESTDIR/PREFIX (/usr/local); make uninstall takes it back
# V=asan|tsan|release picks the variant (default release)

MAKEFLAGS += -r
V       ?= release
# Fuzzers are made of the objects of V=asan, and libFuzzer is clang's.
CC      := $(if $(filter default,$(origin CC)),$(if $(filter asan,$(V)),clang,gcc),$(CC))
Q       := $(if $(VERBOSE),,@)
O       := build/$(V)
WERROR  ?=

PKGS    := libwebsockets libuv libcurl jansson jose yaml-0.1 openssl glib-2.0 libutf8proc libpcre2-8
CSTD    := -std=gnu11 -D_GNU_SOURCE -Icore/include -I.
WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes \
           -Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wcast-qual -Wcast-align \
           -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wimplicit-fallthrough -Wdouble-promotion \
           -Wunused -Werror=attributes -Werror=implicit-function-declaration \
           -Werror=incompatible-pointer-types -Werror=int-conversion
WARN    += $(if $(findstring clang,$(CC)),,-Wlogical-op -Wduplicated-cond -Wjump-misses-init -Wformat-signedness)
HARD    := -fstack-protector-strong -fstack-clash-protection -fcf-protection
OPT_release := -O2 -g -D_FORTIFY_SOURCE=3
OPT_asan    := -O1 -g1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer \
               $(if $(findstring clang,$(CC)),-D__SANITIZE_ADDRESS__=1)
OPT_tsan    := -O0 -g1 -fsanitize=thread -fno-omit-frame-pointer
CFLAGS  ?=
# The same compiler has said what it has to say about the same code in the release build, where it sees more.
ifeq ($(V),tsan)
WARN    := -w
endif
ALL_CFLAGS := $(CSTD) $(WARN) $(if $(WERROR),-Werror) $(HARD) $(OPT_$(V)) -fPIC -fvisibility=hidden -MMD -MP \
              $(shell pkg-config --cflags $(PKGS) 2>/dev/null) $(CFLAGS)
SAN     := $(filter -fsanitize=%,$(OPT_$(V)))
# A hundred tests that each carry the whole core: lld links them in a quarter of the time.
FAST_LD := $(if $(filter asan,$(V)),$(if $(shell command -v ld.lld),-fuse-ld=lld))
LDFLAGS_ALL := $(SAN) $(FAST_LD) -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed
LIBS    := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -llmdb -lpthread -ldl -lm

# --- what is built from what: folders decide, no list to keep ---------------------------------
# The pure core makes no system call (tests/lint/pure.sh holds it to that).
PURE_DIRS := core/base core/session core/route core/turn core/actor core/desk core/observe
HOST_DIRS := core/loop core/journal core/policy core/isolate core/module core/testhost core/check core/swap core/files core/server channels/chat channels/http
PURE_SRC  := $(foreach d,$(PURE_DIRS),$(wildcard $(d)/*.c)) core/policy/expr*.c core/policy/env.c \
             core/policy/facts.c core/policy/json_schema.c core/policy/mode_facts.c core/policy/drill_facts.c core/policy/nearest.c core/policy/lookup.c core/policy/hours.c core/policy/topics.c core/loop/sse.c \
             core/swap/trial.c core/swap/replay*.c
PURE_SRC  := $(wildcard $(PURE_SRC))
HOST_SRC  := $(filter-out $(PURE_SRC),$(foreach d,$(HOST_DIRS),$(wildcard $(d)/*.c)))
CLI_SRC   := $(wildcard core/cli/*.c)
MODHOST_SRC := $(wildcard core/modhost/*.c)
DEMO_SRC  := $(wildcard core/demo/*.c)
obj        = $(patsubst %.c,$(O)/%.o,$(1))

MODULES   := $(patsubst modules/%/,%,$(dir $(wildcard modules/*-*/*.c)))
MODULES   := $(sort $(MODULES))
MODULE_SO := $(patsubst %,$(O)/modules/%.so,$(MODULES))
UNIT      := $(patsubst tests/unit/%.c,$(O)/tests/%,$(wildcard tests/unit/test_*.c))
# Odd modules that the loader's tests refuse or survive, and the example of the guide.
FIXTURES  := $(patsubst %.c,$(O)/%.so,$(wildcard tests/modules/*.c))
EXAMPLES  := $(patsubst modules/sdk/%.c,$(O)/%.so,$(wildcard modules/sdk/example/*.c))
SIM       := $(if $(wildcard tests/sim/*.c),$(O)/tests/simulate)

SEEDS     ?= 2000

# Nothing is an intermediate file: make would delete objects behind the first build, the second would
# make them again, and two at once would trip over each other.
.SECONDARY:

.PHONY: all run test check sim unit clean warnings
all: $(if $(CLI_SRC),$(O)/baton) $(if $(MODHOST_SRC),$(O)/baton-modhost) $(O)/baton-demo-shop $(MODULE_SO) $(EXAMPLES) $(O)/modules/manifest \
     $(O)/libbaton-testhost.a

# Unit tests are compiled as fast as can be; what they test is not. Of what is undefined in themselves nothing
# follows; that their memory is guarded finds what the code under test does with it.
$(patsubst %.c,$(O)/%.o,$(wildcard tests/unit/*.c)): ALL_CFLAGS += -O0 -U_FORTIFY_SOURCE $(if $(filter asan,$(V)),-fno-sanitize=undefined)

# First in a recipe: the target's folder is there. Once for each, as a process for each object is felt.
in_folder = $(if $(made-$(@D)),,$(shell mkdir -p $(@D))$(eval made-$(@D) := y))

# What a small file says, without a process.
words_of = $(strip $(file <$(1)))

$(O)/libpure.a: $(call obj,$(PURE_SRC))
$(O)/libhost.a: $(call obj,$(HOST_SRC))
# What a module's author links his unit tests with: docs/CHECKER.md.
$(O)/libbaton-testhost.a: $(call obj,$(wildcard core/testhost/*.c) $(PURE_SRC))
$(O)/%.a:
	$(in_folder)@rm -f $@
	@ar rcs $@ $^

$(O)/%.o: %.c
	$(in_folder)$(if $(Q),$(info $()  cc    $<))$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

# What a compiler has to say, without code: make warnings CC=clang WERROR=1 O=build/clang. Much faster than a build.
warnings: $(patsubst %.c,$(O)/%.read,$(PURE_SRC) $(HOST_SRC) $(CLI_SRC) $(MODHOST_SRC) $(wildcard modules/*/*.c modules/sdk/*/*.c tests/unit/*.c))
$(O)/%.read: %.c
	$(in_folder)$(Q)$(CC) $(ALL_CFLAGS) -fsyntax-only -MF $(@:.read=.d) -MT $@ $< && touch $@

$(O)/baton: $(call obj,$(CLI_SRC)) $(O)/libhost.a $(O)/libpure.a
	$(Q)$(CC) $(LDFLAGS_ALL) -pie -o $@ $(call obj,$(CLI_SRC)) $(O)/libhost.a $(O)/libpure.a $(LIBS)

# A module's own process. It is small and starts fast because it has no library but the C library's own
# and jansson, which checks a configuration against its schema and which most modules bring anyway.
$(O)/baton-modhost: $(call obj,$(MODHOST_SRC)) $(O)/libhost.a $(O)/libpure.a
	$(Q)$(CC) $(LDFLAGS_ALL) -pie -Wl,--gc-sections -Wl,--as-needed -o $@ $(call obj,$(MODHOST_SRC)) $(O)/libhost.a $(O)/libpure.a -ljansson -lpthread -ldl -lm

# The order service of the demonstration and of the tests: the only user of libmicrohttpd.
$(O)/baton-demo-shop: $(call obj,$(DEMO_SRC)) $(O)/libpure.a
	$(Q)$(CC) $(LDFLAGS_ALL) -pie -o $@ $(call obj,$(DEMO_SRC)) $(O)/libpure.a -lmicrohttpd -ljansson -lpthread -lm

# A module: every .c of its folder, what its `module.parts` names (folders or files), the ABI header, and the
# libraries its `module.libs` names.
module_parts = modules/$(1)/*.c $(foreach p,$(call words_of,modules/$(1)/module.parts),$(if $(filter %.c,$(p)),$(p),$(p)/*.c))
.SECONDEXPANSION:
$(O)/modules/%.so: $$(call obj,$$(wildcard $$(call module_parts,$$*))) modules/sdk/module.map
	$(in_folder)$(Q)$(CC) $(SAN) -shared -Wl,-z,relro,-z,now,-z,noexecstack,-Bsymbolic,--exclude-libs,ALL \
		-Wl,--version-script=modules/sdk/module.map $(if $(SAN),,-Wl,-z,defs) -o $@ \
		$(filter %.o,$^) $(call words_of,modules/$*/module.libs) -lm

module_link = $(CC) $(SAN) -shared -Wl,-z,relro,-z,now,-z,noexecstack,-Bsymbolic,--exclude-libs,ALL
$(O)/tests/modules/%.so: $(O)/tests/modules/%.o modules/sdk/module.map
	$(module_link) -Wl,--version-script=$(or $(wildcard tests/modules/$*.map),modules/sdk/module.map) \
		-o $@ $< $(call words_of,tests/modules/$*.ldflags)

$(O)/example/%.so: $(O)/modules/sdk/example/%.o modules/sdk/module.map
	$(in_folder)$(module_link) -Wl,--version-script=modules/sdk/module.map -o $@ $<

$(filter $(O)/tests/test_module% $(O)/tests/test_exporter $(O)/tests/test_archives,$(UNIT)): | $(FIXTURES) $(EXAMPLES) $(if $(MODHOST_SRC),$(O)/baton-modhost) \
	$(filter %/rule-policy.so $(O)/modules/transcript-%.so,$(MODULE_SO))
$(filter %/test_module_check,$(UNIT)): | $(O)/baton
$(filter %/test_guard_pii %/test_guard_injection %/test_guard_policy,$(UNIT)): | $(filter %/guard-pii.so %/guard-injection.so %/guard-policy.so,$(MODULE_SO))
$(filter %/test_module_testhost,$(UNIT)): | $(filter %/provider-openai.so,$(MODULE_SO))
$(filter %/test_tool_http,$(UNIT)): | $(filter %/tool-http.so,$(MODULE_SO))

$(filter $(O)/tests/test_isolate%,$(UNIT)): | $(if $(MODHOST_SRC),$(O)/baton-modhost) $(FIXTURES) $(EXAMPLES) $(MODULE_SO)

$(O)/tests/test_%: $(O)/tests/unit/test_%.o $(O)/libhost.a $(O)/libpure.a
	$(in_folder)$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $< $(O)/libhost.a $(O)/libpure.a $(LIBS) $(call words_of,tests/unit/test_$*.libs) -lcmocka

$(O)/tests/%_bench: $(O)/tests/bench/%_bench.o $(O)/libhost.a $(O)/libpure.a
	$(in_folder)$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $< $(O)/libhost.a $(O)/libpure.a $(LIBS)

$(O)/tests/simulate: $(call obj,$(wildcard tests/sim/*.c)) $(O)/libpure.a
	$(in_folder)$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ -lutf8proc -lm

run:
	@.ci/install build
	@$(MAKE) -s -j$(shell nproc) all
	@$(O)/baton demo --data data

# Everything, counted at the end; T="unit sim" runs some suites only. What they print: build/test/.
test:
	@.ci/install test
	@tests/run.sh $(T)

check: all $(UNIT)
	@for test in $(UNIT); do CMOCKA_MESSAGE_OUTPUT=TAP $$test || exit 1; done

sim: $(O)/tests/simulate
	@$(O)/tests/simulate --matrix
	@$(O)/tests/simulate --seeds $(SEEDS)

$(O)/tests/journal_%: $(O)/tests/crash/journal_%.o $(O)/libhost.a $(O)/libpure.a
	$(in_folder)$(CC) $(LDFLAGS_ALL) -o $@ $< $(O)/libhost.a $(O)/libpure.a $(LIBS)

$(O)/tests/journal_bench: $(O)/tests/bench/journal_bench.o $(O)/libhost.a $(O)/libpure.a
	$(in_folder)$(CC) $(LDFLAGS_ALL) -o $@ $< $(O)/libhost.a $(O)/libpure.a $(LIBS)

# Kills the journal N times at random moments and looks what is left.
N ?= 50
.PHONY: crash
crash: $(O)/tests/journal_crash
	$< $(N)

unit: $(UNIT) $(MODULE_SO)
clean:
	rm -rf build

# Every object of a variant depends on the flags only through `make clean`; headers through .d files.
# Nothing makes them but the compiler beside an object: make would try every pattern on each of them, which was
# most of what a make took that found all built.
DEPS := $(shell find $(O) -name '*.d' 2>/dev/null)
$(DEPS): ;
-include $(DEPS)

include modules/sdk/install.mk
include tests/tests.mk
include tests/bench/bench.mk
