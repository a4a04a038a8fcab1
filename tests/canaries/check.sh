#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# check.sh [DIR...]: no canary of tests/lib/canaries.mjs stands in what
# suites left behind: their logs, what providers were sent and what /metrics said
# (tests/lib/seen.mjs), core files. Without arguments: build/test and core files in build.
set -euo pipefail
cd "$(dirname "$0")/../.." || exit 1

mapfile -t values < <(node --input-type=module -e '
import { CANARIES } from "./tests/lib/canaries.mjs";
for (const value of Object.values(CANARIES)) console.log(value);
')
[ "${#values[@]}" -ge 6 ] || { echo 'not ok - canaries are listed'; exit 1; }
dirs=("$@")
[ ${#dirs[@]} -gt 0 ] || dirs=(build/test)

# Whoever looks must be able to find: one is planted beside the others.
planted=$(mktemp -d "${TMPDIR:-/tmp}/baton-canary.XXXXXX")
trap 'rm -r "$planted"' EXIT
printf 'x%sx\n' "${values[0]}" >"$planted/log"
if ! grep -rqF -- "${values[0]}" "$planted"; then
	echo 'not ok - a planted canary is found'
	exit 1
fi
echo 'ok - a planted canary is found'

# What was kept of servers is there, if any was tested.
if [ $# -eq 0 ] && [ -s build/test/e2e.log ]; then
	for word in '^baton_' '"messages"'; do
		grep -rq -- "$word" build/test/seen 2>/dev/null || { echo "not ok - what servers let others see was kept: $word"; exit 1; }
	done
	echo 'ok - what servers let others see was kept'
fi

found=$(for value in "${values[@]}"; do
	grep -rlF -- "$value" "${dirs[@]}" 2>/dev/null || true
	find build -maxdepth 3 -name 'core*' -type f -size -512M -newer tests/lib/canaries.mjs -exec grep -lF -- "$value" {} + 2>/dev/null || true
done | sort -u)
if [ -n "$found" ]; then
	echo "# ${found//$'\n'/$'\n'# }"
	echo 'not ok - no canary stands in what the suites left'
	exit 1
fi
echo 'ok - no canary stands in what the suites left'
