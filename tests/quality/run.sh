#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs the parts that it is given, one after the other: they measure time. Ends with 1 if one of them
# misses a goal.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
mkdir -p build/quality
failed=0
for part in "$@"; do
	name=$(basename "$part")
	if QUALITY_JSON=build/quality/$name.json timeout 900 "$part"; then
		echo "ok - quality of $name"
	else
		echo "not ok - quality of $name"
		failed=1
	fi
done
exit $failed
