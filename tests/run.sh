#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh [SUITE...]: runs the suites (all without an argument), one line each while they run, the whole
# output in build/test/SUITE.log, and closes with 'N passed, N failed' over every single test.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
mkdir -p build/test
export CMOCKA_MESSAGE_OUTPUT=TAP
passed=0 failed=0 broken=()

jobs=$(nproc)
units() { # VARIANT TEST...: builds and runs unit tests of one variant
	local variant=$1 rc=0
	shift
	make -s -j"$jobs" WERROR=1 V="$variant" all "${@/#/build/$variant/tests/}" || return 1
	for test in "$@"; do
		timeout 120 "build/$variant/tests/$test" || { rc=1; echo "# $test ended with an error"; }
	done
	return $rc
}
all_units=(tests/unit/test_*.c)
all_units=("${all_units[@]#tests/unit/}")
all_units=("${all_units[@]%.c}")

suite_build() { # both compilers, warnings fatal; only gcc's is used further
	make -s -j"$jobs" WERROR=1 all && echo "ok - gcc, no warning" || return 1
	make -s -j"$jobs" WERROR=1 CC=clang O=build/clang all && echo "ok - clang, no warning"
}
suite_unit() { units release "${all_units[@]}"; }
suite_asan() { units asan "${all_units[@]}" && make -s V=asan sim SEEDS=200; }
suite_tsan() { units tsan test_loop test_journal test_module_rack; }
suite_sim() { make -s sim SEEDS="${SEEDS:-2000}"; }
suite_crash() { make -s crash N="${CRASHES:-20}" && echo "ok - ${CRASHES:-20} kills of the writer lose nothing"; }
suite_e2e() { make -s e2e KILLS="${KILLS:-50}"; }
suite_e2e_asan() { make -s e2e-asan; }
suite_browser() { make -s browser; }
suite_tools() { make -s test-tools; }
suite_lint() { make -s lint; }
suite_fuzz() { make -s fuzz SECONDS="${SECONDS_EACH:-4}"; }
suite_docs() { tests/docs/run.sh; }

# TAP lines of our own and of cmocka stand at the left edge; node's runner counts for itself.
count() {
	local log=$1 pass fail
	pass=$(sed -n 's/^\(# \|ℹ \)pass \([0-9]*\)$/\2/p' "$log" | awk '{ s += $1 } END { if (NR) print s }')
	fail=$(sed -n 's/^\(# \|ℹ \)fail \([0-9]*\)$/\2/p' "$log" | awk '{ s += $1 } END { if (NR) print s }')
	if [ -z "$pass" ]; then
		pass=$(grep -c '^ok ' "$log")
		fail=$(grep -c '^not ok ' "$log")
	fi
	echo "${pass:-0} ${fail:-0}"
}

suites=("$@")
[ ${#suites[@]} -gt 0 ] || suites=(build unit asan tsan sim crash tools lint docs fuzz e2e e2e_asan browser)
for suite in "${suites[@]}"; do
	log=build/test/$suite.log
	begun=$SECONDS
	printf '%-10s ' "$suite"
	# A suite that hangs is a suite that failed.
	export -f units "suite_$suite"
	all_units="${all_units[*]}" jobs=$jobs timeout -k 10 "${SUITE_S:-480}" bash -c "all_units=(\$all_units); suite_$suite" >"$log" 2>&1 </dev/null
	rc=$?
	read -r p f < <(count "$log")
	[ $rc -eq 0 ] || [ "$f" -gt 0 ] || f=1
	passed=$((passed + p)) failed=$((failed + f))
	printf '%4d passed, %d failed  (%d s)\n' "$p" "$f" $((SECONDS - begun))
	[ "$f" -eq 0 ] || { broken+=("$suite"); grep -E -A8 '^ *not ok|^✖|error:|SUMMARY|ended with an error|\*\*\*' "$log" | head -60; tail -5 "$log"; }
done
[ ${#broken[@]} -eq 0 ] || echo "look into: ${broken[*]/#/build/test/}"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
