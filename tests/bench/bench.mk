# SPDX-License-Identifier: Apache-2.0
#
# make bench [ROUNDS=3] [SECONDS=1] [ONLY=G1,G3]   the goals, as ratios to bare limits of the same run
# make bench SESSIONS=1000000                      a start with a million sessions (G14)
# make bench-peer                                  the same mock behind another gateway (needs npm)
# make bench-instructions [MODE=turn]              where the server's instructions go (needs valgrind)
#
# Nothing here can fail a build: a machine is never the same twice. Results: build/bench/.

BENCH_BIN   := $(O)/bench
BENCH_KIT   := $(O)/tests/bench/kit.o
BENCH_TOOLS := $(addprefix $(BENCH_BIN)/,load httpload mock echo lws_echo fill)
BENCH_ARGS   = --build $(O) $(if $(ROUNDS),--rounds $(ROUNDS)) \
               $(if $(filter command line environment,$(origin SECONDS)),--seconds $(SECONDS)) \
               $(if $(SESSIONS),--sessions $(SESSIONS)) $(if $(ONLY),--only $(ONLY))

$(BENCH_BIN)/load: $(O)/tests/bench/load.o $(O)/tests/bench/ws.o $(BENCH_KIT)
$(BENCH_BIN)/httpload: $(O)/tests/bench/httpload.o $(BENCH_KIT)
$(BENCH_BIN)/mock: $(O)/tests/bench/mock.o $(BENCH_KIT)
$(BENCH_BIN)/echo: $(O)/tests/bench/echo.o $(BENCH_KIT)
$(BENCH_BIN)/lws_echo: $(O)/tests/bench/lws_echo.o $(BENCH_KIT)
$(BENCH_BIN)/fill: $(O)/tests/bench/fill.o $(BENCH_KIT) $(O)/libhost.a $(O)/libpure.a
$(BENCH_TOOLS):
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

.PHONY: bench bench-peer bench-instructions bench-tools
bench-tools: all swap-modules $(BENCH_TOOLS) $(patsubst tests/bench/%.c,$(O)/tests/%,$(wildcard $(addprefix tests/bench/,journal_bench.c swap_bench.c isolate_bench.c)))
bench: bench-tools
	python3 tests/bench/bench.py $(BENCH_ARGS)
bench-peer: bench-tools
	cd tests/bench/peer && npm ci --no-audit --no-fund --loglevel=error
	python3 tests/bench/peer.py $(BENCH_ARGS)
# Frame pointers and symbols, so that each instruction has a name.
bench-instructions:
	$(MAKE) O=build/profile OPT_release="-O2 -g -fno-omit-frame-pointer" bench-tools
	python3 tests/bench/instructions.py --build build/profile $(if $(MODE),--mode $(MODE))
