#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh [SUITE...]: runs the suites (all without an argument), a line for each when it is done, its
# whole output in build/test/SUITE.log, and closes with 'N passed, N failed' over every single test.
#
# What customers get is built first. Then several lanes take suites from one list, the longest ones first, as
# most tests wait: for clocks (drills, time limits of idle sockets), for browsers, for servers, for disks.
# Unit tests run several at a time.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
mkdir -p build/test
export CMOCKA_MESSAGE_OUTPUT=TAP
# The suites' own makes are not to take make test T="..." for theirs.
unset T MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL
# What tests write and throw away goes to memory where there is enough: on a disk, making and removing ten
# thousands of small files costs more than what is tested, and each sync waits for what compilers write. What
# is about the disk itself names its folder (suite_crash).
export BATON_TEST_DISK=${BATON_TEST_DISK:-${TMPDIR:-/tmp}}
memory=/dev/shm
if [ -z "${TMPDIR:-}" ] && [ "$(stat -f -c %T "$memory" 2>/dev/null)" = tmpfs ] && [ -w "$memory" ] &&
	! findmnt -no OPTIONS "$memory" | grep -qw noexec && [ "$(df -k --output=avail "$memory" | tail -n 1)" -gt 4000000 ]; then
	TMPDIR=$(mktemp -d "$memory/baton-test-XXXXXX")
	chmod 711 "$TMPDIR" # a database of a test has a user of its own
	export TMPDIR
	trap 'rm -rf "$TMPDIR"' EXIT
fi
# Several suites share the machine: what is waited for may take that much longer than alone.
export BATON_PATIENCE=2
jobs=$(nproc)
units=(tests/unit/test_*.c)
units=("${units[@]#tests/unit/}")
units=("${units[@]%.c}")
threaded=(test_loop test_journal test_module_rack test_operations test_exporter)
# Checks modules in processes of their own, which the release build does as well.
unsanitized=(test_module_check)

tests_of() { # VARIANT TEST...: their files
	local variant=$1
	shift
	echo "${@/#/build/$variant/tests/}"
}
run_test() { # FILE: in one piece, although others run beside it
	local out rc=0
	out=$(timeout 180 "$1" 2>&1) || { rc=1; out+=$'\n'"# $1 ended with an error"; }
	printf '%s\n' "$out"
	return $rc
}
export -f run_test
run_tests() { # VARIANT TEST...
	tests_of "$@" | tr ' ' '\n' | xargs -P 4 -I {} bash -c 'run_test {}'
}

# Both compilers with warnings fatal. What most suites run is gcc's release build; what only some need is built
# by a lane while others already test: clang's for bad memory, undefined behaviour and fuzzers, gcc's for races.
build_variant() { # VARIANT TARGETS TEST...
	local variant=$1 targets=$2
	shift 2
	# Lines are enough of debug information; code is the same without the rest.
	# shellcheck disable=SC2046,SC2086
	make -s -j"$jobs" WERROR=1 CFLAGS=-g1 V="$variant" $targets $(tests_of "$variant" "$@") || return 1
	echo "ok - $variant, no warning"
}
suite_build() {
	# Here, because several lanes would do it at once.
	make -s tests/node_modules/.package-lock.json || return 1
	build_variant release 'all swap-modules' "${units[@]}" simulate
}
suite_build_asan() { build_variant asan 'swap-ready swap-read' "${units[@]}" simulate; }
suite_build_tsan() { build_variant tsan swap-ready "${threaded[@]}"; }
suite_unit() { run_tests release "${units[@]}"; }
suite_asan() {
	local test kept=()
	for test in "${units[@]}"; do
		[[ " ${unsanitized[*]} " = *" $test "* ]] || kept+=("$test")
	done
	run_tests asan "${kept[@]}" && make -s V=asan sim SEEDS=60
}
suite_tsan() { run_tests tsan "${threaded[@]}"; }
suite_sim() { make -s sim SEEDS="${SEEDS:-2000}"; }
suite_crash() { TMPDIR=$BATON_TEST_DISK make -s crash N="${CRASHES:-20}" && echo "ok - ${CRASHES:-20} kills of the writer lose nothing"; }
# They mostly wait, so two files at a time.
suite_e2e() { make -s e2e KILLS="${KILLS:-20}" JOBS=2; }
suite_complaints() { make -s complaints; }
suite_scenarios() { make -s scenarios; }
suite_e2e_asan() { make -s e2e-asan; }
suite_browser() { make -s browser; }
suite_tools() { make -s test-tools; }
suite_lint() { make -s lint; }
suite_fuzz() { make -s -j"$jobs" fuzz SECONDS="${FUZZ_S:-1}"; }
suite_docs() { tests/docs/run.sh; }
suite_abi() { make -s abi; }
suite_sdk() { make -s sdk; }
# Inline here; in a process of their own the same checks take as long again: make check-modules.
suite_modules() { make -s check-modules HOW=inline; }
# Everything swapped under traffic, the rows of what breaks, modules that mean harm; in full: make swap, swap-soak.
suite_swap() {
	local rc=0
	ISOLATION=inline,process make -s swap-short || rc=1
	make -s swap-rows || rc=1
	LANES=3 NEIGHBOURS=4 CALM_MS=500 STORM_MS=1000 make -s swap-hostile || rc=1
	return $rc
}
# What is understood, without what takes long; in full: make quality.
suite_quality() { make -s quality-short; }
suite_swap_asan() { make -s V=asan swap-short; }
suite_swap_tsan() { make -s V=tsan swap-short; }
suite_cel() { make -s cel; }
# The official conformance suite and SDKs of the Model Context Protocol.
suite_mcp() { make -s mcp; }
# Claims, owners and replies race over real sockets; in full: make takeover.
suite_takeover() { make -s takeover-short; }
suite_takeover_asan() { make -s V=asan takeover-short; }

# Behind all others: nothing that customers of the tests gave away stands in what they left.
suite_canaries() { tests/canaries/check.sh; }

# TAP lines of our own and of cmocka stand at the left edge; node's runner counts for itself.
count() {
	local pass fail
	pass=$(sed -n 's/^\(# \|ℹ \)pass \([0-9]*\)$/\2/p' "$1" | awk '{ s += $1 } END { if (NR) print s }')
	fail=$(sed -n 's/^\(# \|ℹ \)fail \([0-9]*\)$/\2/p' "$1" | awk '{ s += $1 } END { if (NR) print s }')
	if [ -z "$pass" ]; then
		pass=$(grep -c '^ok ' "$1")
		# cmocka calls a test that it skips "not ok".
		fail=$(grep '^not ok ' "$1" | grep -vc '# SKIP')
	fi
	echo "${pass:-0} ${fail:-0}"
}

run_suite() {
	local suite=$1 log=build/test/$1.log rc p f took TIMEFORMAT='%0R s, %0U + %0S of a core'
	# A suite that hangs is a suite that failed.
	{ time timeout -k 10 "${SUITE_S:-900}" tests/run.sh --only "$suite" >"$log" 2>&1 </dev/null; } 2>"$log.time"
	rc=$?
	took=$(tail -n 1 "$log.time")
	read -r p f < <(count "$log")
	[ $rc -eq 0 ] || [ "$f" -gt 0 ] || f=1
	echo "$p $f $suite" >>build/test/counts
	printf '%-13s %4d passed, %d failed  (%s)\n' "$suite" "$p" "$f" "$took"
	[ "$f" -eq 0 ] || { grep -E -A8 '^ *not ok|^✖|error:|SUMMARY|ended with an error|\*\*\*' "$log" | head -80; tail -n 5 "$log"; }
}
# What no lane has begun yet; a lane takes from the front.
next_suite() {
	(
		flock 9
		head -n 1 build/test/queue
		sed -i 1d build/test/queue
	) 9>build/test/queue.lock
}
# Its own suites in order, and then from the list.
run_lane() { # SUITE...
	local suite
	for suite in "$@"; do
		run_suite "$suite"
	done
	while suite=$(next_suite) && [ -n "$suite" ]; do
		run_suite "$suite"
	done
}

if [ "${1:-}" = --only ]; then
	"suite_$2"
	exit
fi
: >build/test/counts
: >build/test/queue
if [ $# -gt 0 ]; then
	run_lane "$@"
else
	run_suite build
	if grep -q ' 0 build$' build/test/counts; then
		printf '%s\n' swap sdk lint unit abi sim complaints modules docs mcp cel tools scenarios takeover quality crash >build/test/queue
		run_lane build_asan asan e2e_asan fuzz swap_asan takeover_asan &
		run_lane build_tsan tsan swap_tsan &
		run_lane e2e &
		run_lane browser &
		wait
		run_suite canaries
	fi
fi
awk '$2 > 0 { print "look into: build/test/" $3 ".log" } { p += $1; f += $2 } END { print p " passed, " f " failed"; exit f > 0 }' build/test/counts
