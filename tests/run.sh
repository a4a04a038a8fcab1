#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh [SUITE...]: runs the suites (all without an argument), a line for each when it is done, its
# whole output in build/test/SUITE.log, and closes with 'N passed, N failed' over every single test.
#
# Everything is built first. Then four lanes run side by side, as most tests wait: for clocks (drills, time
# limits of idle sockets), for browsers, for servers, for disks. Unit tests run several at a time.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
mkdir -p build/test
export CMOCKA_MESSAGE_OUTPUT=TAP
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

# Both compilers with warnings fatal; gcc's release, address and thread builds are what is run.
suite_build() {
	local variant
	# Here, because several lanes would do it at once.
	make -s tests/node_modules/.package-lock.json || return 1
	make -s -j"$jobs" WERROR=1 CC=clang O=build/clang warnings || return 1
	echo "ok - clang, no warning"
	for variant in release asan; do
		# shellcheck disable=SC2046
		make -s -j"$jobs" WERROR=1 V=$variant all swap-modules build/$variant/tests/simulate $(tests_of $variant "${units[@]}") || return 1
		echo "ok - gcc, $variant, no warning"
	done
	# shellcheck disable=SC2046
	make -s -j"$jobs" WERROR=1 V=tsan all swap-modules $(tests_of tsan "${threaded[@]}") || return 1
	echo "ok - gcc, tsan, no warning"
}
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
suite_crash() { make -s crash N="${CRASHES:-20}" && echo "ok - ${CRASHES:-20} kills of the writer lose nothing"; }
# End-to-end files by what they wait for; what is not named here is in e2e.
waiting=(admin control crashes drills matrix modes report tickets transcripts)
suite_e2e() {
	local file name busy=()
	for file in tests/e2e/*.test.mjs; do
		name=$(basename "$file" .test.mjs)
		[[ " ${waiting[*]} " = *" $name "* ]] || busy+=("$name")
	done
	make -s e2e KILLS="${KILLS:-20}" T="${busy[*]}"
}
suite_e2e_waiting() { make -s e2e T="${waiting[*]}"; }
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
	LANES=3 CALM_MS=500 STORM_MS=1000 make -s swap-hostile || rc=1
	return $rc
}
# What is understood, without what takes long; in full: make quality.
suite_quality() { make -s quality-short; }
suite_swap_san() {
	local rc=0 variant
	for variant in asan tsan; do
		make -s V=$variant swap-short || rc=1
	done
	return $rc
}
suite_cel() { make -s cel; }
# The official conformance suite and SDKs of the Model Context Protocol.
suite_mcp() { make -s mcp; }
# Claims, owners and replies race over real sockets; in full: make takeover.
suite_takeover() {
	local rc=0
	make -s takeover-short || rc=1
	make -s V=asan takeover-short || rc=1
	return $rc
}

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
	local suite=$1 log=build/test/$1.log begun=$SECONDS rc p f
	# A suite that hangs is a suite that failed.
	timeout -k 10 "${SUITE_S:-600}" tests/run.sh --only "$suite" >"$log" 2>&1 </dev/null
	rc=$?
	read -r p f < <(count "$log")
	[ $rc -eq 0 ] || [ "$f" -gt 0 ] || f=1
	echo "$p $f $suite" >>build/test/counts
	printf '%-10s %4d passed, %d failed  (%d s)\n' "$suite" "$p" "$f" $((SECONDS - begun))
	[ "$f" -eq 0 ] || { grep -E -A8 '^ *not ok|^✖|error:|SUMMARY|ended with an error|\*\*\*' "$log" | head -80; tail -5 "$log"; }
}
run_lane() {
	local suite
	for suite in "$@"; do
		run_suite "$suite"
	done
}

if [ "${1:-}" = --only ]; then
	"suite_$2"
	exit
fi
: >build/test/counts
if [ $# -gt 0 ]; then
	run_lane "$@"
else
	run_suite build
	if grep -q ' 0 build$' build/test/counts; then
		run_lane e2e_waiting complaints takeover swap_san fuzz lint &
		run_lane browser swap mcp &
		run_lane e2e scenarios e2e_asan &
		run_lane unit quality sim crash tools modules abi sdk docs cel asan tsan
		wait
		run_suite canaries
	fi
fi
awk '$2 > 0 { print "look into: build/test/" $3 ".log" } { p += $1; f += $2 } END { print p " passed, " f " failed"; exit f > 0 }' build/test/counts
